//! The app_data of a `meshchat.group` announce.

use prost::Message;
use proto::v1;

use crate::group::{JoinPolicy, Kind, State, Visibility};

/// The most that a relayed announce with a ratchet can carry (`spec/reticulum.md` section 4.1).
pub const ANNOUNCE_BYTES_MAX: usize = 285;

/// Version of the interface behind `/api/v1/...`.
pub(super) const API_VERSION: u32 = 1;

/// What strangers may learn of a group, at most [`ANNOUNCE_BYTES_MAX`] bytes; a name that is too long is cut.
pub fn announce(state: &State) -> Vec<u8> {
    let mut announce = v1::GroupAnnounce {
        version: API_VERSION,
        name: public_name(state).to_owned(),
        visibility: visibility(state.settings.visibility).into(),
        join: join_policy(state.settings.join).into(),
        join_cost: state.settings.join_cost,
        post_cost: state.settings.send_cost,
    };
    let excess = announce.encoded_len().saturating_sub(ANNOUNCE_BYTES_MAX);
    let fitting = announce.name.floor_char_boundary(announce.name.len() - excess.min(announce.name.len()));
    announce.name.truncate(fitting);
    announce.encode_to_vec()
}

/// The name under which strangers know the group.
pub fn public_name(state: &State) -> &str {
    state.settings.stranger_name()
}

pub(super) fn kind(kind: Kind) -> v1::GroupKind {
    match kind {
        Kind::Group => v1::GroupKind::Group,
        Kind::Channel => v1::GroupKind::Channel,
        Kind::Direct => v1::GroupKind::Direct,
    }
}

pub(super) fn join_policy(policy: JoinPolicy) -> v1::JoinPolicy {
    match policy {
        JoinPolicy::Open => v1::JoinPolicy::Open,
        JoinPolicy::Approval => v1::JoinPolicy::Approval,
        JoinPolicy::Invitation => v1::JoinPolicy::Invitation,
        JoinPolicy::Closed => v1::JoinPolicy::Closed,
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
    use crate::group::Settings;

    fn state(name: &str, visibility: Visibility) -> State {
        State {
            settings: Settings { name: name.to_owned(), visibility, ..Settings::default() },
            ..State::default()
        }
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
        assert_eq!(
            (announce.name.as_str(), announce.visibility()),
            ("Private Group", v1::Visibility::Private)
        );
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let bytes = announce(&state(&"🌊".repeat(100), Visibility::Public));
        assert!((ANNOUNCE_BYTES_MAX - 3..=ANNOUNCE_BYTES_MAX).contains(&bytes.len()));
        let announce = v1::GroupAnnounce::decode(&bytes[..]).unwrap();
        assert!(announce.name.chars().all(|c| c == '🌊') && announce.name.chars().count() > 60);
    }
}
