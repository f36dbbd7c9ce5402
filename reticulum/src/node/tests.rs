//! Nodes back to back on virtual time. The harness is in `net`; one file a subject.

mod abuse;
mod airtime;
mod announces;
mod blackhole;
mod forwarding;
mod inbound;
mod links;
mod net;
mod relaying;
mod saving;
mod sharing;
mod single;
mod spreading;
mod transit;
