//! Refusals as callers see them: one code each, and one short line.

use proto::v1::{Error, ErrorCode};

/// An error with nothing but code and text.
pub(super) fn error(code: ErrorCode, text: &str) -> Error {
    Error { code: code.into(), text: text.to_owned(), ..Error::default() }
}
