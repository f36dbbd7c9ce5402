//! Addresses as people write them, and what goes wrong with them.

use std::io;
use std::net::SocketAddr;

use tokio::net::lookup_host;

use crate::StartError;

/// All addresses of `host:port`, at least one.
pub(crate) async fn resolve(address: &str) -> Result<Vec<SocketAddr>, StartError> {
    let bad = |reason: String| StartError::BadAddress { address: address.to_owned(), reason };
    let addresses: Vec<_> = lookup_host(address).await.map_err(|error| bad(error.to_string()))?.collect();
    if addresses.is_empty() {
        return Err(bad("the name has no address".to_owned()));
    }
    Ok(addresses)
}

impl StartError {
    /// Why `address` could not be bound.
    pub(crate) fn bind(address: &str, source: io::Error) -> Self {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { address },
            io::ErrorKind::AddrNotAvailable => Self::AddressNotLocal { address },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { address },
            _ => Self::Io { address, source },
        }
    }
}
