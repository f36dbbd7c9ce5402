//! One open byte stream as a medium: what TCP connections, serial ports and pipes have in common.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::framing::{Decode, Encode};
use crate::{CREDITS, FRAME_BATCH_BYTES, FrameBatch, MediumId, Notice, Properties};

/// A medium that takes none of our bytes for this long is dead. The same as TCP's user timeout (interfaces.md
/// section 4), for systems and streams that have none.
const WRITE_STALL_MAX: Duration = Duration::from_secs(24);

thread_local! {
    /// Bytes are decoded in the same poll that reads them, so all media of a thread share one read buffer, and an idle
    /// connection owns none.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; FRAME_BATCH_BYTES].into_boxed_slice());
}

/// The node dropped its receiver: the driver has nobody to work for.
#[derive(Debug)]
pub(crate) struct NodeGone;

impl<T> From<mpsc::error::SendError<T>> for NodeGone {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self
    }
}

/// What the node is told of a stream.
pub(crate) struct Medium {
    pub(crate) interface: usize,
    pub(crate) label: String,
    pub(crate) properties: Properties,
    /// A frame whose bytes stop coming for this long is given up; `None` where bytes do not get lost.
    pub(crate) inter_byte_timeout: Option<Duration>,
}

/// Carries frames between a stream and the node until either ends, and tells the node of both ends. Returns why the
/// stream ended.
pub(crate) async fn run<R, W>(
    (reader, decoder): (R, impl Decode),
    (writer, encoder): (W, impl Encode),
    medium: Medium,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (frames, outgoing) = mpsc::channel(CREDITS);
    let Medium { interface, label, properties, inter_byte_timeout } = medium;
    let medium = MediumId::next();
    notices.send(Notice::Opened { medium, interface, label, properties, frames }).await?;
    let reason = tokio::select! {
        reason = read_frames(reader, decoder, medium, inter_byte_timeout, notices) => reason,
        reason = write_frames(writer, encoder, medium, outgoing, notices) => reason,
    }?;
    notices.send(Notice::Closed { medium, reason: reason.clone() }).await?;
    Ok(reason)
}

async fn read_frames(
    mut reader: impl AsyncRead + Unpin,
    mut decoder: impl Decode,
    medium: MediumId,
    inter_byte_timeout: Option<Duration>,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    loop {
        let mut batch = FrameBatch::new();
        let patience = inter_byte_timeout.filter(|_| decoder.is_inside());
        let reading = read_batch(&mut reader, &mut decoder, &mut batch);
        let read = match patience {
            None => Some(reading.await),
            Some(patience) => timeout(patience, reading).await.ok(),
        };
        match read {
            Some(Ok(0)) => return Ok("closed by the other side".to_owned()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Ok(error.to_string()),
            None => {
                decoder.abandon();
                batch.add_violation();
            }
        }
        if !batch.is_empty() || batch.violations() > 0 {
            notices.send(Notice::Frames { medium, batch }).await?;
        }
    }
}

/// One read, decoded: the number of bytes read, zero at the end of the stream.
async fn read_batch(
    reader: &mut (impl AsyncRead + Unpin),
    decoder: &mut impl Decode,
    batch: &mut FrameBatch,
) -> io::Result<usize> {
    std::future::poll_fn(|cx| {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *reader).poll_read(cx, &mut buffer))?;
            decoder.decode(buffer.filled(), batch);
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

async fn write_frames(
    mut writer: impl AsyncWrite + Unpin,
    encoder: impl Encode,
    medium: MediumId,
    mut outgoing: mpsc::Receiver<FrameBatch>,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    let mut wire = Vec::new();
    while let Some(mut batch) = outgoing.recv().await {
        batch.iter().for_each(|frame| encoder.encode(frame, &mut wire));
        match timeout(WRITE_STALL_MAX, writer.write_all(&wire)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ok(error.to_string()),
            Err(_) => return Ok(format!("took no data for {} s", WRITE_STALL_MAX.as_secs())),
        }
        wire.clear();
        batch.clear();
        notices.send(Notice::Sent { medium, batch }).await?;
    }
    Ok("closed by this node".to_owned())
}
