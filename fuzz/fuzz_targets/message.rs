//! Any bytes are a message or refused, and what is packed is read back and bears its signature.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lxmf::app_data::AppData;
use lxmf::fields::{Field, Fields, key};
use lxmf::message::{Draft, Unverified};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::DestinationHash;

/// Making keys is slow, so they are made once.
static IDENTITY: LazyLock<Identity> = LazyLock::new(|| Identity::generate(&mut Rng::from_seed([1; 32])));

fuzz_target!(|input: &[u8]| {
    let destination = DestinationHash::new([1; 16]);
    AppData::parse(input);
    for message in
        [Unverified::parse(input), Unverified::parse_body(destination, input)].into_iter().flatten()
    {
        assert_eq!(message.verify(IDENTITY.public()), None, "nobody else can sign for this identity");
    }
    let Ok(fields) = Fields::from_raw(input) else { return };
    for (key, value) in fields.iter() {
        assert!(!key.is_empty() && !value.is_empty());
    }
    let _ = (fields.is_empty(), fields.has_ticket(), fields.renderer());
    for field in fields.typed() {
        match field {
            Field::Attachments(files) => {
                assert!(files.iter().map(|file| file.name.len() + file.data.len()).sum::<usize>() <= input.len());
            }
            Field::Image { data, .. } | Field::Audio { data, .. } => assert!(data.len() <= input.len()),
            _ => {}
        }
    }
    let plain = fields.without(&[key::TICKET, key::COMMANDS]);
    assert!(plain.value(key::TICKET).is_none() && plain.value(key::COMMANDS).is_none());
    assert!(plain.as_raw().len() <= fields.as_raw().len(), "what is left out is not there");
    let source = DestinationHash::new([2; 16]);
    let draft = Draft { destination, source, timestamp: 1.5, title: b"", content: input, fields: &fields };
    let packed = draft.pack(&IDENTITY);
    let message = Unverified::parse(packed.as_bytes()).expect("what is packed is a message");
    let message = message.verify(IDENTITY.public()).expect("and bears its signature");
    assert_eq!((message.id, &message.content[..], &message.fields), (packed.id(), input, &fields));
});
