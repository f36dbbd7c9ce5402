//! What became of the copies of a message, as it travels.

use std::collections::BTreeMap;

use prost::Message;
use proto::v1::{self, DeliveryFailure, DeliveryRoute, DeliveryState};

use super::error;
use super::page::fit;
use crate::group::MemberId;
use crate::group::delivery::{Fate, GapFate, Tally, Via, Why};

/// What is asked of the copies of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Members with a higher number.
    pub after: MemberId,
    /// Only those who did not prove it.
    pub missing: bool,
    /// Bytes of the answer at most.
    pub bytes_max: usize,
}

/// The encoded answer to a call for what became of a message's copies. It is never longer than asked for, unless it is an
/// error.
pub fn delivery(page: &DeliveryPage, tally: &Tally) -> Vec<u8> {
    let mut counts: BTreeMap<DeliveryState, u32> = BTreeMap::new();
    for (_, fate) in &tally.copies {
        *counts.entry(state(*fate)).or_default() += 1;
    }
    let counts = counts.into_iter().map(|(state, count)| v1::DeliveryCount { state: state.into(), count });
    let counts: Vec<_> = counts.collect();
    let wanted = tally
        .copies
        .iter()
        .filter(|(member, fate)| *member > page.after && !(page.missing && *fate == Fate::Proven));
    let head = v1::DeliveryResponse { counts: counts.clone(), ..v1::DeliveryResponse::default() };
    let room = page.bytes_max.saturating_sub(head.encoded_len());
    match fit(wanted.map(|(member, fate)| copy(*member, *fate)), tally.copies.len(), room) {
        Ok((copies, more)) => v1::DeliveryResponse { counts, copies, more, error: None }.encode_to_vec(),
        Err(error) => error::encode(error),
    }
}

fn copy(member: MemberId, fate: Fate) -> v1::DeliveryCopy {
    let mut copy = v1::DeliveryCopy { member: member.0, state: state(fate).into(), ..Default::default() };
    match fate {
        Fate::Sent { via: Some(via) } => copy.route = route(via).into(),
        Fate::Queued { last: Some(why) } => copy.failure = failure(why).into(),
        _ => {}
    }
    if let Fate::Queued { last: Some(Why::TooDear { cost }) } = fate {
        copy.stamp_cost = cost.into();
    }
    copy
}

fn state(fate: Fate) -> DeliveryState {
    match fate {
        Fate::Queued { .. } => DeliveryState::Queued,
        Fate::Sent { .. } => DeliveryState::Sent,
        Fate::Proven => DeliveryState::Proven,
        Fate::Gap(GapFate::Stored) => DeliveryState::OnNode,
        Fate::Gap(GapFate::Refused) => DeliveryState::Refused,
        Fate::Gap(GapFate::Expired) => DeliveryState::Expired,
        Fate::Gap(GapFate::Unwanted) => DeliveryState::Unwanted,
        Fate::Gap(GapFate::Withdrawn) => DeliveryState::Withdrawn,
        Fate::Gap(GapFate::Digested) => DeliveryState::Digested,
        Fate::NotPushed => DeliveryState::NotPushed,
    }
}

fn route(via: Via) -> DeliveryRoute {
    match via {
        Via::Packet => DeliveryRoute::Packet,
        Via::LinkPacket => DeliveryRoute::LinkPacket,
        Via::Resource => DeliveryRoute::Resource,
    }
}

fn failure(why: Why) -> DeliveryFailure {
    match why {
        Why::NoPath => DeliveryFailure::NoPath,
        Why::NoAnswer => DeliveryFailure::NoAnswer,
        Why::TooDear { .. } => DeliveryFailure::TooDear,
        Why::NoBudget => DeliveryFailure::NoBudget,
        Why::Busy => DeliveryFailure::Busy,
        Why::NoNode => DeliveryFailure::NoNode,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_all_copies_and_shows_those_that_fit() {
        let mut tally = Tally::default();
        (1..=40).for_each(|member| tally.add(MemberId(member), Fate::Proven));
        tally.add(MemberId(41), Fate::Sent { via: Some(Via::Packet) });
        tally.add(MemberId(42), Fate::Queued { last: Some(Why::TooDear { cost: 20 }) });
        let page = |after, missing, bytes_max| {
            let encoded = delivery(&DeliveryPage { after: MemberId(after), missing, bytes_max }, &tally);
            assert!(encoded.len() <= bytes_max);
            v1::DeliveryResponse::decode(&encoded[..]).unwrap()
        };
        let missing = page(0, true, 409);
        let rows =
            missing.copies.iter().map(|copy| (copy.member, copy.state(), copy.route(), copy.failure()));
        assert_eq!(
            rows.collect::<Vec<_>>(),
            [
                (41, DeliveryState::Sent, DeliveryRoute::Packet, DeliveryFailure::Unspecified),
                (42, DeliveryState::Queued, DeliveryRoute::Unspecified, DeliveryFailure::TooDear)
            ]
        );
        assert_eq!(missing.copies[1].stamp_cost, 20);
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = page(after, false, 80);
            let counts = page.counts.iter().map(|count| (count.state(), count.count)).collect::<Vec<_>>();
            let expected =
                [(DeliveryState::Queued, 1), (DeliveryState::Sent, 1), (DeliveryState::Proven, 40)];
            assert_eq!(counts, expected, "on each page");
            seen.extend(page.copies.iter().map(|copy| copy.member));
            after = *seen.last().unwrap();
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, (1..=42).collect::<Vec<_>>());
    }
}
