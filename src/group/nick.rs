//! Names of people, as others see them: cleaned, bounded, and unique within a group.

use reticulum::hash::IdentityHash;

use super::fold::skeleton;

/// Longest nick, in characters (`clients.md`, "Author in the text").
pub const NICK_CHARS_MAX: usize = 24;
/// Fewest digits of a hash that tell namesakes apart.
const SUFFIX_DIGITS_MIN: usize = 4;
/// The nick of somebody who has no name that could be shown.
const NAMELESS: &str = "anon";

/// A name without what could disturb or forge the line `Nick: text`: what `clean_line` takes out, and colons.
pub fn clean_name(name: &str, chars_max: usize) -> String {
    clean(name, chars_max, |c| c == ':' || is_invisible(c))
}

/// A text as one line of visible characters: no control and direction characters, no invisible ones, and blanks only
/// as single ones between words. At most `chars_max` characters; possibly empty.
pub(super) fn clean_line(text: &str, chars_max: usize) -> String {
    clean(text, chars_max, is_invisible)
}

/// A text of several lines, each of them clean; blanks at either end of the whole go. At most `chars_max` characters.
pub(super) fn clean_text(text: &str, chars_max: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| clean_line(line, chars_max)).collect();
    lines.join("\n").trim().chars().take(chars_max).collect()
}

fn clean(text: &str, chars_max: usize, is_unwanted: impl Fn(char) -> bool) -> String {
    let mut clean = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let gap = usize::from(length > 0);
        let room = chars_max.saturating_sub(length + gap);
        let piece: String = word.chars().filter(|c| !is_unwanted(*c)).take(room).collect();
        if piece.is_empty() {
            continue;
        }
        if gap == 1 {
            clean.push(' ');
        }
        length += gap + piece.chars().count();
        clean.push_str(&piece);
    }
    clean
}

/// The nick that somebody gets at joining: the wanted one, or with a piece of their hash behind it (`Bob~3f2a`) where
/// that is taken.
pub(super) fn unique_nick(wanted: &str, identity: IdentityHash, is_taken: impl Fn(&str) -> bool) -> String {
    let mut base = clean_name(wanted, NICK_CHARS_MAX);
    if base.is_empty() {
        NAMELESS.clone_into(&mut base);
    } else if !is_taken(&base) {
        return base;
    }
    let digits = identity.to_string();
    let with_suffix = |length: usize| {
        let room = NICK_CHARS_MAX.saturating_sub(length + 1);
        let head: String = base.chars().take(room).collect();
        format!("{}~{}", head.trim_end(), &digits[..length])
    };
    (SUFFIX_DIGITS_MIN..digits.len())
        .step_by(2)
        .map(with_suffix)
        .find(|nick| !is_taken(nick))
        .unwrap_or(digits)
}

/// What two nicks that look alike have in common. Nicks without any letter are compared as they are, so that numbers stay
/// numbers.
pub(super) fn nick_key(nick: &str) -> String {
    if nick.chars().any(char::is_alphabetic) { skeleton(nick) } else { nick.to_owned() }
}

/// Marks and overrides of the direction of writing, with which a text can be made to look like another.
pub(super) fn is_directional(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that take no room of their own: direction marks and overrides, joiners, fillers, tags, annotations.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: IdentityHash = IdentityHash::new([0x3f; 16]);

    #[test]
    fn names_are_cleaned() {
        let rows = [
            ("Bob", "Bob"),
            ("  Bob \t Smith \n", "Bob Smith"),
            ("Bob\u{0}\u{7}\u{1b}[31m", "Bob [31m"),
            ("\u{202e}Bob\u{202c}", "Bob"),
            ("B\u{200b}o\u{200d}b\u{feff}", "Bob"),
            ("Alice: hello", "Alice hello"),
            ("\u{200f}\u{2067}", ""),
            ("", ""),
            ("Zoë Müller 🌊", "Zoë Müller 🌊"),
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwx"),
            ("abcdefghijklmnopqrstuvw xyz", "abcdefghijklmnopqrstuvw"),
        ];
        for (name, clean) in rows {
            assert_eq!(clean_name(name, NICK_CHARS_MAX), clean, "{name:?}");
        }
    }

    #[test]
    fn a_later_namesake_gets_as_much_of_the_hash_as_it_takes() {
        let nick = |taken: &[&str], wanted: &str| {
            unique_nick(wanted, HASH, |nick| taken.iter().any(|t| nick_key(t) == nick_key(nick)))
        };
        assert_eq!(nick(&[], "Bob"), "Bob");
        assert_eq!(nick(&["bob"], "Bob"), "Bob~3f3f");
        assert_eq!(nick(&["bob", "BOB~3F3F"], "Bob"), "Bob~3f3f3f");
        assert_eq!(nick(&[], "\u{200b}"), "anon~3f3f");
        let long = "abcdefghijklmnopqrstuvwx";
        assert_eq!(nick(&[long], long), "abcdefghijklmnopqrs~3f3f");
    }

    #[test]
    fn a_nick_never_exceeds_its_bound_while_suffixes_are_left() {
        let taken = std::cell::Cell::new(0);
        let nick = unique_nick("abcdefghijklmnopqrstuvwx", HASH, |_| {
            taken.set(taken.get() + 1);
            taken.get() < 8
        });
        assert!(nick.chars().count() <= NICK_CHARS_MAX, "{nick}");
    }
}
