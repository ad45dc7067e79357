//! Asks the transformation, and gives each of its answers to the output.

use super::super::input::{Frame, Request};
use super::super::troubles::{Trouble, Troubles};
use super::output::{Output, Payload};
use crate::transform::family::Family;
use crate::transform::json::{Invalid, Raw};
use crate::transform::processor;
use crate::transform::reader::Reader;
use crate::transform::rejection::Rejection;
use crate::transform::request::{BodyError, Limits};

/// A batch is small, and an event gets what it needs.
const LIMITS: Limits = Limits { events: usize::MAX, answer_bytes: 1 << 30 };

/// One event's answer, taken apart.
#[derive(Default)]
struct Answer<'a> {
    payload: Option<Payload<'a>>,
    error: Option<Raw<'a>>,
}

/// Writes the answers to a request.
pub(super) fn write(request: &Request, family: &'static Family, output: &mut Output<'_>, troubles: &mut Troubles) {
    match processor::answer(family, &request.body, request.form, "", LIMITS) {
        Ok(answer) => {
            if request.frame == Frame::Array {
                output.array_begins();
            }
            // What the transformation wrote is an array of objects.
            let _ = write_each(&answer.body, request, output, troubles);
            if request.frame == Frame::Array {
                output.array_ends();
            }
        }
        Err(error) => write_apart(request, family, &error, output, troubles),
    }
}

/// What is too much together may be answered one by one: a limit is for a request.
fn write_apart(
    request: &Request,
    family: &'static Family,
    error: &BodyError,
    output: &mut Output<'_>,
    troubles: &mut Troubles,
) {
    let requests = request.singly().unwrap_or_default();
    if request.frame != Frame::Single || requests.len() < 2 {
        troubles.note(request.place(0), Trouble::Unanswered(error.clone()));
        return;
    }
    for request in requests {
        write(&request, family, output, troubles);
    }
}

fn write_each(
    answers: &str,
    request: &Request,
    output: &mut Output<'_>,
    troubles: &mut Troubles,
) -> Result<(), Invalid> {
    let mut index = 0;
    Reader::new(answers).array::<Invalid>(|reader| {
        let mut answer = Answer::default();
        let raw = reader.object::<Invalid>(|reader, key| {
            if key.is("output") {
                answer.payload = Some(Payload::read(reader)?);
            } else if key.is("error") {
                answer.error = Some(reader.value()?);
            } else {
                reader.skip()?;
            }
            Ok(())
        })?;
        let place = || request.place(index);
        if let Some(error) = answer.error {
            let rejection = Rejection::ALL.iter().find(|rejection| error.is_string(rejection.text()));
            troubles.note(place(), Trouble::Refused(rejection.copied().unwrap_or(Rejection::EventNotAnObject)));
        }
        if output.answer(raw, answer.payload.as_ref(), request.frame).is_err() {
            troubles.note(place(), Trouble::UnfitKey);
        }
        index += 1;
        Ok(())
    })?;
    Ok(())
}
