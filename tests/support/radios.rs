//! Virtual radios on a thread of their own, in real time.

use std::thread::JoinHandle;

use lora_channel::{Signal, Terrain};
use tokio::sync::oneshot;
use virtual_radio::{Desk, Options};

/// The settings of every radio in the tests, as the ecosystem's configuration has them.
pub(crate) const STOCK_SETTINGS: &str = "    frequency = 867200000\n    bandwidth = 125000\n    txpower = 7\n    \
                                         spreadingfactor = 8\n    codingrate = 5\n";

/// Radios that all hear each other well. Dropping them ends the thread.
pub(crate) struct Radios {
    /// What a program opens as a serial port.
    pub(crate) ports: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Radios {
    /// So many radios, of which chance takes nothing.
    pub(crate) fn start(count: usize) -> Self {
        let terrain = Terrain::even(count, Signal { rssi_dbm: -90, loss_permille: 0 });
        let options = Options { terrain, seed: 1, speed: 1.0, names: None };
        let desk = Desk::open(options).expect("the system has pseudo-terminals");
        let ports = desk.paths().map(|path| path.to_str().expect("a path in ASCII").to_owned()).collect();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let stopped = async { drop(stopped.await) };
            runtime.block_on(desk.serve(stopped, |_, _| {})).expect("the terminals serve");
        });
        Self { ports, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Radios {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
