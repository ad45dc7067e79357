//! Decides which intended differences apply to an event, from the request alone.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::hazards::{has_field_proto, is_too_deep};
use super::question::Question;
use super::table::{IntendedDifference, Shape};
use json::javascript::{JsString, truthy};
use json::raw::{EMPTY_OBJECT, Kind, Raw};
use transform::budget::EventBudget;
use transform::endpoint::Endpoint;
use transform::flat_tree::FlatTree;
use transform::meter::Usage;
use transform::rejection::Rejection;
use transform::request::event::Event;
use transform::request::{PayloadFormat, Request};
use transform::rules::emptiness;
use transform::rules::template::Template;
use transform::rules::templates::INDISPENSABLE;

/// The names of the properties that every JavaScript object has.
const OBJECT_MEMBERS: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// The events of a request. The request is parsed again only if the responses differ.
pub(super) struct Events<'q> {
    question: Question<'q>,
    request: OnceCell<Request<'q>>,
    /// The properties of each destination. The key is the address of the destination's text, so that events with the
    /// same destination share an entry.
    destinations: RefCell<HashMap<usize, Rc<Facts>>>,
    /// Whether the field `destinations` of a compacted request is an array.
    destinations_array: OnceCell<bool>,
}

/// Properties of a destination that decide which intended differences apply to the destination's events.
#[derive(Debug, Default)]
struct Facts {
    /// The paths of the destination's templates.
    paths: Vec<String>,
    multi_topic: bool,
    map_entries: bool,
    map_from: bool,
    definition_name: bool,
    own_to_string: bool,
    proto: bool,
    deep: bool,
}

/// The value to which the path of a template leads.
struct Target<'a> {
    value: Option<Raw<'a>>,
    /// Whether a field name on the path contains dots.
    dotted: bool,
    /// Whether the path ends at the `length` of an array.
    length: bool,
}

impl<'q> Events<'q> {
    pub(super) fn of(question: &Question<'q>) -> Self {
        Self {
            question: question.clone(),
            request: OnceCell::new(),
            destinations: RefCell::default(),
            destinations_array: OnceCell::new(),
        }
    }

    pub(super) fn request(&self) -> &Request<'q> {
        self.request.get_or_init(|| {
            let Question { text, form, limits, .. } = self.question;
            match self.question.endpoint {
                Endpoint::Processor { .. } => Request::processor(text, form, limits).unwrap_or_default(),
                Endpoint::Batch | Endpoint::RouterTransform => {
                    Request::router(text, form, limits).map(|(_, request)| request).unwrap_or_default()
                }
            }
        })
    }

    /// Returns the metadata of an event, if it is an object.
    pub(super) fn metadata(&self, index: usize) -> Option<Raw<'q>> {
        self.request().events.get(index)?.as_ref()?.metadata().ok().map(|metadata| metadata.raw)
    }

    /// Returns the first intended difference that applies to the event and allows `shape`.
    pub(super) fn row(&self, index: usize, shape: Shape) -> Option<IntendedDifference> {
        self.rows(index).into_iter().find(|row| row.allows(shape))
    }

    /// Returns the first intended difference that applies to any event of the request and allows `shape`.
    pub(super) fn any_row(&self, shape: Shape) -> Option<IntendedDifference> {
        (0..self.request().events.len()).find_map(|index| self.row(index, shape))
    }

    /// Returns whether other events may fail in rudder-transformer because of this event.
    pub(super) fn may_fail_others(&self, index: usize) -> bool {
        self.rows(index).into_iter().any(|row| row.allows(Shape::RequestFails) || row.allows(Shape::EveryEventFails))
    }

    /// Returns whether a template of the event's destination removes the metadata field `field`, or a part of it.
    pub(super) fn removes_metadata(&self, index: usize, field: &[u8]) -> bool {
        let Some(Some(event)) = self.request().events.get(index) else { return false };
        self.facts(event).is_some_and(|facts| {
            facts.paths.iter().any(|path| {
                let rest = path.strip_prefix("metadata.").and_then(|rest| rest.as_bytes().strip_prefix(field));
                rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
            })
        })
    }

    /// Returns all intended differences that apply to an event.
    pub(super) fn rows(&self, index: usize) -> Vec<IntendedDifference> {
        use IntendedDifference as Row;
        let Some(event) = self.request().events.get(index) else { return Vec::new() };
        let Some(event) = event else { return vec![Row::MalformedEvent] };
        let mut rows = Vec::new();
        let Ok(metadata) = event.metadata() else { return vec![Row::MalformedEvent] };
        match self.request().shared.destination_of(event, metadata) {
            Ok(_) => {}
            Err(Rejection::DestinationUnknown) if self.has_destinations_array() => rows.push(Row::DestinationsArray),
            Err(Rejection::DestinationUnknown) => rows.push(Row::UnknownDestination),
            Err(_) => rows.push(Row::MalformedEvent),
        }
        if event.message().is_err() {
            rows.push(Row::MessageNotAnObject);
        }
        let is_compacted = self.question.form == PayloadFormat::Compacted;
        if is_compacted && self.request().shared.connection_of(metadata).is_none() {
            rows.push(Row::NoConnection);
        }
        let facts = self.facts(event).unwrap_or_default();
        if has_field_proto(event.raw.text()) || facts.proto {
            rows.push(Row::ProtoField);
        }
        if is_too_deep(event.raw.text()) || facts.deep {
            rows.push(Row::DeepNesting);
        }
        if matches!(self.question.endpoint, Endpoint::Processor { .. }) {
            self.add_transformation_rows(index, event, &facts, &mut rows);
        }
        rows
    }

    fn add_transformation_rows(
        &self,
        index: usize,
        event: &Event<'q>,
        facts: &Facts,
        rows: &mut Vec<IntendedDifference>,
    ) {
        use IntendedDifference as Row;
        let mut add = |applies: bool, row| {
            if applies && !rows.contains(&row) {
                rows.push(row);
            }
        };
        for path in &facts.paths {
            let target = self.target(event, path);
            let usage = Usage::unlimited();
            let is_empty = target.value.is_some_and(|value| {
                let mut budget = EventBudget::for_event(value.text().len(), &usage);
                emptiness::is_empty(value, &mut budget).unwrap_or_default()
            });
            add(INDISPENSABLE.contains(&path.as_str()) && !is_empty, Row::TemplateTakesAll);
            add(!path.contains('.') && is_empty, Row::TemplateOnEmpty);
            add(target.dotted, Row::DottedTemplate);
            add(target.length, Row::TemplateTakesLength);
            let is_on_prototype = |name: &str| name == "prototype" || OBJECT_MEMBERS.contains(&name);
            add(path.split('.').any(is_on_prototype), Row::TemplateOnPrototype);
            let is_shared =
                |root: &str| path.strip_prefix(root).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'.', ..]));
            let shared = ["request", "connection", "destination"].into_iter().any(is_shared);
            add(is_shared("destination.Config"), Row::OwnConfig);
            add(index > 0 && shared, Row::SharedTemplate);
        }
        add(facts.map_entries, Row::MapEntries);
        add(facts.map_from, Row::MapFrom);
        add(facts.definition_name, Row::DefinitionName);
        let Ok(message) = event.message() else { return };
        let is_member = |value: Option<Raw<'_>>| {
            let name = JsString::of(value).into_decoded();
            value.is_some() && OBJECT_MEMBERS.iter().any(|member| *name == *member.as_bytes())
        };
        add(facts.multi_topic && (is_member(message.kind) || is_member(message.event)), Row::ObjectMembers);
        add(message.kind.is_some_and(|kind| kind.kind() == Kind::Array), Row::TypeArray);
        let rudder_id = event.metadata().ok().and_then(|metadata| metadata.rudder_id);
        let stringified = [message.user_id, message.anonymous_id, message.event, message.integrations, rudder_id];
        add(facts.own_to_string || stringified.into_iter().flatten().any(has_to_string), Row::OwnToString);
    }

    fn has_destinations_array(&self) -> bool {
        *self.destinations_array.get_or_init(|| {
            let destinations = Raw::parse(self.question.text).ok().and_then(|body| body.member("destinations"));
            destinations.is_some_and(|destinations| destinations.kind() == Kind::Array)
        })
    }

    fn destination(&self, event: &Event<'q>) -> Option<Raw<'q>> {
        self.request().shared.destination_of(event, event.metadata().ok()?).ok()
    }

    fn facts(&self, event: &Event<'q>) -> Option<Rc<Facts>> {
        let destination = self.destination(event)?;
        let address = destination.text().as_ptr().addr();
        let read = || Rc::new(Facts::of(destination, self.question.endpoint));
        Some(Rc::clone(self.destinations.borrow_mut().entry(address).or_insert_with(read)))
    }

    /// Follows the path of a template through the event.
    fn target(&self, event: &Event<'q>, path: &str) -> Target<'q> {
        let nothing = Target { value: None, dotted: false, length: false };
        if let Some(rest) = path.strip_prefix("request.query.") {
            // The name of a query parameter may contain dots. The value of a query parameter is a string.
            let Endpoint::Processor { query, .. } = self.question.endpoint else { return nothing };
            let dotted = rest.contains('.')
                && form_urlencoded::parse(query.as_bytes())
                    .any(|(name, _)| name.contains('.') && rest.starts_with(&*name));
            return Target { dotted, ..nothing };
        }
        if let Some(value) = event.raw.member(path) {
            return Target { value: Some(value), dotted: path.contains('.'), length: false };
        }
        let (mut value, mut rest, mut dotted, mut is_root) = (event.raw, path, false, true);
        loop {
            if value.kind() == Kind::Array {
                return Target { value: None, dotted, length: rest == "length" };
            }
            let ends = memchr::memchr_iter(b'.', rest.as_bytes()).chain([rest.len()]);
            let field = |name: &str| match name {
                "message" if is_root => {
                    Some(value.member(name).filter(|value| !value.is_null()).unwrap_or(EMPTY_OBJECT))
                }
                "destination" if is_root => self.destination(event),
                "connection" if is_root && self.question.form == PayloadFormat::Compacted => {
                    event.metadata().ok().and_then(|metadata| self.request().shared.connection_of(metadata))
                }
                _ => value.member(name),
            };
            let found = ends.map(|end| rest.split_at(end)).find_map(|(name, after)| Some((name, field(name)?, after)));
            let Some((name, next, after)) = found else { return Target { value: None, dotted, length: false } };
            dotted |= name.contains('.');
            let Some(after) = after.strip_prefix('.') else {
                return Target { value: Some(next), dotted, length: false };
            };
            (value, rest, is_root) = (next, after, false);
        }
    }
}

impl Facts {
    fn of(destination: Raw<'_>, endpoint: &Endpoint) -> Self {
        let [config, flag, definition] = destination.members(["Config", "hasDynamicConfig", "DestinationDefinition"]);
        let config = config.unwrap_or(EMPTY_OBJECT);
        let mut paths: Vec<String> = Vec::new();
        if flag.is_none_or(|flag| flag.kind() != Kind::False)
            && memchr::memmem::find(config.text().as_bytes(), b"||").is_some()
        {
            let templates = FlatTree::of(config).leaves().into_iter().filter_map(|leaf| Template::read(leaf.raw).ok());
            paths.extend(templates.map(|template| template.path().to_owned()));
            paths.sort_unstable();
            paths.dedup();
        }
        let [topic, multi_topic, by_type, by_event] =
            config.members(["topic", "enableMultiTopic", "eventTypeToTopicMap", "eventToTopicMap"]);
        let maps = [by_type, by_event];
        let entries: Vec<Raw<'_>> = maps.into_iter().flatten().flat_map(crate::compare::elements).collect();
        let is_template = |value: Raw<'_>| !paths.is_empty() && Template::read(value).is_ok();
        let is_odd_from = |entry: &Raw<'_>| {
            let from = entry.member("from").filter(|from| !from.is_null());
            from.is_some_and(|from| from.kind() != Kind::String || is_template(from))
        };
        let name = definition.and_then(|definition| definition.member("Name"));
        let is_own_name = |name: Raw<'_>| match endpoint {
            Endpoint::Processor { family, .. } => name
                .as_string()
                .is_some_and(|name| std::str::from_utf8(&name.decoded()).is_ok_and(|name| family.is_called(name))),
            Endpoint::Batch | Endpoint::RouterTransform => true,
        };
        Self {
            multi_topic: truthy(multi_topic),
            map_entries: entries.iter().any(|entry| !entry.is_object()),
            map_from: entries.iter().any(is_odd_from)
                || maps.into_iter().flatten().any(is_template)
                || entries.iter().copied().any(is_template),
            definition_name: name.is_some_and(|name| !is_own_name(name)),
            own_to_string: topic.is_some_and(has_to_string) || entries.iter().copied().any(has_to_string),
            proto: has_field_proto(destination.text()),
            deep: is_too_deep(destination.text()),
            paths,
        }
    }
}

/// Returns whether the value contains an object with its own `toString`.
fn has_to_string(value: Raw<'_>) -> bool {
    matches!(value.kind(), Kind::Array | Kind::Object)
        && memchr::memmem::find(value.text().as_bytes(), b"\"toString\"").is_some()
}
