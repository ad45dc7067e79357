//! Templates in a Config: which are not, which do nothing, and which do harm (docs/contract.md#dynamic-configuration).

use std::collections::{HashMap, HashSet};

use super::code::Code;
use super::config::{Config, text_of};
use super::finding::{Findings, quoted, step};
use destinations::known::{Known, Role};
use json::raw::{Kind, Raw};
use transform::flat_tree::FlatTree;
use transform::rules::templates::{INDISPENSABLE, NoTemplate, Template, Templates};

/// Arrays and objects within each other that are looked into to tell where a template stands.
const MAX_DEPTH: usize = 64;

/// Letters in a name that a pointer reports.
const MAX_STEP: usize = 200;

/// What a path may begin with (docs/contract.md#template-roots).
const ROOTS: [&str; 6] = ["message", "metadata", "destination", "connection", "libraries", "credentials"];

/// The one part of `request` that a path may lead into.
const QUERY: &str = "request.query";

/// Where a value of the Config stands.
struct Place {
    pointer: String,
    /// The field of the Config that it is in, where that counts.
    known: Option<&'static Known>,
}

/// Reports what is wrong with the templates of a Config. `dynamic` says whether they are filled.
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
    // The order in which they are filled.
    for leaf in FlatTree::of(config.raw).leaves() {
        let nowhere = Place { pointer: config.pointer.to_owned(), known: None };
        let place = places.get(&leaf.range.start).unwrap_or(&nowhere);
        match Template::read(leaf.raw) {
            Ok(template) => found(&template, place, dynamic, &mut paths, findings),
            Err(lack) => lacking(leaf.raw, lack, place, findings),
        }
    }
}

fn found(template: &Template, place: &Place, dynamic: bool, paths: &mut HashSet<String>, findings: &mut Findings) {
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
            format!("the template would take the whole {path}: every event is refused"),
        );
        return;
    }
    let root = path.split('.').next().unwrap_or(path);
    let is_query = path == QUERY || path.strip_prefix(QUERY).is_some_and(|rest| rest.starts_with('.'));
    if !ROOTS.contains(&root) && !is_query {
        let message = format!(
            "the path {} begins with nothing that an event has: the default is used always",
            shown(path, place)
        );
        findings.add(Code::TemplateFindsNothing, pointer, message);
    } else if !paths.insert(path.to_owned()) {
        let message = format!("the path {} was used before: this template gets its default", shown(path, place));
        findings.add(Code::TemplatePathRepeated, pointer, message);
    }
}

/// Reports of a text that looks like a template, where one would be filled.
fn lacking(leaf: Raw<'_>, lack: NoTemplate, place: &Place, findings: &mut Findings) {
    let is_routing = place.known.is_some_and(|known| known.role == Role::Routing);
    let Some(text) = text_of(leaf).filter(|text| is_routing && text.contains("{{")) else { return };
    let why = match lack {
        NoTemplate::Braces if !text.contains("}}") => "its braces are not closed",
        NoTemplate::Braces => "something stands around the braces",
        NoTemplate::Bars => "there is no || with a default behind it",
        NoTemplate::Path => "what stands before || is no path: names of letters, digits and _, with dots between them",
    };
    findings.add(Code::TemplateMalformed, &place.pointer, format!("{} is no template: {why}", quoted(&text)));
}

/// A path for a message, unless it stands instead of a secret.
fn shown(path: &str, place: &Place) -> String {
    let is_secret = place.known.is_some_and(|known| known.role == Role::Secret);
    if is_secret { "of the template".to_owned() } else { quoted(path) }
}

/// Where each value that is neither array nor object stands, by its first byte in the Config.
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
