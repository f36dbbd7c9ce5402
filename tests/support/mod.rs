//! What the scenarios stand on: stock Python peers, node processes, and the simulator.

pub mod host;
pub mod process;
pub mod python;
pub mod sim;
pub mod station;
