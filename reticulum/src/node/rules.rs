//! What an interface lets in and out beyond its mode: announce cap, announce rate, bursts, searches. The defaults are those
//! of the field (`spec/reticulum.md` 1.3, `spec/interfaces.md` 1.5 and 2.3).

use std::time::Duration;

/// Announce and path-request policy of an interface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InterfaceRules {
    /// Share of the bitrate that announces passed on for others may take, in percent, above 0 up to 100.
    pub announce_cap_percent: f32,
    /// How often an announce of one destination, heard here, is passed on; none for always.
    pub announce_rate: Option<AnnounceRate>,
    /// Among announces of the same second, the interface with more gravity gets the path.
    pub gravity: i32,
    /// Look for unknown paths on behalf of who asks here, whatever the mode.
    pub recursive_requests: bool,
    /// Let announces out here that were heard on an internal interface.
    pub announces_from_internal: bool,
    /// Let announces that were heard here, on a boundary, out on internal interfaces.
    pub announces_to_internal: bool,
    /// What counts as a burst, and what becomes of it.
    pub ingress: IngressRules,
    /// Path requests a second that are passed on to this interface for others; none for any number.
    pub egress_hz: Option<f32>,
}

impl Default for InterfaceRules {
    fn default() -> Self {
        Self {
            announce_cap_percent: 2.0,
            announce_rate: Some(AnnounceRate::default()),
            gravity: 0,
            recursive_requests: false,
            announces_from_internal: true,
            announces_to_internal: false,
            ingress: IngressRules::default(),
            egress_hz: None,
        }
    }
}

/// How often an announce of one destination is passed on (`spec/reticulum.md` 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceRate {
    /// Announces that come sooner after another are violations.
    pub target: Duration,
    /// Violations that are tolerated.
    pub grace: u32,
    /// How much longer than `target` a destination with more of them is not passed on.
    pub penalty: Duration,
}

impl Default for AnnounceRate {
    fn default() -> Self {
        Self { target: Duration::from_secs(3600), grace: 5, penalty: Duration::ZERO }
    }
}

/// What counts as a burst, of announces and of path requests (`spec/reticulum.md` 4.8).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IngressRules {
    /// Announces that are held back at most, within [`Limits::held_announces`](super::Limits::held_announces).
    pub held_announces_max: usize,
    /// How long a burst lasts at least, and how long it must have been over.
    pub burst_hold: Duration,
    /// Announces a second of unknown destinations that are a burst, on an interface that is not new.
    pub burst_hz: f32,
    /// The same on a new interface.
    pub burst_new_hz: f32,
    /// Path requests a second that are a burst, on an interface that is not new.
    pub request_burst_hz: f32,
    /// The same on a new interface.
    pub request_burst_new_hz: f32,
    /// How long an interface is new.
    pub new_for: Duration,
    /// How long after the start of a burst nothing that is held is released.
    pub burst_penalty: Duration,
    /// Time between two releases.
    pub release_interval: Duration,
}

impl Default for IngressRules {
    fn default() -> Self {
        Self {
            held_announces_max: 256,
            burst_hold: Duration::from_secs(15),
            burst_hz: 10.0,
            burst_new_hz: 3.0,
            request_burst_hz: 8.0,
            request_burst_new_hz: 3.0,
            new_for: Duration::from_secs(7200),
            burst_penalty: Duration::from_secs(15),
            release_interval: Duration::from_secs(5),
        }
    }
}
