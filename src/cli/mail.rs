//! `meshgroup propagation …`, and messages on paper. It decides nothing: each command is one call, and prints what came
//! of it.

use std::io::Write;

use clap::{Args, Subcommand};
use reticulum::hash::DestinationHash;

use super::Output;
use super::act::{one, rows};
use super::banner::drawn;
use super::list::printable;
use crate::api::client::{Client, ListedNode, ListedPeer, Propagation, SyncedMail};

/// What can be done with propagation nodes.
#[derive(Debug, Subcommand)]
pub(super) enum PropagationCommand {
    /// Show which propagation nodes are used, and what this one is as one
    Status(Output),
    /// List the nodes that this one exchanges messages with
    Peers(Output),
    /// Look for messages to the groups on the nodes that are used, and bring the peers what they lack, now
    Sync {
        /// Only this node or peer, by its address
        address: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

/// A message that is to be put on paper.
#[derive(Debug, Args)]
pub(super) struct Paper {
    /// Its sequence number
    seq: u64,
    /// For whom: nick, #number, or at least four digits of a hash
    #[arg(long, value_name = "MEMBER")]
    to: String,
    #[command(flatten)]
    output: Output,
}

/// A message from paper.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// lxm:// and what follows
    uri: String,
    #[command(flatten)]
    output: Output,
}

/// Carries out a command about propagation nodes.
pub(super) fn propagation(
    client: &mut Client,
    command: PropagationCommand,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        PropagationCommand::Status(output) => {
            let found = client.propagation()?;
            one(&found, &for_people(&found), output, out)
        }
        PropagationCommand::Peers(output) => {
            let peers = client.propagation()?.served.map_or_else(Vec::new, |served| served.peers);
            rows(&peers, output, out, peer_line)
        }
        PropagationCommand::Sync { address, output } => {
            let address = address.map(|text| {
                DestinationHash::from_hex(&text)
                    .ok_or_else(|| anyhow::anyhow!("an address has 32 hexadecimal digits"))
            });
            let done = client.sync_mail(address.transpose()?)?;
            one(&done, &synced(&done), output, out)
        }
    }
}

/// Prints a message as `lxm://…`, and as a QR code.
pub(super) fn paper(client: &mut Client, of: &Paper, out: &mut impl Write) -> anyhow::Result<()> {
    let uri = client.paper(of.seq, &of.to)?;
    let code = drawn(&uri).map_or_else(String::new, |code| format!("{code}\n"));
    one(&serde_json::json!({ "uri": uri }), &format!("{code}{uri}"), of.output, out)
}

/// Hands in a message from paper.
pub(super) fn import(client: &mut Client, of: &Import, out: &mut impl Write) -> anyhow::Result<()> {
    client.import_paper(&of.uri)?;
    let text = "taken in: it comes like any other message, and its author hears what came of it";
    one(&serde_json::json!({}), text, of.output, out)
}

fn for_people(found: &Propagation) -> String {
    let mut lines: Vec<String> = found.nodes.iter().map(node_line).collect();
    if lines.is_empty() {
        lines.push(
            "no propagation node is used: none is named, and none was heard that may be used".to_owned(),
        );
    }
    if let Some(served) = &found.served {
        lines.push(format!("propagation node {}", served.address));
        lines.push(format!("  keeps {} messages, {} bytes", served.kept, served.kept_bytes));
        lines.push(format!("  clients uploaded {}, fetched {}", served.uploaded, served.served));
        lines.push(format!(
            "  {} peers brought {}, took {}",
            served.peers.len(),
            served.from_peers,
            served.to_peers
        ));
        lines.push(format!("  turned away {} messages and requests", served.refused));
    }
    lines.join("\n")
}

fn node_line(node: &ListedNode) -> String {
    let hops = node.hops.map_or_else(|| "no path".to_owned(), |hops| format!("{hops} hops"));
    let cost = node.stamp_cost.map_or_else(String::new, |cost| format!(", stamps of {cost} bits"));
    let last = match (node.synced, &node.failure) {
        (None, _) => "not asked yet".to_owned(),
        (Some(_), Some(failure)) => format!("failed: {}", printable(failure)),
        (Some(_), None) => format!("{} messages the last time", node.fetched),
    };
    format!("uses {} {}  {hops}{cost}, {last}", node.address, printable(&node.name))
}

fn peer_line(peer: &ListedPeer) -> String {
    let state = match (peer.syncing, peer.alive) {
        (true, _) => "syncing",
        (false, true) => "alive",
        (false, false) => "no answer",
    };
    let kind = if peer.named { "named" } else { "found" };
    format!(
        "{}  {kind}  {state:<9}  took {} of {}, brought {}, lacks {}  {}",
        peer.address,
        peer.outgoing,
        peer.offered,
        peer.incoming,
        peer.unhandled,
        printable(&peer.name)
    )
}

fn synced(done: &SyncedMail) -> String {
    let mut lines: Vec<String> = Vec::new();
    for node in &done.nodes {
        let what = match &node.failure {
            Some(failure) => format!("failed: {}", printable(failure)),
            None => format!("{} messages", node.fetched),
        };
        lines.push(format!("{} for {}: {what}", node.address, node.group_address));
    }
    if done.nodes.is_empty() && done.waiting == 0 {
        lines.push("no propagation node is known that could be asked".to_owned());
    }
    if done.waiting > 0 {
        lines.push(format!("{} are not done yet; `propagation status` will tell", done.waiting));
    }
    if done.peers > 0 {
        lines.push(format!("the sync of {} peers begins", done.peers));
    }
    lines.join("\n")
}
