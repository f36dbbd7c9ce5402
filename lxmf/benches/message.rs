//! What one message costs beyond the bare signature, which is measured beside it.
//!
//! `cargo bench -p meshgroup-lxmf`

use divan::{Bencher, black_box};
use lxmf::fields::Fields;
use lxmf::message::{Draft, Unverified};
use lxmf::stamp::{Purpose, SLICE_TRIALS, Search, Searched, Workblock};
use reticulum::crypto::Identity;
use reticulum::hash::{DestinationHash, NameHash};

fn main() {
    divan::main();
}

const CONTENT: &[u8] =
    b"A message of the usual length: a sentence or two, nothing that would not fit one packet.";

fn identity() -> Identity {
    Identity::from_bytes(&std::array::from_fn(|i| i as u8))
}

fn delivery() -> DestinationHash {
    DestinationHash::of_single(NameHash::of_name("lxmf.delivery"), identity().hash())
}

fn draft(fields: &Fields) -> Draft<'_> {
    let (destination, source) = (delivery(), delivery());
    Draft { destination, source, timestamp: 1_700_000_000.25, title: b"", content: CONTENT, fields }
}

#[divan::bench]
fn parse(bencher: Bencher) {
    let packed = draft(&Fields::default()).pack(&identity());
    bencher.bench(|| Unverified::parse(black_box(packed.as_bytes())));
}

#[divan::bench]
fn parse_and_verify(bencher: Bencher) {
    let (identity, packed) = (identity(), draft(&Fields::default()).pack(&identity()));
    bencher.bench(|| {
        Unverified::parse(black_box(packed.as_bytes())).map(|message| message.verify(identity.public()))
    });
}

#[divan::bench]
fn bare_verify(bencher: Bencher) {
    let (identity, message) = (identity(), vec![7; 170]);
    let signature = identity.sign(&message);
    bencher.bench(|| identity.public().verify(black_box(&message), &signature));
}

#[divan::bench]
fn pack_and_sign(bencher: Bencher) {
    let (identity, fields) = (identity(), Fields::default());
    let draft = draft(&fields);
    bencher.bench(|| black_box(&draft).pack(&identity));
}

#[divan::bench]
fn bare_sign(bencher: Bencher) {
    let (identity, message) = (identity(), vec![7; 170]);
    bencher.bench(|| identity.sign(black_box(&message)));
}

#[divan::bench]
fn message_workblock(bencher: Bencher) {
    bencher.bench(|| Workblock::new(Purpose::Message, black_box(&[7; 32])));
}

/// A whole slice without success; divided by [`SLICE_TRIALS`] it is the cost of a trial.
#[divan::bench(sample_count = 20)]
fn stamp_slice(bencher: Bencher) {
    let Searched::NotYet(search) = Search::new(Purpose::Peering, [7; 32], 200).run() else { unreachable!() };
    bencher.counter(divan::counter::ItemsCount::new(SLICE_TRIALS)).bench(|| search.clone().run());
}

#[divan::bench]
fn stamp_trial(bencher: Bencher) {
    let block = Workblock::new(Purpose::Peering, &[7; 32]);
    bencher.bench(|| block.value(black_box(&[7; 32])));
}
