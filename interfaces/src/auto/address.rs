//! The multicast address of a group, and the tokens with which its nodes tell that they are there (interfaces.md
//! section 12).

use std::net::Ipv6Addr;

use sha2::{Digest, Sha256};

/// How far multicasts travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The network segment.
    #[default]
    Link,
    /// What an administrator made of it.
    Admin,
    /// The site.
    Site,
    /// The organisation.
    Organisation,
    /// Everywhere.
    Global,
}

/// Which kind of multicast address it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressLife {
    /// Made up for the purpose.
    #[default]
    Temporary,
    /// Assigned for good.
    Permanent,
}

/// What a node says to tell that it is there.
pub(crate) type Token = [u8; 32];

/// Where the nodes of a group meet.
pub(crate) fn group_address(group_id: &str, scope: Scope, life: AddressLife) -> Ipv6Addr {
    let scope = match scope {
        Scope::Link => 0x2,
        Scope::Admin => 0x4,
        Scope::Site => 0x5,
        Scope::Organisation => 0x8,
        Scope::Global => 0xe,
    };
    let life = match life {
        AddressLife::Permanent => 0x0,
        AddressLife::Temporary => 0x1,
    };
    let digest = Sha256::digest(group_id.as_bytes());
    let mut octets = [0; 16];
    (octets[0], octets[1]) = (0xff, life << 4 | scope);
    octets[4..].copy_from_slice(&digest[2..14]);
    Ipv6Addr::from(octets)
}

/// What the node with this link-local address says. It depends on the text of the address, which is that of RFC 5952 in
/// every implementation.
pub(crate) fn token(group_id: &str, address: Ipv6Addr) -> Token {
    Sha256::new().chain_update(group_id).chain_update(address.to_string()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_addresses_are_those_of_the_field() {
        for (group_id, scope, life, expected) in [
            ("reticulum", Scope::Link, AddressLife::Temporary, "ff12:0:d70b:fb1c:16e4:5e39:485e:31e1"),
            ("test", Scope::Link, AddressLife::Temporary, "ff12:0:d081:884c:7d65:9a2f:eaa0:c55a"),
            ("reticulum", Scope::Admin, AddressLife::Temporary, "ff14:0:d70b:fb1c:16e4:5e39:485e:31e1"),
            ("reticulum", Scope::Site, AddressLife::Permanent, "ff05:0:d70b:fb1c:16e4:5e39:485e:31e1"),
            (
                "reticulum",
                Scope::Organisation,
                AddressLife::Temporary,
                "ff18:0:d70b:fb1c:16e4:5e39:485e:31e1",
            ),
            ("reticulum", Scope::Global, AddressLife::Permanent, "ff0e:0:d70b:fb1c:16e4:5e39:485e:31e1"),
        ] {
            let address = group_address(group_id, scope, life);
            assert_eq!(address, expected.parse::<Ipv6Addr>().unwrap(), "{group_id} {scope:?} {life:?}");
        }
    }

    #[test]
    fn a_token_is_made_of_the_group_and_the_text_of_the_address() {
        let address = "FE80:0:0:0:0:0:AB:1".parse().unwrap();
        let expected: [u8; 32] = Sha256::digest(b"reticulumfe80::ab:1").into();
        assert_eq!(token("reticulum", address), expected);
        assert_ne!(token("other", address), expected);
    }
}
