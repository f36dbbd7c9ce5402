//! Small numbers that name things between the node and its driver.

use std::fmt;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id_type!(
    /// An attached interface; never reused within a run.
    InterfaceId(u32)
);
id_type!(
    /// A packet that waits for its proof.
    ReceiptId(u64)
);
id_type!(
    /// A resource of one link, in either direction.
    ResourceId(u64)
);
id_type!(
    /// A message of one link's channel.
    ChannelMessageId(u64)
);
id_type!(
    /// State that waits to become durable.
    PersistId(u64)
);
id_type!(
    /// Work that was handed out.
    WorkId(u64)
);

/// Order of an interface's transmit queue: lower goes first, equals go in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What keeps sessions alive: handshakes, proofs, keepalives, path requests.
    Link,
    /// A person's message.
    Message,
    /// An answer to a request.
    Reply,
    /// Bulk: history, files.
    History,
    /// Announces.
    Announce,
}
