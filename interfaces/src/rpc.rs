//! The RPC of a shared instance: what `rnstatus`, `rnpath`, `rnprobe` and programs that share the node ask of it
//! (interfaces.md section 13.2). The protocol and what is asked are in `session` and `request`, without input and output;
//! the node answers.

mod request;
mod session;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use request::{RequestError, RpcRequest, SignalPart};
pub use session::{RpcError, Session};

use crate::local::{Listener, LocalPlace};
use crate::{InterfaceHandle, StartError};

/// Connections served at a time; a further one waits, for at most [`PATIENCE`].
const CONNECTIONS_MAX: usize = 32;
/// From connecting to the answer. Programs ask for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// A request fits, and so does the handshake.
const READ_BYTES: usize = 1024;

/// One question, for the node to answer.
#[derive(Debug)]
pub struct RpcCall {
    /// What is asked.
    pub request: RpcRequest,
    /// Takes the answer as MessagePack. Dropping it closes the connection without one.
    pub answer: oneshot::Sender<Vec<u8>>,
}

/// Answers at `place` those who know `key`, by way of `calls`, until the handle is dropped. Must be called within a tokio
/// runtime.
pub async fn start_rpc(
    place: &LocalPlace,
    key: Vec<u8>,
    calls: mpsc::Sender<RpcCall>,
) -> Result<InterfaceHandle, StartError> {
    let listener = Listener::bind(place).await?;
    Ok(InterfaceHandle::new(tokio::spawn(serve(listener, key.into(), calls)).abort_handle()))
}

async fn serve(listener: Listener, key: Arc<[u8]>, calls: mpsc::Sender<RpcCall>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Dropped with this future, and then the connections end too.
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let (reader, writer) = tokio::select! {
            ends = listener.accept() => ends,
            () = calls.closed() => return,
        };
        while connections.try_join_next().is_some() {}
        let (key, calls) = (Arc::clone(&key), calls.clone());
        connections.spawn(async move {
            // A connection that breaks concerns nobody but its client, who sees it.
            let _ = timeout(PATIENCE, answer_one(reader, writer, &key, &calls)).await;
            drop(place);
        });
    }
}

async fn answer_one(
    mut reader: impl AsyncReadExt + Unpin,
    mut writer: impl AsyncWriteExt + Unpin,
    key: &[u8],
    calls: &mpsc::Sender<RpcCall>,
) -> std::io::Result<()> {
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let mut session = Session::new(key, random);
    let mut bytes = [0; READ_BYTES];
    let body = loop {
        writer.write_all(&session.take_output()).await?;
        let len = reader.read(&mut bytes).await?;
        if len == 0 {
            return Ok(());
        }
        match session.handle_bytes(&bytes[..len]) {
            Ok(Some(body)) => break body,
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "RPC refused");
                return writer.write_all(&session.take_output()).await;
            }
        }
    };
    let request = match RpcRequest::parse(&body) {
        Ok(request) => request,
        Err(error) => {
            tracing::debug!(%error, "RPC not understood");
            return Ok(());
        }
    };
    let (answer, answered) = oneshot::channel();
    if calls.send(RpcCall { request, answer }).await.is_ok()
        && let Ok(answer) = answered.await
    {
        session.answer(&answer);
        writer.write_all(&session.take_output()).await?;
    }
    Ok(())
}
