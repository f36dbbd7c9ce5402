//! What a `lxmf.delivery` announce says about its destination (`spec/lxmf.md` 4.2).
//!
//! Owns the formats, old and new. Announces of propagation nodes have another format and another module.

use reticulum::wire::msgpack::{self, Reader};

/// Functionality code: the destination can receive compressed resources.
const COMPRESSION: u64 = 0;

/// The highest stamp cost that can be asked for (`spec/lxmf.md` 5.2); 0 and 255 mean no cost.
pub const STAMP_COST_MAX: u8 = 254;

/// The announced properties of a delivery destination. The default is what an announce without app_data means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppData {
    /// Name for display: without NUL characters and surrounding whitespace, never empty.
    pub display_name: Option<String>,
    /// Leading zero bits that a stamp must have, 1 to [`STAMP_COST_MAX`].
    pub stamp_cost: Option<u8>,
    /// Whether resources sent to it may be compressed.
    pub compression: bool,
}

impl Default for AppData {
    fn default() -> Self {
        Self { display_name: None, stamp_cost: None, compression: true }
    }
}

impl AppData {
    /// Reads any format that the field has used. Never fails: what cannot be read is absent.
    pub fn parse(bytes: &[u8]) -> Self {
        match bytes.first() {
            None => Self::default(),
            Some(0x90..=0x9f | 0xdc) => parse_array(bytes),
            Some(_) => Self { display_name: clean_name(bytes), ..Self::default() },
        }
    }
}

/// The app_data that we announce: `[name bin, cost or nil, [0]]`.
pub fn encode(display_name: &str, stamp_cost: Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(display_name.len() + 8);
    msgpack::write_array_len(&mut out, 3);
    if display_name.is_empty() {
        msgpack::write_nil(&mut out);
    } else {
        msgpack::write_bin(&mut out, display_name.as_bytes());
    }
    match stamp_cost.filter(|cost| (1..=STAMP_COST_MAX).contains(cost)) {
        Some(cost) => msgpack::write_uint(&mut out, u64::from(cost)),
        None => msgpack::write_nil(&mut out),
    }
    msgpack::write_array_len(&mut out, 1);
    msgpack::write_uint(&mut out, COMPRESSION);
    out
}

fn parse_array(bytes: &[u8]) -> AppData {
    let mut app_data = AppData::default();
    let mut reader = Reader::new(bytes);
    // Once an element cannot be read, none behind it can.
    let mut elements = (0..reader.read_array_len().unwrap_or(0)).map_while(|_| reader.raw().ok()).fuse();
    // A name encoded as text instead of bin is no name: clients drop it, so nobody may come to rely on it.
    app_data.display_name =
        elements.next().and_then(|raw| Reader::new(raw).read_bin().ok()).and_then(clean_name);
    app_data.stamp_cost = elements.next().and_then(parse_cost);
    app_data.compression = elements.next().is_none_or(parse_compression);
    app_data
}

fn parse_cost(raw: &[u8]) -> Option<u8> {
    let cost = Reader::new(raw).read_uint().ok()?;
    u8::try_from(cost).ok().filter(|cost| (1..=STAMP_COST_MAX).contains(cost))
}

/// Anything but a list says nothing about compression, which then is assumed.
fn parse_compression(raw: &[u8]) -> bool {
    let mut reader = Reader::new(raw);
    let Ok(len) = reader.read_array_len() else { return true };
    (0..len).map_while(|_| reader.raw().ok()).any(|code| Reader::new(code).read_uint() == Ok(COMPRESSION))
}

fn clean_name(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok()?.replace('\0', "");
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn announced(name: Option<&str>, stamp_cost: Option<u8>, compression: bool) -> AppData {
        AppData { display_name: name.map(str::to_owned), stamp_cost, compression }
    }

    #[test]
    fn our_announces_match_the_vectors() {
        assert_eq!(
            encode("Ålice", Some(8)),
            [b"\x93\xc4\x06\xc3\x85lice".as_slice(), &[8, 0x91, 0]].concat()
        );
        assert_eq!(
            encode("Ålice", None),
            [b"\x93\xc4\x06\xc3\x85lice".as_slice(), &[0xc0, 0x91, 0]].concat()
        );
        assert_eq!(encode("", None), [0x93, 0xc0, 0xc0, 0x91, 0x00]);
    }

    #[test]
    fn costs_outside_of_the_domain_are_not_announced() {
        for cost in [0, 255] {
            assert_eq!(encode("", Some(cost)), encode("", None));
        }
        assert_ne!(encode("", Some(254)), encode("", None));
    }

    #[test]
    fn every_accepted_shape_is_read() {
        let rows: &[(&[u8], AppData)] = &[
            (&[], announced(None, None, true)),
            (b"Alice", announced(Some("Alice"), None, true)),
            (&[0xff, 0xfe, b'x'], announced(None, None, true)),
            (b"\x91\xc4\x01A", announced(Some("A"), None, true)),
            (b"\xdc\x00\x01\xc4\x01A", announced(Some("A"), None, true)),
            (b"\x92\xc4\x01A\x08", announced(Some("A"), Some(8), true)),
            (b"\x93\xc4\x01A\x08\x91\x00", announced(Some("A"), Some(8), true)),
            (b"\x93\xc4\x01A\x08\x92\x07\x00", announced(Some("A"), Some(8), true)),
            (b"\x93\xc4\x01A\x08\x91\x07", announced(Some("A"), Some(8), false)),
            (b"\x93\xc4\x01A\x08\x90", announced(Some("A"), Some(8), false)),
            (b"\x93\xc4\x01A\x08\xc0", announced(Some("A"), Some(8), true)),
            (b"\x93\xa1A\x08\x91\x00", announced(None, Some(8), true)),
            (b"\x93\xc0\xc0\x91\x00", announced(None, None, true)),
            (b"\x92\xc4\x01A\x00", announced(Some("A"), None, true)),
            (b"\x92\xc4\x01A\xcc\xff", announced(Some("A"), None, true)),
            (b"\x94\xc4\x01A\x08\x91\x00\xc0", announced(Some("A"), Some(8), true)),
            (b"\x90", announced(None, None, true)),
            (b"\x93\xc4\x05A", announced(None, None, true)),
        ];
        for (bytes, expected) in rows {
            assert_eq!(AppData::parse(bytes), *expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn names_lose_nul_characters_and_surrounding_whitespace() {
        assert_eq!(AppData::parse(b"\x91\xc4\x06 A\0 B\n"), announced(Some("A B"), None, true));
        assert_eq!(AppData::parse(b" \0 "), announced(None, None, true));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
            let _ = AppData::parse(&bytes);
        }

        #[test]
        fn what_we_announce_reads_back(name in "[a-zé]{0,40}", cost in proptest::option::of(1_u8..=254)) {
            let name_read = (!name.is_empty()).then_some(name.as_str());
            prop_assert_eq!(AppData::parse(&encode(&name, cost)), announced(name_read, cost, true));
        }
    }
}
