//! `[node]`: what the node does for others, in the network and on its machine.

use std::fmt;

use interfaces::{
    CONTROL_PORT_DEFAULT, INSTANCE_NAME_DEFAULT, INSTANCE_PORT_DEFAULT, LocalPlace, LocalSettings, Settings,
};
use reticulum::hash::IdentityHash;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Interface, identities, options};

options! {
    /// What the node does for others, in the network and on its machine.
    pub struct NodeOptions {
        /// Whether the node forwards announces, packets and links of others between its interfaces, and answers who asks
        /// for the way. Its identity on the network is then the file `transport_identity`.
        transport: bool = false,
        /// Whether `rnprobe` and its like get an answer: with transport, the destination rnstransport.probe is announced
        /// 15 seconds after the start and every 2 hours, and proves each packet.
        respond_to_probes: bool = false,
        /// Identities, as 32 hexadecimal digits each, whose announces, links and packets are dropped and counted.
        #[serde(deserialize_with = "identities")]
        blackhole: Vec<IdentityHash> = Vec::new() => "[]",
        /// Whether programs on this machine use the network through this node, as its shared instance, and `rnstatus`,
        /// `rnpath` and `rnprobe` see it. Any user of this machine can connect.
        share_instance: bool = false,
        /// The name that those programs look for, in place of two ports. Also of the instance that the node joins if this
        /// file has no interface.
        #[serde(deserialize_with = "instance_name")]
        instance_name: String = INSTANCE_NAME_DEFAULT.to_owned(),
        /// How those programs connect: "unix", by name, which only Linux has, or "tcp", by port.
        shared_instance_type: InstanceType = InstanceType::usual() => "\"unix\"",
        /// With shared_instance_type = "tcp", the port of packets.
        shared_instance_port: u16 = INSTANCE_PORT_DEFAULT,
        /// With shared_instance_type = "tcp", the port of questions and commands.
        instance_control_port: u16 = CONTROL_PORT_DEFAULT,
        /// What programs need to ask and command, in hexadecimal digits: the same as rpc_key in the [reticulum] section of
        /// their configuration. Without it the hash of `transport_identity`, as theirs is of their own.
        #[serde(deserialize_with = "rpc_key")]
        rpc_key: Option<RpcKey> = None => "\"0123456789abcdef\"",
    }
}

/// How programs on this machine find the shared instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceType {
    /// By name, in the abstract namespace of Linux.
    Unix,
    /// By port.
    Tcp,
}

impl InstanceType {
    /// The one that programs look for on this system unless they are told otherwise.
    const fn usual() -> Self {
        if cfg!(target_os = "linux") { Self::Unix } else { Self::Tcp }
    }
}

/// The key of the RPC, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct RpcKey(pub Vec<u8>);

impl fmt::Debug for RpcKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl NodeOptions {
    /// Where the packets of the shared instance are.
    pub fn instance_place(&self) -> LocalPlace {
        match self.shared_instance_type {
            InstanceType::Unix => LocalPlace::instance(&self.instance_name),
            InstanceType::Tcp => LocalPlace::Port(self.shared_instance_port),
        }
    }

    /// Where its RPC is.
    pub fn control_place(&self) -> LocalPlace {
        match self.shared_instance_type {
            InstanceType::Unix => LocalPlace::control(&self.instance_name),
            InstanceType::Tcp => LocalPlace::Port(self.instance_control_port),
        }
    }

    /// The interface that programs on this machine use, if the node is their shared instance.
    pub fn shared(&self) -> Option<Interface> {
        let settings = || Settings::LocalServer(LocalSettings::new(self.instance_place()));
        self.share_instance.then(|| Interface::on_this_machine("shared instance", settings()))
    }

    /// The interface of a node whose file has none: the shared instance of this machine if one runs, and if the node is
    /// not to be that itself; otherwise neighbours on local networks.
    pub fn usual_interface(&self, instance_runs: bool) -> Interface {
        if instance_runs && !self.share_instance {
            let settings = Settings::LocalClient(LocalSettings::new(self.instance_place()));
            Interface::on_this_machine("local", settings)
        } else {
            Interface::usual("auto", Settings::Auto(interfaces::AutoSettings::default()))
        }
    }
}

/// The longest name: with what stands around it, it fits a socket's address.
const INSTANCE_NAME_BYTES_MAX: usize = 90;

/// A name that can be in a socket's address.
pub(super) fn checked_instance_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > INSTANCE_NAME_BYTES_MAX || name.contains('\0') {
        return Err(format!(
            "an instance's name has 1 to {INSTANCE_NAME_BYTES_MAX} bytes, not {}",
            name.len()
        ));
    }
    Ok(())
}

fn instance_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    checked_instance_name(&name).map_err(serde::de::Error::custom)?;
    Ok(name)
}

/// The error does not repeat what it found.
fn rpc_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RpcKey>, D::Error> {
    let bad =
        || serde::de::Error::custom("expected an even number of hexadecimal digits in quotes, at least two");
    let toml::Value::String(text) = toml::Value::deserialize(deserializer)? else { return Err(bad()) };
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0).ok_or_else(bad)?;
    Ok(Some(RpcKey(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())))
}
