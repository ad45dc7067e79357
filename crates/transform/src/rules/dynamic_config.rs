//! Fills the templates of a destination's Config, and removes the values from the event
//! (docs/contract.md#dynamic-configuration).

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use crate::decision::Changes;
use crate::observer::{Filled, Observer};
use crate::rejection::Rejection;
use crate::rules::config_value::FilledValues;
use crate::rules::emptiness;
use crate::rules::lazy_object::{Found, LazyObject};
use crate::rules::path_tree::Hit;
use crate::rules::templates::{INDISPENSABLE, MAX_CONFIG_BYTES, Template, Templates};
use json::raw::{Kind, Raw};

/// The work of choosing the topic, per value of a template in a topic setting.
const ROUTING_WORK: u64 = 16;
/// The work per byte of a value, which is copied, checked for emptiness, and read as part of the topic.
const VALUE_WORK: u64 = 8;

/// A value that a template found.
pub struct Taken<'e> {
    value: Cow<'e, str>,
    /// Whether it was removed from the event.
    removed: bool,
}

/// An event from which templates take their values.
pub trait Source<'e> {
    /// Returns the value for the template with this index, or `None` if the event has none. Removes the value from the
    /// event unless it is empty.
    ///
    /// # Errors
    /// [`Rejection::TemplateTakesAll`], [`Rejection::TemplateTakesLength`], [`Rejection::TemplatesTooComplex`].
    fn take(
        &mut self,
        index: usize,
        template: &Template,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<Taken<'e>>, Rejection>;
}

impl Templates {
    /// Fills the templates from the event, and removes the values from it. Returns the values that can change the
    /// topic.
    ///
    /// # Errors
    /// [`Rejection::TemplateTakesAll`], [`Rejection::TemplateTakesLength`], [`Rejection::TemplatesTooComplex`].
    pub fn fill<'e>(
        &'e self,
        event: &mut impl Source<'e>,
        budget: &mut EventBudget<'_, '_>,
        changes: &mut Changes,
        observer: &mut impl Observer,
    ) -> Result<FilledValues<'e>, Rejection> {
        let mut bytes = self.routing_bytes;
        let mut values = Vec::new();
        for (index, template) in self.templates.iter().enumerate() {
            let taken = match event.take(index, template, budget) {
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
            // Other values are not kept, because many templates may find the same large value.
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

impl<'e> Source<'e> for LazyObject<'e> {
    fn take(
        &mut self,
        _: usize,
        template: &Template,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<Taken<'e>>, Rejection> {
        let place = match self.find(&template.path, budget) {
            Found::Nothing => return Ok(None),
            Found::ArrayLength => return Err(Rejection::TemplateTakesLength),
            Found::TooComplex => return Err(Rejection::TemplatesTooComplex),
            Found::Member(place) => place,
        };
        budget.work(VALUE_WORK * place.value().max_bytes() as u64)?;
        let value = place.value().text_within(budget)?;
        if value == "null" {
            return Ok(None);
        }
        let removed = is_removed(template, &value, budget)?;
        if removed {
            place.remove(budget)?;
        }
        Ok(Some(Taken { value, removed }))
    }
}

impl<'e> Source<'e> for Vec<Option<Hit<'e>>> {
    fn take(
        &mut self,
        index: usize,
        template: &Template,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<Option<Taken<'e>>, Rejection> {
        let Some(hit) = self.get_mut(index).and_then(Option::as_mut).filter(|hit| !hit.value.is_null()) else {
            return Ok(None);
        };
        let value = hit.value.text();
        budget.work(VALUE_WORK * value.len() as u64)?;
        hit.is_removed = is_removed(template, value, budget)?;
        Ok(Some(Taken { value: Cow::Borrowed(value), removed: hit.is_removed }))
    }
}

/// Returns whether a template removes the value that it found. Empty values are not removed.
///
/// # Errors
/// [`Rejection::TemplateTakesAll`] if this would remove a part that every event needs.
fn is_removed(template: &Template, value: &str, budget: &mut EventBudget<'_, '_>) -> Result<bool, Rejection> {
    if is_empty(value, budget)? {
        return Ok(false);
    }
    if INDISPENSABLE.contains(&template.path.as_str()) { Err(Rejection::TemplateTakesAll) } else { Ok(true) }
}

/// Returns whether a value is `""`, or an array or object that contains only empty values
/// (docs/contract.md#template-empty).
fn is_empty(text: &str, budget: &mut EventBudget<'_, '_>) -> Result<bool, Exhausted> {
    let value = Raw::from_valid(text);
    match value.kind() {
        Kind::String => Ok(value.is_string("")),
        // In practice, larger values are not empty.
        Kind::Array | Kind::Object if text.len() <= MAX_CONFIG_BYTES => emptiness::is_empty(value, budget),
        _ => Ok(false),
    }
}
