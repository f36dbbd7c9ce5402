//! How protobuf travels in a Reticulum request: as a MessagePack byte string, there and back.

use reticulum::wire::msgpack::{self, Reader};

/// The protobuf bytes in a request's data: a byte string, or nil for a message with nothing in it.
///
/// `None` where the data is anything else, which the caller answers as malformed.
pub fn request_body(data: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(data);
    match reader.read_item().ok()? {
        msgpack::Item::Bin(bytes) => Some(bytes),
        msgpack::Item::Nil => Some(&[]),
        _ => None,
    }
}

/// A response's value that carries protobuf bytes.
pub fn response_value(body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(body.len() + 5);
    msgpack::write_bin(&mut value, body);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use reticulum::hash::RequestId;
    use reticulum::wire::request::Response;

    #[test]
    fn a_byte_string_and_nil_are_bodies_and_nothing_else_is() {
        assert_eq!(request_body(&[0xc4, 2, 8, 1]), Some(&[8, 1][..]));
        assert_eq!(request_body(&[0xc0]), Some(&[][..]));
        for other in [&[][..], &[0xc4, 2, 8], &[0xa1, b'x'], &[0x01], &[0x90], &[0x80], &[0xc1]] {
            assert_eq!(request_body(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_body_of_409_bytes_makes_a_response_of_one_packet() {
        let mut packed = Vec::new();
        let value = response_value(&[0; crate::api::ONE_PACKET_BYTES]);
        Response { id: RequestId::new([0; 16]), value: &value }.emit(&mut packed);
        assert_eq!(packed.len(), reticulum::wire::link::mdu(500));
    }
}
