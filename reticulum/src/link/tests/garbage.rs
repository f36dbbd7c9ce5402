//! Whatever a peer that has the session key says, a link neither panics nor grows beyond its bounds.

use super::*;
use crate::hash::PathHash;
use crate::link::transfer::{INCOMING_MAX, OFFERS_MAX};
use crate::node::ResourceOptions;

const CONTEXTS: [Context; 16] = [
    Context::NONE,
    Context::RESOURCE,
    Context::RESOURCE_ADV,
    Context::RESOURCE_REQ,
    Context::RESOURCE_HMU,
    Context::RESOURCE_PRF,
    Context::RESOURCE_ICL,
    Context::RESOURCE_RCL,
    Context::CACHE_REQUEST,
    Context::REQUEST,
    Context::RESPONSE,
    Context::CHANNEL,
    Context::KEEPALIVE,
    Context::LINK_IDENTIFY,
    Context::LINK_RTT,
    Context::LINK_REQUEST_PROOF,
];

/// Two open links with a bit of everything under way.
fn busy(rng: &mut Rng) -> Pair {
    let mut pair = Pair::open();
    let unix = pair.unix();
    if rng.below(2) == 0 {
        pair.responder.link.as_mut().unwrap().config.resources = ResourcePolicy::Application;
    }
    for side in [Initiator, Responder] {
        let options = ResourceOptions { metadata: Some(b"\xc0".to_vec()), compress: false };
        let data = vec![7; rng.below(60_000) as usize];
        pair.command(side, |link, now, rng| {
            link.send(now, rng, b"data", Priority::Message).unwrap();
            link.request(now, unix, rng, PathHash::of_path("/x"), b"\xc0", None).unwrap();
            link.send_resource(now, rng, data, options).unwrap();
        });
    }
    pair
}

/// A frame that was sent in this session, opened, bent and sealed again; or noise.
fn bent(pair: &Pair, rng: &mut Rng) -> (PacketType, Context, Vec<u8>) {
    let token = pair.link(Initiator).token().expect("open").clone();
    let index = rng.below(pair.sent.len() as u64 + 2) as usize;
    let (mut packet_type, mut context, mut body, sealed) = match pair.sent.get(index) {
        Some(sent) => match token.open(&sent.data) {
            Ok(plaintext) => (sent.packet_type, sent.context, plaintext, true),
            Err(_) => (sent.packet_type, sent.context, sent.data.clone(), false),
        },
        None => (PacketType::Data, Context::NONE, vec![0x93; rng.below(200) as usize + 1], true),
    };
    match rng.below(6) {
        0 => context = CONTEXTS[rng.below(CONTEXTS.len() as u64) as usize],
        1 => body.truncate(rng.below(body.len() as u64 + 1) as usize),
        2 => packet_type = [PacketType::Data, PacketType::Proof][rng.below(2) as usize],
        3 => {
            let mut tail = vec![0; rng.below(40) as usize];
            rng.fill(&mut tail);
            body.extend(tail);
        }
        _ if !body.is_empty() => {
            for _ in 0..=rng.below(3) {
                let at = rng.below(body.len() as u64) as usize;
                body[at] = rng.below(256) as u8;
            }
        }
        _ => {}
    }
    let data = if sealed { token.seal(rng.bytes(), &body) } else { body };
    (packet_type, context, data)
}

#[test]
fn bent_packets_neither_panic_nor_outgrow_the_bounds() {
    let mut rng = Rng::from_seed([21; 32]);
    let mut refused = 0;
    for _ in 0..40 {
        let mut pair = busy(&mut rng);
        for _ in 0..150 {
            if pair.status().contains(&LinkStatus::Closed) {
                break;
            }
            let (packet_type, context, data) = bent(&pair, &mut rng);
            let to = [Initiator, Responder][rng.below(2) as usize];
            pair.deliver(to, packet_type, context, &data);
            pair.advance(ms(rng.below(20)));
            for side in [Initiator, Responder] {
                let transfers = &pair.link(side).transfers;
                assert!(transfers.incoming_len() <= INCOMING_MAX && transfers.offers_len() <= OFFERS_MAX);
            }
            if pair.sent.len() > 300 {
                pair.sent.drain(..150);
            }
        }
        refused += pair.refusals(Initiator).len() + pair.refusals(Responder).len();
        for side in [Initiator, Responder] {
            pair.command(side, |link, _, _| link.end(CloseReason::Local));
            let reserve = |budget: &Budget| budget.reserve(BUDGET).is_some();
            let config = &pair.link(side).config;
            assert!(reserve(&config.incoming) && reserve(&config.outgoing), "every byte is given back");
        }
    }
    assert!(refused > 1_000, "{refused} refusals: the garbage is too tame");
}
