//! What an RNode has said of itself, and whether it will do (interfaces.md section 10.4).

use crate::LoraSettings;
use crate::framing::rnode::{Message, Platform};

/// interfaces.md section 10.4.
const FIRMWARE_MIN: (u8, u8) = (1, 52);

/// A modem rounds the frequency to its steps.
const FREQUENCY_TOLERANCE_HZ: u32 = 100;

#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    detected: bool,
    firmware: Option<(u8, u8)>,
    platform: Option<Platform>,
    frequency_hz: Option<u32>,
    bandwidth_hz: Option<u32>,
    tx_power_dbm: Option<u8>,
    spreading_factor: Option<u8>,
    radio_on: Option<bool>,
}

impl Device {
    pub(super) fn learn(&mut self, message: Message<'_>) {
        match message {
            Message::Detected => self.detected = true,
            Message::Firmware(major, minor) => self.firmware = Some((major, minor)),
            Message::Platform(platform) => self.platform = Some(platform),
            Message::Frequency(hz) => self.frequency_hz = Some(hz),
            Message::Bandwidth(hz) => self.bandwidth_hz = Some(hz),
            Message::TxPower(dbm) => self.tx_power_dbm = Some(dbm),
            Message::SpreadingFactor(factor) => self.spreading_factor = Some(factor),
            Message::Radio(on) => self.radio_on = Some(on),
            _ => {}
        }
    }

    /// Whether it has answered the whole detect sequence, as far as we need it.
    pub(super) fn is_known(&self) -> bool {
        self.detected && self.firmware.is_some() && self.platform.is_some()
    }

    /// Whether it has answered the whole configuration. The radio's state comes last.
    pub(super) fn is_configured(&self) -> bool {
        self.frequency_hz.is_some()
            && self.bandwidth_hz.is_some()
            && self.tx_power_dbm.is_some()
            && self.spreading_factor.is_some()
            && self.radio_on.is_some()
    }

    pub(super) fn firmware(&self) -> Option<(u8, u8)> {
        self.firmware
    }

    pub(super) fn has_display(&self) -> bool {
        self.platform.is_some_and(Platform::has_display)
    }

    /// Whether it is an RNode whose firmware we can talk to. The error is for people.
    pub(super) fn check_firmware(&self) -> Result<(), String> {
        if !self.detected {
            return Err(
                "no RNode answers there; check the port, and that the device has RNode firmware".to_owned()
            );
        }
        match self.firmware {
            Some(firmware) if firmware >= FIRMWARE_MIN => Ok(()),
            Some((major, minor)) => {
                let (least_major, least_minor) = FIRMWARE_MIN;
                Err(format!(
                    "its firmware {major}.{minor} is too old; update it to {least_major}.{least_minor} or later"
                ))
            }
            None => Err("it does not tell its firmware version; update its firmware".to_owned()),
        }
    }

    /// Whether the modem is set as it should be. The coding rate is not compared: receivers read it from each packet.
    /// The error is for people.
    pub(super) fn check_parameters(&self, wanted: &LoraSettings) -> Result<(), String> {
        let close = |hz: u32| hz.abs_diff(wanted.frequency_hz) <= FREQUENCY_TOLERANCE_HZ;
        if let Some(hz) = self.frequency_hz.filter(|hz| !close(*hz)) {
            return Err(mismatch("frequency", wanted.frequency_hz, Some(hz)));
        }
        if self.bandwidth_hz != Some(wanted.bandwidth_hz) {
            return Err(mismatch("bandwidth", wanted.bandwidth_hz, self.bandwidth_hz));
        }
        if self.tx_power_dbm != Some(wanted.tx_power_dbm) {
            return Err(mismatch("tx_power", wanted.tx_power_dbm, self.tx_power_dbm));
        }
        if self.spreading_factor != Some(wanted.spreading_factor) {
            return Err(mismatch("spreading_factor", wanted.spreading_factor, self.spreading_factor));
        }
        if self.radio_on != Some(true) {
            return Err("it does not switch its radio on; check the frequency for this model".to_owned());
        }
        Ok(())
    }
}

fn mismatch<T: std::fmt::Display>(setting: &str, wanted: T, got: Option<T>) -> String {
    match got {
        Some(got) => format!("it cannot do {setting} = {wanted}, it does {got}; set what the device can do"),
        None => format!("it did not confirm {setting} = {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: LoraSettings = LoraSettings {
        frequency_hz: 867_200_000,
        bandwidth_hz: 125_000,
        tx_power_dbm: 7,
        spreading_factor: 8,
        coding_rate: 5,
    };

    fn device(but: &[Message<'_>]) -> Device {
        let mut device = Device::default();
        let usual = [
            Message::Frequency(867_200_000),
            Message::Bandwidth(125_000),
            Message::TxPower(7),
            Message::SpreadingFactor(8),
            Message::Radio(true),
        ];
        usual.iter().chain(but).for_each(|message| device.learn(*message));
        assert!(device.is_configured());
        device
    }

    #[test]
    fn a_device_that_does_as_told_is_accepted() {
        let rows: [&[Message<'_>]; 4] = [
            &[],
            &[Message::Frequency(867_200_090)],
            &[Message::Frequency(867_199_900)],
            &[Message::CodingRate(8)],
        ];
        for but in rows {
            assert_eq!(device(but).check_parameters(&WANTED), Ok(()), "{but:?}");
        }
    }

    #[test]
    fn a_device_that_does_otherwise_is_refused_with_the_setting_named() {
        let rows = [
            (Message::Frequency(867_200_150), "frequency"),
            (Message::Bandwidth(250_000), "bandwidth"),
            (Message::TxPower(6), "tx_power"),
            (Message::SpreadingFactor(9), "spreading_factor"),
            (Message::Radio(false), "radio"),
        ];
        for (but, name) in rows {
            let error = device(&[but]).check_parameters(&WANTED).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
        assert!(Device::default().check_parameters(&WANTED).is_err());
    }

    #[test]
    fn firmware_is_accepted_from_1_52_on() {
        for (firmware, accepted) in
            [((1, 51), false), ((1, 52), true), ((1, 86), true), ((2, 0), true), ((0, 99), false)]
        {
            let mut device = Device::default();
            device.learn(Message::Detected);
            assert!(device.check_firmware().is_err());
            device.learn(Message::Firmware(firmware.0, firmware.1));
            assert_eq!(device.check_firmware().is_ok(), accepted, "{firmware:?}");
        }
    }
}
