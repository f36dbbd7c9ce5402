//! Truncated, oversize, replayed and bit-flipped frames of every packet type.
//!
//! Outside of the encryption they are bent on their way to a node process. Inside of it, where the right key opens them,
//! they are bent before they are sealed, on a node in this process, which sees thousands of links.

use std::time::{Duration, Instant};

use lxmf::fields::Fields;
use reticulum::crypto::{EphemeralX25519, Rng};
use reticulum::wire::link::{Identify, LinkProof, encode_rtt};
use reticulum::wire::resource::{Flags, HashmapUpdate, PartRequest};
use reticulum::wire::{Context, Packet, Proof};

use super::Victim;
use super::attacker::{Attacker, Session, Target, Wire, emitted};
use super::direct::Direct;
use super::payloads::Crafted;
use crate::support::process::{Folder, Meshgroup};

const MTU: u32 = 500;

/// A frame of every type that a peer can send, each of them good or at least well-formed, by name.
fn specimens<W: Wire>(attacker: &mut Attacker<W>, group: &Target) -> Vec<(&'static str, Vec<u8>)> {
    let session = attacker.open_link(group, MTU);
    let announce = attacker.announce("Specimen");
    let message = attacker.message(group, "specimen", &Fields::default());
    let packet = attacker.sealed(&session, Context::NONE, message.as_bytes());
    let mut frames = vec![
        ("announce", announce),
        ("path request", attacker.path_request(group.address)),
        ("single packet", attacker.single(group, message.opportunistic_body())),
        ("link request", attacker.link_request(group, MTU).0),
        ("link packet", packet.clone()),
        ("proof of a single packet", proof_of(attacker, &packet)),
        ("proof of a link packet", session.proof_of(&Packet::parse(&packet).expect("a packet"))),
        ("proof of a link request", link_proof(attacker, &session)),
        ("part", emitted(&Packet::link(session.id, Context::RESOURCE, &[5; 464]))),
        ("proof of a resource", emitted(&Packet::link_proof(session.id, Context::RESOURCE_PRF, &[6; 64]))),
        ("cache request", emitted(&Packet::link(session.id, Context::CACHE_REQUEST, &[7; 32]))),
        ("keepalive", emitted(&Packet::link(session.id, Context::KEEPALIVE, &[0xff]))),
    ];
    for (name, context, plaintext) in sealed_specimens(attacker, &session) {
        frames.push((name, attacker.sealed(&session, context, &plaintext)));
    }
    frames
}

/// The same for what travels encrypted on a link, in clear.
fn sealed_specimens<W: Wire>(
    attacker: &mut Attacker<W>,
    session: &Session,
) -> Vec<(&'static str, Context, Vec<u8>)> {
    let resource = Crafted::new(session, &[1; 2_000], &[1; 2_000], Flags::default());
    let mut parts = Vec::new();
    PartRequest { exhausted: Some([1; 4]), hash: resource.hash, map_hashes: &[2; 16] }.emit(&mut parts);
    let mut update = Vec::new();
    HashmapUpdate { hash: resource.hash, index: 1, map_hashes: &[3; 40] }.emit(&mut update);
    let hash = resource.hash.as_bytes().to_vec();
    let request = attacker.request_plaintext("/api/v1/info", &[]);
    vec![
        ("advertisement", Context::RESOURCE_ADV, resource.advertisement()),
        ("part request", Context::RESOURCE_REQ, parts),
        ("hashmap update", Context::RESOURCE_HMU, update),
        ("cancel by the sender", Context::RESOURCE_ICL, hash.clone()),
        ("rejection", Context::RESOURCE_RCL, hash),
        ("request", Context::REQUEST, request),
        ("response", Context::RESPONSE, [&[0x92, 0xc4, 16][..], &[1; 16], &[0xc0]].concat()),
        ("identify", Context::LINK_IDENTIFY, Identify::build(&attacker.identity, session.id)),
        ("round-trip time", Context::LINK_RTT, encode_rtt(Duration::from_millis(5))),
        ("close", Context::LINK_CLOSE, session.id.as_bytes().to_vec()),
        ("channel message", Context::CHANNEL, vec![0; 12]),
        ("command", Context::COMMAND, vec![1; 12]),
    ]
}

/// A proof that the node waits for no more, or never did.
fn proof_of<W: Wire>(attacker: &Attacker<W>, frame: &[u8]) -> Vec<u8> {
    let hash = Packet::parse(frame).expect("a packet").hash();
    let signature = attacker.identity.sign(hash.as_bytes());
    let mut body = Vec::new();
    Proof::Explicit { hash, signature: &signature }.emit(&mut body);
    emitted(&Packet::proof(hash.proof_address(), &body))
}

fn link_proof<W: Wire>(attacker: &mut Attacker<W>, session: &Session) -> Vec<u8> {
    let ephemeral = EphemeralX25519::from_bytes(attacker.rng.bytes());
    let mut body = Vec::new();
    LinkProof::build(&attacker.identity, session.id, ephemeral.public(), None).emit(&mut body);
    emitted(&Packet::link_proof(session.id, Context::LINK_REQUEST_PROOF, &body))
}

/// How a frame is bent.
#[derive(Clone, Copy, Debug)]
enum Bend {
    Truncate,
    Lengthen,
    Flip,
}

fn bent(rng: &mut Rng, bend: Bend, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match bend {
        Bend::Truncate => bytes.truncate(rng.below(bytes.len() as u64) as usize),
        Bend::Lengthen => bytes.resize(bytes.len() + 1 + rng.below(400) as usize, 0x55),
        Bend::Flip => {
            let bit = rng.below(8 * bytes.len() as u64) as usize;
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    bytes
}

/// All that a node refused, whatever the reason, and what it took: calls and messages.
fn accounted(victim: &Victim) -> u64 {
    let status = victim.node.status();
    let counters = status["counters"].as_object().expect("counters");
    let gauges = ["copies_pending", "calls"];
    let all = counters.iter().filter(|(name, _)| !gauges.contains(&name.as_str()));
    all.map(|(_, count)| count.as_u64().expect("a number")).sum()
}

/// Sends frames, of which the node has to refuse so many.
fn expect_refused(victim: &Victim, what: &str, frames: &[Vec<u8>], at_least: usize) {
    let before = accounted(victim);
    let mut wire = super::Tcp::connect(victim.node.port);
    frames.iter().for_each(|frame| wire.queue(frame));
    wire.flush();
    let end = Instant::now() + Duration::from_secs(20);
    while accounted(victim) < before + at_least as u64 {
        let refused = accounted(victim) - before;
        assert!(Instant::now() < end, "{what}: {refused} of {} were refused", frames.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn victim(name: &str) -> (Folder, Victim) {
    let folder = Folder::new(name);
    let node = Meshgroup::start(folder.path(), "");
    (folder, Victim::new(node))
}

#[test]
fn every_truncated_oversize_and_replayed_frame_of_every_type_is_refused_and_counted() {
    let (_folder, victim) = victim("bent-frames");
    let mut attacker = victim.attacker(1);
    let group = attacker.find(victim.lxmf);
    for (name, frame) in specimens(&mut attacker, &group) {
        // A header alone at least: what HDLC takes for noise is another test's.
        let truncated: Vec<_> = (20..frame.len()).map(|len| frame[..len].to_vec()).collect();
        let oversize: Vec<_> = [501, 1_000, 16_000, 16_500, 70_000, 300_000]
            .map(|len| [&frame[..], &vec![0x55; len - frame.len()]].concat())
            .into();
        // A path request may be cut within its tag or be followed by anything, a link request may come without its MTU.
        let (cut, followed) = match name {
            "path request" => (15, 1),
            "link request" => (1, 0),
            _ => (0, 0),
        };
        expect_refused(&victim, &format!("{name}, truncated"), &truncated, truncated.len() - cut);
        expect_refused(&victim, &format!("{name}, oversize"), &oversize, oversize.len() - followed);
        // The first may be good; its copies are not. Keepalives and parts may repeat, but not from another connection.
        expect_refused(&victim, &format!("{name}, replayed"), &vec![frame; 50], 49);
    }
    victim.is_well();
}

#[test]
fn bit_flips_in_every_type_of_frame_leave_the_node_serving() {
    let (_folder, victim) = victim("flipped-frames");
    let mut attacker = victim.attacker(1);
    let group = attacker.find(victim.lxmf);
    for (name, frame) in specimens(&mut attacker, &group) {
        let flipped: Vec<_> = (0..8 * frame.len())
            .map(|bit| {
                let mut flipped = frame.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            })
            .collect();
        // A flip can also make another good frame: another key to link with, another tag to ask by, one more hop.
        let as_good = match name {
            "link request" => 8 * 67,
            "path request" => 8 * 16,
            _ => 0,
        };
        expect_refused(&victim, name, &flipped, flipped.len() - as_good - 8);
    }
    victim.is_well();
}

#[test]
fn what_is_bent_inside_of_the_encryption_closes_its_link_at_most() {
    let mut attacker = Attacker::new(Direct::start(1), 2);
    let addresses = attacker.wire.host().addresses();
    let mut rng = Rng::from_seed([3; 32]);
    for address in [addresses.lxmf, addresses.api] {
        let target = attacker.find(address);
        for round in 0..150 {
            let session = attacker.open_link(&target, MTU);
            for (_, context, plaintext) in sealed_specimens(&mut attacker, &session) {
                let bend = [Bend::Truncate, Bend::Lengthen, Bend::Flip][round % 3];
                let plaintext = bent(&mut rng, bend, &plaintext);
                let frame = attacker.sealed(&session, context, &plaintext);
                attacker.wire.send(&frame);
            }
            attacker.wire.run_for(Duration::from_millis(50));
        }
    }
    attacker.wire.run_for(Duration::from_secs(900));
    attacker.is_served(addresses.lxmf, addresses.api);
}

#[test]
fn what_is_bent_within_a_message_is_refused_or_of_no_consequence() {
    let mut attacker = Attacker::new(Direct::start(1), 2);
    let addresses = attacker.wire.host().addresses();
    attacker.is_served(addresses.lxmf, addresses.api);
    let group = attacker.find(addresses.lxmf);
    let mut rng = Rng::from_seed([3; 32]);
    let fields = Fields::from_entries(&[(0x05, b"\x91\x92\xa1a\xc4\x02hi"), (0x30, b"\xc4\x02id")]);
    for round in 0..1_500 {
        let message = attacker.message(&group, "bent", &fields);
        let bend = [Bend::Truncate, Bend::Lengthen, Bend::Flip][round % 3];
        let message = bent(&mut rng, bend, message.opportunistic_body());
        let frame = attacker.single(&group, &message[..message.len().min(380)]);
        attacker.wire.send(&frame);
        attacker.wire.run_for(Duration::from_millis(10));
    }
    let counters = attacker.wire.host().counters();
    let refused =
        counters["message_malformed"] + counters["message_bad_signature"] + counters["message_held"];
    assert_eq!(refused, 1_500, "{counters:?}");
    assert_eq!(attacker.wire.host().group().state().messages, 0, "nothing was posted");
    attacker.identity = reticulum::crypto::Identity::generate(&mut rng);
    attacker.is_served(addresses.lxmf, addresses.api);
}
