//! The intended differences from rudder-transformer (docs/contract.md#intentional-differences). This table is the
//! source of `docs/reference/differences.md` and of the labels of metrics, and defines what the comparison allows.

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
    /// The response to the event may differ in any way, so the response is not compared.
    OtherResponse,
    /// Only one number or text differs: the one that the table row describes.
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
            /// All variants, in the order of the table in `docs/reference/differences.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable identifier of the row, used as a metric label and in logs.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns all ways in which rudder-transformer's response may differ. The list is empty if a comparison by
            /// value cannot detect the difference.
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
        "the whole request fails, often with 500, or every event fails",
        "only that event gets 400; if its metadata is not an object, its response has `null` as metadata",
        "rudder-server retries a 500 thirty times, then panics; one malformed event would block the valid events";
    MessageNotAnObject, "message_not_an_object", [RequestFails, EveryEventFails, EventFails, OtherResponse],
        "a message that is a string, array, number or boolean",
        "the message becomes an object with one field per character or array element",
        "400 for that event; a missing or `null` message is treated as `{}`",
        "no consumer could read such an object";
    UnknownDestination, "unknown_destination", [RequestFails, EveryEventFails],
        "in a compacted request: an event with a destination ID that is not a key of `destinations`",
        "the whole request fails with 500",
        "400 for that event",
        "rudder-server retries a 500 thirty times, then panics";
    DestinationsArray, "destinations_array", [RequestFails, EveryEventFails, OtherResponse],
        "in a compacted request: `destinations` is an array",
        "the array indices are used as destination IDs",
        "400 for every event",
        "an array contains no destination IDs";
    NoConnection, "no_connection", [RequestFails, EveryEventFails],
        "in a compacted request: an event without an entry in `connections`",
        "the whole request fails with 500",
        "200; the event has no field `connection`",
        "only templates use the event's `connection`";
    ProtoField, "proto_field", [RequestFails],
        "a field named `__proto__`",
        "the whole request fails with 400, so all of its events are lost",
        "the field is kept",
        "in an event, such a name has no special meaning";
    NoEvents, "no_events", [RequestFails],
        "an empty array (`[]`) as the body",
        "500",
        "`[]`",
        "a request without events needs no responses";
    WrongForm, "wrong_form", [RequestFails, OtherValue],
        "the body is an object, but the header that selects the compacted format is missing; or the body is an array, but this header is present",
        "500",
        "400 with an explanation",
        "this is a client error, which a retry does not fix";
    UnreadableBody, "unreadable_body", [RequestFails, OtherValue],
        "a body that is not JSON, or JSON of the wrong type",
        "400, or 500 with \"Internal Server Error\"",
        "400 with line and column",
        "the sender can locate and fix the error";
    DeepNesting, "deep_nesting", [RequestFails, EveryEventFails],
        "values nested deeper than 5,000 levels",
        "500",
        "200",
        "this service can process deeply nested values";
    ContentType, "content_type", [RequestFails],
        "no `Content-Type`, or a `Content-Type` other than JSON",
        "500",
        "the body is read as JSON",
        "every endpoint accepts only JSON";
    FirstVersion, "v1_before_v0", [RequestFails],
        "`/v1/destinations/…`, if rudder-transformer has not received a request for `/v0/…` since its start",
        "500",
        "the same response as for `/v0/…`",
        "the order of requests must not matter";
    NumberLiterals, "number_literals", [OtherValue],
        "number literals (`1.0`, `12345678901234567890`, `1e400`)",
        "numbers are rounded to doubles and reformatted; a number too large for a double becomes `null`",
        "numbers are kept digit for digit",
        "a 20-digit ID must not be rounded";
    KeyOrder, "key_order", [],
        "key order and duplicate keys in the message",
        "keys are in JavaScript's order; the last duplicate wins",
        "keys and duplicates are kept as sent",
        "there is no need to change the order or the duplicates";
    ObjectMembers, "object_members", [EveryEventFails, EventFails, OtherTopic],
        "an event name or type that is also a property of every JavaScript object, such as `constructor`",
        "the lookup in the topic map finds a function",
        "the lookup in the topic map finds nothing",
        "in an event, such a name has no special meaning";
    MapEntries, "map_entries", [EventFails],
        "a topic map with an entry that is not an object",
        "the event fails",
        "the entry is skipped",
        "a bad entry must not affect the other entries";
    MapFrom, "map_from", [EventFails],
        "a topic map with an entry whose `from` is not a string or comes from a template",
        "the event fails with 500",
        "`from` is converted to a string",
        "`5` and `\"5\"` name the same event";
    TemplateTakesAll, "template_takes_all", [RequestFails, EveryEventFails, EventFails, OtherResponse],
        "a template that would remove the whole message, metadata or destination",
        "the event fails with 500, or its response lacks the removed part",
        "400 for that event",
        "rudder-server retries a 500 thirty times, then panics";
    TemplateOnEmpty, "template_on_empty", [RequestFails, EveryEventFails, EventFails, OtherTopic, OtherResponse],
        "a template whose path is a single name, such as `libraries` or `message`, and leads to an empty value",
        "the value is removed, so a second template with the same path is replaced with its default",
        "the value is kept",
        "for every other path, rudder-transformer keeps empty values too";
    DottedTemplate, "dotted_template", [RequestFails, EveryEventFails],
        "a template whose path matches only a field with dots in its name",
        "every event of the request fails with 500",
        "the value is used, and the field is removed",
        "rudder-server retries a 500 thirty times, then panics";
    TemplateTakesLength, "template_takes_length", [RequestFails, EveryEventFails, EventFails],
        "a template whose path ends with the `.length` of an array",
        "every event of the request fails with 500",
        "400 for that event",
        "rudder-server retries a 500 thirty times, then panics";
    TemplateOnPrototype, "template_on_prototype", [RequestFails, EveryEventFails, EventFails, OtherTopic],
        "a template whose path contains `prototype`, or the name of a property that every JavaScript object has, such as `constructor`",
        "the lookup finds a function, or every event of the request fails with 500",
        "the lookup finds only a field of the event",
        "in an event, such a name has no special meaning";
    SharedTemplate, "shared_template", [OtherTopic],
        "a template whose path leads to a value that events share (in `request.query`, `connection` or `destination`)",
        "only the first event of the request gets the value",
        "every event gets the value",
        "an event must not depend on other events";
    OwnConfig, "own_config", [RequestFails, EveryEventFails, EventFails, OtherTopic],
        "a template whose path leads into the Config that contains the template",
        "the value replaces the template, and is removed from its own place. If the value contains the template, the Config then contains itself, and the request fails with 500",
        "the value replaces the template, and stays in its own place",
        "a template must remove values only from events";
    TypeArray, "type_array", [OtherTimestamp],
        "an event whose `type` is an array (`[\"track\"]`) and whose channel is `sources`",
        "the array is converted to a string",
        "the array is not treated as a type",
        "only a string can be a type";
    OwnToString, "own_to_string", [EveryEventFails, EventFails],
        "a `userId`, topic, `rudderId` or event name that is an object with a field `toString`",
        "the event fails with 500",
        "the object is converted to `[object Object]`",
        "a field of an event is never a function";
    DefinitionName, "definition_name", [RequestFails, EveryEventFails],
        "`DestinationDefinition.Name` is not a string, or is the name of another destination type",
        "500 or 400",
        "the name is ignored",
        "the destination type is in the URL path";
    BatchEvents, "batch_events", [OtherValue],
        "`/batch`: an event without a destination, without metadata, or with a message that is not an object",
        "200; the event is grouped",
        "400 for that event",
        "rudder-server always sends a destination, metadata, and a message that is an object";
    BatchNoInput, "batch_no_input", [RequestFails],
        "a `/batch` request without `input`",
        "500",
        "`[]`",
        "a request without events needs no groups";
    BatchName, "batch_name", [OtherValue],
        "a `/batch` request whose `destType` is not lowercase, for a destination type that does not support batches",
        "the error contains the name as sent",
        "the error contains the canonical name",
        "each destination type has one canonical name";
    RouterTransform, "router_transform", [RequestFails, OtherValue],
        "`/routerTransform`",
        "the response is a runtime error, and templates change the metadata",
        "one error per destination ID: the endpoint is not supported",
        "rudder-server never calls this endpoint";
    Limits, "limits", [OtherResponse],
        "many events, a large response, or templates that are expensive to evaluate",
        "the only limit is memory",
        "above a limit, the request gets 413, or the event gets 400",
        "one request must not block all others";
    Overload, "overload", [],
        "overload",
        "requests queue until memory runs out",
        "retryable 503",
        "rudder-server retries the request, so no events are lost, and this service does not run out of memory";
}

impl IntendedDifference {
    /// Returns whether rudder-transformer's response may have this shape.
    #[must_use]
    pub fn allows(self, shape: Shape) -> bool {
        self.shapes().contains(&shape)
    }

    /// Formats the row as Markdown, with the code of the row as anchor.
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

This page lists the cases in which this service intentionally responds differently from rudder-transformer. Each row of
the table shows both behaviors, and the reason for the difference. `rudder-kafka-transformer differences` prints this
page.

`verify` and shadow verification use the table to decide which differences are allowed. If a row covers a difference,
the difference is counted under the row's code, and is not a failure. Whether a row applies depends only on the request,
except for the row `limits`: it applies to an event that this service rejects because of a limit.

If a row applies to a request or event, the last column lists the differences that are allowed in rudder-transformer's
response to it. `none` has two meanings: for `key_order`, the two responses compare as equal; for `overload`, they are
not compared.

| code | case | rudder-transformer | this service | because | how rudder-transformer's response may differ |
| --- | --- | --- | --- | --- | --- |
";

const PAGE_END: &str = "
## How rudder-transformer's response may differ

* **request fails**: the status of the response is 400 or above.
* **every event fails**: the status of the response is 200, and every event has a `statusCode` of 400 or above,
  including valid events. It is also allowed that the other events succeed, and only the event to which the row applies
  has a `statusCode` of 400 or above.
* **event fails**: the event to which the row applies has a `statusCode` of 400 or above.
* **different topic**: the event to which the row applies has a different topic, and therefore a different `rudderId`,
  which contains the topic. The rest of the response to this event must be equal.
* **different timestamp**: the message of the event to which the row applies has a different timestamp. The rest of the
  response to this event must be equal.
* **different response**: the response to the event to which the row applies is not compared.
* **different value**: only the part of the response that the row describes may differ. For `/routerTransform`, both
  responses must contain only errors, and this service's response must include every job of rudder-transformer's
  response.

If a row applies to one event, the responses to the other events are compared as usual. If that event makes the
whole request or every event fail, the remaining events are checked as described in the next section.

If an event fails in rudder-transformer, rudder-transformer's response to the event must contain the event's metadata,
except for fields that a template removes. The metadata may be missing only if a row with `different response` applies
to the event.

## Valid events that fail in rudder-transformer because of another event

If one event makes the whole request or every event fail in rudder-transformer, rudder-transformer's response contains
no results for the valid events. `verify` and shadow verification therefore check some events again: those to which no
row with `request fails` or `every event fails` applies. Below, these events are called the *remaining events*. There are
two checks:

* **This service's responses, always**: this service transforms the remaining events again, without the other events of
  the request. Each remaining event must get the same response as in the original request. This shows that one bad event
  does not affect the others.
* **rudder-transformer's responses, only in shadow verification**: rudder-transformer gets a second request with the
  remaining events. Its response is compared with this service's response to these events as usual. Three cases prevent
  this comparison: there are no remaining events, the second request gets no response, or all events of the second
  request fail. In these cases, the original request is counted as `intended`.

`verify` cannot do the second check, because it reads recorded responses or sends each case only once.
";
