//! Over a pseudo-terminal on real time for the start-up, on paused time for everything that waits.

use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;
use crate::pty::{Desk, next};

#[test]
fn the_start_up_is_the_verified_stream() {
    let expected = [
        0xc0, 0x01, 0x23, 0xc0, 0xc0, 0x04, 0x02, 0xc0, 0xc0, 0x02, 0x40, 0xc0, 0xc0, 0x03, 0x02, 0xc0, 0xc0,
        0x0f, 0x01, 0xc0,
    ];
    assert_eq!(KissSettings::new("x").start_up(), expected);
}

#[test]
fn times_beyond_the_range_of_a_tnc_are_clamped() {
    let settings = KissSettings { preamble: Duration::from_secs(60), ..KissSettings::new("x") };
    assert_eq!(settings.start_up()[..4], [0xc0, 0x01, 0xff, 0xc0]);
}

#[tokio::test]
async fn a_tnc_is_set_up_and_carries_packets_both_ways() {
    let mut desk = Desk::new();
    desk.plug_in();
    let station = Ax25Station { callsign: "NO1CLR".to_owned(), ssid: 3 };
    let settings = KissSettings { ax25: Some(station), ..KissSettings::new(desk.port()) };
    let start_up = settings.start_up();
    let (sender, mut notices) = mpsc::channel(16);
    let _handle = start(1, settings, sender).unwrap();
    assert_eq!(desk.read(start_up.len()).await, start_up);
    let Notice::Opened { frames, properties, .. } = next(&mut notices).await else { panic!("not opened") };
    assert_eq!((properties.bitrate_bps, properties.batch_bytes), (1200, 1));

    let mut batch = FrameBatch::new();
    batch.push(&[0xc0; 30]);
    frames.send(batch.clone()).await.unwrap();
    let mut wire = Vec::new();
    let header = ax25::header("NO1CLR", 3).unwrap().to_vec();
    kiss::Encoder { header }.encode(&[0xc0; 30], &mut wire);
    assert_eq!(desk.read(wire.len()).await, wire);
    assert!(matches!(next(&mut notices).await, Notice::Sent { .. }));

    desk.write(&wire).await;
    let Notice::Frames { batch: got, .. } = next(&mut notices).await else { panic!("no frames") };
    assert_eq!(got, batch);
}

struct Bench {
    writer: TncWriter<DuplexStream>,
    tnc: DuplexStream,
    ready: Arc<Notify>,
    start: Instant,
}

fn bench(flow_control: bool, beacon: Option<Beacon>) -> Bench {
    let (stream, tnc) = duplex(4096);
    let ready = Arc::new(Notify::new());
    let writer = TncWriter {
        stream,
        encoder: kiss::Encoder::default(),
        wire: Vec::new(),
        bitrate_bps: 1_000_000_000,
        pace: Pace::new(),
        flow: flow_control.then(|| Flow { ready: ready.clone(), locked: false }),
        beacon,
        beacon_at: None,
    };
    Bench { writer, tnc, ready, start: Instant::now() }
}

fn two_frames() -> FrameBatch {
    let mut batch = FrameBatch::new();
    batch.push(&[1; 20]);
    batch.push(&[2; 20]);
    batch
}

#[tokio::test(start_paused = true)]
async fn with_flow_control_each_frame_waits_for_the_word_of_the_tnc() {
    let Bench { mut writer, tnc: _tnc, ready, start } = bench(true, None);
    tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        ready.notify_one();
    });
    writer.write(&two_frames()).await.unwrap();
    assert_eq!(start.elapsed().as_millis() / 10, 200);
}

#[tokio::test(start_paused = true)]
async fn a_tnc_that_never_says_ready_delays_a_frame_by_five_seconds() {
    let Bench { mut writer, tnc: _tnc, start, .. } = bench(true, None);
    writer.write(&two_frames()).await.unwrap();
    assert_eq!(start.elapsed().as_millis() / 10, 500);
}

#[tokio::test(start_paused = true)]
async fn a_beacon_follows_the_first_transmission_once() {
    let beacon = Beacon { callsign: "N0CALL".to_owned(), interval: Duration::from_secs(600) };
    let Bench { mut writer, mut tnc, start, .. } = bench(false, Some(beacon));
    assert_eq!(writer.chore_at(), None);
    writer.write(&two_frames()).await.unwrap();
    let due = writer.chore_at().unwrap();
    assert_eq!((due - start).as_secs(), 600);
    writer.do_chore().await.unwrap();
    assert_eq!(writer.chore_at(), None);
    let mut sent = vec![0; 2 * 23 + 18];
    tnc.read_exact(&mut sent).await.unwrap();
    assert_eq!(&sent[46..], b"\xc0\x00N0CALL\0\0\0\0\0\0\0\0\0\xc0");
}
