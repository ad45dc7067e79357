//! Turns recorded events into requests as rudder-server would send them. All events of a request have the same
//! destination. The body of a request is compacted or plain.

use std::collections::HashMap;

use json::javascript::JsString;
use json::raw::{Kind, Raw};
use json::text::escape;

use super::request::{BodyForm, Request, posted};
use transform::family::Family;
use transform::request::PayloadFormat;

/// A builder of requests, which gathers events and writes them as request bodies.
pub(super) struct Batches {
    family: &'static Family,
    form: BodyForm,
    /// The number of events per request.
    size: usize,
    /// The JSON text of every destination, without duplicates.
    destinations: Vec<String>,
    known: HashMap<String, usize>,
    /// Events that are not yet part of a request, grouped by destination and by `metadata.destinationId`.
    pending: Vec<(Group, Vec<Event>)>,
    groups: HashMap<Group, usize>,
    requests: Vec<Request>,
    bytes: usize,
}

/// The properties that all events of a request share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    /// The index of the destination.
    destination: Option<usize>,
    /// The `metadata.destinationId` of the events, as a JSON string.
    id: String,
}

/// An event without the parts that all events of its request share.
struct Event {
    /// The event's JSON without `destination`, `connection` and the closing brace. If the event is not an object, its
    /// JSON is kept unchanged.
    text: String,
    is_object: bool,
    /// The key of the event's connection in a compacted request (as a JSON string), and the JSON of that connection.
    connection: Option<(String, String)>,
}

impl Batches {
    pub(super) fn new(family: &'static Family, form: BodyForm, size: usize) -> Self {
        Self {
            family,
            form,
            size,
            destinations: Vec::new(),
            known: HashMap::new(),
            pending: Vec::new(),
            groups: HashMap::new(),
            requests: Vec::new(),
            bytes: 0,
        }
    }

    /// The total size of all events added so far, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the events of a request body, which must be valid JSON.
    pub(super) fn add(&mut self, body: &str, form: PayloadFormat) {
        let Ok(body) = Raw::parse(body) else { return };
        match form {
            PayloadFormat::Plain => body.for_each_element(|event| self.plain(event)),
            PayloadFormat::Compacted => {
                let [input, destinations, connections] = body.members(["input", "destinations", "connections"]);
                let destinations = by_name(destinations);
                let connections = by_name(connections);
                if let Some(input) = input {
                    input.for_each_element(|event| {
                        let [source, id] = ids(event);
                        let destination = destinations.get(id.as_slice()).copied();
                        let key = [source.as_slice(), b":", id.as_slice()].concat();
                        self.event(event, destination, connections.get(key.as_slice()).copied());
                    });
                }
            }
        }
    }

    fn plain(&mut self, event: Raw<'_>) {
        let [destination, connection] = event.members(["destination", "connection"]);
        self.event(event, destination, connection);
    }

    fn event(&mut self, event: Raw<'_>, destination: Option<Raw<'_>>, connection: Option<Raw<'_>>) {
        let destination = destination.map(|destination| self.destination(destination.text()));
        let [source, id] = ids(event);
        let mut id = String::from_utf8_lossy(&id).into_owned();
        if id.is_empty() {
            // In a compacted request, `metadata.destinationId` links an event to its destination.
            let text = destination.and_then(|index| self.destinations.get(index));
            let own = text.and_then(|text| Raw::parse(text).ok()).and_then(|raw| raw.member("ID"));
            id = own
                .and_then(Raw::as_string)
                .map_or_else(|| "destination".to_owned(), |text| String::from_utf8_lossy(&text.decoded()).into_owned());
        }
        let key = json_string(&format!("{}:{id}", String::from_utf8_lossy(&source)));
        let id = json_string(&id);
        let event = Event {
            text: without_shared(event, &id),
            is_object: event.is_object(),
            connection: connection.map(|connection| (key, connection.text().to_owned())),
        };
        self.bytes += event.text.len();
        let group = Group { destination, id };
        let index = *self.groups.entry(group).or_insert_with_key(|group| {
            self.pending.push((group.clone(), Vec::new()));
            self.pending.len() - 1
        });
        let Some((_, events)) = self.pending.get_mut(index) else { return };
        events.push(event);
        if events.len() >= self.size {
            self.close(index);
        }
    }

    fn destination(&mut self, text: &str) -> usize {
        if let Some(index) = self.known.get(text) {
            return *index;
        }
        self.destinations.push(text.to_owned());
        self.known.insert(text.to_owned(), self.destinations.len() - 1);
        self.destinations.len() - 1
    }

    fn close(&mut self, index: usize) {
        let Some((group, events)) = self.pending.get_mut(index) else { return };
        let events = std::mem::take(events);
        if events.is_empty() {
            return;
        }
        let destination = group.destination.and_then(|index| self.destinations.get(index)).map(String::as_str);
        let body = match self.form {
            BodyForm::Compacted => compacted(&events, destination, &group.id),
            BodyForm::Plain => plain(&events, destination),
        };
        self.requests.push(posted(self.family, self.form, body, events.len()));
    }

    /// Returns the requests, which together contain all added events.
    pub(super) fn finish(mut self) -> Vec<Request> {
        for index in 0..self.pending.len() {
            self.close(index);
        }
        self.requests
    }
}

fn json_string(text: &str) -> String {
    let mut json = String::from("\"");
    escape(text.as_bytes(), &mut json);
    json.push('"');
    json
}

/// Returns the `sourceId` and `destinationId` of an event's metadata. An ID that is missing is empty.
fn ids(event: Raw<'_>) -> [Vec<u8>; 2] {
    let found = event.member("metadata").map(|metadata| metadata.members(["sourceId", "destinationId"]));
    let [source, id] = found.unwrap_or_default();
    [source, id].map(|raw| {
        raw.filter(|raw| !raw.is_null())
            .map_or_else(Vec::new, |raw| JsString::of(Some(raw)).into_decoded().into_owned())
    })
}

fn by_name(object: Option<Raw<'_>>) -> HashMap<Vec<u8>, Raw<'_>> {
    let mut found = HashMap::new();
    if let Some(object) = object {
        object.for_each_member(|name, value| _ = found.insert(name.decoded().into_owned(), value));
    }
    found
}

/// Returns the event's JSON without `destination`, `connection` and the closing brace. If `metadata.destinationId` is
/// missing, it is set to `id`. An event that is not an object is returned unchanged.
fn without_shared(event: Raw<'_>, id: &str) -> String {
    if !event.is_object() {
        return event.text().to_owned();
    }
    let mut text = String::with_capacity(event.text().len());
    text.push('{');
    let mut has_metadata = false;
    event.for_each_member(|name, value| {
        if name.is("destination") || name.is("connection") {
            return;
        }
        text.push_str(if text.len() == 1 { "\"" } else { ",\"" });
        text.push_str(name.escaped());
        text.push_str("\":");
        if name.is("metadata") && value.kind() == Kind::Object {
            has_metadata = true;
            match value.member("destinationId").filter(|id| !id.is_null()) {
                Some(_) => text.push_str(value.text()),
                None => value.write_with(&mut text, "destinationId", None, |out| out.push_str(id)),
            }
        } else {
            text.push_str(value.text());
        }
    });
    if !has_metadata {
        text.push_str(if text.len() == 1 { "" } else { "," });
        text.push_str("\"metadata\":{\"destinationId\":");
        text.push_str(id);
        text.push('}');
    }
    text
}

fn compacted(events: &[Event], destination: Option<&str>, id: &str) -> String {
    let mut body = String::from("{\"input\":[");
    let mut connections = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        body.push_str(if index == 0 { "" } else { "," });
        body.push_str(&event.text);
        body.push_str(if event.is_object { "}" } else { "" });
        if let Some((key, connection)) = &event.connection {
            connections.entry(key.as_str()).or_insert(connection.as_str());
        }
    }
    body.push_str("],\"destinations\":{");
    if let Some(destination) = destination {
        body.extend([id, ":", destination]);
    }
    body.push_str("},\"connections\":{");
    let mut connections: Vec<_> = connections.into_iter().collect();
    connections.sort_unstable();
    for (index, (key, connection)) in connections.into_iter().enumerate() {
        body.extend([if index == 0 { "" } else { "," }, key, ":", connection]);
    }
    body.push_str("}}");
    body
}

fn plain(events: &[Event], destination: Option<&str>) -> String {
    let mut body = String::from("[");
    for (index, event) in events.iter().enumerate() {
        body.push_str(if index == 0 { "" } else { "," });
        body.push_str(&event.text);
        if event.is_object {
            for (name, value) in
                [("destination", destination), ("connection", event.connection.as_ref().map(|(_, text)| text.as_str()))]
            {
                if let Some(value) = value {
                    body.extend([",\"", name, "\":", value]);
                }
            }
            body.push('}');
        }
    }
    body.push(']');
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use transform::family::KAFKA;

    fn bodies(form: BodyForm, size: usize, inputs: &[(&str, PayloadFormat)]) -> Vec<Value> {
        let mut batches = Batches::new(&KAFKA, form, size);
        for (body, form) in inputs {
            batches.add(body, *form);
        }
        batches.finish().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    const COMPACTED: &str = r#"{"input":[{"message":{"n":1},"metadata":{"sourceId":"s","destinationId":"d"}},
        {"message":{"n":2},"metadata":{"sourceId":"s","destinationId":"e"}},{"message":{"n":3},"metadata":{"destinationId":"d"}}],
        "destinations":{"d":{"ID":"d"},"e":{"ID":"e"}},"connections":{"s:d":{"enabled":true}}}"#;

    #[test]
    fn bench_requests_have_one_destination_and_at_most_batch_size_events() {
        let found = bodies(
            BodyForm::Compacted,
            2,
            &[(COMPACTED, PayloadFormat::Compacted), (COMPACTED, PayloadFormat::Compacted)],
        );
        let of = |numbers: [u32; 2], id: &str| {
            let numbers = numbers.map(Value::from);
            found.iter().any(|body| {
                body["destinations"] == json!({ id: { "ID": id } })
                    && [0, 1].map(|at| body["input"][at]["message"]["n"].clone()) == numbers
            })
        };
        assert!(of([1, 3], "d") && of([2, 2], "e"), "{found:?}");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0]["connections"], json!({ "s:d": { "enabled": true } }));
    }

    #[test]
    fn bench_sends_the_same_events_in_plain_and_compacted_format() {
        let plain = bodies(BodyForm::Plain, 10, &[(COMPACTED, PayloadFormat::Compacted)]);
        assert_eq!(plain[0][0]["destination"], json!({ "ID": "d" }));
        assert_eq!(plain[0][0]["connection"], json!({ "enabled": true }));
        assert_eq!(plain[1][0]["message"], json!({ "n": 2 }));
        let text = plain[0].to_string();
        let again = bodies(BodyForm::Compacted, 10, &[(&text, PayloadFormat::Plain)]);
        assert_eq!(again, bodies(BodyForm::Compacted, 10, &[(COMPACTED, PayloadFormat::Compacted)])[..1]);
    }

    #[test]
    fn an_event_without_a_destination_id_gets_the_id_of_its_destination() {
        let body = r#"[{"message":{},"destination":{"ID":"d\"1"}},{"metadata":{},"destination":{}},7]"#;
        let found = bodies(BodyForm::Compacted, 10, &[(body, PayloadFormat::Plain)]);
        assert_eq!(found[0]["input"], json!([{ "message": {}, "metadata": { "destinationId": "d\"1" } }]));
        assert_eq!(found[0]["destinations"], json!({ "d\"1": { "ID": "d\"1" } }));
        assert_eq!(found[1]["input"], json!([{ "metadata": { "destinationId": "destination" } }]));
        assert_eq!(found[2]["input"], json!([7]));
    }
}
