//! One open byte stream as a medium: what TCP connections, serial ports and pipes have in common.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::framing::{Decode, Encode};
use crate::{CREDITS, FRAME_BATCH_BYTES, FrameBatch, MediumId, Notice, Properties, RadioReport};

/// A stream that takes not a single byte for this long is dead. The same as TCP's user timeout (interfaces.md
/// section 4), for systems and streams that have none.
const WRITE_STALL_MAX: Duration = Duration::from_secs(24);

/// What a medium keeps of its write buffer between batches, so that a hundred idle connections stay small.
const WIRE_KEPT_BYTES: usize = 4096;

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

/// The reading half of a medium. Every codec is one; a device that says more than frames has its own.
pub(crate) trait FrameReader {
    /// Takes the next bytes of the stream and appends the frames that they complete.
    fn take(&mut self, bytes: &[u8], frames: &mut FrameBatch);

    /// Whether a frame has begun and not ended.
    fn is_inside(&self) -> bool;

    /// Gives up the frame that has begun.
    fn abandon(&mut self);

    /// News of the device, if there are any since the last call.
    fn take_report(&mut self) -> Option<RadioReport> {
        None
    }

    /// Why the medium has to be closed, if the device said so.
    fn fault(&self) -> Option<String> {
        None
    }
}

impl<D: Decode> FrameReader for D {
    fn take(&mut self, bytes: &[u8], frames: &mut FrameBatch) {
        self.decode(bytes, frames);
    }

    fn is_inside(&self) -> bool {
        Decode::is_inside(self)
    }

    fn abandon(&mut self) {
        Decode::abandon(self);
    }
}

/// The writing half of a medium.
pub(crate) trait FrameWriter {
    /// Writes all frames of a batch.
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()>;

    /// When to call [`do_chore`](Self::do_chore), if no batch comes first.
    fn chore_at(&self) -> Option<Instant> {
        None
    }

    /// What is due without the node's doing: a beacon, a keep-alive.
    async fn do_chore(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes leave of the device when the node closes the medium.
    async fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a whole batch with one system call where the stream allows.
pub(crate) struct StreamWriter<W, E> {
    stream: W,
    encoder: E,
    wire: Vec<u8>,
}

impl<W, E> StreamWriter<W, E> {
    pub(crate) fn new(stream: W, encoder: E) -> Self {
        Self { stream, encoder, wire: Vec::new() }
    }
}

impl<W: AsyncWrite + Unpin, E: Encode> FrameWriter for StreamWriter<W, E> {
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()> {
        self.wire.clear();
        frames.iter().for_each(|frame| self.encoder.encode(frame, &mut self.wire));
        let written = write_all(&mut self.stream, &self.wire).await;
        self.wire.shrink_to(WIRE_KEPT_BYTES);
        written
    }
}

/// Writes all bytes, however slowly, as long as some go.
pub(crate) async fn write_all(stream: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = timeout(WRITE_STALL_MAX, stream.write(bytes))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the other side takes no data"))??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Carries frames between a stream and the node until either ends, and tells the node of both ends. Returns why the
/// stream ended.
pub(crate) async fn run(
    reader: impl AsyncRead + Unpin,
    decoder: impl FrameReader,
    writer: impl FrameWriter,
    medium: Medium,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    run_until(reader, decoder, writer, medium, std::future::pending(), notices).await
}

/// As [`run`], and until `stop` tells why to end.
pub(crate) async fn run_until(
    reader: impl AsyncRead + Unpin,
    decoder: impl FrameReader,
    writer: impl FrameWriter,
    medium: Medium,
    stop: impl Future<Output = String>,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    let (frames, outgoing) = mpsc::channel(CREDITS);
    let Medium { interface, label, properties, inter_byte_timeout } = medium;
    let medium = MediumId::next();
    notices.send(Notice::Opened { medium, interface, label, properties, frames }).await?;
    let reason = tokio::select! {
        reason = read_frames(reader, decoder, medium, inter_byte_timeout, notices) => reason,
        reason = write_frames(writer, medium, outgoing, notices) => reason,
        reason = stop => Ok(reason),
    }?;
    notices.send(Notice::Closed { medium, reason: reason.clone() }).await?;
    Ok(reason)
}

async fn read_frames(
    mut reader: impl AsyncRead + Unpin,
    mut decoder: impl FrameReader,
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
        if let Some(report) = decoder.take_report() {
            notices.send(Notice::Radio { medium, report }).await?;
        }
        if !batch.is_empty() || batch.violations() > 0 {
            notices.send(Notice::Frames { medium, batch }).await?;
        }
        if let Some(reason) = decoder.fault() {
            return Ok(reason);
        }
    }
}

/// One read, decoded: the number of bytes read, zero at the end of the stream.
async fn read_batch(
    reader: &mut (impl AsyncRead + Unpin),
    decoder: &mut impl FrameReader,
    batch: &mut FrameBatch,
) -> io::Result<usize> {
    std::future::poll_fn(|cx| {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *reader).poll_read(cx, &mut buffer))?;
            decoder.take(buffer.filled(), batch);
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

/// Writes what the node sends, gives the credits back, and does the writer's chores in between.
pub(crate) async fn write_frames(
    mut writer: impl FrameWriter,
    medium: MediumId,
    mut outgoing: mpsc::Receiver<FrameBatch>,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    loop {
        let chore_at = writer.chore_at();
        let received = tokio::select! {
            received = outgoing.recv() => received,
            () = sleep_until(chore_at.unwrap_or_else(Instant::now)), if chore_at.is_some() => {
                match writer.do_chore().await {
                    Ok(()) => continue,
                    Err(error) => return Ok(error.to_string()),
                }
            }
        };
        let Some(mut batch) = received else {
            let finished = writer.finish().await;
            return Ok(finished.map_or_else(|error| error.to_string(), |()| "closed by this node".to_owned()));
        };
        if let Err(error) = writer.write(&batch).await {
            return Ok(error.to_string());
        }
        batch.clear();
        notices.send(Notice::Sent { medium, batch }).await?;
    }
}
