//! Reads the topic maps of a Config once per destination, and looks up topics in them (docs/contract.md#topic-maps).
//!
//! A lookup fills only the templates that it needs.

use std::borrow::Cow;

use crate::meter::{Halt, Usage};
use crate::rules::config_value::Holes;
use crate::rules::topic_setting::{Filling, MAPPED_TYPES, Setting};
use json::javascript::{JsString, trim};
use json::properties::Properties;
use json::raw::{Kind, Raw};

/// A topic map. If several entries have the same name, the last one wins.
#[derive(Debug, Default)]
pub struct TopicMap<'a> {
    normalize: Names,
    /// The index of the template, if the whole map is a template.
    whole: Option<usize>,
    /// The entries without a template in their name.
    entries: Properties<Cow<'a, [u8]>, NamedEntry<'a>>,
    /// The entries whose names depend on the event, each with its 1-based position in the map, ascending.
    templated: Vec<(usize, TemplatedEntry<'a>)>,
    /// The total size, in bytes, of the names of which only a part is a template.
    mixed_bytes: usize,
    /// The size, in bytes, of the largest topic of which only a part is a template.
    largest_mixed: usize,
}

/// The cost of checking one entry whose name depends on the event, in units of work.
const TEMPLATED_WORK: u64 = 16;
/// The cost of filling the templates in a name and comparing the result, in units of work per byte of the name.
const NAME_WORK: u64 = 8;

/// An entry without a template in its name.
#[derive(Debug)]
struct NamedEntry<'a> {
    /// The 1-based position of the entry in the map.
    place: usize,
    to: Option<Setting<'a>>,
}

/// What the names in a map refer to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Names {
    /// The event types in [`MAPPED_TYPES`], ignoring case.
    Types,
    /// Any event name.
    #[default]
    Events,
}

/// An entry whose name depends on the event.
#[derive(Debug)]
enum TemplatedEntry<'a> {
    /// The entry itself is the template with this index.
    Whole(usize),
    /// The name contains a template.
    Named { from: Raw<'a>, to: Option<Setting<'a>> },
}

/// The entry that a lookup found.
#[derive(Debug)]
pub enum Entry<'t> {
    /// The topic comes from the Config. `None` means that the entry has no topic.
    Setting(Option<&'t Setting<'t>>),
    /// The topic comes from the event. `None` means that the entry has no topic.
    FromEvent(Option<Raw<'t>>),
}

impl<'a> TopicMap<'a> {
    /// Reads `eventTypeToTopicMap`.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn of_types(map: Option<Raw<'a>>, holes: &Holes, usage: &Usage<'_>) -> Result<Self, Halt> {
        Self::read(Names::Types, map, holes, usage)
    }

    /// Reads `eventToTopicMap`.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn of_events(map: Option<Raw<'a>>, holes: &Holes, usage: &Usage<'_>) -> Result<Self, Halt> {
        Self::read(Names::Events, map, holes, usage)
    }

    fn read(normalize: Names, map: Option<Raw<'a>>, holes: &Holes, usage: &Usage<'_>) -> Result<Self, Halt> {
        let mut read = Self { normalize, ..Self::default() };
        let Some(map) = map else { return Ok(read) };
        read.whole = holes.template_at(map);
        let mut place = 0;
        let mut outcome = Ok(());
        map.for_each_element(|entry| {
            place += 1;
            if outcome.is_ok() {
                outcome = read.add(place, entry, holes, usage);
            }
        });
        outcome.map(|()| read)
    }

    fn add(&mut self, place: usize, entry: Raw<'a>, holes: &Holes, usage: &Usage<'_>) -> Result<(), Halt> {
        let templated = if let Some(template) = holes.template_at(entry) {
            TemplatedEntry::Whole(template)
        } else {
            let [from, to] = entry.members(["from", "to"]);
            let Some(from) = from else { return Ok(()) };
            let to = to.map(|to| Setting::of(to, holes));
            self.largest_mixed = self.largest_mixed.max(to.as_ref().map_or(0, Setting::mixed_bytes));
            if !holes.are_in(from) {
                usage.keep(JsString::max_bytes(from))?;
                let Some(name) = self.normalize.name(from) else { return Ok(()) };
                usage.keep(Properties::<_, NamedEntry<'_>>::member_bytes(&name))?;
                self.entries.set(name, NamedEntry { place, to });
                return Ok(());
            }
            if holes.template_at(from).is_none() {
                self.mixed_bytes += from.text().len();
            }
            TemplatedEntry::Named { from, to }
        };
        usage.keep_one_more(&self.templated)?;
        self.templated.push((place, templated));
        Ok(())
    }

    /// The cost of a lookup, in units of work. It is the same for every event.
    #[must_use]
    pub fn work(&self) -> u64 {
        TEMPLATED_WORK * self.templated.len() as u64 + NAME_WORK * self.mixed_bytes as u64 + self.largest_mixed as u64
    }

    /// Returns the last entry called `name`. Templates in the names of entries are filled with `filling`.
    #[must_use]
    pub fn find<'t>(&'t self, name: &[u8], filling: Filling<'t>) -> Option<Entry<'t>> {
        if let Some(template) = self.whole {
            return self.find_in(filling.values.of_template(template)?, name);
        }
        let entry = self.entries.get(name);
        let after = entry.map_or(0, |entry| entry.place);
        let templated = self.templated.iter().rev().take_while(|(place, _)| *place > after);
        let later = templated.into_iter().find_map(|(_, entry)| match entry {
            TemplatedEntry::Whole(template) => self.match_entry(filling.values.of_template(*template)?, name),
            TemplatedEntry::Named { from, to } => {
                let filled = match filling.holes.template_at(*from) {
                    Some(template) => Cow::Borrowed(filling.values.of_template(template)?.text()),
                    None => Cow::Owned(filling.values.filled(filling.holes, *from)),
                };
                let matches = self.normalize.name(Raw::from_valid(&filled)).is_some_and(|from| *from == *name);
                matches.then_some(Entry::Setting(to.as_ref()))
            }
        });
        later.or_else(|| entry.map(|entry| Entry::Setting(entry.to.as_ref())))
    }

    /// Returns the last entry called `name` in `map`. The map was taken from the event.
    fn find_in<'t>(&self, map: Raw<'t>, name: &[u8]) -> Option<Entry<'t>> {
        let mut found = None;
        map.for_each_element(|entry| {
            if let Some(entry) = self.match_entry(entry, name) {
                found = Some(entry);
            }
        });
        found
    }

    /// Returns `entry` if its name is `name`. The entry was taken from the event.
    fn match_entry<'t>(&self, entry: Raw<'t>, name: &[u8]) -> Option<Entry<'t>> {
        let [from, to] = entry.members(["from", "to"]);
        (*self.normalize.name(from?)? == *name).then_some(Entry::FromEvent(to))
    }
}

impl Names {
    /// Returns the normalized name of an entry, or `None` if the entry is ignored.
    fn name(self, from: Raw<'_>) -> Option<Cow<'_, [u8]>> {
        if from.kind() == Kind::Null {
            return None;
        }
        let from = JsString::of(Some(from)).into_decoded();
        match self {
            // Ignoring ASCII case is enough: no non-ASCII letter has a lowercase form that occurs in these types.
            Names::Types => {
                let name = MAPPED_TYPES.into_iter().find(|name| from.eq_ignore_ascii_case(name.as_bytes()))?;
                Some(Cow::Borrowed(name.as_bytes()))
            }
            Names::Events => (!trim(&from).is_empty()).then_some(from),
        }
    }
}
