//! Asks the transformation, and gives each of its answers to the output.

use std::ops::ControlFlow;

use super::super::input::{Frame, Request};
use super::super::troubles::{Trouble, Troubles};
use super::output::Output;
use crate::transform::decision::Decision;
use crate::transform::family::Family;
use crate::transform::observer::Observer;
use crate::transform::processor;
use crate::transform::rejection::Rejection;
use crate::transform::request::Limits;

/// A request made here is small, and an event gets what it needs.
pub(in crate::cli) const LIMITS: Limits = Limits { events: usize::MAX, answer_bytes: 1 << 30 };

/// Writes each answer as it is made.
struct Writer<'w> {
    request: &'w Request,
    index: usize,
    output: &'w mut Output,
    troubles: &'w mut Troubles,
}

impl Observer for Writer<'_> {
    fn answered(&mut self, outcome: Result<Decision, Rejection>, answer: &str) -> ControlFlow<()> {
        if let Err(rejection) = outcome {
            self.troubles.note(self.request.place(self.index), Trouble::Refused(rejection));
        }
        if self.output.answer(answer, outcome.is_ok(), self.request.frame).is_err() {
            self.troubles.note(self.request.place(self.index), Trouble::UnfitKey);
        }
        self.index += 1;
        ControlFlow::Continue(())
    }
}

/// Writes the answers to a request.
pub(super) fn write(request: &Request, family: &'static Family, output: &mut Output, troubles: &mut Troubles) {
    if request.frame == Frame::Array {
        output.array_begins();
    }
    write_events(request, family, output, troubles);
    if request.frame == Frame::Array {
        output.array_ends();
    }
}

fn write_events(request: &Request, family: &'static Family, output: &mut Output, troubles: &mut Troubles) {
    let (mark, mut noted) = (output.mark(), Troubles::default());
    let mut writer = Writer { request, index: 0, output, troubles: &mut noted };
    let Err(error) = processor::observed(family, &request.body, request.form, "", LIMITS, &mut writer) else {
        troubles.add(noted);
        return;
    };
    output.forget_behind(mark);
    // What is too much together may be answered one by one: a limit is for a request.
    match request.singly() {
        Some(requests) if requests.len() > 1 => {
            for request in requests {
                write_events(&request, family, output, troubles);
            }
        }
        _ => troubles.note(request.place(0), Trouble::Unanswered(error)),
    }
}
