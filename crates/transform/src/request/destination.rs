//! Reads the settings of a destination once per request (docs/contract.md#dynamic-configuration,
//! docs/contract.md#topic).

use crate::family::Family;
use crate::meter::Usage;
use crate::rejection::Rejection;
use crate::rules::config_value::{Holes, NO_HOLES};
use crate::rules::lazy_object::LazyObject;
use crate::rules::templates::Templates;
use crate::rules::topic::Routing;
use crate::rules::topic_setting::RoutingMembers;
use json::invalid::Invalid;
use json::raw::{Kind, Raw};
use json::reader::Reader;

/// The fields of a destination that the transformation uses. All of them are found in one pass.
#[derive(Default)]
struct Fields<'a> {
    config: Option<Raw<'a>>,
    /// The topic settings in `config`.
    routing: RoutingMembers<'a>,
    has_dynamic_config: Option<Raw<'a>>,
    version: Option<Raw<'a>>,
}

impl<'a> Fields<'a> {
    fn of(destination: Raw<'a>) -> Self {
        let mut fields = Self::default();
        // A `Raw` contains valid JSON, so reading it cannot fail.
        let _ = Reader::of(destination).object::<Invalid>(|reader, key| {
            if key.is("Config") {
                let (config, routing) = RoutingMembers::read(reader)?;
                (fields.config, fields.routing) = (Some(config), routing);
            } else if key.is("hasDynamicConfig") {
                fields.has_dynamic_config = Some(reader.value()?);
            } else if key.is("version") {
                fields.version = Some(reader.value()?);
            } else {
                reader.skip()?;
            }
            Ok(())
        });
        fields
    }
}

/// The properties of a destination that do not depend on the event.
#[derive(Debug)]
pub struct Destination<'a> {
    /// The settings that determine the topics of the destination's events.
    pub routing: Routing<'a>,
    /// The templates in the destination's Config.
    pub templates: Option<Templates>,
    /// The destination with parsed fields, in which templates look up values. `None` if no template has a path that
    /// starts with `destination`, or if parsing the fields would exceed a limit.
    pub lazy: Option<LazyObject<'a>>,
    /// The destination's `version`, which becomes a metric label.
    pub version: Option<Raw<'a>>,
}

impl<'a> Destination<'a> {
    /// Reads a destination.
    ///
    /// # Errors
    /// [`Rejection::DestinationNotAnObject`], and the errors of [`Templates::find_within`]. If [`Usage::halted`]
    /// returns a reason, ignore the error, because the meter halted the request.
    pub fn read(raw: Raw<'a>, family: &Family, usage: &Usage<'_>) -> Result<Self, Rejection> {
        if !raw.is_object() {
            return Err(Rejection::DestinationNotAnObject);
        }
        let Fields { config, routing, has_dynamic_config, version } = Fields::of(raw);
        let dynamic = has_dynamic_config.is_none_or(|flag| flag.kind() != Kind::False);
        let templates = match config {
            Some(config) if dynamic => Templates::find_within(config, usage)?,
            _ => None,
        };
        let holes = templates.as_ref().map_or(&NO_HOLES, Templates::holes);
        let routing = Routing::read(routing, family, holes, usage).map_err(|_| Rejection::TemplatesTooComplex)?;
        let is_addressed = templates.as_ref().is_some_and(|templates| templates.roots()[0]);
        let lazy = is_addressed.then(|| LazyObject::opened(raw, "Config", usage)).flatten();
        Ok(Self { routing, templates, lazy, version })
    }

    /// The positions of templates in the destination's Config.
    #[must_use]
    pub fn holes(&self) -> &Holes {
        self.templates.as_ref().map_or(&NO_HOLES, Templates::holes)
    }
}
