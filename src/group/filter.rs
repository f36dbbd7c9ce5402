//! What a message is looked through for before it is posted: words, patterns and links.
//!
//! Whoever may change settings writes the patterns, so they are bounded like everything else: `regex-lite` matches in time
//! linear in the text, each pattern compiles to a bounded size, and no more than the beginning of a text is looked at. A
//! longer text waits for a person.

use regex_lite::{Regex, RegexBuilder};

use super::fold::skeleton;
use super::pending::HeldBecause;
use super::setting::Settings;

/// Patterns at most; one stands on each line of the setting.
const PATTERNS_MAX: usize = 16;
/// Bytes that all patterns together compile to at most.
const PROGRAM_BYTES_MAX: usize = 32 << 10;
/// Parentheses within parentheses.
const NESTING_MAX: u32 = 16;
/// Bytes of a text that patterns are matched against. The longest message that members type fits.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// What a group looks for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Folded; those that end with `*` stand for every word that begins so.
    words: Vec<String>,
    patterns: Vec<Regex>,
    links: bool,
}

impl Filter {
    /// What the settings say. Patterns that cannot be used are left out: they could not be set.
    pub(super) fn new(settings: &Settings) -> Self {
        let words = settings.hold_words.split(|c: char| c.is_whitespace() || c == ',').map(folded_word);
        Self {
            words: words.filter(|word| !word.is_empty() && word != "*").collect(),
            patterns: compile(&settings.hold_patterns).unwrap_or_default(),
            links: settings.hold_links,
        }
    }

    /// Whether there is anything to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.patterns.is_empty() && !self.links
    }

    /// What is found in a text.
    pub(super) fn find(&self, text: &str) -> Option<HeldBecause> {
        if self.links && has_link(text) {
            return Some(HeldBecause::Link);
        }
        if !self.words.is_empty() && self.has_word(text) {
            return Some(HeldBecause::Word);
        }
        (!self.patterns.is_empty() && self.has_pattern(text)).then_some(HeldBecause::Pattern)
    }

    fn has_word(&self, text: &str) -> bool {
        let folded = skeleton(text);
        let mut words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.any(|word| {
            self.words.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(beginning) => word.starts_with(beginning),
                None => word == wanted,
            })
        })
    }

    fn has_pattern(&self, text: &str) -> bool {
        if text.len() > TEXT_BYTES_MAX {
            return true;
        }
        let small = text.to_lowercase();
        self.patterns.iter().any(|pattern| pattern.is_match(text) || pattern.is_match(&small))
    }
}

/// Whether each line of a setting is a pattern that can be used.
pub(super) fn are_patterns(lines: &str) -> bool {
    compile(lines).is_some()
}

fn compile(lines: &str) -> Option<Vec<Regex>> {
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() > PATTERNS_MAX {
        return None;
    }
    let size_limit = PROGRAM_BYTES_MAX / lines.len().max(1);
    let build = |line: &&str| {
        let mut builder = RegexBuilder::new(line);
        builder.size_limit(size_limit).nest_limit(NESTING_MAX).case_insensitive(true).build().ok()
    };
    lines.iter().map(build).collect()
}

/// A word as it is looked for, with its `*`.
fn folded_word(word: &str) -> String {
    let (bare, star) = word.strip_suffix('*').map_or((word, ""), |bare| (bare, "*"));
    let folded: String = skeleton(bare).chars().filter(|c| c.is_alphanumeric()).collect();
    folded + star
}

/// A scheme, `www.`, or a name with a dot and a path behind it.
fn has_link(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '"' | ',')).any(|word| {
        let word = word.to_lowercase();
        let has_path = || {
            word.split_once('/').is_some_and(|(host, _)| {
                host.rsplit_once('.').is_some_and(|(name, end)| {
                    !name.is_empty() && end.len() > 1 && end.chars().all(|c| c.is_ascii_alphabetic())
                })
            })
        };
        word.contains("://") || word.starts_with("www.") || word.starts_with("mailto:") || has_path()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(words: &str, patterns: &str, links: bool) -> Filter {
        let (hold_words, hold_patterns) = (words.to_owned(), patterns.to_owned());
        Filter::new(&Settings { hold_words, hold_patterns, hold_links: links, ..Settings::default() })
    }

    #[test]
    fn words_are_found_however_they_are_written_and_not_within_others() {
        let filter = filter("spam, casino*", "", false);
        for text in ["SPAM!", "buy sp\u{430}m now", "ｓｐａｍ", "Cas1nos", "the casino."] {
            assert_eq!(filter.find(text), Some(HeldBecause::Word), "{text}");
        }
        for text in ["spammer", "hello", "occasional", ""] {
            assert_eq!(filter.find(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_are_one_a_line_and_take_either_case() {
        let filter = filter("", "free\\s+money\n^buy ", false);
        for text in ["FREE   Money", "so: free money", "Buy this"] {
            assert_eq!(filter.find(text), Some(HeldBecause::Pattern), "{text}");
        }
        assert_eq!(filter.find("freemoney, do not buy "), None);
        assert_eq!(
            filter.find(&"x".repeat(TEXT_BYTES_MAX + 1)),
            Some(HeldBecause::Pattern),
            "too long to look at"
        );
    }

    #[test]
    fn links_are_found_and_sentences_are_not() {
        let filter = filter("", "", true);
        for text in
            ["see https://example.org", "(www.example.org)", "t.me/joinus", "LXMA://abc", "mailto:x@y.z"]
        {
            assert_eq!(filter.find(text), Some(HeldBecause::Link), "{text}");
        }
        for text in ["at eight.See you", "and/or", "1/2", "3.5/4", "v1.2"] {
            assert_eq!(filter.find(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_that_would_blow_up_are_refused_or_stay_cheap() {
        for refused in
            ["(", "a{1000}{1000}", "((((((((((((((((((a))))))))))))))))))", &"x\n".repeat(PATTERNS_MAX + 1)]
        {
            assert!(!are_patterns(refused), "{refused}");
        }
        // A backtracking engine takes 2^30 steps and more for these; how many ours takes is in its documentation, and that
        // this test ends at all is the point.
        let filter = filter("", "(a+)+$\n(a|aa)+$\n(.*a){10}$\n([a-z]+)*x", false);
        assert_eq!(filter.patterns.len(), 4);
        let text = "a".repeat(TEXT_BYTES_MAX - 1) + "!";
        assert_eq!(filter.find(&text), None);
    }
}
