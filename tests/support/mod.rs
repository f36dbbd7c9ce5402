//! What the scenarios stand on: stock Python peers, node processes, and the simulator.

pub(crate) mod air;
pub(crate) mod assembly;
pub(crate) mod circle;
pub(crate) mod crowd;
pub(crate) mod disk;
pub(crate) mod folder;
pub(crate) mod host;
pub(crate) mod mesh;
pub(crate) mod meshes;
pub(crate) mod namespace;
pub(crate) mod office;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod python;
pub(crate) mod radios;
pub(crate) mod sim;
pub(crate) mod station;
pub(crate) mod swarm;
