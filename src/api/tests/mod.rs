//! Calls as they arrive, against a group in memory: what each is answered, and to whom.

mod access;
mod calls;
mod control;
mod docs;
mod history;

use std::sync::Arc;

use prost::Message;
use proto::v1::{self, ErrorCode};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::PathHash;
use reticulum::time::UnixTime;

use super::{Plan, plan, refused};
use crate::group::{
    Action, Caller, ClaimCode, Group, MemberId, Pass, Role, RoleRef, Settings, Visibility, Who,
};

/// A group and its callers; each call takes a second.
struct Scene {
    group: Group,
    now: UnixTime,
    code: ClaimCode,
}

/// A caller made of one byte, named after it.
fn person(seed: u8) -> Caller {
    let identity = Identity::generate(&mut Rng::from_seed([seed; 32]));
    Caller::Identity {
        identity: Arc::new(identity.public().clone()),
        announced_name: Some(format!("P{seed}")),
    }
}

impl Scene {
    fn new(visibility: Visibility) -> Self {
        let code = ClaimCode::from_random([7; 10]);
        let now = UnixTime::from_secs(1_800_000_000);
        let settings = Settings { name: "Harbour".into(), visibility, ..Settings::default() };
        let (group, _) = Group::create(now, &settings, Some(code.hash()));
        Self { group, now, code }
    }

    /// With an owner (1), members (2, 3), and somebody who was banned (4).
    fn populated() -> Self {
        let mut scene = Self::new(Visibility::Public);
        let code = scene.code.to_string();
        for seed in 1..=4 {
            scene.act(&person(seed), Action::Join { nick: None, pass: Pass::None });
        }
        scene.act(&person(1), Action::Claim { code });
        let who = crate::group::Who::Member(MemberId(4));
        scene.act(&Caller::Operator, Action::Ban { who, lasts: None, reason: "spam".into() });
        scene
    }

    fn act(&mut self, caller: &Caller, action: Action) {
        self.now = UnixTime::from_micros(self.now.as_micros() + 1_000_000);
        self.group.decide(self.now, caller, action).unwrap();
    }

    /// A call as the event loop carries it out, without a store.
    fn call_bytes(&mut self, caller: &Caller, path: &str, body: &[u8]) -> Vec<u8> {
        self.now = UnixTime::from_micros(self.now.as_micros() + 1_000_000);
        match plan(self.now, PathHash::of_path(path), body, caller, &self.group) {
            Plan::Answer(bytes) => bytes,
            Plan::Count { into, .. } => super::counted(into, &crate::group::Reading::default()),
            Plan::Decide { action, reply } => match self.group.decide(self.now, caller, action) {
                Ok(outcome) => reply.done(&outcome, &self.group, caller),
                Err(refusal) => refused(&refusal),
            },
            Plan::Read(_)
            | Plan::Mark(_)
            | Plan::EarlierTexts { .. }
            | Plan::Delivery { .. }
            | Plan::Acts { .. }
            | Plan::Piece { .. }
            | Plan::Typing(_)
            | Plan::Network(_)
            | Plan::Node(_)
            | Plan::Status => Vec::new(),
        }
    }

    fn call<A: Message + Default>(&mut self, caller: &Caller, path: &str, request: &impl Message) -> A {
        let bytes = self.call_bytes(caller, path, &request.encode_to_vec());
        A::decode(&bytes[..]).unwrap()
    }

    /// The error of a call, which is `None` where it succeeds.
    fn error(&mut self, caller: &Caller, path: &str, request: &impl Message) -> Option<v1::Error> {
        self.call::<v1::ErrorResponse>(caller, path, request).error
    }

    fn code_of(&mut self, caller: &Caller, path: &str, body: &[u8]) -> Option<ErrorCode> {
        let bytes = self.call_bytes(caller, path, body);
        v1::ErrorResponse::decode(&bytes[..]).unwrap().error.map(|error| error.code())
    }
}

/// The request field that names a member.
fn who(number: u32) -> Option<v1::Who> {
    Some(v1::Who { who: Some(v1::who::Who::Member(number)) })
}
