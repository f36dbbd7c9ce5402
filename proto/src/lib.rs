//! The public protobuf contract of meshgroup, compiled from `meshgroup/v1/*.proto`. The files are the documentation;
//! `docs/api.md` says how their messages travel.
//!
//! Nothing but generated code lives here. In the root package only `src/api` names these types.

/// Version 1 of the contract.
pub mod v1 {
    #![allow(
        missing_docs,
        reason = "the generator documents messages and fields, but not the modules of a oneof"
    )]
    include!(concat!(env!("OUT_DIR"), "/meshgroup.v1.rs"));
}

/// The compiled `FileDescriptorSet` of the contract, without comments. `proto/descriptor.binpb` is the same bytes for
/// programs that build their message types at run time, as `examples/python` does.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.binpb"));

#[cfg(test)]
mod tests;
