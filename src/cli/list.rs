//! Prints lists of messages and members.

use std::io::{self, Write};

use serde::Serialize;

use crate::api::client::{Client, Delivered, ListedMessage};

/// Events asked for in one call.
const PAGE_LIMIT: u32 = 1000;

/// Prints the messages after `after`, at most `limit`, page by page, so that a long history needs no memory.
pub(super) fn messages(
    client: &mut Client,
    json: bool,
    after: u64,
    limit: Option<usize>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (mut next, mut left) = (Some(after), limit.unwrap_or(usize::MAX));
    let mut list = JsonList::default();
    while let Some(after) = next.filter(|_| left > 0) {
        let page = client.messages(after, PAGE_LIMIT)?;
        for message in page.messages.iter().take(left) {
            if json { list.item(message, out)? } else { line(message, out)? }
        }
        left = left.saturating_sub(page.messages.len());
        next = page.next_after;
    }
    if json { list.end(out) } else { Ok(()) }
}

/// Prints the members.
pub(super) fn members(client: &mut Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let members = client.members()?;
    if json {
        let mut list = JsonList::default();
        members.iter().try_for_each(|member| list.item(member, out))?;
        return list.end(out);
    }
    for member in &members {
        writeln!(out, "{}  {:<8}{}", member.identity_hash, member.role, printable(&member.nick))?;
    }
    Ok(())
}

fn line(message: &ListedMessage, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", message_line(message))?;
    Ok(())
}

/// A message in one line.
pub(super) fn message_line(message: &ListedMessage) -> String {
    let nick = message.author.as_ref().map_or("operator", |author| &author.nick);
    // A message without words has for its text what is attached to it.
    let attached = message.attachments.iter().map(|one| one.label()).collect::<Vec<_>>().join(", ");
    let attached = format!(" [{attached}]");
    let has_more = !message.attachments.is_empty() && message.text != attached.trim_start();
    let attached = if has_more { attached.as_str() } else { "" };
    format!("{:>6}  {}: {}{}", message.seq, printable(nick), printable(&message.text), printable(attached))
}

/// Prints what became of the copies of a message: the sums, then those without a proof.
pub(super) fn delivered(delivered: &Delivered, out: &mut impl Write) -> anyhow::Result<()> {
    let counts = delivered.counts.iter().map(|(state, count)| format!("{count} {state}"));
    writeln!(out, "{:>6}  {}", delivered.seq, counts.collect::<Vec<_>>().join(", "))?;
    for copy in delivered.copies.iter().filter(|copy| copy.state != "proven") {
        let how = copy.route.or(copy.failure).map_or(String::new(), |how| format!(" ({how})"));
        writeln!(out, "        {}: {}{how}", printable(&copy.nick), copy.state)?;
    }
    Ok(())
}

/// Writes one value as JSON.
pub(super) fn object(value: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// Text of a stranger for a terminal: one line, and no escape sequences.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a JSON array, one item a line.
#[derive(Default)]
pub(super) struct JsonList {
    begun: bool,
}

impl JsonList {
    pub(super) fn item(&mut self, item: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
        out.write_all(if self.begun { b",\n " } else { b"[" })?;
        self.begun = true;
        serde_json::to_writer(&mut *out, item).map_err(io::Error::from)?;
        Ok(())
    }

    pub(super) fn end(self, out: &mut impl Write) -> anyhow::Result<()> {
        writeln!(out, "{}", if self.begun { "]" } else { "[]" })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use reticulum::hash::IdentityHash;

    use super::*;
    use crate::api::client::{Author, ListedMember};

    #[test]
    fn a_list_is_a_json_array_of_the_promised_shape() {
        let author = Author { nick: "Bob \"B\"".into(), identity_hash: IdentityHash::new([0xab; 16]) };
        let message = ListedMessage {
            seq: 3,
            time: 1_700_000_000,
            text: "hi\n".into(),
            author: Some(author),
            attachments: vec![],
        };
        let member = ListedMember {
            nick: "Bob".into(),
            identity_hash: IdentityHash::new([1; 16]),
            role: "owner".into(),
        };
        let (mut list, mut out) = (JsonList::default(), Vec::new());
        list.item(&message, &mut out).unwrap();
        list.item(&member, &mut out).unwrap();
        list.end(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let hash = "ab".repeat(16);
        assert_eq!(
            text.lines().next().unwrap(),
            format!(
                r#"[{{"seq":3,"time":1700000000,"text":"hi\n","author":{{"nick":"Bob \"B\"","identity_hash":"{hash}"}}}},"#
            )
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[1]["role"], "owner");

        let mut out = Vec::new();
        JsonList::default().end(&mut out).unwrap();
        assert_eq!(out, b"[]\n");
    }

    #[test]
    fn a_message_cannot_command_the_terminal() {
        assert_eq!(printable("a\x1b[2J\nb"), "a [2J b");
    }
}
