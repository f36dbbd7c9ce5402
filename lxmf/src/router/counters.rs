//! One counter for everything that ends other than well, by name.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What was refused or dropped, and why. Nothing that a remote can trigger is logged; it is counted here.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Each counter with its name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// What came and does not parse.
    message_malformed,
    /// Messages for a destination that is not ours.
    message_not_ours,
    /// Messages that their source did not sign.
    message_bad_signature,
    /// Messages held because their source was unknown.
    message_held,
    /// Held messages that made room for newer ones.
    message_held_evicted,
    /// Held messages whose source stayed unknown.
    message_held_expired,
    /// Path requests for unknown sources that were not made because too many were made lately.
    source_request_limited,
    /// Resources rejected because they are larger than the limit.
    resource_too_large,
    /// Resources rejected because too many are under way, on their link or on all.
    resource_no_room,
    /// Sends that no answer came to.
    send_unreachable,
    /// Sends whose recipient rejected the resource.
    send_rejected,
    /// Messages fetched from propagation nodes.
    fetched,
    /// Messages fetched that none of our keys opens.
    fetched_undecryptable,
    /// Syncs with propagation nodes that ended early.
    sync_failed,
    /// Messages beyond the rate of their sender or link, dropped without a proof.
    message_rate_limited,
    /// Messages of senders who are ignored.
    message_ignored,
    /// Uploads that a propagation node turned away.
    upload_refused,
    /// Sends whose stamp would cost more than we pay, or than the budget has left.
    send_stamp_refused,
}
