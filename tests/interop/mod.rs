//! The node against the running reference implementation, over loopback.

mod api;
mod delivery;
mod durability;
mod links;
mod resources;
