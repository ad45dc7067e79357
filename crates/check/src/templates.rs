//! Checks the templates in a Config (docs/contract.md#dynamic-configuration). Reports templates that are invalid, have
//! no effect, or are harmful.

use std::collections::{HashMap, HashSet};

use super::code::Code;
use super::config::{Config, text_of};
use super::finding::{Findings, quoted, step};
use destinations::known::{Known, Role};
use json::raw::{Kind, Raw};
use transform::flat_tree::FlatTree;
use transform::rules::template::{NoTemplate, Template};
use transform::rules::templates::{INDISPENSABLE, Templates};

/// The maximum nesting depth of a template that is reported with its own location. A deeper template is reported at the
/// location of the Config.
const MAX_DEPTH: usize = 64;

/// The maximum length of a field name in a reported pointer, in bytes. Longer names are left out of the pointer.
const MAX_STEP: usize = 200;

/// The names with which a template's path may begin (docs/contract.md#template-roots).
const ROOTS: [&str; 6] = ["message", "metadata", "destination", "connection", "libraries", "credentials"];

/// The only part of `request` that a template's path may refer to.
const QUERY: &str = "request.query";

/// The location of a value in the Config.
struct Place {
    pointer: String,
    /// The top-level field of the Config that contains the value. `None` if the name of the field is unknown.
    known: Option<&'static Known>,
}

/// Reports problems with the templates of a Config. `dynamic` is true if the transformation replaces templates with
/// values.
pub fn check(config: &Config<'_>, dynamic: bool, findings: &mut Findings) {
    let text = config.raw.text();
    if !text.contains("{{") && !text.contains("\\u007") {
        return;
    }
    if dynamic && Templates::find(config.raw).is_err() {
        findings.note(Code::TemplateTooComplex, config.pointer);
        return;
    }
    let places = places(config);
    let mut paths = HashSet::new();
    // `leaves` returns the values in the order in which the transformation replaces templates.
    for leaf in FlatTree::of(config.raw).leaves() {
        let nowhere = Place { pointer: config.pointer.to_owned(), known: None };
        let place = places.get(&leaf.range.start).unwrap_or(&nowhere);
        match Template::read(leaf.raw) {
            Ok(template) => report_template(&template, place, dynamic, &mut paths, findings),
            Err(reason) => report_malformed(leaf.raw, reason, place, findings),
        }
    }
}

fn report_template(
    template: &Template,
    place: &Place,
    dynamic: bool,
    paths: &mut HashSet<String>,
    findings: &mut Findings,
) {
    let (pointer, path) = (place.pointer.as_str(), template.path());
    match place.known.map(|known| known.role) {
        Some(Role::Secret) => findings.note(Code::TemplateInSecret, pointer),
        Some(Role::Producer) => findings.note(Code::TemplateMisplaced, pointer),
        Some(Role::Routing) if !dynamic => findings.note(Code::TemplateSwitchedOff, pointer),
        None if dynamic => findings.note(Code::TemplateUnread, pointer),
        Some(Role::Routing) | None => {}
    }
    if !dynamic {
        return;
    }
    if INDISPENSABLE.contains(&path) {
        findings.add(
            Code::TemplateTakesAll,
            pointer,
            format!("the template would remove the whole {path}: every event is rejected"),
        );
        return;
    }
    let root = path.split('.').next().unwrap_or(path);
    let is_query = path == QUERY || path.strip_prefix(QUERY).is_some_and(|rest| rest.starts_with('.'));
    if !ROOTS.contains(&root) && !is_query {
        let message =
            format!("the path {} begins with a name that no event has: the default is always used", shown(path, place));
        findings.add(Code::TemplateFindsNothing, pointer, message);
    } else if !paths.insert(path.to_owned()) {
        let message =
            format!("an earlier template uses the path {}, so this template uses its default", shown(path, place));
        findings.add(Code::TemplatePathRepeated, pointer, message);
    }
}

/// Reports a text that looks like a template but is not a valid template. Does nothing for a field in which templates
/// are not allowed.
fn report_malformed(leaf: Raw<'_>, reason: NoTemplate, place: &Place, findings: &mut Findings) {
    let is_routing = place.known.is_some_and(|known| known.role == Role::Routing);
    let Some(text) = text_of(leaf).filter(|text| is_routing && text.contains("{{")) else { return };
    let why = match reason {
        NoTemplate::Braces if !text.contains("}}") => "its braces are not closed",
        NoTemplate::Braces => "there is text around the braces",
        NoTemplate::Bars => "it has no \"||\" with a default after it",
        NoTemplate::Path => {
            "the text before \"||\" is not a path: use names of letters, digits and underscores, separated by dots"
        }
    };
    findings.add(Code::TemplateMalformed, &place.pointer, format!("{} is not a template: {why}", quoted(&text)));
}

/// Quotes the path of a template for a message, or hides the path if the template is in a field for a secret.
fn shown(path: &str, place: &Place) -> String {
    let is_secret = place.known.is_some_and(|known| known.role == Role::Secret);
    if is_secret { "of the template".to_owned() } else { quoted(path) }
}

/// Returns the location of each scalar value in the Config. The key is the offset of the value's first byte.
fn places(config: &Config<'_>) -> HashMap<usize, Place> {
    let mut places = HashMap::new();
    let mut to_visit = vec![(config.raw, config.pointer.to_owned(), None, 0)];
    while let Some((value, pointer, known, depth)) = to_visit.pop() {
        match value.kind() {
            Kind::Object | Kind::Array if depth == MAX_DEPTH => {}
            Kind::Object => value.for_each_member(|key, value| {
                let name = String::from_utf8_lossy(&key.decoded()).into_owned();
                let known = if depth == 0 { Known::by_name(&name) } else { known };
                let pointer = if name.len() > MAX_STEP { pointer.clone() } else { step(&pointer, &name) };
                to_visit.push((value, pointer, known, depth + 1));
            }),
            Kind::Array => {
                let mut index = 0;
                value.for_each_element(|value| {
                    to_visit.push((value, format!("{pointer}/{index}"), known, depth + 1));
                    index += 1;
                });
            }
            _ => drop(places.insert(value.offset_in(config.raw), Place { pointer, known })),
        }
    }
    places
}
