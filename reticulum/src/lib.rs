//! The Reticulum protocol, sans-IO.

pub mod crypto;
pub mod hash;
mod link;
pub mod node;
mod resource;
pub mod time;
mod transport;
pub mod wire;

#[cfg(test)]
mod vectors;
