//! The app_data of a `meshchat.group` announce.

use prost::Message;
use proto::v1;

use crate::group::{State, Visibility};

/// The most that a relayed announce with a ratchet can carry (`spec/reticulum.md` section 4.1).
pub const ANNOUNCE_BYTES_MAX: usize = 285;

/// Version of the interface behind `/api/v1/...`.
pub(super) const API_VERSION: u32 = 1;

/// The name under which a private group is announced.
pub(super) const PRIVATE_NAME: &str = "Private Group";

/// What strangers may learn of a group, at most [`ANNOUNCE_BYTES_MAX`] bytes; a name that is too long is cut.
pub fn announce(state: &State) -> Vec<u8> {
    let mut announce = v1::GroupAnnounce {
        version: API_VERSION,
        name: public_name(state).to_owned(),
        visibility: visibility(state.visibility).into(),
        ..v1::GroupAnnounce::default()
    };
    let excess = announce.encoded_len().saturating_sub(ANNOUNCE_BYTES_MAX);
    let fitting = announce.name.floor_char_boundary(announce.name.len() - excess.min(announce.name.len()));
    announce.name.truncate(fitting);
    announce.encode_to_vec()
}

/// The name under which strangers know the group.
pub fn public_name(state: &State) -> &str {
    match state.visibility {
        Visibility::Public => &state.name,
        Visibility::Private => PRIVATE_NAME,
    }
}

pub(super) fn visibility(visibility: Visibility) -> v1::Visibility {
    match visibility {
        Visibility::Public => v1::Visibility::Public,
        Visibility::Private => v1::Visibility::Private,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str, visibility: Visibility) -> State {
        State { name: name.to_owned(), visibility, ..State::default() }
    }

    #[test]
    fn a_plain_group_costs_its_name_and_four_bytes() {
        let bytes = announce(&state("Harbour chat (group)", Visibility::Public));
        assert_eq!(bytes.len(), 20 + 4);
        let announce = v1::GroupAnnounce::decode(&bytes[..]).unwrap();
        assert_eq!((announce.version, announce.name.as_str()), (1, "Harbour chat (group)"));
    }

    #[test]
    fn a_private_group_does_not_tell_its_name() {
        let bytes = announce(&state("Secret", Visibility::Private));
        let announce = v1::GroupAnnounce::decode(&bytes[..]).unwrap();
        assert_eq!((announce.name.as_str(), announce.visibility()), (PRIVATE_NAME, v1::Visibility::Private));
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let bytes = announce(&state(&"🌊".repeat(100), Visibility::Public));
        assert!((ANNOUNCE_BYTES_MAX - 3..=ANNOUNCE_BYTES_MAX).contains(&bytes.len()));
        let announce = v1::GroupAnnounce::decode(&bytes[..]).unwrap();
        assert!(announce.name.chars().all(|c| c == '🌊') && announce.name.chars().count() > 60);
    }
}
