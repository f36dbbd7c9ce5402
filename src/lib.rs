//! meshgroup: a group-chat node for the Reticulum mesh. The binary is a thin shell around this library.

pub mod api;
pub mod cli;
pub mod config;
pub mod group;
pub mod host;
pub mod node;
pub mod store;
