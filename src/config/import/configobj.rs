//! Reads the ini dialect that the configuration of the ecosystem is written in (interfaces.md section 2.1): nested
//! sections, comments anywhere, lists, quotes and substitution. It knows no option.

/// A section, with what is in it in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) values: Vec<(String, Value)>,
    pub(super) sections: Vec<Section>,
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// What an unquoted comma makes of it.
    List(Vec<String>),
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SyntaxError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: SyntaxProblem,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxProblem {
    /// Most often the `=` is missing.
    #[error("neither a [section] nor key = value")]
    Line,
    /// Opening and closing brackets differ, or a level is left out.
    #[error("the brackets of this section do not fit those before it")]
    Nesting,
    /// Names are unique within a section.
    #[error("this name is already in use in its section")]
    Duplicate,
    /// A quote is not closed, or a comma has nothing before it.
    #[error("the value cannot be read; mind quotes and commas")]
    Value,
}

/// Why `%(name)s` has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SubstitutionError {
    #[error("it names a key that neither its section nor one around it has")]
    Missing,
    #[error("it names a list")]
    List,
    #[error("it leads to itself, or grows without end")]
    Endless,
}

/// Substitutions that one value may take, and bytes that it may grow to.
const SUBSTITUTIONS_MAX: usize = 256;
const SUBSTITUTED_BYTES_MAX: usize = 64 * 1024;

/// The section of defaults, within any other.
const DEFAULTS: &str = "DEFAULT";

/// Reads a file into its root section, which has no name.
pub(super) fn parse(text: &str) -> Result<Section, SyntaxError> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let mut open = vec![Section::default()];
    while let Some((index, line)) = lines.next() {
        let failed = |problem| SyntaxError { line: index + 1, problem };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            let (depth, name) = header(line).map_err(failed)?;
            if depth > open.len() {
                return Err(failed(SyntaxProblem::Nesting));
            }
            close(&mut open, depth);
            claim(&open, name).map_err(failed)?;
            open.push(Section { name: name.to_owned(), ..Section::default() });
            continue;
        }
        let (key, rest) = key(line).ok_or(failed(SyntaxProblem::Line))?;
        claim(&open, key).map_err(failed)?;
        let value = match triple_quoted(rest, lines.by_ref().map(|(_, line)| line)) {
            Some(text) => text.map(Value::Text),
            None => value(rest),
        };
        let value = value.ok_or(failed(SyntaxProblem::Value))?;
        innermost(&mut open).values.push((key.to_owned(), value));
    }
    close(&mut open, 1);
    Ok(open.pop().expect("the root is never closed"))
}

fn innermost(open: &mut [Section]) -> &mut Section {
    open.last_mut().expect("the root is always open")
}

/// Puts open sections into those around them until `depth` are open, the root among them.
fn close(open: &mut Vec<Section>, depth: usize) {
    while open.len() > depth {
        let section = open.pop().expect("there are more than `depth`");
        innermost(open).sections.push(section);
    }
}

/// Whether the innermost section has nothing of this name yet.
fn claim(open: &[Section], name: &str) -> Result<(), SyntaxProblem> {
    let taken =
        open.last().is_some_and(|section| section.value(name).is_some() || section.section(name).is_some());
    if taken { Err(SyntaxProblem::Duplicate) } else { Ok(()) }
}

/// Depth and name of `[[name]]  # comment`.
fn header(line: &str) -> Result<(usize, &str), SyntaxProblem> {
    let inner = line.trim_start_matches(|letter: char| letter == '[' || letter.is_whitespace());
    let depth = line[..line.len() - inner.len()].matches('[').count();
    let (name, rest) = match inner.chars().next() {
        Some(quote @ ('"' | '\'')) => inner[1..].split_once(quote).ok_or(SyntaxProblem::Line)?,
        _ => {
            let end = inner.find(']').ok_or(SyntaxProblem::Line)?;
            (inner[..end].trim_end(), &inner[end..])
        }
    };
    let after = rest.trim_start_matches(|letter: char| letter == ']' || letter.is_whitespace());
    if name.is_empty() || !is_comment(after) {
        return Err(SyntaxProblem::Line);
    }
    let closing = rest[..rest.len() - after.len()].matches(']').count();
    if closing == depth { Ok((depth, name)) } else { Err(SyntaxProblem::Nesting) }
}

/// Splits `key = value`; the first `=` outside of a quoted key does.
fn key(line: &str) -> Option<(&str, &str)> {
    let (key, rest) = match line.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, rest) = line[1..].split_once(quote)?;
            (key, rest.trim_start().strip_prefix('=')?)
        }
        _ => line.split_once('=')?,
    };
    Some((key.trim(), rest.trim()))
}

/// A value in triple quotes, which may go on over the `following` lines. `None` if it is not in triple quotes.
fn triple_quoted<'a>(first: &'a str, following: impl Iterator<Item = &'a str>) -> Option<Option<String>> {
    let quote = ["\"\"\"", "'''"].into_iter().find(|quote| first.starts_with(quote))?;
    let mut text = String::new();
    for line in std::iter::once(&first[quote.len()..]).chain(following) {
        if let Some((end, after)) = line.split_once(quote) {
            text.push_str(end);
            return Some(is_comment(after).then_some(text));
        }
        text.push_str(line);
        text.push('\n');
    }
    Some(None)
}

/// A value on one line: texts between commas, each in quotes or not, then perhaps a comment.
fn value(text: &str) -> Option<Value> {
    let (mut rest, mut items, mut commas) = (text.trim(), Vec::new(), 0);
    while !is_comment(rest) {
        // A comma alone is the empty list.
        if commas == 0 && items.is_empty() && rest.strip_prefix(',').is_some_and(is_comment) {
            return Some(Value::List(Vec::new()));
        }
        let (item, after) = item(rest)?;
        items.push(item.to_owned());
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => (rest, commas) = (after.trim_start(), commas + 1),
            None => break,
        }
    }
    match commas {
        0 => Some(Value::Text(items.pop().unwrap_or_default())),
        _ => Some(Value::List(items)),
    }
}

/// The first text of a list, and what follows it.
fn item(text: &str) -> Option<(&str, &str)> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        // Quotes within are kept: the closing one is the first behind which the value can end.
        let ends = text.match_indices(quote).skip(1).map(|(at, _)| at);
        let mut closing = ends.filter(|at| {
            let after = text[at + 1..].trim_start();
            is_comment(after) || after.starts_with(',')
        });
        return closing.next().map(|at| (&text[1..at], &text[at + 1..]));
    }
    let end = text.find([',', '#']).unwrap_or(text.len());
    let item = text[..end].trim_end();
    (!item.is_empty()).then_some((item, &text[end..]))
}

/// Whether nothing is said here.
fn is_comment(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with('#')
}

impl Section {
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

/// Replaces each `%(name)s` in `text`, which stands in the last section of `path`, by the value of that name in the
/// nearest section around it.
pub(super) fn substitute(path: &[&Section], text: &str) -> Result<String, SubstitutionError> {
    substitute_within(path, text, &mut { SUBSTITUTIONS_MAX })
}

fn substitute_within(path: &[&Section], text: &str, left: &mut usize) -> Result<String, SubstitutionError> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, name, after)) = reference(rest) {
        *left = left.checked_sub(1).ok_or(SubstitutionError::Endless)?;
        out.push_str(before);
        let found = (1..=path.len()).rev().find_map(|depth| {
            let section = path[depth - 1];
            let value = section.value(name).or_else(|| section.section(DEFAULTS)?.value(name));
            value.map(|value| (depth, value))
        });
        match found.ok_or(SubstitutionError::Missing)? {
            (depth, Value::Text(text)) => out.push_str(&substitute_within(&path[..depth], text, left)?),
            (_, Value::List(_)) => return Err(SubstitutionError::List),
        }
        if out.len() > SUBSTITUTED_BYTES_MAX {
            return Err(SubstitutionError::Endless);
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What is before, in and after the first `%(name)s`.
fn reference(text: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in text.match_indices("%(") {
        let (name, after) = text[at + 2..].split_once(')')?;
        if let Some(after) = after.strip_prefix('s') {
            return Some((&text[..at], name, after));
        }
    }
    None
}

#[cfg(test)]
mod tests;
