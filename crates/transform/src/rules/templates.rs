//! Finds the templates in a destination's Config (docs/contract.md#dynamic-configuration).

use std::borrow::Cow;

use crate::flat_tree::FlatTree;
use crate::meter::Usage;
use crate::rejection::Rejection;
use crate::rules::config_value::{Hole, Holes};
use crate::rules::path_tree::PathTree;
use crate::rules::topic_setting::RoutingMembers;
use json::javascript::trim;
use json::raw::Raw;
use json::text::escape;

/// The maximum number of templates in a Config.
pub const MAX_TEMPLATES: usize = 1_000;
/// The maximum number of names in the path of a template.
pub const MAX_PATH_NAMES: usize = 128;
/// The maximum size of a Config with templates, and of its filled topic settings, in bytes.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// The parts of an event that the response needs. Templates cannot remove them.
pub const INDISPENSABLE: [&str; 3] = ["message", "metadata", "destination"];

/// The templates of one Config, found once per destination.
#[derive(Debug)]
pub struct Templates {
    /// The templates, in the order in which they are filled.
    pub(crate) templates: Vec<Template>,
    /// The positions of the templates in the Config.
    holes: Holes,
    /// The size of the topic settings, in bytes, if they contain a template; 0 otherwise.
    pub(crate) routing_bytes: usize,
    /// Whether the Config itself is a template.
    is_config: bool,
    /// For each of [`ROOTS`], whether any path starts with it.
    roots: [bool; ROOTS.len()],
    /// The tree of all paths.
    paths: PathTree,
    /// The number of templates in each slot of the tree that can change the topic.
    in_routing: Vec<usize>,
}

/// The parts that templates can address even if the event itself does not contain them.
pub(crate) const ROOTS: [&str; 3] = ["destination", "connection", "request"];

/// A template: `{{ path || default }}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// The path, with dots between names.
    pub(crate) path: String,
    /// The default as a JSON string.
    pub(crate) default: String,
    /// Whether the value can change the topic.
    pub(crate) in_routing: bool,
    /// The slot of the path in the tree of all paths, if the tree contains the path.
    pub(crate) slot: Option<usize>,
    /// The position of the template in the text of the Config.
    pub(crate) start: usize,
}

/// Why a string is not a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTemplate {
    /// The value is not a string, or is not enclosed in `{{` and `}}`.
    Braces,
    /// `||` is missing between the braces.
    Bars,
    /// The text before `||` is not a path.
    Path,
}

impl Templates {
    /// Finds the templates of a Config; `None` if there are none.
    ///
    /// # Errors
    /// [`Rejection::TemplatesTooComplex`].
    pub fn find(config: Raw<'_>) -> Result<Option<Self>, Rejection> {
        Self::find_within(config, &Usage::unlimited())
    }

    /// Like [`Templates::find`], but charges memory before it is allocated.
    ///
    /// # Errors
    /// [`Rejection::TemplatesTooComplex`], even if the meter halted the request, see [`Usage::halted`].
    pub fn find_within(config: Raw<'_>, usage: &Usage<'_>) -> Result<Option<Self>, Rejection> {
        if !may_have_templates(config.text()) {
            return Ok(None);
        }
        if config.text().len() > MAX_CONFIG_BYTES {
            return Err(Rejection::TemplatesTooComplex);
        }
        let offsets = possible_templates(config.text());
        usage.scratch(2 * offsets.len() * size_of::<usize>()).map_err(|_| Rejection::TemplatesTooComplex)?;
        let tree = FlatTree::around(config, &offsets, usage).map_err(|_| Rejection::TemplatesTooComplex)?;
        let mut templates = Vec::new();
        let mut holes = Vec::new();
        for leaf in tree.leaves() {
            let Ok(template) = Template::read(leaf.raw) else { continue };
            if templates.len() == MAX_TEMPLATES || names(&template.path) > MAX_PATH_NAMES {
                return Err(Rejection::TemplatesTooComplex);
            }
            usage.keep(template.memory()).map_err(|_| Rejection::TemplatesTooComplex)?;
            holes.push(Hole { start: leaf.range.start, end: leaf.range.end, template: templates.len() });
            templates.push(Template { start: leaf.range.start, ..template });
        }
        if templates.is_empty() {
            return Ok(None);
        }
        let holes = Holes::of(config, holes);
        let is_addressed = |root: &str| {
            let rest = |template: &Template| template.path.strip_prefix(root).map(|rest| rest.bytes().next());
            templates.iter().any(|template| matches!(rest(template), Some(None | Some(b'.'))))
        };
        let roots = ROOTS.map(is_addressed);
        let names = templates.iter().map(|template| names(&template.path)).sum();
        usage.keep(PathTree::max_bytes(names, templates.len())).map_err(|_| Rejection::TemplatesTooComplex)?;
        let paths = PathTree::of(templates.iter().map(|template| &*template.path));
        let is_config = !config.is_object();
        let mut found = Self { templates, holes, routing_bytes: 0, is_config, roots, paths, in_routing: Vec::new() };
        found.mark_routing(config);
        found.assign_slots();
        Ok(Some(found))
    }

    /// Marks the templates that can change the topic.
    fn mark_routing(&mut self, config: Raw<'_>) {
        if self.is_config {
            // The filled Config may be an object with topic settings.
            self.routing_bytes = config.text().len();
            self.templates.iter_mut().for_each(|template| template.in_routing = true);
            return;
        }
        let [topic, maps @ ..] = RoutingMembers::of(config).0;
        let holes = &self.holes;
        let has_hole = |value: &Option<Raw<'_>>| value.is_some_and(|value| !holes.within(value).is_empty());
        let in_maps = maps.iter().any(has_hole);
        if !in_maps && !has_hole(&topic) {
            return;
        }
        let fields = RoutingMembers::NAMES.into_iter().zip([topic].into_iter().chain(maps));
        // Maps without a template are not filled.
        for (name, value) in fields.take(if in_maps { usize::MAX } else { 1 }) {
            let Some(value) = value else { continue };
            self.routing_bytes += "{\"\":".len() + name.len() + value.text().len();
            for hole in holes.within(value) {
                self.templates[hole.template].in_routing = true;
            }
        }
        self.routing_bytes += "}".len();
    }

    /// Sets the slot of each template in the tree.
    fn assign_slots(&mut self) {
        for (slot, templates) in self.paths.slots() {
            templates.iter().for_each(|&index| self.templates[index].slot = Some(slot));
            self.in_routing.push(templates.iter().filter(|&&index| self.templates[index].in_routing).count());
        }
    }

    /// The number of templates in a slot that can change the topic.
    pub(crate) fn slot_in_routing(&self, slot: usize) -> usize {
        self.in_routing[slot]
    }

    /// The positions of the templates in the Config.
    #[must_use]
    pub fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Whether the Config itself is a template, so that all settings come from the event.
    #[must_use]
    pub fn is_config(&self) -> bool {
        self.is_config
    }

    /// For each of [`ROOTS`] (destination, connection, request), whether any path starts with it.
    #[must_use]
    pub(crate) fn roots(&self) -> [bool; ROOTS.len()] {
        self.roots
    }

    /// The tree of all paths.
    #[must_use]
    pub(crate) fn paths(&self) -> &PathTree {
        &self.paths
    }

    /// Describes the templates of `config` for explanations, in the order in which they are filled.
    #[must_use]
    pub fn describe(&self, config: Raw<'_>) -> Vec<Description<'_>> {
        let starts: Vec<usize> = self.templates.iter().map(|template| template.start).collect();
        let pointers = FlatTree::of(config).pointers(&starts);
        let described = |(template, pointer)| {
            let Template { path, default, .. }: &Template = template;
            Description { pointer, path, default }
        };
        self.templates.iter().zip(pointers).map(described).collect()
    }
}

/// The description of a template for explanations.
#[derive(Debug, PartialEq, Eq)]
pub struct Description<'t> {
    /// The location in the Config, as a JSON pointer (see [`FlatTree::pointers`]).
    pub pointer: String,
    /// The path, with dots between names. The first name is a field of the event.
    pub path: &'t str,
    /// The default as a JSON string.
    pub default: &'t str,
}

/// The prefix of a template: two braces, which may be escaped as `\u007b`.
const STARTS: [&[u8]; 2] = [b"{{", b"\\u007"];

/// Returns whether a Config may have templates.
fn may_have_templates(config: &str) -> bool {
    STARTS.iter().any(|start| memchr::memmem::find(config.as_bytes(), start).is_some())
}

/// Returns the offsets in the text of a Config that may belong to templates, ascending.
fn possible_templates(config: &str) -> Vec<usize> {
    let all = STARTS.iter().flat_map(|start| memchr::memmem::find_iter(config.as_bytes(), start));
    let mut offsets: Vec<usize> = all.collect();
    offsets.sort_unstable();
    offsets
}

impl Template {
    /// Reads a string of the Config as a template.
    ///
    /// # Errors
    /// Returns the reason why the string is not a template. Such a string is used verbatim.
    pub fn read(leaf: Raw<'_>) -> Result<Self, NoTemplate> {
        let text = leaf.as_string().ok_or(NoTemplate::Braces)?.decoded();
        let inside = trim(&text).strip_prefix(b"{{").and_then(|rest| rest.strip_suffix(b"}}"));
        let inside = inside.ok_or(NoTemplate::Braces)?;
        let bar = memchr::memmem::find(inside, b"||").ok_or(NoTemplate::Bars)?;
        let path = trim(&inside[..bar]);
        if !is_path(path) {
            return Err(NoTemplate::Path);
        }
        let path = std::str::from_utf8(path).map_err(|_| NoTemplate::Path)?;
        // In a path, `event.` addresses the message.
        let path = match path.strip_prefix("event.") {
            Some(rest) => format!("message.{rest}"),
            None => path.to_owned(),
        };
        let mut default = Cow::Borrowed(trim(&inside[bar + 2..]));
        if memchr::memchr(b'"', &default).is_some() {
            default.to_mut().retain(|&byte| byte != b'"');
        }
        let default = trim(&default);
        let mut json = String::with_capacity(default.len() + 2);
        json.push('"');
        escape(default, &mut json);
        json.push('"');
        Ok(Self { path, default: json, in_routing: false, slot: None, start: 0 })
    }

    /// The path, with dots between names. A prefix `event.` is stored as `message.`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The default, as a JSON string. It is used if the event has no value at the path.
    #[must_use]
    pub fn default(&self) -> &str {
        &self.default
    }

    /// The memory of the template in bytes, including the allocations of its strings.
    fn memory(&self) -> usize {
        2 * size_of::<(Self, Hole)>() + self.path.capacity() + self.default.capacity() + 64
    }
}

/// Returns whether `path` matches `^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`, where `\w` is ASCII only.
fn is_path(path: &[u8]) -> bool {
    let mut starts_name = true;
    for byte in path {
        match byte {
            b'.' if starts_name => return false,
            b'.' => starts_name = true,
            b'0'..=b'9' if starts_name => return false,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => starts_name = false,
            _ => return false,
        }
    }
    !starts_name
}

/// The number of names in a path.
fn names(path: &str) -> usize {
    1 + path.bytes().filter(|byte| *byte == b'.').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Option<(String, String)> {
        let json = serde_json::to_string(text).unwrap();
        let template = Template::read(Raw::parse(&json).unwrap()).ok()?;
        Some((template.path().to_owned(), serde_json::from_str(template.default()).unwrap()))
    }

    #[test]
    fn a_template_is_a_path_and_a_default() {
        for (text, path, default) in [
            ("{{ event.a.b || x }}", "message.a.b", "x"),
            ("{{event.a||x}}", "message.a", "x"),
            ("\u{a0}\u{feff}{{ a._1 || x || y }}\u{2003}", "a._1", "x || y"),
            ("{{ a || \" q\"u\" \" }}", "a", "qu"),
            ("{{ a || 'x' }}", "a", "'x'"),
            ("{{ a || }}", "a", ""),
            ("{{ event || x }}", "event", "x"),
            ("{{ eventual.a || x }}", "eventual.a", "x"),
            ("{{ a || b }} {{ c || d }}", "a", "b }} {{ c || d"),
            ("{{ a\n||\nb\nc }}", "a", "b\nc"),
        ] {
            assert_eq!(template(text), Some((path.to_owned(), default.to_owned())), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_templates() {
        for text in [
            "{{ a }}",
            "{{ || x }}",
            "{{ 0a || x }}",
            "{{ a.0b || x }}",
            "{{ a b || x }}",
            "x {{ a || x }}",
            "{{ a || x }} y",
            "{ a || x }",
            "{{}}",
            "{{",
            "{{ ä || x }}",
            "{{ a. || x }}",
            "{{ a-b || x }}",
            "{{}",
        ] {
            assert_eq!(template(text), None, "{text}");
        }
    }

    #[test]
    fn the_reason_is_reported() {
        for (json, reason) in [
            (r#""{{ a }}""#, NoTemplate::Bars),
            (r#""{{ 0a || x }}""#, NoTemplate::Path),
            (r#""x {{ a || x }}""#, NoTemplate::Braces),
            (r#""{{ \ud800 || x }}""#, NoTemplate::Path),
            ("7", NoTemplate::Braces),
        ] {
            assert_eq!(Template::read(Raw::parse(json).unwrap()), Err(reason), "{json}");
        }
    }
}
