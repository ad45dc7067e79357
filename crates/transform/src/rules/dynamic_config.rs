//! Fills the templates of a destination's Config with values taken out of the event
//! (docs/contract.md#dynamic-configuration).

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use crate::decision::Changes;
use crate::observer::{Filled, Observer};
use crate::rejection::Rejection;
use crate::rules::config_value::FilledValues;
use crate::rules::emptiness;
use crate::rules::lazy_object::{Found, LazyObject};
use crate::rules::templates::{INDISPENSABLE, MAX_CONFIG_BYTES, Template, Templates};
use json::raw::{Kind, Raw};

/// Work that the value of a template in a topic setting makes when the topic is chosen.
const ROUTING_WORK: u64 = 16;

/// A value that a template found.
struct Taken<'a> {
    value: Cow<'a, str>,
    /// Whether it is not in the event anymore.
    removed: bool,
}

impl Templates {
    /// Fills the templates from the event, taking out of it what was found. The result holds the values of those that
    /// can change the topic.
    ///
    /// # Errors
    /// [`Rejection::TemplateTakesAll`], [`Rejection::TemplateTakesLength`], [`Rejection::TemplatesTooComplex`].
    pub fn fill<'e>(
        &'e self,
        event: &mut LazyObject<'e>,
        budget: &mut EventBudget<'_, '_>,
        changes: &mut Changes,
        observer: &mut impl Observer,
    ) -> Result<FilledValues<'e>, Rejection> {
        let mut bytes = self.routing_bytes;
        let mut values = Vec::new();
        for (index, template) in self.templates.iter().enumerate() {
            let taken = match template.take(event, budget) {
                Ok(taken) => taken,
                Err(rejection) => {
                    observer.template(index, Filled::Rejected);
                    return Err(rejection);
                }
            };
            if let Some(Taken { value, removed }) = &taken {
                observer.template(index, Filled::Found { value, removed: *removed });
                changes.templates_filled += 1;
            } else {
                observer.template(index, Filled::Default);
                changes.templates_defaulted += 1;
            }
            // Only what is needed is kept: a value may be large, and many templates may find it.
            if template.in_routing {
                let value = taken.map_or(Cow::Borrowed(&*template.default), |taken| taken.value);
                bytes += value.len();
                budget.work(ROUTING_WORK)?;
                values.push((index, value));
            }
            if bytes > MAX_CONFIG_BYTES {
                return Err(Rejection::TemplatesTooComplex);
            }
        }
        Ok(FilledValues::of(values))
    }
}

impl Template {
    /// The value in the event, taken out of it unless it is empty; `None` where there is none.
    fn take<'a>(
        &self,
        event: &mut LazyObject<'a>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<Taken<'a>>, Rejection> {
        let place = match event.find(&self.path, budget) {
            Found::Nothing => return Ok(None),
            Found::ArrayLength => return Err(Rejection::TemplateTakesLength),
            Found::TooComplex => return Err(Rejection::TemplatesTooComplex),
            Found::Member(place) => place,
        };
        // Copied, looked through for something that is not empty, and read again as a part of the topic.
        budget.work(8 * place.value().max_bytes() as u64)?;
        let text = place.value().text_within(budget)?;
        if text == "null" {
            return Ok(None);
        }
        let removed = !is_empty(&text, budget)?;
        if removed {
            if INDISPENSABLE.contains(&self.path.as_str()) {
                return Err(Rejection::TemplateTakesAll);
            }
            place.remove(budget)?;
        }
        Ok(Some(Taken { value: text, removed }))
    }
}

/// Whether valid JSON text is `""`, or an array or object of nothing but such (docs/contract.md#template-empty).
fn is_empty(text: &str, budget: &mut EventBudget<'_, '_>) -> Result<bool, Exhausted> {
    let value = Raw::from_valid(text);
    match value.kind() {
        Kind::String => Ok(value.is_string("")),
        // Larger ones are not empty in practice.
        Kind::Array | Kind::Object if text.len() <= MAX_CONFIG_BYTES => emptiness::is_empty(value, budget),
        _ => Ok(false),
    }
}
