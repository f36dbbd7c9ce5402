//! Whom a text mentions: `@nick`, where a nick may hold blanks, or `@3` for a member's number.

use super::ids::MemberId;
use super::member::Roster;
use super::nick::NICK_CHARS_MAX;
use super::post::MENTIONS_MAX;

/// Places at which a text is searched for a name; what follows behind them is not.
const PLACES_MAX: usize = 64;

/// The members that a text mentions, by number, each once and in order.
pub(super) fn mentions(roster: &Roster, text: &str) -> Vec<MemberId> {
    let mut found: Vec<MemberId> = Vec::new();
    let starts_name = |at: &usize| !text[..*at].ends_with(char::is_alphanumeric);
    for at in text.match_indices('@').map(|(at, _)| at).filter(starts_name).take(PLACES_MAX) {
        let Some(member) = named(roster, &text[at + 1..]) else { continue };
        if !found.contains(&member) {
            found.push(member);
        }
        if found.len() == MENTIONS_MAX {
            break;
        }
    }
    found.sort_unstable();
    found
}

/// The member with whose nick, or whose number, `text` begins. The longest nick counts.
fn named(roster: &Roster, text: &str) -> Option<MemberId> {
    let ends_word = |end: &usize| {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        !(text[..*end].ends_with(inside) && text[*end..].starts_with(inside))
    };
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8()).take(NICK_CHARS_MAX);
    let mut ends: Vec<usize> = ends.filter(ends_word).collect();
    ends.reverse();
    let by_nick = ends.into_iter().find_map(|end| roster.by_nick(&text[..end]));
    by_nick.map(|member| member.id).or_else(|| {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let goes_on = digits[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let id = digits[..end].parse().map(MemberId).ok().filter(|_| !goes_on)?;
        roster.by_id(id).map(|member| member.id)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reticulum::crypto::Identity;
    use reticulum::time::UnixTime;

    use super::super::{Member, Seq};
    use super::*;

    #[test]
    fn people_are_mentioned_by_nick_or_number() {
        let mut roster = Roster::default();
        for (n, nick) in [(1, "Bob"), (2, "Bob Smith"), (3, "Zoë"), (4, "x.y")] {
            let identity = Arc::new(Identity::from_bytes(&[n as u8; 64]).public().clone());
            roster.insert(Member::new(MemberId(n), identity, nick.into(), UnixTime::default(), Seq(1)));
        }
        let rows: [(&str, &[u32]); 14] = [
            ("@bob hello", &[1]),
            ("hello @Bob, are you there?", &[1]),
            ("@Bob Smith and @zoë: come!", &[2, 3]),
            ("@bob @BOB @Bob.", &[1]),
            ("@3", &[3]),
            ("(@#3)", &[3]),
            ("@x.y.", &[4]),
            ("@Bobby", &[]),
            ("@3rd", &[]),
            ("@99 @", &[]),
            ("bob@example.org", &[]),
            ("me@bob", &[]),
            ("", &[]),
            ("@@bob", &[1]),
        ];
        for (text, expected) in rows {
            let found: Vec<u32> = mentions(&roster, text).into_iter().map(|id| id.0).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_text_full_of_signs_costs_a_bounded_search() {
        assert!(mentions(&Roster::default(), &"@a b c ".repeat(100_000)).is_empty());
    }
}
