//! Rows of interfaces.md section 3.1, then properties over any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const FRAME_LEN_MAX: usize = 120;

fn decode_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> FrameBatch {
    let mut decoder = Decoder::new(FRAME_LEN_MAX);
    let mut frames = FrameBatch::new();
    pieces.into_iter().for_each(|piece| decoder.decode(piece, &mut frames));
    frames
}

fn decode(wire: &[u8]) -> (Vec<Vec<u8>>, u32) {
    let frames = decode_pieces([wire]);
    (frames.iter().map(<[u8]>::to_vec).collect(), frames.violations())
}

fn framed(bodies: &[&[u8]]) -> Vec<u8> {
    let mut wire = vec![FLAG];
    for body in bodies {
        wire.extend_from_slice(body);
        wire.push(FLAG);
    }
    wire
}

#[test]
fn the_verified_vector_is_written_byte_for_byte() {
    let mut wire = Vec::new();
    Encoder.encode(&[0x7e, 0x7d, 0xc0, 0xdb, 0x41, 0x42], &mut wire);
    assert_eq!(wire, [0x7e, 0x7d, 0x5e, 0x7d, 0x5d, 0xc0, 0xdb, 0x41, 0x42, 0x7e]);
}

#[test]
fn a_closing_flag_opens_the_next_frame() {
    assert_eq!(decode(&framed(&[&[1; 30], &[2; 30]])), (vec![vec![1; 30], vec![2; 30]], 0));
}

#[test]
fn two_flags_are_a_keep_alive() {
    assert_eq!(decode(&framed(&[b"", b"", b""])), (vec![], 0));
}

#[test]
fn nineteen_bytes_are_dropped_and_twenty_accepted() {
    assert_eq!(decode(&framed(&[&[1; 19], &[2; 20]])), (vec![vec![2; 20]], 1));
}

#[test]
fn the_longest_frame_is_accepted_and_one_byte_more_is_dropped() {
    let frames = (vec![vec![1; FRAME_LEN_MAX], vec![3; 20]], 1);
    assert_eq!(decode(&framed(&[&[1; FRAME_LEN_MAX], &[2; FRAME_LEN_MAX + 1], &[3; 20]])), frames);
}

#[test]
fn the_limit_holds_for_escaped_bytes_and_for_bytes_one_at_a_time() {
    for length in [FRAME_LEN_MAX, FRAME_LEN_MAX + 1] {
        let mut wire = Vec::new();
        Encoder.encode(&vec![FLAG; length], &mut wire);
        let accepted = usize::from(length == FRAME_LEN_MAX);
        assert_eq!(decode_pieces([&wire[..]]).len(), accepted);
        assert_eq!(decode_pieces(wire.chunks(1)).len(), accepted);
    }
}

#[test]
fn an_unfinished_frame_without_end_keeps_no_more_than_the_longest_frame() {
    let mut decoder = Decoder::new(FRAME_LEN_MAX);
    let mut frames = FrameBatch::new();
    decoder.decode(&[FLAG], &mut frames);
    for _ in 0..100 {
        decoder.decode(&[7; 1000], &mut frames);
        assert!(decoder.partial.capacity() <= 2 * FRAME_LEN_MAX);
    }
    assert_eq!((frames.len(), frames.violations()), (0, 1));
    decoder.decode(&framed(&[&[9; 20]]), &mut frames);
    assert_eq!(frames.len(), 1);
}

#[test]
fn what_comes_before_the_first_flag_is_skipped() {
    let mut wire = vec![5; 100];
    wire.extend(framed(&[&[1; 20]]));
    assert_eq!(decode(&wire), (vec![vec![1; 20]], 0));
}

#[test]
fn a_wrong_escape_drops_its_frame_only() {
    let mut wrong = vec![1; 30];
    wrong.extend([ESCAPE, 0x41]);
    let mut cut = vec![2; 30];
    cut.push(ESCAPE);
    let wire = framed(&[&wrong, &[3; 20], &cut, &[4; 20]]);
    assert_eq!(decode(&wire), (vec![vec![3; 20], vec![4; 20]], 2));
    let in_pieces = decode_pieces(wire.chunks(1));
    assert_eq!((in_pieces.len(), in_pieces.violations()), (2, 2));
}

#[test]
fn an_abandoned_frame_is_forgotten() {
    let mut decoder = Decoder::new(FRAME_LEN_MAX);
    let mut frames = FrameBatch::new();
    decoder.decode(&framed(&[])[..], &mut frames);
    assert!(!decoder.is_inside());
    decoder.decode(&[1; 30], &mut frames);
    assert!(decoder.is_inside());
    decoder.abandon();
    decoder.decode(&[2; 30], &mut frames);
    decoder.decode(&framed(&[&[3; 20]]), &mut frames);
    assert_eq!(frames.iter().collect::<Vec<_>>(), [&[3; 20]]);
}

/// Bytes in which flags and escapes are frequent.
fn nasty_bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    const SPECIAL: [u8; 4] = [FLAG, ESCAPE, FLAG ^ MASK, ESCAPE ^ MASK];
    let nasty = |byte: u8| SPECIAL.get(usize::from(byte % 8)).copied().unwrap_or(byte);
    vec(any::<u8>(), length).prop_map(move |bytes| bytes.into_iter().map(nasty).collect())
}

fn split(wire: &[u8], cuts: &[usize]) -> FrameBatch {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (wire.len() + 1)).collect();
    cuts.extend([0, wire.len()]);
    cuts.sort_unstable();
    decode_pieces(cuts.windows(2).map(|pair| &wire[pair[0]..pair[1]]))
}

proptest! {
    #[test]
    fn any_frames_survive_any_split(
        bodies in vec(nasty_bytes(FRAME_LEN_MIN..60), 0..8),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let mut wire = Vec::new();
        bodies.iter().for_each(|body| Encoder.encode(body, &mut wire));
        let frames = split(&wire, &cuts);
        prop_assert_eq!(frames.iter().collect::<Vec<_>>(), bodies);
        prop_assert_eq!(frames.violations(), 0);
    }

    #[test]
    fn any_bytes_decode_the_same_in_any_split_and_within_bounds(
        wire in nasty_bytes(0..400),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let whole = decode_pieces([&wire[..]]);
        prop_assert_eq!(&split(&wire, &cuts), &whole);
        prop_assert!(whole.iter().all(|frame| (FRAME_LEN_MIN..=FRAME_LEN_MAX).contains(&frame.len())));
    }
}
