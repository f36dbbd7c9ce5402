//! A whole session of the RNode driver on virtual time, with a device that does what the input says: answers as it should or
//! a little wrong, garbage, packets, errors, restarts, silence, a line that is stuck or cut. The node sends all the while.
//!
//! Whatever the device does: no panic, the session ends when the line does, it is on line only after each answer was right,
//! no frame is longer than an RNode's, and no more batches are with the driver than it gave credits for.
#![no_main]

use std::time::Duration;

use interfaces::framing::kiss::{self, Splitter};
use interfaces::framing::rnode::PACKET_LEN_MAX;
use interfaces::{Beacon, CREDITS, FrameBatch, LoraSettings, Notice, RnodeSettings, run_rnode};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// What waits on the line in one direction: little, so that a stuck device is felt.
const LINE_BYTES: usize = 256;
/// Things that the device does: the node sends all the while, so that hours of it would take minutes.
const STEPS_MAX: usize = 64;
/// Pieces that the device reads before it does something of its own.
const READS_MAX: usize = 16;
/// No session lasts longer than this after its line was cut, on virtual time.
const END_WITHIN: Duration = Duration::from_secs(3600);
const LORA: LoraSettings = LoraSettings {
    frequency_hz: 867_200_000,
    bandwidth_hz: 125_000,
    tx_power_dbm: 7,
    spreading_factor: 8,
    coding_rate: 5,
};

/// What of its answers is wrong, a bit for each.
#[derive(Clone, Copy)]
struct Faults(u8);

impl Faults {
    /// Those with which a driver must not go on line.
    fn are_fatal(self) -> bool {
        self.0 & 0b11_1111 != 0
    }

    fn answer(self, command: u8, data: &[u8], answers: &mut Vec<u8>) {
        let is = |bit: u8| self.0 & 1 << bit != 0;
        let mut answer = |data: &[u8]| kiss::encode(command, data, answers);
        match (command, data) {
            (0x08, _) if is(0) => {}
            (0x08, _) => answer(&[0x46]),
            (0x50, _) => answer(&[1, if is(1) { 51 } else { 86 }]),
            (0x48 | 0x49, _) => answer(&[0x80]),
            (0x01, &[a, b, c, d]) => {
                let hz = u32::from_be_bytes([a, b, c, d]) + if is(2) { 150 } else { 90 };
                answer(&hz.to_be_bytes());
            }
            (0x03, [dbm]) => answer(&[dbm - u8::from(is(3))]),
            (0x04, [factor]) => answer(&[factor + u8::from(is(4))]),
            (0x06, [on]) => answer(&[on & u8::from(!is(5))]),
            (0x0f, _) if !is(6) => answer(&[1]),
            (0x02 | 0x05 | 0x0b | 0x0c, data) => answer(data),
            _ => {}
        }
    }
}

/// Plays the device: each two bytes of the script are one thing that it does.
async fn device(mut line: impl AsyncRead + AsyncWrite + Unpin, script: &[u8], faults: Faults) {
    let mut splitter = Splitter::new(1024);
    let mut steps = script.chunks(2).take(STEPS_MAX);
    loop {
        let mut bytes = [0; 512];
        // It answers what it was told until the host is silent for a tenth of a second or has said much, and then does the
        // next thing.
        for _ in 0..READS_MAX {
            let Ok(read) = timeout(Duration::from_millis(100), line.read(&mut bytes)).await else { break };
            let Ok(read @ 1..) = read else { return };
            let mut answers = Vec::new();
            splitter.split(&bytes[..read], |command, data| faults.answer(command, data, &mut answers));
            if write(&mut line, &answers).await.is_err() {
                return;
            }
        }
        let Some(step) = steps.next() else { return };
        let argument = step.get(1).copied().unwrap_or(0);
        let mut said = Vec::new();
        match step[0] % 10 {
            0 => kiss::encode(kiss::DATA, &vec![argument; 2 * usize::from(argument)], &mut said),
            1 => said.extend([0xc0, 0x23, argument, 0xc0, 0x24, argument, 0xc0]),
            2 => kiss::encode(0x25, &[argument; 11], &mut said),
            3 => kiss::encode(0x90, &[argument % 8], &mut said),
            4 => kiss::encode(0x55, &[0xf8], &mut said),
            5 => said.extend(std::iter::repeat_n(argument, 300)),
            6 => said.extend([step[0], argument]),
            7 => kiss::encode(argument, &script[..script.len().min(40)], &mut said),
            8 => sleep(Duration::from_millis(40 * u64::from(argument))).await,
            _ => sleep(Duration::from_secs(u64::from(argument))).await, // nothing is read meanwhile
        }
        if write(&mut line, &said).await.is_err() {
            return;
        }
    }
}

/// The driver may be busy for long before it reads on, but not for ever.
async fn write(line: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    timeout(END_WITHIN, line.write_all(bytes)).await.expect("the driver reads on, or hangs up")
}

/// Plays the node: sends as much as it may, and checks what it is told. Whether the device was ever on line.
async fn node(mut notices: mpsc::Receiver<Notice>, packet_len: usize) -> bool {
    let (mut sender, mut with_driver) = (None, 0);
    let batch = || {
        let mut batch = FrameBatch::new();
        batch.push(&vec![7; packet_len]);
        batch
    };
    let mut opened = false;
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Opened { frames, .. } => {
                assert!(!opened, "opened twice");
                opened = true;
                while with_driver < CREDITS && frames.try_send(batch()).is_ok() {
                    with_driver += 1;
                }
                assert_eq!(with_driver, CREDITS);
                sender = Some(frames);
            }
            Notice::Sent { .. } => {
                assert!(with_driver > 0, "more came back than was given");
                let sender = sender.as_ref().expect("it is open");
                with_driver -= usize::from(sender.try_send(batch()).is_err());
            }
            Notice::Frames { batch, .. } => {
                assert!(opened);
                for (frame, signal) in batch.iter().zip(batch.signals()) {
                    assert!((1..=PACKET_LEN_MAX).contains(&frame.len()), "{} bytes", frame.len());
                    let signal = signal.expect("a radio tells");
                    assert!(signal.quality_percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
                }
            }
            Notice::Radio { .. } => assert!(opened),
            Notice::Closed { .. } => sender = None,
            Notice::Ready { .. } | Notice::Waiting { .. } => panic!("not of a session"),
        }
    }
    opened
}

fuzz_target!(|input: &[u8]| {
    let [options, faults, len, script @ ..] = input else { return };
    // Most devices have no fault, or most sessions would end before they begin.
    let faults = Faults(if options & 0b11 == 0 { *faults } else { faults & 0b100_0000 });
    let settings = RnodeSettings {
        flow_control: options & 4 != 0,
        airtime_limit_long_percent: (options & 8 != 0).then_some(10.0),
        beacon: (options & 16 != 0)
            .then(|| Beacon { callsign: "NO1CLR".to_owned(), interval: Duration::from_secs(60) }),
        ..RnodeSettings::new("a line", LORA)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (ours, theirs) = duplex(LINE_BYTES);
        let (sender, receiver) = mpsc::channel(4);
        let session = async {
            let ended = run_rnode(0, settings, ours, &sender).await;
            drop(sender);
            ended
        };
        let whole = async {
            tokio::join!(session, node(receiver, usize::from(*len) * 2), device(theirs, script, faults))
        };
        let (ended, opened, ()) = timeout(2 * END_WITHIN * 24, whole).await.expect("it ends");
        assert!(ended.is_some_and(|reason| !reason.is_empty()), "the reason is told");
        assert!(!opened || !faults.are_fatal(), "on line with a device that is wrong");
    });
});
