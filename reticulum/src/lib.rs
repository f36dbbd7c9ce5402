//! The Reticulum protocol, sans-IO.

pub mod hash;
pub mod time;
