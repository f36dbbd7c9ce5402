//! What arrives when nothing is lost: the vectors of `spec/reticulum.md` 14.2, row 22.

use super::*;
use crate::resource::sender::MetadataTooLarge;
use crate::wire::resource::Flags;

/// Incompressible data whose segment is exactly this many full parts.
fn filling_parts(parts: usize) -> Vec<u8> {
    let blocks = (parts * SDU - 48) / 16;
    noise(1, 16 * (blocks - 1) - 4)
}

/// Data that compresses to nearly nothing, which is quick, and yet differs everywhere.
fn milestones(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    for (number, stone) in data.chunks_mut(10_000).enumerate() {
        stone[0] = number as u8;
        stone[stone.len() - 1] = 1;
    }
    data
}

/// The flags of the first advertisement.
fn flags(bench: &Bench) -> Flags {
    let plaintext = bench.open(bench.frames(Side::Sender, Context::RESOURCE_ADV).next().unwrap());
    Advertisement::parse(&plaintext).unwrap().flags
}

#[test]
fn small_resources_travel_in_one_part() {
    for len in [0, 1, 15, 400] {
        let data = noise(len as u8, len);
        let mut bench = Bench::new(content(data.clone()));
        assert_eq!(bench.expect_received().data, data);
        assert_eq!(bench.count(Side::Sender, Context::RESOURCE), 1);
        assert_eq!(flags(&bench), Flags::ENCRYPTED);
    }
}

#[test]
fn a_segment_that_fills_its_parts_exactly_has_no_empty_last_part() {
    for parts in [1, 2, 3, 7] {
        let data = filling_parts(parts);
        let mut bench = Bench::new(content(data.clone()));
        assert_eq!(bench.expect_received().data, data);
        assert!(bench.frames(Side::Sender, Context::RESOURCE).all(|part| part.data.len() == SDU));
        assert_eq!(bench.count(Side::Sender, Context::RESOURCE), parts);
    }
}

#[test]
fn each_74_parts_need_one_more_hashmap_update() {
    for (parts, updates) in [(74, 0), (75, 1), (148, 1), (149, 2), (500, 6)] {
        let data = filling_parts(parts);
        let mut bench = Bench::new(content(data.clone()));
        assert_eq!(bench.expect_received().data, data);
        assert_eq!(bench.count(Side::Sender, Context::RESOURCE), parts);
        assert_eq!(bench.count(Side::Sender, Context::RESOURCE_HMU), updates, "{parts} parts");
    }
}

#[test]
fn text_is_compressed_and_noise_is_not() {
    let text: Vec<u8> = b"The quick brown fox jumps over the lazy dog. ".repeat(2000);
    let mut bench = Bench::new(content(text.clone()));
    assert_eq!(bench.expect_received().data, text);
    assert_eq!(flags(&bench), Flags::ENCRYPTED.with(Flags::COMPRESSED));
    assert!(bench.count(Side::Sender, Context::RESOURCE) < 4);

    let mut bench = Bench::new(Content { compress: false, ..content(text.clone()) });
    assert_eq!(bench.expect_received().data, text);
    assert_eq!(flags(&bench), Flags::ENCRYPTED);
}

#[test]
fn metadata_arrives_beside_the_data() {
    let metadata = vec![0x81, 0xa4, b'n', b'a', b'm', b'e', 0xa1, b'x'];
    for len in [0, 1000] {
        let data = noise(3, len);
        let mut bench = Bench::new(Content { metadata: Some(metadata.clone()), ..content(data.clone()) });
        let received = bench.expect_received();
        assert_eq!((received.data, received.metadata.as_ref()), (data, Some(&metadata)));
        assert_eq!(flags(&bench), Flags::ENCRYPTED.with(Flags::METADATA));
        assert_eq!(bench.offers[0].size(), (3 + metadata.len() + len) as u64);
    }
}

#[test]
fn metadata_that_does_not_fit_the_first_segment_is_refused() {
    let token = Arc::new(Token::new(&[9; 64]));
    let config = SendConfig { link: LINK, token, sdu: SDU, rtt: RTT, timeout: None };
    let content = Content { metadata: Some(vec![0; METADATA_LEN_MAX + 1]), ..content(Vec::new()) };
    let refused = Sender::new(config, content, &mut Rng::from_seed([0; 32]));
    assert_eq!(refused.unwrap_err(), MetadataTooLarge);
}

#[test]
fn segments_are_cut_at_1048575_bytes_with_the_metadata_in_the_first() {
    for (metadata_len, data_len, segments) in [
        (None, SEGMENT_MAX, 1),
        (None, SEGMENT_MAX + 1, 2),
        (Some(100), SEGMENT_MAX - 103, 1),
        (Some(100), SEGMENT_MAX - 102, 2),
        (Some(METADATA_LEN_MAX), 5, 2),
        (Some(1), 10 * SEGMENT_MAX, 11),
    ] {
        let (data, metadata) = (milestones(data_len), metadata_len.map(milestones));
        let full = Content { metadata: metadata.clone(), ..content(data.clone()) };
        let mut bench = Bench::with_sdu(full, resource_sdu(16_384));
        let received = bench.expect_received();
        assert!(received.data == data && received.metadata == metadata);
        let advertisements: Vec<Vec<u8>> =
            bench.frames(Side::Sender, Context::RESOURCE_ADV).map(|frame| bench.open(frame)).collect();
        assert_eq!(advertisements.len(), segments);
        for (index, plaintext) in (1..).zip(&advertisements) {
            let segment = Advertisement::parse(plaintext).unwrap();
            assert_eq!((segment.segment, segment.segments), (index, segments as u64));
            assert_eq!(segment.original_hash, bench.offers[0].hash());
            assert_eq!(segment.flags.has(Flags::SPLIT), segments > 1);
            assert_eq!(segment.flags.has(Flags::METADATA), metadata.is_some(), "set on every segment");
        }
    }
}

#[test]
fn the_next_segment_is_prepared_while_the_present_one_travels() {
    let mut bench = Bench::with_sdu(content(noise(5, 2 * SEGMENT_MAX)), resource_sdu(16_384));
    bench.expect_received();
    let time_of = |context, nth| {
        let mut times =
            bench.sent.iter().filter(|(_, _, frame)| frame.context == context).map(|(at, ..)| *at);
        times.nth(nth).unwrap()
    };
    let proven = time_of(Context::RESOURCE_PRF, 0);
    assert_eq!(time_of(Context::RESOURCE_ADV, 1).since(proven), RTT / 2, "no time for a job in between");
}

#[test]
fn requests_and_responses_say_so_and_are_proven_at_once() {
    let id = RequestId::new([3; 16]);
    for (purpose, flag) in [(Purpose::Request(id), Flags::REQUEST), (Purpose::Response(id), Flags::RESPONSE)]
    {
        let mut bench = Bench::new(Content { purpose, ..content(noise(8, 2000)) });
        bench.prove_at_once = true;
        assert_eq!(bench.expect_received().proof, None);
        assert_eq!(bench.offers[0].purpose(), purpose);
        assert_eq!(flags(&bench), Flags::ENCRYPTED.with(flag));
    }
}

#[test]
fn a_sender_waits_for_the_proof_that_the_application_holds() {
    let mut bench = Bench::with_sdu(content(noise(5, SEGMENT_MAX + 1)), resource_sdu(16_384));
    bench.run_until(|bench| bench.receiver_end.is_some());
    assert_eq!(bench.count(Side::Receiver, Context::RESOURCE_PRF), 1, "that of the first segment");
    assert_eq!(bench.sender_end, None);
    bench.run();
    assert_eq!(bench.sender_end, Some(Ok(())));
}

#[test]
fn a_next_resource_starts_with_the_window_of_the_previous_one() {
    let mut bench = Bench::new(content(noise(5, 20_000)));
    bench.run_until(|bench| {
        bench.receiver.as_ref().is_some_and(|receiver| receiver.hash() == bench.offers[0].hash())
    });
    let first_request = |bench: &Bench| {
        let plaintext = bench.open(bench.frames(Side::Receiver, Context::RESOURCE_REQ).next().unwrap());
        PartRequest::parse(&plaintext).unwrap().map_hashes.len() / 4
    };
    assert_eq!(first_request(&bench), 4);
    let mut pace = None;
    bench.run_until(|bench| {
        pace = bench.receiver.as_ref().map(Receiver::pace).or(pace);
        bench.receiver_end.is_some()
    });
    let config = ReceiveConfig { pace: pace.unwrap(), ..bench.receive_config() };
    let mut next = Receiver::accept(bench.now, bench.offers[0].clone(), config);
    let Some(Output::Sealed { plaintext, .. }) = next.poll_output() else { panic!("no request") };
    assert!(PartRequest::parse(&plaintext).unwrap().map_hashes.len() / 4 > 4);
}
