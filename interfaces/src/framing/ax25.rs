//! The AX.25 header that amateur radio TNCs want before each packet (interfaces.md section 9).

use thiserror::Error;

/// Length of the header: two addresses of seven bytes, control and protocol id.
pub const HEADER_LEN: usize = 16;

const DESTINATION: &[u8] = b"APZRNS";
const SSID_RESERVED: u8 = 0x60;
const LAST_ADDRESS: u8 = 0x01;
/// The field pads callsigns with this byte, which is a space that was not shifted as the letters are.
const PADDING: u8 = 0x20;
const CALLSIGN_LEN: usize = 6;
const UNNUMBERED_INFORMATION: u8 = 0x03;
const NO_LAYER_3: u8 = 0xf0;

/// Why there is no header for a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StationError {
    /// Not a callsign.
    #[error("a callsign has 3 to 6 letters and digits")]
    Callsign,
    /// Not a secondary station id.
    #[error("an SSID is a number from 0 to 15")]
    Ssid,
}

/// The header of packets from a station, for everyone.
pub fn header(callsign: &str, ssid: u8) -> Result<[u8; HEADER_LEN], StationError> {
    if !(3..=CALLSIGN_LEN).contains(&callsign.len())
        || !callsign.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(StationError::Callsign);
    }
    if ssid > 15 {
        return Err(StationError::Ssid);
    }
    let mut header = [PADDING; HEADER_LEN];
    write_callsign(DESTINATION, &mut header[..6]);
    header[6] = SSID_RESERVED;
    write_callsign(callsign.to_ascii_uppercase().as_bytes(), &mut header[7..13]);
    header[13] = SSID_RESERVED | (ssid << 1) | LAST_ADDRESS;
    header[14] = UNNUMBERED_INFORMATION;
    header[15] = NO_LAYER_3;
    Ok(header)
}

fn write_callsign(callsign: &[u8], out: &mut [u8]) {
    out.iter_mut().zip(callsign).for_each(|(out, letter)| *out = letter << 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verified_vector_is_written_byte_for_byte() {
        let expected =
            [0x82, 0xa0, 0xb4, 0xa4, 0x9c, 0xa6, 0x60, 0x9c, 0x9e, 0x62, 0x86, 0x98, 0xa4, 0x67, 0x03, 0xf0];
        assert_eq!(header("NO1CLR", 3), Ok(expected));
        assert_eq!(header("no1clr", 3), Ok(expected));
    }

    #[test]
    fn short_callsigns_are_padded_as_the_field_does_it() {
        assert_eq!(header("AB1", 0).unwrap()[7..14], [0x82, 0x84, 0x62, 0x20, 0x20, 0x20, 0x61]);
    }

    #[test]
    fn what_is_no_station_is_refused() {
        for callsign in ["", "AB", "ABCDEFG", "AB-1", "ÄBC"] {
            assert_eq!(header(callsign, 0), Err(StationError::Callsign), "{callsign}");
        }
        assert_eq!(header("ABC", 16), Err(StationError::Ssid));
    }
}
