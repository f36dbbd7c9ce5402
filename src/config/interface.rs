//! One `[[interface]]`: what its table (see `table`) means, checked, as one typed value. It does not open anything;
//! `interfaces` does.

mod rules;
mod table;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use interfaces::{
    AutoSettings, Ax25Station, BackboneEnd, BackboneSettings, Beacon, FlapLimit, I2pSettings, KissSettings,
    LocalPlace, LocalSettings, LoraSettings, PipeSettings, RnodeSettings, SerialLine, SerialSettings,
    Settings, TcpClientSettings, TcpServerSettings, UdpSettings,
};
use reticulum::crypto::Ifac;
use reticulum::node::{AirtimeLimits, InterfaceRules, Mode};
use serde::Deserialize;

use self::table::InterfaceType;
pub(super) use self::table::{ADDRESS_LIVES, InterfaceTable, MODES, PARITIES, SCOPES};
use super::node::checked_instance_name;

/// One medium that the node uses.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "InterfaceTable")]
pub struct Interface {
    /// Name in `status` and in messages, unique in the file.
    pub name: String,
    /// Whether the node is to use it.
    pub enabled: bool,
    /// Minutes between two announces of the group on it; 0 announces at start only.
    pub announce_interval_min: u32,
    /// What announces it lets out, and how long paths live on it.
    pub mode: Mode,
    /// Whether bursts of announces of strangers are held back.
    pub ingress_control: bool,
    /// What announces and path requests pass, beyond the mode.
    pub rules: InterfaceRules,
    /// How much of the time it may send.
    pub airtime_limits: AirtimeLimits,
    /// What keeps others out.
    pub access: Option<Access>,
    /// What it is, with what only this kind needs.
    pub settings: Settings,
}

/// Who knows these, and nobody else, reads and writes on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    network_name: Option<String>,
    passphrase: Option<Secret>,
    size: Option<usize>,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// In the table it is in bits, as everywhere in this field; at most a whole signature.
const ACCESS_CODE_BITS: std::ops::RangeInclusive<usize> = 8..=512;

const ANNOUNCE_INTERVAL_MIN: u32 = 60;
/// Where the air is shared and slow. Who comes later asks for the path.
const ANNOUNCE_INTERVAL_RADIO_MIN: u32 = 360;

/// interfaces.md section 2.3.
const BITRATE_MIN_BPS: u64 = 5;

impl Interface {
    /// The value of `type` in the file.
    pub fn type_name(&self) -> &'static str {
        InterfaceType::of(&self.settings).name()
    }

    /// Whether it waits for connections, and so is of use before there is one.
    pub fn listens(&self) -> bool {
        match &self.settings {
            Settings::TcpServer(_) | Settings::LocalServer(_) => true,
            Settings::Backbone(backbone) => matches!(backbone.end, BackboneEnd::Listener { .. }),
            _ => false,
        }
    }

    /// Whether it is for programs on this machine that share the node.
    pub(crate) fn is_for_programs(&self) -> bool {
        matches!(self.settings, Settings::LocalServer(_))
    }

    /// The key and the value that say where it is.
    pub(crate) fn place(&self) -> (&'static str, Cow<'_, str>) {
        let (key, value): (&'static str, &str) = match &self.settings {
            Settings::LocalServer(local) | Settings::LocalClient(local) => {
                return ("place", local.place.to_string().into());
            }
            Settings::TcpServer(server) => ("listen", &server.listen),
            Settings::TcpClient(client) => ("target", &client.target),
            Settings::Backbone(backbone) => match &backbone.end {
                BackboneEnd::Listener { listen, .. } => ("listen", listen),
                BackboneEnd::Client { target } => ("target", target),
            },
            Settings::Auto(auto) => ("group_id", &auto.group_id),
            Settings::Udp(UdpSettings { listen: Some(listen), .. }) => ("listen", listen),
            Settings::Udp(udp) => ("forward", udp.forward.as_deref().unwrap_or_default()),
            Settings::I2p(i2p) => match i2p.peers.first() {
                Some(peer) => ("peers", peer),
                None => ("connectable", "true"),
            },
            Settings::Pipe(pipe) => ("command", &pipe.command),
            Settings::Serial(serial) => ("port", &serial.line.port),
            Settings::Kiss(kiss) => ("port", &kiss.line.port),
            Settings::Rnode(rnode) => ("port", &rnode.port),
        };
        (key, Cow::Borrowed(value))
    }
}

impl Interface {
    /// One with nothing set but what it is.
    pub(super) fn usual(name: &str, settings: Settings) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            announce_interval_min: ANNOUNCE_INTERVAL_MIN,
            mode: Mode::Full,
            ingress_control: true,
            rules: InterfaceRules::default(),
            airtime_limits: AirtimeLimits::default(),
            access: None,
            settings,
        }
    }

    /// The same between programs of one machine, which do not flood each other.
    pub(super) fn on_this_machine(name: &str, settings: Settings) -> Self {
        Self { ingress_control: false, ..Self::usual(name, settings) }
    }
}

impl Access {
    /// The access code, `size_default` bytes long unless the table says otherwise.
    pub fn ifac(&self, size_default: usize) -> Ifac {
        let passphrase = self.passphrase.as_ref().map(|secret| secret.0.as_str());
        Ifac::new(self.network_name.as_deref(), passphrase, self.size.unwrap_or(size_default))
            .expect("name, passphrase and size were checked")
    }

    /// The network's name, which is no secret.
    pub(crate) fn network_name(&self) -> Option<&str> {
        self.network_name.as_deref()
    }

    /// Refuses what would silently leave an interface open: every program of this field takes an empty text, and the
    /// word `None`, for one that is not set.
    fn of(table: &mut InterfaceTable) -> Result<Option<Self>, String> {
        let (network_name, passphrase) = (table.network_name.take(), table.passphrase.take());
        let texts =
            [("network_name", &network_name), ("passphrase", &passphrase.as_ref().map(|s| s.0.clone()))];
        for (key, text) in texts {
            if text.as_ref().is_some_and(|text| text.is_empty() || text == "None") {
                return Err(format!(
                    "`{key}` is empty or \"None\", which means no {key} at all; remove the line"
                ));
            }
        }
        let size = match table.ifac_size.take() {
            Some(bits) if !ACCESS_CODE_BITS.contains(&bits) || bits % 8 != 0 => {
                return Err(format!("`ifac_size` = {bits} is not a multiple of 8 from 8 to 512 bits"));
            }
            bits => bits.map(|bits| bits / 8),
        };
        match (&network_name, &passphrase, size) {
            (None, None, None) => Ok(None),
            (None, None, Some(_)) => Err("`ifac_size` needs `network_name` or `passphrase`".to_owned()),
            _ => Ok(Some(Self { network_name, passphrase, size })),
        }
    }
}

impl TryFrom<InterfaceTable> for Interface {
    type Error = String;

    fn try_from(mut table: InterfaceTable) -> Result<Self, String> {
        let name = table.name.take().filter(|name| !name.trim().is_empty());
        let name = name.ok_or("an [[interface]] needs `name`")?;
        Self::of(name.clone(), table).map_err(|problem| format!("interface \"{name}\": {problem}"))
    }
}

impl Interface {
    fn of(name: String, mut table: InterfaceTable) -> Result<Self, String> {
        let kind = table.checked_type()?;
        let access = Access::of(&mut table)?;
        let radio = matches!(kind, InterfaceType::Kiss | InterfaceType::Ax25Kiss | InterfaceType::Rnode);
        let interval = if radio { ANNOUNCE_INTERVAL_RADIO_MIN } else { ANNOUNCE_INTERVAL_MIN };
        // Nobody floods a slow medium with announces: it is the flood's own bottleneck (interfaces.md section 1.5).
        let slow = radio || matches!(kind, InterfaceType::Serial | InterfaceType::Local);
        let interface = Self {
            name,
            enabled: table.enabled,
            announce_interval_min: table.announce_interval.unwrap_or(interval),
            mode: table.mode.unwrap_or_default(),
            ingress_control: table.ingress_control.unwrap_or(!slow),
            rules: table.rules()?,
            airtime_limits: table.airtime_limits()?,
            access,
            settings: table.settings(kind)?,
        };
        interface.settings.check().map_err(|error| error.to_string())?;
        Ok(interface)
    }
}

impl InterfaceTable {
    fn settings(mut self, kind: InterfaceType) -> Result<Settings, String> {
        if let Some(bitrate) = self.bitrate.filter(|bitrate| *bitrate < BITRATE_MIN_BPS) {
            return Err(format!(
                "`bitrate` = {bitrate} is out of range: at least {BITRATE_MIN_BPS} bits per second"
            ));
        }
        Ok(match kind {
            InterfaceType::TcpServer => {
                let listen = host_and_port("listen", needed("listen", self.listen.take())?)?;
                Settings::TcpServer(TcpServerSettings {
                    bitrate_bps: self.bitrate,
                    connections_per_address_max: self.connections_per_address()?,
                    ..TcpServerSettings::new(listen)
                })
            }
            InterfaceType::TcpClient => {
                let target = host_and_port("target", needed("target", self.target.take())?)?;
                Settings::TcpClient(TcpClientSettings {
                    bitrate_bps: self.bitrate,
                    fixed_mtu: self.fixed_mtu,
                    kiss_framing: self.kiss_framing.unwrap_or(false),
                    ..TcpClientSettings::new(target)
                })
            }
            InterfaceType::Udp => {
                let checked =
                    |key, value: Option<String>| value.map(|value| host_and_port(key, value)).transpose();
                Settings::Udp(UdpSettings {
                    listen: checked("listen", self.listen.take())?,
                    forward: checked("forward", self.forward.take())?,
                    bitrate_bps: self.bitrate,
                })
            }
            InterfaceType::Backbone => Settings::Backbone(self.backbone()?),
            InterfaceType::Local => Settings::LocalClient(LocalSettings::new(self.instance()?)),
            InterfaceType::Auto => Settings::Auto(self.auto()),
            InterfaceType::I2p => Settings::I2p(self.i2p()?),
            InterfaceType::Pipe => {
                let usual = PipeSettings::new(needed("command", self.command.take())?);
                let respawn_delay = seconds(self.respawn_delay).unwrap_or(usual.respawn_delay);
                Settings::Pipe(PipeSettings { respawn_delay, ..usual })
            }
            InterfaceType::Serial => {
                Settings::Serial(SerialSettings { line: self.line()?, ..SerialSettings::new("") })
            }
            InterfaceType::Kiss => Settings::Kiss(KissSettings { beacon: self.beacon()?, ..self.tnc()? }),
            InterfaceType::Ax25Kiss => {
                let station = Ax25Station {
                    callsign: needed("callsign", self.callsign.take())?,
                    ssid: self.ssid.unwrap_or(0),
                };
                Settings::Kiss(KissSettings { ax25: Some(station), ..self.tnc()? })
            }
            InterfaceType::Rnode => Settings::Rnode(self.rnode()?),
        })
    }

    fn connections_per_address(&self) -> Result<usize, String> {
        match self.connections_per_address {
            Some(0) => Err("`connections_per_address` = 0 lets nobody connect".to_owned()),
            given => Ok(given.unwrap_or(TcpServerSettings::CONNECTIONS_PER_ADDRESS_MAX)),
        }
    }

    fn backbone(mut self) -> Result<BackboneSettings, String> {
        let end = match (self.listen.take(), self.target.take()) {
            (Some(listen), None) => BackboneEnd::Listener {
                listen: host_and_port("listen", listen)?,
                connections_per_address_max: self.connections_per_address()?,
                flap_limit: self.flap_limit(),
            },
            (None, Some(target)) => BackboneEnd::Client { target: host_and_port("target", target)? },
            _ => return Err("it needs either `listen` or `target`".to_owned()),
        };
        Ok(BackboneSettings { end, bitrate_bps: self.bitrate })
    }

    fn flap_limit(&self) -> Option<FlapLimit> {
        if self.block_fast_flapping == Some(false) {
            return None;
        }
        let usual = FlapLimit::default();
        let block_time =
            self.fast_flapping_block_time.map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
        Some(FlapLimit {
            threshold: seconds(self.fast_flapping_threshold).unwrap_or(usual.threshold),
            grace: self.fast_flapping_grace.unwrap_or(usual.grace),
            block_time: block_time.unwrap_or(usual.block_time),
        })
    }

    fn instance(&self) -> Result<LocalPlace, String> {
        match (&self.instance_name, self.shared_instance_port) {
            (Some(_), Some(_)) => {
                Err("it needs `instance_name` or `shared_instance_port`, not both".to_owned())
            }
            (Some(name), None) => checked_instance_name(name).map(|()| LocalPlace::instance(name)),
            (None, Some(port)) => Ok(LocalPlace::Port(port)),
            (None, None) => Ok(LocalPlace::usual()),
        }
    }

    fn auto(self) -> AutoSettings {
        let usual = AutoSettings::default();
        AutoSettings {
            group_id: self.group_id.unwrap_or(usual.group_id),
            scope: self.discovery_scope.unwrap_or(usual.scope),
            address_life: self.multicast_address_type.unwrap_or(usual.address_life),
            discovery_port: self.discovery_port.unwrap_or(usual.discovery_port),
            data_port: self.data_port.unwrap_or(usual.data_port),
            devices: self.devices.unwrap_or_default(),
            ignored_devices: self.ignored_devices.unwrap_or_default(),
            bitrate_bps: self.bitrate,
        }
    }

    fn i2p(self) -> Result<I2pSettings, String> {
        let bridge = self.bridge.map(|bridge| host_and_port("bridge", bridge)).transpose()?;
        let usual = I2pSettings::new(self.peers.unwrap_or_default(), self.connectable.unwrap_or(false));
        Ok(I2pSettings { bridge, ..usual })
    }

    fn line(&mut self) -> Result<SerialLine, String> {
        let usual = SerialLine::new(needed("port", self.port.take())?);
        Ok(SerialLine {
            speed: self.speed.unwrap_or(usual.speed),
            data_bits: self.data_bits.unwrap_or(usual.data_bits),
            parity: self.parity.unwrap_or(usual.parity),
            stop_bits: self.stop_bits.unwrap_or(usual.stop_bits),
            ..usual
        })
    }

    fn tnc(&mut self) -> Result<KissSettings, String> {
        let usual = KissSettings::new("");
        Ok(KissSettings {
            line: self.line()?,
            preamble: milliseconds(self.preamble).unwrap_or(usual.preamble),
            tx_tail: milliseconds(self.tx_tail).unwrap_or(usual.tx_tail),
            persistence: self.persistence.unwrap_or(usual.persistence),
            slot_time: milliseconds(self.slot_time).unwrap_or(usual.slot_time),
            flow_control: self.flow_control.unwrap_or(usual.flow_control),
            bitrate_bps: self.bitrate,
            ..usual
        })
    }

    fn airtime_limits(&self) -> Result<AirtimeLimits, String> {
        let limits =
            AirtimeLimits { short_percent: self.airtime_limit_short, long_percent: self.airtime_limit_long };
        for (key, limit) in
            [("airtime_limit_short", limits.short_percent), ("airtime_limit_long", limits.long_percent)]
        {
            if let Some(percent) = limit.filter(|percent| !(0.0..=100.0).contains(percent)) {
                return Err(format!("{key} = {percent} is out of range: 0 to 100 percent"));
            }
        }
        Ok(limits)
    }

    fn rnode(&mut self) -> Result<RnodeSettings, String> {
        let lora = LoraSettings {
            frequency_hz: needed("frequency", self.frequency)?,
            bandwidth_hz: needed("bandwidth", self.bandwidth)?,
            tx_power_dbm: needed("tx_power", self.tx_power)?,
            spreading_factor: needed("spreading_factor", self.spreading_factor)?,
            coding_rate: needed("coding_rate", self.coding_rate)?,
        };
        Ok(RnodeSettings {
            airtime_limit_short_percent: self.airtime_limit_short,
            airtime_limit_long_percent: self.airtime_limit_long,
            flow_control: self.flow_control.unwrap_or(false),
            beacon: self.beacon()?,
            ..RnodeSettings::new(needed("port", self.port.take())?, lora)
        })
    }

    fn beacon(&mut self) -> Result<Option<Beacon>, String> {
        match (self.callsign.take(), seconds(self.id_interval)) {
            (None, None) => Ok(None),
            (Some(callsign), Some(interval)) if !interval.is_zero() => {
                Ok(Some(Beacon { callsign, interval }))
            }
            (Some(_), Some(_)) => Err("`id_interval` = 0 is out of range: at least 1 second".to_owned()),
            _ => Err("`callsign` and `id_interval` need each other".to_owned()),
        }
    }
}

fn needed<T>(key: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("it needs `{key}`"))
}

fn host_and_port(key: &str, value: String) -> Result<String, String> {
    let valid =
        value.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if valid { Ok(value) } else { Err(format!("`{key}` = \"{value}\" is not \"host:port\"")) }
}

fn seconds(value: Option<u32>) -> Option<Duration> {
    value.map(|seconds| Duration::from_secs(seconds.into()))
}

fn milliseconds(value: Option<u16>) -> Option<Duration> {
    value.map(|milliseconds| Duration::from_millis(milliseconds.into()))
}
