//! What an application does with links: open, close, send, ask, answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Node;
use super::config::ResourcePolicy;
use super::events::{CloseReason, LinkError, LinkInfo, OpenLinkError, ResourceOptions};
use super::ids::{ChannelMessageId, Priority, ReceiptId, ResourceId};
use super::links::Entry;
use crate::crypto::{Identity, Rng};
use crate::hash::{DestinationHash, LinkId, PathHash, RequestId};
use crate::link::{InitiateConfig, Link};
use crate::time::Instant;
use crate::wire::Packet;

impl Node {
    /// Holds answers to link requests back until this long after their arrival, so that the round-trip time which the
    /// initiator measures covers what our proofs of its messages will wait for.
    pub fn set_answer_delay(&mut self, delay: Duration) {
        self.links.answer_delay = delay;
    }

    /// Opens a link to a destination whose announce was heard and to which there is a path. [`Event::LinkOpened`] or
    /// [`Event::LinkClosed`] tells what becomes of it. If nobody answers, its path is requested anew.
    ///
    /// [`Event::LinkOpened`]: super::Event::LinkOpened
    /// [`Event::LinkClosed`]: super::Event::LinkClosed
    pub fn open_link(&mut self, now: Instant, destination: DestinationHash) -> Result<LinkId, OpenLinkError> {
        let peer = self.transport.peers.peer(&destination).ok_or(OpenLinkError::UnknownPeer)?;
        let route = self.transport.route(&destination).ok_or(OpenLinkError::NoPath)?;
        let peer = Arc::clone(&peer.identity);
        let limits = self.transport.limits();
        let config = InitiateConfig {
            destination,
            peer,
            mtu: route.link_mtu,
            hops: route.hops,
            first_hop_timeout: route.first_hop_timeout,
            link: self.links.config(ResourcePolicy::Application, limits.incoming_bytes, 0, false),
        };
        self.make_room_for_link(now);
        let (link, request) = Link::initiate(now, &mut self.rng, config);
        let id = link.id();
        self.links.links.insert(id, Entry { link, interface: route.interface, receipts: HashMap::new() });
        let packet = Packet::link_request(destination, &request);
        self.transport.transmit(now, Some(&route), packet, Priority::Link, &mut self.counters);
        self.pump(now, id);
        Ok(id)
    }

    /// Closes a link and tells its peer; does nothing if it is gone.
    pub fn close_link(&mut self, now: Instant, link: LinkId) {
        self.close_link_for(now, link, CloseReason::Local);
    }

    /// Closes every link, so that nobody waits for a node that is about to end.
    pub fn close_links(&mut self, now: Instant) {
        let mut links: Vec<LinkId> = self.links.links.keys().copied().collect();
        links.sort_unstable();
        links.into_iter().for_each(|link| self.close_link(now, link));
    }

    /// A link as it stands.
    pub fn link(&self, link: LinkId) -> Option<LinkInfo> {
        self.links.links.get(&link).map(|entry| entry.link.info())
    }

    /// What the interface of a link carries, in bits a second; 0 if it is not known.
    pub fn link_bitrate_bps(&self, link: LinkId) -> Option<u64> {
        let interface = self.links.links.get(&link)?.interface;
        Some(self.transport.interfaces.up(interface)?.config.bitrate_bps)
    }

    /// The link whose peer the last frame identified, if it did: for limits that have to hold for the frame behind it already,
    /// which can come before the event is looked at.
    pub fn identified_now(&self) -> Option<LinkId> {
        self.identified
    }

    /// From now on the peer of this link may send requests of so many bytes: more than the destination takes from everybody,
    /// or less. Zero: none are served.
    pub fn set_request_size_max(&mut self, link: LinkId, bytes: u64) -> Result<(), LinkError> {
        self.links.entry(&link)?.link.set_request_size_max(bytes);
        Ok(())
    }

    /// Tells the responder of an active link who we are.
    pub fn identify(&mut self, now: Instant, link: LinkId, identity: &Identity) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.identify(now, rng, identity))
    }

    /// Sends application data of at most [`LinkInfo::mdu`] bytes. The receipt tells whether the peer proved it, for
    /// which it has six round-trip times.
    pub fn send_on_link(
        &mut self,
        now: Instant,
        link: LinkId,
        data: Vec<u8>,
        priority: Priority,
    ) -> Result<ReceiptId, LinkError> {
        let receipt = self.next_receipt();
        let entry = self.links.entry(&link)?;
        let hash = entry.link.send(now, &mut self.rng, &data, priority)?;
        entry.receipts.insert(hash, receipt);
        self.pump(now, link);
        Ok(receipt)
    }

    /// Waits longer than six round-trip times for the proofs of packets sent from now on: at least `min`. For peers that
    /// have work to do before they prove, such as propagation nodes, which check a stamp.
    pub fn set_proof_wait(&mut self, link: LinkId, min: Duration) -> Result<(), LinkError> {
        self.links.entry(&link)?.link.set_proof_wait(min);
        Ok(())
    }

    /// Asks the responder. `data` is one MessagePack value; without a timeout it is 6 round-trip times and 11.25 s.
    /// [`Event::Response`] or [`Event::RequestFailed`] ends it.
    ///
    /// [`Event::Response`]: super::Event::Response
    /// [`Event::RequestFailed`]: super::Event::RequestFailed
    pub fn request(
        &mut self,
        now: Instant,
        link: LinkId,
        path: &str,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<RequestId, LinkError> {
        let unix = self.unix_time(now);
        let path = PathHash::of_path(path);
        self.with_link(now, link, |link, rng| link.request(now, unix, rng, path, data, timeout))
    }

    /// Answers a request with one MessagePack value, as a packet or, if it does not fit one, as a resource.
    pub fn respond(
        &mut self,
        now: Instant,
        link: LinkId,
        request: RequestId,
        value: &[u8],
    ) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.respond(now, rng, request, value))
    }

    /// Answers a request with a file: `data` of any size within the budget, as it is, and `metadata`, one MessagePack value
    /// that describes it (`spec/reticulum.md` 7.3). Browsers of pages take `{"name": bin}` for its name.
    pub fn respond_with_file(
        &mut self,
        now: Instant,
        link: LinkId,
        request: RequestId,
        data: Vec<u8>,
        metadata: Vec<u8>,
    ) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.respond_with_file(now, rng, request, data, metadata))
    }

    /// Opens the channel of an active link: from now on messages of the peer are proven and delivered. What it sends
    /// before is refused, and it repeats that.
    pub fn open_channel(&mut self, link: LinkId) -> Result<(), LinkError> {
        self.links.entry(&link)?.link.open_channel()
    }

    /// Sends a message over the channel of a link, of a type below 0xF000 and at most [`LinkInfo::mdu`] less 6 bytes. They
    /// arrive in order. `Busy`: too much is under way, and [`Event::ChannelReady`] will tell when that is over.
    ///
    /// [`Event::ChannelReady`]: super::Event::ChannelReady
    pub fn send_on_channel(
        &mut self,
        now: Instant,
        link: LinkId,
        kind: u16,
        data: &[u8],
    ) -> Result<ChannelMessageId, LinkError> {
        self.with_link(now, link, |link, rng| link.send_message(now, rng, kind, data))
    }

    /// Writes to a stream over the channel of a link, id at most 16383 as its reader names it. Returns how many bytes found
    /// room, from the front; if not all, [`Event::ChannelReady`] will tell when to go on.
    ///
    /// [`Event::ChannelReady`]: super::Event::ChannelReady
    pub fn write_stream(
        &mut self,
        now: Instant,
        link: LinkId,
        stream: u16,
        data: &[u8],
    ) -> Result<usize, LinkError> {
        self.with_link(now, link, |link, rng| link.write_stream(now, rng, stream, data))
    }

    /// Ends a stream: its reader hears of it after everything that was written.
    pub fn end_stream(&mut self, now: Instant, link: LinkId, stream: u16) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.end_stream(now, rng, stream))
    }

    /// Sends data of any size within the budget.
    pub fn send_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        data: Vec<u8>,
        options: ResourceOptions,
    ) -> Result<ResourceId, LinkError> {
        self.with_link(now, link, |link, rng| link.send_resource(now, rng, data, options))
    }

    /// Accepts a resource that was offered.
    pub fn accept_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        resource: ResourceId,
    ) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.accept_resource(now, rng, resource))
    }

    /// Rejects a resource that was offered, and tells its sender.
    pub fn reject_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        resource: ResourceId,
    ) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.reject_resource(now, rng, resource))
    }

    /// Ends a resource in either direction.
    pub fn cancel_resource(
        &mut self,
        now: Instant,
        link: LinkId,
        resource: ResourceId,
    ) -> Result<(), LinkError> {
        self.with_link(now, link, |link, rng| link.cancel_resource(now, rng, resource))
    }

    fn with_link<T>(
        &mut self,
        now: Instant,
        id: LinkId,
        command: impl FnOnce(&mut Link, &mut Rng) -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        let result = command(&mut self.links.entry(&id)?.link, &mut self.rng);
        self.pump(now, id);
        result
    }
}
