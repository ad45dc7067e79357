//! Finds the templates in a destination's Config (docs/contract.md#dynamic-configuration).

use crate::flat_tree::FlatTree;
use crate::meter::Usage;
use crate::rejection::Rejection;
use crate::rules::config_value::{Hole, Holes};
use crate::rules::path_tree::{PathTree, SHARED_ROOTS, starts_with};
use crate::rules::template::Template;
use crate::rules::topic_setting::RoutingMembers;
use json::raw::Raw;

/// The maximum number of templates in a Config.
pub const MAX_TEMPLATES: usize = 1_000;
/// The maximum number of names in the path of a template.
pub const MAX_PATH_NAMES: usize = 128;
/// The maximum size, in bytes, of a Config with templates. The same limit applies to the topic settings of the Config
/// after their templates have been filled.
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
    /// For each of [`SHARED_ROOTS`], whether the path of any template starts with it.
    roots: [bool; SHARED_ROOTS.len()],
    /// The tree of all paths.
    paths: PathTree,
    /// For each slot of the tree, the number of its templates that can change the topic.
    in_routing: Vec<usize>,
}

impl Templates {
    /// Finds the templates of a Config. Returns `None` if the Config contains no templates.
    ///
    /// # Errors
    /// [`Rejection::TemplatesTooComplex`] if the templates exceed a limit.
    pub fn find(config: Raw<'_>) -> Result<Option<Self>, Rejection> {
        Self::find_within(config, &Usage::unlimited())
    }

    /// Like [`Templates::find`], but charges memory to `usage` before it is allocated.
    ///
    /// # Errors
    /// [`Rejection::TemplatesTooComplex`] if the templates exceed a limit, or if the meter halts the request (see
    /// [`Usage::halted`]).
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
            let Ok(mut template) = Template::read(leaf.raw) else { continue };
            if templates.len() == MAX_TEMPLATES || template.names() > MAX_PATH_NAMES {
                return Err(Rejection::TemplatesTooComplex);
            }
            usage.keep(memory(&template)).map_err(|_| Rejection::TemplatesTooComplex)?;
            holes.push(Hole { start: leaf.range.start, end: leaf.range.end, template: templates.len() });
            template.start = leaf.range.start;
            templates.push(template);
        }
        if templates.is_empty() {
            return Ok(None);
        }
        let holes = Holes::of(config, holes);
        let paths = || templates.iter().map(Template::path);
        let roots = SHARED_ROOTS.map(|root| paths().any(|path| starts_with(path, root)));
        let names = templates.iter().map(Template::names).sum();
        let tree_bytes = PathTree::max_bytes(templates.len(), names, paths().map(str::len).sum());
        usage.keep(tree_bytes).map_err(|_| Rejection::TemplatesTooComplex)?;
        let paths = PathTree::of(paths());
        let is_config = !config.is_object();
        let mut found = Self { templates, holes, routing_bytes: 0, is_config, roots, paths, in_routing: Vec::new() };
        found.mark_routing(config);
        found.assign_slots();
        Ok(Some(found))
    }

    /// Marks the templates that can change the topic, and computes the size of the topic settings.
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
        // If only `topic` contains a template, the other fields are not filled, so they do not count.
        for (name, value) in fields.take(if in_maps { usize::MAX } else { 1 }) {
            let Some(value) = value else { continue };
            self.routing_bytes += "{\"\":".len() + name.len() + value.text().len();
            for hole in holes.within(value) {
                self.templates[hole.template].in_routing = true;
            }
        }
        self.routing_bytes += "}".len();
    }

    /// Sets the slot of each template in the tree. For each slot, counts the templates that can change the topic.
    fn assign_slots(&mut self) {
        for (slot, templates) in self.paths.slots() {
            templates.iter().for_each(|&index| self.templates[index].slot = Some(slot));
            self.in_routing.push(templates.iter().filter(|&&index| self.templates[index].in_routing).count());
        }
    }

    /// The number of a slot's templates that can change the topic.
    pub(crate) fn slot_in_routing(&self, slot: usize) -> usize {
        self.in_routing[slot]
    }

    /// The positions of the templates in the Config.
    #[must_use]
    pub fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Whether the Config itself is a template. If so, all settings come from the value of the template.
    #[must_use]
    pub fn is_config(&self) -> bool {
        self.is_config
    }

    /// For each of [`SHARED_ROOTS`] (destination, connection, request), whether the path of any template starts with
    /// it.
    #[must_use]
    pub(crate) fn roots(&self) -> [bool; SHARED_ROOTS.len()] {
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
        let describe = |(template, pointer)| {
            let template: &Template = template;
            Description { pointer, path: template.path(), default: template.default() }
        };
        self.templates.iter().zip(pointers).map(describe).collect()
    }
}

/// The description of a template for explanations.
#[derive(Debug, PartialEq, Eq)]
pub struct Description<'t> {
    /// The location of the template in the Config, as a JSON pointer (see [`FlatTree::pointers`]).
    pub pointer: String,
    /// The path, with dots between names. The first name is a field of the event.
    pub path: &'t str,
    /// The default as a JSON string.
    pub default: &'t str,
}

/// The text of every template contains one of these: two braces, or the start of `\u007b`, which is an escaped brace.
const STARTS: [&[u8]; 2] = [b"{{", b"\\u007"];

/// Returns whether a Config may have templates.
fn may_have_templates(config: &str) -> bool {
    STARTS.iter().any(|start| memchr::memmem::find(config.as_bytes(), start).is_some())
}

/// Returns the offsets of all occurrences of [`STARTS`] in the text of a Config, ascending.
fn possible_templates(config: &str) -> Vec<usize> {
    let all = STARTS.iter().flat_map(|start| memchr::memmem::find_iter(config.as_bytes(), start));
    let mut offsets: Vec<usize> = all.collect();
    offsets.sort_unstable();
    offsets
}

/// The memory of a template, in bytes, including the position and the text of the template.
fn memory(template: &Template) -> usize {
    2 * size_of::<(Template, Hole)>() + template.text_bytes() + 32
}
