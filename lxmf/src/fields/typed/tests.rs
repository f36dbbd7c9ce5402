//! The registry, row by row: a value of each shape, and one of another.

use super::*;

fn bin(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_bin(&mut out, bytes);
    out
}

fn of(key: u64, value: &[u8]) -> Vec<Field<'static>> {
    // The fields live as long as the test process.
    let fields: &'static Fields = Box::leak(Box::new(Fields::from_entries(&[(key, value)])));
    fields.typed().collect()
}

const ID: MessageId = MessageId::new([7; 32]);

/// `{0: id}`.
fn target_map() -> Vec<u8> {
    [b"\x81\x00".as_slice(), &bin(&[7; 32])].concat()
}

#[test]
fn every_key_of_the_registry_is_read_in_its_own_shape() {
    let id = bin(&[7; 32]);
    let reaction = [b"\x82\x00".as_slice(), &id, b"\x01\xc4\x04\xf0\x9f\x91\x8d"].concat();
    let stream = [b"\x91\x94".as_slice(), &bin(&[3; 16]), b"\x05", &bin(b"t"), b"\xc0"].concat();
    let ticket = [b"\x92\xcb".as_slice(), &1e9f64.to_be_bytes(), &bin(&[9; 16])].concat();
    let colours = [b"\x93\xa7account".as_slice(), &bin(&[1, 2, 3]), &bin(&[4, 5, 6])].concat();
    let rows: [(u64, &[u8], Field<'static>); 25] = [
        (0x01, b"\x91\xc4\x01x", Field::Embedded(vec![b"x"])),
        (0x02, b"\xc4\x01x", Field::Telemetry(b"x")),
        (0x03, &stream, Field::TelemetryStream(vec![(DestinationHash::new([3; 16]), 5, b"t")])),
        (0x04, &colours, Field::Icon { name: "account", foreground: [1, 2, 3], background: [4, 5, 6] }),
        (0x05, b"\x91\x92\xa1a\xc4\x01x", Field::Attachments(vec![Attachment { name: "a", data: b"x" }])),
        (0x06, b"\x92\xa4webp\xc4\x01x", Field::Image { format: "webp", data: b"x" }),
        (0x07, b"\x92\x10\xc4\x01x", Field::Audio { mode: 16, data: b"x" }),
        (0x08, b"\xc4\x01x", Field::Thread(b"x")),
        (0x09, b"\x91\x81\x02\xc3", Field::Commands(vec![(2, b"\xc3")])),
        (0x0a, b"\x01", Field::Results(b"\x01")),
        (0x0b, b"\x01", Field::Group(b"\x01")),
        (0x0c, &ticket, Field::Ticket { expires: 1e9, ticket: [9; 16] }),
        (0x0d, b"\x01", Field::Event(b"\x01")),
        (0x0e, b"\x01", Field::ResourceRefs(b"\x01")),
        (0x0f, b"\x02", Field::Renderer(Renderer::Markdown)),
        (0x30, &id, Field::ReplyTo(ID)),
        (0x31, b"\xc4\x02hi", Field::ReplyQuote("hi")),
        (0x40, &reaction, Field::Reaction { target: ID, reaction: "👍" }),
        (0x41, &target_map(), Field::Comment(ID)),
        (0x42, &target_map(), Field::Continuation(ID)),
        (0xfb, b"\xa1x", Field::CustomType(b"\xa1x")),
        (0xfc, b"\x01", Field::CustomData(b"\x01")),
        (0xfd, b"\x01", Field::CustomMeta(b"\x01")),
        (0xfe, b"\x01", Field::NonSpecific(b"\x01")),
        (0xff, b"\x01", Field::Debug(b"\x01")),
    ];
    for (key, value, expected) in rows {
        assert_eq!(of(key, value), [expected], "{key:#04x}");
    }
}

#[test]
fn a_value_of_another_shape_is_kept_as_it_is() {
    let shaped =
        [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0c, 0x0f, 0x30, 0x31, 0x40, 0x41, 0x42];
    for key in shaped {
        let value = b"\xa3odd";
        // Bytes and text are the same to a quote.
        let expected = if key == 0x31 { 0 } else { 1 };
        let others = of(key, value).into_iter().filter(|field| matches!(field, Field::Other { .. }));
        assert_eq!(others.count(), expected, "{key:#04x}");
    }
    assert!(matches!(of(0x30, &bin(&[7; 31]))[..], [Field::Other { .. }]));
    assert!(matches!(of(0x100, b"\x01")[..], [Field::Other { value: b"\x01", .. }]));
}

#[test]
fn what_is_built_is_read_back_and_has_the_bytes_of_the_field() {
    let address = DestinationHash::new([5; 16]);
    let fields = Builder::default().reaction(ID, "👍").originator(address).build();
    let typed: Vec<_> = fields.typed().collect();
    assert_eq!(typed[0], Field::Reaction { target: ID, reaction: "👍" });
    assert_eq!(typed[2], Field::CustomData(&bin(&[5; 16])));
    assert_eq!(fields.as_raw()[..6], *b"\x83\x40\x82\x00\xc4\x20");
    let reply = Builder::default().reply(ID, "first").target(key::COMMENT, ID).build();
    let expected = [Field::ReplyTo(ID), Field::ReplyQuote("first"), Field::Comment(ID)];
    assert_eq!(reply.typed().collect::<Vec<_>>(), expected);
}

#[test]
fn an_icon_that_is_built_is_read_back() {
    let fields = Builder::default().icon("anchor", [255, 255, 255], [0, 85, 170]).build();
    let icon = Field::Icon { name: "anchor", foreground: [255, 255, 255], background: [0, 85, 170] };
    assert!(fields.typed().eq([icon]));
}
