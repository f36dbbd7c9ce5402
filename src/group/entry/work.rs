//! The work that joining can cost: what it is done for, and for how long it serves.
//!
//! The stamp is one of LXMF's, on a workblock of 1,000 rounds (`spec/lxmf.md` 5.2), over the group, the person and the
//! day. So a stamp serves one person in one group, and nobody can gather them for long.

use reticulum::hash::{DestinationHash, IdentityHash, sha256_of};
use reticulum::time::UnixTime;

/// Length of a stamp in bytes.
pub const JOIN_STAMP_LEN: usize = 32;
/// Seconds of a day.
const DAY_S: u64 = 24 * 3_600;

/// A stamp that somebody shows, and the day that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinStamp {
    /// Days since 1970 UTC.
    pub day: u32,
    /// The stamp.
    pub stamp: [u8; JOIN_STAMP_LEN],
}

impl JoinStamp {
    /// Whether it serves now: a stamp does on its day and on the next, by this node's clock and no other: what
    /// could be made ahead of its day could be gathered.
    pub fn is_fresh(&self, now: UnixTime) -> bool {
        let today = join_day(now);
        (today.saturating_sub(1)..=today).contains(&self.day)
    }
}

/// The day of a moment: days since 1970 UTC.
pub fn join_day(now: UnixTime) -> u32 {
    u32::try_from(now.as_secs() / DAY_S).unwrap_or(u32::MAX)
}

/// What the stamp is made over: `SHA-256(group destination hash ‖ member identity hash ‖ BE4 day)`, where the destination is
/// the group's `meshchat.group`.
pub fn join_material(group: DestinationHash, person: IdentityHash, day: u32) -> [u8; 32] {
    sha256_of(&[group.as_bytes(), person.as_bytes(), &day.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_serves_today_and_yesterday_and_on_no_other_day() {
        let now = UnixTime::from_secs(20_000 * DAY_S + 5);
        let rows = [(19_998, false), (19_999, true), (20_000, true), (20_001, false), (20_002, false)];
        for (day, fresh) in rows {
            assert_eq!(JoinStamp { day, stamp: [0; 32] }.is_fresh(now), fresh, "{day}");
        }
        assert!(JoinStamp { day: 0, stamp: [0; 32] }.is_fresh(UnixTime::default()));
    }

    #[test]
    fn the_material_is_group_person_and_day_in_this_order() {
        let (group, person) = (DestinationHash::new([1; 16]), IdentityHash::new([2; 16]));
        let bytes = [[1; 16].as_slice(), &[2; 16], &[0, 0, 0x4e, 0x20]].concat();
        assert_eq!(join_material(group, person, 20_000), reticulum::hash::sha256(&bytes));
    }
}
