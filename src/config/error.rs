//! What is wrong with a configuration, told so that one knows what to do: file, line, key, remedy.

use std::io;
use std::path::{Path, PathBuf};

use super::Interface;

/// Why a configuration cannot be used. The text is for the operator and complete.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file exists and cannot be read.
    #[error("{}: cannot be read: {error}\n  remedy: make it readable for the user that runs the node", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The first file cannot be written.
    #[error("{}: cannot be written: {error}\n  remedy: name a folder that can be written to with --data", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A key or a value is wrong.
    #[error("{}: {place}: {problem}\n  remedy: {remedy}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Line and key.
        place: String,
        /// What is wrong there.
        problem: String,
        /// What to do about it.
        remedy: String,
    },
}

impl ConfigError {
    /// What the TOML reader found, with the line and the key that its span points at.
    pub(super) fn of_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let problem = error.message().to_owned();
        let remedy = if problem.starts_with("unknown field") {
            "correct the key or remove the line"
        } else if problem.starts_with("interface ") || problem.starts_with("an [[interface]]") {
            "correct this [[interface]] table"
        } else {
            "correct the value, or remove the line to have the default"
        };
        let place = error.span().map_or("somewhere".to_owned(), |span| place(text, span.start));
        Self::Invalid { file: file.to_owned(), place, problem, remedy: remedy.to_owned() }
    }

    pub(super) fn same_name(file: &Path, name: &str) -> Self {
        Self::Invalid {
            file: file.to_owned(),
            place: "[[interface]] name".to_owned(),
            problem: format!("two interfaces are named \"{name}\""),
            remedy: "give each its own name".to_owned(),
        }
    }
}

/// The error of a configured interface that could not be opened at start, most often because its port is in use. The
/// driver's text says what is wrong and, behind a semicolon, what to do.
pub fn not_opened(file: &Path, interface: &Interface, error: &interfaces::StartError) -> ConfigError {
    let (key, value) = interface.place();
    let text = error.to_string();
    let (problem, remedy) = text.split_once("; ").unwrap_or((&text, "correct host and port"));
    ConfigError::Invalid {
        file: file.to_owned(),
        place: format!("[[interface]] \"{}\", {key} = \"{value}\"", interface.name),
        problem: problem.to_owned(),
        remedy: remedy.to_owned(),
    }
}

/// Line, table and key at a byte offset, for example ``line 12, [limits] posts_per_minute``.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    let table = text.lines().take(number).map(str::trim).filter(|line| line.starts_with('[')).last();
    let table = table.and_then(|table| table.split('#').next()).unwrap_or_default().trim();
    let key = line.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
    format!("line {number}, {table} {key}").trim_end_matches([' ', ',']).to_owned()
}
