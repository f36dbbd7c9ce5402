//! The channel of a link between a bare node of ours and a stock Python peer: messages in order, streams, both ways; and
//! files as answers.

use reticulum::crypto::Rng;
use reticulum::hash::{LinkId, sha256};
use reticulum::node::{Event, LinkError};
use serde_json::json;

use super::pair::Pair;
use crate::support::python::text;

/// The type of message that `peer.py` registers.
const WORDS: u16 = 0x0101;
const MESSAGES: u32 = 120;
const MEGABYTE: usize = 1 << 20;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A link with its channel open at both ends.
fn channel(pair: &mut Pair, outward: bool) -> LinkId {
    let link = if outward { pair.outward() } else { pair.inward().1 };
    if outward {
        pair.peer.wait("link_in", |event| event["link"] == link.to_string());
    }
    pair.host.with(move |node, _| node.open_channel(link)).expect("the link is active");
    pair.peer.ask(json!({"do": "channel", "link": link.to_string()}), "channel");
    link
}

/// Messages go both ways at once over a link that one side opened.
fn converse(name: &str, outward: bool) {
    let mut pair = Pair::start(name);
    let link = channel(&mut pair, outward);
    pair.peer.tell(json!({"do": "words", "link": link.to_string(), "count": MESSAGES}));
    for n in 0..MESSAGES {
        let words = format!("rust {n}");
        pair.host
            .with(move |node, now| node.send_on_channel(now, link, WORDS, words.as_bytes()))
            .expect("there is room for all of them");
    }
    let (mut heard, mut delivered) = (0, 0);
    pair.host.wait("all messages and proofs", |event| {
        match event {
            Event::ChannelMessage { kind: WORDS, data, .. } => {
                assert_eq!(String::from_utf8_lossy(data), format!("python {heard}"));
                heard += 1;
            }
            Event::ChannelDelivered { .. } => delivered += 1,
            Event::LinkClosed { reason, .. } => panic!("{reason:?}"),
            _ => {}
        }
        (heard == MESSAGES && delivered == MESSAGES).then_some(())
    });
    for n in 0..MESSAGES {
        assert_eq!(text(&pair.peer.wait("words", |_| true), "text"), format!("rust {n}"));
    }
}

#[test]
fn messages_go_both_ways_in_order_on_a_link_that_python_opened() {
    converse("channel-inward", false);
}

#[test]
fn messages_go_both_ways_in_order_on_a_link_that_we_opened() {
    converse("channel-outward", true);
}

/// Writes all of it, as room comes.
fn write(pair: &Pair, link: LinkId, stream: u16, data: &[u8]) {
    let mut rest = data.to_vec();
    loop {
        let piece = rest.clone();
        let taken = pair.host.with(move |node, now| node.write_stream(now, link, stream, &piece));
        rest.drain(..taken.expect("the channel is open"));
        if rest.is_empty() {
            break;
        }
        pair.host.wait("room", |event| matches!(event, Event::ChannelReady { .. }).then_some(()));
    }
    pair.host.with(move |node, now| node.end_stream(now, link, stream)).expect("there is room for the end");
}

/// A megabyte each way, at packets of at most `mtu_max` bytes.
fn stream_both_ways(name: &str, mtu_max: usize, kind: &str) {
    let mut pair = Pair::start_with_mtu(name, mtu_max);
    let link = channel(&mut pair, true);
    let peer_link = link.to_string();

    let mut data = b"the hill is up, the valley sleeps. ".repeat(MEGABYTE / 35 + 1);
    data.truncate(MEGABYTE);
    if kind == "random" {
        Rng::from_seed([8; 32]).fill(&mut data);
    }
    let read = json!({"do": "read_stream", "link": peer_link, "stream": 4, "size": MEGABYTE});
    let tag = pair.peer.tell_tagged(read);
    pair.peer.wait_tag("reading", tag);
    write(&pair, link, 4, &data);
    let got = pair.peer.wait_tag("stream", tag);
    assert_eq!(text(&got, "hash"), hex(&sha256(&data)));

    let write = json!({"do": "write_stream", "link": peer_link, "stream": 5, "size": MEGABYTE, "kind": kind});
    let tag = pair.peer.tell_tagged(write);
    let expected = text(&pair.peer.wait_tag("writing", tag), "hash");
    let mut received = Vec::new();
    pair.host.wait("the end of the stream", |event| match event {
        Event::StreamData { stream: 5, data, end, .. } => {
            received.extend_from_slice(data);
            end.then_some(())
        }
        Event::LinkClosed { reason, .. } => panic!("{reason:?} after {} bytes", received.len()),
        _ => None,
    });
    assert_eq!((received.len(), hex(&sha256(&received))), (MEGABYTE, expected));
}

#[test]
fn a_megabyte_of_noise_streams_both_ways() {
    stream_both_ways("stream-noise", usize::MAX, "random");
}

#[test]
fn a_megabyte_of_text_streams_both_ways_compressed_over_a_link_of_500_bytes() {
    stream_both_ways("stream-text", 500, "text");
}

#[test]
fn python_takes_a_file_as_an_answer() {
    let mut pair = Pair::start("file-response");
    let (link, id) = pair.inward();
    let tag = pair.peer.tell_tagged(json!({"do": "request", "link": text(&link, "link"), "path": "/file/a"}));
    let request = pair.host.wait("request", |event| match event {
        Event::Request { request, .. } => Some(*request),
        _ => None,
    });
    let data = b"0123456789".repeat(5_000);
    let expected = hex(&sha256(&data));
    let name = b"\x81\xa4name\xc4\x05a.txt".to_vec();
    let answered: Result<(), LinkError> =
        pair.host.with(move |node, now| node.respond_with_file(now, id, request, data, name));
    answered.expect("the link is active");
    let file = pair.peer.wait_tag("file", tag);
    assert_eq!((text(&file, "hash"), text(&file, "metadata")), (expected, "{'name': b'a.txt'}".to_owned()));
}
