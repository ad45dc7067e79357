//! Protection against overload: a memory budget, load shedding, limits on connections, and minimum rates. Nothing here
//! depends on HTTP. The reason for a rejection is a [`limit::Limit`] or a [`transform::meter::Halt`].

pub mod connection;
pub mod connection_slot;
pub mod connections;
pub mod descriptors;
pub mod header_bytes;
pub mod limit;
pub mod load_shedding;
pub mod memory_budget;
pub mod memory_limit;
pub mod min_rate;
pub mod permits;
pub mod request_meter;
mod unacknowledged;
