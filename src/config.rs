//! The configuration of a node, `DIR/meshgroup.toml`: its options, their defaults, and errors that say what to change.
//! It owns neither the folder nor what the options do.
//!
//! Each table is declared once, by `options!`, and everything else follows from the declaration: the struct that serde
//! fills, its defaults, and the commented file that a first run writes ([`Config::template`]).

mod error;
mod groups;
mod import;
mod interface;
mod node;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use reticulum::hash::{DestinationHash, IdentityHash};
use serde::{Deserialize, Serialize};

pub use self::error::{ConfigError, not_opened};
pub use self::groups::{Creation, GroupsOptions};
pub use self::import::{ImportError, SyntaxError, SyntaxProblem, import, import_file};
use self::interface::InterfaceTable;
pub use self::interface::{Access, Interface};
pub use self::node::{InstanceType, NodeOptions, RpcKey};

/// Name of the file within the data folder.
pub const FILE_NAME: &str = "meshgroup.toml";

/// Declares a table of options: a struct, its `Default`, and `describe`, which appends its part of the template.
///
/// After `=` stands the default, after `=>` the TOML text that the template shows where there is none to show.
macro_rules! options {
    (@shown $default:expr) => { $crate::config::toml_text(&$default) };
    (@shown $default:expr, $shown:literal) => { $shown.to_owned() };
    (
        $(#[doc = $table_doc:literal])+
        $visibility:vis struct $table:ident {
            $(
                $(#[doc = $doc:literal])+
                $(#[serde($($serde:tt)+)])?
                $field:ident: $type:ty = $default:expr $(=> $shown:literal)?,
            )+
        }
    ) => {
        $(#[doc = $table_doc])+
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $visibility struct $table {
            $( $(#[doc = $doc])+ $(#[serde($($serde)+)])? pub $field: $type, )+
        }

        impl Default for $table {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $crate::config::Table for $table {
            fn describe(out: &mut String) {
                $(
                    let shown = $crate::config::options!(@shown $default $(, $shown)?);
                    $crate::config::describe_option(out, &[$($doc),+], $crate::config::key(stringify!($field)), &shown);
                )+
            }

            fn given(&self) -> Vec<&'static str> {
                let usual = Self::default();
                let mut keys = Vec::new();
                $( if self.$field != usual.$field { keys.push($crate::config::key(stringify!($field))); } )+
                keys
            }
        }
    };
}
use options;

/// What [`options`] makes of a table beside the struct.
trait Table {
    /// Appends each option, commented out behind its documentation.
    fn describe(out: &mut String);

    /// The keys whose values are not the defaults.
    fn given(&self) -> Vec<&'static str>;
}

/// All options of a node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the group is when it is first created.
    pub group: GroupOptions,
    /// Who may create further groups.
    pub groups: GroupsOptions,
    /// What one member may do in the group when it is first created.
    pub limits: LimitOptions,
    /// How the database is kept.
    pub store: StoreOptions,
    /// What the node does for others.
    pub node: NodeOptions,
    /// How the node uses propagation nodes, and is one.
    pub propagation: PropagationOptions,
    /// The media that the node uses, in the order of the file. Those that are not enabled are checked, then left out.
    #[serde(rename = "interface")]
    pub interfaces: Vec<Interface>,
    /// Whether the file says nothing of media, so that the node chooses ([`NodeOptions::usual_interface`]).
    #[serde(skip)]
    pub chooses_interface: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            group: GroupOptions::default(),
            groups: GroupsOptions::default(),
            limits: LimitOptions::default(),
            store: StoreOptions::default(),
            node: NodeOptions::default(),
            propagation: PropagationOptions::default(),
            interfaces: Vec::new(),
            chooses_interface: true,
        }
    }
}

options! {
    /// What the group is when it is first created. Later it is changed through the node itself.
    pub struct GroupOptions {
        /// Name of the group, at most 64 characters. Most clients show nothing else, so let it say that it is a group.
        #[serde(deserialize_with = "group_name")]
        name: String = "Meshgroup (group)".to_owned(),
        /// Whether strangers may learn of it: "public" announces the name, "private" keeps name and content to members.
        visibility: Visibility = Visibility::Public,
    }
}

options! {
    /// What one member may do in the group when it is first created. Later it is changed through the node itself.
    pub struct LimitOptions {
        /// Messages that one member may post in a minute, some of them at once. 0 = no limit.
        posts_per_minute: u32 = 60,
        /// The longest text of a message, in characters, 1 to 200000.
        #[serde(deserialize_with = "message_length")]
        message_length_max: u32 = 131_072,
        /// Bits of proof of work that each LXMF message to the group costs, 0 to 24, when the group is first created. 8 is
        /// nothing for a phone and a nuisance for whoever floods. Members get tickets and pay once. 0 = none.
        #[serde(deserialize_with = "stamp_cost")]
        stamp_cost: u32 = 0,
        /// The dearest stamp that the node makes for a message of its own, in bits; whoever asks for more is not written to.
        stamp_cost_paid_max: u8 = 20,
        /// Messages that one sender may send, and that one link may carry, in a minute, whatever they are. What is beyond
        /// gets no proof, so its sender tries again later. 0 = no limit.
        messages_per_minute: u32 = 30_000,
        /// The largest message that is let in, in bytes, with its attachments.
        message_size_max: u32 = 1_000_000,
        /// Senders whose messages are dropped, by delivery address or identity hash, 32 hexadecimal digits each.
        #[serde(deserialize_with = "senders")]
        ignore: Vec<DestinationHash> = Vec::new() => "[]",
        /// Trials per second that the node spends on stamps of its own in the long run; a core makes some 16 million.
        stamp_trials_per_second: u32 = 4_000_000,
    }
}

options! {
    /// How the database is kept.
    pub struct StoreOptions {
        /// What an acknowledged message survives: "power-loss", or only a "crash" of the program, which spares a slow
        /// disk.
        durability: Durability = Durability::PowerLoss,
        /// Milliseconds added to each commit. A test aid: it makes any disk as slow as a worn SD card. 0 = none.
        commit_delay_ms: u32 = 0,
    }
}

options! {
    /// How the node uses propagation nodes, which keep messages for those who are away, and is one itself.
    pub struct PropagationOptions {
        /// The propagation nodes to use, as 32 hexadecimal digits each, the first choice first; one may stand without
        /// brackets. A member's own, which they name with /pn, goes before them.
        #[serde(deserialize_with = "nodes")]
        node: Vec<DestinationHash> = Vec::new() => "[]",
        /// Whether the nearest nodes that announced themselves are used when none is named, or those named do not answer.
        discover: bool = true,
        /// Minutes between two looks for messages to the group on those nodes. 0 = never.
        sync_interval: u32 = 15,
        /// Whether messages to members who are not reached go to a propagation node.
        fallback: bool = true,
        /// Whether this node is a propagation node itself. Its identity is then the file `propagation_identity`.
        serve: bool = false,
        /// The name that it announces; empty = none.
        #[serde(deserialize_with = "node_name")]
        node_name: String = String::new(),
        /// Whether it keeps messages for members of its groups only, and exchanges them with the named peers only.
        members_only: bool = true,
        /// Megabytes of messages that it keeps. Beyond that the largest and oldest go first, those to members last.
        storage_mb: u32 = 500,
        /// Bits of proof of work that a message on it costs, 0 to 32, and by how many a stamp may be worth less.
        #[serde(deserialize_with = "node_cost")]
        stamp_cost: u8 = 16,
        /// See stamp_cost.
        #[serde(deserialize_with = "node_cost")]
        stamp_flexibility: u8 = 3,
        /// Bits of proof of work that another node shows once before it may offer messages, 0 to 32.
        #[serde(deserialize_with = "node_cost")]
        peering_cost: u8 = 18,
        /// The most that this node pays for that itself, in bits; a node that asks for more is no peer.
        #[serde(deserialize_with = "node_cost")]
        peering_cost_paid_max: u8 = 26,
        /// Propagation nodes to exchange messages with, as 32 hexadecimal digits each.
        #[serde(deserialize_with = "nodes")]
        peers: Vec<DestinationHash> = Vec::new() => "[]",
        /// Whether nodes that announce themselves become peers, too; never with members_only.
        autopeer: bool = true,
        /// How many hops away those may be.
        autopeer_maxdepth: u8 = 4,
        /// Peers at most, with those named.
        max_peers: u32 = 20,
        /// The largest message that it takes, in kilobytes.
        message_kb_max: u32 = 256,
        /// The most that a peer may bring at a time, in kilobytes.
        sync_kb_max: u32 = 10_240,
        /// Minutes between two announces of it. 0 = only when an interface comes up.
        announce_interval: u32 = 360,
        /// Identities that may ask how it is, as `lxmd --status` does, as 32 hexadecimal digits each. Whoever has the file
        /// `propagation_identity` always may.
        #[serde(deserialize_with = "identities")]
        control: Vec<IdentityHash> = Vec::new() => "[]",
    }
}

/// Whether strangers may learn of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Announced under its name.
    Public,
    /// Name and content are for members only.
    Private,
}

/// What an acknowledged message survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Loss of power: each commit reaches the disk.
    PowerLoss,
    /// A crash of the program: commits reach the operating system.
    Crash,
}

/// The longest name of a group, in characters: with the other fields it fits an announce in most scripts.
const GROUP_NAME_CHARS_MAX: usize = 64;

impl Config {
    /// Reads the configuration in `folder`; at the first time writes it there with every option at its default.
    pub fn load_or_create(folder: &Path) -> Result<Self, ConfigError> {
        let file = folder.join(FILE_NAME);
        match fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text, &file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // It is the place for passphrases.
                let options = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
                let text = Self::template();
                let written = options.and_then(|mut open| open.write_all(text.as_bytes()));
                match written {
                    Ok(()) => Self::parse(&text, &file),
                    Err(error) => Err(ConfigError::Write { file, error }),
                }
            }
            Err(error) => Err(ConfigError::Read { file, error }),
        }
    }

    /// Reads the text of a configuration; `file` is its name in errors.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let mut config: Self =
            toml::from_str(text).map_err(|error| ConfigError::of_toml(file, text, &error))?;
        config.chooses_interface =
            !toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("interface"));
        let names = config.interfaces.iter().map(|interface| &interface.name);
        for (index, name) in names.clone().enumerate() {
            if names.clone().take(index).any(|earlier| earlier == name) {
                return Err(ConfigError::same_name(file, name));
            }
        }
        config.interfaces.retain(|interface| interface.enabled);
        Ok(config)
    }

    /// The commented file that a first run writes. Options are commented out as `#key = value`, prose as `# prose`.
    pub fn template() -> String {
        let mut out = String::from(TEMPLATE_HEAD);
        out.push_str("\n[group]\n");
        GroupOptions::describe(&mut out);
        out.push_str("\n[groups]\n");
        GroupsOptions::describe(&mut out);
        out.push_str("\n[limits]\n");
        LimitOptions::describe(&mut out);
        out.push_str("\n[store]\n");
        StoreOptions::describe(&mut out);
        out.push_str("\n[node]\n");
        NodeOptions::describe(&mut out);
        out.push_str("\n[propagation]\n");
        PropagationOptions::describe(&mut out);
        InterfaceTable::template(&mut out);
        out
    }
}

const TEMPLATE_HEAD: &str = "\
# Configuration of a meshgroup node. Every option is here with its default: to change one, remove the # before it.
# The node reads this file when it starts. An unknown key is an error.
";

/// Widest line of prose in the template.
const TEMPLATE_WIDTH: usize = 110;

/// Appends one option to the template: a blank line, its documentation as prose, then `#key = value`.
fn describe_option(out: &mut String, doc: &[&str], key: &str, shown: &str) {
    out.push('\n');
    let mut line = String::from("#");
    for word in doc.iter().flat_map(|line| line.split_whitespace()) {
        if line.len() + 1 + word.len() > TEMPLATE_WIDTH {
            out.push_str(&line);
            line = String::from("\n#");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push_str(&format!("\n#{key} = {shown}\n"));
}

/// The key of a field, which may be named after a keyword.
fn key(field: &'static str) -> &'static str {
    field.trim_start_matches("r#")
}

/// A value as TOML writes it.
fn toml_text(value: &impl Serialize) -> String {
    toml::Value::try_from(value).map(|value| value.to_string()).unwrap_or_default()
}

fn group_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let length = name.trim().chars().count();
    if length == 0 || length > GROUP_NAME_CHARS_MAX {
        return Err(serde::de::Error::custom(format!(
            "a name has 1 to {GROUP_NAME_CHARS_MAX} characters, this one {length}"
        )));
    }
    Ok(name.trim().to_owned())
}

fn identities<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<IdentityHash>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let identity = |text: &String| {
        IdentityHash::from_hex(text).ok_or_else(|| {
            serde::de::Error::custom(format!("an identity's hash has 32 hexadecimal digits, not \"{text}\""))
        })
    };
    texts.iter().map(identity).collect()
}

/// One hash or a list of them.
fn nodes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<DestinationHash>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    let texts = match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(text) if text.is_empty() => Vec::new(),
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    let hash = |text: String| {
        DestinationHash::from_hex(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("expected 32 hexadecimal digits, not {text:?}")))
    };
    texts.into_iter().map(hash).collect()
}

/// Both addresses that a hash may mean: itself, and the delivery address of an identity of that hash.
fn senders<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<DestinationHash>, D::Error> {
    let of_identity = |hash: &DestinationHash| {
        let identity = IdentityHash::new(*hash.as_bytes());
        DestinationHash::of_single(*lxmf::router::DELIVERY_NAME_HASH, identity)
    };
    nodes(deserializer).map(|hashes| hashes.iter().flat_map(|hash| [*hash, of_identity(hash)]).collect())
}

fn stamp_cost<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let cost = u32::deserialize(deserializer)?;
    if cost > 24 {
        return Err(serde::de::Error::custom("expected a number from 0 to 24"));
    }
    Ok(cost)
}

fn node_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    // With all else that is announced it fits any announce.
    if name.len() > 64 {
        return Err(serde::de::Error::custom("a node's name has at most 64 bytes"));
    }
    Ok(name.trim().to_owned())
}

fn node_cost<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let cost = u8::deserialize(deserializer)?;
    if cost > 32 {
        return Err(serde::de::Error::custom("expected a number from 0 to 32"));
    }
    Ok(cost)
}

fn message_length<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let length = u32::deserialize(deserializer)?;
    // The longest fits a page of the history, which holds 1 MiB, in any script.
    if !(1..=200_000).contains(&length) {
        return Err(serde::de::Error::custom("expected a number from 1 to 200000"));
    }
    Ok(length)
}
