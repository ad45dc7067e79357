//! The intended differences from rudder-transformer (docs/contract.md#intended-differences).
//! `docs/reference/differences.md`, the labels of metrics and the comparison use this table.

use std::fmt::Write as _;

/// How rudder-transformer's response may differ if an intended difference applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The whole request fails with a status of 400 or above.
    RequestFails,
    /// The status is 200, and every event of the request has a `statusCode` of 400 or above.
    EveryEventFails,
    /// This event has a `statusCode` of 400 or above.
    EventFails,
    /// The event has another topic, and therefore another `rudderId`. Everything else is equal.
    OtherTopic,
    /// The message has another timestamp. Everything else is equal.
    OtherTimestamp,
    /// The event has another response, which is not compared.
    OtherResponse,
    /// A number or text differs in the locations that the case names.
    OtherValue,
}

impl Shape {
    /// A short description of the shape.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::RequestFails => "request fails",
            Self::EveryEventFails => "every event fails",
            Self::EventFails => "event fails",
            Self::OtherTopic => "other topic",
            Self::OtherTimestamp => "other timestamp",
            Self::OtherResponse => "other response",
            Self::OtherValue => "other value",
        }
    }
}

macro_rules! differences {
    ($($name:ident, $code:literal, [$($shape:ident),*], $case:literal, $reference:literal, $ours:literal, $why:literal;)*) => {
        /// An intended difference from rudder-transformer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum IntendedDifference { $(#[doc = $case] $name,)* }

        impl IntendedDifference {
            /// All rows of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A stable identifier of the row, used as the label of metrics and in logs.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How rudder-transformer's response may differ. Empty if a comparison by value cannot show the difference.
            #[must_use]
            pub fn shapes(self) -> &'static [Shape] {
                match self { $(Self::$name => &[$(Shape::$shape),*],)* }
            }

            /// The property of a request that triggers the difference.
            #[must_use]
            pub fn case(self) -> &'static str {
                match self { $(Self::$name => $case,)* }
            }

            /// What rudder-transformer does.
            #[must_use]
            pub fn reference(self) -> &'static str {
                match self { $(Self::$name => $reference,)* }
            }

            /// What this service does.
            #[must_use]
            pub fn ours(self) -> &'static str {
                match self { $(Self::$name => $ours,)* }
            }

            /// Why this service does so.
            #[must_use]
            pub fn why(self) -> &'static str {
                match self { $(Self::$name => $why,)* }
            }
        }
    };
}

differences! {
    MalformedEvent, "malformed_event", [RequestFails, EveryEventFails, EventFails, OtherResponse],
        "an event that is not an object, or whose metadata or destination is missing or not an object",
        "the whole request fails, often with 500, or every event does",
        "that event alone gets 400 (its metadata is `null` unless it is an object)",
        "rudder-server retries a 500 thirty times, then panics, and valid events would wait for the malformed one";
    MessageNotAnObject, "message_not_an_object", [RequestFails, EveryEventFails, EventFails, OtherResponse],
        "a message that is a string, array, number or boolean",
        "is spread into characters or indices",
        "400 for that event; missing and `null` are `{}`",
        "no consumer could read it";
    UnknownDestination, "unknown_destination", [RequestFails, EveryEventFails],
        "compacted: unknown destination id",
        "500, whole request",
        "400 for that event",
        "see the first row";
    DestinationsArray, "destinations_array", [RequestFails, EveryEventFails, OtherResponse],
        "compacted: `destinations` is an array",
        "indices are used as IDs",
        "400 for these events",
        "an array has no IDs";
    NoConnection, "no_connection", [RequestFails, EveryEventFails],
        "compacted: no entry in `connections`",
        "500, whole request",
        "the event has no connection, 200",
        "only templates read the connection";
    ProtoField, "proto_field", [RequestFails],
        "a field named `__proto__`",
        "400, the batch is lost",
        "passes through",
        "it is data";
    NoEvents, "no_events", [RequestFails],
        "`[]`",
        "500",
        "`[]`",
        "no events, no responses";
    WrongForm, "wrong_form", [RequestFails, OtherValue],
        "an object without the compacted header, an array with it",
        "500",
        "400 with an explanation",
        "it is a client error, which a retry does not fix";
    UnreadableBody, "unreadable_body", [RequestFails, OtherValue],
        "a body that is not JSON, or JSON of the wrong type",
        "400 or 500 \"Internal Server Error\"",
        "400 with line and column",
        "the error can be located and fixed";
    DeepNesting, "deep_nesting", [RequestFails, EveryEventFails],
        "values nested deeper than 5,000 levels",
        "500",
        "200",
        "depth costs this service nothing";
    ContentType, "content_type", [RequestFails],
        "no `Content-Type`, or one that is not JSON",
        "500",
        "the body is read as JSON",
        "no endpoint takes anything else";
    FirstVersion, "v1_before_v0", [RequestFails],
        "`/v1/destinations/…` as the first request after a start",
        "500 until the first request for `/v0`",
        "always the same as `/v0`",
        "the order of requests must not matter";
    NumberLiterals, "number_literals", [OtherValue],
        "number literals (`1.0`, `12345678901234567890`, `1e400`)",
        "rounded to a double and formatted again; `null` without a finite double",
        "digit for digit",
        "an ID of 20 digits must not be rounded";
    KeyOrder, "key_order", [],
        "key order and duplicate keys in the message",
        "JavaScript's order, the last duplicate",
        "as sent",
        "there is no reason to change them";
    ObjectMembers, "object_members", [EveryEventFails, EventFails, OtherTopic],
        "an event or type named like a property of every JavaScript object (`constructor`)",
        "finds a function",
        "finds nothing",
        "it is an ordinary name";
    MapEntries, "map_entries", [EventFails],
        "entries of topic maps that are not objects",
        "the event fails",
        "they are skipped",
        "the other entries are valid";
    MapFrom, "map_from", [EventFails],
        "a `from` in a topic map that is not a string (also from a template)",
        "the event fails with 500",
        "it is converted to a string",
        "`5` and `\"5\"` name the same event";
    TemplateTakesAll, "template_takes_all", [RequestFails, EveryEventFails, EventFails, OtherResponse],
        "a template that would remove the whole message, metadata or destination",
        "the event fails with 500, or they are missing in its response",
        "400 for that event",
        "see the first row";
    TemplateOnEmpty, "template_on_empty", [RequestFails, EveryEventFails, EventFails, OtherTopic, OtherResponse],
        "a template whose path is one name (`libraries`, `message` …) with an empty value",
        "the value is removed, so a second use gets the default",
        "the value is kept",
        "empty values are kept on every other path";
    DottedTemplate, "dotted_template", [RequestFails, EveryEventFails],
        "a template path that matches only a field with dots in its name",
        "every event of the request fails with 500",
        "the value is used, and the field removed",
        "see the first row";
    TemplateTakesLength, "template_takes_length", [RequestFails, EveryEventFails, EventFails],
        "a template on the `.length` of an array",
        "every event of the request fails with 500",
        "400 for that event",
        "see the first row";
    TemplateOnPrototype, "template_on_prototype", [RequestFails, EveryEventFails, EventFails, OtherTopic],
        "a template on `constructor`, `prototype` or another property of every JavaScript object",
        "finds a function, or every event of the request fails with 500",
        "the field is data",
        "it is an ordinary name";
    SharedTemplate, "shared_template", [OtherTopic],
        "a template on state that events share (`request.query`, `connection`, `destination.DestinationDefinition`)",
        "only the first event of the request gets the value",
        "every event gets it",
        "an event must not depend on other events";
    OwnConfig, "own_config", [RequestFails, EveryEventFails, EventFails, OtherTopic],
        "a template that reads its own Config",
        "the value disappears from the Config; a cycle is 500",
        "the Config is unchanged",
        "a Config is not an event";
    TypeArray, "type_array", [OtherTimestamp],
        "`type` is an array (`[\"track\"]`), channel `sources`",
        "is read as text",
        "is not a type",
        "only text is a type";
    OwnToString, "own_to_string", [EveryEventFails, EventFails],
        "`userId`, topic, `rudderId` or event is an object with its own `toString`",
        "the event fails with 500",
        "`[object Object]`",
        "a field is not a function";
    DefinitionName, "definition_name", [RequestFails, EveryEventFails],
        "`DestinationDefinition.Name` is not a string, or another destination's",
        "500 or 400",
        "it is ignored",
        "the path names the destination";
    BatchEvents, "batch_events", [OtherValue],
        "`/batch`: an event without destination or metadata, or a message that is not an object",
        "is grouped, 200",
        "400 for that event",
        "rudder-server always sends them";
    BatchNoInput, "batch_no_input", [RequestFails],
        "`/batch` without `input`",
        "500",
        "`[]`",
        "no events, no groups";
    BatchName, "batch_name", [OtherValue],
        "`/batch` of a destination without batches, `destType` in another letter case",
        "the error repeats the name as sent",
        "the error uses the destination's canonical name",
        "one name for one destination";
    RouterTransform, "router_transform", [RequestFails, OtherValue],
        "`/routerTransform`",
        "a runtime error; metadata changed by templates",
        "an error that says what is not supported, by destination ID",
        "rudder-server never requests it";
    Limits, "limits", [OtherResponse],
        "the number of events, the size of a response, and the work of templates",
        "as memory allows",
        "limited: 413, or 400 for the event",
        "one request must not block all others";
    Overload, "overload", [],
        "overload",
        "requests queue until memory runs out",
        "retryable 503",
        "nothing is lost, and the process survives";
}

impl IntendedDifference {
    /// Whether rudder-transformer's response may have this shape.
    #[must_use]
    pub fn allows(self, shape: Shape) -> bool {
        self.shapes().contains(&shape)
    }

    /// The row of the page, with its code as anchor.
    fn row(self) -> String {
        let shapes: Vec<&str> = self.shapes().iter().map(|shape| shape.text()).collect();
        let shapes = if shapes.is_empty() { "none".to_owned() } else { shapes.join(", ") };
        let (code, case, reference, ours, why) = (self.code(), self.case(), self.reference(), self.ours(), self.why());
        format!("| <a id=\"{code}\"></a>`{code}` | {case} | {reference} | {ours} | {why} | {shapes} |")
    }
}

/// Formats the table as Markdown, for `docs/reference/differences.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(PAGE_START);
    for row in IntendedDifference::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{}", row.row());
    }
    page.push_str(PAGE_END);
    page
}

const PAGE_START: &str = "# Intended differences

Where this service responds differently from rudder-transformer on purpose, and why. After reading this page you know
what changes for your events when you swap this service in. `rudder-kafka-transformer differences` prints it.

`verify` and shadow verification compare with this table. A difference that a row covers is counted under its code and is
not a failure. Whether a row applies is decided from the request, never from the response of this service. The last column
lists how the response of rudder-transformer may differ in a request or event to which the row applies; `none` means that
values compare as equal, or that the response is not compared.

| code | the request has | rudder-transformer | this service | because | its response may differ as |
| --- | --- | --- | --- | --- | --- |
";

const PAGE_END: &str = "
## Shapes

* **request fails**: a status of 400 or above for the whole request.
* **every event fails**: status 200, and a `statusCode` of 400 or above for every event, including the good ones. It is
  also allowed that only this event fails.
* **event fails**: a `statusCode` of 400 or above for this event; the others are compared as usual.
* **other topic**, **other timestamp**: everything else in the response to this event has to be the same.
* **other response**: the response to this event is not compared; the others are compared as usual.
* **other value**: only the number or text that the row names may differ. For `/routerTransform` both have to fail, for
  the same jobs.

A failed event has to have the metadata of the request, without the fields that a template removes.

## Events that rudder-transformer failed because of another one

If one event makes rudder-transformer fail the request or every event, its response says nothing about the others. They
are verified in two ways:

* Always: this service transforms them once more without the events that the rows apply to. Their responses must be the
  same, which shows that one bad event does not affect the others.
* In shadow verification: rudder-transformer gets the request once more without these events, and the responses to the
  others are compared as usual. If it fails again, has no response or no event is left, nothing more is known, and the
  request counts as `intended`.

`verify` reads recorded responses, or sends the case only once, so it uses the first way alone.
";
