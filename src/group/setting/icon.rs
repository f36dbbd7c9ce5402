//! The picture of a group in clients that show one: a name out of the Material Design set, and two colours
//! (`spec/lxmf.md`, field 0x04).

use std::fmt;
use std::str::FromStr;

use super::value::BadValue;

/// Longest name of an icon, in bytes; the longest of the set has fewer.
const NAME_BYTES_MAX: usize = 48;

/// An icon. Written as name, foreground, background: `anchor ffffff 0055aa`. Nothing is written where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Icon {
    /// Its name; empty where there is none.
    pub name: String,
    /// Colour of the lines: red, green, blue.
    pub foreground: [u8; 3],
    /// Colour behind them.
    pub background: [u8; 3],
}

impl FromStr for Icon {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let mut words = text.split_whitespace();
        let Some(name) = words.next() else { return Ok(Self::default()) };
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(BadValue);
        }
        let (foreground, background) = (colour(words.next())?, colour(words.next())?);
        match words.next() {
            None => Ok(Self { name: name.to_owned(), foreground, background }),
            Some(_) => Err(BadValue),
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return Ok(());
        }
        f.write_str(&self.name)?;
        for [red, green, blue] in [self.foreground, self.background] {
            write!(f, " {red:02x}{green:02x}{blue:02x}")?;
        }
        Ok(())
    }
}

fn colour(word: Option<&str>) -> Result<[u8; 3], BadValue> {
    let digits = word.ok_or(BadValue)?.trim_start_matches('#');
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(BadValue);
    }
    let number = u32::from_str_radix(digits, 16).map_err(|_| BadValue)?;
    let [_, red, green, blue] = number.to_be_bytes();
    Ok([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_read_back_as_it_was_written_and_nothing_else_is_one() {
        for text in ["", "anchor ffffff 0055aa", "account-group 000000 ffffff"] {
            assert_eq!(text.parse::<Icon>().unwrap().to_string(), text);
        }
        assert_eq!("anchor #FFFFFF #0055AA".parse(), "anchor ffffff 0055aa".parse::<Icon>());
        for wrong in
            ["anchor", "anchor ffffff", "anchor fffff 0055aa", "Anchor! ffffff 0055aa", "a ffffff 0055aa b"]
        {
            assert_eq!(wrong.parse::<Icon>(), Err(BadValue), "{wrong}");
        }
    }
}
