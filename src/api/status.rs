//! How a node is: the one shape of it in memory, on the control socket and, through `serde`, in `status --json`.

use std::collections::BTreeMap;

use prost::Message;
use proto::v1;
use reticulum::hash::{DestinationHash, IdentityHash};
use serde::{Serialize, Serializer};

use super::announce::visibility;
use super::directory::Listing;

/// What `meshgroup status` tells. Field names are those of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeStatus {
    /// Version of the software.
    pub version: String,
    /// Seconds since the process started.
    pub uptime_s: u64,
    /// Whether the node has restored its state and serves.
    pub ready: bool,
    /// Resident memory of the process, in bytes.
    pub rss_bytes: u64,
    /// The first group that the node hosts.
    pub group: GroupStatus,
    /// All groups that it hosts, the first one included.
    pub groups: Vec<GroupStatus>,
    /// Where messages are kept for others, if they are.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_hex_if_any")]
    pub propagation_address: Option<DestinationHash>,
    /// The configured interfaces, in their order.
    pub interfaces: Vec<InterfaceStatus>,
    /// Copies that are not proven yet, and for whom.
    pub delivery: DeliveryStatus,
    /// Every count of something refused, dropped or done, by name.
    pub counters: BTreeMap<String, u64>,
}

/// Copies that are not proven yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryStatus {
    /// Copies that wait.
    pub queued: u64,
    /// Messages under way; on a slow medium one may hold several copies.
    pub sent: u64,
    /// Messages on propagation nodes that may be sent once more.
    pub on_node: u64,
    /// The members whose oldest copy waits longest.
    pub slowest: Vec<SlowMember>,
}

/// A member who is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SlowMember {
    /// Number of the group on this node.
    pub group: u32,
    /// Member number.
    pub member: u32,
    /// Nick.
    pub nick: String,
    /// Messages that they lack.
    pub backlog: u64,
    /// How long the oldest of them waits.
    pub oldest_s: u64,
    /// Whether they get digests.
    pub digest: bool,
}

/// A group in [`NodeStatus`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupStatus {
    /// Number of the group on this node.
    pub number: u32,
    /// Name of the group.
    pub name: String,
    /// "public" or "private".
    pub visibility: &'static str,
    /// The `lxmf.delivery` destination.
    #[serde(serialize_with = "as_hex")]
    pub address: DestinationHash,
    /// The `meshchat.group` destination.
    #[serde(serialize_with = "as_hex")]
    pub api_address: DestinationHash,
    /// The group's identity.
    #[serde(serialize_with = "as_hex")]
    pub identity_hash: IdentityHash,
    /// Number of present members.
    pub members: u64,
    /// Number of messages in the history.
    pub messages: u64,
    /// Sequence number of the newest event.
    pub last_event: u64,
}

/// An interface in [`NodeStatus`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InterfaceStatus {
    /// Name in the configuration.
    pub name: String,
    /// Type in the configuration.
    pub r#type: String,
    /// Whether it works right now.
    pub online: bool,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Open media: connections of a server, neighbours on a network, 1 for a line.
    pub media: u32,
    /// Frames that wait to be sent.
    pub queue_len: u64,
    /// How long the oldest of them waits, announces left out.
    pub queue_delay_ms: u64,
    /// What part of the last hour was sent in; only of a slow interface, or one with a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub airtime_used_percent: Option<f32>,
    /// Why it is not online, if it is not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub waiting: String,
    /// What a radio tells of itself and of the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radio: Option<RadioStatus>,
}

/// A radio in [`InterfaceStatus`], as far as it has told.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RadioStatus {
    /// Version of the device's firmware, for example "1.86".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// Strength of the last packet, in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rssi_dbm: Option<i32>,
    /// Signal over noise of the last packet, in dB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f32>,
    /// The last packet's margin above what the modem can still read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_percent: Option<f32>,
    /// Our sending, in the last 15 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub airtime_short_percent: Option<f32>,
    /// Our sending, in the last hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub airtime_long_percent: Option<f32>,
    /// Everybody's sending, in the last 15 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_short_percent: Option<f32>,
    /// Everybody's sending, in the last hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_long_percent: Option<f32>,
    /// Strength on the channel now, in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_dbm: Option<i32>,
    /// Strength while nobody sends, in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_floor_dbm: Option<i32>,
    /// Strength of what is no LoRa, in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interference_dbm: Option<i32>,
    /// Charge of the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<u32>,
    /// Temperature of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_celsius: Option<i32>,
    /// Packets that the device dropped because its queue was full.
    pub queue_overflows: u32,
    /// Other complaints of the device that it got over by itself.
    pub complaints: u32,
}

/// Serialises a hash as hexadecimal digits.
pub(super) fn as_hex<S: Serializer>(hash: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}

fn as_hex_if_any<S: Serializer>(hash: &Option<DestinationHash>, serializer: S) -> Result<S::Ok, S::Error> {
    match hash {
        Some(hash) => as_hex(hash, serializer),
        None => serializer.serialize_none(),
    }
}

impl NodeStatus {
    /// The encoded answer to `/control/v1/status`.
    pub fn encode(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }

    fn to_proto(&self) -> v1::StatusResponse {
        v1::StatusResponse {
            version: self.version.clone(),
            uptime_s: self.uptime_s,
            ready: self.ready,
            rss_bytes: self.rss_bytes,
            group: Some(self.group.to_proto()),
            groups: self.groups.iter().map(GroupStatus::to_proto).collect(),
            interfaces: self.interfaces.iter().map(InterfaceStatus::to_proto).collect(),
            counters: self.counters.clone(),
            propagation_address: self.propagation_address.map(|address| address.as_bytes().to_vec()),
            delivery: Some(self.delivery.to_proto()),
            error: None,
        }
    }

    /// `None` where the answer lacks what every node tells.
    pub(super) fn from_proto(status: v1::StatusResponse) -> Option<Self> {
        Some(Self {
            version: status.version,
            uptime_s: status.uptime_s,
            ready: status.ready,
            rss_bytes: status.rss_bytes,
            group: GroupStatus::from_proto(status.group?)?,
            groups: status.groups.into_iter().map(GroupStatus::from_proto).collect::<Option<_>>()?,
            interfaces: status.interfaces.into_iter().map(InterfaceStatus::from_proto).collect(),
            counters: status.counters,
            delivery: status.delivery.map(DeliveryStatus::from_proto).unwrap_or_default(),
            propagation_address: status
                .propagation_address
                .and_then(|address| DestinationHash::from_slice(&address)),
        })
    }
}

impl DeliveryStatus {
    fn to_proto(&self) -> v1::DeliveryStatus {
        let Self { queued, sent, on_node, ref slowest } = *self;
        let slowest = slowest.iter().cloned().map(|slow| {
            let SlowMember { group, member, nick, backlog, oldest_s, digest } = slow;
            v1::SlowMember { group, member, nick, backlog, oldest_s, digest }
        });
        v1::DeliveryStatus { queued, sent, on_node, slowest: slowest.collect() }
    }

    fn from_proto(status: v1::DeliveryStatus) -> Self {
        let v1::DeliveryStatus { queued, sent, on_node, slowest } = status;
        let slowest = slowest.into_iter().map(|slow| {
            let v1::SlowMember { group, member, nick, backlog, oldest_s, digest } = slow;
            SlowMember { group, member, nick, backlog, oldest_s, digest }
        });
        Self { queued, sent, on_node, slowest: slowest.collect() }
    }
}

impl GroupStatus {
    /// A group of a node.
    pub fn of(listing: &Listing<'_>, identity_hash: IdentityHash) -> Self {
        let state = listing.group.state();
        Self {
            number: listing.id.0,
            name: state.settings.name.clone(),
            visibility: visibility_name(visibility(state.settings.visibility)),
            address: listing.lxmf,
            api_address: listing.api,
            identity_hash,
            members: state.roster.len() as u64,
            messages: state.messages,
            last_event: state.head.0,
        }
    }

    fn to_proto(&self) -> v1::GroupStatus {
        let private = self.visibility == visibility_name(v1::Visibility::Private);
        v1::GroupStatus {
            number: self.number,
            name: self.name.clone(),
            visibility: if private { v1::Visibility::Private } else { v1::Visibility::Public }.into(),
            address: self.address.as_bytes().to_vec(),
            api_address: self.api_address.as_bytes().to_vec(),
            identity_hash: self.identity_hash.as_bytes().to_vec(),
            members: self.members,
            messages: self.messages,
            last_event: self.last_event,
        }
    }

    fn from_proto(group: v1::GroupStatus) -> Option<Self> {
        Some(Self {
            number: group.number,
            visibility: visibility_name(group.visibility()),
            name: group.name,
            address: DestinationHash::from_slice(&group.address)?,
            api_address: DestinationHash::from_slice(&group.api_address)?,
            identity_hash: IdentityHash::from_slice(&group.identity_hash)?,
            members: group.members,
            messages: group.messages,
            last_event: group.last_event,
        })
    }
}

fn visibility_name(visibility: v1::Visibility) -> &'static str {
    match visibility {
        v1::Visibility::Public => "public",
        v1::Visibility::Private => "private",
    }
}

impl InterfaceStatus {
    fn to_proto(&self) -> v1::InterfaceStatus {
        let Self {
            name,
            r#type,
            online,
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            waiting,
            radio,
            media,
            queue_len,
            queue_delay_ms,
            airtime_used_percent,
        } = self.clone();
        let radio = radio.map(|radio| radio.to_proto());
        v1::InterfaceStatus {
            name,
            r#type,
            online,
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            waiting,
            radio,
            media,
            queue_len,
            queue_delay_ms,
            airtime_used_percent,
        }
    }

    fn from_proto(interface: v1::InterfaceStatus) -> Self {
        let v1::InterfaceStatus {
            name,
            r#type,
            online,
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            waiting,
            radio,
            media,
            queue_len,
            queue_delay_ms,
            airtime_used_percent,
        } = interface;
        let radio = radio.map(RadioStatus::from_proto);
        Self {
            name,
            r#type,
            online,
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            waiting,
            radio,
            media,
            queue_len,
            queue_delay_ms,
            airtime_used_percent,
        }
    }
}

impl RadioStatus {
    fn to_proto(&self) -> v1::RadioStatus {
        let Self {
            firmware,
            rssi_dbm,
            snr_db,
            quality_percent,
            airtime_short_percent,
            airtime_long_percent,
            load_short_percent,
            load_long_percent,
            channel_dbm,
            noise_floor_dbm,
            interference_dbm,
            battery_percent,
            temperature_celsius,
            queue_overflows,
            complaints,
        } = self.clone();
        v1::RadioStatus {
            firmware,
            rssi_dbm,
            snr_db,
            quality_percent,
            airtime_short_percent,
            airtime_long_percent,
            load_short_percent,
            load_long_percent,
            channel_dbm,
            noise_floor_dbm,
            interference_dbm,
            battery_percent,
            temperature_celsius,
            queue_overflows,
            complaints,
        }
    }

    fn from_proto(radio: v1::RadioStatus) -> Self {
        let v1::RadioStatus {
            firmware,
            rssi_dbm,
            snr_db,
            quality_percent,
            airtime_short_percent,
            airtime_long_percent,
            load_short_percent,
            load_long_percent,
            channel_dbm,
            noise_floor_dbm,
            interference_dbm,
            battery_percent,
            temperature_celsius,
            queue_overflows,
            complaints,
        } = radio;
        Self {
            firmware,
            rssi_dbm,
            snr_db,
            quality_percent,
            airtime_short_percent,
            airtime_long_percent,
            load_short_percent,
            load_long_percent,
            channel_dbm,
            noise_floor_dbm,
            interference_dbm,
            battery_percent,
            temperature_celsius,
            queue_overflows,
            complaints,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_the_control_socket() {
        let group = GroupStatus {
            number: 1,
            name: "Harbour".into(),
            visibility: "private",
            address: DestinationHash::new([1; 16]),
            api_address: DestinationHash::new([2; 16]),
            identity_hash: IdentityHash::new([3; 16]),
            members: 4,
            messages: 5,
            last_event: 6,
        };
        let status = NodeStatus {
            version: "0.1.0".into(),
            uptime_s: 7,
            ready: true,
            rss_bytes: 9_000_000,
            groups: vec![group.clone()],
            group,
            interfaces: vec![InterfaceStatus {
                name: "up".into(),
                rx_bytes: 1,
                media: 3,
                radio: Some(RadioStatus {
                    rssi_dbm: Some(-91),
                    snr_db: Some(-3.25),
                    complaints: 2,
                    ..RadioStatus::default()
                }),
                ..InterfaceStatus::default()
            }],
            propagation_address: Some(DestinationHash::new([9; 16])),
            delivery: DeliveryStatus {
                queued: 7,
                slowest: vec![SlowMember { nick: "Bob".into(), backlog: 3, ..SlowMember::default() }],
                ..DeliveryStatus::default()
            },
            counters: BTreeMap::from([("malformed_packets".into(), 2)]),
        };
        assert_eq!(NodeStatus::from_proto(status.to_proto()), Some(status));
    }
}
