//! Where destinations stand in a file: a data plane's `workspaceConfig.json`, several of them by ID, destinations in an
//! array, one destination, or its Config alone.

use std::collections::{BTreeMap, HashMap};

use super::config::member;
use super::finding::step;
use super::known::Known;
use crate::transform::family::Family;
use crate::transform::javascript::JsString;
use crate::transform::json::{Kind, Raw};

/// A source that sends to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its ID, or nothing.
    pub id: String,
    /// Its name, or nothing.
    pub name: String,
}

/// A destination of ours in a file.
#[derive(Debug)]
pub struct Place<'a> {
    /// The destination, or its Config where nothing else is there.
    pub raw: Raw<'a>,
    /// Where it stands, the first time.
    pub pointer: String,
    /// Its family.
    pub family: &'static Family,
    /// Its ID, or nothing.
    pub id: String,
    /// Its name, or nothing.
    pub name: String,
    /// Whether it is in use: neither disabled nor deleted.
    pub enabled: bool,
    /// Its Config, and where it stands; `None` where it has none.
    pub config: Option<(Raw<'a>, String)>,
    /// The sources that send to it, each once.
    pub sources: Vec<Source>,
    /// Whether an earlier destination has its ID and other settings.
    pub differs: bool,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Places<'a> {
    /// The destinations of ours, each once.
    pub ours: Vec<Place<'a>>,
    /// How many there are of other types, by type; those without one under nothing.
    pub others: BTreeMap<String, usize>,
    /// By ID, where in `ours` it is.
    by_id: HashMap<String, Vec<usize>>,
}

/// Finds the destinations in a file. `given` is the family of those that do not tell theirs.
///
/// # Errors
/// Why there is nothing to check, in one line.
pub fn places<'a>(root: Raw<'a>, given: Option<&'static Family>) -> Result<Places<'a>, String> {
    let mut places = Places::default();
    match root.kind() {
        Kind::Array => {
            let mut index = 0;
            root.for_each_element(|element| {
                let pointer = format!("/{index}");
                if is_workspace(element) {
                    places.workspace(element, &pointer, given);
                } else if element.is_object() {
                    places.destination(element, pointer, None, given);
                } else {
                    places.other(String::new());
                }
                index += 1;
            });
            if index == 0 {
                return Err("the array is empty: there is no destination in it".to_owned());
            }
        }
        Kind::Object if is_workspace(root) => places.workspace(root, "", given),
        Kind::Object if is_destination(root) => places.destination(root, String::new(), None, given),
        Kind::Object => {
            root.for_each_member(|id, workspace| {
                if is_workspace(workspace) {
                    let pointer = step("", &String::from_utf8_lossy(&id.decoded()));
                    places.workspace(workspace, &pointer, given);
                }
            });
            if places.is_empty() {
                match given {
                    Some(family) => places.ours.push(Place::of_config(root, family)),
                    None if looks_like_a_config(root) => {
                        return Err("it looks like a Config alone: say whose with --family".to_owned());
                    }
                    None => {
                        return Err(
                            "there is no destination in it: neither sources nor destinations nor a Config".to_owned()
                        );
                    }
                }
            }
        }
        _ => return Err("it is neither a JSON object nor an array".to_owned()),
    }
    if places.ours.is_empty() && given.is_none() && !is_workspace(root) && places.others.keys().eq([""]) {
        return Err(
            "the destination does not tell its type (destinationDefinition.name): say it with --family".to_owned()
        );
    }
    Ok(places)
}

/// Whether a value has destinations in it, as a workspace has. A destination may tell its sources, and is none.
fn is_workspace(value: Raw<'_>) -> bool {
    if member(value, "destinationDefinition").is_some() {
        return false;
    }
    let is_list = |value: &(String, Raw<'_>)| matches!(value.1.kind(), Kind::Array | Kind::Object);
    ["sources", "destinations"].into_iter().any(|name| member(value, name).as_ref().is_some_and(is_list))
}

fn is_destination(value: Raw<'_>) -> bool {
    ["Config", "destinationDefinition"].into_iter().any(|name| member(value, name).is_some())
}

fn looks_like_a_config(value: Raw<'_>) -> bool {
    let mut known = false;
    value.for_each_member(|name, _| known |= Known::by_name(&String::from_utf8_lossy(&name.decoded())).is_some());
    known
}

/// A member as text: a string, or what a number looks like. Nothing where it is missing.
fn label(value: Raw<'_>, name: &str) -> String {
    match member(value, name) {
        Some((_, value)) if matches!(value.kind(), Kind::String | Kind::Number) => {
            String::from_utf8_lossy(&JsString::of(Some(value)).into_decoded()).into_owned()
        }
        _ => String::new(),
    }
}

/// Calls `on_each` for what an array or object holds, with its place.
fn for_each<'a>(list: Raw<'a>, pointer: &str, mut on_each: impl FnMut(Raw<'a>, String)) {
    let mut index = 0;
    list.for_each_element(|element| {
        on_each(element, format!("{pointer}/{index}"));
        index += 1;
    });
    list.for_each_member(|name, element| on_each(element, step(pointer, &String::from_utf8_lossy(&name.decoded()))));
}

impl<'a> Places<'a> {
    fn is_empty(&self) -> bool {
        self.ours.is_empty() && self.others.is_empty()
    }

    fn other(&mut self, kind: String) {
        *self.others.entry(kind).or_default() += 1;
    }

    fn workspace(&mut self, workspace: Raw<'a>, pointer: &str, given: Option<&'static Family>) {
        if let Some((name, sources)) = member(workspace, "sources") {
            for_each(sources, &step(pointer, &name), |source, pointer| {
                let Some((name, destinations)) = member(source, "destinations") else { return };
                let named = Source { id: label(source, "id"), name: label(source, "name") };
                for_each(destinations, &step(&pointer, &name), |destination, pointer| {
                    self.destination(destination, pointer, Some(&named), given);
                });
            });
        }
        if let Some((name, destinations)) = member(workspace, "destinations") {
            for_each(destinations, &step(pointer, &name), |destination, pointer| {
                self.destination(destination, pointer, None, given);
            });
        }
    }

    fn destination(&mut self, raw: Raw<'a>, pointer: String, source: Option<&Source>, given: Option<&'static Family>) {
        let definition = member(raw, "destinationDefinition").map(|(_, definition)| definition);
        let kind = definition.map(|definition| label(definition, "name")).unwrap_or_default();
        let family = if kind.is_empty() { given } else { Family::by_name(&kind) };
        let Some(family) = family else { return self.other(kind) };
        let flag = |name, kind| member(raw, name).is_some_and(|(_, value)| value.kind() == kind);
        let config = member(raw, "Config").map(|(name, config)| (config, step(&pointer, &name)));
        // In an array a Config may stand alone too.
        let alone = || (definition.is_none() && looks_like_a_config(raw)).then(|| (raw, pointer.clone()));
        let mut place = Place {
            raw,
            family,
            id: label(raw, "ID"),
            name: label(raw, "Name"),
            enabled: !flag("enabled", Kind::False) && !flag("deleted", Kind::True),
            config: config.or_else(alone),
            sources: source.cloned().into_iter().collect(),
            differs: false,
            pointer,
        };
        if !place.id.is_empty() {
            let same = self.by_id.entry(place.id.clone()).or_default();
            if let Some(index) = same.iter().find(|index| self.ours[**index].is_set_like(&place)) {
                let sources = &mut self.ours[*index].sources;
                if let Some(source) = source.filter(|source| !sources.contains(source)) {
                    sources.push(source.clone());
                }
                return;
            }
            place.differs = !same.is_empty();
            same.push(self.ours.len());
        }
        self.ours.push(place);
    }
}

impl<'a> Place<'a> {
    /// A Config alone.
    fn of_config(raw: Raw<'a>, family: &'static Family) -> Self {
        Self {
            raw: crate::transform::json::EMPTY_OBJECT,
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

    /// Whether the transformation fills templates: `hasDynamicConfig` is not `false` (contract, section 3.2). The
    /// transformation wants the exact name.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.raw.member("hasDynamicConfig").is_none_or(|flag| flag.kind() != Kind::False)
    }

    /// Whether another destination has the same settings.
    fn is_set_like(&self, other: &Place<'_>) -> bool {
        let config = |place: &Place<'_>| place.config.as_ref().map(|(config, _)| config.text().to_owned());
        self.family == other.family && self.is_dynamic() == other.is_dynamic() && config(self) == config(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::family::KAFKA;

    fn found(text: &str, given: Option<&'static Family>) -> Result<Vec<String>, String> {
        let places = places(Raw::parse(text).unwrap(), given)?;
        let ours = places.ours.iter().map(|place| {
            let sources: Vec<&str> = place.sources.iter().map(|source| source.name.as_str()).collect();
            format!("{}@{} {}", place.id, place.pointer, sources.join("+")).trim_end().to_owned()
        });
        let others = places.others.iter().map(|(kind, count)| format!("{count} {kind}").trim_end().to_owned());
        Ok(ours.chain(others).collect())
    }

    const KAFKA_D: &str = r#"{"id":"d","destinationDefinition":{"name":"KAFKA"},"config":{}}"#;

    #[test]
    fn destinations_are_found_wherever_they_stand() {
        for (text, expected) in [
            (KAFKA_D.to_owned(), vec!["d@"]),
            (format!("[{KAFKA_D},7]"), vec!["d@/0", "1"]),
            (format!(r#"{{"destinations":[{KAFKA_D}]}}"#), vec!["d@/destinations/0"]),
            (format!(r#"{{"destinations":{{"x/y":{KAFKA_D}}}}}"#), vec!["d@/destinations/x~1y"]),
            (
                format!(r#"{{"sources":[{{"name":"web","destinations":[{KAFKA_D}]}}]}}"#),
                vec!["d@/sources/0/destinations/0 web"],
            ),
            (
                format!(
                    r#"{{"Sources":[{{"name":"a","Destinations":[{KAFKA_D}]}},{{"name":"b","destinations":[{KAFKA_D},{{"destinationDefinition":{{"name":"S3"}}}},{{}}]}}]}}"#
                ),
                vec!["d@/Sources/0/Destinations/0 a+b", "1", "1 S3"],
            ),
            (
                format!(r#"{{"w-1":{{"sources":[{{"destinations":[{KAFKA_D}]}}]}}}}"#),
                vec!["d@/w-1/sources/0/destinations/0"],
            ),
            (format!(r#"[{{"sources":[{{"destinations":[{KAFKA_D}]}}]}}]"#), vec!["d@/0/sources/0/destinations/0"]),
            (r#"{"sources":[]}"#.to_owned(), vec![]),
            (r#"{"sources":[null,{"destinations":null},7]}"#.to_owned(), vec![]),
        ] {
            assert_eq!(found(&text, None), Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
        assert_eq!(found(r#"{"hostName":"a"}"#, Some(&KAFKA)), Ok(vec!["@".to_owned()]));
        assert_eq!(found(r#"{"destinations":[{"hostName":"a"},{}]}"#, Some(&KAFKA)).map(|ours| ours.len()), Ok(2));
        assert_eq!(found(&KAFKA_D.replace("\"config\"", "\"sources\":[],\"config\""), None), Ok(vec!["d@".to_owned()]));
        assert_eq!(found(r#"{"Config":{}}"#, Some(&KAFKA)), Ok(vec!["@".to_owned()]));
        assert_eq!(
            found(r#"{"Config":{},"destinationDefinition":{"name":"S3"}}"#, Some(&KAFKA)),
            Ok(vec!["1 S3".to_owned()])
        );
    }

    #[test]
    fn one_id_with_two_settings_is_two_destinations() {
        let other = KAFKA_D.replace("{}", r#"{"topic":"t"}"#);
        let text = format!("[{KAFKA_D},{other},{KAFKA_D},{other}]");
        let places = places(Raw::parse(&text).unwrap(), None).unwrap();
        let differs: Vec<bool> = places.ours.iter().map(|place| place.differs).collect();
        assert_eq!(differs, [false, true]);
    }

    #[test]
    fn what_holds_no_destination_says_so() {
        for (text, word) in [
            ("7", "neither"),
            ("[]", "empty"),
            ("{}", "no destination"),
            (r#"{"a":1}"#, "no destination"),
            (r#"{"hostname":"a"}"#, "--family"),
            (r#"{"Config":{}}"#, "--family"),
            (r#"[{"Config":{}}]"#, "--family"),
        ] {
            let problem = found(text, None).expect_err(text);
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}
