//! Invite codes: ten digits that are easy to say and to type, of which only a hash is kept.

use std::fmt;

use reticulum::hash::sha256_of;

use crate::group::claim::ClaimCode;

/// Keeps the hash of an invite code from being that of a claim code.
const DOMAIN: &[u8] = b"meshgroup invite code";

/// An invite code as it is shown to whoever asked for it, once.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode(ClaimCode);

/// What the log keeps of an invite code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeHash(pub [u8; 32]);

impl InviteCode {
    /// The code that 10 random bytes stand for.
    pub fn from_random(random: [u8; 10]) -> Self {
        Self(ClaimCode::from_random(random))
    }

    /// Reads a code as a person may have typed it.
    pub fn parse(text: &str) -> Option<Self> {
        ClaimCode::parse(text).map(Self)
    }

    /// Whether a word is written like a code, with the dash in the middle, so that it is not taken for a name.
    pub fn is_written_like_one(word: &str) -> bool {
        word.as_bytes().get(5) == Some(&b'-') && word.len() == 11 && Self::parse(word).is_some()
    }

    /// What the log keeps.
    pub fn hash(&self) -> CodeHash {
        CodeHash(sha256_of(&[DOMAIN, self.0.digits()]))
    }
}

impl fmt::Display for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_from_a_name_by_its_dash() {
        let code = InviteCode::from_random([9; 10]);
        assert!(InviteCode::is_written_like_one(&code.to_string()));
        for word in ["Alexanders", "Anne-Marie", "01234-5678", "0123456789"] {
            assert!(!InviteCode::is_written_like_one(word), "{word}");
        }
        assert_eq!(format!("{code:?}"), "InviteCode([redacted])");
        assert_eq!(InviteCode::parse(&code.to_string().to_lowercase()), Some(code));
    }
}
