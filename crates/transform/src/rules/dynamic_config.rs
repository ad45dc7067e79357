//! Fills the templates of a destination's Config with values of an event, and removes these values from the event
//! (docs/contract.md#dynamic-configuration).

use std::borrow::Cow;

use crate::budget::{EventBudget, Exhausted};
use crate::decision::Changes;
use crate::observer::{Filled, Observer};
use crate::rejection::Rejection;
use crate::rules::config_value::FilledValues;
use crate::rules::emptiness;
use crate::rules::lazy_object::{Found, LazyObject};
use crate::rules::path_tree::{Hit, PathTree};
use crate::rules::template::Template;
use crate::rules::templates::{INDISPENSABLE, MAX_CONFIG_BYTES, Templates};
use json::raw::{Kind, Raw};

/// The cost of a lookup, in units of work, without the cost of comparing names.
const LOOKUP_WORK: u64 = 64;
/// The cost of a value, in units of work per byte. The value is copied, checked for emptiness, and read as part of the
/// topic.
const VALUE_WORK: u64 = 2;

/// Fills the templates of a Config for one event.
pub struct Filler<'t, 'f, 'u, 'm, O> {
    templates: &'t Templates,
    budget: &'f mut EventBudget<'u, 'm>,
    observer: &'f mut O,
    /// The number of templates that found a value.
    filled: u32,
    /// The size of the topic settings after their templates have been filled, in bytes.
    routing_bytes: usize,
}

impl<'t, 'f, 'u, 'm, O: Observer> Filler<'t, 'f, 'u, 'm, O> {
    /// Prepares for filling `templates` for one event.
    pub fn new(templates: &'t Templates, budget: &'f mut EventBudget<'u, 'm>, observer: &'f mut O) -> Self {
        Self { templates, budget, observer, filled: 0, routing_bytes: templates.routing_bytes }
    }

    /// Looks up `templates` in `event`, one after another. Removes each value that it finds from the event, unless the
    /// value is empty. All templates that are not in `templates` use their default. Returns the values that can change
    /// the topic.
    ///
    /// # Errors
    /// [`Rejection::TemplateTakesAll`], [`Rejection::TemplateTakesLength`] or [`Rejection::TemplatesTooComplex`].
    pub fn fill_lazily<'e>(
        mut self,
        templates: impl Iterator<Item = usize>,
        event: &mut LazyObject<'e>,
        changes: &mut Changes,
    ) -> Result<FilledValues<'e>, Rejection>
    where
        't: 'e,
    {
        let mut values = FilledValues::of(&self.templates.templates);
        for index in templates {
            self.look_up(index, event, &mut values)?;
        }
        Ok(self.finish(values, changes))
    }

    /// Fills the templates in `tree` with the values in `hits`, and marks the hits whose fields must be removed from
    /// the event. `elsewhere` can contain further templates together with an event; these templates are looked up in
    /// that event. Returns the values that can change the topic.
    ///
    /// # Errors
    /// The same errors as [`Self::fill_lazily`].
    pub fn fill_found<'e>(
        mut self,
        (tree, hits): (&PathTree, &mut [Hit<'e>]),
        elsewhere: Option<(impl Iterator<Item = usize>, &mut LazyObject<'e>)>,
        changes: &mut Changes,
    ) -> Result<FilledValues<'e>, Rejection>
    where
        't: 'e,
    {
        let mut values = FilledValues::of(&self.templates.templates);
        for hit in hits.iter_mut().filter(|hit| !hit.value.is_null()) {
            let value = hit.value.text();
            let templates = tree.templates_at(hit.slot);
            let work = self.budget.work(VALUE_WORK * value.len() as u64);
            let Ok(is_empty) = work.and_then(|()| is_empty(value, self.budget)) else {
                self.observer.template(templates[0], Filled::Rejected);
                return Err(Rejection::TemplatesTooComplex);
            };
            hit.is_removed = !is_empty;
            // Once the first template has removed the value, the other templates of the slot find nothing.
            let templates = if hit.is_removed { &templates[..1] } else { templates };
            self.filled += templates.len() as u32;
            for &index in templates {
                self.observer.template(index, Filled::Found { value, removed: hit.is_removed });
            }
            if hit.is_removed {
                self.keep(templates[0], Cow::Borrowed(value), &mut values)?;
            } else if self.templates.slot_in_routing(hit.slot) > 0 {
                self.charge(self.templates.slot_in_routing(hit.slot) * value.len())?;
                values.add_for_all(hit.slot, value);
            }
        }
        if let Some((templates, event)) = elsewhere {
            for index in templates {
                self.look_up(index, event, &mut values)?;
            }
        }
        values.sort();
        Ok(self.finish(values, changes))
    }

    /// Looks up the template at `index` in `event`, and removes its value from the event unless the value is empty.
    fn look_up<'e>(
        &mut self,
        index: usize,
        event: &mut LazyObject<'e>,
        values: &mut FilledValues<'e>,
    ) -> Result<(), Rejection> {
        let template = &self.templates.templates[index];
        match take(event, template, self.budget) {
            Ok(Some((value, removed))) => {
                self.observer.template(index, Filled::Found { value: &value, removed });
                self.filled += 1;
                self.keep(index, value, values)
            }
            Ok(None) => Ok(()),
            Err(rejection) => {
                self.observer.template(index, Filled::Rejected);
                Err(rejection)
            }
        }
    }

    /// Adds a value to `values` if the value can change the topic. Other values are not kept, because many templates
    /// may find the same large value.
    fn keep<'e>(&mut self, index: usize, value: Cow<'e, str>, values: &mut FilledValues<'e>) -> Result<(), Rejection> {
        if self.templates.templates[index].in_routing {
            self.charge(value.len())?;
            values.add(index, value);
        }
        Ok(())
    }

    /// Adds `bytes` to the size of the filled topic settings. Fails if the size exceeds [`MAX_CONFIG_BYTES`].
    fn charge(&mut self, bytes: usize) -> Result<(), Rejection> {
        self.routing_bytes = self.routing_bytes.saturating_add(bytes);
        if self.routing_bytes > MAX_CONFIG_BYTES { Err(Rejection::TemplatesTooComplex) } else { Ok(()) }
    }

    fn finish<'e>(self, values: FilledValues<'e>, changes: &mut Changes) -> FilledValues<'e> {
        changes.templates_filled = self.filled;
        changes.templates_defaulted = self.templates.templates.len() as u32 - self.filled;
        values
    }
}

/// Looks up the value for a template, and removes it from the event unless it is empty. Returns the value and whether
/// it was removed, or `None` if the event has no value for the template.
fn take<'e>(
    event: &mut LazyObject<'e>,
    template: &Template,
    budget: &mut EventBudget<'_, '_>,
) -> Result<Option<(Cow<'e, str>, bool)>, Rejection> {
    budget.work(LOOKUP_WORK)?;
    let place = match event.find(template.path(), budget) {
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
    if is_empty(&value, budget)? {
        return Ok(Some((value, false)));
    }
    if INDISPENSABLE.contains(&template.path()) {
        return Err(Rejection::TemplateTakesAll);
    }
    place.remove(budget)?;
    Ok(Some((value, true)))
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
