//! The one-time code that makes its bearer the owner. Only its hash is ever kept.

use std::fmt;

use reticulum::hash::sha256_of;

/// Digits of a code: 50 bits, out of reach of guessing by messages.
const DIGITS: usize = 10;
/// Crockford's base 32: no letter that could be read as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Keeps the hash of a code from being the hash of anything else.
const DOMAIN: &[u8] = b"meshgroup claim code";

/// A claim code as it is shown to the operator, once.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimCode([u8; DIGITS]);

/// What the log keeps of a claim code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimHash(pub [u8; 32]);

impl ClaimCode {
    /// The code that 10 random bytes stand for; five bits of each are used.
    pub fn from_random(random: [u8; DIGITS]) -> Self {
        Self(random.map(|byte| ALPHABET[usize::from(byte & 31)]))
    }

    /// Reads a code as a person may have typed it: either case, dashes and blanks anywhere, `O` for `0`, `I` and `L`
    /// for `1`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = [0; DIGITS];
        let mut typed = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        for digit in &mut digits {
            *digit = match typed.next()?.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                byte if ALPHABET.contains(&byte) => byte,
                _ => return None,
            };
        }
        typed.next().is_none().then_some(Self(digits))
    }

    pub(super) fn digits(&self) -> &[u8] {
        &self.0
    }

    /// What the log keeps.
    pub fn hash(&self) -> ClaimHash {
        ClaimHash(sha256_of(&[DOMAIN, &self.0]))
    }
}

impl fmt::Display for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, tail) = self.0.split_at(DIGITS / 2);
        write!(f, "{}-{}", String::from_utf8_lossy(head), String::from_utf8_lossy(tail))
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_was_typed() {
        let code = ClaimCode::from_random([0, 1, 2, 31, 32, 255, 10, 11, 12, 13]);
        assert_eq!(code.to_string(), "012Z0-ZABCD");
        for typed in ["012Z0-ZABCD", "012z0zabcd", " o i2Z0 - zabcd ", "OL2Z0ZABCD"] {
            assert_eq!(ClaimCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for wrong in ["", "012Z0-ZABC", "012Z0-ZABCDE", "012Z0-ZABC!", "012Z0-ZABCU"] {
            assert_eq!(ClaimCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_code_never_reaches_a_log() {
        let code = ClaimCode::from_random([7; DIGITS]);
        assert_eq!(format!("{code:?}"), "ClaimCode([redacted])");
        assert_ne!(code.hash(), ClaimCode::from_random([8; DIGITS]).hash());
    }
}
