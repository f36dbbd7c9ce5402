//! Values never reach beyond their bytes, and the canonical form is a fixed point.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reticulum::wire::msgpack::Reader;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new(bytes);
    while let Ok(value) = reader.raw() {
        assert!(!value.is_empty());
        assert_eq!(Reader::new(value).raw(), Ok(value));
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        Reader::new(value).recode(&mut once).expect("it was skipped, so it can be recoded");
        Reader::new(&once).recode(&mut twice).expect("the canonical form is valid");
        assert_eq!(once, twice);
    }
});
