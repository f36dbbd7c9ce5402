//! The Reticulum protocol, sans-IO: nothing in here opens a socket, reads a clock, draws randomness of the system's,
//! spawns or blocks. [`node::Node`] is the whole of it; a driver moves bytes, time and results in and out.
//!
//! # Layers
//!
//! Each layer uses those below it, and none above.
//!
//! | module | owns | does not own |
//! |---|---|---|
//! | [`node`] | the facade; our destinations, single packets, the table of links; work as values | what a link or a table does within itself |
//! | `link` | one session: handshake, liveness, proofs, requests, when a resource goes | its interface, routing, duplicates |
//! | `resource` | one transfer: segments, windows, hashmaps, compression | encryption of its messages, timers of the link |
//! | `transport` | interfaces and their queues, filter, duplicates, paths, peers, path requests, receipts | our destinations, links, keys |
//! | [`wire`] | layouts: parsing that borrows, emission | tables, timers, policy |
//! | [`crypto`] | keys, tokens, access codes, the one generator of randomness | which keys are kept |
//! | [`hash`], [`time`] | a type for each kind of hash; time as an argument, exact timers | |
//!
//! One exception: ids, [`node::Priority`] and the settings are declared beside the facade that the application sees, and
//! the layers below name them.
//!
//! Packets, links and proofs of others pass through `node::forwarding`, hooked in where `node::inbound` finds that a
//! packet is not ours; its tables are in `transport`, one a file.
//!
//! # How it is driven
//!
//! Inputs are methods called `handle_…` and commands; each takes the present time. After any of them, drain in this
//! order:
//!
//! 1. [`poll_output`](node::Node::poll_output) until it is empty: events, state to persist, and work;
//! 2. [`poll_transmit`](node::Node::poll_transmit) for each interface of
//!    [`transmit_pending`](node::Node::transmit_pending), as much as its medium takes now;
//! 3. [`poll_timeout`](node::Node::poll_timeout): call [`handle_timeout`](node::Node::handle_timeout) then, and not
//!    before, unless something else happens. An idle node has nothing to do.
//!
//! Frames are pulled for each interface, since a slow medium is the bottleneck: what waits inside can still be
//! overtaken by something more urgent, replaced by something newer, or dropped when it is stale.
//!
//! Public-key operations and other heavy work leave as [`node::Work`] values, which run on any thread and come back
//! through [`handle_work_done`](node::Node::handle_work_done). Results of class [`Packet`](node::WorkClass::Packet)
//! must come back in order of submission, so that what a peer sent in order is told in order; those of class
//! [`Heavy`](node::WorkClass::Heavy) in any. [`work_outstanding`](node::Node::work_outstanding) tells the driver when
//! to stop reading from media with flow control.
//!
//! # Invariants
//!
//! - Same seed, same inputs, same outputs. Maps with random order never decide what is told or sent, or in which order.
//! - What one frame may cost is bounded: table work logarithmic in the bounds of [`node::Limits`], and one public-key
//!   operation, which runs elsewhere. The two exceptions are bounded too: a packet for a destination with ratchets is
//!   tried with up to five keys, and, five times a second, with all; access codes are signed and checked in place.
//! - Every table and queue that a remote can fill has a bound with an eviction rule beside it: [`node::Limits`] states
//!   them with their cost. What the application retained is never evicted.
//! - Nothing is told or done on the strength of a signature that was not checked. A replay changes nothing: neither a
//!   path, nor app_data, nor a ratchet.
//! - A proof leaves when the application hands its [`node::PendingProof`] back, under the policy that leaves it the
//!   choice; dropping that value means that it never leaves.
//! - An announce leaves once the ratchet that it names is durable.
//! - Every refusal has a counter with a name ([`node::Counters`]). Nothing that a remote can trigger is logged.
//!
//! Sections of `spec/reticulum.md` are named where their constants and rules are.

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
