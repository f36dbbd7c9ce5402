//! Values of MessagePack, to be written.

use reticulum::wire::msgpack;

/// A value of MessagePack.
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Bin(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => msgpack::write_nil(out),
            Self::Bool(value) => msgpack::write_bool(out, *value),
            Self::Int(value) => msgpack::write_uint(out, *value),
            Self::Signed(value) => msgpack::write_int(out, *value),
            Self::Float(value) => msgpack::write_f64(out, *value),
            Self::Text(text) => msgpack::write_str(out, text),
            Self::Bin(bytes) => msgpack::write_bin(out, bytes),
            Self::List(values) => {
                msgpack::write_array_len(out, values.len());
                values.iter().for_each(|value| value.write(out));
            }
            Self::Map(pairs) => {
                msgpack::write_map_len(out, pairs.len());
                for (key, value) in pairs {
                    key.write(out);
                    value.write(out);
                }
            }
        }
    }

    /// A map with these keys.
    pub(super) fn map<const N: usize>(pairs: [(&str, Value); N]) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Int(number as u64)
    }
}

impl<T> From<Option<T>> for Value
where
    Value: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bin(bytes.to_vec())
    }
}
