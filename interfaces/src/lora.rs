//! LoRa parameters and what is allowed. How fast they are, and how long a packet is on the air, is `lora_channel`'s.

use lora_channel::Modulation;

use crate::StartError;

/// How a LoRa modem is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoraSettings {
    /// Middle of the channel, 137 MHz to 3 GHz.
    pub frequency_hz: u32,
    /// Width of the channel, 7800 Hz to 1.625 MHz.
    pub bandwidth_hz: u32,
    /// Decibel over a milliwatt, 0 to 37; a device that cannot do it is refused.
    pub tx_power_dbm: u8,
    /// 5 to 12; one more halves the speed.
    pub spreading_factor: u8,
    /// 5 to 8, the denominator of 4/x.
    pub coding_rate: u8,
}

impl LoraSettings {
    /// Whether these parameters are in the ranges of interfaces.md section 10.4.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let rows = [
            ("frequency", self.frequency_hz, 137_000_000, 3_000_000_000, "137000000 to 3000000000 Hz"),
            ("bandwidth", self.bandwidth_hz, 7_800, 1_625_000, "7800 to 1625000 Hz"),
            ("tx_power", u32::from(self.tx_power_dbm), 0, 37, "0 to 37 dBm"),
            ("spreading_factor", u32::from(self.spreading_factor), 5, 12, "5 to 12"),
            ("coding_rate", u32::from(self.coding_rate), 5, 8, "5 to 8"),
        ];
        for (setting, value, min, max, range) in rows {
            if !(min..=max).contains(&value) {
                return Err(StartError::OutOfRange { setting, value: value.to_string(), range });
            }
        }
        Ok(())
    }

    /// What decides how fast the modem is, and who hears it.
    pub fn modulation(&self) -> Modulation {
        let Self { spreading_factor, bandwidth_hz, coding_rate, .. } = *self;
        Modulation { spreading_factor, bandwidth_hz, coding_rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: LoraSettings = LoraSettings {
        frequency_hz: 867_200_000,
        bandwidth_hz: 125_000,
        tx_power_dbm: 7,
        spreading_factor: 8,
        coding_rate: 5,
    };

    fn settings(spreading_factor: u8, bandwidth_hz: u32, coding_rate: u8) -> LoraSettings {
        LoraSettings { spreading_factor, bandwidth_hz, coding_rate, ..USUAL }
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        assert!(USUAL.check().is_ok());
        let rows = [
            (LoraSettings { frequency_hz: 136_999_999, ..USUAL }, "frequency"),
            (LoraSettings { frequency_hz: 3_000_000_001, ..USUAL }, "frequency"),
            (LoraSettings { bandwidth_hz: 7_799, ..USUAL }, "bandwidth"),
            (LoraSettings { bandwidth_hz: 1_625_001, ..USUAL }, "bandwidth"),
            (LoraSettings { tx_power_dbm: 38, ..USUAL }, "tx_power"),
            (settings(4, 125_000, 5), "spreading_factor"),
            (settings(13, 125_000, 5), "spreading_factor"),
            (settings(8, 125_000, 4), "coding_rate"),
            (settings(8, 125_000, 9), "coding_rate"),
        ];
        for (settings, name) in rows {
            let error = settings.check().unwrap_err();
            assert!(
                matches!(error, StartError::OutOfRange { setting, .. } if setting == name),
                "{settings:?}"
            );
        }
    }
}
