//! One counter for every reason to refuse something, by name.

use crate::link::Refusal;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What was refused, and why. Nothing that a remote can trigger is logged; it is counted here.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Each counter with its name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Frames from an interface that is unknown or down.
    frame_interface_down,
    /// Frames of at most two bytes.
    frame_short,
    /// Frames longer than the interface allows.
    frame_long,
    /// Frames with a wrong or missing access code, or with one where none is expected.
    frame_access_code,
    /// Frames that do not parse as a packet.
    frame_malformed,
    /// Packets in transport to someone else.
    packet_not_ours,
    /// Plain or group packets from more than one hop away, or announcing something.
    packet_plain_scope,
    /// Packets seen before.
    packet_duplicate,
    /// Packets for a destination or link that is not ours.
    packet_unknown_destination,
    /// Not refused: packets of others that were passed on.
    forwarded,
    /// Packets to forward or relay that have travelled too far.
    forward_hops,
    /// Packets to forward or relay that are longer than the next medium allows.
    forward_too_long,
    /// Ways back for proofs that made room for others.
    reverse_evicted,
    /// Links of others that made room for others.
    relay_evicted,
    /// Packets on a link of others whose proof has not come.
    relay_not_established,
    /// Packets on a link of others, and proofs, from where they cannot come.
    relay_wrong_way,
    /// Proofs of link requests of others, of a wrong length.
    relay_proof_malformed,
    /// Proofs of link requests of others whose signer's key is not known.
    relay_proof_unknown_key,
    /// Proofs of link requests of others while enough of the same link were being verified.
    relay_proof_busy,
    /// Proofs of link requests of others with a bad signature.
    relay_proof_forged,
    /// Packets to forward to a destination without a path, or over an interface that is down.
    forward_no_path,
    /// Announces, links and packets of identities on the blackhole list.
    blackholed,
    /// Packets of a destination type that does not fit.
    packet_wrong_type,
    /// Single packets that no key of the destination opens.
    packet_undecryptable,
    /// Single packets that might be sealed to an old ratchet, refused because too many such were tried lately.
    packet_old_ratchet_limited,
    /// Anything refused because too much work is outstanding.
    work_full,
    /// Announces longer than 500 bytes, of a wrong shape or type.
    announce_malformed,
    /// Announces whose destination does not belong to their key.
    announce_wrong_destination,
    /// Announces with a bad signature.
    announce_bad_signature,
    /// Announces of a known destination with another key.
    announce_other_key,
    /// Announces of our own destinations.
    announce_own,
    /// Announces that could change nothing: heard before.
    announce_repeated,
    /// Announces whose path is neither newer nor nearer.
    announce_not_better,
    /// Announces older than what we know of the peer; neither app_data nor ratchet is taken from them.
    announce_older,
    /// Announces held back during a burst.
    announce_held,
    /// Held announces that made room for others.
    announce_held_dropped,
    /// Announces that made room for others, while they waited to be passed on.
    announce_spread_dropped,
    /// Announces that are not passed on: with one more address they would be too long, or have come too far.
    announce_unspreadable,
    /// Announces that are not passed on, because their destination announces itself too often.
    announce_rate_blocked,
    /// Announces that are not passed on again, because others were heard to do so.
    announce_spread_by_others,
    /// Announces that waited too long, or made room, under the announce cap of an interface.
    announce_capped_dropped,
    /// Tunnels told to us, though we do not forward for others.
    tunnel_ignored,
    /// Tunnels told to us with a wrong length or signature.
    tunnel_forged,
    /// Peers that made room for others.
    peer_evicted,
    /// Paths that made room for others.
    path_evicted,
    /// Path requests without a tag or too short.
    path_request_malformed,
    /// Path requests seen before.
    path_request_duplicate,
    /// Path requests for what is not ours.
    path_request_unknown,
    /// Path requests that are not passed on, because they came in a burst or the same path is looked for already.
    path_request_not_searched,
    /// Path requests of others that an interface had no room for.
    path_request_egress_limited,
    /// Path requests that are not answered: who asks is on the way itself.
    path_request_from_the_way,
    /// Path requests of our own that were not sent, because one was sent a moment ago.
    path_request_gated,
    /// Link requests of a wrong length or mode, or for a destination that accepts none.
    link_request_refused,
    /// Half-open links that made room for others.
    link_half_open_evicted,
    /// Links that made room for others.
    link_evicted,
    /// Link packets from another interface than the link's.
    link_wrong_interface,
    /// Packets on a link that is closed.
    link_closed,
    /// Packets on a link that has no keys yet.
    link_not_open,
    /// Link packets of a context or type that links do not carry.
    link_unknown_context,
    /// Channel messages on links without a channel.
    link_no_channel,
    /// Channel messages neither behind nor within the window.
    link_channel_sequence,
    /// Channel messages of a type of the system's that is not known.
    link_channel_type_unknown,
    /// Pieces of streams that do not inflate within their bound; their links are closed.
    link_stream_corrupt,
    /// Link packets that do not open under the session key.
    link_undecryptable,
    /// Link packets whose content has not the shape that their context demands.
    link_malformed,
    /// Link packets that only the other end may send.
    link_wrong_role,
    /// Proofs of link requests that nobody waits for.
    link_proof_unexpected,
    /// Proofs of link requests with a bad signature or key.
    link_proof_forged,
    /// Round-trip times told twice.
    link_rtt_repeated,
    /// Identifications on a link that is identified.
    link_identity_repeated,
    /// Identifications with a bad signature or key.
    link_identity_forged,
    /// Closes that do not name their link.
    link_close_forged,
    /// Proofs of link packets that do not wait for one.
    link_packet_proof_unknown,
    /// Proofs of link packets of a wrong length.
    link_packet_proof_malformed,
    /// Proofs of link packets with a bad signature.
    link_packet_proof_forged,
    /// Requests on links that serve none.
    link_requests_not_served,
    /// Requests above the limit.
    link_request_too_large,
    /// Responses to nothing that waits.
    link_response_unknown,
    /// Responses above the limit.
    link_response_too_large,
    /// Resource advertisements that do not parse.
    link_advertisement_malformed,
    /// Resource advertisements that contradict themselves.
    link_advertisement_inconsistent,
    /// Resource advertisements of what was received or offered already.
    link_advertisement_repeated,
    /// Resources where the policy is to accept none.
    link_resource_not_wanted,
    /// Resources above the limit.
    link_resource_too_large,
    /// Resources beyond what one link may receive at a time.
    link_resources_full,
    /// Resources beyond what all links may receive at a time.
    link_resource_budget_spent,
    /// Messages about resources that are not under way.
    link_resource_unknown,
    /// Parts of resources that nobody asked for.
    link_part_unwanted,
    /// Resources that inflate to more than was advertised; their links are closed.
    link_resource_bomb,
    /// Resources that came whole and are not what was advertised.
    link_resource_corrupt,
    /// Resources whose sender broke the rules of their map of hashes or of their segments.
    link_resource_broken,
    /// Requests for a proof that is not kept.
    link_cache_miss,
    /// Proofs of packets that are not ours or no longer waiting.
    proof_unknown,
    /// Proofs of a wrong length or hash.
    proof_malformed,
    /// Proofs with a bad signature.
    proof_bad_signature,
    /// Receipts that made room for others.
    receipt_evicted,
    /// Frames dropped because a transmit queue was full.
    queue_full,
    /// Frames dropped because they waited too long to be sent.
    queue_stale,
    /// Frames for which one that waited already stood.
    queue_merged,
    /// Frames dropped because what they were for was over before they were sent: their link, or a path that was found.
    queue_pointless,
    /// Times that a frame had to wait for the air-time budget of its interface.
    queue_airtime_waits,
    /// Frames dropped because their interface went down.
    queue_interface_down,
}

impl Counters {
    /// Counts what a link refused.
    pub(super) fn count_link(&mut self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::Closed => &mut self.link_closed,
            Refusal::NotOpen => &mut self.link_not_open,
            Refusal::UnknownContext => &mut self.link_unknown_context,
            Refusal::NoChannel => &mut self.link_no_channel,
            Refusal::ChannelSequence => &mut self.link_channel_sequence,
            Refusal::ChannelTypeUnknown => &mut self.link_channel_type_unknown,
            Refusal::StreamCorrupt => &mut self.link_stream_corrupt,
            Refusal::Undecryptable => &mut self.link_undecryptable,
            Refusal::Malformed => &mut self.link_malformed,
            Refusal::WrongRole => &mut self.link_wrong_role,
            Refusal::LinkProofUnexpected => &mut self.link_proof_unexpected,
            Refusal::LinkProofForged => &mut self.link_proof_forged,
            Refusal::RttRepeated => &mut self.link_rtt_repeated,
            Refusal::IdentityRepeated => &mut self.link_identity_repeated,
            Refusal::IdentityForged => &mut self.link_identity_forged,
            Refusal::CloseForged => &mut self.link_close_forged,
            Refusal::ProofUnknown => &mut self.link_packet_proof_unknown,
            Refusal::ProofMalformed => &mut self.link_packet_proof_malformed,
            Refusal::ProofForged => &mut self.link_packet_proof_forged,
            Refusal::RequestsNotServed => &mut self.link_requests_not_served,
            Refusal::RequestTooLarge => &mut self.link_request_too_large,
            Refusal::ResponseUnknown => &mut self.link_response_unknown,
            Refusal::ResponseTooLarge => &mut self.link_response_too_large,
            Refusal::AdvertisementMalformed => &mut self.link_advertisement_malformed,
            Refusal::AdvertisementInconsistent => &mut self.link_advertisement_inconsistent,
            Refusal::AdvertisementRepeated => &mut self.link_advertisement_repeated,
            Refusal::ResourceNotWanted => &mut self.link_resource_not_wanted,
            Refusal::ResourceTooLarge => &mut self.link_resource_too_large,
            Refusal::ResourcesFull => &mut self.link_resources_full,
            Refusal::BudgetSpent => &mut self.link_resource_budget_spent,
            Refusal::ResourceUnknown => &mut self.link_resource_unknown,
            Refusal::PartUnwanted => &mut self.link_part_unwanted,
            Refusal::ResourceBomb => &mut self.link_resource_bomb,
            Refusal::ResourceCorrupt => &mut self.link_resource_corrupt,
            Refusal::ResourceBroken => &mut self.link_resource_broken,
            Refusal::CacheMiss => &mut self.link_cache_miss,
        };
        *counter += 1;
    }
}
