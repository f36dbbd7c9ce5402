//! What people type to find something, as a question to the index of words.

/// Words of a question at most; further ones are left out.
const WORDS_MAX: usize = 12;
/// Bytes of a question at most; the rest is left out.
const BYTES_MAX: usize = 256;
/// The shortest beginning of a word that finds the word. Shorter ones would be looked up in much of the index.
const PREFIX_CHARS_MIN: usize = 3;

/// All words have to be there; of the last one the beginning does, as one types it. `None` if there is no word in it.
pub(super) fn query(text: &str) -> Option<String> {
    let text = &text[..text.floor_char_boundary(BYTES_MAX)];
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '"' || c == '\0')
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(WORDS_MAX)
        .collect();
    let last = words.last()?;
    let is_prefix = last.ends_with(char::is_alphanumeric) && last.chars().count() >= PREFIX_CHARS_MIN;
    let mut query = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ");
    if is_prefix {
        query.push('*');
    }
    Some(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_typed_becomes_words_and_never_syntax() {
        let rows = [
            ("harbour", Some("\"harbour\"*")),
            ("  the  harb ", Some("\"the\" \"harb\"*")),
            ("at 8", Some("\"at\" \"8\"")),
            ("say \"hello there\"", Some("\"say\" \"hello\" \"there\"*")),
            ("a OR b NOT (c)", Some("\"a\" \"OR\" \"b\" \"NOT\" \"(c)\"")),
            ("rope*", Some("\"rope*\"")),
            ("text:x ^y", Some("\"text:x\" \"^y\"")),
            ("!!! 🌊", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(query(text).as_deref(), expected, "{text}");
        }
        let long = query(&"wörd ".repeat(1_000)).unwrap();
        assert_eq!(long.matches("\" ").count(), WORDS_MAX - 1);
    }
}
