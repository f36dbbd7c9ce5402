//! `meshgroup group ...` and `meshgroup claim ...`.

use std::io::Write;

use anyhow::bail;
use clap::Subcommand;
use reticulum::hash::DestinationHash;

use super::banner::Banner;
use super::list::{JsonList, printable};
use super::{OfGroup, Output, act};
use crate::api::client::{Client, CreatedGroup};
use crate::api::{GroupStatus, goes_by};

/// What can be done with groups.
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Create a group on this node
    Create {
        /// Its name, at most 64 characters
        #[arg(required_unless_present = "direct")]
        name: Option<String>,
        /// Tell the name and all content to members only
        #[arg(long)]
        private: bool,
        /// A conversation of these two and nobody else; the one that they have, if there is one. Each by identity hash, or by
        /// LXMF address where the node has heard it
        #[arg(long, num_args = 2, value_names = ["ONE", "OTHER"], value_parser = hash)]
        direct: Option<Vec<[u8; 16]>>,
        #[command(flatten)]
        output: Output,
    },
    /// List the groups of this node
    List(Output),
    /// Delete a group for good; an export of it stays in the folder `exports`
    Delete {
        /// Its name, or the leading digits of one of its hashes
        group: String,
        /// Its name, letter by letter, to confirm
        #[arg(long, value_name = "NAME")]
        confirm: String,
        #[command(flatten)]
        output: Output,
    },
    /// List the settings of a group and what they take
    Settings {
        #[command(flatten)]
        of: OfGroup,
        #[command(flatten)]
        output: Output,
    },
    /// Set something in a group
    Set {
        #[command(flatten)]
        of: OfGroup,
        /// Name of the setting
        key: String,
        /// Its value; an empty one empties it
        value: String,
        #[command(flatten)]
        output: Output,
    },
    /// Have a group announced now
    Announce {
        #[command(flatten)]
        of: OfGroup,
        #[command(flatten)]
        output: Output,
    },
    /// Count what there is in a group
    Stats {
        #[command(flatten)]
        of: OfGroup,
        #[command(flatten)]
        output: Output,
    },
    /// Show one group, with its addresses
    Show {
        /// Its name, or the leading digits of one of its hashes [default: the first group]
        #[arg(value_name = "GROUP")]
        group: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

/// What can be done with claim codes.
#[derive(Debug, Subcommand)]
pub(super) enum ClaimCommand {
    /// Replace the claim code, which makes its sender the owner, and print the new one
    New(Output),
}

/// Carries out a command about groups.
pub(super) fn carry_out(
    client: &mut Client,
    command: GroupCommand,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        GroupCommand::Create { name, private, direct, output } => {
            let name = name.unwrap_or_default();
            let created = match direct.as_deref() {
                Some(&[one, other]) => client.create_direct(&name, [one, other])?,
                _ => client.create_group(&name, private)?,
            };
            told(&created, output.json, out)
        }
        GroupCommand::Delete { group, confirm, output } => {
            client.choose_group(group);
            let export = client.delete_group(&confirm)?;
            if output.json {
                return as_json(&serde_json::json!({ "export": export }), out);
            }
            writeln!(out, "deleted; all that was in it is in {export}")?;
            Ok(())
        }
        GroupCommand::Announce { of, output } => {
            client.choose_group(of.group.unwrap_or_default());
            let announced = client.announce()?;
            let text = if announced { "announced" } else { "not announced: its setting `announced` is off" };
            act::one(&serde_json::json!({ "announced": announced }), text, output, out)
        }
        GroupCommand::Stats { of, output } => {
            client.choose_group(of.group.unwrap_or_default());
            let counts = client.stats()?;
            let text: Vec<_> = counts.iter().map(|(name, count)| format!("{name:<10}{count}")).collect();
            let counts: serde_json::Map<_, _> =
                counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
            act::one(&counts, &text.join("\n"), output, out)
        }
        GroupCommand::List(output) => list(&client.status()?.groups, output.json, out),
        GroupCommand::Settings { of, output } => {
            client.choose_group(of.group.unwrap_or_default());
            act::rows(&client.settings()?, output, out, |one| {
                let value = one.value.as_str().map_or_else(|| one.value.to_string(), printable);
                format!("{:<24}{value}  ({})", one.key, one.takes)
            })
        }
        GroupCommand::Set { of, key, value, output } => {
            client.choose_group(of.group.unwrap_or_default());
            act::done(client.set(&key, &value)?, output, out)
        }
        GroupCommand::Show { group, output } => {
            let groups = client.status()?.groups;
            show(find(&groups, group.as_deref())?, output.json, out)
        }
    }
}

/// Carries out a command about claim codes.
pub(super) fn claim(client: &mut Client, command: &ClaimCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        ClaimCommand::New(output) if output.json => {
            writeln!(out, "{}", serde_json::json!({ "code": client.new_claim()? }))?;
        }
        ClaimCommand::New(_) => writeln!(out, "{}", client.new_claim()?)?,
    }
    Ok(())
}

/// A hash of 16 bytes in hexadecimal digits.
fn hash(text: &str) -> Result<[u8; 16], &'static str> {
    let hash = DestinationHash::from_hex(text).ok_or("32 hexadecimal digits are expected")?;
    Ok(*hash.as_bytes())
}

fn told(created: &CreatedGroup, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        return as_json(created, out);
    }
    let banner = Banner {
        name: &created.name,
        address: created.address,
        api_address: created.api_address,
        claim_code: Some(created.claim_code.as_str()).filter(|code| !code.is_empty()),
    };
    write!(out, "{banner}")?;
    Ok(())
}

fn list(groups: &[GroupStatus], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        let mut list = JsonList::default();
        groups.iter().try_for_each(|group| list.item(group, out))?;
        return list.end(out);
    }
    for group in groups {
        writeln!(
            out,
            "{}  {:<8}{:>6} members {:>8} messages  {}",
            group.address,
            group.visibility,
            group.members,
            group.messages,
            printable(&group.name)
        )?;
    }
    Ok(())
}

fn show(group: &GroupStatus, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        return as_json(group, out);
    }
    writeln!(out, "{} ({})", printable(&group.name), group.visibility)?;
    writeln!(out, "  LXMF address   {}", group.address)?;
    writeln!(out, "  group address  {}", group.api_address)?;
    writeln!(out, "  identity       {}", group.identity_hash)?;
    writeln!(
        out,
        "  {} members, {} messages, last event {}",
        group.members, group.messages, group.last_event
    )?;
    Ok(())
}

/// The group that is meant: the node's rule, for what `status` told.
fn find<'a>(groups: &'a [GroupStatus], name: Option<&str>) -> anyhow::Result<&'a GroupStatus> {
    let Some(name) = name else {
        return groups.first().ok_or_else(|| anyhow::anyhow!("the node has no group"));
    };
    let mut fitting = groups
        .iter()
        .filter(|group| goes_by(name, &group.name, [group.address, group.api_address], group.identity_hash));
    match (fitting.next(), fitting.next()) {
        (Some(group), None) => Ok(group),
        (None, _) => bail!("there is no group \"{name}\" on this node"),
        _ => bail!("\"{name}\" fits several groups: name one by more digits of its address"),
    }
}

fn as_json(value: &impl serde::Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}
