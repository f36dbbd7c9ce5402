//! The Reticulum protocol, sans-IO.

pub mod crypto;
pub mod hash;
pub mod node;
pub mod time;
mod transport;
pub mod wire;
