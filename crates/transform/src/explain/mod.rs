//! Explains the decisions for each event of a request.
//!
//! Explanations are built from the decisions that an [`Observer`] receives during the transformation itself, so an
//! explanation cannot contradict the transformation.

pub mod delivery;
pub mod problem;
mod schemas;
mod shape;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::decision::{Decision, KeySource, Tally, Topic, TopicRule};
use crate::family::Family;
use crate::meter::Meter;
use crate::observer::{Filled, Observer, Stamp};
use crate::partition;
use crate::processor;
use crate::reason::Reason;
use crate::rejection::Rejection;
use crate::request::body::{BodyError, Limits, PayloadFormat};
use crate::rules::templates::Templates;
use json::javascript::JsString;
use json::raw::Raw;

use delivery::{DEFAULT_BATCH_BYTES, Judge};
use problem::Verdict;

pub use shape::MAX_VALUE_BYTES;
pub use shape::{
    Explanation, JsonText, KeyChoice, Outcome, RejectionShown, SkippedRule, TemplateUse, TimestampUse, TopicChoice,
};

/// The maximum size of a reported template path, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;

/// The Kafka and rudder-server settings that affect explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The number of partitions of each topic. If set, explanations include the partition of each key.
    pub partitions: Option<NonZeroU32>,
    /// rudder-server's setting `Router.KAFKA.batchBytes`, which is the maximum size of a record in bytes.
    pub batch_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { partitions: None, batch_bytes: DEFAULT_BATCH_BYTES }
    }
}

/// Transforms the events of a request body, as [`processor::respond_within`] does, and calls `on_event` with the
/// explanation of each event.
///
/// If `on_event` returns [`ControlFlow::Break`], the remaining events are skipped. Only one explanation is in memory at
/// a time.
///
/// # Errors
/// [`BodyError`] if the whole request is rejected. `on_event` may already have been called for some events.
#[allow(clippy::too_many_arguments, reason = "the arguments describe the request, the explanations and the limits")]
pub fn explain(
    family: &'static Family,
    body: &str,
    form: PayloadFormat,
    query: &str,
    limits: Limits,
    options: Options,
    meter: &dyn Meter,
    on_event: impl FnMut(&Explanation<'_>) -> ControlFlow<()>,
) -> Result<Tally, BodyError> {
    let mut explainer = Explainer {
        partitions: options.partitions,
        judge: Judge::new(family, options.batch_bytes, meter),
        on_event,
        index: 0,
        seen: Seen::default(),
        templates: HashMap::new(),
    };
    let response = processor::observed(family, body, form, query, limits, meter, &mut explainer)?;
    Ok(response.tally)
}

/// An observer that collects the decisions for the current event, and passes the finished explanation to `on_event`.
struct Explainer<'m, F> {
    partitions: Option<NonZeroU32>,
    judge: Judge<'m>,
    on_event: F,
    index: usize,
    seen: Seen,
    /// The templates of each destination that has templates. The key is the memory address of the destination's text.
    templates: HashMap<usize, Rc<[Template]>>,
}

/// The decisions that have been made for the current event so far.
#[derive(Default)]
struct Seen {
    timestamp: Option<TimestampUse>,
    templates: Vec<TemplateUse>,
    skipped: Vec<SkippedRule>,
    topic: Option<(Option<JsonText>, TopicRule)>,
    key: Option<(String, KeySource)>,
}

/// A template as shown in explanations.
struct Template {
    pointer: Rc<str>,
    path: Rc<str>,
    default: JsonText,
}

impl Template {
    /// Returns the result of this template for an event that has no value at the template's path.
    fn defaulted(&self) -> TemplateUse {
        TemplateUse {
            pointer: Rc::clone(&self.pointer),
            path: Rc::clone(&self.path),
            default: self.default.clone(),
            found: false,
            value_cut: self.default.is_cut(),
            value: Some(self.default.clone()),
            removed: None,
            rejected: false,
        }
    }
}

impl<F: FnMut(&Explanation<'_>) -> ControlFlow<()>> Observer for Explainer<'_, F> {
    fn keeps_response(&self) -> bool {
        false
    }

    fn destination(&mut self, destination: Raw<'_>) {
        self.judge.destination(destination);
    }

    fn timestamp(&mut self, stamp: Stamp<'_>) {
        self.seen.timestamp = Some(TimestampUse::of(stamp));
    }

    fn will_fill(&mut self, destination: Raw<'_>, templates: &Templates) {
        let describe = || {
            let config = destination.member("Config");
            let descriptions = config.into_iter().flat_map(|config| templates.describe(config));
            let templates = descriptions.map(|description| Template {
                pointer: description.pointer.into(),
                path: shape::cut(description.path, MAX_PATH_BYTES).into(),
                default: JsonText::up_to(MAX_VALUE_BYTES, description.default),
            });
            templates.collect()
        };
        let place = destination.text().as_ptr().addr();
        let templates = self.templates.entry(place).or_insert_with(describe);
        self.seen.templates = templates.iter().map(Template::defaulted).collect();
    }

    fn template(&mut self, index: usize, filled: Filled<'_>) {
        let Some(template) = self.seen.templates.get_mut(index) else { return };
        template.found = true;
        match filled {
            Filled::Found { value, removed } => {
                let value = JsonText::up_to(MAX_VALUE_BYTES, value);
                template.value_cut = value.is_cut();
                template.value = Some(value);
                template.removed = removed.then(|| Rc::clone(&template.path));
            }
            Filled::Rejected => {
                template.value = None;
                template.value_cut = false;
                template.rejected = true;
                // The event is rejected, so the remaining templates were not looked up.
                self.seen.templates.truncate(index + 1);
            }
        }
    }

    fn skipped(&mut self, rule: TopicRule, why: impl FnOnce() -> (Reason, String)) {
        let (reason, about) = why();
        self.seen.skipped.push(SkippedRule { rule, tried: rule.text(), reason, text: reason.text(&about) });
    }

    fn routed(&mut self, topic: &Topic<'_>) {
        self.seen.topic = Some((topic.value.map(|value| JsonText::whole(value.text())), topic.rule));
    }

    fn keyed(&mut self, key: Option<&JsString<'_>>, source: KeySource) {
        let key = key.map(|key| partition::as_received(&key.clone().into_decoded()));
        self.seen.key = Some((key.unwrap_or_default(), source));
    }

    fn responded(&mut self, outcome: Result<Decision, Rejection>, response: &str) -> ControlFlow<()> {
        let Seen { timestamp, templates, skipped, topic, key } = std::mem::take(&mut self.seen);
        let Verdict { problems, warnings } = self.judge.verdict(response);
        let explanation = Explanation {
            index: self.index,
            outcome: match outcome {
                Ok(_) if problems.is_empty() => Outcome::Transformed,
                Ok(_) => Outcome::Undeliverable,
                Err(_) => Outcome::Rejected,
            },
            rejection: outcome.err().map(RejectionShown::of),
            problems,
            warnings,
            topic: topic.map(|(value, rule)| TopicChoice { value, rule, text: rule.text(), skipped }),
            key: key.map(|(value, source)| KeyChoice {
                partition: self.partitions.map(|partitions| partition::of_key(&value, partitions)),
                value,
                source,
                text: source.text(),
            }),
            timestamp,
            templates,
            response,
        };
        self.index += 1;
        (self.on_event)(&explanation)
    }
}

#[cfg(test)]
mod tests;
