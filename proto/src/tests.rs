//! What must hold for every message of the contract.

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet};

use crate::DESCRIPTOR_SET;

fn messages() -> Vec<DescriptorProto> {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    set.file.into_iter().flat_map(|file| file.message_type).collect()
}

#[test]
fn every_response_has_its_error_in_field_15() {
    let messages = messages();
    let responses: Vec<_> = messages.iter().filter(|m| m.name().ends_with("Response")).collect();
    assert!(responses.len() >= 13);
    for response in responses {
        let error = response.field.iter().find(|field| field.number() == 15);
        assert_eq!(error.map(|field| field.type_name()), Some(".meshgroup.v1.Error"), "{}", response.name());
    }
}

#[test]
fn every_request_has_a_response() {
    let messages = messages();
    for request in messages.iter().filter_map(|m| m.name().strip_suffix("Request")) {
        let response = format!("{request}Response");
        assert!(messages.iter().any(|m| m.name() == response), "{response}");
    }
}

#[test]
fn fields_cost_one_byte_of_tag() {
    for message in messages() {
        for field in &message.field {
            assert!(field.number() <= 15, "{}.{}", message.name(), field.name());
        }
    }
}

/// The committed descriptor set serves clients in languages that load it at run time. After a change of the contract,
/// `MESHGROUP_BLESS=1 cargo test -p meshgroup-proto` writes it anew.
#[test]
fn the_committed_descriptor_set_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/descriptor.binpb");
    if std::env::var_os("MESHGROUP_BLESS").is_some() {
        std::fs::write(path, DESCRIPTOR_SET).unwrap();
    }
    let committed = std::fs::read(path).unwrap_or_default();
    assert!(committed == DESCRIPTOR_SET, "run MESHGROUP_BLESS=1 cargo test -p meshgroup-proto");
}
