//! The control socket, `DIR/control.sock`: how messages are framed on it, and the server's half of a connection. What
//! the calls mean is the dispatcher's; the client's half is in [`super::client`].
//!
//! Each message travels behind its length as four bytes, big-endian. Answers come in the order of the requests.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use proto::v1::{self, ErrorCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::error::error;

/// Name of the socket within the data folder.
pub const SOCKET_NAME: &str = "control.sock";

/// The longest request that the server reads: a message with the largest attachments that a group can be set to take. It
/// closes the connection of whoever sends a longer one.
pub const REQUEST_BYTES_MAX: usize = 17 * 1024 * 1024;

/// The longest answer that a client reads: a page of at most 1 MiB, and a status with many interfaces.
pub const RESPONSE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Connections served at a time; another one waits until one of these ends.
const CONNECTIONS_MAX: usize = 16;

/// How long a connection may say nothing, so that a forgotten one does not hold its place.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// One call of the local operator, for the event loop to answer.
#[derive(Debug)]
pub struct Call {
    /// Name or leading digits of a hash of the group that it is for; empty for the first.
    pub group: String,
    /// `/api/v1/...` or `/control/v1/...`.
    pub path: String,
    /// The encoded request message.
    pub body: Vec<u8>,
    /// Takes the encoded response message. Dropping it answers with an internal error.
    pub answer: oneshot::Sender<Vec<u8>>,
}

/// Opens the socket in `folder` for the owner of the process only, in the place of what a killed process left there.
///
/// The caller holds the lock of the folder, so no living process loses its socket.
pub fn bind(folder: &Path) -> io::Result<UnixListener> {
    let (path, unready) = (folder.join(SOCKET_NAME), folder.join("control.sock.new"));
    match std::fs::remove_file(&unready) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Nobody finds the socket before its mode is right.
    let listener = UnixListener::bind(&unready)?;
    std::fs::set_permissions(&unready, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&unready, &path)?;
    Ok(listener)
}

/// Accepts connections for as long as `calls` has a receiver, and hands on what they ask.
pub async fn serve(listener: UnixListener, calls: mpsc::Sender<Call>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = calls.closed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let calls = calls.clone();
                tokio::spawn(async move {
                    // A connection that breaks concerns nobody but its client, who sees it.
                    let _ = serve_connection(stream, &calls).await;
                    drop(place);
                });
            }
            // Out of file descriptors: accepting again at once would only spin.
            Err(error) => {
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn serve_connection(mut stream: UnixStream, calls: &mpsc::Sender<Call>) -> io::Result<()> {
    while let Ok(prefix) = timeout(IDLE_MAX, stream.read_u32()).await {
        let mut bytes = vec![0; frame_len(prefix?.to_be_bytes(), REQUEST_BYTES_MAX)?];
        timeout(IDLE_MAX, stream.read_exact(&mut bytes)).await??;
        let response = answer(&bytes, calls).await;
        timeout(IDLE_MAX, stream.write_all(&encode_frame(&response))).await??;
    }
    Ok(())
}

async fn answer(request: &[u8], calls: &mpsc::Sender<Call>) -> v1::ControlResponse {
    let Ok(v1::ControlRequest { path, body, group }) = v1::ControlRequest::decode(request) else {
        return refusal(ErrorCode::Malformed, "not a ControlRequest");
    };
    let (answer, answered) = oneshot::channel();
    let _ = calls.send(Call { group, path, body, answer }).await;
    match answered.await {
        Ok(body) => v1::ControlResponse { body, error: None },
        Err(_) => refusal(ErrorCode::Internal, "the node is stopping"),
    }
}

fn refusal(code: ErrorCode, text: &str) -> v1::ControlResponse {
    v1::ControlResponse { body: Vec::new(), error: Some(error(code, text)) }
}

/// A message behind its length.
pub(super) fn encode_frame(message: &impl Message) -> Vec<u8> {
    let length = message.encoded_len();
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    message.encode(&mut frame).expect("a Vec takes any length");
    frame
}

/// The length that a frame's prefix announces, if it is at most `max`.
pub(super) fn frame_len(prefix: [u8; 4], max: usize) -> io::Result<usize> {
    let length = u32::from_be_bytes(prefix) as usize;
    if length > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    Ok(length)
}
