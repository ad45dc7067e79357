//! Runs the transformation, and writes each event's part of the response to the output.

use std::ops::ControlFlow;

use super::super::diagnostics::Diagnostic;
use super::super::input::Request;
use super::super::run::Stream;
use super::output::{Mark, Output};
use json::raw::Raw;
use transform::decision::Decision;
use transform::explain::delivery::Judge;
use transform::explain::problem::Verdict;
use transform::family::Family;
use transform::meter::Unlimited;
use transform::observer::Observer;
use transform::processor;
use transform::rejection::Rejection;
use transform::request::Limits;

/// Limits that are never reached. Limits protect the service, but requests of the tools are small, and the tools do not
/// keep responses in memory.
pub(in crate::cli) const LIMITS: Limits = Limits { events: usize::MAX, response_bytes: usize::MAX };

/// The settings that events are transformed with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// The family of the destination.
    pub(super) family: &'static Family,
    /// The maximum size of a produced record, in bytes.
    pub(super) batch_bytes: u64,
}

/// A writer that outputs each event's part of the response as soon as this part is created. The latest part can still
/// be removed from the output.
struct Writer<'w, 's> {
    request: &'w Request,
    judge: Judge<'static>,
    /// The number of events with a response.
    answered: usize,
    output: &'w mut Stream<'s, Output>,
    /// Where the output of the latest event begins.
    mark: Mark,
    /// The problems with the latest event.
    diagnostics: Vec<Diagnostic>,
}

impl Writer<'_, '_> {
    /// Makes the output of the latest event final.
    fn keep(&mut self) {
        for diagnostic in self.diagnostics.drain(..) {
            self.output.diagnostics.note(self.request.place(self.answered - 1), diagnostic);
        }
        self.output.hand_over_if_large();
    }
}

impl Observer for Writer<'_, '_> {
    fn keeps_response(&self) -> bool {
        false
    }

    fn destination(&mut self, destination: Raw<'_>) {
        self.judge.destination(destination);
    }

    fn responded(&mut self, outcome: Result<Decision, Rejection>, answer: &str) -> ControlFlow<()> {
        self.keep();
        self.mark = self.output.part.mark();
        let written = self.output.part.answer(answer, outcome.is_ok(), self.request.frame);
        let Verdict { problems, warnings } = self.judge.verdict(answer);
        self.diagnostics.extend(problems.into_iter().map(Diagnostic::Undeliverable));
        self.diagnostics.extend(warnings.into_iter().map(Diagnostic::Doubtful));
        match (outcome, written) {
            (Err(rejection), _) => self.diagnostics.push(Diagnostic::Rejected(rejection)),
            (Ok(_), Err(_)) => self.diagnostics.push(Diagnostic::UnfitKey),
            (Ok(_), Ok(())) => {}
        }
        self.answered += 1;
        ControlFlow::Continue(())
    }
}

/// Transforms a request and writes the response.
pub(super) fn write(request: &Request, target: Target, output: &mut Stream<'_, Output>) {
    let mark = output.part.mark();
    let judge = Judge::new(target.family, target.batch_bytes, &Unlimited);
    let mut writer = Writer { request, judge, answered: 0, output, mark, diagnostics: Vec::new() };
    let result = processor::observed(target.family, &request.body, request.form, "", LIMITS, &Unlimited, &mut writer);
    let Err(error) = result else { return writer.keep() };
    // Limits apply to a request. If all events of this request together exceed a limit, each event is transformed
    // separately.
    let Writer { answered, mark, output, .. } = writer;
    output.part.truncate_to(mark);
    let events = request.events();
    if events.len() <= 1 {
        return output.diagnostics.note(request.place(0), Diagnostic::Unanswered(error));
    }
    for (index, event) in events.into_iter().enumerate().skip(answered.saturating_sub(1)) {
        write(&request.only(index, event), target, output);
    }
}
