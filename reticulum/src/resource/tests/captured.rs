//! Segments that rns 1.5.7 sent over loopback at MTU 500 (`spec/reticulum.md` 14.2, row 22): advertisements and updates
//! as they were before encryption, streams, and the proofs that its receiver gave.

use super::hashmap::Hashmap;
use super::*;
use crate::hash::sha256;
use crate::vectors::{hex, hex_array};

/// Session key of the link.
const KEY: &str = "\
    ad8644192f2b4a22e107850ca63d4026a06de1355f9394db3760178faae6d7ae71a4ef1951317d0ee304cb7cf0c2ad49\
    bc75ad51530e8e21a2ef1abdc110f431";

struct Captured {
    advertisement: &'static str,
    stream: &'static str,
    proof: &'static str,
}

const SMALL: Captured = Captured {
    advertisement: "\
        8ba17450a1640ea16e01a168c420721498c171ca5fb62cb6d3de182b482f47fc2e0e2b95b7ccf01508dd40e483aea172\
        c404a948a8e6a16fc420721498c171ca5fb62cb6d3de182b482f47fc2e0e2b95b7ccf01508dd40e483aea16901a16c01\
        a171c0a16601a16dc404fe0a1bd4",
    stream: "\
        770032eeeb5284f134bac86bad3e9a42288f71d5ee91dd8464d947961f06a71e04b1faf215eb94425134efe0880cdc79\
        dd46b58960d35307606b5ef57cc5144e8ec90cb2608924ee58293b57c8446def",
    proof: "\
        721498c171ca5fb62cb6d3de182b482f47fc2e0e2b95b7ccf01508dd40e483aee1cc12113fba5913e36d0810f6f16d10\
        aeab992a258123a0fbce265846e174f3",
};

const COMPRESSED: Captured = Captured {
    advertisement: "\
        8ba174ccc0a164cd0708a16e01a168c4200f3ca1e3e76f2655d48a9483118ea4c0885577439f224a777f30ab9d682130\
        3ea172c40412dc1ff5a16fc4200f3ca1e3e76f2655d48a9483118ea4c0885577439f224a777f30ab9d6821303ea16901\
        a16c01a171c0a16603a16dc404621cd5f1",
    stream: "\
        3d28b97037f3e3fb85a3422cd96b33110a9b7cd05a9f963cba19f9a0f06943e9c90e7d1ec0e71e2d69ca2d6c39141ac4\
        8b4e89da06cbeb01bfc4f114b7238da5fb1e66a5fe6830e69efe412a7fdf2ff0d04f04e6490c06b3ee264a07723f30b9\
        a3c07765758df77a3ea51bd0e6ef25fefaa108c3f991656ded7082052f5c27a6f64ee7c09a9abbef9a57e2cb6a5ae8b1\
        30da2237985432d36775c893084ef45a09184df357335def3d3e4a37db2d00e9fb9d6345c2c96a8ed845b364ff8d358b",
    proof: "\
        0f3ca1e3e76f2655d48a9483118ea4c0885577439f224a777f30ab9d6821303e98a8c7d3bd9a1cbd0978abb2aa7aad5a\
        73028a7cede4de7ee9eac2c1384301ff",
};

const WITH_METADATA: Captured = Captured {
    advertisement: "\
        8ba17460a1641da16e01a168c420bdcd2bef931b62e47f6399cc8dd82afee535400457c92af78595c9359cd800bea172\
        c404787b9cafa16fc420bdcd2bef931b62e47f6399cc8dd82afee535400457c92af78595c9359cd800bea16901a16c01\
        a171c0a16621a16dc4043bdaebd8",
    stream: "\
        08f0a3063fc0bdf535425afa2e3215d27d401ff41015b387be9622d2d6bc69949bd3415d0a5eac4ad89f719964947cbb\
        2215fe5ff0b132ad76c85cee1a554806fe3a1ad1a45d437a23907797c8cb6edd377deb6eeef695446d7ae7816d056c49",
    proof: "\
        bdcd2bef931b62e47f6399cc8dd82afee535400457c92af78595c9359cd800be518c494ff708f77766e7bff211a27183\
        2477dba27bd6943293834cb3f35a7160",
};

/// Its stream is made in the test, from initialisation vector and prefix.
const OF_75_PARTS: Captured = Captured {
    advertisement: "\
        8ba174cd87f0a164cd87aca16e4ba168c420a71caaa9ae56cb025ee7a132adfe2c0c363f18250741926c97d29c52ab3b\
        bd7fa172c40461d38085a16fc420a71caaa9ae56cb025ee7a132adfe2c0c363f18250741926c97d29c52ab3bbd7fa169\
        01a16c01a171c0a16601a16dc50128f136e7904abdcc9511baea2851c03184d64659eb2a29dd96a146f941e72a897dc3\
        8908b5a3eeaf9b5f7044d810de0a34cfa9ce92091ab9b7809662278e98279801171600f9f7ee7888c57c998a3566370b\
        6a86fe5b6241d4b3453c0d957a7d2391c737b5d8b329df0fb721497de8ec0a16e05b6098429c84d8cdca091b896ed30a\
        4009565a516c9dfe812607522fe23026d1c128fcc53958427fada7e91353391223d1eb954f787d9621e59cf9a753dd7b\
        16f53d40a29dbfe78b23ce0f281585d5aa3cd36c6e9734ff096aea1c9b479a8a3adb59d0e5b5c7d6725bbd0c4dfa07a1\
        94a3a885bcba36b73d2b5ea7b4fac7a069c0e4df08f2e33bb4dbbcac317be04af8529d83de8d4a98c9b8fd6512a76a76\
        773ca5930a058a10b519571d41e8ab653319ac246331d4",
    stream: "",
    proof: "\
        a71caaa9ae56cb025ee7a132adfe2c0c363f18250741926c97d29c52ab3bbd7f058d748b18ed4f3dbcb19678224e5c4c\
        ca02203f6256fce91452a90d548caa13",
};
const OF_75_PARTS_IV: &str = "65ac174adeb6175c8cdb55de681ff43b";
const OF_75_PARTS_PREFIX: &str = "a77c434e";
const OF_75_PARTS_STREAM_HASH: &str = "b6bc18d53690b4217dc71c949a5df470547b08f1c269e62ac75b1798da6dff8d";
const OF_75_PARTS_UPDATE: &str = "\
    a71caaa9ae56cb025ee7a132adfe2c0c363f18250741926c97d29c52ab3bbd7f9201c404267ebf2a";

/// Gives the receiver all that the reference sent; returns what it delivered, and its proof.
fn receive(captured: &Captured, stream: &[u8], update: Option<&HashmapUpdate<'_>>) -> (Received, Proof) {
    let advertisement = hex(captured.advertisement);
    let offer = Offer::check(&Advertisement::parse(&advertisement).unwrap(), SDU, 1 << 20).unwrap();
    let (token, pace) = (Arc::new(Token::new(&hex_array(KEY))), Pace::new(100_000.0));
    let config = ReceiveConfig { token, sdu: SDU, rtt: RTT, pace, prove_at_once: false };
    let mut receiver = Receiver::accept(Instant::ZERO, offer, config);
    for (index, part) in stream.chunks(SDU).enumerate() {
        if let Some(update) = update.filter(|_| index == 74) {
            receiver.handle_hashmap_update(Instant::ZERO, update);
        }
        assert!(receiver.handle_part(Instant::ZERO, part));
    }
    while let Some(output) = receiver.poll_output() {
        match output {
            Output::Job(job) => receiver.handle_job_done(Instant::ZERO, job.run()),
            Output::Received(received) => {
                let proof = received.proof.unwrap();
                return (received, proof);
            }
            Output::Failed(failure) => panic!("{failure}"),
            _ => {}
        }
    }
    panic!("nothing arrived");
}

#[test]
fn what_the_reference_sent_is_received_and_proven_as_its_receiver_did() {
    let text = b"The quick brown fox jumps over the lazy dog. ".repeat(40);
    let metadata = hex("81a46e616d65c405782e747874");
    let cases = [
        (SMALL, b"hello resource".to_vec(), None),
        (COMPRESSED, text, None),
        (WITH_METADATA, b"with metadata".to_vec(), Some(metadata)),
    ];
    for (captured, data, metadata) in cases {
        let (received, proof) = receive(&captured, &hex(captured.stream), None);
        assert_eq!((received.data, received.metadata), (data, metadata));
        assert_eq!(proof.body().to_vec(), hex(captured.proof));
    }
}

#[test]
fn a_segment_of_75_parts_has_the_reference_s_stream_map_update_and_proof() {
    let noise: Vec<u8> =
        (0..).flat_map(|number: u32| sha256(number.to_string().as_bytes())).take(34_732).collect();
    let prefix = hex(OF_75_PARTS_PREFIX);
    let token = Token::new(&hex_array(KEY));
    let stream = token.seal(hex_array(OF_75_PARTS_IV), &[&prefix[..], &noise].concat());
    assert_eq!(sha256(&stream).to_vec(), hex(OF_75_PARTS_STREAM_HASH));

    let (advertisement, update) = (hex(OF_75_PARTS.advertisement), hex(OF_75_PARTS_UPDATE));
    let advertisement = Advertisement::parse(&advertisement).unwrap();
    let update = HashmapUpdate::parse(&update).unwrap();
    let hashmap = Hashmap::of_stream(&stream, SDU, &advertisement.random);
    assert_eq!(hashmap.chunk(0), advertisement.map_hashes);
    assert_eq!((hashmap.chunk(1), 1), (update.map_hashes, update.index));

    let (received, proof) = receive(&OF_75_PARTS, &stream, Some(&update));
    assert!(received.data == noise);
    assert_eq!(proof.body().to_vec(), hex(OF_75_PARTS.proof));
}
