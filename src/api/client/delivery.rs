//! What the operator is told of the copies of a message.

use std::collections::BTreeMap;

use proto::v1::{self, DeliveryFailure, DeliveryRoute, DeliveryState};
use serde::Serialize;

use super::{Client, ClientError, accept};

/// What became of the copies of a message. Field names are those of the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Its sequence number.
    pub seq: u64,
    /// How many copies are in which state.
    pub counts: BTreeMap<&'static str, u32>,
    /// The copies, by member number.
    pub copies: Vec<DeliveredCopy>,
}

/// The copy for one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveredCopy {
    /// Member number.
    pub member: u32,
    /// Nick.
    pub nick: String,
    /// What became of it.
    pub state: &'static str,
    /// How it travels, of one that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'static str>,
    /// Why it did not arrive before, of one that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// The cost of a stamp that was too dear, in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp_cost: Option<u32>,
}

impl Client {
    /// What became of the copies of a message.
    pub fn delivery(&mut self, seq: u64) -> Result<Delivered, ClientError> {
        let nicks = self.nicks()?;
        let (mut delivered, mut after) = (Delivered { seq, ..Delivered::default() }, 0);
        loop {
            let request = v1::DeliveryRequest { seq, after, ..v1::DeliveryRequest::default() };
            let page: v1::DeliveryResponse = self.call("/api/v1/delivery", &request)?;
            accept(page.error.as_ref())?;
            delivered.counts = page.counts.iter().map(|one| (state_word(one.state()), one.count)).collect();
            delivered.copies.extend(page.copies.iter().map(|copy| DeliveredCopy {
                member: copy.member,
                nick: nicks.get(&copy.member).cloned().unwrap_or_default(),
                state: state_word(copy.state()),
                route: route_word(copy.route()),
                failure: failure_word(copy.failure()),
                stamp_cost: (copy.stamp_cost > 0).then_some(copy.stamp_cost),
            }));
            match page.copies.last() {
                Some(last) if page.more && last.member > after => after = last.member,
                _ => return Ok(delivered),
            }
        }
    }

    fn nicks(&mut self) -> Result<BTreeMap<u32, String>, ClientError> {
        let (mut nicks, mut after) = (BTreeMap::new(), 0);
        loop {
            let request = v1::MembersRequest { after, limit: 1000, max_bytes: 0 };
            let page: v1::MembersResponse = self.call("/api/v1/members", &request)?;
            accept(page.error.as_ref())?;
            nicks.extend(page.members.iter().map(|member| (member.member, member.nick.clone())));
            match page.members.last() {
                Some(last) if page.more && last.member > after => after = last.member,
                _ => return Ok(nicks),
            }
        }
    }
}

fn state_word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Unspecified => "unknown",
        DeliveryState::Queued => "queued",
        DeliveryState::Sent => "sent",
        DeliveryState::Proven => "proven",
        DeliveryState::OnNode => "on-node",
        DeliveryState::Refused => "refused",
        DeliveryState::Expired => "expired",
        DeliveryState::Unwanted => "unwanted",
        DeliveryState::Withdrawn => "withdrawn",
        DeliveryState::Digested => "digested",
        DeliveryState::NotPushed => "not-pushed",
    }
}

fn route_word(route: DeliveryRoute) -> Option<&'static str> {
    match route {
        DeliveryRoute::Unspecified => None,
        DeliveryRoute::Packet => Some("packet"),
        DeliveryRoute::LinkPacket => Some("link-packet"),
        DeliveryRoute::Resource => Some("resource"),
    }
}

fn failure_word(failure: DeliveryFailure) -> Option<&'static str> {
    match failure {
        DeliveryFailure::Unspecified => None,
        DeliveryFailure::NoPath => Some("no-path"),
        DeliveryFailure::NoAnswer => Some("no-answer"),
        DeliveryFailure::TooDear => Some("too-dear"),
        DeliveryFailure::NoBudget => Some("no-budget"),
        DeliveryFailure::Busy => Some("busy"),
        DeliveryFailure::NoNode => Some("no-node"),
    }
}
