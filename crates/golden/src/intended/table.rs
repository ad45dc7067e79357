//! The intended differences from rudder-transformer (docs/contract.md#intentional-differences).
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
    /// The event has a different topic, and therefore a different `rudderId`. Everything else is equal.
    OtherTopic,
    /// The message has a different timestamp. Everything else is equal.
    OtherTimestamp,
    /// The event has a different response, which is not compared.
    OtherResponse,
    /// Only the number or text that the row names differs.
    OtherValue,
}

impl Shape {
    /// Returns a short description of the shape.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::RequestFails => "request fails",
            Self::EveryEventFails => "every event fails",
            Self::EventFails => "event fails",
            Self::OtherTopic => "different topic",
            Self::OtherTimestamp => "different timestamp",
            Self::OtherResponse => "different response",
            Self::OtherValue => "different value",
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

            /// Returns the stable identifier of the row, used as a metric label and in logs.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns how rudder-transformer's response may differ. Empty if a comparison by value cannot detect the
            /// difference.
            #[must_use]
            pub fn shapes(self) -> &'static [Shape] {
                match self { $(Self::$name => &[$(Shape::$shape),*],)* }
            }

            /// Returns the property of a request that triggers the difference.
            #[must_use]
            pub fn case(self) -> &'static str {
                match self { $(Self::$name => $case,)* }
            }

            /// Describes what rudder-transformer does.
            #[must_use]
            pub fn reference(self) -> &'static str {
                match self { $(Self::$name => $reference,)* }
            }

            /// Describes what this service does.
            #[must_use]
            pub fn ours(self) -> &'static str {
                match self { $(Self::$name => $ours,)* }
            }

            /// Explains why this service behaves differently.
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
        "the message is spread into characters or indices",
        "400 for that event; a missing or `null` message is treated as `{}`",
        "no consumer could read it";
    UnknownDestination, "unknown_destination", [RequestFails, EveryEventFails],
        "compacted: an unknown destination ID",
        "the whole request fails with 500",
        "400 for that event",
        "rudder-server retries a 500 thirty times, then panics";
    DestinationsArray, "destinations_array", [RequestFails, EveryEventFails, OtherResponse],
        "compacted: `destinations` is an array",
        "the indices are used as IDs",
        "400 for these events",
        "an array has no IDs";
    NoConnection, "no_connection", [RequestFails, EveryEventFails],
        "compacted: no entry in `connections`",
        "the whole request fails with 500",
        "200; the event has no connection",
        "only templates read the connection";
    ProtoField, "proto_field", [RequestFails],
        "a field named `__proto__`",
        "400, the batch is lost",
        "the field passes through",
        "the field is ordinary data";
    NoEvents, "no_events", [RequestFails],
        "`[]`",
        "500",
        "`[]`",
        "no events, no responses";
    WrongForm, "wrong_form", [RequestFails, OtherValue],
        "an object without the compacted header, or an array with it",
        "500",
        "400 with an explanation",
        "this is a client error, which a retry does not fix";
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
        "no endpoint accepts anything else";
    FirstVersion, "v1_before_v0", [RequestFails],
        "`/v1/destinations/…` as the first request after a start",
        "500 until the first request for `/v0`",
        "always the same as `/v0`",
        "the order of requests must not matter";
    NumberLiterals, "number_literals", [OtherValue],
        "number literals (`1.0`, `12345678901234567890`, `1e400`)",
        "rounded to doubles and reformatted; `null` if too large for a double",
        "kept digit for digit",
        "a 20-digit ID must not be rounded";
    KeyOrder, "key_order", [],
        "key order and duplicate keys in the message",
        "JavaScript's order; the last duplicate wins",
        "as sent",
        "there is no reason to change the order or the duplicates";
    ObjectMembers, "object_members", [EveryEventFails, EventFails, OtherTopic],
        "an event or type named like a property of every JavaScript object (`constructor`)",
        "the lookup finds a function",
        "the lookup finds nothing",
        "it is an ordinary name";
    MapEntries, "map_entries", [EventFails],
        "entries of topic maps that are not objects",
        "the event fails",
        "such entries are skipped",
        "the other entries are valid";
    MapFrom, "map_from", [EventFails],
        "a `from` in a topic map that is not a string (also from a template)",
        "the event fails with 500",
        "the value is converted to a string",
        "`5` and `\"5\"` name the same event";
    TemplateTakesAll, "template_takes_all", [RequestFails, EveryEventFails, EventFails, OtherResponse],
        "a template that would remove the whole message, metadata or destination",
        "the event fails with 500, or its response lacks these parts",
        "400 for that event",
        "rudder-server retries a 500 thirty times, then panics";
    TemplateOnEmpty, "template_on_empty", [RequestFails, EveryEventFails, EventFails, OtherTopic, OtherResponse],
        "a template whose path is one name (`libraries`, `message` …) with an empty value",
        "the value is removed, so a second use gets the default",
        "the value is kept",
        "empty values are kept on every other path";
    DottedTemplate, "dotted_template", [RequestFails, EveryEventFails],
        "a template path that matches only a field with dots in its name",
        "every event of the request fails with 500",
        "the value is used, and the field is removed",
        "rudder-server retries a 500 thirty times, then panics";
    TemplateTakesLength, "template_takes_length", [RequestFails, EveryEventFails, EventFails],
        "a template on the `.length` of an array",
        "every event of the request fails with 500",
        "400 for that event",
        "rudder-server retries a 500 thirty times, then panics";
    TemplateOnPrototype, "template_on_prototype", [RequestFails, EveryEventFails, EventFails, OtherTopic],
        "a template on `constructor`, `prototype` or another property of every JavaScript object",
        "the lookup finds a function, or every event of the request fails with 500",
        "the field is data",
        "it is an ordinary name";
    SharedTemplate, "shared_template", [OtherTopic],
        "a template on state that events share (`request.query`, `connection`, `destination.DestinationDefinition`)",
        "only the first event of the request gets the value",
        "every event gets the value",
        "an event must not depend on other events";
    OwnConfig, "own_config", [RequestFails, EveryEventFails, EventFails, OtherTopic],
        "a template that reads its own Config",
        "the value disappears from the Config; a cycle causes a 500",
        "the Config is unchanged",
        "a Config is not an event";
    TypeArray, "type_array", [OtherTimestamp],
        "`type` is an array (`[\"track\"]`), and the channel is `sources`",
        "the array is converted to a string",
        "the array is not a type",
        "only a string can be a type";
    OwnToString, "own_to_string", [EveryEventFails, EventFails],
        "`userId`, topic, `rudderId` or event is an object with its own `toString`",
        "the event fails with 500",
        "`[object Object]`",
        "a field is not a function";
    DefinitionName, "definition_name", [RequestFails, EveryEventFails],
        "`DestinationDefinition.Name` is not a string, or names another destination",
        "500 or 400",
        "the name is ignored",
        "the path names the destination";
    BatchEvents, "batch_events", [OtherValue],
        "`/batch`: an event without a destination or metadata, or a message that is not an object",
        "200; the event is grouped",
        "400 for that event",
        "rudder-server always sends all of these";
    BatchNoInput, "batch_no_input", [RequestFails],
        "`/batch` without `input`",
        "500",
        "`[]`",
        "no events, no groups";
    BatchName, "batch_name", [OtherValue],
        "`/batch` for a destination that does not support batches, with `destType` in a different letter case",
        "the error repeats the name as sent",
        "the error uses the destination's canonical name",
        "one name for one destination";
    RouterTransform, "router_transform", [RequestFails, OtherValue],
        "`/routerTransform`",
        "a runtime error; metadata changed by templates",
        "one error per destination ID: the endpoint is not supported",
        "rudder-server never calls this endpoint";
    Limits, "limits", [OtherResponse],
        "the number of events, the size of a response, and the cost of evaluating templates",
        "limited only by memory",
        "limited: 413, or 400 for the event",
        "one request must not block all others";
    Overload, "overload", [],
        "overload",
        "requests queue until memory runs out",
        "retryable 503",
        "nothing is lost, and the process survives";
}

impl IntendedDifference {
    /// Returns whether rudder-transformer's response may have this shape.
    #[must_use]
    pub fn allows(self, shape: Shape) -> bool {
        self.shapes().contains(&shape)
    }

    /// Formats the row for the page, with its code as anchor.
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

const PAGE_START: &str = "# Intentional differences

This page shows in which cases this service intentionally responds differently from rudder-transformer, what that
changes for your events, and why. `rudder-kafka-transformer differences` prints this page.

`verify` and shadow verification use this table. A difference that a row covers is counted under its code and is not a
failure. Whether a row applies depends only on the request, never on this service's response. The last column lists how
rudder-transformer's response may differ for a request or event to which the row applies. `none` means that the values
compare as equal, or that the response is not compared.

| code | the request has | rudder-transformer | this service | because | how rudder-transformer's response may differ |
| --- | --- | --- | --- | --- | --- |
";

const PAGE_END: &str = "
## Shapes

* **request fails**: a status of 400 or above for the whole request.
* **every event fails**: status 200, and a `statusCode` of 400 or above for every event, including valid ones.
  A failure of only this event is also allowed.
* **event fails**: a `statusCode` of 400 or above for this event; the others are compared as usual.
* **different topic**, **different timestamp**: everything else in the response to this event must be the same.
* **different response**: the response to this event is not compared; the others are compared as usual.
* **different value**: only the number or text that the row names may differ. For `/routerTransform`, both transformers
  must fail the same jobs.

The response to a failed event must contain the event's metadata, except for the fields that a template removes.

## Events that rudder-transformer failed because of another one

If one event makes rudder-transformer fail the request or every event, the response contains no results for the other
events. The other events are verified in two ways:

* Always: this service transforms the other events again, without the events to which rows of the table apply. Their
  responses must not change, which shows that one bad event does not affect the others.
* In shadow verification: rudder-transformer gets the request again without the events to which rows of the table apply,
  and the responses to the other events are compared as usual. If no event is left, or this request fails or gets no
  response, the other events cannot be compared, and the request is counted as `intended`.

`verify` uses only the first check, because it reads recorded responses or sends each case only once.
";
