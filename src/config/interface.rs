//! The `[[interface]]` tables: one flat table for what people write, checked into one typed value per medium. It does not
//! open anything; `interfaces` does.

use serde::Deserialize;

use super::options;

/// One medium that the node uses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "InterfaceTable")]
pub struct Interface {
    /// Name in `status` and in messages, unique in the file.
    pub name: String,
    /// Minutes between two announces of the group on it; 0 announces at start only.
    pub announce_interval_min: u32,
    /// What it is.
    pub medium: Medium,
}

/// What an interface is, with what only this kind needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Listens on `host:port`; each accepted connection is a link to a neighbour.
    TcpServer {
        /// `host:port` to bind.
        listen: String,
    },
    /// Connects to `host:port`, again and again if need be.
    TcpClient {
        /// `host:port` to connect to.
        target: String,
    },
}

impl Medium {
    /// The value of `type` in the file.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::TcpServer { .. } => "tcp-server",
            Self::TcpClient { .. } => "tcp-client",
        }
    }

    /// The key and the value that say where it is.
    pub(super) fn place(&self) -> (&'static str, &str) {
        match self {
            Self::TcpServer { listen } => ("listen", listen),
            Self::TcpClient { target } => ("target", target),
        }
    }
}

impl Default for Interface {
    /// What a node uses whose file has no interface: programs on the same machine can connect, nobody else.
    fn default() -> Self {
        let medium = Medium::TcpServer { listen: "127.0.0.1:4242".to_owned() };
        Self { name: "local".to_owned(), announce_interval_min: ANNOUNCE_INTERVAL_MIN, medium }
    }
}

const ANNOUNCE_INTERVAL_MIN: u32 = 60;

options! {
    /// An `[[interface]]` table as written. The keys of all types are here; [`Interface`] has those of its own.
    pub(super) struct InterfaceTable {
        /// Name of the interface in `meshgroup status`. Required.
        name: Option<String> = None => "\"local\"",
        /// What it is: "tcp-server" waits for connections, "tcp-client" makes one. Required.
        r#type: Option<InterfaceType> = None => "\"tcp-server\"",
        /// For a tcp-server: host and port to listen on. 0.0.0.0 as host lets other machines connect.
        listen: Option<String> = None => "\"127.0.0.1:4242\"",
        /// For a tcp-client, in the place of listen: host and port to connect to.
        target: Option<String> = None => "\"host:port\"",
        /// Minutes between two announces of the group on this interface. 0 = only when the node starts.
        announce_interval: u32 = ANNOUNCE_INTERVAL_MIN,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InterfaceType {
    TcpServer,
    TcpClient,
}

impl InterfaceTable {
    pub(super) fn template(out: &mut String) {
        out.push_str(
            "\n# The media that the node uses: one [[interface]] table each, as many as you like. With none in this file,\n\
             # the one below is used. A tcp-client has `target` where this one has `listen`.\n#[[interface]]\n",
        );
        Self::describe(out);
    }
}

impl TryFrom<InterfaceTable> for Interface {
    type Error = String;

    fn try_from(table: InterfaceTable) -> Result<Self, String> {
        let name =
            table.name.filter(|name| !name.trim().is_empty()).ok_or("an [[interface]] needs `name`")?;
        let kind = table
            .r#type
            .ok_or_else(|| format!("interface \"{name}\" needs `type`: \"tcp-server\" or \"tcp-client\""))?;
        let medium = match kind {
            InterfaceType::TcpServer => {
                refuse(&name, "target", "tcp-server", table.target.is_some())?;
                Medium::TcpServer { listen: host_and_port(&name, "listen", table.listen)? }
            }
            InterfaceType::TcpClient => {
                refuse(&name, "listen", "tcp-client", table.listen.is_some())?;
                Medium::TcpClient { target: host_and_port(&name, "target", table.target)? }
            }
        };
        Ok(Self { name, announce_interval_min: table.announce_interval, medium })
    }
}

fn refuse(name: &str, key: &str, kind: &str, present: bool) -> Result<(), String> {
    if present { Err(format!("interface \"{name}\": a {kind} has no `{key}`")) } else { Ok(()) }
}

fn host_and_port(name: &str, key: &str, value: Option<String>) -> Result<String, String> {
    let value = value.ok_or_else(|| format!("interface \"{name}\" needs `{key}` = \"host:port\""))?;
    let valid =
        value.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if valid {
        Ok(value)
    } else {
        Err(format!("interface \"{name}\": `{key}` = \"{value}\" is not \"host:port\""))
    }
}
