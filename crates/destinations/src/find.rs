//! Finds destinations in a text.
//!
//! The text is one of these: a data plane's `workspaceConfig.json`; an object that contains several such files, each in
//! a field named by its workspace ID; an array of destinations; one destination; a standalone Config.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::known::Known;
use super::{FORMS, field, rudder_cli};
use json::javascript::JsString;
use json::raw::{EMPTY_OBJECT, Kind, Raw};
use json::text::pointer_step;
use transform::family::Family;

/// A source that sends to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The ID; empty if missing.
    pub id: String,
    /// The name; empty if missing.
    pub name: String,
}

/// The program that wrote a destination. The origin determines the names of the fields and whether `hasDynamicConfig`
/// is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// rudder-server, in a request. The Config is in the field `Config`.
    Wire,
    /// The control plane. The Config is in the field `config`. `hasDynamicConfig` is not used, because rudder-server
    /// computes it when it loads the destination.
    ControlPlane,
    /// The Rudder CLI. The Config is in the field `spec.config`, and strings in it may contain variables.
    RudderCli,
}

/// A Kafka, Azure Event Hubs or Confluent Cloud destination in a text.
#[derive(Debug)]
pub struct Found<'a> {
    /// The destination as written. For the Rudder CLI, this is `spec`. For a standalone Config, it is `{}`.
    pub raw: Raw<'a>,
    /// The program that wrote the destination.
    pub origin: Origin,
    /// The RFC 6901 pointer to the destination's first occurrence.
    pub pointer: String,
    /// The destination type.
    pub family: &'static Family,
    /// The ID; empty if missing.
    pub id: String,
    /// The name; empty if missing.
    pub name: String,
    /// Whether the destination is neither disabled nor deleted.
    pub enabled: bool,
    /// The Config and the pointer to it. `None` means that the Config is missing.
    pub config: Option<(Raw<'a>, String)>,
    /// The sources that send to the destination, without duplicates.
    pub sources: Vec<Source>,
    /// Whether an earlier destination has the same ID but different settings.
    pub differs: bool,
}

/// The destinations found in one text.
#[derive(Debug, Default)]
pub struct Destinations<'a> {
    /// The supported destinations, without duplicates.
    pub ours: Vec<Found<'a>>,
    /// The number of unsupported destinations of each type. Destinations without a type are counted under the empty
    /// string.
    pub others: BTreeMap<String, usize>,
    seen: Seen<'a>,
}

/// The destinations found so far, indexed so that duplicates are found in linear time.
#[derive(Debug, Default)]
struct Seen<'a> {
    ids: HashSet<String>,
    settings: HashMap<(String, Option<&'a str>, &'static str, bool), usize>,
    sources: HashSet<(usize, Source)>,
}

/// Finds the destinations in a text. `given` is the family that is assumed for destinations without a type.
///
/// # Errors
/// Returns a one-line reason if there is no destination. The reason contains nothing from the text.
pub fn destinations<'a>(root: Raw<'a>, given: Option<&'static Family>) -> Result<Destinations<'a>, String> {
    let mut found = Destinations::default();
    match root.kind() {
        Kind::Array => {
            let mut index = 0;
            root.for_each_element(|element| {
                let pointer = format!("/{index}");
                if is_workspace(element) {
                    found.workspace(element, &pointer, given);
                } else if element.is_object() {
                    found.destination(element, pointer, None, given);
                } else {
                    found.other(String::new());
                }
                index += 1;
            });
            if index == 0 {
                return Err("the array is empty: there is no destination in it".to_owned());
            }
        }
        Kind::Object if is_workspace(root) => found.workspace(root, "", given),
        Kind::Object if rudder_cli::is_resource(root) || is_destination(root) => {
            found.destination(root, String::new(), None, given);
        }
        Kind::Object => found.object(root, given)?,
        _ => return Err(format!("it is neither a JSON object nor an array; supported formats: {FORMS}")),
    }
    if found.ours.is_empty() && given.is_none() && !is_workspace(root) && found.others.keys().eq([""]) {
        return Err(
            "the destination has no type (destinationDefinition.name or type): set the type with --family".to_owned()
        );
    }
    Ok(found)
}

/// Returns whether a value is a workspace, which contains sources or destinations. A destination that lists its sources
/// is not a workspace.
fn is_workspace(value: Raw<'_>) -> bool {
    if field(value, "destinationDefinition").is_some() || is_named_type(value) {
        return false;
    }
    let is_list = |(_, value): &(String, Raw<'_>)| matches!(value.kind(), Kind::Array | Kind::Object);
    ["sources", "destinations"].into_iter().any(|name| field(value, name).as_ref().is_some_and(is_list))
}

/// Fields that a destination can have, but a Config never has. A value with one of the first three fields, or with two
/// of the other fields, looks like a destination.
const OF_A_DESTINATION: [&str; 10] = [
    "Config",
    "destinationDefinition",
    "destinationDefinitionId",
    "type",
    "id",
    "name",
    "enabled",
    "isEnabled",
    "workspaceId",
    "createdAt",
];

/// Returns whether a value looks like a destination. Such a value is never read as a standalone Config.
fn is_destination(value: Raw<'_>) -> bool {
    let has = |name: &&str| field(value, name).is_some();
    OF_A_DESTINATION[..3].iter().any(has) || OF_A_DESTINATION[3..].iter().filter(|name| has(name)).count() >= 2
}

/// Returns whether a value has a `type` and a `config`, like the destinations of the control plane's API.
fn is_named_type(value: Raw<'_>) -> bool {
    field(value, "type").is_some_and(|(_, kind)| kind.kind() == Kind::String) && field(value, "config").is_some()
}

fn looks_like_a_config(value: Raw<'_>) -> bool {
    let mut known = false;
    value.for_each_member(|name, _| known |= Known::by_name(&String::from_utf8_lossy(&name.decoded())).is_some());
    known
}

/// Returns the text of a string or number field, or the empty string for any other value.
fn label(value: Raw<'_>, name: &str) -> String {
    match field(value, name) {
        Some((_, value)) if matches!(value.kind(), Kind::String | Kind::Number) => {
            String::from_utf8_lossy(&JsString::of(Some(value)).into_decoded()).into_owned()
        }
        _ => String::new(),
    }
}

/// Returns a pointer to the field called `name` of the value at `pointer`.
fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", pointer_step(name))
}

/// Calls `on_each` with each value in an array or object, and the pointer to that value.
fn for_each<'a>(list: Raw<'a>, pointer: &str, mut on_each: impl FnMut(Raw<'a>, String)) {
    let mut index = 0;
    list.for_each_element(|element| {
        on_each(element, format!("{pointer}/{index}"));
        index += 1;
    });
    list.for_each_member(|name, element| on_each(element, step(pointer, &String::from_utf8_lossy(&name.decoded()))));
}

impl<'a> Destinations<'a> {
    /// Returns the number of unsupported destinations.
    #[must_use]
    pub fn other_count(&self) -> usize {
        self.others.values().sum()
    }

    fn other(&mut self, kind: String) {
        *self.others.entry(kind).or_default() += 1;
    }

    /// Reads an object that is neither a workspace nor a destination. Such an object contains workspaces in fields
    /// named by their IDs, contains a field `destination`, or is a standalone Config.
    fn object(&mut self, root: Raw<'a>, given: Option<&'static Family>) -> Result<(), String> {
        root.for_each_member(|id, workspace| {
            if is_workspace(workspace) {
                self.workspace(workspace, &step("", &String::from_utf8_lossy(&id.decoded())), given);
            }
        });
        if !self.ours.is_empty() || !self.others.is_empty() {
            return Ok(());
        }
        if let Some((name, destination)) = field(root, "destination").filter(|(_, value)| value.is_object()) {
            self.destination(destination, step("", &name), None, given);
            return Ok(());
        }
        match given {
            Some(family) => self.ours.push(Found::of_config(root, family)),
            None if looks_like_a_config(root) => {
                return Err("it seems to be only a Config: set its destination type with --family".to_owned());
            }
            None => return Err(format!("there is no destination in it; supported formats: {FORMS}")),
        }
        Ok(())
    }

    fn workspace(&mut self, workspace: Raw<'a>, pointer: &str, given: Option<&'static Family>) {
        if let Some((name, sources)) = field(workspace, "sources") {
            for_each(sources, &step(pointer, &name), |source, pointer| {
                let Some((name, destinations)) = field(source, "destinations") else { return };
                let named = Source { id: label(source, "id"), name: label(source, "name") };
                for_each(destinations, &step(&pointer, &name), |destination, pointer| {
                    self.destination(destination, pointer, Some(&named), given);
                });
            });
        }
        if let Some((name, destinations)) = field(workspace, "destinations") {
            for_each(destinations, &step(pointer, &name), |destination, pointer| {
                self.destination(destination, pointer, None, given);
            });
        }
    }

    fn destination(
        &mut self,
        value: Raw<'a>,
        pointer: String,
        source: Option<&Source>,
        given: Option<&'static Family>,
    ) {
        let is_resource = rudder_cli::is_resource(value);
        if is_resource && label(value, "kind") != rudder_cli::KIND {
            return self.other(format!("kind: {}", label(value, "kind")));
        }
        let (raw, pointer) = match value.member("spec").filter(|_| is_resource) {
            Some(spec) => (spec, format!("{pointer}/spec")),
            None => (value, pointer),
        };
        let definition = field(raw, "destinationDefinition").map(|(_, definition)| definition);
        let mut kind = definition.map(|definition| label(definition, "name")).unwrap_or_default();
        if kind.is_empty() {
            kind = label(raw, "type");
        }
        let family = if kind.is_empty() { given } else { Family::by_name(&kind) };
        let Some(family) = family else { return self.other(kind) };
        let mut found = Found::of_destination(raw, pointer, family, is_resource);
        found.sources.extend(source.cloned());
        self.add(found);
    }

    /// Adds a destination. If the destination is a duplicate, only its sources are added.
    fn add(&mut self, mut found: Found<'a>) {
        if found.id.is_empty() {
            return self.ours.push(found);
        }
        let config = found.config.as_ref().map(|(config, _)| config.text());
        let settings = (found.id.clone(), config, found.family.name, found.is_dynamic());
        let index = *self.seen.settings.entry(settings).or_insert(self.ours.len());
        let is_new = index == self.ours.len();
        if is_new {
            found.differs = !self.seen.ids.insert(found.id.clone());
            self.seen.sources.extend(found.sources.iter().map(|source| (index, source.clone())));
            self.ours.push(found);
            return;
        }
        for source in found.sources {
            if self.seen.sources.insert((index, source.clone())) {
                self.ours[index].sources.push(source);
            }
        }
    }
}

impl<'a> Found<'a> {
    /// Creates a destination from a standalone Config.
    fn of_config(raw: Raw<'a>, family: &'static Family) -> Self {
        Self {
            raw: EMPTY_OBJECT,
            origin: Origin::ControlPlane,
            pointer: String::new(),
            family,
            id: String::new(),
            name: String::new(),
            enabled: true,
            config: Some((raw, String::new())),
            sources: Vec::new(),
            differs: false,
        }
    }

    fn of_destination(raw: Raw<'a>, pointer: String, family: &'static Family, is_resource: bool) -> Self {
        let flag = |name, kind| field(raw, name).is_some_and(|(_, value)| value.kind() == kind);
        let config = field(raw, "Config").map(|(name, config)| (config, step(&pointer, &name)));
        // An array may also contain standalone Configs.
        let alone = || (!is_destination(raw) && looks_like_a_config(raw)).then(|| (raw, pointer.clone()));
        let name = label(raw, "Name");
        Self {
            raw,
            origin: match raw.member("Config") {
                Some(_) => Origin::Wire,
                None if is_resource => Origin::RudderCli,
                None => Origin::ControlPlane,
            },
            family,
            id: label(raw, "ID"),
            name: if is_resource { label(raw, "display_name") } else { name },
            enabled: ["enabled", "isEnabled"].iter().all(|name| !flag(name, Kind::False))
                && ["deleted", "isDeleted"].iter().all(|name| !flag(name, Kind::True)),
            config: config.or_else(alone),
            sources: Vec::new(),
            differs: false,
            pointer,
        }
    }

    /// Returns whether the transformation replaces the destination's templates with values.
    ///
    /// In a request, templates are replaced unless `hasDynamicConfig` is `false` (docs/contract.md#template-flag). The
    /// name of this flag must match exactly. In a file of the control plane, the flag is ignored, because rudder-server
    /// computes it when it loads the workspace (docs/contract.md#requests-of-rudder-server).
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.origin != Origin::Wire || self.raw.member("hasDynamicConfig").is_none_or(|flag| flag.kind() != Kind::False)
    }

    /// Returns pointers to the strings in the Config that contain a variable of the Rudder CLI. The values of such
    /// strings are not known.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        let mut pointers = Vec::new();
        if let Some((config, pointer)) = self.config.as_ref().filter(|_| self.origin == Origin::RudderCli) {
            let has = |value: Raw<'_>| value.kind() == Kind::String && rudder_cli::has_variable(value.text());
            config.for_each_member(|name, value| {
                let pointer = step(pointer, &String::from_utf8_lossy(&name.decoded()));
                if has(value) {
                    pointers.push(pointer);
                    return;
                }
                for_each(value, &pointer, |element, pointer| {
                    for_each(element, &pointer, |field, pointer| {
                        if has(field) {
                            pointers.push(pointer);
                        }
                    });
                });
            });
        }
        pointers
    }

    /// Returns the destination's name and ID, if they are present, as text for messages.
    #[must_use]
    pub fn title(&self) -> String {
        match (self.name.as_str(), self.id.as_str()) {
            ("", "") => "without name or ID".to_owned(),
            ("", id) => format!("ID {id:?}"),
            (name, "") => format!("{name:?}"),
            (name, id) => format!("{name:?} (ID {id:?})"),
        }
    }
}

#[cfg(test)]
mod tests;
