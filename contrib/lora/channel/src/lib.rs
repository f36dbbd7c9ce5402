//! LoRa as pure logic: how long a packet is on the air.
//!
//! The formula is here and nowhere else: the RNode driver paces itself by it and `meshgroup airtime` prints it.

mod modulation;

pub use modulation::{FRAME_PAYLOAD_LEN_MAX, Modulation, PACKET_LEN_MAX, PREAMBLE_SYMBOLS};
