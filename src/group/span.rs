//! How long something lasts, as people write it: `90s`, `30m`, `2h`, `7d`, `2w`.

use std::time::Duration;

/// The longest that can be asked for. Longer is for good, and is said by leaving it out.
pub const SPAN_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// Reads a span: a whole number above 0 and a unit. `None` if it is anything else, or longer than [`SPAN_MAX`].
pub fn parse(text: &str) -> Option<Duration> {
    let unit_at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?;
    let (number, unit) = text.split_at(unit_at);
    let unit_s: u64 = match unit {
        "s" | "S" => 1,
        "m" | "M" => 60,
        "h" | "H" => 3_600,
        "d" | "D" => 24 * 3_600,
        "w" | "W" => 7 * 24 * 3_600,
        _ => return None,
    };
    let number: u64 = number.bytes().all(|digit| digit.is_ascii_digit()).then(|| number.parse().ok())??;
    let span = Duration::from_secs(number.checked_mul(unit_s)?);
    (!span.is_zero() && span <= SPAN_MAX).then_some(span)
}

/// Splits `2h being rude` into the span and the rest; without a span, all of it is the rest.
pub(super) fn split(text: &str) -> (Option<Duration>, &str) {
    let (word, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    match parse(word) {
        Some(span) => (Some(span), rest.trim()),
        None => (None, text.trim()),
    }
}

/// A span in one unit, rounded up.
pub(super) fn name(span: Duration) -> String {
    let s = span.as_millis().div_ceil(1_000) as u64;
    let (unit_s, unit) = match s {
        0..120 => (1, "s"),
        120..7_200 => (60, "m"),
        7_200..172_800 => (3_600, "h"),
        _ => (86_400, "d"),
    };
    format!("{}{unit}", s.div_ceil(unit_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        let rows = [
            ("90s", Some(90)),
            ("30m", Some(1_800)),
            ("2H", Some(7_200)),
            ("7d", Some(604_800)),
            ("2w", Some(1_209_600)),
            ("0h", None),
            ("h", None),
            ("2", None),
            ("-2h", None),
            ("+2h", None),
            ("2ü", None),
            ("", None),
            ("9999999w", None),
            ("99999999999999999999w", None),
        ];
        for (text, s) in rows {
            assert_eq!(parse(text), s.map(Duration::from_secs), "{text}");
        }
        assert_eq!(split(" 2h being rude "), (Some(Duration::from_secs(7_200)), "being rude"));
        assert_eq!(split("being rude for 2h"), (None, "being rude for 2h"));
    }

    #[test]
    fn spans_are_told_in_one_unit() {
        for (s, told) in
            [(1, "1s"), (119, "119s"), (120, "2m"), (3_601, "61m"), (7_200, "2h"), (604_800, "7d")]
        {
            assert_eq!(name(Duration::from_secs(s)), told);
        }
    }
}
