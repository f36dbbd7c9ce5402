//! One RNode as its host sees it (interfaces.md sections 10.2 to 10.9): bytes of the host in, bytes for the host out.

use std::time::Duration;

use interfaces::framing::kiss::{self, Splitter};
use interfaces::framing::rnode::command::*;
use interfaces::framing::rnode::{DATA_LEN_MAX, DETECT_ANSWER, RSSI_OFFSET};
use lora_channel::{AirtimeLimits, Channel, Event, Modulation, PREAMBLE_SYMBOLS, Refused, Tuning};

/// The firmware whose behaviour the facts describe, major and minor.
const FIRMWARE_VERSION: [u8; 2] = [1, 86];
const PLATFORM_ESP32: u8 = 0x80;
const MCU_ESP32: u8 = 0x81;

/// What an SX1262 can do.
const TX_POWER_DBM_MAX: u8 = 22;

const DETECT_QUESTION: u8 = 0x73;
const QUERY: u8 = 0xff;
const TRANSMIT_FAILED: u8 = 0x02;
const NO_INTERFERENCE: u8 = 0xff;

/// What a host does not read in time is lost, as on a serial line: at most this much waits for it.
const OUTPUT_LEN_MAX: usize = 16 * 1024;

/// One device. Its radio is number `radio` of the channel that each call is given.
#[derive(Debug)]
pub struct Device {
    radio: usize,
    splitter: Splitter,
    frequency_hz: u32,
    bandwidth_hz: u32,
    tx_power_dbm: Option<u8>,
    spreading_factor: u8,
    coding_rate: u8,
    limits_hundredths: [u16; 2],
    on: bool,
    host_listens: bool,
    output: Vec<u8>,
}

impl Device {
    /// A device that has just been switched on.
    pub fn new(radio: usize) -> Self {
        Self {
            radio,
            splitter: Splitter::new(DATA_LEN_MAX),
            frequency_hz: 0,
            bandwidth_hz: 0,
            tx_power_dbm: None,
            spreading_factor: 0,
            coding_rate: 5,
            limits_hundredths: [0; 2],
            on: false,
            host_listens: false,
            output: Vec::new(),
        }
    }

    /// Takes bytes of the host, in pieces of any size.
    pub fn handle_bytes(&mut self, now: Duration, channel: &mut Channel, bytes: &[u8]) {
        let mut splitter = std::mem::replace(&mut self.splitter, Splitter::new(DATA_LEN_MAX));
        splitter.split(bytes, |command, data| self.handle(now, channel, command, data));
        self.splitter = splitter;
    }

    /// Tells the host what happened on the air.
    pub fn handle_event(&mut self, event: &Event) {
        if let Event::Received { radio, packet, rssi_dbm, snr_db } = event
            && *radio == self.radio
            && self.on
        {
            self.say(RSSI, &[strength(f64::from(*rssi_dbm))]);
            self.say(SNR, &[((snr_db * 4.0).round().clamp(-128.0, 127.0) as i8).cast_unsigned()]);
            self.say(kiss::DATA, packet);
        }
    }

    /// Tells the host how the channel is used, as a device does about once a second while its radio is on.
    pub fn report(&mut self, now: Duration, channel: &Channel) {
        if !self.on {
            return;
        }
        let usage = channel.usage(now, self.radio);
        let mut report = Vec::new();
        for percent in [
            usage.airtime_short_percent,
            usage.airtime_long_percent,
            usage.load_short_percent,
            usage.load_long_percent,
        ] {
            report.extend_from_slice(&((percent * 100.0).round() as u16).to_be_bytes());
        }
        let noise = strength(self.tuning().modulation.noise_floor_dbm());
        report.extend_from_slice(&[noise, noise, NO_INTERFERENCE]);
        self.say(CHANNEL, &report);
    }

    /// What the host is to get.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Whether a host has asked for this device and has not left.
    pub fn has_host(&self) -> bool {
        self.host_listens
    }

    fn handle(&mut self, now: Duration, channel: &mut Channel, command: u8, data: &[u8]) {
        match (command, data) {
            (DETECT, [DETECT_QUESTION]) => {
                self.host_listens = true;
                self.say(DETECT, &[DETECT_ANSWER]);
            }
            (LEAVE, [QUERY]) => {
                self.host_listens = false;
                self.output.clear();
            }
            (FIRMWARE, _) => self.say(FIRMWARE, &FIRMWARE_VERSION),
            (PLATFORM, _) => self.say(PLATFORM, &[PLATFORM_ESP32]),
            (MCU, _) => self.say(MCU, &[MCU_ESP32]),
            (RADIO_STATE, &[state]) => self.switch(now, channel, state),
            (kiss::READY, _) => self.say(kiss::READY, &[u8::from(channel.has_room(self.radio))]),
            (kiss::DATA, packet) => {
                // A queue that is full loses the packet silently, as the firmware does (section 10.5).
                if channel.transmit(now, self.radio, packet) == Err(Refused::Off) {
                    self.say(ERROR, &[TRANSMIT_FAILED]);
                }
            }
            _ => self.set(now, channel, command, data),
        }
    }

    /// Parameters: each is stored, and answered with what is stored then.
    fn set(&mut self, now: Duration, channel: &mut Channel, command: u8, data: &[u8]) {
        match (command, data) {
            (FREQUENCY, &[a, b, c, d]) => store(&mut self.frequency_hz, u32::from_be_bytes([a, b, c, d]), 0),
            (BANDWIDTH, &[a, b, c, d]) => store(&mut self.bandwidth_hz, u32::from_be_bytes([a, b, c, d]), 0),
            (TX_POWER, &[QUERY]) => {}
            (TX_POWER, &[dbm]) => self.tx_power_dbm = Some(dbm.min(TX_POWER_DBM_MAX)),
            (SPREADING_FACTOR, &[factor]) => store(&mut self.spreading_factor, factor, QUERY),
            (CODING_RATE, &[rate]) => store(&mut self.coding_rate, rate, QUERY),
            (AIRTIME_LIMIT_SHORT, &[a, b]) => self.limits_hundredths[0] = u16::from_be_bytes([a, b]),
            (AIRTIME_LIMIT_LONG, &[a, b]) => self.limits_hundredths[1] = u16::from_be_bytes([a, b]),
            _ => return,
        }
        if self.spreading_factor != 0 {
            self.spreading_factor = self.spreading_factor.clamp(5, 12);
        }
        self.coding_rate = self.coding_rate.clamp(5, 8);
        match command {
            FREQUENCY => self.say(FREQUENCY, &self.frequency_hz.to_be_bytes()),
            BANDWIDTH => self.say(BANDWIDTH, &self.bandwidth_hz.to_be_bytes()),
            TX_POWER => self.say(TX_POWER, &[self.tx_power_dbm.unwrap_or(QUERY)]),
            SPREADING_FACTOR => self.say(SPREADING_FACTOR, &[self.spreading_factor]),
            CODING_RATE => self.say(CODING_RATE, &[self.coding_rate]),
            AIRTIME_LIMIT_SHORT => self.say(command, &self.limits_hundredths[0].to_be_bytes()),
            _ => self.say(command, &self.limits_hundredths[1].to_be_bytes()),
        }
        self.apply(now, channel);
    }

    fn switch(&mut self, now: Duration, channel: &mut Channel, state: u8) {
        if state != QUERY {
            self.on = state == 1 && self.is_complete();
            self.apply(now, channel);
        }
        self.say(RADIO_STATE, &[u8::from(self.on)]);
        if self.on && state == 1 {
            // On success the firmware says it twice, and then what the modem makes of the parameters.
            self.say(RADIO_STATE, &[1]);
            self.report_physical();
        }
    }

    /// A device with a parameter missing keeps its radio locked.
    fn is_complete(&self) -> bool {
        self.frequency_hz != 0
            && self.bandwidth_hz != 0
            && self.spreading_factor != 0
            && self.tx_power_dbm.is_some()
    }

    fn apply(&mut self, now: Duration, channel: &mut Channel) {
        let [short_percent, long_percent] =
            self.limits_hundredths.map(|hundredths| Some(f64::from(hundredths) / 100.0));
        channel.limit(now, self.radio, AirtimeLimits { short_percent, long_percent });
        channel.tune(now, self.radio, self.on.then(|| self.tuning()));
    }

    fn tuning(&self) -> Tuning {
        let Self { frequency_hz, bandwidth_hz, spreading_factor, coding_rate, .. } = *self;
        Tuning { frequency_hz, modulation: Modulation { spreading_factor, bandwidth_hz, coding_rate } }
    }

    fn report_physical(&mut self) {
        let modulation = self.tuning().modulation;
        let symbol = modulation.symbol();
        let numbers = [
            symbol.as_micros(),
            1_000_000_000 / symbol.as_nanos().max(1),
            u128::from(PREAMBLE_SYMBOLS),
            (symbol * u32::from(PREAMBLE_SYMBOLS)).as_micros().div_ceil(1000),
            modulation.csma_slot().as_millis(),
            modulation.difs().as_millis(),
        ];
        let report: Vec<u8> = numbers
            .into_iter()
            .flat_map(|number| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes())
            .collect();
        self.say(PHYSICAL, &report);
    }

    fn say(&mut self, command: u8, data: &[u8]) {
        if self.host_listens && self.output.len() + data.len() < OUTPUT_LEN_MAX {
            kiss::encode(command, data, &mut self.output);
        }
    }
}

fn store<T: PartialEq>(place: &mut T, value: T, query: T) {
    if value != query {
        *place = value;
    }
}

fn strength(dbm: f64) -> u8 {
    (dbm + f64::from(RSSI_OFFSET)).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests;
