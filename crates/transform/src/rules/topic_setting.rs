//! The topic settings of a destination (docs/contract.md#topic).

use std::cell::OnceCell;

use crate::meter::Usage;
use crate::rules::config_value::{FilledValues, Holes, Part};
use json::invalid::Invalid;
use json::javascript::{JsString, if_truthy, truthy};
use json::raw::{Kind, Raw};
use json::reader::Reader;

/// The values of the topic settings in a Config, in the order of [`RoutingMembers::NAMES`].
#[derive(Debug, Clone, Copy, Default)]
pub struct RoutingMembers<'a>(pub [Option<Raw<'a>>; 4]);

impl RoutingMembers<'_> {
    /// The names of the topic settings.
    pub const NAMES: [&'static str; 4] = ["topic", "enableMultiTopic", "eventTypeToTopicMap", "eventToTopicMap"];
}

impl<'a> RoutingMembers<'a> {
    /// Looks up the topic settings in a Config. A Config that is not an object has no topic settings.
    #[must_use]
    pub fn of(config: Raw<'a>) -> Self {
        Self(config.members(Self::NAMES))
    }

    /// Reads a Config and its topic settings.
    ///
    /// # Errors
    /// [`Invalid`] if there is no value.
    pub fn read(reader: &mut Reader<'a, false>) -> Result<(Raw<'a>, Self), Invalid> {
        let mut found = Self::default();
        if reader.peek() != Some(b'{') {
            return Ok((reader.value()?, found));
        }
        let config = reader.object::<Invalid>(|reader, key| {
            match Self::NAMES.iter().position(|name| key.is(name)) {
                Some(index) => found.0[index] = Some(reader.value()?),
                None => reader.skip()?,
            }
            Ok(())
        })?;
        Ok((config, found))
    }
}

/// The message types that `eventTypeToTopicMap` can route.
pub const MAPPED_TYPES: [&str; 5] = ["identify", "screen", "page", "group", "alias"];

/// A topic in a Config.
#[derive(Debug)]
pub struct Setting<'a> {
    value: Raw<'a>,
    truthy: bool,
    /// Whether the value contains a template.
    is_templated: bool,
    /// Whether the whole value is a template.
    is_template: bool,
    /// The result of `String(value)` for an array or a number, computed only once.
    text: OnceCell<Box<str>>,
}

/// The templates of a destination and their values for one event.
#[derive(Clone, Copy)]
pub struct Filling<'e> {
    /// The positions of templates in the Config.
    pub holes: &'e Holes,
    /// The values of the templates.
    pub values: &'e FilledValues<'e>,
}

impl<'a> Setting<'a> {
    /// Creates the setting for a topic value of a Config.
    #[must_use]
    pub fn of(value: Raw<'a>, holes: &Holes) -> Self {
        Self {
            value,
            truthy: truthy(Some(value)),
            is_templated: holes.are_in(value),
            is_template: holes.template_at(value).is_some(),
            text: OnceCell::new(),
        }
    }

    /// The size of the value, in bytes, if only a part of it is a template; otherwise 0. Filling such a value copies
    /// all of it.
    pub(super) fn mixed_bytes(&self) -> usize {
        if self.is_templated && !self.is_template { self.value.text().len() } else { 0 }
    }

    /// Returns the value with its templates filled for one event, plus `String(value)` if that value is truthy.
    pub(super) fn fill<'t>(
        &'t self,
        filling: Filling<'t>,
        part: Part,
        usage: &Usage<'_>,
    ) -> (Raw<'t>, Option<JsString<'t>>) {
        if self.is_templated {
            let value = filling.values.fill(filling.holes, self.value, part);
            return (value, if_truthy(Some(value)).map(|value| JsString::of(Some(value))));
        }
        (self.value, self.truthy.then(|| self.text(usage)))
    }

    fn text(&self, usage: &Usage<'_>) -> JsString<'_> {
        if !matches!(self.value.kind(), Kind::Array | Kind::Number) {
            return JsString::of(Some(self.value));
        }
        let text = self.text.get_or_init(|| {
            // If the meter rejects the charge, the whole request fails, so the text is not used.
            match usage.keep(JsString::max_bytes(self.value)) {
                Ok(()) => JsString::of(Some(self.value)).escaped().into(),
                Err(_) => Box::default(),
            }
        });
        JsString::from_escaped(text)
    }
}
