//! One counter for every reason to refuse something, by name.

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
    /// Link proofs that prove nothing.
    link_proof_bad,
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
    /// Frames dropped because their interface went down.
    queue_interface_down,
}
