//! LoRa as pure logic: how long a packet is on the air, and what becomes of the packets of many radios on one channel.
//!
//! The formula of [`Modulation`] is here and nowhere else: the RNode driver paces itself by it, `meshgroup airtime`
//! prints it, and [`Channel`] runs on it. The channel does no input or output and reads no clock: time is an argument, the
//! [`Duration`](std::time::Duration) since the channel began. Randomness comes from one seed; the same seed and the same
//! calls give the same [`Event`]s. The simulator drives it in virtual time, the virtual radio in real time.
//!
//! What the model has: air time by Semtech's formula with RNode's framing, half duplex, carrier sense with slotted
//! back-off, hidden nodes, collisions with 6 dB of capture, sensitivity by spreading factor, loss at random and in bursts,
//! air-time limits. What it does not have: fading, Doppler, drift of crystals, and interference between different spreading
//! factors or neighbouring frequencies, which it takes for perfectly separate.

mod channel;
mod framing;
mod ledger;
mod modulation;
mod terrain;

pub use channel::{Channel, Event, Miss, RADIO_QUEUE_BYTES_MAX, RADIO_QUEUE_PACKETS_MAX, Refused, Tuning};
pub use ledger::{AirtimeLimits, Usage};
pub use modulation::{FRAME_PAYLOAD_LEN_MAX, Modulation, PACKET_LEN_MAX, PREAMBLE_SYMBOLS};
pub use terrain::{Bursts, Signal, Terrain, TerrainError};
