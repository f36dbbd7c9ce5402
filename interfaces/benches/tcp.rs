//! Frames of 200 bytes from our TCP client to our TCP server over loopback, both in one thread: what a frame costs the
//! sending and the receiving driver together, kernel included. Alone in its batch, and among others.

use divan::Bencher;
use divan::counter::ItemsCount;
use interfaces::{
    FrameBatch, InterfaceHandle, Notice, Settings, TcpClientSettings, TcpServerSettings, start,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

fn main() {
    divan::main();
}

/// A connection between two of our drivers.
struct Line {
    runtime: Runtime,
    frames: mpsc::Sender<FrameBatch>,
    at_client: mpsc::Receiver<Notice>,
    at_server: mpsc::Receiver<Notice>,
    /// Dropping it would close the connection.
    _back: mpsc::Sender<FrameBatch>,
    _handles: [InterfaceHandle; 2],
}

impl Line {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (server_notices, mut at_server) = mpsc::channel(64);
        let (client_notices, mut at_client) = mpsc::channel(64);
        let (frames, _back, _handles) = runtime.block_on(async {
            let listen = Settings::TcpServer(TcpServerSettings::new("127.0.0.1:0"));
            let server = start(0, listen, server_notices).await.expect("a free port");
            let target = server.local_address().expect("a bound server").to_string();
            let connect = Settings::TcpClient(TcpClientSettings::new(target));
            let client = start(1, connect, client_notices).await.expect("a valid target");
            let Some(Notice::Opened { frames, .. }) = at_client.recv().await else { panic!("no connection") };
            let Some(Notice::Opened { frames: back, .. }) = at_server.recv().await else {
                panic!("no connection")
            };
            (frames, back, [server, client])
        });
        Self { runtime, frames, at_client, at_server, _back, _handles }
    }

    /// Sends a batch and waits until all of it has arrived and the credit is back, with the batch.
    fn send(&mut self, batch: FrameBatch) -> Option<FrameBatch> {
        self.runtime.block_on(async {
            let mut missing = batch.len();
            self.frames.send(batch).await.ok()?;
            while missing > 0 {
                if let Notice::Frames { batch, .. } = self.at_server.recv().await? {
                    missing -= batch.len();
                }
            }
            match self.at_client.recv().await? {
                Notice::Sent { batch, .. } => Some(batch),
                _ => None,
            }
        })
    }
}

#[divan::bench(args = [1, 10, 250])]
fn frames(bencher: Bencher, frames: usize) {
    let mut line = Line::new();
    let mut reused = Some(FrameBatch::new());
    bencher.counter(ItemsCount::new(frames)).bench_local(|| {
        let mut batch = reused.take().unwrap_or_default();
        (0..frames).for_each(|number| batch.push(&[number as u8; 200]));
        reused = line.send(batch);
    });
}
