//! `/routerTransform`: none of these destinations has one, and the client is told so (contract, section 6).

use super::answer;
use super::decision::Tally;
use super::javascript::{JsString, Properties};
use super::json::Raw;
use super::request::{BodyError, Counted, Form, Limits, Request, RouterAnswer};

/// Answers one entry per destination of the request.
///
/// # Errors
/// [`BodyError`] where nothing of the body can be answered.
pub fn answer(body: &str, form: Form, limits: Limits) -> Result<RouterAnswer, BodyError> {
    let (family, request) = Request::router(body, form, limits)?;
    let mut out = String::from("{\"output\":[");
    let mut responses = 1;
    if request.events.is_empty() {
        out.push_str("{\"metadata\":[{\"destType\":\"");
        out.push_str(family.name);
        out.push_str("\"}],\"batched\":false,\"statusCode\":400,\"error\":\"Invalid event array\"}");
    } else {
        let mut destinations = Properties::default();
        for event in &request.events {
            let metadata = event.as_ref().and_then(|event| event.metadata().ok());
            let destination = event
                .as_ref()
                .zip(metadata)
                .and_then(|(event, metadata)| request.beside.destination_of(event, metadata).ok());
            let id = JsString::of(destination.and_then(|destination| destination.member("ID")));
            destinations.entry(id.into_decoded(), Vec::<Raw<'_>>::new).extend(metadata.map(|metadata| metadata.raw));
        }
        let destinations = destinations.into_ordered();
        responses = destinations.len() as u64;
        for (index, metadata) in destinations.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            answer::write_unsupported(&mut out, family, "routerTransform", metadata.into_iter());
        }
    }
    out.push_str("]}");
    let tally = Tally { events: request.events.len() as u64, ..Tally::default() };
    let first = request.events.iter().flatten().next();
    let origin = first.map(|first| request.beside.origin_of(first)).unwrap_or_default();
    let counted = Some(Counted { origin, events: tally.events, responses });
    Ok(RouterAnswer { family, body: out, tally, counted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_events_are_counted() {
        let body = r#"{"destType":"kafka","input":[{"destination":{"ID":"a"}},7,{"destination":{"ID":"b"}}]}"#;
        let limits = Limits { events: 10, answer_bytes: 1 << 20 };
        let RouterAnswer { tally, counted, .. } = answer(body, Form::Plain, limits).unwrap();
        assert_eq!(tally, Tally { events: 3, ..Tally::default() });
        // Without metadata none of them has a destination, so they share an entry.
        assert_eq!(counted.map(|counted| (counted.events, counted.responses)), Some((3, 1)));
    }
}
