//! Row 27 of spec 14.2, the canonical profile of lxmf 1.3, and what hostile bytes may not do.

use proptest::prelude::*;

use super::*;
use crate::vectors::hex;

fn written(item: Item<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_item(&mut out, item);
    out
}

#[test]
fn integers_take_the_shortest_form() {
    for (value, expected) in [
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (255, "ccff"),
        (256, "cd0100"),
        (65535, "cdffff"),
        (65536, "ce00010000"),
        (u64::from(u32::MAX), "ceffffffff"),
        (u64::from(u32::MAX) + 1, "cf0000000100000000"),
        (u64::MAX, "cfffffffffffffffff"),
    ] {
        assert_eq!(written(Item::Uint(value)), hex(expected));
        assert_eq!(Reader::new(&hex(expected)).read_uint(), Ok(value));
    }
    for (value, expected) in [
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-128, "d080"),
        (-129, "d1ff7f"),
        (-32768, "d18000"),
        (-32769, "d2ffff7fff"),
        (i64::from(i32::MIN), "d280000000"),
        (i64::from(i32::MIN) - 1, "d3ffffffff7fffffff"),
        (i64::MIN, "d38000000000000000"),
    ] {
        assert_eq!(written(Item::Int(value)), hex(expected));
        assert_eq!(Reader::new(&hex(expected)).read_int(), Ok(value));
        assert_eq!(Reader::new(&hex(expected)).read_uint(), Err(ReadError::Range));
    }
    let mut positive = Vec::new();
    write_int(&mut positive, 200);
    assert_eq!(positive, hex("ccc8"), "non-negative integers are written unsigned");
}

#[test]
fn integers_of_any_width_are_read() {
    for wide in ["05", "cc05", "cd0005", "ce00000005", "cf0000000000000005", "d005", "d10005", "d200000005"] {
        assert_eq!(Reader::new(&hex(wide)).read_uint(), Ok(5), "{wide}");
        assert_eq!(Reader::new(&hex(wide)).read_f64(), Ok(5.0), "{wide}");
    }
    assert_eq!(Reader::new(&hex("cfffffffffffffffff")).read_int(), Err(ReadError::Range));
}

#[test]
fn lengths_take_the_shortest_form() {
    let of = |len: usize| vec![b'a'; len];
    for (len, head) in [(0, "c400"), (255, "c4ff"), (256, "c50100"), (65535, "c5ffff"), (65536, "c600010000")]
    {
        let bytes = written(Item::Bin(&of(len)));
        assert_eq!(bytes, [hex(head), of(len)].concat());
        assert_eq!(Reader::new(&bytes).read_bin(), Ok(&of(len)[..]));
    }
    for (len, head) in
        [(0, "a0"), (31, "bf"), (32, "d920"), (255, "d9ff"), (256, "da0100"), (65536, "db00010000")]
    {
        let bytes = written(Item::Str(&of(len)));
        assert_eq!(bytes, [hex(head), of(len)].concat());
        assert_eq!(Reader::new(&bytes).read_str().unwrap().as_bytes(), of(len));
    }
    for (len, head) in [(0, "90"), (15, "9f"), (16, "dc0010"), (65536, "dd00010000")] {
        let bytes = [written(Item::Array(len)), vec![0xC0; len]].concat();
        assert_eq!(bytes[..head.len() / 2], hex(head));
        assert_eq!(Reader::new(&bytes).read_array_len(), Ok(len));
        assert_eq!(Reader::new(&bytes).raw(), Ok(&bytes[..]));
    }
    for (len, head) in [(0, "80"), (15, "8f"), (16, "de0010"), (65536, "df00010000")] {
        let bytes = [written(Item::Map(len)), vec![0xC0; 2 * len]].concat();
        assert_eq!(bytes[..head.len() / 2], hex(head));
        assert_eq!(Reader::new(&bytes).read_map_len(), Ok(len));
        assert_eq!(Reader::new(&bytes).raw(), Ok(&bytes[..]));
    }
}

#[test]
fn floats_are_written_wide_and_read_in_both_widths() {
    let mut out = Vec::new();
    write_f64(&mut out, 1.5);
    assert_eq!(out, hex("cb3ff8000000000000"));
    assert_eq!(Reader::new(&out).read_f64(), Ok(1.5));
    assert_eq!(Reader::new(&hex("ca3fc00000")).read_f64(), Ok(1.5));
    assert_eq!(Reader::new(&hex("c2")).read_f64(), Err(ReadError::Type));
}

#[test]
fn nil_and_truth_values_round_trip() {
    for (item, byte) in [(Item::Nil, 0xC0), (Item::Bool(false), 0xC2), (Item::Bool(true), 0xC3)] {
        assert_eq!(written(item), [byte]);
        assert_eq!(Reader::new(&[byte]).read_item(), Ok(item));
    }
    assert_eq!(Reader::new(&[0xC3]).read_bool(), Ok(true));
    assert_eq!(Reader::new(&[0xC0]).read_nil(), Ok(()));
    assert_eq!(Reader::new(&[0xC1]).read_item(), Err(ReadError::Type), "a reserved byte");
}

#[test]
fn bytes_and_text_are_not_confused() {
    assert_eq!(Reader::new(&hex("a16d")).read_bin(), Err(ReadError::Type));
    assert_eq!(Reader::new(&hex("c4016d")).read_str(), Err(ReadError::Type));
    assert_eq!(Reader::new(&hex("a1ff")).read_str(), Err(ReadError::Utf8));
    assert_eq!(Reader::new(&hex("c40401020304")).read_bin_array(), Ok([1, 2, 3, 4]));
    assert_eq!(Reader::new(&hex("c403010203")).read_bin_array::<4>(), Err(ReadError::Range));
}

#[test]
fn extensions_are_passed_over() {
    for (bytes, kind, len) in [
        ("d4ff00", -1, 1),
        ("d5010000", 1, 2),
        ("d60100000000", 1, 4),
        ("d7010000000000000000", 1, 8),
        ("d80100000000000000000000000000000000", 1, 16),
        ("c7030500aabb", 5, 3),
        ("c80003050000aa", 5, 3),
        ("c900000003050000aa", 5, 3),
    ] {
        let bytes = hex(bytes);
        let item = Reader::new(&bytes).read_item().unwrap();
        assert!(matches!(item, Item::Ext(k, body) if k == kind && body.len() == len), "{item:?}");
        assert_eq!(Reader::new(&bytes).raw(), Ok(&bytes[..]));
    }
}

#[test]
fn raw_finds_the_extent_of_a_nested_value() {
    let value = hex("83a16193010280c0c401ff0792c3c2");
    let bytes = [&value[..], &hex("07")].concat();
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.raw(), Ok(&value[..]));
    assert_eq!(reader.peek(), Ok(Item::Uint(7)));
    assert_eq!(reader.read_uint(), Ok(7));
    assert!(reader.is_empty());
    assert_eq!(reader.raw(), Err(ReadError::Truncated));
}

#[test]
fn every_cut_of_a_value_is_noticed() {
    let value = hex("83a16193cd0102cb3ff800000000000080c0c401ff0792c3c2");
    assert!(Reader::new(&value).skip().is_ok());
    for len in 0..value.len() {
        assert_eq!(Reader::new(&value[..len]).skip(), Err(ReadError::Truncated), "{len}");
    }
}

#[test]
fn recoding_makes_any_form_canonical() {
    let sloppy = hex("dc0004cc30ca3fc00000d90161df00000001d30000000000000005c50001ff");
    let canonical = hex("9430cb3ff8000000000000a1618105c401ff");
    for input in [&sloppy, &canonical] {
        let mut out = Vec::new();
        let mut reader = Reader::new(input);
        reader.recode(&mut out).unwrap();
        assert_eq!((out, reader.is_empty()), (canonical.clone(), true));
    }
}

#[test]
fn nesting_is_bounded() {
    for (opening, closing) in [(0x91, 0xC0), (0x81, 0xC0)] {
        let nested = |depth: usize| {
            let level: &[u8] = if opening == 0x91 { &[0x91] } else { &[0x81, 0xC0] };
            [level.repeat(depth), vec![closing]].concat()
        };
        assert_eq!(Reader::new(&nested(NESTING_MAX)).skip(), Ok(()));
        assert_eq!(Reader::new(&nested(NESTING_MAX + 1)).skip(), Err(ReadError::TooDeep));
        assert_eq!(Reader::new(&nested(10_000)).skip(), Err(ReadError::TooDeep));
        assert_eq!(Reader::new(&nested(10_000)).recode(&mut Vec::new()), Err(ReadError::TooDeep));
    }
    let wide = [&hex("dc2710")[..], &[0x90].repeat(10_000)].concat();
    assert_eq!(Reader::new(&wide).skip(), Ok(()), "width is not depth");
}

#[test]
fn lengths_that_the_bytes_cannot_hold_are_refused() {
    for claim in
        ["c6ffffffff", "dbffffffff", "ddffffffff", "dfffffffff", "c9ffffffff01", "df80000000", "9f", "8f"]
    {
        let bytes = [hex(claim), vec![0xC0; 10]].concat();
        assert_eq!(Reader::new(&bytes).read_item(), Err(ReadError::Truncated), "{claim}");
        let mut out = Vec::new();
        assert_eq!(Reader::new(&bytes).recode(&mut out), Err(ReadError::Truncated), "{claim}");
        assert_eq!(out.capacity(), 0, "nothing is allocated for a claim");
    }
}

#[test]
fn nested_claims_cost_no_more_than_their_bytes() {
    // Each level claims all that is left: the visit ends with the bytes, not with the product of the claims.
    let bytes = [hex("dd00000fff"), hex("dd00000001").repeat(31), vec![0xC0; 5000]].concat();
    let mut reader = Reader::new(&bytes);
    let _ = reader.skip();
    assert!(reader.rest().len() < bytes.len());
}

fn item_tree() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(written(Item::Nil)),
        any::<bool>().prop_map(|value| written(Item::Bool(value))),
        any::<u64>().prop_map(|value| written(Item::Uint(value))),
        (i64::MIN..0).prop_map(|value| written(Item::Int(value))),
        any::<f64>().prop_map(|value| written(Item::Float(value))),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| written(Item::Bin(&bytes))),
        ".{0,20}".prop_map(|text| written(Item::Str(text.as_bytes()))),
    ];
    leaf.prop_recursive(6, 60, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(|items| [
                written(Item::Array(items.len())),
                items.concat()
            ]
            .concat()),
            proptest::collection::vec((inner.clone(), inner), 0..18).prop_map(|pairs| {
                let head = written(Item::Map(pairs.len()));
                pairs.into_iter().fold(head, |out, (key, value)| [out, key, value].concat())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_values_are_found_whole_and_recoded_unchanged(value in item_tree(), tail in any::<[u8; 3]>()) {
        let bytes = [&value[..], &tail].concat();
        prop_assert_eq!(Reader::new(&bytes).raw(), Ok(&value[..]));
        let mut recoded = Vec::new();
        Reader::new(&bytes).recode(&mut recoded).unwrap();
        prop_assert_eq!(recoded, value);
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(&bytes);
        let mut total = 0;
        while let Ok(value) = reader.raw() {
            prop_assert!(!value.is_empty());
            total += value.len();
        }
        prop_assert!(total <= bytes.len());
        let mut recoded = Vec::new();
        if Reader::new(&bytes).recode(&mut recoded).is_ok() {
            let mut again = Vec::new();
            Reader::new(&recoded).recode(&mut again).unwrap();
            prop_assert_eq!(again, recoded);
        }
    }
}
