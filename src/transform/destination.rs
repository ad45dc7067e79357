//! A destination as the request carries it, read once per request (contract, sections 3.2 and 3.4).

use super::dynamic_config::Templates;
use super::family::Family;
use super::json::{Kind, Raw};
use super::rejection::Rejection;
use super::topic::{Routing, RoutingMembers};

/// What the transformation needs to know of a destination.
#[derive(Debug)]
pub struct Destination<'a> {
    /// How it chooses topics, as long as no template does.
    pub routing: Routing<'a>,
    /// The templates in its Config.
    pub templates: Option<Templates>,
}

impl<'a> Destination<'a> {
    /// Reads a destination.
    ///
    /// # Errors
    /// [`Rejection::DestinationNotAnObject`], and what [`Templates::find`] refuses.
    pub fn read(raw: Raw<'a>, family: &Family) -> Result<Self, Rejection> {
        if !raw.is_object() {
            return Err(Rejection::DestinationNotAnObject);
        }
        let [config, has_dynamic_config] = raw.members(["Config", "hasDynamicConfig"]);
        let dynamic = has_dynamic_config.is_none_or(|flag| flag.kind() != Kind::False);
        let templates = match config {
            Some(config) if dynamic => Templates::find(config)?,
            _ => None,
        };
        let members = config.map_or_else(RoutingMembers::default, RoutingMembers::of);
        Ok(Self { routing: Routing::read(members, family), templates })
    }
}
