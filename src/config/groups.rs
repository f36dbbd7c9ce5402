//! `[groups]`: who may create further groups.

use reticulum::hash::IdentityHash;
use serde::{Deserialize, Deserializer, Serialize};

use super::{identities, options};

/// The most groups that a node may be given.
const GROUPS_MAX: u32 = 1_024;
/// The most work that a group may cost: hours on a telephone.
const STAMP_COST_MAX: u8 = 32;

options! {
    /// Who may create further groups on this node.
    pub struct GroupsOptions {
        /// Who may create groups by request: "nobody", the "listed" creators, or "anyone" who pays with proof of work. The
        /// operator may in any case, with `meshgroup group create`.
        create: Creation = Creation::Nobody,
        /// Identities, as 32 hexadecimal digits each, that may create groups.
        #[serde(deserialize_with = "identities")]
        creators: Vec<IdentityHash> = Vec::new() => "[]",
        /// Groups of one creator that may exist at a time.
        per_creator_max: u32 = 3,
        /// Groups of the node, 1 to 1024.
        #[serde(deserialize_with = "groups_max")]
        groups_max: u32 = 64,
        /// Bits of proof of work that a group costs where anyone may create one, 0 to 32. Each one doubles the work.
        #[serde(deserialize_with = "stamp_cost")]
        stamp_cost: u8 = 18,
    }
}

/// Who may create groups by request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Creation {
    /// The operator only.
    Nobody,
    /// Those of the list.
    Listed,
    /// Everybody.
    Anyone,
}

fn groups_max<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let max = u32::deserialize(deserializer)?;
    if !(1..=GROUPS_MAX).contains(&max) {
        return Err(serde::de::Error::custom(format!("expected a number from 1 to {GROUPS_MAX}")));
    }
    Ok(max)
}

fn stamp_cost<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let cost = u8::deserialize(deserializer)?;
    if cost > STAMP_COST_MAX {
        return Err(serde::de::Error::custom(format!("expected a number from 0 to {STAMP_COST_MAX}")));
    }
    Ok(cost)
}
