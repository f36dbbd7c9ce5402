//! Backbone (interfaces.md section 5): on the wire the same as the TCP types, so each talks to each. It assumes a faster
//! medium, so links over it carry larger packets, and its listener blocks who comes and goes too often.

use tokio::sync::mpsc;

use crate::tcp::{self, FlapLimit};
use crate::{InterfaceHandle, Notice, StartError, TcpClientSettings, TcpServerSettings};

/// interfaces.md section 1.2; it makes packets of 32768 bytes.
const BITRATE_BPS: u64 = 100_000_000;

/// Settings of a backbone interface (interfaces.md sections 2.4 and 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackboneSettings {
    /// Which end it is.
    pub end: BackboneEnd,
    /// Bits per second to assume, if not the usual 100 Mbit/s.
    pub bitrate_bps: Option<u64>,
}

/// Which end of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackboneEnd {
    /// Waits for them.
    Listener {
        /// `host:port` to listen on.
        listen: String,
        /// Connections that one address may have.
        connections_per_address_max: usize,
        /// Whom it blocks.
        flap_limit: Option<FlapLimit>,
    },
    /// Makes one.
    Client {
        /// `host:port` to connect to.
        target: String,
    },
}

impl BackboneSettings {
    /// Whether the target can be.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        match self.client() {
            Some(client) => client.check(),
            None => Ok(()),
        }
    }

    fn client(&self) -> Option<TcpClientSettings> {
        let BackboneEnd::Client { target } = &self.end else { return None };
        Some(TcpClientSettings { bitrate_bps: Some(self.bitrate_bps()), ..TcpClientSettings::new(target) })
    }

    fn bitrate_bps(&self) -> u64 {
        self.bitrate_bps.unwrap_or(BITRATE_BPS)
    }
}

/// Starts the end that the settings name.
pub(crate) async fn start(
    interface: usize,
    settings: BackboneSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    let bitrate_bps = Some(settings.bitrate_bps());
    match settings.end {
        BackboneEnd::Client { target } => {
            let client = TcpClientSettings { bitrate_bps, ..TcpClientSettings::new(target) };
            tcp::start_client(interface, client, notices)
        }
        BackboneEnd::Listener { listen, connections_per_address_max, flap_limit } => {
            let server = TcpServerSettings {
                bitrate_bps,
                connections_per_address_max,
                flap_limit,
                ..TcpServerSettings::new(listen)
            };
            tcp::start_server(interface, server, notices).await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn both_ends_carry_packets_of_32768_bytes_and_who_flaps_is_blocked() {
        let (sender, mut notices) = mpsc::channel(64);
        let flap_limit = Some(FlapLimit { grace: 1, ..FlapLimit::default() });
        let end = BackboneEnd::Listener {
            listen: "127.0.0.1:0".to_owned(),
            connections_per_address_max: 8,
            flap_limit,
        };
        let listener = start(0, BackboneSettings { end, bitrate_bps: None }, sender.clone()).await.unwrap();
        let target = listener.local_address().unwrap().to_string();

        let end = BackboneEnd::Client { target: target.clone() };
        let client = start(1, BackboneSettings { end, bitrate_bps: None }, sender).await.unwrap();
        let mut opened = 0;
        let mut kept = Vec::new();
        while opened < 2 {
            if let Notice::Opened { properties, frames, .. } =
                timeout(PATIENCE, notices.recv()).await.unwrap().unwrap()
            {
                assert_eq!((properties.hw_mtu, properties.mtu_capable), (32_768, true));
                kept.push(frames);
                opened += 1;
            }
        }
        // The client's end is a first flap, one more is a second, and that is one too many.
        drop(client);
        drop(TcpStream::connect(&target).await.unwrap());
        let mut closed = 0;
        while closed < 2 {
            let notice = timeout(PATIENCE, notices.recv()).await.unwrap().unwrap();
            closed += usize::from(matches!(notice, Notice::Closed { .. }));
        }
        while listener.connections_refused() == 0 {
            let mut stream = TcpStream::connect(&target).await.unwrap();
            let end = timeout(Duration::from_millis(50), stream.read(&mut [0])).await;
            assert!(matches!(end, Ok(Ok(0) | Err(_)) | Err(_)));
        }
    }
}
