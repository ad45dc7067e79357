//! Events that fail in rudder-transformer because of another event in the same request. The response of
//! rudder-transformer does not show how these events would have been transformed without the other event.

use super::event::Events;
use super::question::Question;
use crate::compare::{Infinite, elements};
use crate::differences::Differences;
use json::raw::Raw;
use transform::endpoint::Endpoint;
use transform::request::PayloadFormat;

/// The events of a request, except the events that make the whole request or other events fail in rudder-transformer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Siblings {
    /// The 0-based positions of these events in the original request.
    pub indices: Vec<usize>,
    /// A request body with only these events, in the format of the original request.
    pub body: String,
    /// This service's response to `body`.
    pub ours: String,
}

impl Siblings {
    /// Transforms the events of a request again, without the events that make rudder-transformer fail. Adds a
    /// difference to `found` for each event whose new response differs from its response in `ours`. Returns the events,
    /// so that they can be sent to rudder-transformer again.
    pub(super) fn check(
        question: &Question<'_>,
        events: &Events<'_>,
        ours: Raw<'_>,
        found: &mut Differences,
    ) -> Option<Self> {
        let (indices, body) = without_failing_events(question, events)?;
        let alone = question.endpoint.respond(&body, question.form, question.limits).ok()?;
        if let Ok(alone) = Raw::parse(&alone.body) {
            let ours = elements(ours);
            for (index, alone) in indices.iter().zip(elements(alone)) {
                found.compare(&format!("/{index}"), ours.get(*index).copied(), Some(alone), Infinite::Exact);
            }
        }
        Some(Self { indices, body, ours: alone.body })
    }

    /// Converts a pointer that refers to the response to `body` to a pointer that refers to the response to the
    /// original request.
    pub(super) fn restored(&self, pointer: &str) -> String {
        let path = pointer.strip_prefix('/').unwrap_or(pointer);
        let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        let index = first.parse().ok().and_then(|index: usize| self.indices.get(index));
        index.map_or_else(|| pointer.to_owned(), |index| format!("/{index}{rest}"))
    }
}

/// Returns a request body without the events that may make other events fail in rudder-transformer, and the positions
/// of the events in this body. Returns `None` if no event or every event would be removed.
fn without_failing_events(question: &Question<'_>, events: &Events<'_>) -> Option<(Vec<usize>, String)> {
    let Endpoint::Processor { .. } = question.endpoint else { return None };
    let all = &events.request().events;
    let indices: Vec<usize> = (0..all.len()).filter(|index| !events.may_fail_others(*index)).collect();
    if indices.is_empty() || indices.len() == all.len() {
        return None;
    }
    let kept = indices.iter().filter_map(|index| Some(all[*index].as_ref()?.raw.text())).collect::<Vec<_>>().join(",");
    let body = match question.form {
        PayloadFormat::Plain => format!("[{kept}]"),
        PayloadFormat::Compacted => {
            let tables = Raw::parse(question.text).ok()?.members(["destinations", "connections"]);
            let [destinations, connections] = tables.map(|table| table.map_or("{}", Raw::text));
            format!(r#"{{"input":[{kept}],"destinations":{destinations},"connections":{connections}}}"#)
        }
    };
    Some((indices, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_into_a_partial_response_gets_the_event_index_in_the_whole_response() {
        let siblings = Siblings { indices: vec![2, 5], body: String::new(), ours: String::new() };
        assert_eq!(siblings.restored("/1/output/topic"), "/5/output/topic");
        assert_eq!(siblings.restored("/0"), "/2");
        assert_eq!(siblings.restored("/"), "/");
        assert_eq!(siblings.restored("/7/a"), "/7/a");
    }
}
