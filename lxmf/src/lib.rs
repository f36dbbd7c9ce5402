//! LXMF: signed messages between destinations, and the router that delivers them, sans-IO on `reticulum`.
//!
//! | module | owns |
//! |---|---|
//! | [`message`] | one message: packing, signature, id, tolerant parsing, verification |
//! | [`fields`] | its map of fields: the registry of keys, typed access, unknown ones kept |
//! | [`app_data`] | what an announce of a delivery destination says |
//! | [`stamp`] | proof of work: workblock, validity, value, search |
//! | [`ticket`] | what lets a peer write without proof of work |
//! | [`paper`] | messages as text that a person carries |
//! | [`propagation`] | what is said to and by propagation nodes |
//! | [`router`] | delivery in both directions, on packets and links that a [`reticulum::node::Node`] owns |
//!
//! The router follows the poll contract of `reticulum`: inputs with a time, outputs that are polled, one deadline.
//! Signing and verifying leave as [`router::Work`] and come back. Nothing here reads a clock, draws randomness of the
//! system's, or blocks.

pub mod app_data;
pub mod fields;
pub mod message;
pub mod paper;
pub mod propagation;
pub mod router;
pub mod stamp;
pub mod ticket;
