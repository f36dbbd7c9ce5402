//! MessagePack over slices (spec 11; what is written follows the canonical profile of lxmf 1.3).
//!
//! Reading borrows, allocates nothing and never recurses: a claimed length is refused as soon as the bytes that are
//! left cannot hold it, and nesting beyond [`NESTING_MAX`] is refused wherever a value is passed over. Numbers are read
//! leniently (any width, floats from ints); byte strings and text are not confused with each other. Writing always
//! takes the shortest form, and `f64` for every float.

use rmp::Marker;
use thiserror::Error;

/// Deepest nesting of arrays and maps that is passed over.
pub const NESTING_MAX: usize = 32;

/// Why bytes are not what the reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The bytes end within a value, or cannot hold as much as is claimed.
    #[error("value is cut off")]
    Truncated,
    /// There is a value of another type.
    #[error("value of another type")]
    Type,
    /// There is a number that the wanted type cannot hold.
    #[error("number out of range")]
    Range,
    /// A text is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// Nested deeper than [`NESTING_MAX`].
    #[error("nested too deeply")]
    TooDeep,
}

/// One value, or the head of an array or a map whose elements follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    /// Nothing.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A non-negative integer, of whatever width and signedness it was written with.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// A float; 32-bit ones are widened.
    Float(f64),
    /// A byte string.
    Bin(&'a [u8]),
    /// Text, whose UTF-8 is not checked yet.
    Str(&'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many pairs of values follow.
    Map(usize),
    /// An extension: its type and its body.
    Ext(i8, &'a [u8]),
}

impl Item<'_> {
    /// How many values follow that belong to this one.
    const fn children(&self) -> usize {
        match self {
            Self::Array(len) => *len,
            Self::Map(len) => len.saturating_mul(2),
            _ => 0,
        }
    }
}

/// Reads values off the front of a slice. After an error its position is undefined.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next item, which stays in place.
    pub fn peek(&self) -> Result<Item<'a>, ReadError> {
        let mut ahead = *self;
        ahead.read_item()
    }

    /// The next item. The elements of an array or a map follow as items of their own.
    pub fn read_item(&mut self) -> Result<Item<'a>, ReadError> {
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Item::Nil,
            Marker::True => Item::Bool(true),
            Marker::False => Item::Bool(false),
            Marker::FixPos(value) => Item::Uint(u64::from(value)),
            Marker::FixNeg(value) => Item::Int(i64::from(value)),
            Marker::U8 => Item::Uint(self.uint(1)?),
            Marker::U16 => Item::Uint(self.uint(2)?),
            Marker::U32 => Item::Uint(self.uint(4)?),
            Marker::U64 => Item::Uint(self.uint(8)?),
            Marker::I8 => signed(i64::from(i8::from_be_bytes(self.array()?))),
            Marker::I16 => signed(i64::from(i16::from_be_bytes(self.array()?))),
            Marker::I32 => signed(i64::from(i32::from_be_bytes(self.array()?))),
            Marker::I64 => signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Item::Float(f64::from(f32::from_be_bytes(self.array()?))),
            Marker::F64 => Item::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(len) => Item::Str(self.take(usize::from(len))?),
            Marker::Str8 => Item::Str(self.counted(1)?),
            Marker::Str16 => Item::Str(self.counted(2)?),
            Marker::Str32 => Item::Str(self.counted(4)?),
            Marker::Bin8 => Item::Bin(self.counted(1)?),
            Marker::Bin16 => Item::Bin(self.counted(2)?),
            Marker::Bin32 => Item::Bin(self.counted(4)?),
            Marker::FixArray(len) => self.head(Item::Array(usize::from(len)))?,
            Marker::Array16 => self.counted_head(2, Item::Array)?,
            Marker::Array32 => self.counted_head(4, Item::Array)?,
            Marker::FixMap(len) => self.head(Item::Map(usize::from(len)))?,
            Marker::Map16 => self.counted_head(2, Item::Map)?,
            Marker::Map32 => self.counted_head(4, Item::Map)?,
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.counted_ext(1)?,
            Marker::Ext16 => self.counted_ext(2)?,
            Marker::Ext32 => self.counted_ext(4)?,
            Marker::Reserved => return Err(ReadError::Type),
        })
    }

    /// Nothing.
    pub fn read_nil(&mut self) -> Result<(), ReadError> {
        match self.read_item()? {
            Item::Nil => Ok(()),
            _ => Err(ReadError::Type),
        }
    }

    /// A truth value.
    pub fn read_bool(&mut self) -> Result<bool, ReadError> {
        match self.read_item()? {
            Item::Bool(value) => Ok(value),
            _ => Err(ReadError::Type),
        }
    }

    /// A non-negative integer.
    pub fn read_uint(&mut self) -> Result<u64, ReadError> {
        match self.read_item()? {
            Item::Uint(value) => Ok(value),
            Item::Int(_) => Err(ReadError::Range),
            _ => Err(ReadError::Type),
        }
    }

    /// An integer.
    pub fn read_int(&mut self) -> Result<i64, ReadError> {
        match self.read_item()? {
            Item::Uint(value) => i64::try_from(value).map_err(|_| ReadError::Range),
            Item::Int(value) => Ok(value),
            _ => Err(ReadError::Type),
        }
    }

    /// A float, or an integer as one.
    pub fn read_f64(&mut self) -> Result<f64, ReadError> {
        match self.read_item()? {
            Item::Float(value) => Ok(value),
            Item::Uint(value) => Ok(value as f64),
            Item::Int(value) => Ok(value as f64),
            _ => Err(ReadError::Type),
        }
    }

    /// A byte string.
    pub fn read_bin(&mut self) -> Result<&'a [u8], ReadError> {
        match self.read_item()? {
            Item::Bin(bytes) => Ok(bytes),
            _ => Err(ReadError::Type),
        }
    }

    /// A byte string of exactly `N` bytes.
    pub fn read_bin_array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        self.read_bin()?.try_into().map_err(|_| ReadError::Range)
    }

    /// Text.
    pub fn read_str(&mut self) -> Result<&'a str, ReadError> {
        match self.read_item()? {
            Item::Str(bytes) => std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8),
            _ => Err(ReadError::Type),
        }
    }

    /// The head of an array: how many values follow. They do fit in what is left, at a byte each.
    pub fn read_array_len(&mut self) -> Result<usize, ReadError> {
        match self.read_item()? {
            Item::Array(len) => Ok(len),
            _ => Err(ReadError::Type),
        }
    }

    /// The head of a map: how many pairs follow. They do fit in what is left, at a byte for each key and value.
    pub fn read_map_len(&mut self) -> Result<usize, ReadError> {
        match self.read_item()? {
            Item::Map(len) => Ok(len),
            _ => Err(ReadError::Type),
        }
    }

    /// Passes over the next value with everything in it.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        self.walk(|_| ())
    }

    /// The bytes of the next value with everything in it, which is passed over.
    pub fn raw(&mut self) -> Result<&'a [u8], ReadError> {
        let before = self.rest;
        self.skip()?;
        let len = before.len().saturating_sub(self.rest.len());
        before.get(..len).ok_or(ReadError::Truncated)
    }

    /// Appends the next value, with everything in it, to `out` in canonical form. Extensions are copied as they are.
    pub fn recode(&mut self, out: &mut Vec<u8>) -> Result<(), ReadError> {
        self.walk(|item| write_item(out, item))
    }

    /// Visits the items of the next value in order. A level of `open` counts the values still to come in it.
    fn walk(&mut self, mut visit: impl FnMut(Item<'a>)) -> Result<(), ReadError> {
        let mut open = [0usize; NESTING_MAX];
        let mut depth = 0usize;
        loop {
            let item = self.read_item()?;
            visit(item);
            if item.children() > 0 {
                *open.get_mut(depth).ok_or(ReadError::TooDeep)? = item.children();
                depth = depth.saturating_add(1);
                continue;
            }
            // A leaf ends every container of which it is the last value.
            loop {
                let Some(level) = depth.checked_sub(1) else { return Ok(()) };
                let left = open.get_mut(level).ok_or(ReadError::TooDeep)?;
                *left = left.saturating_sub(1);
                if *left > 0 {
                    break;
                }
                depth = level;
            }
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ReadError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// A big-endian number of `width` bytes, at most eight.
    fn uint(&mut self, width: usize) -> Result<u64, ReadError> {
        Ok(self.take(width)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn len(&mut self, width: usize) -> Result<usize, ReadError> {
        usize::try_from(self.uint(width)?).map_err(|_| ReadError::Truncated)
    }

    fn counted(&mut self, width: usize) -> Result<&'a [u8], ReadError> {
        let len = self.len(width)?;
        self.take(len)
    }

    /// Refuses a head whose elements cannot all follow: each takes a byte at least.
    fn head(&self, head: Item<'a>) -> Result<Item<'a>, ReadError> {
        if head.children() > self.rest.len() { Err(ReadError::Truncated) } else { Ok(head) }
    }

    fn counted_head(&mut self, width: usize, head: fn(usize) -> Item<'a>) -> Result<Item<'a>, ReadError> {
        let len = self.len(width)?;
        self.head(head(len))
    }

    fn ext(&mut self, len: usize) -> Result<Item<'a>, ReadError> {
        let [kind] = self.array()?;
        Ok(Item::Ext(i8::from_be_bytes([kind]), self.take(len)?))
    }

    fn counted_ext(&mut self, width: usize) -> Result<Item<'a>, ReadError> {
        let len = self.len(width)?;
        self.ext(len)
    }
}

fn signed(value: i64) -> Item<'static> {
    u64::try_from(value).map_or(Item::Int(value), Item::Uint)
}

const INFALLIBLE: &str = "writing to a Vec does not fail";

/// Lengths travel in 32 bits, and nothing that is written here comes near.
fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("lengths are below 4 GiB")
}

/// Appends nothing's mark.
pub fn write_nil(out: &mut Vec<u8>) {
    rmp::encode::write_nil(out).expect(INFALLIBLE);
}

/// Appends a truth value.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    rmp::encode::write_bool(out, value).expect(INFALLIBLE);
}

/// Appends a non-negative integer.
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    rmp::encode::write_uint(out, value).expect(INFALLIBLE);
}

/// Appends an integer.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    rmp::encode::write_sint(out, value).expect(INFALLIBLE);
}

/// Appends a float, always in 64 bits.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    rmp::encode::write_f64(out, value).expect(INFALLIBLE);
}

/// Appends a byte string.
pub fn write_bin(out: &mut Vec<u8>, bytes: &[u8]) {
    rmp::encode::write_bin_len(out, len_u32(bytes.len())).expect(INFALLIBLE);
    out.extend_from_slice(bytes);
}

/// Appends text.
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    write_str_bytes(out, text.as_bytes());
}

/// Appends the head of an array; its `len` values are to follow.
pub fn write_array_len(out: &mut Vec<u8>, len: usize) {
    rmp::encode::write_array_len(out, len_u32(len)).expect(INFALLIBLE);
}

/// Appends the head of a map; its `len` keys, each followed by its value, are to follow.
pub fn write_map_len(out: &mut Vec<u8>, len: usize) {
    rmp::encode::write_map_len(out, len_u32(len)).expect(INFALLIBLE);
}

/// Appends what was read.
pub fn write_item(out: &mut Vec<u8>, item: Item<'_>) {
    match item {
        Item::Nil => write_nil(out),
        Item::Bool(value) => write_bool(out, value),
        Item::Uint(value) => write_uint(out, value),
        Item::Int(value) => write_int(out, value),
        Item::Float(value) => write_f64(out, value),
        Item::Bin(bytes) => write_bin(out, bytes),
        Item::Str(bytes) => write_str_bytes(out, bytes),
        Item::Array(len) => write_array_len(out, len),
        Item::Map(len) => write_map_len(out, len),
        Item::Ext(kind, body) => {
            rmp::encode::write_ext_meta(out, len_u32(body.len()), kind).expect(INFALLIBLE);
            out.extend_from_slice(body);
        }
    }
}

fn write_str_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    rmp::encode::write_str_len(out, len_u32(bytes.len())).expect(INFALLIBLE);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
