//! The desk on which the devices stand: terminals, clock and channel together. One task owns the devices and the channel.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lora_channel::{Channel, Event, Terrain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::device::Device;
use crate::terminal::Terminal;

/// Pieces of a host's bytes that wait for the devices, and of a device's bytes that wait for its host.
const PIECES_MAX: usize = 64;
const PIECE_LEN: usize = 1024;
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How the virtual radios are.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who hears whom; there is a radio for each row.
    pub terrain: Terrain,
    /// Of all chance. The same seed gives another run nevertheless, since hosts do not keep time exactly.
    pub seed: u64,
    /// How many times faster than real the channel is; above zero.
    pub speed: f64,
    /// A folder in which terminals are named `radio0`, `radio1` and so on.
    pub names: Option<PathBuf>,
}

/// Devices that stand ready.
#[derive(Debug)]
pub struct Desk {
    options: Options,
    terminals: Vec<Terminal>,
}

impl Desk {
    /// Opens the terminals. Hosts may open them already; they are answered once [`Desk::serve`] runs.
    pub fn open(options: Options) -> io::Result<Self> {
        if let Some(folder) = &options.names {
            std::fs::create_dir_all(folder)?;
        }
        let name = |radio| options.names.as_ref().map(|folder| folder.join(format!("radio{radio}")));
        let terminals = (0..options.terrain.radios())
            .map(|radio| Terminal::open(name(radio).as_deref()))
            .collect::<io::Result<_>>()?;
        Ok(Self { options, terminals })
    }

    /// What hosts open, one path for each radio.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.terminals.iter().map(Terminal::path)
    }

    /// Serves hosts until `stop` is ready. `log` is told what happens on the air, and at which time of the channel.
    pub async fn serve(
        self,
        stop: impl Future<Output = ()>,
        mut log: impl FnMut(Duration, &Event),
    ) -> io::Result<()> {
        let (heard, mut bytes) = mpsc::channel(PIECES_MAX);
        let mut tasks = JoinSet::new();
        let mut lines = Vec::new();
        for (radio, terminal) in self.terminals.iter().enumerate() {
            lines.push(start_line(radio, terminal, heard.clone(), &mut tasks)?);
        }
        let mut air = Air::new(&self.options);
        let mut reports = interval(REPORT_EVERY);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            let due = air.due();
            tokio::select! {
                () = &mut stop => return Ok(()),
                Some((radio, piece)) = bytes.recv() => air.hear(radio, &piece, &self.terminals),
                () = until(due) => air.advance(),
                _ = reports.tick() => {
                    self.terminals.iter().for_each(Terminal::admit);
                    air.report();
                }
            }
            air.deliver(&lines, &mut log);
        }
    }
}

/// Carries bytes between a terminal and the desk. A host that does not read loses what is too much.
fn start_line(
    radio: usize,
    terminal: &Terminal,
    heard: mpsc::Sender<(usize, Vec<u8>)>,
    tasks: &mut JoinSet<()>,
) -> io::Result<mpsc::Sender<Vec<u8>>> {
    let (mut reader, mut writer) = terminal.split()?;
    let (line, mut said) = mpsc::channel::<Vec<u8>>(PIECES_MAX);
    tasks.spawn(async move {
        let mut piece = vec![0; PIECE_LEN];
        while let Ok(read) = reader.read(&mut piece).await {
            if read == 0 || heard.send((radio, piece[..read].to_vec())).await.is_err() {
                return;
            }
        }
    });
    tasks.spawn(async move {
        while let Some(piece) = said.recv().await {
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
    });
    Ok(line)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Devices, channel, and the clock of both.
struct Air {
    channel: Channel,
    devices: Vec<Device>,
    started: Instant,
    speed: f64,
}

impl Air {
    fn new(options: &Options) -> Self {
        let devices = (0..options.terrain.radios()).map(Device::new).collect();
        let channel = Channel::new(options.terrain.clone(), options.seed);
        Self { channel, devices, started: Instant::now(), speed: options.speed }
    }

    /// The time of the channel.
    fn now(&self) -> Duration {
        self.started.elapsed().mul_f64(self.speed)
    }

    fn due(&self) -> Option<Instant> {
        self.channel.poll_timeout().map(|due| self.started + due.div_f64(self.speed))
    }

    fn advance(&mut self) {
        self.channel.handle_timeout(self.now());
    }

    fn hear(&mut self, radio: usize, piece: &[u8], terminals: &[Terminal]) {
        let now = self.now();
        let had_host = self.devices[radio].has_host();
        self.devices[radio].handle_bytes(now, &mut self.channel, piece);
        if had_host != self.devices[radio].has_host() {
            terminals[radio].forget_unread();
        }
    }

    fn report(&mut self) {
        let now = self.now();
        self.devices.iter_mut().for_each(|device| device.report(now, &self.channel));
    }

    /// Gives devices what came from the air, and hosts what their devices say.
    fn deliver(&mut self, lines: &[mpsc::Sender<Vec<u8>>], log: &mut impl FnMut(Duration, &Event)) {
        let now = self.now();
        while let Some(event) = self.channel.poll_event() {
            log(now, &event);
            self.devices.iter_mut().for_each(|device| device.handle_event(&event));
        }
        for (device, line) in self.devices.iter_mut().zip(lines) {
            let output = device.take_output();
            if !output.is_empty() {
                _ = line.try_send(output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use interfaces::framing::rnode::{DETECT_SEQUENCE, Request};
    use lora_channel::Signal;
    use tokio::sync::oneshot;

    use super::*;

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    /// Reads until `end` has come.
    fn read_until(host: &mut File, end: &[u8]) -> Vec<u8> {
        let (mut read, mut byte) = (Vec::new(), [0]);
        while !read.ends_with(end) {
            host.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
        }
        read
    }

    fn switch_on(host: &mut File) {
        host.write_all(&DETECT_SEQUENCE).unwrap();
        read_until(host, &[0xc0, 0x49, 0x81, 0xc0]);
        let mut wire = Vec::new();
        for request in [
            Request::Frequency(867_200_000),
            Request::Bandwidth(125_000),
            Request::TxPower(7),
            Request::SpreadingFactor(8),
            Request::Radio(true),
        ] {
            request.encode(&mut wire);
        }
        host.write_all(&wire).unwrap();
        read_until(host, &[0xc0, 0x06, 0x01, 0xc0, 0xc0, 0x06, 0x01, 0xc0]);
    }

    #[test]
    fn hosts_come_go_and_come_back_at_named_terminals() {
        let folder = std::env::temp_dir().join(format!("virtual-radio-{}", std::process::id()));
        let terrain = Terrain::even(2, Signal { rssi_dbm: -100, loss_permille: 0 });
        let options = Options { terrain, seed: 1, speed: 20.0, names: Some(folder.clone()) };
        let desk = Desk::open(options).unwrap();
        let paths: Vec<PathBuf> = desk.paths().map(Path::to_path_buf).collect();
        assert_eq!(paths, [folder.join("radio0"), folder.join("radio1")]);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let mut sent = 0;
            let count = |_, event: &Event| sent += usize::from(matches!(event, Event::Sent { .. }));
            runtime.block_on(desk.serve(async { drop(stopped.await) }, count)).unwrap();
            sent
        });
        for round in 1..=2 {
            let [mut one, mut other] = [&paths[0], &paths[1]].map(|path| open(path));
            [&mut one, &mut other].into_iter().for_each(switch_on);
            one.write_all(&[0xc0, 0x00, round, round, round, 0xc0]).unwrap();
            let heard = read_until(&mut other, &[0xc0, 0x00, round, round, round, 0xc0]);
            assert!(heard.windows(4).any(|bytes| bytes == [0xc0, 0x23, 57, 0xc0]), "{heard:02x?}");
        }
        drop(stop);
        assert_eq!(thread.join().unwrap(), 2);
        assert!(!folder.join("radio0").exists(), "names go with their terminals");
        std::fs::remove_dir(folder).unwrap();
    }
}
