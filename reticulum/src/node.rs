//! The one facade of the crate: owns the transport's tables, our destinations and the links, and connects them.
//!
//! A driver feeds frames, time and results in, and drains what comes out in this order: [`Node::poll_output`] until
//! it is empty, [`Node::poll_transmit`] for each interface of [`Node::transmit_pending`], then
//! [`Node::poll_timeout`] for when to call [`Node::handle_timeout`]. Nothing here reads a clock, draws randomness of
//! the system's, or blocks.

mod config;
mod counters;
mod events;
mod ids;
mod work;

use std::time::Duration;

pub use config::{
    APP_DATA_MAX, APP_DATA_WITH_RATCHET_MAX, DestinationConfig, InterfaceConfig, Limits, Mode, NodeConfig,
    ProofPolicy, ResourcePolicy,
};
pub use counters::Counters;
pub(crate) use events::ProofSubject;
pub use events::{
    AddDestinationError, AnnounceError, CloseReason, Event, LinkError, LinkInfo, LinkRole, LinkStatus, OpenLinkError,
    Output, PeerRecord, PendingProof, Persist, RequestFailure, ResourceFailure, ResourceOptions, SendError,
};
pub use ids::{InterfaceId, PersistId, Priority, ReceiptId, ResourceId, WorkId};
pub use work::{Work, WorkClass, WorkDone};

use crate::crypto::Identity;
use crate::hash::{DestinationHash, LinkId, RequestId};
use crate::time::{Instant, UnixTime};
pub use crate::transport::{InterfaceStats, PathInfo, Peer};

/// A Reticulum node. See the module's documentation for how to drive it.
#[derive(Debug)]
pub struct Node {
    counters: Counters,
}

#[allow(unused_variables, clippy::todo, missing_docs)]
impl Node {
    pub fn new(config: NodeConfig, seed: [u8; 32], now: Instant, unix: UnixTime) -> Self {
        todo!()
    }

    pub fn set_unix_time(&mut self, now: Instant, unix: UnixTime) {
        todo!()
    }

    pub fn unix_time(&self, now: Instant) -> UnixTime {
        todo!()
    }

    pub fn add_interface(&mut self, now: Instant, config: InterfaceConfig) -> InterfaceId {
        todo!()
    }

    pub fn remove_interface(&mut self, now: Instant, interface: InterfaceId) {
        todo!()
    }

    pub fn handle_interface_up(&mut self, now: Instant, interface: InterfaceId) {
        todo!()
    }

    pub fn handle_interface_down(&mut self, now: Instant, interface: InterfaceId) {
        todo!()
    }

    pub fn handle_frame(&mut self, now: Instant, interface: InterfaceId, frame: &[u8]) {
        todo!()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        todo!()
    }

    pub fn handle_work_done(&mut self, now: Instant, done: WorkDone) {
        todo!()
    }

    pub fn handle_persisted(&mut self, now: Instant, id: PersistId) {
        todo!()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    pub fn transmit_pending(&self) -> impl Iterator<Item = InterfaceId> + '_ {
        std::iter::empty()
    }

    pub fn poll_transmit(&mut self, now: Instant, interface: InterfaceId, out: &mut Vec<u8>) -> bool {
        todo!()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    pub fn work_outstanding(&self) -> usize {
        todo!()
    }

    pub fn add_destination(&mut self, config: DestinationConfig) -> Result<DestinationHash, AddDestinationError> {
        todo!()
    }

    pub fn remove_destination(&mut self, now: Instant, destination: &DestinationHash) {
        todo!()
    }

    pub fn set_app_data(&mut self, destination: &DestinationHash, app_data: Vec<u8>) -> Result<(), AnnounceError> {
        todo!()
    }

    pub fn announce(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        on: Option<InterfaceId>,
    ) -> Result<(), AnnounceError> {
        todo!()
    }

    pub fn peer(&self, destination: &DestinationHash) -> Option<&Peer> {
        todo!()
    }

    pub fn add_peer(&mut self, record: PeerRecord) -> bool {
        todo!()
    }

    pub fn retain_peer(&mut self, destination: DestinationHash, retain: bool) {
        todo!()
    }

    pub fn path(&self, destination: &DestinationHash) -> Option<PathInfo> {
        todo!()
    }

    pub fn request_path(&mut self, now: Instant, destination: DestinationHash) {
        todo!()
    }

    pub fn drop_path(&mut self, destination: &DestinationHash) {
        todo!()
    }

    pub fn send_packet(
        &mut self,
        now: Instant,
        destination: DestinationHash,
        plaintext: Vec<u8>,
        priority: Priority,
    ) -> Result<ReceiptId, SendError> {
        todo!()
    }

    pub fn prove(&mut self, now: Instant, proof: PendingProof) {
        todo!()
    }

    pub fn set_answer_delay(&mut self, delay: Duration) {
        todo!()
    }

    pub fn open_link(&mut self, now: Instant, destination: DestinationHash) -> Result<LinkId, OpenLinkError> {
        todo!()
    }

    pub fn close_link(&mut self, now: Instant, link: LinkId) {
        todo!()
    }

    pub fn link(&self, link: LinkId) -> Option<LinkInfo> {
        todo!()
    }

    pub fn identify(&mut self, now: Instant, link: LinkId, identity: &Identity) -> Result<(), LinkError> {
        todo!()
    }

    pub fn send_on_link(
        &mut self,
        now: Instant,
        link: LinkId,
        data: Vec<u8>,
        priority: Priority,
    ) -> Result<ReceiptId, LinkError> {
        todo!()
    }

    pub fn request(
        &mut self,
        now: Instant,
        link: LinkId,
        path: &str,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<RequestId, LinkError> {
        todo!()
    }

    pub fn respond(
        &mut self,
        now: Instant,
        link: LinkId,
        request: RequestId,
        value: &[u8],
    ) -> Result<(), LinkError> {
        todo!()
    }

    pub fn send_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        data: Vec<u8>,
        options: ResourceOptions,
    ) -> Result<ResourceId, LinkError> {
        todo!()
    }

    pub fn accept_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        resource: ResourceId,
    ) -> Result<(), LinkError> {
        todo!()
    }

    pub fn reject_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        resource: ResourceId,
    ) -> Result<(), LinkError> {
        todo!()
    }

    pub fn cancel_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        resource: ResourceId,
    ) -> Result<(), LinkError> {
        todo!()
    }

    /// What was refused, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn interface_stats(&self, interface: InterfaceId) -> Option<InterfaceStats> {
        todo!()
    }
}
