//! What opens under the right key, and is bad nevertheless.

use std::io::Write as _;

use lxmf::fields::Fields;
use reticulum::hash::{ResourceHash, sha256_of};
use reticulum::wire::link::{encode_rtt, resource_sdu};
use reticulum::wire::resource::{Advertisement, Flags, HASHMAP_SEGMENT_LEN, PartRequest};
use reticulum::wire::{Context, Packet};

use super::Victim;
use super::attacker::{Attacker, Session, Target, Wire, announce, emitted, opened};
use crate::support::process::{Folder, Meshgroup};

const MTU: u32 = 500;

/// A resource of one segment with whatever properties an attacker wants it to have.
pub(super) struct Crafted {
    pub(super) stream: Vec<u8>,
    pub(super) map_hashes: Vec<u8>,
    pub(super) random: [u8; 4],
    pub(super) hash: ResourceHash,
    /// What the advertisement claims as the uncompressed size.
    pub(super) data_size: u64,
    pub(super) flags: Flags,
}

/// How a transfer ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Proven,
    Rejected,
    Closed,
}

impl Crafted {
    /// `packed` is what travels, `body` what it is said to be.
    pub(super) fn new(session: &Session, body: &[u8], packed: &[u8], flags: Flags) -> Self {
        let random = [7; 4];
        let stream = session.token.seal([9; 16], &[&[0; 4], packed].concat());
        let parts = stream.chunks(resource_sdu(MTU));
        let map_hashes = parts.flat_map(|part| sha256_of(&[part, &random])[..4].to_vec()).collect();
        let hash = ResourceHash::new(sha256_of(&[body, &random]));
        Self {
            stream,
            map_hashes,
            random,
            hash,
            data_size: body.len() as u64,
            flags: flags.with(Flags::ENCRYPTED),
        }
    }

    pub(super) fn advertisement(&self) -> Vec<u8> {
        let mut plaintext = Vec::new();
        Advertisement {
            transfer_size: self.stream.len() as u64,
            data_size: self.data_size,
            parts: (self.map_hashes.len() / 4) as u64,
            hash: self.hash,
            random: self.random,
            original_hash: self.hash,
            segment: 1,
            segments: 1,
            request: None,
            flags: self.flags,
            map_hashes: &self.map_hashes[..self.map_hashes.len().min(4 * HASHMAP_SEGMENT_LEN)],
        }
        .emit(&mut plaintext);
        plaintext
    }

    /// The frames of the parts that a request asks for.
    pub(super) fn parts(&self, session: &Session, request: &PartRequest<'_>) -> Vec<Vec<u8>> {
        let wanted = request.map_hashes.as_chunks::<4>().0;
        let known = self.map_hashes.as_chunks::<4>().0.iter().zip(self.stream.chunks(resource_sdu(MTU)));
        known
            .filter(|(hash, _)| wanted.contains(hash))
            .map(|(_, part)| emitted(&Packet::link(session.id, Context::RESOURCE, part)))
            .collect()
    }

    /// Offers it, and sends all parts that are asked for.
    pub(super) fn transfer<W: Wire>(&self, attacker: &mut Attacker<W>, session: &Session) -> End {
        let advertisement = attacker.sealed(session, Context::RESOURCE_ADV, &self.advertisement());
        attacker.wire.send(&advertisement);
        loop {
            let answer = attacker.await_packet("answer to a resource", |packet| {
                if let Some(request) = opened(session, packet, Context::RESOURCE_REQ) {
                    return Some(Ok(request));
                }
                let ends = [(Context::RESOURCE_RCL, End::Rejected), (Context::LINK_CLOSE, End::Closed)];
                let end = ends.into_iter().find(|(context, _)| opened(session, packet, *context).is_some());
                let proof =
                    packet.header.link_id() == session.id && packet.header.context == Context::RESOURCE_PRF;
                end.map(|(_, end)| end).or(proof.then_some(End::Proven)).map(Err)
            });
            match answer {
                Ok(request) => {
                    let request = PartRequest::parse(&request).expect("a request for parts");
                    self.parts(session, &request).iter().for_each(|part| attacker.wire.send(part));
                }
                Err(end) => return end,
            }
        }
    }
}

fn victim(name: &str) -> (Folder, Victim) {
    let folder = Folder::new(name);
    let node = Meshgroup::start(folder.path(), "");
    (folder, Victim::new(node))
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory takes all")
}

#[test]
fn a_resource_that_promises_4_gb_is_rejected_on_either_destination() {
    let (_folder, victim) = victim("four-gb");
    let mut attacker = victim.attacker(1);
    for (address, counter) in [(victim.lxmf, "resource_too_large"), (victim.api, "link_resource_not_wanted")]
    {
        let target = attacker.find(address);
        let session = attacker.open_link(&target, MTU);
        let mut four_gb = Crafted::new(&session, b"", &[1; 1000], Flags::default());
        let before = victim.counter(counter) + victim.counter("link_resource_too_large");
        four_gb.data_size = 4 << 30;
        // As one segment it contradicts itself; with all its segments it is only too large.
        assert_eq!(four_gb.transfer(&mut attacker, &session), End::Rejected);
        let mut plaintext = Vec::new();
        let honest = four_gb.advertisement();
        let segments = (4u64 << 30).div_ceil(reticulum::wire::resource::SEGMENT_MAX as u64);
        Advertisement { segments, ..Advertisement::parse(&honest).unwrap() }.emit(&mut plaintext);
        let frame = attacker.sealed(&session, Context::RESOURCE_ADV, &plaintext);
        attacker.wire.send(&frame);
        attacker.await_packet("rejection", |packet| opened(&session, packet, Context::RESOURCE_RCL));
        let after = victim.counter(counter) + victim.counter("link_resource_too_large");
        assert_eq!(after, before + 1);
    }
    assert_eq!(victim.counter("link_advertisement_inconsistent"), 2);
    victim.is_well();
}

#[test]
fn a_bz2_bomb_of_64_mb_is_inflated_no_further_than_promised_and_ends_the_link() {
    let (_folder, victim) = victim("bomb");
    let body = vec![0; 64 << 20];
    let packed = compressed(&body);
    assert!(packed.len() < 10_000);
    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.lxmf);

    let session = attacker.open_link(&target, MTU);
    let honest = Crafted::new(&session, &body, &packed, Flags::COMPRESSED);
    assert_eq!(honest.transfer(&mut attacker, &session), End::Rejected, "it says how large it is");

    for round in 1..=20 {
        let session = attacker.open_link(&target, MTU);
        let bomb =
            Crafted { data_size: 1_000_000, ..Crafted::new(&session, &body, &packed, Flags::COMPRESSED) };
        assert_eq!(bomb.transfer(&mut attacker, &session), End::Rejected, "first the resource");
        attacker.await_close(&session);
        victim.await_counter("link_resource_bomb", round);
    }
    victim.is_well();
}

#[test]
fn a_resource_that_is_not_what_was_advertised_is_counted() {
    let (_folder, victim) = victim("corrupt");
    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.lxmf);
    let session = attacker.open_link(&target, MTU);
    let lie = Crafted::new(&session, &[1; 2000], &[2; 2000], Flags::default());
    let advertisement = attacker.sealed(&session, Context::RESOURCE_ADV, &lie.advertisement());
    attacker.wire.send(&advertisement);
    let request =
        attacker.await_packet("request for parts", |packet| opened(&session, packet, Context::RESOURCE_REQ));
    let request = PartRequest::parse(&request).expect("a request for parts");
    lie.parts(&session, &request).iter().for_each(|part| attacker.wire.send(part));
    // The window is smaller than the resource; the rest is asked for.
    let request =
        attacker.await_packet("request for parts", |packet| opened(&session, packet, Context::RESOURCE_REQ));
    let request = PartRequest::parse(&request).expect("a request for parts");
    lie.parts(&session, &request).iter().for_each(|part| attacker.wire.send(part));
    victim.await_counter("link_resource_corrupt", 1);
    victim.is_well();
}

/// Arrays in arrays, 10,000 deep.
fn nested() -> Vec<u8> {
    let mut value = vec![0x91; 10_000];
    value.push(0xc0);
    value
}

/// A signed message with these bytes in place of its fields.
fn message_with_fields<W: Wire>(attacker: &mut Attacker<W>, target: &Target, fields: &[u8]) -> Vec<u8> {
    let packed = attacker.message(target, "nested", &Fields::default());
    // The fields are the last element; the signature does not matter to a parser.
    let (last, rest) = packed.as_bytes().split_last().expect("not empty");
    assert_eq!(*last, 0x80);
    [rest, fields].concat()
}

#[test]
fn messagepack_nested_10_000_deep_is_refused_wherever_it_comes() {
    let (_folder, victim) = victim("nested");
    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.lxmf);

    // As a packet on a link with a large MTU, proven like every message that is decided about.
    let session = attacker.open_link(&target, 16_384);
    let message = message_with_fields(&mut attacker, &target, &nested());
    let frame = attacker.sealed(&session, Context::NONE, &message);
    attacker.send_on_link_proven(&target, &session, &frame);
    assert_eq!(victim.counter("message_malformed"), 1);

    // As a resource.
    let session = attacker.open_link(&target, MTU);
    let message = message_with_fields(&mut attacker, &target, &nested());
    let resource = Crafted::new(&session, &message, &message, Flags::default());
    assert_eq!(resource.transfer(&mut attacker, &session), End::Proven);
    assert_eq!(victim.counter("message_malformed"), 2);

    // As what the protocol itself reads: an advertisement, a round-trip time, a request, a name.
    let session = attacker.open_link(&target, 16_384);
    let advertisement = [&[0x81, 0xa1, b't'], &nested()[..]].concat();
    let frame = attacker.sealed(&session, Context::RESOURCE_ADV, &advertisement);
    attacker.wire.send(&frame);
    attacker.await_close(&session);
    assert_eq!(victim.counter("link_advertisement_malformed"), 1);

    let api = attacker.find(victim.api);
    let session = attacker.open_link(&api, 16_384);
    let request = [&[0x93, 0xca, 0, 0, 0, 0, 0xc4, 16], &[0; 16][..], &nested()].concat();
    for (context, plaintext) in
        [(Context::REQUEST, request), (Context::RESPONSE, nested()), (Context::LINK_RTT, nested())]
    {
        let frame = attacker.sealed(&session, context, &plaintext);
        attacker.wire.send(&frame);
    }
    victim.await_counter("link_malformed", 2);
    assert_eq!(victim.counter("link_rtt_repeated"), 1);
    let frame = attacker.sealed(&session, Context::LINK_RTT, &encode_rtt(std::time::Duration::MAX));
    attacker.wire.send(&frame);
    victim.await_counter("link_rtt_repeated", 2);

    let deep = announce(&attacker.identity, [1; 5], &[0x91; 300]);
    attacker.wire.send(&deep);
    victim.is_well();
}

#[test]
fn resources_beyond_what_one_link_may_receive_at_a_time_are_rejected_aloud_and_counted() {
    let (_folder, victim) = victim("many-resources");
    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.lxmf);
    let session = attacker.open_link(&target, MTU);
    for n in 0..9u8 {
        let promise = Crafted::new(&session, &[n; 1000], &[n; 1000], Flags::default());
        let frame = attacker.sealed(&session, Context::RESOURCE_ADV, &promise.advertisement());
        attacker.wire.send(&frame);
    }
    attacker.await_packet("rejection", |packet| opened(&session, packet, Context::RESOURCE_RCL));
    // The first to refuse is the link, if the nine come faster than they are decided about, and else the router.
    assert_eq!(victim.counter("resource_no_room") + victim.counter("link_resources_full"), 1);
    victim.is_well();
}

#[test]
fn promises_of_more_than_the_node_may_hold_keep_no_honest_message_out() {
    let (_folder, victim) = victim("promises");
    let mut attacker = victim.attacker(1);
    let target = attacker.find(victim.lxmf);
    // 80 MB in all, of 64 MiB that may be here at a time.
    for _ in 0..10 {
        let session = attacker.open_link(&target, MTU);
        for n in 0..8u8 {
            let promise = Crafted::new(&session, &vec![n; 1_000_000], &vec![n; 1_000_000], Flags::default());
            let frame = attacker.sealed(&session, Context::RESOURCE_ADV, &promise.advertisement());
            attacker.wire.send(&frame);
            attacker
                .await_packet("request for parts", |packet| opened(&session, packet, Context::RESOURCE_REQ));
        }
    }
    let mut honest = victim.attacker(2);
    honest.is_served(victim.lxmf, victim.api);
    let session = honest.open_link(&target, MTU);
    let message = honest.message(&target, &"long ".repeat(4_000), &Fields::default());
    let message = Crafted::new(&session, message.as_bytes(), message.as_bytes(), Flags::default());
    assert_eq!(message.transfer(&mut honest, &session), End::Proven);
    victim.is_well();
}
