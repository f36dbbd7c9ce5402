//! Transfers of clients and peers, from the offer of a resource until what they brought is kept (`spec/lxmf.md` 9.1, 10.3).
//!
//! A stamp takes milliseconds to check, and anybody can cause that: transfers under way are bounded in number and bytes.

use std::collections::HashMap;
use std::time::Duration;

use reticulum::hash::{DestinationHash, IdentityHash, LinkId};
use reticulum::node::{Node, PendingProof, ResourceId};
use reticulum::time::Instant;

use super::peers::News;
use super::values::{Change, Kept, Output};
use super::work::{Checked, Job, Work};
use super::{PropagationNode, node_address};
use crate::propagation::bodies::{self, Code};
use crate::propagation::split_stored;

/// Transfers whose stamps are being checked; a further one gets no proof, so it comes again.
const TRANSFERS_MAX: usize = 64;
/// Bytes of them.
const TRANSFERRED_LEN_MAX: usize = 32 << 20;
/// Stamps that one piece of work checks: some 50 ms.
const SLICE: usize = 16;
/// How long who brought a bad stamp is not listened to (`spec/lxmf.md` 10.3).
const PENALTY: Duration = Duration::from_secs(180);
/// Who is under a penalty; the one that ends first makes room.
const PENALTIES_MAX: usize = 1_024;
/// Transfers of peers under way, from offer to the last stamp; a further offer is told to come back
/// (`spec/lxmf.md` 10.4).
const PEER_TRANSFERS_MAX: usize = 3;
/// How long a peer has from the answer to its offer until its transfer is here.
const PEER_TRANSFER_TIME: Duration = Duration::from_secs(900);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    transfers: HashMap<u64, Transfer>,
    next: u64,
    bytes: usize,
    penalties: HashMap<IdentityHash, Instant>,
    /// Links whose peers were told to transfer, and until when they may.
    expected: HashMap<LinkId, Instant>,
}

#[derive(Debug)]
struct Transfer {
    link: LinkId,
    proof: PendingProof,
    is_packet: bool,
    remote: Option<IdentityHash>,
    /// The peer, if a peering key was shown.
    peer: Option<DestinationHash>,
    bytes: usize,
    slices_left: usize,
    kept: Vec<Kept>,
    ours: Vec<Vec<u8>>,
    bad: u32,
    not_served: u32,
}

impl Uploads {
    pub(super) fn is_punished(&self, now: Instant, identity: IdentityHash) -> bool {
        self.penalties.get(&identity).is_some_and(|until| *until > now)
    }

    fn punish(&mut self, now: Instant, identity: IdentityHash) {
        self.penalties.retain(|_, until| *until > now);
        if self.penalties.len() >= PENALTIES_MAX
            && let Some(first) = self.penalties.iter().min_by_key(|(_, until)| **until).map(|(who, _)| *who)
        {
            self.penalties.remove(&first);
        }
        self.penalties.insert(identity, now + PENALTY);
    }

    /// Whether one more peer may be told to transfer; it is then counted.
    pub(super) fn expect(&mut self, now: Instant, link: LinkId) -> bool {
        let under_way = self.transfers.values().filter(|transfer| transfer.peer.is_some()).count();
        self.expected.retain(|_, until| *until > now);
        if self.expected.len() + under_way >= PEER_TRANSFERS_MAX && !self.expected.contains_key(&link) {
            return false;
        }
        self.expected.insert(link, now + PEER_TRANSFER_TIME);
        true
    }

    pub(super) fn transfer_failed(&mut self, link: LinkId) {
        self.expected.remove(&link);
    }
}

impl PropagationNode {
    pub(super) fn handle_resource_offer(
        &mut self,
        now: Instant,
        node: &mut Node,
        link: LinkId,
        resource: ResourceId,
        size: u64,
    ) {
        let is_peer = self.links.get(&link).is_some_and(|link| link.is_peer && !link.is_control);
        // A client brings one message, wrapped in a few bytes.
        const WRAPPING: u64 = 64;
        let max = if is_peer { self.config.transfer_len_max } else { self.config.message_len_max + WRAPPING };
        let has_room = self.uploads.transfers.len() < TRANSFERS_MAX;
        let answered = match size <= max && has_room {
            true => node.accept_resource(now, link, resource),
            false => {
                let counter = if has_room { &mut self.counters.too_large } else { &mut self.counters.busy };
                *counter += 1;
                node.reject_resource(now, link, resource)
            }
        };
        // A link that closes meanwhile has nobody to answer to.
        let _ = answered;
    }

    /// Something was uploaded. It is proven once what it brought is durable.
    pub(super) fn handle_transfer(
        &mut self,
        now: Instant,
        node: &mut Node,
        link: LinkId,
        data: Vec<u8>,
        proof: PendingProof,
        is_packet: bool,
    ) {
        let Some(client) = self.links.get(&link).filter(|link| !link.is_control) else { return };
        let remote = client.remote.as_ref().map(|remote| remote.hash());
        let peer = remote.filter(|_| client.is_peer).map(node_address);
        self.uploads.expected.remove(&link);
        let Ok(messages) = bodies::parse_transfer(&data) else {
            self.counters.malformed += 1;
            return;
        };
        if messages.len() > 1 && peer.is_none() {
            self.counters.unpeered_batch += 1;
            return node.close_link(now, link);
        }
        if self.uploads.transfers.len() >= TRANSFERS_MAX
            || self.uploads.bytes + data.len() > TRANSFERRED_LEN_MAX
        {
            self.counters.busy += 1;
            return;
        }
        let mut transfer = Transfer {
            link,
            proof,
            is_packet,
            remote,
            peer,
            bytes: data.len(),
            slices_left: 0,
            kept: Vec::new(),
            ours: Vec::new(),
            bad: 0,
            not_served: 0,
        };
        let to_check: Vec<&[u8]> =
            messages.into_iter().filter(|message| self.wants(message, &mut transfer)).collect();
        self.uploads.next += 1;
        let number = self.uploads.next;
        let cost = self.config.stamp_cost.saturating_sub(self.config.flexibility);
        for slice in to_check.chunks(SLICE) {
            transfer.slices_left += 1;
            let stamped = slice.iter().map(|message| message.to_vec()).collect();
            self.work(Work(Job::Stamps { transfer: number, cost, stamped }));
        }
        if transfer.slices_left == 0 {
            return self.finish_transfer(now, node, transfer);
        }
        self.uploads.bytes += transfer.bytes;
        self.uploads.transfers.insert(number, transfer);
    }

    /// Whether a message is worth checking its stamp.
    fn wants(&self, stamped: &[u8], transfer: &mut Transfer) -> bool {
        let Some((destination, _)) =
            bodies::split_stamp(stamped).and_then(|(message, _)| split_stored(message))
        else {
            transfer.bad += 1;
            return false;
        };
        let wants = self.ours.contains(&destination) || self.serves(&destination);
        transfer.not_served += u32::from(!wants);
        wants
    }

    pub(super) fn stamps_checked(&mut self, now: Instant, node: &mut Node, checked: Checked) {
        let Some(transfer) = self.uploads.transfers.get_mut(&checked.transfer) else { return };
        let received = node.unix_time(now);
        transfer.bad += checked.bad;
        for message in checked.good {
            let Some((destination, _)) = split_stored(&message.stamped) else { continue };
            if self.ours.contains(&destination) {
                let mut stored = message.stamped;
                stored.truncate(stored.len() - crate::stamp::STAMP_LEN);
                transfer.ours.push(stored);
                continue;
            }
            transfer.kept.push(Kept {
                id: message.id,
                destination,
                received,
                value: message.value,
                is_preferred: self.members.contains(&destination),
                from: transfer.peer,
                stamped: message.stamped,
            });
        }
        transfer.slices_left -= 1;
        if transfer.slices_left == 0
            && let Some(transfer) = self.uploads.transfers.remove(&checked.transfer)
        {
            self.uploads.bytes -= transfer.bytes;
            self.finish_transfer(now, node, transfer);
        }
    }

    /// Keeps what is good. A peer's transfer is proven whatever was in it, or it would bring the rest for ever; a client's
    /// single message only if it was taken, lest its sender believes what is not so.
    fn finish_transfer(&mut self, now: Instant, node: &mut Node, transfer: Transfer) {
        let Transfer { link, proof, is_packet, remote, peer, bytes, kept, ours, bad, not_served, .. } =
            transfer;
        let taken = (kept.len() + ours.len()) as u64;
        let counter =
            if peer.is_some() { &mut self.counters.from_peers } else { &mut self.counters.uploaded };
        *counter += taken;
        self.counters.bad_stamp += u64::from(bad);
        self.counters.not_served += u64::from(not_served);
        let is_proven = match peer {
            Some(_) => !is_packet || bad == 0,
            None => bad == 0 && not_served == 0,
        };
        let mut proof = Some(proof).filter(|_| is_proven);
        let has_news = !kept.is_empty();
        if has_news {
            self.change(Change::Keep(kept));
        }
        let last = ours.len().saturating_sub(1);
        for (index, stored) in ours.into_iter().enumerate() {
            let ends = index == last && !has_news;
            let proof = proof.take_if(|_| ends).unwrap_or_else(PendingProof::none);
            self.outputs.push_back(Output::Ours { stored, proof });
        }
        if let Some(proof) = proof {
            self.outputs.push_back(Output::Prove(proof));
        }
        if let Some(remote) = remote.filter(|_| bad > 0) {
            self.uploads.punish(now, remote);
        }
        // A peer's proof is still to go. Clients know no other refusal of an upload than that of its stamp, and would try
        // for minutes.
        if peer.is_none() && bad + not_served > 0 {
            Self::turn_away(now, node, link, Code::InvalidStamp);
        }
        if has_news {
            self.mail_came(now, peer);
        }
        if let Some(peer) = peer {
            self.peer_brought(peer, taken, bytes);
            self.peer_heard(now, node, peer, News::Transfer);
        }
    }
}
