//! Templates in a destination's Config that take values out of the event (contract, section 3.2).

use std::borrow::Cow;
use std::ops::Range;

use super::decision::Changes;
use super::draft::{Draft, Found};
use super::javascript::trim;
use super::json::{Kind, Raw};
use super::outline::{Leaf, Outline};
use super::rejection::Rejection;
use super::text::escape;
use super::topic::RoutingMembers;

/// Templates that one Config may hold.
pub const MAX_TEMPLATES: usize = 1_000;
/// Names that the path of one template may have.
pub const MAX_PATH_NAMES: usize = 128;
/// Bytes of the Config's topic settings where templates are among them: they are put together anew for each event.
pub const MAX_ROUTING_BYTES: usize = 1 << 20;

/// Parts of an event that the answer cannot do without.
const INDISPENSABLE: [&str; 3] = ["message", "metadata", "destination"];

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
struct Template {
    path: Vec<String>,
    /// The default as a JSON string.
    default: String,
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
        let outline = Outline::of(config);
        let found: Vec<(Leaf<'_>, Template)> = outline
            .leaves()
            .into_iter()
            .filter_map(|leaf| {
                let template = Template::read(leaf.raw)?;
                Some((leaf, template))
            })
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        if found.len() > MAX_TEMPLATES || found.iter().any(|(_, template)| template.path.len() > MAX_PATH_NAMES) {
            return Err(Rejection::TemplatesTooComplex);
        }
        let (leaves, templates): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let routing = RoutingText::of(config, &outline, &leaves);
        if routing.as_ref().is_some_and(|routing| routing.text.len() > MAX_ROUTING_BYTES) {
            return Err(Rejection::TemplatesTooComplex);
        }
        Ok(Some(Self { templates, routing }))
    }

    /// Fills the templates from the event, taking out of it what was found. The result is the part of the Config that
    /// chooses the topic; `None` where no template is in there.
    ///
    /// # Errors
    /// [`Rejection::TemplateTakesAll`], [`Rejection::TemplateTakesLength`].
    pub fn fill(&self, event: &mut Draft<'_>, changes: &mut Changes) -> Result<Option<String>, Rejection> {
        let mut values = Vec::with_capacity(self.templates.len());
        for template in &self.templates {
            let taken = template.take(event)?;
            if taken.is_some() {
                changes.templates_filled += 1;
            } else {
                changes.templates_defaulted += 1;
            }
            values.push(taken.unwrap_or(Cow::Borrowed(&template.default)));
        }
        Ok(self.routing.as_ref().map(|routing| routing.filled(&values)))
    }
}

/// A quick look for what a template cannot do without: two braces, one of them perhaps as `\u007b`.
fn may_have_templates(config: &str) -> bool {
    memchr::memmem::find(config.as_bytes(), b"{{").is_some()
        || memchr::memmem::find(config.as_bytes(), b"\\u007").is_some()
}

impl Template {
    /// Reads a string of the Config as a template; `None` where it is none.
    fn read(leaf: Raw<'_>) -> Option<Self> {
        let text = leaf.as_string()?.decoded();
        let inside = trim(&text).strip_prefix(b"{{")?.strip_suffix(b"}}")?;
        let bar = memchr::memmem::find(inside, b"||")?;
        let path = std::str::from_utf8(trim(&inside[..bar])).ok()?;
        let names: Vec<&str> = path.split('.').collect();
        if !names.iter().all(|name| is_identifier(name)) {
            return None;
        }
        let mut path: Vec<String> = names.into_iter().map(str::to_owned).collect();
        if path.len() > 1 && path[0] == "event" {
            "message".clone_into(&mut path[0]);
        }
        let mut default = trim(&inside[bar + 2..]).to_vec();
        default.retain(|&byte| byte != b'"');
        let mut json = String::from("\"");
        escape(trim(&default), &mut json);
        json.push('"');
        Some(Self { path, default: json })
    }

    /// The value in the event, taken out of it unless it is empty; `None` where there is none.
    fn take<'a>(&self, event: &mut Draft<'a>) -> Result<Option<Cow<'a, str>>, Rejection> {
        let top = self.path.len() == 1;
        let place = match event.find(&self.path) {
            None => return Ok(None),
            Some(Found::ArrayLength) => return Err(Rejection::TemplateTakesLength),
            Some(Found::Member(place)) => place,
        };
        let text = place.value().text();
        if text == "null" {
            return Ok(None);
        }
        if !is_empty(&text) {
            if top && INDISPENSABLE.iter().any(|name| place.name().is(name)) {
                return Err(Rejection::TemplateTakesAll);
            }
            place.remove();
        }
        Ok(Some(text))
    }
}

/// Whether JSON text is `""`, or an array or object of nothing but such (contract, section 3.2).
fn is_empty(text: &str) -> bool {
    Raw::parse(text).is_ok_and(|value| match value.kind() {
        Kind::String => value.is_string(""),
        Kind::Array | Kind::Object => Outline::of(value).is_empty(),
        _ => false,
    })
}

/// `^[A-Za-z_]\w*$`, ASCII.
fn is_identifier(name: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.as_bytes().iter().all(word)
}

impl RoutingText {
    fn of(config: Raw<'_>, outline: &Outline<'_>, leaves: &[Leaf<'_>]) -> Option<Self> {
        let mut text = String::new();
        let mut holes = Vec::new();
        let mut copy = |range: Range<usize>, text: &mut String| {
            let inside = leaves
                .iter()
                .enumerate()
                .filter(|(_, leaf)| range.start <= leaf.range.start && leaf.range.end <= range.end);
            for (template, leaf) in inside {
                let start = leaf.range.start - range.start + text.len();
                holes.push((start..start + leaf.range.len(), template));
            }
            text.push_str(&config.text()[range]);
        };
        if config.is_object() {
            for name in RoutingMembers::NAMES {
                if let Some(range) = outline.member(name) {
                    text.push_str(if text.is_empty() { "{\"" } else { ",\"" });
                    text.push_str(name);
                    text.push_str("\":");
                    copy(range, &mut text);
                }
            }
            text.push_str(if text.is_empty() { "{}" } else { "}" });
        } else {
            // A Config that is a template itself may turn into an object.
            copy(0..config.text().len(), &mut text);
        }
        holes.sort_by_key(|(range, _)| range.start);
        (!holes.is_empty()).then_some(Self { text, holes })
    }

    fn filled(&self, values: &[Cow<'_, str>]) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut copied = 0;
        for (range, template) in &self.holes {
            out.push_str(&self.text[copied..range.start]);
            out.push_str(&values[*template]);
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
        let template = Template::read(Raw::parse(&json).unwrap())?;
        Some((template.path.join("."), serde_json::from_str(&template.default).unwrap()))
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
}
