//! Whatever a peer does with resources in either direction: the node neither panics nor spins, takes nothing larger than
//! it wants, and what arrives is what was advertised.
//!
//! Input: steps, each a byte that picks what happens and one that bends it, mostly a good message with one thing wrong.
#![no_main]

mod session;

use std::io::Write;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reticulum::hash::{ResourceHash, sha256_of};
use reticulum::node::ResourceOptions;
use reticulum::wire::link::{encode_rtt, resource_sdu};
use reticulum::wire::resource::{Advertisement, Flags, HASHMAP_SEGMENT_LEN, HashmapUpdate, PartRequest};
use reticulum::wire::{Context, Packet};
use session::{Session, emitted};

/// A resource that the peer offers.
struct Offer {
    body: Vec<u8>,
    stream: Vec<u8>,
    map_hashes: Vec<u8>,
    hash: ResourceHash,
    flags: Flags,
    random: [u8; 4],
}

impl Offer {
    fn new(session: &Session, what: u8) -> Self {
        let random = [what; 4];
        let body: Vec<u8> = (0..usize::from(what) * 79).map(|at| (at * at / 7) as u8 ^ what).collect();
        let compress = what % 2 == 1;
        let packed = if compress { compressed(&body) } else { body.clone() };
        let stream = session.token.seal([what; 16], &[&random[..], &packed].concat());
        let parts = stream.chunks(resource_sdu(500));
        let map_hashes = parts.flat_map(|part| sha256_of(&[part, &random])[..4].to_vec()).collect();
        let hash = ResourceHash::new(sha256_of(&[&body, &random]));
        let flags = if compress { Flags::COMPRESSED } else { Flags::default() };
        Self { body, stream, map_hashes, hash, flags: flags.with(Flags::ENCRYPTED), random }
    }

    fn advertise(&self, session: &mut Session, bend: u8) {
        let off_by = u64::from(bend >> 4);
        let mut advertisement = Advertisement {
            transfer_size: self.stream.len() as u64,
            data_size: self.body.len() as u64,
            parts: (self.map_hashes.len() / 4) as u64,
            hash: self.hash,
            random: self.random,
            original_hash: self.hash,
            segment: 1,
            segments: 1,
            request: None,
            flags: self.flags,
            map_hashes: &self.map_hashes[..self.map_hashes.len().min(4 * HASHMAP_SEGMENT_LEN)],
        };
        match bend & 15 {
            1 => advertisement.transfer_size ^= 1 << off_by,
            2 => advertisement.data_size ^= 1 << off_by,
            3 => advertisement.parts ^= off_by,
            4 => advertisement.segments += off_by,
            5 => advertisement.segment = off_by,
            6 => advertisement.flags.0 ^= off_by << 1,
            7 => advertisement.data_size = off_by << 28,
            8 => advertisement.map_hashes = &advertisement.map_hashes[..4 * usize::from(bend >> 4).min(1)],
            _ => {}
        }
        let mut plaintext = Vec::new();
        advertisement.emit(&mut plaintext);
        session.sealed(Context::RESOURCE_ADV, &plaintext);
    }

    /// Sends the parts that the node asked for, one of them bent, and the hashes that it lacks.
    fn serve(&self, session: &mut Session, bend: u8) {
        for request in session.opened(Context::RESOURCE_REQ) {
            let Ok(request) = PartRequest::parse(&request) else { continue };
            let wanted = request.map_hashes.as_chunks::<4>().0;
            let hashes = self.map_hashes.as_chunks::<4>().0;
            for (index, (hash, part)) in hashes.iter().zip(self.stream.chunks(resource_sdu(500))).enumerate()
            {
                if wanted.contains(hash) {
                    let mut part = part.to_vec();
                    if bend != 0 && index % 16 == usize::from(bend >> 4) {
                        part[usize::from(bend) % 16] ^= bend;
                    }
                    session.frame(&emitted(&Packet::link(session.link, Context::RESOURCE, &part)));
                }
            }
            if request.exhausted.is_some() {
                self.update(session, 1 + u64::from(bend & 3));
            }
        }
    }

    fn update(&self, session: &mut Session, index: u64) {
        let start = (4 * HASHMAP_SEGMENT_LEN * index as usize).min(self.map_hashes.len());
        let end = (start + 4 * HASHMAP_SEGMENT_LEN).min(self.map_hashes.len());
        let mut plaintext = Vec::new();
        HashmapUpdate { hash: self.hash, index, map_hashes: &self.map_hashes[start..end] }
            .emit(&mut plaintext);
        session.sealed(Context::RESOURCE_HMU, &plaintext);
    }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory takes all")
}

/// Asks for parts of what the node advertised last.
fn take(session: &mut Session, bend: u8) {
    let Some(plaintext) = session.opened(Context::RESOURCE_ADV).pop() else { return };
    let advertisement = Advertisement::parse(&plaintext).expect("the node's advertisements are good");
    let last = advertisement.map_hashes.as_chunks::<4>().0.get(usize::from(bend >> 2)).copied();
    let map_hashes = &advertisement.map_hashes[..advertisement.map_hashes.len() - 4 * usize::from(bend & 1)];
    let exhausted = if bend & 2 == 0 { None } else { last };
    let mut request = Vec::new();
    PartRequest { exhausted, hash: advertisement.hash, map_hashes }.emit(&mut request);
    session.sealed(Context::RESOURCE_REQ, &request);
}

fuzz_target!(|input: &[u8]| {
    let mut session = Session::open();
    session.sealed(Context::LINK_RTT, &encode_rtt(Duration::from_millis(20)));
    let mut offers: Vec<Offer> = Vec::new();
    for step in input.as_chunks::<2>().0.iter().take(40) {
        let [what, bend] = *step;
        let offer = offers.last();
        match what % 8 {
            0 => {
                offers.push(Offer::new(&session, bend));
                offers[offers.len() - 1].advertise(&mut session, 0);
            }
            1 => offer.into_iter().for_each(|offer| offer.advertise(&mut session, bend)),
            2 => offer.into_iter().for_each(|offer| offer.serve(&mut session, 0)),
            3 => offer.into_iter().for_each(|offer| offer.serve(&mut session, bend)),
            4 => session.wait(Duration::from_millis(1 << (bend % 18))),
            5 => {
                let hash = offer.map_or([0; 32], |offer| *offer.hash.as_bytes());
                session.sealed(Context(Context::RESOURCE_ICL.0 + bend % 3), &hash);
            }
            6 => {
                let options = ResourceOptions { metadata: None, compress: bend % 2 == 0 };
                let data = vec![bend; 100 * usize::from(bend)];
                let _ = session.node.send_resource(session.now, session.link, data, options);
                session.wait(Duration::from_millis(1));
            }
            _ => take(&mut session, bend),
        }
    }
    for received in &session.received {
        assert!(offers.iter().any(|offer| offer.body == *received), "what arrived was not advertised");
    }
    session.wait(Duration::from_secs(40_000));
    assert!(session.node.link(session.link).is_none(), "a silent link is forgotten");
});
