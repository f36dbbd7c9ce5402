//! Finding the person who is meant: by nick, by number (`3` or `#3`), or by a piece of their hash.

use reticulum::hash::IdentityHash;

use super::ids::MemberId;
use super::member::{Member, Roster};
use super::refusal::Refusal;
use super::state::{Restrictions, State};

/// Fewest digits of a hash that name somebody.
const HASH_DIGITS_MIN: usize = 4;
/// Members that are offered when several fit.
const CHOICES_MAX: usize = 4;
/// Words of a command that are tried as one nick: 24 characters hold at most 12.
const NICK_WORDS_MAX: usize = 12;

/// Names the person upon whom something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// By number.
    Member(MemberId),
    /// By identity, which also names those who never joined.
    Identity(IdentityHash),
    /// As a person writes it: nick, number, or at least four digits of identity hash or address.
    Text(String),
}

/// The member who is meant.
pub(super) fn find_member<'a>(roster: &'a Roster, who: &Who) -> Result<&'a Member, Refusal> {
    match who {
        Who::Member(id) => roster.by_id(*id).ok_or(Refusal::NotFound),
        Who::Identity(identity) => roster.by_identity(*identity).ok_or(Refusal::NotFound),
        Who::Text(text) => only_one(members_called(roster, text)),
    }
}

/// The identity that is meant, whether it is in or not.
pub(super) fn find_identity(state: &State, who: &Who) -> Result<IdentityHash, Refusal> {
    let stranger = match who {
        Who::Member(_) => None,
        Who::Identity(identity) => Some(*identity),
        Who::Text(text) => IdentityHash::from_hex(bare(text)),
    };
    match (find_member(&state.roster, who), stranger) {
        (Err(Refusal::NotFound), Some(identity)) => Ok(identity),
        (found, _) => found.map(|member| member.identity.hash()),
    }
}

/// The restricted identity that is meant.
pub(super) fn find_barred(restrictions: &Restrictions, who: &Who) -> Result<IdentityHash, Refusal> {
    let fits = |identity: &IdentityHash, member: Option<MemberId>, nick: &str| match who {
        Who::Member(id) => member == Some(*id),
        Who::Identity(wanted) => identity == wanted,
        Who::Text(text) => {
            let text = bare(text);
            super::nick::nick_key(nick) == super::nick::nick_key(text)
                || (member.is_some() && member == number(text))
                || is_prefix(text, identity)
        }
    };
    let mut found = restrictions.iter().filter(|(identity, ban)| fits(identity, ban.member, &ban.nick));
    let (identity, ban) = found.next().ok_or(Refusal::NotFound)?;
    let others: Vec<_> = found.take(CHOICES_MAX - 1).map(|(_, ban)| ban).collect();
    if others.is_empty() {
        return Ok(*identity);
    }
    let choices = std::iter::once(ban).chain(others);
    let choices = choices.map(|ban| (ban.member.unwrap_or_default(), ban.nick.clone())).collect();
    Err(Refusal::Ambiguous { choices })
}

/// Splits `who why` where a nick may hold blanks: whatever beginning of it names a member is the person, and the rest
/// is the reason. Where several beginnings name different members, it is ambiguous.
pub(super) fn split_who<'a>(roster: &Roster, text: &'a str) -> Result<(Who, &'a str), Refusal> {
    let text = text.trim();
    let ends = text.match_indices(char::is_whitespace).map(|(end, _)| end).chain([text.len()]);
    let mut found: Vec<(&Member, usize)> = Vec::new();
    for end in ends.take(NICK_WORDS_MAX) {
        if let Some(member) = roster.by_nick(&text[..end]) {
            found.push((member, end));
        }
    }
    let first_end = text.find(char::is_whitespace).unwrap_or(text.len());
    let longest_end = found.iter().map(|(_, end)| *end).max().unwrap_or(first_end);
    let mut members: Vec<&Member> = found.into_iter().map(|(member, _)| member).collect();
    members.extend(members_called(roster, &text[..first_end]));
    let who = match only_one(members) {
        Ok(member) => Who::Member(member.id),
        Err(Refusal::NotFound) => Who::Text(text[..first_end].to_owned()),
        Err(refusal) => return Err(refusal),
    };
    Ok((who, text[longest_end..].trim()))
}

/// Everybody whom a word names, possibly repeated. A member's full hash names nobody else.
fn members_called<'a>(roster: &'a Roster, text: &str) -> Vec<&'a Member> {
    let text = bare(text);
    let mut found: Vec<&Member> = roster.by_nick(text).into_iter().collect();
    found.extend(number(text).and_then(|id| roster.by_id(id)));
    let digits = text.strip_prefix('#').map_or(text, |_| "");
    let fits =
        |member: &&Member| is_prefix(digits, &member.identity.hash()) || is_prefix(digits, &member.address);
    if digits.len() >= HASH_DIGITS_MIN && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        found.extend(roster.iter().filter(fits));
    }
    found
}

fn only_one(mut found: Vec<&Member>) -> Result<&Member, Refusal> {
    found.sort_unstable_by_key(|member| member.id);
    found.dedup_by_key(|member| member.id);
    match found.as_slice() {
        [] => Err(Refusal::NotFound),
        [member] => Ok(member),
        several => {
            let choices = several.iter().take(CHOICES_MAX);
            Err(Refusal::Ambiguous {
                choices: choices.map(|member| (member.id, member.nick.clone())).collect(),
            })
        }
    }
}

/// Without the blanks and angle brackets with which clients print a hash.
fn bare(text: &str) -> &str {
    text.trim().trim_start_matches('<').trim_end_matches('>')
}

fn number(text: &str) -> Option<MemberId> {
    text.strip_prefix('#').unwrap_or(text).parse().ok().map(MemberId)
}

fn is_prefix(digits: &str, hash: &impl ToString) -> bool {
    digits.len() >= HASH_DIGITS_MIN && hash.to_string().starts_with(&digits.to_ascii_lowercase())
}
