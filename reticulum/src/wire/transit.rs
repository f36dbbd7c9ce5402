//! Frames of packets on their way to others: a new header over the bytes as they came, so that what we do not know
//! passes unchanged (spec 5.4, 5.5, 6.6).

use super::link::{MODE_AES_256_CBC, Signalling};
use super::packet::FLAGS_STABLE;
use super::{HEADER_MAX, HEADER_MIN};
use crate::hash::IdentityHash;

/// What becomes of the header of a forwarded packet, by the hops of the path (spec 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// Its destination is with a local client: all but the hops stays.
    Keep,
    /// Its destination is the next hop: no transport id, and only the flags that each hop keeps.
    Strip,
    /// Another transport node is the next hop.
    Via(IdentityHash),
}

/// The frame of a parsed packet with another hop count.
pub fn with_hops(frame: &[u8], hops: u8) -> Vec<u8> {
    let mut out = frame.to_vec();
    if let Some(byte) = out.get_mut(1) {
        *byte = hops;
    }
    out
}

/// The frame of a parsed packet with a header of type 2, rewritten for its next hop.
pub fn onward(frame: &[u8], hops: u8, rewrite: Rewrite) -> Vec<u8> {
    let mut out;
    match (rewrite, frame.split_first_chunk::<18>()) {
        (Rewrite::Strip, Some(([flags, ..], rest))) => {
            out = Vec::with_capacity(rest.len().saturating_add(2));
            out.extend_from_slice(&[flags & FLAGS_STABLE, hops]);
            out.extend_from_slice(rest);
        }
        (Rewrite::Via(next_hop), _) => {
            out = with_hops(frame, hops);
            if let Some(id) = out.get_mut(2..18) {
                id.copy_from_slice(next_hop.as_ref());
            }
        }
        _ => out = with_hops(frame, hops),
    }
    out
}

/// What a transport node makes of the signalling of a link request (spec 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clamp {
    /// It passes as it came.
    Unchanged,
    /// It is taken off: the next medium takes no part in it.
    Strip,
    /// It is replaced.
    Replace(Signalling),
    /// The packet is dropped: what would have to be rewritten has a mode that is not enabled.
    Refuse,
}

impl Clamp {
    /// By the signalling, and by the longest packets of the interface that the request came in on and of the one that it
    /// goes out on; the latter is absent where links do not negotiate.
    pub fn of(signalling: Option<Signalling>, inbound: u32, outbound: Option<u32>) -> Self {
        let Some(Signalling { mode, mtu }) = signalling else { return Self::Unchanged };
        let Some(outbound) = outbound else { return Self::Strip };
        let least = inbound.min(outbound);
        if least >= mtu {
            Self::Unchanged
        } else if mode == MODE_AES_256_CBC {
            Self::Replace(Signalling { mode, mtu: least })
        } else {
            Self::Refuse
        }
    }

    /// Applies it to the frame of a link request that ends with its signalling. False if the request is refused.
    pub fn apply(self, frame: &mut Vec<u8>) -> bool {
        let keys_end = frame.len().saturating_sub(Signalling::LEN);
        match self {
            Self::Unchanged => {}
            Self::Strip => frame.truncate(keys_end),
            Self::Replace(signalling) => {
                frame.truncate(keys_end);
                frame.extend_from_slice(&signalling.to_bytes());
            }
            Self::Refuse => return false,
        }
        true
    }
}

const _: () = assert!(HEADER_MAX == HEADER_MIN + 16, "what a stripped header loses");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::DestinationHash;
    use crate::wire::{Context, Packet};

    const TO: DestinationHash = DestinationHash::new([3; 16]);
    const WE: IdentityHash = IdentityHash::new([1; 16]);
    const NEXT: IdentityHash = IdentityHash::new([2; 16]);

    fn frame(packet: Packet<'_>) -> Vec<u8> {
        let mut frame = Vec::new();
        packet.emit(&mut frame);
        frame
    }

    /// A packet to us that nobody understands: unknown context, context flag set.
    fn unknown(data: &[u8]) -> Packet<'_> {
        let mut packet = Packet::single(TO, Context(0x77), data).via(WE).with_hops(4);
        packet.header.context_flag = true;
        packet
    }

    #[test]
    fn another_transport_gets_the_flags_as_they_came() {
        let sent = frame(unknown(&[9; 40]));
        let passed = onward(&sent, 5, Rewrite::Via(NEXT));
        assert_eq!((passed[0], passed[1]), (sent[0], 5));
        assert_eq!(passed[2..18], *NEXT.as_ref());
        assert_eq!(passed[18..], sent[18..]);
    }

    #[test]
    fn the_destination_gets_the_low_nibble_and_no_transport_id() {
        let sent = frame(unknown(&[9; 40]));
        assert_eq!(sent[0], 0x70);
        let passed = onward(&sent, 5, Rewrite::Strip);
        assert_eq!(passed[..2], [0x00, 5]);
        assert_eq!(passed[2..], sent[18..]);
        let hash = Packet::parse(&passed).unwrap().hash();
        assert_eq!(hash, unknown(&[9; 40]).hash(), "the hash is that of the sender");
    }

    #[test]
    fn a_local_client_gets_all_but_the_hops() {
        for packet in [unknown(&[9; 40]), Packet::single(TO, Context::NONE, &[9; 40])] {
            let sent = frame(packet);
            let passed = onward(&sent, 5, Rewrite::Keep);
            assert_eq!((passed[0], passed[1]), (sent[0], 5));
            assert_eq!(passed[2..], sent[2..]);
        }
    }

    #[test]
    fn signalling_is_clamped_by_the_table() {
        let mode_1 = |mtu| Some(Signalling { mode: 1, mtu });
        let rows = [
            (None, 500, Some(500), Clamp::Unchanged),
            (None, 500, None, Clamp::Unchanged),
            (mode_1(16384), 16384, None, Clamp::Strip),
            (mode_1(500), 16384, None, Clamp::Strip),
            (mode_1(16384), 16384, Some(16384), Clamp::Unchanged),
            (mode_1(500), 16384, Some(16384), Clamp::Unchanged),
            (mode_1(16384), 16384, Some(1196), Clamp::Replace(Signalling { mode: 1, mtu: 1196 })),
            (mode_1(16384), 1196, Some(16384), Clamp::Replace(Signalling { mode: 1, mtu: 1196 })),
            (mode_1(16384), 1064, Some(1196), Clamp::Replace(Signalling { mode: 1, mtu: 1064 })),
            (Some(Signalling { mode: 2, mtu: 16384 }), 16384, Some(1196), Clamp::Refuse),
            (Some(Signalling { mode: 2, mtu: 500 }), 16384, Some(16384), Clamp::Unchanged),
        ];
        for (signalling, inbound, outbound, expected) in rows {
            assert_eq!(
                Clamp::of(signalling, inbound, outbound),
                expected,
                "{signalling:?} {inbound} {outbound:?}"
            );
        }
    }

    #[test]
    fn clamping_changes_the_tail_and_neither_the_link_id_nor_the_keys() {
        let data = [&[7; 64][..], &[0x20, 0x40, 0x00]].concat();
        let request = Packet::link_request(TO, &data);
        for (clamp, tail) in [
            (Clamp::Unchanged, &[0x20, 0x40, 0x00][..]),
            (Clamp::Strip, &[]),
            (Clamp::Replace(Signalling { mode: 1, mtu: 500 }), &[0x20, 0x01, 0xf4]),
        ] {
            let mut passed = frame(request);
            assert!(clamp.apply(&mut passed));
            let parsed = Packet::parse(&passed).unwrap();
            assert_eq!(parsed.data, [&[7; 64][..], tail].concat());
            assert_eq!(parsed.link_id_of_request(), request.link_id_of_request());
        }
        assert!(!Clamp::Refuse.apply(&mut frame(request)));
    }
}
