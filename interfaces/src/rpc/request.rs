//! What programs ask the shared instance, out of MessagePack maps (interfaces.md section 13.2).

use reticulum::hash::{DestinationHash, IdentityHash, PacketHash};
use reticulum::time::UnixTime;
use reticulum::wire::msgpack::{Item, ReadError, Reader};

/// Keys of a request; the longest has three.
const KEYS_MAX: usize = 8;

/// What is asked of how a packet was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalPart {
    /// Strength, in decibel over a milliwatt.
    Rssi,
    /// Signal over noise, in decibel.
    Snr,
    /// Margin, in percent.
    Quality,
}

/// One question or command.
#[derive(Clone, Debug, PartialEq)]
pub enum RpcRequest {
    /// What each interface is, and what it carried.
    InterfaceStats,
    /// All paths of at most so many hops.
    PathTable {
        /// Without it, all.
        max_hops: Option<u64>,
    },
    /// How often destinations announce themselves.
    RateTable,
    /// The next hop to a destination.
    NextHop(DestinationHash),
    /// The name of the interface that leads to a destination.
    NextHopInterface(DestinationHash),
    /// Seconds until a packet is over the first hop to a destination.
    FirstHopTimeout(DestinationHash),
    /// Bits per second of the slowest interface.
    LowestBitrate,
    /// Seconds for a question and its answer over the slowest interface.
    MediumTimeout,
    /// Links that pass through.
    LinkCount,
    /// Those of them that are established.
    ActiveLinkCount,
    /// How long what takes; nobody measures that here.
    Profiling,
    /// How well a packet was received by radio.
    PacketSignal(SignalPart, PacketHash),
    /// The identities whose traffic is dropped.
    Blackholed,
    /// Whether one is among them.
    IsBlackholed(IdentityHash),
    /// Forget the path to a destination.
    DropPath(DestinationHash),
    /// Forget all paths with this next hop: a transport, or a destination that is a direct neighbour.
    DropVia([u8; 16]),
    /// Forget the announces that wait for their turn.
    DropAnnounceQueues,
    /// Attach, detach or reload an interface, which only the configuration does here.
    Manage,
    /// Drop the traffic of an identity.
    Blackhole {
        /// Whose.
        identity: IdentityHash,
        /// Until when; for good without it.
        until: Option<UnixTime>,
        /// Why, for people.
        reason: Option<String>,
    },
    /// No longer drop it.
    Unblackhole(IdentityHash),
    /// A destination is used, or is to be remembered, or no longer.
    DestinationData {
        /// Whose.
        destination: DestinationHash,
        /// Whether it is to be remembered; without it, it was used.
        retain: Option<bool>,
    },
    /// An identity is to be remembered.
    RetainIdentity(IdentityHash),
}

/// Why a request is not understood. Such a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not MessagePack, or not of the right form.
    #[error("malformed: {0}")]
    Malformed(#[from] ReadError),
    /// Nothing that we know.
    #[error("unknown request")]
    Unknown,
}

/// The values of a request, by their keys.
#[derive(Default)]
struct Fields<'a> {
    fields: Vec<(&'a str, Item<'a>)>,
}

impl<'a> Fields<'a> {
    fn read(body: &'a [u8]) -> Result<Self, RequestError> {
        let mut reader = Reader::new(body);
        let len = reader.read_map_len()?;
        if len > KEYS_MAX {
            return Err(RequestError::Unknown);
        }
        let mut fields = Self::default();
        for _ in 0..len {
            let key = reader.read_str()?;
            let value = reader.peek()?;
            reader.skip()?;
            fields.fields.push((key, value));
        }
        Ok(fields)
    }

    fn item(&self, key: &str) -> Option<Item<'a>> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, item)| *item)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        match self.item(key)? {
            Item::Str(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    fn hash<const N: usize>(&self, key: &str) -> Result<&'a [u8; N], RequestError> {
        match self.item(key) {
            Some(Item::Bin(bytes)) => bytes.try_into().map_err(|_| RequestError::Malformed(ReadError::Range)),
            _ => Err(RequestError::Malformed(ReadError::Type)),
        }
    }

    /// Seconds since 1970, if there is such a number.
    fn time(&self, key: &str) -> Option<UnixTime> {
        match self.item(key)? {
            Item::Float(seconds) => Some(UnixTime::from_secs_f64(seconds)),
            Item::Uint(seconds) => Some(UnixTime::from_secs(seconds)),
            _ => None,
        }
    }

    fn packet(&self) -> Result<PacketHash, RequestError> {
        self.hash("packet_hash").copied().map(PacketHash::new)
    }

    fn destination(&self) -> Result<DestinationHash, RequestError> {
        self.hash("destination_hash").copied().map(DestinationHash::new)
    }

    fn identity(&self, key: &str) -> Result<IdentityHash, RequestError> {
        self.hash(key).copied().map(IdentityHash::new)
    }
}

impl RpcRequest {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let fields = Fields::read(body)?;
        if let Some(what) = fields.text("get") {
            return Self::get(what, &fields);
        }
        if let Some(what) = fields.text("drop") {
            return match what {
                "path" => fields.destination().map(Self::DropPath),
                "all_via" => fields.hash("destination_hash").copied().map(Self::DropVia),
                "announce_queues" => Ok(Self::DropAnnounceQueues),
                _ => Err(RequestError::Unknown),
            };
        }
        if let Some(what) = fields.text("destination_data") {
            let retain = match what {
                "used" => None,
                "retain" => Some(true),
                "unretain" => Some(false),
                _ => return Err(RequestError::Unknown),
            };
            return Ok(Self::DestinationData { destination: fields.destination()?, retain });
        }
        match () {
            () if fields.text("identity_data") == Some("retain") => {
                fields.identity("identity_hash").map(Self::RetainIdentity)
            }
            () if fields.item("blackhole_identity").is_some() => Ok(Self::Blackhole {
                identity: fields.identity("blackhole_identity")?,
                until: fields.time("until"),
                reason: fields.text("reason").map(str::to_owned),
            }),
            () if fields.item("unblackhole_identity").is_some() => {
                fields.identity("unblackhole_identity").map(Self::Unblackhole)
            }
            () if fields.text("manage").is_some() => Ok(Self::Manage),
            () => Err(RequestError::Unknown),
        }
    }

    fn get(what: &str, fields: &Fields<'_>) -> Result<Self, RequestError> {
        Ok(match what {
            "interface_stats" => Self::InterfaceStats,
            "path_table" => Self::PathTable {
                max_hops: match fields.item("max_hops") {
                    Some(Item::Uint(hops)) => Some(hops),
                    _ => None,
                },
            },
            "rate_table" => Self::RateTable,
            "next_hop" => Self::NextHop(fields.destination()?),
            "next_hop_if_name" => Self::NextHopInterface(fields.destination()?),
            "first_hop_timeout" => Self::FirstHopTimeout(fields.destination()?),
            "lowest_interface_bitrate" => Self::LowestBitrate,
            "medium_path_timeout" => Self::MediumTimeout,
            "link_count" => Self::LinkCount,
            "active_link_count" => Self::ActiveLinkCount,
            "profiling_results" => Self::Profiling,
            "packet_rssi" => Self::PacketSignal(SignalPart::Rssi, fields.packet()?),
            "packet_snr" => Self::PacketSignal(SignalPart::Snr, fields.packet()?),
            "packet_q" => Self::PacketSignal(SignalPart::Quality, fields.packet()?),
            "blackholed_identities" => Self::Blackholed,
            "is_blackholed" => Self::IsBlackholed(fields.identity("identity_hash")?),
            _ => return Err(RequestError::Unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reticulum::wire::msgpack as m;

    const HASH: [u8; 16] = [5; 16];

    enum Value {
        Text(&'static str),
        Hash,
        Packet,
        Float(f64),
        Number(u64),
        Nil,
    }
    use Value::{Float, Hash, Nil, Number, Packet, Text};

    fn body(fields: &[(&str, Value)]) -> Vec<u8> {
        let mut out = Vec::new();
        m::write_map_len(&mut out, fields.len());
        for (key, value) in fields {
            m::write_str(&mut out, key);
            match value {
                Text(text) => m::write_str(&mut out, text),
                Hash => m::write_bin(&mut out, &HASH),
                Packet => m::write_bin(&mut out, &[6; 32]),
                Float(number) => m::write_f64(&mut out, *number),
                Number(number) => m::write_uint(&mut out, *number),
                Nil => m::write_nil(&mut out),
            }
        }
        out
    }

    #[test]
    fn each_row_of_the_table_is_understood() {
        use RpcRequest as R;
        let (to, who) = (DestinationHash::new(HASH), IdentityHash::new(HASH));
        let (dest, id) = ("destination_hash", "identity_hash");
        let packet = PacketHash::new([6; 32]);
        let blackhole = |until, reason| R::Blackhole { identity: who, until, reason };
        let data = |retain| R::DestinationData { destination: to, retain };
        let rows: Vec<(Vec<(&str, Value)>, R)> = vec![
            (vec![("get", Text("interface_stats"))], R::InterfaceStats),
            (vec![("get", Text("path_table")), ("max_hops", Nil)], R::PathTable { max_hops: None }),
            (vec![("get", Text("path_table")), ("max_hops", Number(3))], R::PathTable { max_hops: Some(3) }),
            (vec![("get", Text("rate_table"))], R::RateTable),
            (vec![("get", Text("next_hop")), (dest, Hash)], R::NextHop(to)),
            (vec![("get", Text("next_hop_if_name")), (dest, Hash)], R::NextHopInterface(to)),
            (vec![("get", Text("first_hop_timeout")), (dest, Hash)], R::FirstHopTimeout(to)),
            (vec![("get", Text("lowest_interface_bitrate"))], R::LowestBitrate),
            (vec![("get", Text("medium_path_timeout"))], R::MediumTimeout),
            (vec![("get", Text("link_count"))], R::LinkCount),
            (vec![("get", Text("active_link_count"))], R::ActiveLinkCount),
            (vec![("get", Text("profiling_results"))], R::Profiling),
            (
                vec![("get", Text("packet_rssi")), ("packet_hash", Packet)],
                R::PacketSignal(SignalPart::Rssi, packet),
            ),
            (
                vec![("get", Text("packet_snr")), ("packet_hash", Packet)],
                R::PacketSignal(SignalPart::Snr, packet),
            ),
            (
                vec![("get", Text("packet_q")), ("packet_hash", Packet)],
                R::PacketSignal(SignalPart::Quality, packet),
            ),
            (vec![("get", Text("blackholed_identities"))], R::Blackholed),
            (vec![("get", Text("is_blackholed")), (id, Hash)], R::IsBlackholed(who)),
            (vec![("drop", Text("path")), (dest, Hash)], R::DropPath(to)),
            (vec![("drop", Text("all_via")), (dest, Hash)], R::DropVia(HASH)),
            (vec![("drop", Text("announce_queues"))], R::DropAnnounceQueues),
            (vec![("manage", Text("attach_interface")), ("name", Text("lan"))], R::Manage),
            (vec![("blackhole_identity", Hash), ("until", Nil), ("reason", Nil)], blackhole(None, None)),
            (
                vec![("blackhole_identity", Hash), ("until", Float(1e9)), ("reason", Text("floods"))],
                blackhole(Some(UnixTime::from_secs(1_000_000_000)), Some("floods".to_owned())),
            ),
            (vec![("unblackhole_identity", Hash)], R::Unblackhole(who)),
            (vec![("destination_data", Text("used")), (dest, Hash)], data(None)),
            (vec![("destination_data", Text("retain")), (dest, Hash)], data(Some(true))),
            (vec![("destination_data", Text("unretain")), (dest, Hash)], data(Some(false))),
            (vec![("identity_data", Text("retain")), (id, Hash)], R::RetainIdentity(who)),
        ];
        for (fields, request) in rows {
            assert_eq!(R::parse(&body(&fields)), Ok(request));
        }
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        let unknown = [
            vec![("get", Text("coffee"))],
            vec![("drop", Text("all"))],
            vec![("destination_data", Text("sell")), ("destination_hash", Hash)],
            vec![],
        ];
        for fields in unknown {
            assert_eq!(RpcRequest::parse(&body(&fields)), Err(RequestError::Unknown));
        }
        for bytes in [&b""[..], b"\xc0", b"\x81", b"\x81\xa3get", b"\xdf\xff\xff\xff\xff"] {
            assert!(matches!(RpcRequest::parse(bytes), Err(RequestError::Malformed(_))), "{bytes:?}");
        }
        let without = body(&[("get", Text("next_hop"))]);
        assert_eq!(RpcRequest::parse(&without), Err(RequestError::Malformed(ReadError::Type)));
    }
}
