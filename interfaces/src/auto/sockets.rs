//! What is bound on one network interface: where tokens come in, by multicast and by unicast, where packets come in, and
//! what sends both (interfaces.md section 12).

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::address::group_address;
use super::{AutoSettings, Device, Scope};

/// Asked of the kernel, which may give less: room for what arrives while the node is busy.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// The sockets of one network interface.
pub(crate) struct Sockets {
    /// Tokens to the group.
    pub(crate) multicast: UdpSocket,
    /// Tokens to us alone.
    pub(crate) unicast: UdpSocket,
    /// Packets.
    pub(crate) data: UdpSocket,
    /// Sends everything; bound to our link-local address, by which others know us.
    pub(crate) sender: Arc<UdpSocket>,
    /// Where tokens to the group go.
    pub(crate) group: SocketAddr,
}

impl Sockets {
    /// Binds them. The error is for people.
    pub(crate) fn open(device: &Device, settings: &AutoSettings) -> Result<Self, String> {
        let Device { name, index, address } = device;
        let failed = |port: u16, error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "UDP port {port} of {address} on {name} is in use by another program; only one on a machine can use \
                 this type, the others join it or use tcp"
            ),
            io::ErrorKind::AddrNotAvailable => format!("{address} on {name} is not ready yet"),
            _ => format!("UDP port {port} of {address} on {name}: {error}"),
        };
        let (discovery, data) = (settings.discovery_port, settings.data_port);
        let group = group_address(&settings.group_id, settings.scope, settings.address_life);
        let zone = if settings.scope == Scope::Link { *index } else { 0 };
        let open = |address: &Ipv6Addr, port, zone, shared| {
            bind(SocketAddrV6::new(*address, port, 0, zone), shared).map_err(|error| failed(port, error))
        };
        let multicast = open(&group, discovery, zone, true)?;
        multicast.join_multicast_v6(&group, *index).map_err(|error| failed(discovery, error))?;
        let sender = open(address, 0, *index, false)?;
        sender.set_multicast_if_v6(*index).map_err(|error| failed(discovery, error))?;
        let packets = open(address, data, *index, false)?;
        if let Err(error) = packets.set_recv_buffer_size(RECEIVE_BUFFER_BYTES) {
            tracing::debug!(%error, "the receive buffer stays at its default size");
        }
        let adopt = |socket: Socket| UdpSocket::from_std(socket.into()).map_err(|error| error.to_string());
        Ok(Self {
            multicast: adopt(multicast)?,
            unicast: adopt(open(address, discovery + 1, *index, true)?)?,
            data: adopt(packets)?,
            sender: Arc::new(adopt(sender)?),
            group: SocketAddrV6::new(group, discovery, 0, *index).into(),
        })
    }
}

/// `shared`: several programs of a machine may hear tokens, but packets are for one of them.
fn bind(address: SocketAddrV6, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    if shared {
        socket.set_reuse_address(true)?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::V6(address).into())?;
    Ok(socket)
}
