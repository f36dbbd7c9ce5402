//! Whom we have heard: keys, app_data and ratchet of each announced destination.

use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{PublicIdentity, RatchetPublic};
use crate::time::UnixTime;

/// A ratchet is not used longer than this after we heard it (`spec/reticulum.md` 2.7).
pub const RATCHET_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// A destination that announced itself.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its keys.
    pub identity: Arc<PublicIdentity>,
    /// The application's part of its newest announce.
    pub app_data: Option<Vec<u8>>,
    /// Its newest ratchet, and when we heard it.
    pub ratchet: Option<(RatchetPublic, UnixTime)>,
    /// When it was last heard.
    pub heard: UnixTime,
    /// Emission time of its newest announce, unix seconds of its clock.
    pub emitted_s: u64,
}
