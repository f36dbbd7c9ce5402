//! The one integration-test binary: a file or folder beside this one for each subject.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod abuse;
mod edges;
mod groups;
mod interop;
mod operator;
mod presets;
mod program;
mod sim;
mod support;
mod tour;
