//! One stream over I2P at work: the network has no keepalives of its own, so both ends say something every ten seconds, and
//! who is silent for long is gone (interfaces.md section 14).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

use crate::framing::{Encode, IFAC_SIZE_MAX, hdlc};
use crate::stream::{self, FrameWriter, Medium, NodeGone, write_all};
use crate::{FrameBatch, Notice, Properties};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 256_000;
/// interfaces.md section 1.2.
const HW_MTU: usize = 1064;
const IFAC_SIZE: usize = 16;
/// A tenth of a second at the assumed bitrate.
const BATCH_BYTES: usize = 3_200;

/// Silence of ours after which a frame of nothing is sent.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE: &[u8] = &[0x7e, 0x7e];
/// Silence of theirs after which the stream is given up.
const SILENCE_MAX: Duration = Duration::from_secs(110);

const PROPERTIES: Properties = Properties {
    bitrate_bps: BITRATE_BPS,
    hw_mtu: HW_MTU,
    mtu_capable: false,
    shared_medium: false,
    ifac_size_default: IFAC_SIZE,
    batch_bytes: BATCH_BYTES,
};

/// Carries frames over an open stream until it ends, or `stop` does.
pub(crate) async fn carry(
    mut stream: TcpStream,
    interface: usize,
    label: String,
    stop: impl Future<Output = String>,
    notices: &mpsc::Sender<Notice>,
) -> Result<String, NodeGone> {
    let medium = Medium { interface, label, properties: PROPERTIES, inter_byte_timeout: None };
    let (reader, writer) = stream.split();
    let decoder = hdlc::Decoder::new(HW_MTU + IFAC_SIZE_MAX);
    stream::run_until(Impatient::new(reader), decoder, Talkative::new(writer), medium, stop, notices).await
}

/// A reader that fails after a long silence.
struct Impatient<R> {
    reader: R,
    silence: Pin<Box<Sleep>>,
}

impl<R> Impatient<R> {
    fn new(reader: R) -> Self {
        Self { reader, silence: Box::pin(sleep(SILENCE_MAX)) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Impatient<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.reader).poll_read(cx, buffer);
        if read.is_ready() {
            this.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
            return read;
        }
        this.silence.as_mut().poll(cx).map(|()| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the other side has been silent for 110 s"))
        })
    }
}

/// A writer that says something when it has been silent.
struct Talkative<W> {
    stream: W,
    wire: Vec<u8>,
    spoke_at: Instant,
}

impl<W: AsyncWrite + Unpin> Talkative<W> {
    fn new(stream: W) -> Self {
        Self { stream, wire: Vec::new(), spoke_at: Instant::now() }
    }

    async fn say(&mut self) -> io::Result<()> {
        self.spoke_at = Instant::now();
        write_all(&mut self.stream, &self.wire).await
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter for Talkative<W> {
    async fn write(&mut self, frames: &FrameBatch) -> io::Result<()> {
        self.wire.clear();
        frames.iter().for_each(|frame| hdlc::Encoder.encode(frame, &mut self.wire));
        self.say().await
    }

    fn chore_at(&self) -> Option<Instant> {
        Some(self.spoke_at + KEEPALIVE_AFTER)
    }

    async fn do_chore(&mut self) -> io::Result<()> {
        self.wire.clear();
        self.wire.extend_from_slice(KEEPALIVE);
        self.say().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_has_been_silent_for_ten_seconds_says_something() {
        let (near, mut far) = duplex(1000);
        let mut writer = Talkative::new(near);
        let start = Instant::now();
        assert_eq!(writer.chore_at(), Some(start + KEEPALIVE_AFTER));
        sleep(Duration::from_secs(9)).await;
        let mut batch = FrameBatch::new();
        batch.push(&[1; 20]);
        writer.write(&batch).await.unwrap();
        assert_eq!(writer.chore_at(), Some(start + Duration::from_secs(19)));
        sleep(KEEPALIVE_AFTER).await;
        writer.do_chore().await.unwrap();
        let mut said = [0; 24];
        far.read_exact(&mut said).await.unwrap();
        assert_eq!((said[0], &said[21..]), (0x7e, &[0x7e, 0x7e, 0x7e][..]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_of_110_seconds_ends_the_stream() {
        let (near, mut far) = duplex(1000);
        let mut reader = Impatient::new(near);
        let start = Instant::now();
        sleep(Duration::from_secs(100)).await;
        far.write_all(KEEPALIVE).await.unwrap();
        reader.read_exact(&mut [0; 2]).await.unwrap();
        let error = reader.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), Duration::from_secs(210));
    }
}
