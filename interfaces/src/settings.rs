//! What an interface needs to start, and why it may not. The settings of each type are beside its driver.

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::framing::ax25::StationError;
use crate::{
    AutoSettings, BackboneSettings, I2pSettings, KissSettings, LocalSettings, PipeSettings, RnodeSettings,
    SerialSettings, TcpClientSettings, TcpServerSettings, UdpSettings,
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
    /// Streams over the I2P network, through a router on this machine.
    I2p(I2pSettings),
    /// The shared instance of this machine: each program is a medium of its own.
    LocalServer(LocalSettings),
    /// A client of the shared instance of this machine.
    LocalClient(LocalSettings),
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
            Self::TcpServer(_) | Self::LocalServer(_) | Self::LocalClient(_) => Ok(()),
            Self::TcpClient(settings) => settings.check(),
            Self::Backbone(settings) => settings.check(),
            Self::Auto(settings) => settings.check(),
            Self::I2p(settings) => settings.check(),
            Self::Udp(settings) => settings.check(),
            Self::Pipe(settings) => settings.words().map(drop),
            Self::Serial(settings) => settings.line.check(),
            Self::Kiss(settings) => settings.header().map(drop),
            Self::Rnode(settings) => settings.check(),
        }
    }
}

impl Settings {
    /// Keeps the files that the interface needs in this folder, under names that follow from `name`: the key of an I2P
    /// destination.
    pub fn keep_files_in(&mut self, folder: &Path, name: &str) {
        if let Self::I2p(i2p) = self {
            let digest = Sha256::digest(name.as_bytes());
            let stem: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            i2p.key_file = Some(folder.join("i2p").join(format!("{stem}.key")));
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
