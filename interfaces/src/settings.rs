//! What an interface needs to start, and why it may not.

use std::io;
use std::time::Duration;

use crate::retry;

/// The settings of one interface, by type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settings {
    /// Accepts TCP connections; each is a medium of its own.
    TcpServer(TcpServerSettings),
    /// Keeps one TCP connection.
    TcpClient(TcpClientSettings),
}

/// Settings of a TCP server (interfaces.md section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpServerSettings {
    /// `host:port` to listen on; port 0 takes a free one, see
    /// [`InterfaceHandle::local_address`](crate::InterfaceHandle::local_address).
    pub listen: String,
    /// Connections above this number are closed at once and counted.
    pub connections_max: usize,
    /// Bits per second to assume of each connection, if not the usual 10 Mbit/s.
    pub bitrate_bps: Option<u64>,
}

impl TcpServerSettings {
    /// Connections that a server accepts unless told otherwise. An idle one costs about a kilobyte of ours.
    pub const CONNECTIONS_MAX: usize = 256;

    /// The usual settings for an address.
    pub fn new(listen: impl Into<String>) -> Self {
        Self { listen: listen.into(), connections_max: Self::CONNECTIONS_MAX, bitrate_bps: None }
    }
}

/// Settings of a TCP client (interfaces.md section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpClientSettings {
    /// `host:port` to connect to; a name is resolved at every attempt.
    pub target: String,
    /// Time for an attempt, name resolution included.
    pub connect_timeout: Duration,
    /// Time between attempts; longer after a minute of failures.
    pub reconnect_interval: Duration,
    /// Bits per second to assume, if not the usual 10 Mbit/s.
    pub bitrate_bps: Option<u64>,
    /// Packet size to use instead of the one that follows from the bitrate; at least 500.
    pub fixed_mtu: Option<usize>,
}

impl TcpClientSettings {
    /// interfaces.md section 4.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// The usual settings for a target.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            reconnect_interval: retry::INTERVAL,
            bitrate_bps: None,
            fixed_mtu: None,
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
