//! Whatever an existing configuration holds, its import ends, and our own reader takes what comes out.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use meshgroup::config::{Config, import};

fuzz_target!(|text: &str| {
    if let Ok(tables) = import(text) {
        assert!(Config::parse(&tables, Path::new("")).is_ok(), "{tables}");
    }
});
