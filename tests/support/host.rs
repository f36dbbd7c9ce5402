//! A bare Reticulum node on one real interface: the smallest driver that works, for tests of the protocol alone.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use interfaces::{CREDITS, FrameBatch, MediumId, Notice, Settings};
use reticulum::node::{Event, InterfaceConfig, InterfaceId, Node, NodeConfig, Output, WorkClass, WorkDone};
use reticulum::time::{Instant, UnixTime};
use tokio::sync::mpsc;

type Command = Box<dyn FnOnce(&mut Node, Instant) + Send>;

/// How long a host may take for what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node on a thread of its own. Dropping it ends the thread.
pub(crate) struct Host {
    commands: mpsc::UnboundedSender<Command>,
    events: Receiver<Event>,
}

struct Medium {
    interface: InterfaceId,
    frames: mpsc::Sender<FrameBatch>,
    credits: usize,
}

struct Driver {
    node: Node,
    started: std::time::Instant,
    media: HashMap<MediumId, Medium>,
    mtu_max: usize,
    /// Where threads with heavy work report.
    done: mpsc::UnboundedSender<WorkDone>,
}

impl Host {
    /// Starts a node on one interface.
    pub(crate) fn start(settings: Settings, seed: u8) -> Self {
        Self::start_with_mtu(settings, seed, usize::MAX)
    }

    /// As [`Host::start`], with packets of at most `mtu_max` bytes on the interface, as on a radio.
    pub(crate) fn start_with_mtu(settings: Settings, seed: u8, mtu_max: usize) -> Self {
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (event_sender, events) = channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve(settings, seed, mtu_max, command_queue, event_sender));
        });
        Self { commands, events }
    }

    /// Runs `command` on the node.
    pub(crate) fn with<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Node, Instant) -> T + Send + 'static,
    ) -> T {
        let (sender, answer) = channel();
        let run = move |node: &mut Node, now| drop(sender.send(command(node, now)));
        assert!(self.commands.send(Box::new(run)).is_ok(), "the host has ended");
        answer.recv().expect("the host has ended")
    }

    /// Takes the first event for which `pick` gives something; others are passed over.
    pub(crate) fn wait<T>(&self, what: &str, pick: impl FnMut(&Event) -> Option<T>) -> T {
        self.wait_within(PATIENCE, pick).unwrap_or_else(|| panic!("no {what} within {PATIENCE:?}"))
    }

    /// The same within `patience`; none if there was no such event.
    pub(crate) fn wait_within<T>(
        &self,
        patience: Duration,
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> Option<T> {
        let end = std::time::Instant::now() + patience;
        loop {
            match self.events.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
                Ok(event) => {
                    if let Some(found) = pick(&event) {
                        return Some(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("the host ended"),
            }
        }
    }
}

async fn serve(
    settings: Settings,
    seed: u8,
    mtu_max: usize,
    mut commands: mpsc::UnboundedReceiver<Command>,
    events: std::sync::mpsc::Sender<Event>,
) {
    let (notice_sender, mut notices) = mpsc::channel(16);
    let _interface = interfaces::start(0, settings, notice_sender).await.expect("the interface starts");
    let mut rng = reticulum::crypto::Rng::from_seed([seed; 32]);
    let config = NodeConfig::new(std::sync::Arc::new(reticulum::crypto::Identity::generate(&mut rng)));
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let node = Node::new(config, rng.bytes(), Instant::ZERO, UnixTime::from_micros(unix.as_micros() as u64));
    let (done_sender, mut done) = mpsc::unbounded_channel();
    let mut driver = Driver {
        node,
        started: std::time::Instant::now(),
        media: HashMap::new(),
        mtu_max,
        done: done_sender,
    };
    loop {
        driver.drain(&events);
        let deadline = driver.node.poll_timeout().map(|at| driver.started + at.since(Instant::ZERO));
        let timer = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            work = done.recv() => {
                let now = driver.now();
                driver.node.handle_work_done(now, work.expect("the driver holds a sender"));
            }
            notice = notices.recv() => driver.notice(notice.expect("the interface lives")),
            command = commands.recv() => match command {
                Some(command) => {
                    let now = driver.now();
                    command(&mut driver.node, now);
                }
                None => return,
            },
            () = timer => driver.node.handle_timeout(driver.now()),
        }
    }
}

impl Driver {
    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    fn notice(&mut self, notice: Notice) {
        let now = self.now();
        match notice {
            Notice::Opened { medium, label, properties, frames, .. } => {
                let interface = self.node.add_interface(
                    now,
                    InterfaceConfig {
                        name: label,
                        bitrate_bps: properties.bitrate_bps,
                        hw_mtu: properties.hw_mtu.min(self.mtu_max),
                        mtu_capable: properties.mtu_capable && self.mtu_max >= properties.hw_mtu,
                        shared_medium: properties.shared_medium,
                        ingress_control: false,
                        ..InterfaceConfig::default()
                    },
                );
                self.node.handle_interface_up(now, interface);
                self.media.insert(medium, Medium { interface, frames, credits: CREDITS });
            }
            Notice::Frames { medium, batch } => {
                let interface = self.media[&medium].interface;
                batch.iter().for_each(|frame| self.node.handle_frame(now, interface, frame));
            }
            Notice::Sent { medium, .. } => {
                if let Some(medium) = self.media.get_mut(&medium) {
                    medium.credits += 1;
                }
            }
            Notice::Closed { medium, .. } => {
                if let Some(medium) = self.media.remove(&medium) {
                    self.node.remove_interface(now, medium.interface);
                }
            }
            Notice::Ready { .. } | Notice::Waiting { .. } | Notice::Radio { .. } => {}
        }
    }

    fn drain(&mut self, events: &std::sync::mpsc::Sender<Event>) {
        let now = self.now();
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Event(event) => drop(events.send(event)),
                Output::Work(work) if work.class() == WorkClass::Heavy => {
                    let done = self.done.clone();
                    std::thread::spawn(move || drop(done.send(work.run())));
                }
                Output::Work(work) => self.node.handle_work_done(now, work.run()),
                Output::Persist(persist) => {
                    persist.id().into_iter().for_each(|id| self.node.handle_persisted(now, id));
                }
            }
        }
        for medium in self.media.values_mut() {
            while medium.credits > 0 {
                let mut batch = FrameBatch::new();
                while !batch.is_full()
                    && batch.push_with(|out| self.node.poll_transmit(now, medium.interface, out))
                {
                }
                if batch.is_empty() {
                    break;
                }
                medium.credits -= 1;
                let _ = medium.frames.try_send(batch);
            }
        }
    }
}
