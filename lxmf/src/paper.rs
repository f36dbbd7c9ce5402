//! Messages as text that a person carries, on paper or in any other way (`spec/lxmf.md` 14).

use reticulum::hash::DestinationHash;
use thiserror::Error;

/// Longest sealed message, its destination in front, in bytes: what fits a QR code.
pub const PAPER_LEN_MAX: usize = 2_210;
const SCHEME: &str = "lxm://";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Why a text is not a message on paper for one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PaperError {
    /// It does not begin like one.
    #[error("it does not begin with lxm://")]
    Scheme,
    /// What follows is not base64url, or too short or long.
    #[error("it is damaged or incomplete")]
    Damaged,
    /// It is for somebody else.
    #[error("it is for somebody else")]
    NotOurs,
}

/// The text of a sealed message, its destination in front. `None` if it is too long for paper.
pub fn encode(stored: &[u8]) -> Option<String> {
    if stored.len() > PAPER_LEN_MAX {
        return None;
    }
    let mut uri = String::with_capacity(SCHEME.len() + stored.len().div_ceil(3) * 4);
    uri.push_str(SCHEME);
    for chunk in stored.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for sextet in 0..=chunk.len() {
            uri.push(char::from(ALPHABET[(bits >> (18 - 6 * sextet) & 0x3f) as usize]));
        }
    }
    Some(uri)
}

/// Whom a text is for, and what is sealed in it. The scheme is taken in either case; slashes and white space, which
/// clients and mail programs put in, are skipped.
pub fn decode(uri: &str) -> Result<(DestinationHash, Vec<u8>), PaperError> {
    let uri = uri.trim();
    let scheme = uri.get(..SCHEME.len()).ok_or(PaperError::Scheme)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(PaperError::Scheme);
    }
    let text = uri[SCHEME.len()..].trim_end_matches('=');
    let mut bytes = Vec::with_capacity(PAPER_LEN_MAX);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.bytes().filter(|byte| *byte != b'/' && !byte.is_ascii_whitespace()) {
        bits = bits << 6 | sextet(letter).ok_or(PaperError::Damaged)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
        if bytes.len() > PAPER_LEN_MAX {
            return Err(PaperError::Damaged);
        }
    }
    let (destination, sealed) = bytes.split_first_chunk().ok_or(PaperError::Damaged)?;
    if sealed.is_empty() {
        return Err(PaperError::Damaged);
    }
    Ok((DestinationHash::new(*destination), sealed.to_vec()))
}

fn sextet(letter: u8) -> Option<u32> {
    Some(match letter {
        b'A'..=b'Z' => u32::from(letter - b'A'),
        b'a'..=b'z' => u32::from(letter - b'a') + 26,
        b'0'..=b'9' => u32::from(letter - b'0') + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        for len in 17..200 {
            let stored: Vec<u8> = (0..len).map(|at| (at * 37 + len) as u8).collect();
            let uri = encode(&stored).unwrap();
            assert!(uri.starts_with("lxm://") && !uri.contains('='));
            let (to, sealed) = decode(&uri).unwrap();
            assert_eq!([to.as_ref(), &sealed].concat(), stored);
        }
    }

    #[test]
    fn the_limit_is_that_of_a_qr_code() {
        assert_eq!(encode(&[1; PAPER_LEN_MAX]).unwrap().len(), 6 + 2_947);
        assert_eq!(encode(&[1; PAPER_LEN_MAX + 1]), None);
        let too_long = format!("lxm://{}", "A".repeat(2_950));
        assert_eq!(decode(&too_long), Err(PaperError::Damaged));
    }

    #[test]
    fn what_people_and_programs_do_to_an_address_is_forgiven() {
        let uri = encode(&[0xfb; 40]).unwrap();
        let plain = decode(&uri).unwrap();
        assert_eq!(decode(&uri.replacen("lxm", "LXM", 1)), Ok(plain.clone()));
        assert_eq!(decode(&format!("  {uri}==\n")), Ok(plain.clone()));
        let broken = format!("{}/\n {}", &uri[..20], &uri[20..]);
        assert_eq!(decode(&broken), Ok(plain));
        assert_eq!(decode("http://example.org"), Err(PaperError::Scheme));
        assert_eq!(decode("lxm"), Err(PaperError::Scheme));
        for damaged in
            ["lxm://", "lxm://AAAA", "lxm://AAAAAAAAAAAAAAAAAAAAAA", "lxm://AAAA+AAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(decode(damaged), Err(PaperError::Damaged), "{damaged}");
        }
    }
}
