//! RNodes without hardware: pseudo-terminals that behave as RNodes to whoever opens them, joined by a simulated LoRa
//! channel in real or accelerated time.
//!
//! [`Device`] is one RNode towards its host, without input and output; `lora_channel` is the air; [`Desk`] owns both, the
//! terminals and the clock. It knows nothing of packets: what a host sends, the air carries.

mod desk;
mod device;
mod terminal;

pub use desk::{Desk, Options};
pub use device::Device;
