//! Interface drivers: the only place with sockets and serial ports.
//!
//! Every driver has the same shape. [`start`] takes [`Settings`] and spawns tasks on the current tokio runtime; from
//! then on it speaks through one bounded channel of [`Notice`]s and takes frames through the channel that
//! [`Notice::Opened`] carries. Frames travel in [`FrameBatch`]es: one channel operation and one system call for as many
//! frames as there are, and the buffers come back for reuse.
//!
//! Back-pressure has two directions. Inbound, a driver stops reading while the notice channel is full, so a TCP peer is
//! slowed down and loses nothing. Outbound, a medium holds at most [`CREDITS`] batches; a peer that does not read keeps
//! its credits and blocks nobody else. Frames that wait, wait in the node, where they can be re-ordered and dropped.
//!
//! [`framing`] has the codecs, which do no input or output. This crate knows nothing of packets: what is in a frame is
//! the `reticulum` crate's matter.

pub mod framing;

mod address;
mod auto;
mod backbone;
mod batch;
mod i2p;
mod kiss;
mod local;
mod lora;
mod notice;
mod pace;
mod pipe;
mod retry;
mod rnode;
mod rpc;
mod serial;
mod settings;
mod stream;
mod tcp;
mod udp;

#[cfg(test)]
mod pty;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub use auto::{AddressLife, AutoSettings, Scope};
pub use backbone::{BackboneEnd, BackboneSettings};
pub use batch::{FRAME_BATCH_BYTES, FrameBatch};
pub use i2p::I2pSettings;
pub use kiss::{Ax25Station, Beacon, KissSettings};
pub use local::{
    CONTROL_PORT_DEFAULT, INSTANCE_NAME_DEFAULT, INSTANCE_PORT_DEFAULT, LocalPlace, LocalSettings,
};
pub use lora::LoraSettings;
pub use notice::{CREDITS, MediumId, Notice, Properties, RadioReport, hw_mtu_of_bitrate};
pub use pipe::PipeSettings;
pub use rnode::{RnodeSettings, run_rnode};
pub use rpc::{RequestError, RpcCall, RpcError, RpcRequest, Session, SignalPart, start_rpc};
pub use serial::{Parity, SerialLine, SerialSettings};
pub use settings::{Settings, StartError};
pub use tcp::{FlapLimit, TcpClientSettings, TcpServerSettings};
pub use udp::UdpSettings;

/// Starts interface number `index` (the caller's numbering, repeated in its notices). It runs until the handle is
/// dropped or the receiver of `notices` is. Must be called within a tokio runtime.
pub async fn start(
    index: usize,
    settings: Settings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    match settings {
        Settings::TcpServer(settings) => tcp::start_server(index, settings, notices).await,
        Settings::TcpClient(settings) => tcp::start_client(index, settings, notices),
        Settings::Backbone(settings) => backbone::start(index, settings, notices).await,
        Settings::Auto(settings) => auto::start(index, settings, notices),
        Settings::I2p(settings) => i2p::start(index, settings, notices),
        Settings::LocalServer(settings) => local::start_server(index, settings, notices).await,
        Settings::LocalClient(settings) => Ok(local::start_client(index, settings, notices)),
        Settings::Udp(settings) => udp::start(index, settings, notices).await,
        Settings::Pipe(settings) => pipe::start(index, settings, notices),
        Settings::Serial(settings) => serial::start(index, settings, notices),
        Settings::Kiss(settings) => kiss::start(index, settings, notices),
        Settings::Rnode(settings) => rnode::start(index, settings, notices),
    }
}

/// A running interface. Dropping it stops its tasks and closes its media, of which no further notice tells.
#[derive(Debug)]
pub struct InterfaceHandle {
    task: AbortHandle,
    local_address: Option<SocketAddr>,
    refused: Arc<AtomicU64>,
}

impl InterfaceHandle {
    /// The address that a listening interface is bound to.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// Connections that were closed because there were too many, or too many from one address.
    pub fn connections_refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn new(task: AbortHandle) -> Self {
        Self { task, local_address: None, refused: Arc::default() }
    }
}

impl Drop for InterfaceHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
