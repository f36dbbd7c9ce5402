//! The node against the running reference implementation, over loopback.

mod api;
mod auto;
mod channels;
pub(crate) mod delivery;
mod durability;
mod families;
mod groups;
mod joining;
mod links;
mod messages;
mod modes;
mod pair;
mod propagation;
mod propagation_node;
mod radio;
mod resources;
mod shared;
mod stamps;
mod transport;
mod twelve;
