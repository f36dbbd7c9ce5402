//! What a setting may hold: values as people write them and as they are kept, and the shapes that bound them.

use std::fmt;

use super::choice::Choice;
use super::icon::Icon;
use crate::group::filter::are_patterns;
use crate::group::nick::{clean_line, clean_text};

/// A value of any setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, or one word of several that may be chosen.
    Text(String),
    /// A number.
    Number(u32),
    /// On or off.
    Switch(bool),
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One line of visible characters.
    Line {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// Text of several lines.
    Text {
        /// Most characters.
        max: usize,
    },
    /// Regular expressions, one on each line.
    Patterns {
        /// Most characters.
        max: usize,
    },
    /// A number.
    Number {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// On or off.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A name and two colours: see [`Icon`].
    Icon,
}

/// A value is not what the setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadValue;

impl Shape {
    /// Reads a value as a person writes it. Bounds are not looked at.
    pub fn read(self, text: &str) -> Result<Value, BadValue> {
        let text = text.trim();
        Ok(match self {
            Self::Line { .. } | Self::Text { .. } | Self::Patterns { .. } | Self::Choice(_) | Self::Icon => {
                Value::Text(text.to_owned())
            }
            Self::Number { .. } => Value::Number(text.parse().map_err(|_| BadValue)?),
            Self::Switch => match text.to_lowercase().as_str() {
                "on" | "yes" | "true" | "1" => Value::Switch(true),
                "off" | "no" | "false" | "0" => Value::Switch(false),
                _ => return Err(BadValue),
            },
        })
    }

    /// The value as it is kept, if it is one that fits: texts are cleaned of what cannot be shown.
    pub fn check(self, value: Value) -> Result<Value, BadValue> {
        match (self, value) {
            (Self::Line { min, max }, Value::Text(text)) => bounded(clean_line(&text, max + 1), min, max),
            (Self::Text { max }, Value::Text(text)) => bounded(clean_text(&text, max + 1), 0, max),
            (Self::Patterns { max }, Value::Text(text)) => {
                let lines = clean_text(&text, max + 1);
                if are_patterns(&lines) { bounded(lines, 0, max) } else { Err(BadValue) }
            }
            (Self::Number { min, max }, Value::Number(number)) if (min..=max).contains(&number) => {
                Ok(Value::Number(number))
            }
            (Self::Switch, Value::Switch(on)) => Ok(Value::Switch(on)),
            (Self::Choice(words), Value::Text(text)) => {
                let text = text.to_lowercase();
                if words.contains(&text.as_str()) { Ok(Value::Text(text)) } else { Err(BadValue) }
            }
            (Self::Icon, Value::Text(text)) => text.parse::<Icon>().map(|icon| Value::Text(icon.to_string())),
            _ => Err(BadValue),
        }
    }
}

/// Too long is refused rather than cut: half of a rule is another rule.
fn bounded(text: String, min: usize, max: usize) -> Result<Value, BadValue> {
    let length = text.chars().count();
    if (min..=max).contains(&length) { Ok(Value::Text(text)) } else { Err(BadValue) }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { min: 0, max } => write!(f, "a line of at most {max} characters"),
            Self::Line { min, max } => write!(f, "a line of {min} to {max} characters"),
            Self::Text { max } => write!(f, "a text of at most {max} characters"),
            Self::Patterns { max } => {
                write!(f, "a regular expression on each line, at most {max} characters")
            }
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Switch => f.write_str("on or off"),
            Self::Choice(words) => f.write_str(&words.join(" or ")),
            Self::Icon => f.write_str("a name and two colours, such as \"anchor ffffff 0055aa\""),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
        }
    }
}

/// A type that a setting can have.
pub(super) trait Typed: Sized {
    fn to_value(&self) -> Value;
    fn from_value(value: Value) -> Result<Self, BadValue>;
}

impl Typed for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, BadValue> {
        if let Value::Text(text) = value { Ok(text) } else { Err(BadValue) }
    }
}

impl Typed for u32 {
    fn to_value(&self) -> Value {
        Value::Number(*self)
    }

    fn from_value(value: Value) -> Result<Self, BadValue> {
        if let Value::Number(number) = value { Ok(number) } else { Err(BadValue) }
    }
}

impl Typed for bool {
    fn to_value(&self) -> Value {
        Value::Switch(*self)
    }

    fn from_value(value: Value) -> Result<Self, BadValue> {
        if let Value::Switch(on) = value { Ok(on) } else { Err(BadValue) }
    }
}

impl<C: Choice> Typed for C {
    fn to_value(&self) -> Value {
        Value::Text(self.word().to_owned())
    }

    fn from_value(value: Value) -> Result<Self, BadValue> {
        let Value::Text(text) = value else { return Err(BadValue) };
        C::ALL.iter().copied().find(|choice| choice.word() == text).ok_or(BadValue)
    }
}

impl Typed for Icon {
    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, BadValue> {
        if let Value::Text(text) = value { text.parse() } else { Err(BadValue) }
    }
}
