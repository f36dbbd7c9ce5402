//! Neighbours on local networks, found by themselves (interfaces.md section 12): IPv6 link-local multicast tells who is
//! there, and to each of them packets go as datagrams. Each neighbour is a medium of its own.
//!
//! | file | owns |
//! |---|---|
//! | here | settings, and which network interfaces of the machine are in use |
//! | `address` | the group's address and the tokens: values only |
//! | `sockets` | what is bound on one network interface |
//! | `segment` | one network interface at work: announcing, hearing, timing out |
//! | `shared` | what the network interfaces know of each other |
//!
//! The network interfaces of the machine are looked at again every few seconds: they come, go, and change their address.

mod address;
mod segment;
mod shared;
mod sockets;

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use if_addrs::{IfAddr, get_if_addrs};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use self::address::{AddressLife, Scope};
use self::segment::Segment;
use self::shared::Shared;
use self::sockets::Sockets;
use crate::stream::NodeGone;
use crate::{InterfaceHandle, Notice, StartError};

/// How often the network interfaces of the machine are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(4_800);

/// Settings of an automatic interface (interfaces.md sections 2.4 and 12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoSettings {
    /// Only nodes with the same one find each other.
    pub group_id: String,
    /// How far its multicasts travel.
    pub scope: Scope,
    /// Which kind of multicast address it has.
    pub address_life: AddressLife,
    /// UDP port of the multicasts; the next one takes their unicast answers.
    pub discovery_port: u16,
    /// UDP port of packets.
    pub data_port: u16,
    /// Names of the network interfaces to use; none stands for all.
    pub devices: Vec<String>,
    /// Names of those that are not to be used.
    pub ignored_devices: Vec<String>,
    /// Bits per second to assume, if not the usual 10 Mbit/s.
    pub bitrate_bps: Option<u64>,
}

impl Default for AutoSettings {
    fn default() -> Self {
        Self {
            group_id: "reticulum".to_owned(),
            scope: Scope::Link,
            address_life: AddressLife::Temporary,
            discovery_port: 29_716,
            data_port: 42_671,
            devices: Vec::new(),
            ignored_devices: Vec::new(),
            bitrate_bps: None,
        }
    }
}

impl AutoSettings {
    /// Whether the ports can be.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let (discovery, data) = (self.discovery_port, self.data_port);
        let bad =
            |setting, value: u16, range| StartError::OutOfRange { setting, value: value.to_string(), range };
        match () {
            () if matches!(discovery, 0 | u16::MAX) => {
                Err(bad("discovery_port", discovery, "1 to 65534; the port after it is used too"))
            }
            () if data == 0 => Err(bad("data_port", data, "1 to 65535")),
            () if data == discovery || data == discovery + 1 => {
                Err(bad("data_port", data, "neither discovery_port nor the one after it"))
            }
            () => Ok(()),
        }
    }

    fn uses(&self, device: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == device);
        (self.devices.is_empty() || named(&self.devices)) && !named(&self.ignored_devices)
    }
}

/// A network interface of the machine that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) index: u32,
    /// Its link-local address.
    pub(crate) address: Ipv6Addr,
}

/// Looks for network interfaces until the handle is dropped.
pub(crate) fn start(
    interface: usize,
    settings: AutoSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    settings.check()?;
    let refused = Arc::new(AtomicU64::new(0));
    let shared = Arc::new(Shared::new(interface, settings, notices, Arc::clone(&refused)));
    let lookout = Lookout { shared, running: HashMap::new(), segments: JoinSet::new(), told: None };
    // A node that is gone needs no telling.
    let task = tokio::spawn(async move { _ = lookout.run().await }).abort_handle();
    Ok(InterfaceHandle { task, local_address: None, refused })
}

/// Which network interfaces are in use.
struct Lookout {
    shared: Arc<Shared>,
    /// Dropping what stands behind one ends its segment.
    running: HashMap<Device, oneshot::Sender<()>>,
    segments: JoinSet<Device>,
    /// What the node was told last: why nothing works, or that it does.
    told: Option<Result<(), String>>,
}

impl Lookout {
    async fn run(mut self) -> Result<(), NodeGone> {
        loop {
            let state = self.look();
            if self.told.as_ref() != Some(&state) {
                let interface = self.shared.interface;
                let notice = match state.clone() {
                    Ok(()) => Notice::Ready { interface },
                    Err(reason) => Notice::Waiting { interface, reason },
                };
                self.shared.notices.send(notice).await?;
                self.told = Some(state);
            }
            tokio::select! {
                () = sleep(LOOK_INTERVAL) => {}
                Some(Ok(ended)) = self.segments.join_next() => drop(self.running.remove(&ended)),
                () = self.shared.notices.closed() => return Err(NodeGone),
            }
        }
    }

    /// Starts and stops segments. The error is for people: nothing can be used.
    fn look(&mut self) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let settings = &shared.settings;
        let found = match get_if_addrs() {
            Ok(found) => found.into_iter().filter_map(|found| usable(found, settings)).collect::<Vec<_>>(),
            Err(error) => return Err(format!("the network interfaces cannot be listed: {error}")),
        };
        self.shared.set_own(found.iter().map(|device| device.address).collect());
        self.running.retain(|device, _| found.contains(device));
        let mut problem = "no network interface with a link-local IPv6 address".to_owned();
        for device in found {
            if self.running.contains_key(&device) {
                continue;
            }
            match Sockets::open(&device, settings) {
                Ok(sockets) => self.begin(device, sockets),
                Err(reason) => problem = reason,
            }
        }
        match (self.running.is_empty(), self.shared.deaf()) {
            (true, _) => Err(problem),
            (false, Some(device)) => Err(format!(
                "multicasts of our own are not heard back on {device}; a firewall may drop UDP port {}",
                settings.discovery_port
            )),
            (false, None) => Ok(()),
        }
    }

    fn begin(&mut self, device: Device, sockets: Sockets) {
        let (stop, stopped) = oneshot::channel();
        self.running.insert(device.clone(), stop);
        let segment = Segment::new(device.clone(), sockets, Arc::clone(&self.shared));
        self.segments.spawn(async move {
            // A node that is gone needs no telling.
            _ = segment.run(stopped).await;
            device
        });
    }
}

fn usable(found: if_addrs::Interface, settings: &AutoSettings) -> Option<Device> {
    let IfAddr::V6(address) = &found.addr else { return None };
    let index = found.index?;
    let usable = address.ip.is_unicast_link_local() && !found.is_loopback() && settings.uses(&found.name);
    usable.then(|| Device { name: found.name.clone(), index, address: address.ip })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_restrict_and_ignored_devices_exclude() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (devices, ignored, expected) in [
            (names(&[]), names(&[]), [true, true]),
            (names(&["eth0"]), names(&[]), [true, false]),
            (names(&[]), names(&["eth0"]), [false, true]),
            (names(&["eth0", "wlan0"]), names(&["wlan0"]), [true, false]),
        ] {
            let settings = AutoSettings { devices, ignored_devices: ignored, ..AutoSettings::default() };
            assert_eq!([settings.uses("eth0"), settings.uses("wlan0")], expected);
        }
    }

    #[test]
    fn ports_that_collide_are_refused() {
        for (discovery_port, data_port, ok) in [
            (29_716, 42_671, true),
            (0, 42_671, false),
            (u16::MAX, 42_671, false),
            (29_716, 0, false),
            (29_716, 29_716, false),
            (29_716, 29_717, false),
        ] {
            let settings = AutoSettings { discovery_port, data_port, ..AutoSettings::default() };
            assert_eq!(settings.check().is_ok(), ok, "{discovery_port} {data_port}");
        }
    }
}
