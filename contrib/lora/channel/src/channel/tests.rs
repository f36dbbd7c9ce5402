use super::*;

const USUAL: Tuning = Tuning {
    frequency_hz: 867_200_000,
    modulation: Modulation { spreading_factor: 8, bandwidth_hz: 125_000, coding_rate: 5 },
};

const NEAR: Signal = Signal { rssi_dbm: -80, loss_permille: 0 };

/// Radios that are on. Where there is no signal they are hidden from each other.
fn channel(radios: usize, signals: &[(usize, usize, i16)]) -> Channel {
    let mut terrain = Terrain::silent(radios);
    for (a, b, rssi_dbm) in signals {
        terrain.join(*a, *b, Some(Signal { rssi_dbm: *rssi_dbm, loss_permille: 0 }));
    }
    switched_on(Channel::new(terrain, 1))
}

fn switched_on(mut channel: Channel) -> Channel {
    (0..channel.radios.len()).for_each(|radio| channel.tune(Duration::ZERO, radio, Some(USUAL)));
    channel
}

/// Puts a packet on the air at this very instant, without contention.
fn blurt(channel: &mut Channel, at: Duration, radio: usize, packet: &[u8]) {
    channel.handle_timeout(at);
    channel.radios[radio].queue.push_back(packet.to_vec());
    channel.begin_packet(radio);
}

/// All that happens until nothing more does, and when.
fn run(channel: &mut Channel) -> Vec<(Duration, Event)> {
    let mut events = Vec::new();
    loop {
        let now = channel.now;
        events.extend(std::iter::from_fn(|| channel.poll_event()).map(|event| (now, event)));
        let Some(next) = channel.poll_timeout() else { return events };
        channel.handle_timeout(next);
    }
}

fn received(events: &[(Duration, Event)], by: usize) -> Vec<Vec<u8>> {
    let packet = |event: &Event| match event {
        Event::Received { radio, packet, .. } if *radio == by => Some(packet.clone()),
        _ => None,
    };
    events.iter().filter_map(|(_, event)| packet(event)).collect()
}

fn missed(events: &[(Duration, Event)], by: usize) -> Vec<Miss> {
    let why = |event: &Event| match event {
        Event::Missed { radio, why, .. } if *radio == by => Some(*why),
        _ => None,
    };
    events.iter().filter_map(|(_, event)| why(event)).collect()
}

fn airtime(len: usize) -> Duration {
    USUAL.modulation.packet_airtime(len, PREAMBLE_SYMBOLS)
}

#[test]
fn a_packet_arrives_after_contention_and_air_time_with_its_strength() {
    for len in [1, 254, 255, 508] {
        let mut channel = channel(3, &[(0, 1, -80)]);
        channel.transmit(Duration::ZERO, 0, &vec![7; len]).unwrap();
        let events = run(&mut channel);
        assert_eq!(received(&events, 1), [vec![7; len]]);
        assert!(received(&events, 2).is_empty(), "out of reach");
        let (at, last) = events.last().unwrap();
        assert_eq!(*last, Event::Sent { radio: 0, airtime: airtime(len) });
        let contention = *at - airtime(len);
        let difs = USUAL.modulation.difs();
        assert!(contention >= difs && contention <= difs + 14 * USUAL.modulation.csma_slot());
        let Event::Received { rssi_dbm, snr_db, .. } = &events[0].1 else { panic!("{events:?}") };
        assert_eq!(*rssi_dbm, -80);
        assert!((*snr_db - 37.0).abs() < 0.1, "{snr_db}");
    }
}

#[test]
fn what_a_radio_cannot_send_is_refused() {
    let mut channel = channel(2, &[(0, 1, -80)]);
    let zero = Duration::ZERO;
    assert_eq!(channel.transmit(zero, 0, &[]), Err(Refused::Length));
    assert_eq!(channel.transmit(zero, 0, &[0; 509]), Err(Refused::Length));
    let taken = (0..100).take_while(|_| channel.transmit(zero, 0, &[0; 508]).is_ok()).count();
    assert_eq!(taken, 12, "508 bytes each in 6 KiB");
    assert!(!channel.has_room(0));
    assert_eq!(channel.transmit(zero, 0, &[0; 508]), Err(Refused::QueueFull));
    channel.tune(zero, 0, None);
    assert_eq!(channel.transmit(zero, 0, &[1]), Err(Refused::Off));
    assert!(run(&mut channel).is_empty(), "switching off forgets the queue");
}

#[test]
fn carrier_sense_lets_radios_that_hear_each_other_take_turns() {
    let mut channel = channel(3, &[(0, 1, -80), (0, 2, -80), (1, 2, -80)]);
    channel.transmit(Duration::ZERO, 0, &[0; 200]).unwrap();
    let first = loop {
        let next = channel.poll_timeout().unwrap();
        channel.handle_timeout(next);
        if let State::Sending { until, .. } = channel.radios[0].state {
            break until;
        }
    };
    // The second begins to contend in the middle of the first packet.
    channel.transmit(first - airtime(200) / 2, 1, &[1; 200]).unwrap();
    let events = run(&mut channel);
    assert_eq!(received(&events, 2), [vec![0; 200], vec![1; 200]]);
    let sent: Vec<_> =
        events.iter().filter(|(_, event)| matches!(event, Event::Sent { .. })).map(|(at, _)| *at).collect();
    assert!(sent[1] >= first + USUAL.modulation.difs() + airtime(200));
}

#[test]
fn counted_slots_are_kept_when_somebody_else_sends() {
    let mut channel = channel(2, &[(0, 1, -80)]);
    let (slot, difs) = (USUAL.modulation.csma_slot(), USUAL.modulation.difs());
    channel.transmit(Duration::ZERO, 0, &[0; 20]).unwrap();
    channel.radios[0].state =
        State::Waiting { slots: 10, quiet_since: Some(Duration::ZERO), not_before: Duration::ZERO };
    blurt(&mut channel, difs + 4 * slot, 1, &[1; 20]);
    let busy_until = channel.air[0].end;
    let events = run(&mut channel);
    assert_eq!(events.last().unwrap().0, busy_until + difs + 6 * slot + airtime(20));
}

#[test]
fn the_same_slot_means_a_collision() {
    let mut channel = channel(3, &[(0, 1, -80), (0, 2, -80), (1, 2, -80)]);
    for radio in [0, 1] {
        channel.transmit(Duration::ZERO, radio, &[radio as u8; 30]).unwrap();
        channel.radios[radio].state =
            State::Waiting { slots: 3, quiet_since: Some(Duration::ZERO), not_before: Duration::ZERO };
    }
    let events = run(&mut channel);
    assert_eq!(missed(&events, 2), [Miss::Collision; 2]);
    assert_eq!(missed(&events, 0), [Miss::HalfDuplex], "who sends does not hear");
    assert_eq!(missed(&events, 1), [Miss::HalfDuplex]);
}

#[test]
fn hidden_nodes_collide_and_six_decibel_capture() {
    // Radios 0 and 1 hear only 2. Strengths at 2, and whose packet it reads.
    let rows: [(i16, i16, &[u8]); 5] =
        [(-80, -80, &[]), (-80, -85, &[]), (-80, -86, &[0]), (-90, -80, &[1]), (-118, -123, &[])];
    for (first, second, expected) in rows {
        let mut channel = channel(3, &[(0, 2, first), (1, 2, second)]);
        blurt(&mut channel, Duration::from_millis(1), 0, &[0; 50]);
        blurt(&mut channel, Duration::from_millis(60), 1, &[1; 50]);
        let events = run(&mut channel);
        let heard: Vec<u8> = received(&events, 2).iter().map(|packet| packet[0]).collect();
        assert_eq!(heard, expected, "{first} and {second}");
        assert_eq!(missed(&events, 2).len(), 2 - expected.len());
    }
    // Neither senses the other, so carrier sense does not help: some of twenty pairs meet.
    let mut channel = channel(3, &[(0, 2, -80), (1, 2, -80)]);
    for round in 0..20 {
        let at = Duration::from_secs(10 * round);
        (0..2).for_each(|radio| channel.transmit(at, radio, &[round as u8; 200]).unwrap());
        channel.handle_timeout(at + Duration::from_secs(9));
    }
    assert!(missed(&run(&mut channel), 2).contains(&Miss::Collision));
}

#[test]
fn what_ends_before_the_last_symbols_of_the_preamble_does_no_harm() {
    let symbol = USUAL.modulation.symbol();
    for (gap_symbols, collides) in [(12, false), (14, true)] {
        let mut channel = channel(3, &[(0, 2, -80), (1, 2, -80)]);
        blurt(&mut channel, Duration::from_millis(1), 0, &[0; 50]);
        let end = channel.air[0].end;
        blurt(&mut channel, end - symbol * gap_symbols, 1, &[1; 50]);
        let second_missed = missed(&run(&mut channel), 2).len() == 2;
        assert_eq!(second_missed, collides, "{gap_symbols} symbols");
    }
}

#[test]
fn a_radio_that_sends_hears_nothing_in_the_meantime() {
    let mut channel = channel(2, &[(0, 1, -80)]);
    blurt(&mut channel, Duration::from_millis(1), 0, &[0; 300]);
    blurt(&mut channel, Duration::from_millis(2), 1, &[1; 20]);
    let events = run(&mut channel);
    assert!(received(&events, 0).is_empty() && received(&events, 1).is_empty());
    // The short packet spoils only the first half of the long one for its sender, but a half is no packet.
    assert_eq!((missed(&events, 0), missed(&events, 1)), (vec![Miss::HalfDuplex], vec![Miss::HalfDuplex]));
}

#[test]
fn a_signal_below_sensitivity_is_neither_heard_nor_sensed() {
    // At SF8 and 125 kHz the limit is near -127 dBm; at SF12 it is near -137.
    for (factor, rssi_dbm, reads) in [(8, -126, true), (8, -128, false), (12, -136, true), (12, -138, false)]
    {
        let mut channel = channel(2, &[(0, 1, rssi_dbm)]);
        let modulation = Modulation { spreading_factor: factor, ..USUAL.modulation };
        (0..2).for_each(|radio| channel.tune(Duration::ZERO, radio, Some(Tuning { modulation, ..USUAL })));
        channel.transmit(Duration::ZERO, 0, &[5; 20]).unwrap();
        let events = run(&mut channel);
        assert_eq!(received(&events, 1).len(), usize::from(reads), "SF{factor} {rssi_dbm}");
        assert_eq!(channel.usage(channel.now, 1).load_short_percent > 0.0, reads);
    }
}

#[test]
fn only_radios_of_the_same_tuning_meet() {
    let with = |change: fn(&mut Tuning)| {
        let mut tuning = USUAL;
        change(&mut tuning);
        tuning
    };
    let rows = [
        (with(|tuning| tuning.frequency_hz += 200_000), false),
        (with(|tuning| tuning.modulation.spreading_factor = 9), false),
        (with(|tuning| tuning.modulation.bandwidth_hz = 250_000), false),
        (with(|tuning| tuning.modulation.coding_rate = 8), true),
    ];
    for (tuning, hears) in rows {
        let mut channel = channel(2, &[(0, 1, -80)]);
        channel.tune(Duration::ZERO, 1, Some(tuning));
        channel.transmit(Duration::ZERO, 0, &[5; 20]).unwrap();
        assert_eq!(received(&run(&mut channel), 1).len(), usize::from(hears), "{tuning:?}");
    }
}

#[test]
fn a_radio_that_is_switched_on_in_the_middle_of_a_frame_misses_it() {
    let mut channel = channel(2, &[(0, 1, -80)]);
    channel.tune(Duration::ZERO, 1, None);
    blurt(&mut channel, Duration::from_millis(1), 0, &[0; 50]);
    channel.tune(Duration::from_millis(40), 1, Some(USUAL));
    assert!(received(&run(&mut channel), 1).is_empty());
}

#[test]
fn loss_follows_the_matrix_and_bursts_come_in_runs() {
    let send = |terrain: Terrain, bursts| {
        let mut channel = switched_on(Channel::new(terrain, 7));
        channel.set_bursts(bursts);
        let mut heard = Vec::new();
        for round in 0..1000 {
            channel.transmit(Duration::from_secs(round), 0, &[1; 10]).unwrap();
            heard.push(!received(&run(&mut channel), 1).is_empty());
        }
        heard
    };
    let lost = |heard: &[bool]| heard.iter().filter(|heard| !**heard).count();
    let independent = send(Terrain::even(2, Signal { loss_permille: 200, ..NEAR }), None);
    assert!((150..250).contains(&lost(&independent)), "{}", lost(&independent));
    // A fifth of the time bad: as much is lost, but in runs of about 25.
    let bursts = Bursts { begin_permille: 10, end_permille: 40, loss_permille: 1000 };
    let bursty = send(Terrain::even(2, NEAR), Some(bursts));
    assert!((80..400).contains(&lost(&bursty)), "{}", lost(&bursty));
    let runs = |heard: &[bool]| heard.windows(2).filter(|pair| pair[0] && !pair[1]).count();
    assert!(runs(&bursty) * 5 < runs(&independent), "{} and {}", runs(&bursty), runs(&independent));
}

#[test]
fn an_air_time_limit_holds_packets_back() {
    let mut channel = channel(2, &[(0, 1, -80)]);
    channel.limit(Duration::ZERO, 0, AirtimeLimits { short_percent: Some(10.0), long_percent: None });
    (0..10).for_each(|_| channel.transmit(channel.now, 0, &[1; 200]).unwrap());
    let mut sent = Vec::new();
    while let Some(next) = channel.poll_timeout() {
        channel.handle_timeout(next);
        assert!(channel.usage(next, 0).airtime_short_percent <= 10.0);
        let events = std::iter::from_fn(|| channel.poll_event());
        sent.extend(events.filter(|event| matches!(event, Event::Sent { .. })).map(|_| next));
    }
    assert_eq!(sent.len(), 10);
    // 0.58 s each, so two in 15 seconds.
    assert!(*sent.last().unwrap() > Duration::from_secs(55), "{sent:?}");
}

#[test]
fn the_past_is_forgotten() {
    let mut channel = channel(4, &[(0, 1, -80), (2, 3, -80)]);
    for round in 0..500_u64 {
        let radio = if round % 2 == 0 { 0 } else { 2 };
        _ = channel.transmit(Duration::from_millis(97 * round), radio, &[1; 100]);
        assert!(channel.air.len() <= 8, "{}", channel.air.len());
        while channel.poll_event().is_some() {}
    }
    run(&mut channel);
    assert!(channel.air.is_empty());
}

#[test]
fn the_same_seed_gives_the_same_trace_however_often_time_is_told() {
    let trace = |seed: u64, step_ms: u64| {
        let terrain = Terrain::even(8, Signal { rssi_dbm: -90, loss_permille: 50 });
        let mut channel = switched_on(Channel::new(terrain, seed));
        let bursts = Bursts { begin_permille: 20, end_permille: 200, loss_permille: 900 };
        channel.set_bursts(Some(bursts));
        let mut events = Vec::new();
        for at in (0..60_000).step_by(step_ms as usize) {
            channel.handle_timeout(Duration::from_millis(at));
            if at % 1000 == 0 {
                let radio = (at / 1000 % 8) as usize;
                channel.transmit(channel.now, radio, &[at as u8; 300]).unwrap();
                channel.transmit(channel.now, (radio + 3) % 8, &[at as u8; 40]).unwrap();
            }
            events.extend(std::iter::from_fn(|| channel.poll_event()));
        }
        events.extend(run(&mut channel).into_iter().map(|(_, event)| event));
        events
    };
    let events = trace(3, 1000);
    assert!(events.len() > 500);
    assert!(events == trace(3, 1000), "the same seed");
    assert!(events == trace(3, 50), "the same seed, told the time more often");
    assert!(events != trace(4, 1000), "another seed");
}
