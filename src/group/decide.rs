//! The decisions: may this caller do this now, and what happens if so. Here is only which decision is meant; what it
//! takes stands in the files beside this one, by area.

mod membership;
mod messages;
mod moderation;

use std::time::Duration;

use reticulum::time::UnixTime;

use super::event::Post;
use super::{Action, Caller, Group, Outcome, Refusal};

pub use moderation::REASON_CHARS_MAX;

/// Longest name of a group, in characters; longer ones are cut.
pub const GROUP_NAME_CHARS_MAX: usize = 64;

impl Group {
    /// Does what the caller wants, or says why not. On `Ok` the events have taken effect and must be appended.
    pub fn decide(&mut self, now: UnixTime, caller: &Caller, action: Action) -> Result<Outcome, Refusal> {
        match action {
            Action::Join { nick } => self.join(now, caller, nick),
            Action::Leave => self.leave(now, caller),
            Action::Post { text, message_id, authorship } => {
                self.post(now, caller, Post { text, message_id, authorship })
            }
            Action::Delete { target, stored } => self.delete(now, caller, target, stored),
            Action::Kick { who, reason } => self.kick(now, caller, &who, &reason),
            Action::Ban { who, reason } => self.ban(now, caller, &who, &reason),
            Action::Unban { who } => self.unban(now, caller, &who),
            Action::Rename { nick } => self.rename(now, caller, &nick),
            Action::Claim { code } => self.claim(now, caller, &code),
            Action::IssueClaim { claim } => self.issue_claim(now, caller, claim),
        }
    }
}

fn rate_limited(wait: Duration) -> Refusal {
    Refusal::RateLimited {
        retry_after_s: u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
    }
}
