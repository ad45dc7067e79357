//! Fills the templates in the values of a Config: replaces each template with its value
//! (docs/contract.md#dynamic-configuration).
//!
//! The positions of templates are found once per destination. For each event, only the values that the event needs are
//! filled.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::rules::template::Template;
use json::probe::looked_at;
use json::raw::Raw;

/// The position of a template in the text of a Config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The position of the template's first byte.
    pub start: usize,
    /// The position after the template's last byte.
    pub end: usize,
    /// The index of the template among the Config's templates.
    pub template: usize,
}

/// The positions of all templates of a Config, ascending.
#[derive(Debug, Default)]
pub struct Holes {
    /// The memory address of the Config's text. Every value of the Config is a slice of that text, so the address of
    /// the value gives the value's offset.
    config: usize,
    holes: Vec<Hole>,
}

/// An empty list of positions, for a Config without templates.
pub static NO_HOLES: Holes = Holes { config: 0, holes: Vec::new() };

impl Holes {
    /// Creates the list of positions for a Config. `holes` can be in any order.
    #[must_use]
    pub fn of(config: Raw<'_>, mut holes: Vec<Hole>) -> Self {
        holes.sort_by_key(|hole| hole.start);
        Self { config: config.text().as_ptr().addr(), holes }
    }

    /// Returns the positions of the templates in a value of the Config.
    #[must_use]
    pub fn within(&self, value: Raw<'_>) -> &[Hole] {
        if self.holes.is_empty() {
            return &[];
        }
        let start = value.text().as_ptr().addr() - self.config;
        let first = self.holes.partition_point(|hole| hole.start < start);
        let count = self.holes[first..].partition_point(|hole| hole.start < start + value.text().len());
        &self.holes[first..first + count]
    }

    /// Whether a value of the Config contains a template.
    #[must_use]
    pub fn are_in(&self, value: Raw<'_>) -> bool {
        !self.within(value).is_empty()
    }

    /// If the whole value is a template, returns the template's index.
    #[must_use]
    pub fn template_at(&self, value: Raw<'_>) -> Option<usize> {
        let [hole] = self.within(value) else { return None };
        (hole.end - hole.start == value.text().len()).then_some(hole.template)
    }
}

/// For one event, the values of the templates that can change the topic.
#[derive(Debug, Default)]
pub struct FilledValues<'e> {
    /// All templates of the Config. A template without a value in the fields below uses its default.
    templates: &'e [Template],
    /// For each template that found a value of its own: the index of the template, and the value as JSON text.
    /// Ascending by index.
    values: Vec<(usize, Cow<'e, str>)>,
    /// For each slot whose templates all found the same value: the slot, and the value as JSON text. A slot is the set
    /// of all templates with the same path (see [`PathTree`](super::path_tree::PathTree)). Ascending by slot.
    of_slots: Vec<(usize, &'e str)>,
    /// The texts of filled values of the Config, indexed by [`Part`].
    texts: [OnceCell<String>; 2],
}

/// A value of the Config that may have to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The topic of an entry of a topic map.
    Entry,
    /// `Config.topic`.
    Default,
}

impl<'e> FilledValues<'e> {
    /// Creates an empty set of values: every template uses its default.
    #[must_use]
    pub(super) fn of(templates: &'e [Template]) -> Self {
        Self { templates, ..Self::default() }
    }

    /// Adds the value that one template found.
    pub(super) fn add(&mut self, template: usize, value: Cow<'e, str>) {
        self.values.push((template, value));
    }

    /// Adds the value that all templates of a slot found.
    pub(super) fn add_for_all(&mut self, slot: usize, value: &'e str) {
        self.of_slots.push((slot, value));
    }

    /// Sorts the values for lookups. Needed only if they were not added in ascending order.
    pub(super) fn sort(&mut self) {
        self.values.sort_unstable_by_key(|(template, _)| *template);
        self.of_slots.sort_unstable_by_key(|(slot, _)| *slot);
    }

    /// Returns the value that a template found, or the template's default if it found nothing.
    #[must_use]
    pub fn of_template(&self, template: usize) -> Option<Raw<'_>> {
        let found = self.templates.get(template)?;
        let text = if let Ok(at) = self.values.binary_search_by_key(&template, |(index, _)| *index) {
            &*self.values[at].1
        } else if let Some(slot) = found.slot
            && let Ok(at) = self.of_slots.binary_search_by_key(&slot, |(slot, _)| *slot)
        {
            self.of_slots[at].1
        } else {
            found.default()
        };
        // A value from an event is valid JSON, and so is a default.
        Some(Raw::from_valid(text))
    }

    /// Returns a value of the Config with its templates filled. For each `part`, the text is built only once per event.
    #[must_use]
    pub fn fill<'v>(&'v self, holes: &Holes, value: Raw<'v>, part: Part) -> Raw<'v> {
        match holes.within(value) {
            [] => value,
            _ if let Some(template) = holes.template_at(value) => self.of_template(template).unwrap_or(value),
            _ => Raw::from_valid(self.texts[part as usize].get_or_init(|| self.filled(holes, value))),
        }
    }

    /// Builds the text of a value of the Config with its templates filled.
    #[must_use]
    pub fn filled(&self, holes: &Holes, value: Raw<'_>) -> String {
        let text = value.text();
        let offset = text.as_ptr().addr() - holes.config;
        looked_at(text.len());
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for hole in holes.within(value) {
            out.push_str(&text[copied..hole.start - offset]);
            out.push_str(self.of_template(hole.template).map_or("null", Raw::text));
            copied = hole.end - offset;
        }
        out.push_str(&text[copied..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_in_a_config_are_replaced_by_the_values_found_for_them() {
        let config = Raw::parse(r#"{"a":"{{x}}","b":["{{y}}",{"c":"{{z}}"}],"d":7}"#).unwrap();
        let text = config.text();
        let hole = |name: &str, template| {
            let start = text.find(name).unwrap();
            Hole { start, end: start + name.len(), template }
        };
        let holes = Holes::of(config, vec![hole("\"{{z}}\"", 2), hole("\"{{y}}\"", 1), hole("\"{{x}}\"", 0)]);
        let template = |slot| {
            let mut template = Template::new(["", ""], b"2");
            (template.in_routing, template.slot) = (true, slot);
            template
        };
        let templates = [template(None), template(None), template(Some(7))];
        let mut values = FilledValues::of(&templates);
        values.add(0, "1.0".into());
        values.add_for_all(7, "\"three\"");
        let [a, b, d] = config.members(["a", "b", "d"]).map(Option::unwrap);
        assert_eq!(values.fill(&holes, a, Part::Default).text(), "1.0");
        assert_eq!(values.fill(&holes, b, Part::Entry).text(), r#"["2",{"c":"three"}]"#);
        assert_eq!(values.fill(&holes, d, Part::Default).text(), "7");
        assert_eq!((holes.template_at(a), holes.template_at(b)), (Some(0), None));
        assert!(holes.are_in(b) && !holes.are_in(d));
    }
}
