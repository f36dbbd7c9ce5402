//! The public interface of a node: protobuf requests in, protobuf responses out. The only module that names the
//! generated types; everybody else sees the group's words.
//!
//! `docs/api.md` is the contract for people, `proto/meshgroup/v1` for programs.

pub mod client;
pub mod control;
mod error;
mod status;
#[cfg(test)]
mod tests;

pub use self::status::{GroupStatus, InterfaceStatus, NodeStatus};
