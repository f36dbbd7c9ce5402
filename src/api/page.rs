//! Pages that fit: how many of a list's items an answer of so many bytes holds.

use prost::Message;

use super::error::invalid;
use proto::v1::Error;

/// Items of a page whose request names no limit.
const PAGE_ITEMS: u32 = 100;

/// The most items of a page.
pub(super) const PAGE_ITEMS_MAX: u32 = 1_000;

/// The most bytes of a page: an answer travels as one segment of a resource.
pub(super) const PAGE_BYTES_MAX: u32 = 1024 * 1024 - 64;

/// Items that the caller gets at most; 0 asks for the default.
pub(super) fn items_max(limit: u32) -> usize {
    let limit = if limit == 0 { PAGE_ITEMS } else { limit.min(PAGE_ITEMS_MAX) };
    limit as usize
}

/// Bytes that the answer may take; 0 asks for the most.
pub(super) fn bytes_max(max_bytes: u32) -> usize {
    let bytes = if max_bytes == 0 { PAGE_BYTES_MAX } else { max_bytes.min(PAGE_BYTES_MAX) };
    bytes as usize
}

/// Not even one item fits.
pub(super) fn too_small() -> Error {
    invalid("max_bytes", "not even one entry fits")
}

/// Bytes of a repeated message field with a number below 16: tag, length, message.
pub(super) fn item_len(message: &impl Message) -> usize {
    let length = message.encoded_len();
    1 + prost::length_delimiter_len(length) + length
}

/// The leading items that fit into `bytes` beside what else the answer holds, and whether any were left out. An error
/// where there are items and not even one fits, because a caller that pages on would never get further.
pub(super) fn fit<T: Message>(
    items: impl IntoIterator<Item = T>,
    limit: usize,
    bytes: usize,
) -> Result<(Vec<T>, bool), Error> {
    // `more` itself takes two bytes, which are kept free.
    let mut left = bytes.saturating_sub(2);
    let mut page = Vec::new();
    for item in items {
        let length = item_len(&item);
        if page.len() == limit || length > left {
            return if page.is_empty() { Err(too_small()) } else { Ok((page, true)) };
        }
        left -= length;
        page.push(item);
    }
    Ok((page, false))
}
