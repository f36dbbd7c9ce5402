//! Whatever a peer says on a link, under its key or not, in whatever order and rhythm: the node neither panics nor spins,
//! sends nothing but packets, and once the link is silent forgets it.
//!
//! Input: steps, each a byte that picks what happens, one that picks a context or a time, one that tells the length of
//! what is said, and that.
#![no_main]

mod session;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reticulum::wire::{Context, Packet};
use session::{Session, emitted};

fuzz_target!(|input: &[u8]| {
    let mut session = Session::open();
    let mut input = input;
    while let [what, choice, length, rest @ ..] = input {
        let (said, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        input = rest;
        let (link, context) = (session.link, Context(*choice));
        match what % 6 {
            0 => session.wait(Duration::from_millis(1 << (choice % 20))),
            1 if !said.is_empty() => session.frame(&emitted(&Packet::link(link, context, said))),
            2 if !said.is_empty() => session.frame(&emitted(&Packet::link_proof(link, context, said))),
            3 => {
                // What the node sent comes back to it.
                let echo = session.sent.get(usize::from(*choice)).cloned();
                echo.into_iter().for_each(|frame| session.frame(&frame));
            }
            _ => session.sealed(context, said),
        }
    }
    session.wait(Duration::from_secs(4_000));
    assert!(session.node.link(session.link).is_none(), "a silent link is forgotten");
});
