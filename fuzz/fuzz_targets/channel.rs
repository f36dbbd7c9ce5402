//! Whatever a peer says on a channel, in whatever order, proving or not what the node says: the node neither panics nor
//! spins, tells messages in order and each once, and once the link is silent forgets it.
//!
//! Input: steps of four bytes: what happens, a sequence or a time, a number, and the length of what follows and is said.
#![no_main]

mod session;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reticulum::wire::channel::{Envelope, STREAM, StreamPiece};
use reticulum::wire::{Context, Packet, Proof};
use session::{Session, emitted, peer_key};

fuzz_target!(|input: &[u8]| {
    let mut session = Session::open();
    // The peer shows that it has the key, or nothing could be sent to it.
    session.sealed(Context::NONE, b"here");
    let mut input = input;
    while let [what, choice, number, length, rest @ ..] = input {
        let (said, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        input = rest;
        // Mostly near the window, sometimes far away.
        let sequence = if *number > 250 { u16::from(*number) << 8 } else { u16::from(*choice % 64) };
        step(&mut session, *what, *choice, sequence, said);
    }
    for (place, heard) in session.heard.iter().enumerate() {
        let sequence = u16::from_be_bytes([heard[0], heard[1]]);
        assert!(usize::from(sequence) >= place, "told twice or out of order");
    }
    assert!(session.heard.is_sorted_by(|a, b| a[..2] < b[..2]), "told twice or out of order");
    session.wait(Duration::from_secs(4_000));
    assert!(session.node.link(session.link).is_none(), "a silent link is forgotten");
});

fn step(session: &mut Session, what: u8, choice: u8, sequence: u16, said: &[u8]) {
    let (now, link) = (session.now, session.link);
    match what % 8 {
        0 => session.wait(Duration::from_millis(1 << (choice % 16))),
        1 => session.sealed(Context::CHANNEL, said),
        2 => {
            let piece = StreamPiece { stream: 1, end: choice > 200, compressed: choice % 2 == 0, data: said };
            let mut payload = Vec::new();
            piece.emit(&mut payload);
            say(session, STREAM, sequence, &payload);
        }
        3 => drop(session.node.send_on_channel(now, link, u16::from(choice) << 8, said)),
        4 => drop(session.node.write_stream(now, link, u16::from(choice), said)),
        5 => drop(session.node.end_stream(now, link, u16::from(choice))),
        6 => prove(session, choice),
        _ => {
            let payload = [&sequence.to_be_bytes()[..], said].concat();
            say(session, u16::from(choice), sequence, &payload);
        }
    }
    session.wait(Duration::ZERO);
}

fn say(session: &mut Session, kind: u16, sequence: u16, payload: &[u8]) {
    let mut body = Vec::new();
    Envelope { kind, sequence, payload }.emit(&mut body);
    session.sealed(Context::CHANNEL, &body);
}

/// Proves what the node sent, well or badly.
fn prove(session: &mut Session, choice: u8) {
    let frames = std::mem::take(&mut session.sent);
    for frame in frames {
        let Ok(packet) = Packet::parse(&frame) else { continue };
        if packet.header.context != Context::CHANNEL {
            continue;
        }
        let mut signature = peer_key().sign(packet.hash().as_ref());
        signature[0] ^= u8::from(choice % 4 == 0);
        let mut data = Vec::new();
        Proof::Explicit { hash: packet.hash(), signature: &signature }.emit(&mut data);
        session.frame(&emitted(&Packet::link_proof(session.link, Context::NONE, &data)));
    }
}
