//! HDLC framing alone: bytes a second and time a frame, by frame size. Bodies are random, as ciphertext is.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use interfaces::FrameBatch;
use interfaces::framing::{Decode, Encode, hdlc};

const FRAMES: usize = 250;
const SIZES: [usize; 3] = [83, 200, 500];

fn main() {
    divan::main();
}

fn frames(size: usize) -> FrameBatch {
    let mut state = 1_u64;
    let mut batch = FrameBatch::new();
    for _ in 0..FRAMES {
        batch.push_with(|out| {
            out.extend((0..size).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            }));
            true
        });
    }
    batch
}

fn encode_into(batch: &FrameBatch, wire: &mut Vec<u8>) {
    wire.clear();
    batch.iter().for_each(|frame| hdlc::Encoder.encode(frame, wire));
}

#[divan::bench(args = SIZES)]
fn encode(bencher: Bencher, size: usize) {
    let batch = frames(size);
    let mut wire = Vec::new();
    bencher
        .counter(ItemsCount::new(FRAMES))
        .counter(BytesCount::new(batch.byte_len()))
        .bench_local(|| encode_into(divan::black_box(&batch), &mut wire));
}

#[divan::bench(args = SIZES)]
fn decode(bencher: Bencher, size: usize) {
    let batch = frames(size);
    let mut wire = Vec::new();
    encode_into(&batch, &mut wire);
    let mut decoder = hdlc::Decoder::new(564);
    let mut out = FrameBatch::new();
    bencher.counter(ItemsCount::new(FRAMES)).counter(BytesCount::new(batch.byte_len())).bench_local(|| {
        out.clear();
        decoder.decode(divan::black_box(&wire), &mut out);
        assert_eq!(out.len(), FRAMES);
    });
}
