//! What became of copies, in words.

use reticulum::time::UnixTime;

use super::delivery::{Fate, GapFate, Tally, Via, Why};
use super::ids::Seq;
use super::known::Listed;
use super::text::{REPLY_BYTES_MAX, listed, phrases};
use super::{Language, Roster};

/// Who has a post and what became of the other copies: `#12: 8 of 10 have it. Bob: does not answer; Ann: paused`. What
/// does not fit is counted.
pub(super) fn delivery(language: Language, seq: Seq, tally: &Tally, roster: &Roster) -> String {
    let mut text = phrases::copies_proven(language, seq, tally.proven(), tally.copies.len());
    let mut others = tally.others().filter_map(|(id, fate)| Some((roster.by_id(*id)?, fate))).enumerate();
    for (index, (member, fate)) in others.by_ref() {
        let separator = if index == 0 { " " } else { "; " };
        let part = format!("{separator}{}: {}", member.nick, fate_words(language, *fate));
        let more = phrases::and_more(language, tally.others().count() - index);
        if text.len() + part.len() + more.len() + 3 > REPLY_BYTES_MAX {
            return format!("{text}; {more}");
        }
        text.push_str(&part);
    }
    text
}

/// What a digest says: how much there is, the newest lines, and how the others are had.
pub(super) fn digest(language: Language, begins: bool, count: usize, lines: &[String]) -> String {
    let mut text = if begins { phrases::digest_begins(language) + "\n" } else { String::new() };
    text.push_str(&phrases::digest_head(language, count));
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    if count > lines.len() {
        text.push('\n');
        text.push_str(&phrases::digest_rest(language, count - lines.len()));
    }
    text
}

/// What somebody was not sent, in the form of [`listed`].
pub(super) fn missed(language: Language, now: UnixTime, found: &[Listed]) -> String {
    match found {
        [] => phrases::nothing_missed(language),
        found => listed(language, now, found, None),
    }
}

fn fate_words(language: Language, fate: Fate) -> String {
    let phrase = match fate {
        Fate::Queued { last: Some(Why::TooDear { cost }) } => {
            return phrases::copy_too_dear(language, cost.into());
        }
        Fate::Queued { last: None } => phrases::copy_waits,
        Fate::Queued { last: Some(Why::NoPath) } => phrases::copy_has_no_path,
        Fate::Queued { last: Some(Why::NoAnswer) } => phrases::copy_unanswered,
        Fate::Queued { last: Some(Why::NoBudget) } => phrases::copy_beyond_budget,
        Fate::Queued { last: Some(Why::Busy) } => phrases::copy_busy,
        Fate::Queued { last: Some(Why::NoNode) } => phrases::copy_has_no_node,
        Fate::Sent { via: None } => phrases::copy_looks_for_way,
        Fate::Sent { via: Some(Via::Packet) } => phrases::copy_sent,
        Fate::Sent { via: Some(Via::LinkPacket | Via::Resource) } => phrases::copy_on_link,
        Fate::Proven => phrases::copy_proven,
        Fate::Gap(GapFate::Stored) => phrases::copy_stored,
        Fate::Gap(GapFate::Refused) => phrases::copy_refused,
        Fate::Gap(GapFate::Expired) => phrases::copy_expired,
        Fate::Gap(GapFate::Unwanted) => phrases::copy_unwanted,
        Fate::Gap(GapFate::Withdrawn) => phrases::copy_withdrawn,
        Fate::Gap(GapFate::Digested) => phrases::copy_digested,
        Fate::NotPushed => phrases::copy_not_pushed,
    };
    phrase(language)
}
