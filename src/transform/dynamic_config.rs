//! Templates in a destination's Config that take values out of the event (contract, section 3.2).

use std::borrow::Cow;
use std::ops::Range;

use super::decision::Changes;
use super::draft::{Draft, Found};
use super::javascript::trim;
use super::json::{Kind, Raw};
use super::observer::{Filled, Observer};
use super::outline::{Leaf, Outline};
use super::rejection::Rejection;
use super::text::escape;
use super::topic::RoutingMembers;
use super::work::Work;

/// Templates that one Config may hold.
pub const MAX_TEMPLATES: usize = 1_000;
/// Names that the path of one template may have.
pub const MAX_PATH_NAMES: usize = 128;
/// Bytes of a Config with templates, and of its topic settings once they are filled.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// Parts of an event that the answer cannot do without: no template may take them.
pub const INDISPENSABLE: [&str; 3] = ["message", "metadata", "destination"];

/// The templates of one Config, found once per destination.
#[derive(Debug)]
pub struct Templates {
    /// In the order in which they are filled.
    templates: Vec<Template>,
    /// Set where a template can change the topic.
    routing: Option<RoutingText>,
}

/// `{{ path || default }}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// Names with dots between them.
    path: String,
    /// The default as a JSON string.
    default: String,
    /// Whether what it gives can change the topic.
    in_routing: bool,
    /// Where it stands in the text of the Config.
    start: usize,
}

/// What a string lacks to be a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTemplate {
    /// It does not begin with `{{` and end with `}}`, or is no string.
    Braces,
    /// There is no `||` between the braces.
    Bars,
    /// What stands before `||` is no path.
    Path,
}

/// The members of a Config that choose the topic, with holes for what the templates give.
#[derive(Debug)]
struct RoutingText {
    text: String,
    /// Where which template's value goes, ascending.
    holes: Vec<(Range<usize>, usize)>,
}

impl Templates {
    /// Finds the templates of a Config; `None` where it has none.
    ///
    /// # Errors
    /// [`Rejection::TemplatesTooComplex`].
    pub fn find(config: Raw<'_>) -> Result<Option<Self>, Rejection> {
        if !may_have_templates(config.text()) {
            return Ok(None);
        }
        if config.text().len() > MAX_CONFIG_BYTES {
            return Err(Rejection::TemplatesTooComplex);
        }
        let outline = Outline::of(config);
        let read = |leaf: Leaf<'_>| {
            let template = Template { start: leaf.range.start, ..Template::read(leaf.raw).ok()? };
            Some((leaf.range, template))
        };
        let (holes, mut templates): (Vec<_>, Vec<Template>) = outline.leaves().into_iter().filter_map(read).unzip();
        if templates.is_empty() {
            return Ok(None);
        }
        let too_long = |template: &Template| template.path.split('.').count() > MAX_PATH_NAMES;
        if templates.len() > MAX_TEMPLATES || templates.iter().any(too_long) {
            return Err(Rejection::TemplatesTooComplex);
        }
        let routing = RoutingText::of(config, &outline, &holes);
        for (_, template) in routing.iter().flat_map(|routing| &routing.holes) {
            templates[*template].in_routing = true;
        }
        Ok(Some(Self { templates, routing }))
    }

    /// Fills the templates from the event, taking out of it what was found. The result holds the members of the Config
    /// that choose the topic and have templates in them, or all of them; `None` where no template is in there.
    ///
    /// # Errors
    /// [`Rejection::TemplateTakesAll`], [`Rejection::TemplateTakesLength`], [`Rejection::TemplatesTooComplex`].
    pub fn fill(
        &self,
        event: &mut Draft<'_>,
        work: &mut Work,
        changes: &mut Changes,
        observer: &mut impl Observer,
    ) -> Result<Option<String>, Rejection> {
        let mut bytes = self.routing.as_ref().map_or(0, |routing| routing.text.len());
        let mut values = Vec::new();
        for (index, template) in self.templates.iter().enumerate() {
            let taken = match template.take(event, work) {
                Ok(taken) => taken,
                Err(rejection) => {
                    observer.template(index, Filled::Refused);
                    return Err(rejection);
                }
            };
            if let Some(Taken { value, removed }) = &taken {
                observer.template(index, Filled::Found { value, removed: *removed });
                changes.templates_filled += 1;
            } else {
                observer.template(index, Filled::Default);
                changes.templates_defaulted += 1;
            }
            // Only what is needed is kept: a value may be large, and many templates may find it.
            if template.in_routing {
                let value = taken.map_or(Cow::Borrowed(&*template.default), |taken| taken.value);
                bytes += value.len();
                values.push((index, value));
            }
            if bytes > MAX_CONFIG_BYTES || work.is_too_much() {
                return Err(Rejection::TemplatesTooComplex);
            }
        }
        work.done += bytes as u64;
        Ok(self.routing.as_ref().map(|routing| routing.filled(&values)))
    }

    /// The templates for people, in the order in which they are filled; `config` is the one that they were found in.
    #[must_use]
    pub fn describe(&self, config: Raw<'_>) -> Vec<Description<'_>> {
        let starts: Vec<usize> = self.templates.iter().map(|template| template.start).collect();
        let pointers = Outline::of(config).pointers(&starts);
        let described = |(template, pointer)| {
            let Template { path, default, .. }: &Template = template;
            Description { pointer, path, default }
        };
        self.templates.iter().zip(pointers).map(described).collect()
    }
}

/// A template for people.
#[derive(Debug, PartialEq, Eq)]
pub struct Description<'t> {
    /// Where it stands in the Config: a JSON pointer, see [`Outline::pointers`].
    pub pointer: String,
    /// Names with dots between them; the first one is a member of the event.
    pub path: &'t str,
    /// The default as a JSON string.
    pub default: &'t str,
}

/// A value that a template found.
struct Taken<'a> {
    value: Cow<'a, str>,
    /// Whether it is not in the event any more.
    removed: bool,
}

/// A quick look for what a template cannot do without: two braces, one of them perhaps as `\u007b`.
fn may_have_templates(config: &str) -> bool {
    memchr::memmem::find(config.as_bytes(), b"{{").is_some()
        || memchr::memmem::find(config.as_bytes(), b"\\u007").is_some()
}

impl Template {
    /// Reads a string of the Config as a template.
    ///
    /// # Errors
    /// Why it is none: it stays as it is then.
    pub fn read(leaf: Raw<'_>) -> Result<Self, NoTemplate> {
        let text = leaf.as_string().ok_or(NoTemplate::Braces)?.decoded();
        let inside = trim(&text).strip_prefix(b"{{").and_then(|rest| rest.strip_suffix(b"}}"));
        let inside = inside.ok_or(NoTemplate::Braces)?;
        let bar = memchr::memmem::find(inside, b"||").ok_or(NoTemplate::Bars)?;
        let path = std::str::from_utf8(trim(&inside[..bar])).map_err(|_| NoTemplate::Path)?;
        if !path.split('.').all(is_identifier) {
            return Err(NoTemplate::Path);
        }
        // A first name `event` with more behind it is the message.
        let path = match path.strip_prefix("event.") {
            Some(rest) => format!("message.{rest}"),
            None => path.to_owned(),
        };
        let mut default = trim(&inside[bar + 2..]).to_vec();
        default.retain(|&byte| byte != b'"');
        let mut json = String::from("\"");
        escape(trim(&default), &mut json);
        json.push('"');
        Ok(Self { path, default: json, in_routing: false, start: 0 })
    }

    /// Names with dots between them, from the event on: `event.` is `message.` here.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it gives where the event has nothing at the path: a JSON string.
    #[must_use]
    pub fn default(&self) -> &str {
        &self.default
    }

    /// The value in the event, taken out of it unless it is empty; `None` where there is none.
    fn take<'a>(&self, event: &mut Draft<'a>, work: &mut Work) -> Result<Option<Taken<'a>>, Rejection> {
        let place = match event.find(&self.path, &mut work.done) {
            Found::Nothing => return Ok(None),
            Found::ArrayLength => return Err(Rejection::TemplateTakesLength),
            Found::TooWide => return Err(Rejection::TemplatesTooComplex),
            Found::Member(place) => place,
        };
        let text = place.value().text();
        // Whether it is empty is dearer to tell than to copy.
        work.done += 8 * text.len() as u64;
        if text == "null" {
            return Ok(None);
        }
        let removed = !is_empty(&text);
        if removed {
            if INDISPENSABLE.contains(&self.path.as_str()) {
                return Err(Rejection::TemplateTakesAll);
            }
            place.remove();
        }
        Ok(Some(Taken { value: text, removed }))
    }
}

/// Whether JSON text is `""`, or an array or object of nothing but such (contract, section 3.2).
fn is_empty(text: &str) -> bool {
    Raw::parse(text).is_ok_and(|value| match value.kind() {
        Kind::String => value.is_string(""),
        // Looking into larger ones would take many times their size in memory, and they are not empty in earnest.
        Kind::Array | Kind::Object => text.len() <= MAX_CONFIG_BYTES && Outline::of(value).is_empty(),
        _ => false,
    })
}

/// `^[A-Za-z_]\w*$`, ASCII.
fn is_identifier(name: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.as_bytes().iter().all(word)
}

impl RoutingText {
    /// The text for the templates that stand at `holes` in `config`.
    fn of(config: Raw<'_>, outline: &Outline<'_>, holes: &[Range<usize>]) -> Option<Self> {
        let mut routing = RoutingText { text: String::new(), holes: Vec::new() };
        if !config.is_object() {
            // A Config that is a template itself may turn into an object.
            routing.copy(config, 0..config.text().len(), holes);
        } else {
            let members = RoutingMembers::NAMES.map(|name| (name, outline.member(name)));
            let has_hole = |range: &Range<usize>| holes.iter().any(|hole| range.contains(&hole.start));
            let [topic, maps @ ..] = &members;
            let in_maps = maps.iter().any(|(_, range)| range.as_ref().is_some_and(has_hole));
            // Maps without a template are read once per destination, not once per event.
            let needed = if in_maps { &members[..] } else { std::slice::from_ref(topic) };
            for (name, range) in needed {
                let Some(range) = range else { continue };
                routing.text.push_str(if routing.text.is_empty() { "{\"" } else { ",\"" });
                routing.text.push_str(name);
                routing.text.push_str("\":");
                routing.copy(config, range.clone(), holes);
            }
            routing.text.push('}');
        }
        routing.holes.sort_by_key(|(range, _)| range.start);
        (!routing.holes.is_empty()).then_some(routing)
    }

    /// Appends a part of the Config and notes the holes in it.
    fn copy(&mut self, config: Raw<'_>, range: Range<usize>, holes: &[Range<usize>]) {
        for (template, hole) in holes.iter().enumerate().filter(|(_, hole)| range.contains(&hole.start)) {
            let start = hole.start - range.start + self.text.len();
            self.holes.push((start..start + hole.len(), template));
        }
        self.text.push_str(&config.text()[range]);
    }

    /// The text with its holes filled; `values` has one for each, by template.
    fn filled(&self, values: &[(usize, Cow<'_, str>)]) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut copied = 0;
        for (range, template) in &self.holes {
            out.push_str(&self.text[copied..range.start]);
            if let Ok(at) = values.binary_search_by_key(template, |(index, _)| *index) {
                out.push_str(&values[at].1);
            }
            copied = range.end;
        }
        out.push_str(&self.text[copied..]);
        out
    }
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
    fn everything_else_stays_as_it_is() {
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
    fn what_a_template_lacks_is_told() {
        for (json, lack) in [
            (r#""{{ a }}""#, NoTemplate::Bars),
            (r#""{{ 0a || x }}""#, NoTemplate::Path),
            (r#""x {{ a || x }}""#, NoTemplate::Braces),
            (r#""{{ \ud800 || x }}""#, NoTemplate::Path),
            ("7", NoTemplate::Braces),
        ] {
            assert_eq!(Template::read(Raw::parse(json).unwrap()), Err(lack), "{json}");
        }
    }
}
