//! The driver against an emulated RNode (interfaces.md section 10.9) on paused time, and once over a pseudo-terminal.

mod emulator;

use reticulum::node::Signal;
use tokio::io::duplex;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use self::emulator::{Emulator, Heard};
use super::*;
use crate::pty::{Desk, next, opened};
use crate::{FrameBatch, MediumId, RadioReport};

const LORA: LoraSettings = LoraSettings {
    frequency_hz: 867_200_000,
    bandwidth_hz: 125_000,
    tx_power_dbm: 7,
    spreading_factor: 8,
    coding_rate: 5,
};

/// A driver that runs one session with an emulated device.
struct Lab {
    heard: Heard,
    device: mpsc::Sender<Vec<u8>>,
    notices: Receiver<Notice>,
    session: tokio::task::JoinHandle<Ended>,
}

struct OnLine {
    medium: MediumId,
    frames: mpsc::Sender<FrameBatch>,
}

fn lab(emulator: Emulator, settings: RnodeSettings, timing: Timing) -> Lab {
    let (ours, theirs) = duplex(4096);
    let (device, heard) = emulator.run(theirs);
    let (sender, notices) = mpsc::channel(16);
    let rnode = Rnode { interface: 9, settings };
    let session = tokio::spawn(async move { rnode.carry(ours, timing, &sender).await.expect("we are here") });
    Lab { heard, device, notices, session }
}

fn usual_lab() -> Lab {
    lab(Emulator::default(), RnodeSettings::new("lab", LORA), SERIAL_TIMING)
}

impl Lab {
    async fn next(&mut self) -> Notice {
        timeout(Duration::from_secs(600), self.notices.recv()).await.expect("a notice in time").unwrap()
    }

    async fn on_line(&mut self) -> OnLine {
        match self.next().await {
            Notice::Opened { medium, interface: 9, frames, properties, .. } => {
                assert_eq!(
                    (properties.bitrate_bps, properties.hw_mtu, properties.batch_bytes),
                    (3125, 508, 1)
                );
                OnLine { medium, frames }
            }
            other => panic!("expected Opened, got {other:?}"),
        }
    }

    async fn report(&mut self) -> RadioReport {
        match self.next().await {
            Notice::Radio { report, .. } => report,
            other => panic!("expected Radio, got {other:?}"),
        }
    }

    async fn closed(&mut self) -> String {
        loop {
            match self.next().await {
                Notice::Closed { reason, .. } => return reason,
                Notice::Radio { .. } => {}
                other => panic!("expected Closed, got {other:?}"),
            }
        }
    }

    async fn refused(self) -> String {
        match self.session.await.unwrap() {
            Ended::NotOpened(reason) => reason,
            Ended::Closed(reason) => panic!("it was opened, and then: {reason}"),
        }
    }

    async fn say(&self, bytes: &[u8]) {
        self.device.send(bytes.to_vec()).await.unwrap();
    }
}

fn one(packet: &[u8]) -> FrameBatch {
    let mut batch = FrameBatch::new();
    batch.push(packet);
    batch
}

#[tokio::test(start_paused = true)]
async fn the_start_up_is_the_verified_sequence() {
    let settings = RnodeSettings {
        airtime_limit_short_percent: Some(33.0),
        airtime_limit_long_percent: Some(1.5),
        ..RnodeSettings::new("lab", LORA)
    };
    let mut lab = lab(Emulator::default(), settings, SERIAL_TIMING);
    lab.on_line().await;
    let expected: [&[u8]; 12] = [
        &[0x08, 0x73],
        &[0x50, 0],
        &[0x48, 0],
        &[0x49, 0],
        &[0x01, 0x33, 0xb0, 0x6c, 0x00],
        &[0x02, 0x00, 0x01, 0xe8, 0x48],
        &[0x03, 0x07],
        &[0x04, 0x08],
        &[0x05, 0x05],
        &[0x0b, 0x0c, 0xe4],
        &[0x0c, 0x00, 0x96],
        &[0x06, 0x01],
    ];
    for frame in expected {
        assert_eq!(lab.heard.next().await, frame);
    }
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_is_the_verified_sequence() {
    let mut lab = usual_lab();
    let on_line = lab.on_line().await;
    drop(on_line.frames);
    assert_eq!(lab.closed().await, "closed by this node");
    for frame in [&[0x41, 0x00], &[0x06, 0x00], &[0x0a, 0xff]] {
        assert_eq!(lab.heard.next_after_start_up().await, frame);
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_without_display_is_not_told_to_release_it() {
    let emulator = Emulator { platform: 0x90, ..Emulator::default() };
    let mut lab = lab(emulator, RnodeSettings::new("lab", LORA), SERIAL_TIMING);
    drop(lab.on_line().await.frames);
    lab.closed().await;
    assert_eq!(lab.heard.next_after_start_up().await, [0x06, 0x00]);
}

#[tokio::test(start_paused = true)]
async fn packets_travel_both_ways_with_their_signal() {
    let mut lab = usual_lab();
    let on_line = lab.on_line().await;
    assert_eq!(lab.next_report_then_frames(&on_line, &[0xc0, 0x24, 0xdb, 0xdc, 0xc0]).await, {
        // The SNR byte is c0, escaped: -16 dB.
        RadioReport {
            firmware: Some((1, 86)),
            rssi_dbm: Some(-100),
            snr_db: Some(-16.0),
            quality_percent: Some(0.0),
            ..RadioReport::default()
        }
    });
    let packet: Vec<u8> = (0..=255).collect();
    on_line.frames.send(one(&packet)).await.unwrap();
    assert_eq!(lab.heard.next_after_start_up().await, [&[0x00], &packet[..]].concat());
    assert!(matches!(lab.next().await, Notice::Sent { .. }));
}

impl Lab {
    async fn next_report_then_frames(&mut self, on_line: &OnLine, snr: &[u8]) -> RadioReport {
        let packet = [7; 30];
        let mut bytes = vec![0xc0, 0x23, 57, 0xc0];
        bytes.extend_from_slice(snr);
        bytes.extend_from_slice(&[0xc0, 0x00]);
        bytes.extend_from_slice(&packet);
        bytes.push(0xc0);
        self.say(&bytes).await;
        let report = self.report().await;
        let Notice::Frames { medium, batch } = self.next().await else { panic!("no frames") };
        assert_eq!((medium, batch.iter().collect::<Vec<_>>()), (on_line.medium, vec![&packet[..]]));
        let RadioReport { rssi_dbm, snr_db, quality_percent, .. } = report;
        let signals: Vec<_> = batch.signals().collect();
        assert_eq!(signals, [Some(Signal { rssi_dbm, snr_db, quality_percent })]);
        report
    }
}

#[tokio::test(start_paused = true)]
async fn channel_reports_reach_the_node() {
    let mut lab = usual_lab();
    let _on_line = lab.on_line().await;
    lab.say(&[0xc0, 0x27, 2, 80, 0xc0, 0x29, 145, 0xc0]).await;
    lab.say(&[0xc0, 0x25, 0, 10, 0, 20, 0, 30, 0, 40, 0x39, 0x2f, 0xff, 0xc0]).await;
    let mut report = lab.report().await;
    while report.channel.is_none() {
        report = lab.report().await;
    }
    assert_eq!(report.channel.map(|channel| channel.noise_floor_dbm), Some(-110));
    assert_eq!(
        (report.battery.map(|battery| battery.percent), report.temperature_celsius),
        (Some(80), Some(25))
    );
}

#[tokio::test(start_paused = true)]
async fn a_packet_waits_until_the_one_before_is_off_the_air() {
    let mut lab = usual_lab();
    let on_line = lab.on_line().await;
    let start = Instant::now();
    let mut three = one(&[1; 200]);
    three.push(&[2; 200]);
    three.push(&[3; 200]);
    on_line.frames.send(three).await.unwrap();
    while !matches!(lab.next().await, Notice::Sent { .. }) {}
    let expected = 2 * LORA.modulation().packet_airtime(200, 18);
    assert!(start.elapsed().abs_diff(expected) < Duration::from_millis(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn at_its_air_time_limit_the_device_gets_nothing_until_the_limit_ends() {
    let settings =
        RnodeSettings { airtime_limit_long_percent: Some(10.0), ..RnodeSettings::new("lab", LORA) };
    let mut lab = lab(Emulator::default(), settings, SERIAL_TIMING);
    let on_line = lab.on_line().await;
    let channel = |long: [u8; 2]| [0xc0, 0x25, 0, 0, long[0], long[1], 0, 0, 0, 0, 57, 47, 255, 0xc0];
    lab.say(&channel([0x03, 0xe8])).await;
    while lab.report().await.channel.is_none() {}
    let start = Instant::now();
    on_line.frames.send(one(&[1; 30])).await.unwrap();
    for _ in 0..20 {
        sleep(Duration::from_secs(1)).await;
        lab.say(&channel([0x03, 0xe8])).await;
        lab.report().await;
    }
    lab.say(&channel([0x03, 0xe7])).await;
    while !matches!(lab.next().await, Notice::Sent { .. }) {}
    assert!((20..=22).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn flow_control_waits_for_room_but_not_for_ever() {
    let settings = RnodeSettings { flow_control: true, ..RnodeSettings::new("lab", LORA) };
    for (answers, wait_s) in [(true, 0), (false, 5)] {
        let emulator = Emulator { answers_ready: answers, ..Emulator::default() };
        let mut lab = lab(emulator, settings.clone(), SERIAL_TIMING);
        let on_line = lab.on_line().await;
        let start = Instant::now();
        on_line.frames.send(one(&[1; 30])).await.unwrap();
        while !matches!(lab.next().await, Notice::Sent { .. }) {}
        assert_eq!(start.elapsed().as_secs(), wait_s);
    }
}

#[tokio::test(start_paused = true)]
async fn a_beacon_is_the_bare_callsign_once_after_the_first_packet() {
    let beacon = Beacon { callsign: "N0CALL-7".to_owned(), interval: Duration::from_secs(600) };
    let settings = RnodeSettings { beacon: Some(beacon), ..RnodeSettings::new("lab", LORA) };
    let mut lab = lab(Emulator::default(), settings, SERIAL_TIMING);
    let on_line = lab.on_line().await;
    on_line.frames.send(one(&[1; 30])).await.unwrap();
    assert_eq!(lab.heard.next_after_start_up().await[0], 0x00);
    let start = Instant::now();
    assert_eq!(lab.heard.next().await, b"\0N0CALL-7");
    assert_eq!(start.elapsed().as_secs(), 600);
    assert!(timeout(Duration::from_secs(6000), lab.heard.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_device_behind_tcp_hears_from_us_every_few_seconds_even_while_a_packet_is_on_the_air() {
    let slow = LoraSettings { spreading_factor: 12, coding_rate: 8, ..LORA };
    let mut lab = lab(Emulator::default(), RnodeSettings::new("tcp://lab", slow), TCP_TIMING);
    let Notice::Opened { frames, .. } = lab.next().await else { panic!("not opened") };
    let mut two = one(&[1; 508]);
    two.push(&[2; 508]);
    frames.send(two).await.unwrap();
    assert_eq!(lab.heard.next_after_start_up().await[..2], [0x00, 1]);
    let start = Instant::now();
    loop {
        let heard_at = Instant::now();
        let heard = lab.heard.next().await;
        assert!(heard_at.elapsed() < Duration::from_secs(4), "the device would have hung up");
        if heard[0] == 0x00 {
            break;
        }
    }
    assert!(start.elapsed() > Duration::from_secs(20));
}

// What goes wrong: each recovers or is refused with a clear message. (Absent and pulled-out serial devices: `serial`.)

#[tokio::test(start_paused = true)]
async fn what_is_no_rnode_is_refused() {
    let emulator = Emulator { silent: true, ..Emulator::default() };
    let refused = lab(emulator, RnodeSettings::new("lab", LORA), SERIAL_TIMING).refused().await;
    assert!(refused.contains("no RNode answers"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn old_firmware_is_refused() {
    let emulator = Emulator { firmware: (1, 51), ..Emulator::default() };
    let refused = lab(emulator, RnodeSettings::new("lab", LORA), SERIAL_TIMING).refused().await;
    assert!(refused.contains("1.51") && refused.contains("1.52"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_cannot_do_the_power_is_refused() {
    let lora = LoraSettings { tx_power_dbm: 22, ..LORA };
    let refused = lab(Emulator::default(), RnodeSettings::new("lab", lora), SERIAL_TIMING).refused().await;
    assert!(refused.contains("tx_power = 22") && refused.contains("17"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_frequency_is_compared_within_a_hundred_hertz() {
    for (offset_hz, accepted) in [(90, true), (150, false)] {
        let emulator = Emulator { frequency_offset_hz: offset_hz, ..Emulator::default() };
        let mut lab = lab(emulator, RnodeSettings::new("lab", LORA), SERIAL_TIMING);
        if accepted {
            lab.on_line().await;
        } else {
            assert!(lab.refused().await.contains("frequency"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_stays_off_is_refused() {
    let emulator = Emulator { radio_works: false, ..Emulator::default() };
    let refused = lab(emulator, RnodeSettings::new("lab", LORA), SERIAL_TIMING).refused().await;
    assert!(refused.contains("radio"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_only_chatters_during_start_up_is_refused_in_time() {
    let emulator = Emulator { silent: true, ..Emulator::default() };
    let lab = lab(emulator, RnodeSettings::new("lab", LORA), SERIAL_TIMING);
    let start = Instant::now();
    // Until the emulator ends, which it does when the driver hangs up.
    while lab.device.send(vec![0xc0; 100]).await.is_ok() {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(lab.refused().await.contains("no RNode answers"));
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_radio_and_a_restart_close_the_medium() {
    let rows: [(&[u8], &str); 6] = [
        (&[0xc0, 0x90, 0x01, 0xc0], "start its radio"),
        (&[0xc0, 0x90, 0x02, 0xc0], "transmit"),
        (&[0xc0, 0x90, 0x03, 0xc0], "locked"),
        (&[0xc0, 0x90, 0x7f, 0xc0], "0x7f"),
        (&[0xc0, 0x55, 0xf8, 0xc0], "restarted"),
        (&[0xc0, 0x06, 0x00, 0xc0], "radio off"),
    ];
    for (bytes, expected) in rows {
        let mut lab = usual_lab();
        let _on_line = lab.on_line().await;
        lab.say(bytes).await;
        let reason = lab.closed().await;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_and_a_slow_modem_are_counted_and_survived() {
    let mut lab = usual_lab();
    let on_line = lab.on_line().await;
    lab.say(&[0xc0, 0x90, 0x04, 0xc0, 0x90, 0x05, 0xc0, 0x90, 0x06, 0xc0]).await;
    let mut report = lab.report().await;
    while report.complaints == 0 {
        report = lab.report().await;
    }
    assert_eq!((report.queue_overflows, report.complaints), (1, 2));
    lab.next_report_then_frames(&on_line, &[0xc0, 0x24, 24, 0xc0]).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_is_counted_and_survived() {
    let mut lab = usual_lab();
    let on_line = lab.on_line().await;
    // A frame that is too long, a counter that nobody asked for, a wrong escape, a beacon of another station.
    let mut garbage = vec![0xc0, 0x00];
    garbage.extend([5; 600]);
    garbage.extend([0xc0, 0x21, 0, 0, 0, 1, 0xc0, 0x00, 0xdb, 1, 0xc0, 0x00]);
    garbage.extend(b"N0CALL");
    garbage.push(0xc0);
    lab.say(&garbage).await;
    let mut violations = 0;
    while violations < 3 {
        match lab.next().await {
            Notice::Frames { batch, .. } if batch.is_empty() => violations += batch.violations(),
            Notice::Radio { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(violations, 3);
    lab.next_report_then_frames(&on_line, &[0xc0, 0x24, 24, 0xc0]).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_hangs_up_is_closed() {
    let mut lab = usual_lab();
    let _on_line = lab.on_line().await;
    drop(lab.device);
    lab.device = mpsc::channel(1).0;
    assert!(lab.closed().await.contains("closed by the other side"));
}

#[tokio::test]
async fn an_rnode_on_a_pseudo_terminal_carries_packets_and_comes_back_after_being_pulled_out() {
    let mut desk = Desk::new();
    let settings = RnodeSettings {
        reconnect_interval: Duration::from_millis(10),
        ..RnodeSettings::new(desk.port(), LORA)
    };
    let (sender, mut notices) = mpsc::channel(16);
    let _handle = start(9, settings, sender).unwrap();
    assert!(matches!(next(&mut notices).await, Notice::Waiting { interface: 9, .. }));
    for _ in 0..2 {
        desk.plug_in();
        let (device, mut heard) = Emulator::default().run(desk.take());
        let frames = opened(&mut notices).await;
        frames.send(one(&[0xc0; 30])).await.unwrap();
        assert_eq!(heard.next_after_start_up().await, [&[0x00][..], &[0xc0; 30]].concat());
        assert!(matches!(next(&mut notices).await, Notice::Sent { .. }));
        desk.pull_out();
        drop(device);
        assert!(matches!(next(&mut notices).await, Notice::Closed { .. }));
    }
}

#[test]
fn settings_out_of_range_are_start_errors() {
    let usual = RnodeSettings::new("/dev/ttyUSB0", LORA);
    let beacon =
        |callsign: &str| Some(Beacon { callsign: callsign.to_owned(), interval: Duration::from_secs(600) });
    assert!(usual.check().is_ok());
    let rows = [
        RnodeSettings { port: "ble://RNode 1234".to_owned(), ..usual.clone() },
        RnodeSettings { airtime_limit_short_percent: Some(100.5), ..usual.clone() },
        RnodeSettings { airtime_limit_long_percent: Some(-1.0), ..usual.clone() },
        RnodeSettings { airtime_limit_long_percent: Some(f32::NAN), ..usual.clone() },
        RnodeSettings { beacon: beacon(""), ..usual.clone() },
        RnodeSettings { beacon: beacon(&"x".repeat(33)), ..usual.clone() },
        RnodeSettings { lora: LoraSettings { spreading_factor: 13, ..LORA }, ..usual.clone() },
    ];
    for settings in rows {
        assert!(matches!(settings.check(), Err(StartError::OutOfRange { .. })), "{settings:?}");
    }
}

#[test]
fn the_port_of_a_device_behind_tcp_may_be_left_out() {
    let rows = [
        ("host", "host:7633"),
        ("host:1234", "host:1234"),
        ("[::1]", "[::1]:7633"),
        ("10.0.0.9", "10.0.0.9:7633"),
    ];
    for (host, target) in rows {
        assert_eq!(with_port(host), target);
    }
}
