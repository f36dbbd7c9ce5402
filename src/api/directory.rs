//! The groups of a node as callers see them: a page of the directory, and a group that was just created.

use prost::Message;
use proto::v1;
use reticulum::hash::{DestinationHash, IdentityHash};

use super::announce::kind;
use super::announce::{public_name, visibility};
use super::error;
use super::page::fit;
use super::reply::membership;
use crate::group::{Caller, ClaimCode, Group, GroupId, Visibility};

/// What a caller wants to know of the groups of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRequest {
    /// In lower case; empty fits every name.
    pub(super) search: String,
    /// Whether only groups are wanted that the caller is in.
    pub mine: bool,
    pub(super) after: u32,
    pub(super) limit: usize,
    pub(super) bytes_max: usize,
}

/// A group of the node.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Its number.
    pub id: GroupId,
    /// The group.
    pub group: &'a Group,
    /// Its `lxmf.delivery` destination.
    pub lxmf: DestinationHash,
    /// Its `meshchat.group` destination.
    pub api: DestinationHash,
}

/// Whether an operator who types `wanted` means the group of this name and these hashes: by the name in either case, or by
/// the leading digits of a hash, four at least.
pub fn goes_by(wanted: &str, name: &str, addresses: [DestinationHash; 2], identity: IdentityHash) -> bool {
    const DIGITS_MIN: usize = 4;
    let wanted = wanted.to_lowercase();
    let begins = |hash: String| wanted.len() >= DIGITS_MIN && hash.starts_with(&wanted);
    name.to_lowercase() == wanted
        || addresses.iter().any(|address| begins(address.to_string()))
        || begins(identity.to_string())
}

/// The encoded answer to a look into the directory. `groups` come by ascending number.
pub fn directory<'a>(
    request: &DirectoryRequest,
    caller: &Caller,
    groups: impl Iterator<Item = Listing<'a>>,
) -> Vec<u8> {
    let listed = groups.filter(|listing| listing.id.0 > request.after).filter_map(|listing| {
        let you = listing.group.member_of(caller).map(membership);
        let visible = match listing.group.settings().visibility {
            Visibility::Public => !request.mine || you.is_some(),
            Visibility::Private => you.is_some() || matches!(caller, Caller::Operator),
        };
        let entry = entry(&listing, caller);
        let fits = request.search.is_empty() || entry.name.to_lowercase().contains(&request.search);
        (visible && fits).then_some(entry)
    });
    match fit(listed, request.limit, request.bytes_max) {
        Ok((groups, more)) => v1::GroupsResponse { groups, more, error: None }.encode_to_vec(),
        Err(error) => error::encode(error),
    }
}

/// The encoded answer to the creation of a group, with the claim code where nobody owns it yet.
pub fn group_created(listing: &Listing<'_>, caller: &Caller, claim: Option<&ClaimCode>) -> Vec<u8> {
    let claim_code = claim.map(ToString::to_string).unwrap_or_default();
    let group = Some(entry(listing, caller));
    v1::CreateGroupResponse { group, claim_code, existed: false, error: None }.encode_to_vec()
}

/// The encoded answer where the same two have a conversation already.
pub fn group_found(listing: &Listing<'_>, caller: &Caller) -> Vec<u8> {
    let group = Some(entry(listing, caller));
    v1::CreateGroupResponse { group, existed: true, ..Default::default() }.encode_to_vec()
}

/// The encoded answer to the deletion of a group. Where its export is, is the operator's business only.
pub fn group_deleted(caller: &Caller, export: &str) -> Vec<u8> {
    let export = if matches!(caller, Caller::Operator) { export } else { "" }.to_owned();
    v1::DeleteGroupResponse { export, error: None }.encode_to_vec()
}

/// The encoded answer to the wish for a new claim code.
pub fn claim_issued(code: &ClaimCode) -> Vec<u8> {
    v1::NewClaimResponse { code: code.to_string(), error: None }.encode_to_vec()
}

fn entry(listing: &Listing<'_>, caller: &Caller) -> v1::GroupEntry {
    let state = listing.group.state();
    let inside = listing.group.authorize_read(caller).is_ok();
    v1::GroupEntry {
        group: listing.id.0,
        name: if inside { &state.settings.name } else { public_name(state) }.to_owned(),
        api_address: listing.api.as_bytes().to_vec(),
        address: listing.lxmf.as_bytes().to_vec(),
        visibility: visibility(state.settings.visibility).into(),
        members: u32::try_from(state.roster.len()).unwrap_or(u32::MAX),
        you: listing.group.member_of(caller).map(membership),
        kind: kind(state.settings.kind).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_goes_by_its_name_and_by_the_beginning_of_each_hash() {
        let addresses = [DestinationHash::new([0xab; 16]), DestinationHash::new([0xcd; 16])];
        let goes_by = |wanted: &str| goes_by(wanted, "Café", addresses, IdentityHash::new([0xef; 16]));
        for wanted in ["Café", "cAFÉ", "abab", "CDCDCD", "efef", &"ab".repeat(16)] {
            assert!(goes_by(wanted), "{wanted}");
        }
        for wanted in ["", "Caf", "aba", "abac", "bcbc"] {
            assert!(!goes_by(wanted), "{wanted}");
        }
    }
}
