//! What an interface needs to start, and why it may not. The settings of each type are beside its driver.

use std::io;

use crate::framing::ax25::StationError;
use crate::{
    AutoSettings, BackboneSettings, KissSettings, PipeSettings, RnodeSettings, SerialSettings,
    TcpClientSettings, TcpServerSettings, UdpSettings,
};

/// The settings of one interface, by type.
#[derive(Clone, Debug, PartialEq)]
pub enum Settings {
    /// Accepts TCP connections; each is a medium of its own.
    TcpServer(TcpServerSettings),
    /// Keeps one TCP connection.
    TcpClient(TcpClientSettings),
    /// As the TCP types, for faster networks.
    Backbone(BackboneSettings),
    /// Neighbours on local networks, found by themselves; each is a medium of its own.
    Auto(AutoSettings),
    /// One packet a datagram, to one address or to a whole network.
    Udp(UdpSettings),
    /// A program that takes and gives packets on its standard input and output.
    Pipe(PipeSettings),
    /// A serial line to another node.
    Serial(SerialSettings),
    /// A TNC on a serial line.
    Kiss(KissSettings),
    /// An RNode, on a serial line or behind TCP.
    Rnode(RnodeSettings),
}

impl Settings {
    /// Whether every setting is in its range, as far as that can be known without opening anything.
    pub fn check(&self) -> Result<(), StartError> {
        match self {
            Self::TcpServer(_) => Ok(()),
            Self::TcpClient(settings) => settings.check(),
            Self::Backbone(settings) => settings.check(),
            Self::Auto(settings) => settings.check(),
            Self::Udp(settings) => settings.check(),
            Self::Pipe(settings) => settings.words().map(drop),
            Self::Serial(settings) => settings.line.check(),
            Self::Kiss(settings) => settings.header().map(drop),
            Self::Rnode(settings) => settings.check(),
        }
    }
}

/// Why an interface did not start. What may mend itself (a server that does not answer, a device that is not plugged
/// in) is no error: the interface starts and says [`Notice::Waiting`](crate::Notice::Waiting).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens there.
    #[error("{address} is in use by another program; stop that program or choose another port")]
    AddressInUse {
        /// The address asked for.
        address: String,
    },
    /// The address belongs to none of this machine's network interfaces.
    #[error("{address} is not an address of this machine; use one that `ip addr` shows, or 0.0.0.0 for all")]
    AddressNotLocal {
        /// The address asked for.
        address: String,
    },
    /// Ports below 1024 need a privilege.
    #[error("no permission to listen on {address}; choose a port above 1023")]
    NotPermitted {
        /// The address asked for.
        address: String,
    },
    /// Not `host:port`, or a name that does not resolve.
    #[error("{address:?} is not an address: {reason}; write host:port, for example 127.0.0.1:4242")]
    BadAddress {
        /// The text given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A command line that no shell would take.
    #[error("cannot run {command:?}: {reason}")]
    BadCommand {
        /// The text given.
        command: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No amateur radio station.
    #[error("{0}")]
    BadStation(#[from] StationError),
    /// A setting outside its range.
    #[error("{setting} = {value} is out of range: {range}")]
    OutOfRange {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// Anything else that the operating system said.
    #[error("cannot open {address}: {source}")]
    Io {
        /// What was to be opened.
        address: String,
        /// The operating system's word.
        source: io::Error,
    },
}
