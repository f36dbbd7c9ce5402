//! Nodes back to back on virtual time. The harness is in `net`; one file a subject.

mod abuse;
mod announces;
mod inbound;
mod links;
mod net;
mod single;
mod spreading;
