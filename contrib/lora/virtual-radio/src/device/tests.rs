use interfaces::framing::rnode::{DETECT_SEQUENCE, Message, Request};
use lora_channel::{Signal, Terrain};

use super::*;

struct Lab {
    channel: Channel,
    devices: [Device; 2],
    now: Duration,
}

impl Lab {
    fn new() -> Self {
        let channel = Channel::new(Terrain::even(2, Signal { rssi_dbm: -100, loss_permille: 0 }), 1);
        Self { channel, devices: [0, 1].map(Device::new), now: Duration::ZERO }
    }

    /// Both are detected and switched on.
    fn on_line() -> Self {
        let mut lab = Self::new();
        for device in 0..2 {
            lab.tell(device, &DETECT_SEQUENCE);
            lab.ask(device, Request::Frequency(867_200_000));
            lab.ask(device, Request::Bandwidth(125_000));
            lab.ask(device, Request::TxPower(7));
            lab.ask(device, Request::SpreadingFactor(8));
            lab.ask(device, Request::CodingRate(5));
            lab.ask(device, Request::Radio(true));
        }
        lab
    }

    /// The frames that a device says to these bytes: command, then data.
    fn tell(&mut self, device: usize, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.devices[device].handle_bytes(self.now, &mut self.channel, bytes);
        self.said(device)
    }

    fn ask(&mut self, device: usize, request: Request) -> Vec<Vec<u8>> {
        let mut wire = Vec::new();
        request.encode(&mut wire);
        self.tell(device, &wire)
    }

    fn send(&mut self, device: usize, packet: &[u8]) -> Vec<Vec<u8>> {
        let mut wire = Vec::new();
        kiss::encode(kiss::DATA, packet, &mut wire);
        self.tell(device, &wire)
    }

    fn said(&mut self, device: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        Splitter::new(DATA_LEN_MAX).split(&self.devices[device].take_output(), |command, data| {
            frames.push([&[command], data].concat());
        });
        frames
    }

    fn run(&mut self) {
        while let Some(next) = self.channel.poll_timeout() {
            self.now = next;
            self.channel.handle_timeout(next);
            while let Some(event) = self.channel.poll_event() {
                self.devices.iter_mut().for_each(|device| device.handle_event(&event));
            }
        }
    }
}

#[test]
fn the_detect_sequence_in_one_write_is_answered_whole() {
    let answers = Lab::new().tell(0, &DETECT_SEQUENCE);
    assert_eq!(answers, [&[0x08, 0x46][..], &[0x50, 1, 86], &[0x48, 0x80], &[0x49, 0x81]]);
}

#[test]
fn parameters_are_echoed_clamped_and_may_be_asked_for() {
    let mut lab = Lab::new();
    lab.tell(0, &DETECT_SEQUENCE);
    let rows: [(&[u8], &[u8]); 13] = [
        (&[0x01, 0x33, 0xb0, 0x6c, 0x00], &[0x01, 0x33, 0xb0, 0x6c, 0x00]),
        (&[0x01, 0, 0, 0, 0], &[0x01, 0x33, 0xb0, 0x6c, 0x00]),
        (&[0x02, 0, 1, 0xe8, 0x48], &[0x02, 0, 1, 0xe8, 0x48]),
        (&[0x02, 0, 0, 0, 0], &[0x02, 0, 1, 0xe8, 0x48]),
        (&[0x03, 7], &[0x03, 7]),
        (&[0x03, 37], &[0x03, 22]),
        (&[0x03, 0xff], &[0x03, 22]),
        (&[0x04, 13], &[0x04, 12]),
        (&[0x04, 8], &[0x04, 8]),
        (&[0x04, 0xff], &[0x04, 8]),
        (&[0x05, 9], &[0x05, 8]),
        (&[0x0b, 0x0c, 0xe4], &[0x0b, 0x0c, 0xe4]),
        (&[0x0c, 0x00, 0x96], &[0x0c, 0x00, 0x96]),
    ];
    for (question, answer) in rows {
        let mut wire = Vec::new();
        kiss::encode(question[0], &question[1..], &mut wire);
        assert_eq!(lab.tell(0, &wire), [answer], "{question:02x?}");
    }
}

#[test]
fn a_radio_with_a_parameter_missing_stays_off() {
    let mut lab = Lab::new();
    lab.tell(0, &DETECT_SEQUENCE);
    assert_eq!(lab.ask(0, Request::Radio(true)), [[0x06, 0]]);
    lab.ask(0, Request::Frequency(867_200_000));
    lab.ask(0, Request::Bandwidth(125_000));
    lab.ask(0, Request::SpreadingFactor(9));
    assert_eq!(lab.ask(0, Request::Radio(true)), [[0x06, 0]]);
    lab.ask(0, Request::TxPower(7));
    let answers = lab.ask(0, Request::Radio(true));
    assert_eq!(answers[..2], [[0x06, 1], [0x06, 1]]);
    let verified = [0x26, 0x10, 0x00, 0x00, 0xf4, 0x00, 0x12, 0x00, 0x4a, 0x00, 0x31, 0x00, 0x62];
    assert_eq!(answers[2], verified, "the report of interfaces.md section 10.6");
}

#[test]
fn a_packet_comes_out_at_the_other_device_behind_its_strength() {
    let mut lab = Lab::on_line();
    let packet: Vec<u8> = (0..508).map(|index| index as u8).collect();
    assert!(lab.send(0, &packet).is_empty(), "a device says nothing to a packet");
    lab.run();
    let said = lab.said(1);
    assert_eq!(said.len(), 3);
    assert_eq!(said[0], [0x23, 57]);
    let Some(Message::Snr(snr_db)) = Message::parse(said[1][0], &said[1][1..]) else { panic!("{said:?}") };
    assert!((snr_db - 17.0).abs() < 0.3, "{snr_db}");
    assert_eq!(said[2], [&[0x00][..], &packet].concat());
    assert!(lab.said(0).is_empty(), "no device hears itself");
}

#[test]
fn a_radio_that_is_off_complains_and_one_that_is_full_does_not() {
    let mut lab = Lab::on_line();
    assert_eq!((0..40).flat_map(|_| lab.send(0, &[1; 508])).count(), 0);
    assert_eq!(lab.ask(0, Request::Ready), [[0x0f, 0]]);
    lab.run();
    assert_eq!(lab.ask(0, Request::Ready), [[0x0f, 1]]);
    assert_eq!(lab.ask(0, Request::Radio(false)), [[0x06, 0]]);
    assert_eq!(lab.send(0, &[1; 20]), [[0x90, 0x02]]);
}

#[test]
fn the_channel_is_reported_while_the_radio_is_on() {
    let mut lab = Lab::on_line();
    lab.send(0, &[1; 200]);
    lab.run();
    lab.said(1);
    for (device, sends) in [(0, true), (1, false)] {
        lab.devices[device].report(lab.now, &lab.channel);
        let said = lab.said(device);
        let Some(Message::Channel(report)) = Message::parse(said[0][0], &said[0][1..]) else {
            panic!("{said:?}")
        };
        assert_eq!(report.airtime_short_percent > 3.0, sends);
        assert!(report.load_short_percent > 3.0);
        assert_eq!((report.noise_floor_dbm, report.interference_dbm), (-117, None));
    }
    lab.ask(0, Request::Radio(false));
    lab.devices[0].report(lab.now, &lab.channel);
    assert!(lab.said(0).is_empty());
}

#[test]
fn a_host_that_has_left_is_told_nothing_but_the_radio_stays_on() {
    let mut lab = Lab::on_line();
    assert!(lab.devices[1].has_host());
    lab.ask(1, Request::Leave);
    lab.send(0, &[1; 20]);
    lab.run();
    assert!(lab.said(1).is_empty());
    lab.tell(1, &DETECT_SEQUENCE);
    lab.send(0, &[2; 20]);
    lab.run();
    assert_eq!(lab.said(1).last().unwrap()[1..], [2; 20]);
}

#[test]
fn a_host_that_does_not_read_costs_bounded_memory_and_gets_whole_frames() {
    let mut lab = Lab::on_line();
    for _ in 0..100 {
        lab.send(0, &[0xc0; 508]);
        lab.run();
    }
    assert!(lab.devices[1].output.len() <= OUTPUT_LEN_MAX + 1024);
    assert!(lab.said(1).iter().all(|frame| matches!(frame.len(), 2 | 509)));
}
