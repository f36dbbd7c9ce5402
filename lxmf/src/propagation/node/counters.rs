//! One counter for everything that is done or refused, by name.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What was taken, served and refused.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Each counter with its name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((concat!("mail_", stringify!($name)), self.$name),)*].into_iter()
            }
        }
    };
}

impl Counters {
    /// Messages and requests that were turned away, for whatever reason.
    pub fn refused(&self) -> u64 {
        let Self { bad_stamp, not_served, malformed, unpeered_batch, too_large, busy, .. } = self;
        let Self { unidentified, no_access, bad_key, throttled, .. } = self;
        bad_stamp
            + not_served
            + malformed
            + unpeered_batch
            + too_large
            + busy
            + unidentified
            + no_access
            + bad_key
            + throttled
    }
}

counters! {
    /// Messages that clients uploaded and that were taken.
    uploaded,
    /// Messages that peers brought and that were taken.
    from_peers,
    /// Messages that nodes brought which are no peers.
    unpeered,
    /// Bytes of what nodes brought which are no peers.
    unpeered_bytes,
    /// Messages that were fetched.
    served,
    /// Messages that their recipients deleted.
    purged,
    /// Messages that peers took of us.
    to_peers,
    /// Syncs with peers that failed.
    sync_failed,
    /// Messages whose stamp is not worth what it costs.
    bad_stamp,
    /// Messages to somebody who is not served.
    not_served,
    /// Transfers and requests that do not parse.
    malformed,
    /// Transfers of more than one message without a peering key.
    unpeered_batch,
    /// Resources that are larger than the limit.
    too_large,
    /// Transfers and requests that found the node busy.
    busy,
    /// Requests of who did not tell who they are.
    unidentified,
    /// Requests of who is not served, and offers of who is no peer.
    no_access,
    /// Offers with a bad peering key.
    bad_key,
    /// Offers that were told to come back later.
    throttled,
}
