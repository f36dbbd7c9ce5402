//! Rows of interfaces.md section 3.2, then properties over any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const DATA_LEN_MAX: usize = 100;

fn split_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(u8, Vec<u8>)>, u32) {
    let mut splitter = Splitter::new(DATA_LEN_MAX);
    let (mut frames, mut violations) = (Vec::new(), 0);
    for piece in pieces {
        violations += splitter.split(piece, |command, data| frames.push((command, data.to_vec())));
        assert!(splitter.body.len() <= DATA_LEN_MAX + 1);
    }
    (frames, violations)
}

fn split(wire: &[u8]) -> (Vec<(u8, Vec<u8>)>, u32) {
    split_pieces([wire])
}

#[test]
fn escapes_are_written_byte_for_byte() {
    let mut wire = Vec::new();
    encode(DATA, &[0xc0, 0xdb, 0x41, 0xdc], &mut wire);
    assert_eq!(wire, [0xc0, 0x00, 0xdb, 0xdc, 0xdb, 0xdd, 0x41, 0xdc, 0xc0]);
}

#[test]
fn commands_may_share_their_fends() {
    let frames = vec![(0x08, vec![0x73]), (0x50, vec![0]), (0x48, vec![0]), (0x49, vec![0])];
    assert_eq!(split(&[0xc0, 8, 0x73, 0xc0, 0x50, 0, 0xc0, 0x48, 0, 0xc0, 0x49, 0, 0xc0]), (frames, 0));
}

#[test]
fn noise_before_the_first_fend_and_empty_frames_are_nothing() {
    assert_eq!(split(&[1, 2, 3, 0xc0, 0xc0, 0xc0, 5, 6, 0xc0]), (vec![(5, vec![6])], 0));
}

#[test]
fn a_wrong_or_cut_escape_drops_its_frame_only() {
    assert_eq!(split(&[0xc0, 0, 1, 0xdb, 0x41, 2, 0xc0, 3, 4, 0xc0]), (vec![(3, vec![4])], 1));
    assert_eq!(split(&[0xc0, 0, 1, 0xdb, 0xc0, 3, 4, 0xc0]), (vec![(3, vec![4])], 1));
}

#[test]
fn the_longest_frame_is_accepted_and_one_byte_more_is_dropped() {
    for (length, accepted) in [(DATA_LEN_MAX, 1), (DATA_LEN_MAX + 1, 0)] {
        let mut wire = Vec::new();
        encode(DATA, &vec![FESC; length], &mut wire);
        assert_eq!(split(&wire).0.len(), accepted);
        assert_eq!(split_pieces(wire.chunks(1)).0.len(), accepted);
    }
}

#[test]
fn a_tnc_may_name_a_port_and_only_data_is_a_packet() {
    let mut wire = Vec::new();
    for command in [0x00, 0x10, 0xf0, 0x06, 0x21] {
        encode(command, &[command; 20], &mut wire);
    }
    let (mut decoder, mut frames) = (Decoder::new(DATA_LEN_MAX, 0), FrameBatch::new());
    decoder.decode(&wire, &mut frames);
    assert_eq!(frames.iter().map(|frame| frame[0]).collect::<Vec<_>>(), [0x00, 0x10, 0xf0]);
    assert!(!decoder.take_ready());
}

#[test]
fn readiness_is_told_once() {
    let (mut decoder, mut frames) = (Decoder::new(DATA_LEN_MAX, 0), FrameBatch::new());
    decoder.decode(&[0xc0, 0x0f, 0x01, 0xc0], &mut frames);
    assert!(decoder.take_ready() && !decoder.take_ready() && frames.is_empty());
}

#[test]
fn a_header_is_put_before_packets_and_stripped_from_them() {
    let encoder = Encoder { header: vec![0xc0; 16] };
    let mut wire = Vec::new();
    encoder.encode(&[7; 20], &mut wire);
    let (mut decoder, mut frames) = (Decoder::new(DATA_LEN_MAX, 16), FrameBatch::new());
    decoder.decode(&wire, &mut frames);
    encode(DATA, &[1; 10], &mut wire);
    decoder.decode(&wire[wire.len() - 13..], &mut frames);
    assert_eq!((frames.iter().collect::<Vec<_>>(), frames.violations()), (vec![&[7; 20][..]], 1));
}

fn nasty_bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    const SPECIAL: [u8; 4] = [FEND, FESC, TFEND, TFESC];
    let nasty = |byte: u8| SPECIAL.get(usize::from(byte % 8)).copied().unwrap_or(byte);
    vec(any::<u8>(), length).prop_map(move |bytes| bytes.into_iter().map(nasty).collect())
}

fn cut(wire: &[u8], cuts: &[usize]) -> (Vec<(u8, Vec<u8>)>, u32) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (wire.len() + 1)).collect();
    cuts.extend([0, wire.len()]);
    cuts.sort_unstable();
    split_pieces(cuts.windows(2).map(|pair| &wire[pair[0]..pair[1]]))
}

proptest! {
    #[test]
    fn any_frames_survive_any_split(
        frames in vec((0_u8..0xc0, nasty_bytes(0..60)), 0..8),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let mut wire = Vec::new();
        frames.iter().for_each(|(command, data)| encode(*command, data, &mut wire));
        prop_assert_eq!(cut(&wire, &cuts), (frames, 0));
    }

    #[test]
    fn any_bytes_split_the_same_in_any_pieces_and_within_bounds(
        wire in nasty_bytes(0..400),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        prop_assert_eq!(cut(&wire, &cuts), split(&wire));
    }
}
