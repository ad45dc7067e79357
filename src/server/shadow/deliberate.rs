//! Where the answers may differ: exactly the contract's deliberate differences (section 8), and nothing else.

use std::cell::OnceCell;

use bytes::Bytes;

use super::compare::{Contents, Differences, Infinite, each_member, elements, shown};
use crate::server::endpoint::Endpoint;
use crate::transform::javascript::{JsString, truthy};
use crate::transform::json::{Kind, Raw};
use crate::transform::rejection::Rejection;
use crate::transform::request::{Form, Limits, Request};
use crate::transform::scan::{Scanner, white_space};

/// What both were asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The form of the body.
    pub form: Form,
    /// The bounds of a request.
    pub limits: Limits,
    /// The body.
    pub text: &'a str,
}

/// An answer to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body, without a coding.
    pub body: Bytes,
}

/// Why answers may differ: the rows of the contract's section 8 that can be seen in two answers. Differences that are none
/// between values, such as the order of members, do not occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliberate {
    /// One bad event costs one answer here.
    MalformedEvent,
    /// Its reader of JSON refuses the name.
    ProtoMember,
    /// No events, no answers.
    NoEvents,
    /// Numbers keep their literals here.
    NumberLiterals,
    /// Such a name finds a function there.
    ObjectMembers,
    /// Such entries are skipped here.
    MapEntries,
    /// It is spread into its parts there.
    MessageKind,
    /// Both refuse it, each in its own words.
    UnreadableBody,
}

impl Deliberate {
    /// Every reason.
    pub const ALL: [Deliberate; 8] = [
        Self::MalformedEvent,
        Self::ProtoMember,
        Self::NoEvents,
        Self::NumberLiterals,
        Self::ObjectMembers,
        Self::MapEntries,
        Self::MessageKind,
        Self::UnreadableBody,
    ];

    /// The case, in the words of README's table.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::MalformedEvent => "one malformed event in a batch",
            Self::ProtoMember => "a member named `__proto__`",
            Self::NoEvents => "`[]`",
            Self::NumberLiterals => "number literals (`1.0`, `12345678901234567890`, `1e400`) in message and metadata",
            Self::ObjectMembers => "an event or type named like a member of every JavaScript object (`constructor`)",
            Self::MapEntries => "entries of topic maps that are no objects",
            Self::MessageKind => "a message that is a string, array, number or boolean",
            Self::UnreadableBody => "a body that is no JSON, or JSON of the wrong type",
        }
    }
}

/// Compares both answers to a request.
#[must_use]
pub fn judge(question: &Question<'_>, ours: &Answer, theirs: &Answer, contents: Contents) -> Differences {
    let mut found = Differences::with(contents);
    if ours.status != 200 {
        // What cannot be read is refused by both, each in its own words.
        if theirs.status >= 400 {
            found.allow("", Deliberate::UnreadableBody);
        } else {
            found.tell_whole(format!("status {}", ours.status), format!("status {}", theirs.status));
        }
        return found;
    }
    let (our_text, their_text) = (String::from_utf8_lossy(&ours.body), String::from_utf8_lossy(&theirs.body));
    let Ok(our_value) = Raw::parse(&our_text) else {
        found.tell_whole("no JSON", "an answer");
        return found;
    };
    if theirs.status != 200 {
        match why_it_may_fail(question, our_value, theirs.status).filter(|_| theirs.status >= 400) {
            Some(why) => found.allow("", why),
            None => found.tell_whole(format!("status {}", ours.status), format!("status {}", theirs.status)),
        }
        return found;
    }
    let Ok(their_value) = Raw::parse(&their_text) else {
        found.tell_whole("JSON", "no JSON");
        return found;
    };
    if matches!(question.endpoint, Endpoint::Processor { .. })
        && our_value.kind() == Kind::Array
        && their_value.kind() == Kind::Array
    {
        let (our_events, their_events) = (elements(our_value), elements(their_value));
        let request = OnceCell::new();
        for index in 0..our_events.len().max(their_events.len()) {
            if found.more {
                break;
            }
            let pointer = format!("/{index}");
            match (our_events.get(index), their_events.get(index)) {
                (Some(ours), Some(theirs)) => {
                    Pair { question, request: &request, index, ours: *ours, theirs: *theirs }
                        .judge(&pointer, &mut found);
                }
                (ours, theirs) => found.compare(&pointer, ours.copied(), theirs.copied(), Infinite::IsItself),
            }
        }
    } else {
        // What a router endpoint answers is message, metadata and destination as they came, and fixed texts.
        found.compare("", Some(our_value), Some(their_value), Infinite::MayBeNull);
    }
    found
}

/// Why the reference may lose the whole request here, while we lose one event or none.
fn why_it_may_fail(question: &Question<'_>, ours: Raw<'_>, status: u16) -> Option<Deliberate> {
    // An unknown destination is one, among others.
    if elements(ours).into_iter().any(|answer| status_code(answer) == Some("400")) {
        return Some(Deliberate::MalformedEvent);
    }
    let is_plain_processor = matches!(question.endpoint, Endpoint::Processor { .. }) && question.form == Form::Plain;
    let has_no_events = || Raw::parse(question.text).is_ok_and(|body| elements(body).is_empty());
    if status == 500 && is_plain_processor && ours.text() == "[]" && has_no_events() {
        return Some(Deliberate::NoEvents);
    }
    (status == 400 && has_member_proto(question.text)).then_some(Deliberate::ProtoMember)
}

/// Both answers to one event.
struct Pair<'q, 'a, 'c> {
    question: &'q Question<'a>,
    /// Read again only where answers differ.
    request: &'c OnceCell<Request<'a>>,
    index: usize,
    ours: Raw<'q>,
    theirs: Raw<'q>,
}

impl Pair<'_, '_, '_> {
    fn judge(&self, pointer: &str, found: &mut Differences) {
        if self.ours.text() == self.theirs.text() {
            return;
        }
        let [our_metadata, our_status, our_error] = self.ours.members(["metadata", "statusCode", "error"]);
        let [their_metadata] = self.theirs.members(["metadata"]);
        let they_fail = status_code(self.theirs).is_some_and(|code| code.len() == 3 && code >= "400");
        if our_status.is_some_and(|status| status.text() == "400") {
            let told = |rejection: Rejection| our_error.is_some_and(|error| error.is_string(rejection.text()));
            if they_fail {
                found.allow(pointer, Deliberate::MalformedEvent);
                // Status, text and tags are ours; metadata that is no object is `null` in our answer.
                if !our_metadata.is_some_and(Raw::is_null) {
                    found.compare(&format!("{pointer}/metadata"), our_metadata, their_metadata, Infinite::MayBeNull);
                }
                return;
            }
            if told(Rejection::MessageNotAnObject) {
                found.allow(pointer, Deliberate::MessageKind);
                return;
            }
        } else if they_fail && self.has_map_entry_that_is_no_object() {
            found.allow(pointer, Deliberate::MapEntries);
            return;
        } else if they_fail && self.is_named_like_a_member_of_every_object() {
            found.allow(pointer, Deliberate::ObjectMembers);
            return;
        }
        let mut here = found.none_yet();
        self.compare_parts(pointer, &mut here, false);
        if !here.is_empty() && self.is_named_like_a_member_of_every_object() {
            here = found.none_yet();
            here.allow(pointer, Deliberate::ObjectMembers);
            self.compare_parts(pointer, &mut here, true);
        }
        found.append(here);
    }

    /// Compares member by member; `but_topic` leaves the topic out, and where it is repeated.
    fn compare_parts(&self, pointer: &str, found: &mut Differences, but_topic: bool) {
        each_member(self.ours, self.theirs, |name, ours, theirs| match (name, ours, theirs) {
            (b"output", Some(ours), Some(theirs)) if ours.is_object() && theirs.is_object() => {
                each_member(ours, theirs, |name, ours, theirs| {
                    if !(but_topic && name == b"topic") {
                        let infinite = if name == b"message" { Infinite::MayBeNull } else { Infinite::IsItself };
                        found.compare(&format!("{pointer}/output/{}", shown(name)), ours, theirs, infinite);
                    }
                });
            }
            (b"metadata", Some(ours), Some(theirs)) if but_topic && ours.is_object() && theirs.is_object() => {
                each_member(ours, theirs, |name, ours, theirs| {
                    if name != b"rudderId" {
                        let pointer = format!("{pointer}/metadata/{}", shown(name));
                        found.compare(&pointer, ours, theirs, Infinite::MayBeNull);
                    }
                });
            }
            (b"metadata", ..) => {
                found.compare(&format!("{pointer}/metadata"), ours, theirs, Infinite::MayBeNull);
            }
            _ => found.compare(&format!("{pointer}/{}", shown(name)), ours, theirs, Infinite::IsItself),
        });
    }

    fn request(&self) -> &Request<'_> {
        self.request.get_or_init(|| {
            let Question { text, form, limits, .. } = *self.question;
            Request::processor(text, form, limits).unwrap_or_default()
        })
    }

    /// The event's `destination.Config`.
    fn config(&self) -> Option<Raw<'_>> {
        let request = self.request();
        let event = request.events.get(self.index)?.as_ref()?;
        request.beside.destination_of(event, event.metadata().ok()?).ok()?.member("Config")
    }

    /// An entry of a topic map that is no object fails the event there; here the other entries count.
    fn has_map_entry_that_is_no_object(&self) -> bool {
        self.config().is_some_and(|config| {
            let maps = config.members(["eventTypeToTopicMap", "eventToTopicMap"]);
            maps.into_iter().flatten().any(|map| elements(map).into_iter().any(|entry| !entry.is_object()))
        })
    }

    /// Such a name finds a function in the topic maps there, and nothing here.
    fn is_named_like_a_member_of_every_object(&self) -> bool {
        const NAMES: [&str; 12] = [
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
        let Some(Some(event)) = self.request().events.get(self.index) else { return false };
        let Ok(message) = event.message() else { return false };
        let is_such = |value: Option<Raw<'_>>| {
            let name = JsString::of(value).into_decoded();
            value.is_some() && NAMES.iter().any(|such| *name == *such.as_bytes())
        };
        (is_such(message.kind) || is_such(message.event))
            && self.config().is_some_and(|config| truthy(config.member("enableMultiTopic")))
    }
}

fn status_code(answer: Raw<'_>) -> Option<&str> {
    answer.member("statusCode").map(Raw::text)
}

/// Whether any object in a valid JSON text has a member called `__proto__`, however it is escaped.
fn has_member_proto(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(quote) = bytes.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let start = at + quote + 1;
        let Ok(end) = Scanner::new(bytes).string(start) else { return false };
        at = end.quote + 1;
        let is_name = bytes.get(white_space(bytes, at)) == Some(&b':');
        if is_name && Raw::parse(&text[start - 1..at]).is_ok_and(|name| name.is_string("__proto__")) {
            return true;
        }
    }
    false
}
