//! What must not be shown: `Debug` of anything that holds a key says `[redacted]`, whatever it is part of.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use meshgroup::group::ClaimCode;
use meshgroup::host::{FIRST_GROUP, HostConfig, TransportConfig};
use meshgroup::store::{Restored, Write};
use reticulum::crypto::{EphemeralX25519, Identity, Ifac, RatchetSecret, Rng, SigningKey, Token};
use reticulum::hash::DestinationHash;
use reticulum::node::{DestinationConfig, Node, NodeConfig};
use reticulum::time::{Instant, UnixTime};

use crate::support::process::{Folder, Meshgroup};

/// Half of a key: easy to find in whatever way bytes are shown, and not found by chance.
const SECRET: [u8; 32] = [0xa7; 32];

fn assert_hides(what: &str, shown: &impl Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        for needle in ["a7a7a7", "A7A7A7", "167, 167", "167,\n", "0xa7", "p6enp6en"] {
            assert!(!text.contains(needle), "{what}: {text}");
        }
    }
}

fn assert_redacted(what: &str, shown: &impl Debug) {
    assert_hides(what, shown);
    assert!(format!("{shown:?}").contains("[redacted]"), "{what}: {shown:?}");
}

#[test]
fn keys_codes_and_seeds_print_as_redacted() {
    let identity = Identity::from_bytes(&[0xa7; 64]);
    assert_redacted("identity", &identity);
    assert_redacted("ratchet", &RatchetSecret::from_bytes(SECRET));
    assert_redacted("token", &Token::new(&[0xa7; 64]));
    assert_redacted("claim code", &ClaimCode::from_random([0xa7; 10]));
    assert_redacted("agreement key", &EphemeralX25519::from_bytes(SECRET));
    assert_redacted("signing key", &SigningKey::from_bytes(&SECRET));
    assert_redacted("randomness", &Rng::from_seed(SECRET));
    assert_redacted(
        "access code",
        &Ifac::new(Some("harbour"), Some("open sesame"), 16).expect("a size in range"),
    );
}

#[test]
fn what_holds_secrets_shows_none_of_them() {
    let identity = Arc::new(Identity::from_bytes(&[0xa7; 64]));
    let config = DestinationConfig {
        ratchets: Some(vec![RatchetSecret::from_bytes(SECRET)]),
        ..DestinationConfig::new(Arc::clone(&identity), "test.secrets")
    };
    assert_hides("settings of a destination", &config);
    let mut node =
        Node::new(NodeConfig::new(Arc::clone(&identity)), SECRET, Instant::ZERO, UnixTime::from_secs(1));
    node.add_destination(config).expect("a destination");
    assert_hides("node", &node);

    let destination = DestinationHash::new([1; 16]);
    let secrets = || vec![RatchetSecret::from_bytes(SECRET)];
    assert_hides("what the store writes", &Write::Ratchets { destination, secrets: secrets() });
    let restored = Restored { ratchets: vec![(destination, secrets())], ..Restored::default() };
    assert_hides("what the store restores", &restored);
    let transport_identity = Arc::clone(&identity);
    let config = HostConfig {
        identities: BTreeMap::from([(FIRST_GROUP, identity)]),
        settings: meshgroup::group::Settings::default(),
        founding: meshgroup::group::FoundingRules::default(),
        transport: Some(TransportConfig { identity: transport_identity, respond_to_probes: true }),
        stamps: Default::default(),
        mail: Default::default(),
        propagation: None,
        ignored: Default::default(),
        messages_per_minute: 0,
        message_size_max: lxmf::router::RESOURCE_SIZE_MAX,
        blackhole: Vec::new(),
        seed: SECRET,
    };
    assert_hides("settings of a host", &config);
}

#[test]
fn a_node_prints_its_claim_code_at_its_first_run_only_and_no_key_ever() {
    let folder = Folder::new("secrets");
    let mut node = Meshgroup::start(folder.path(), "");
    let code = node.claim_code();
    let shown = node.output().matches(&code).count();
    let identity = std::fs::read(node.dir().join("identity")).expect("it has one");
    node.terminate();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    let output = node.output();
    assert_eq!(output.matches(&code).count(), shown, "only the first run shows it: {output}");
    let hex: String = identity.iter().map(|byte| format!("{byte:02x}")).collect();
    for half in [&hex[..64], &hex[64..]] {
        assert!(!output.to_lowercase().contains(half), "{output}");
    }
    let status = node.status().to_string();
    assert!(!status.contains(&hex[..64]) && !status.contains(&code), "{status}");
}
