//! Any data of a request to any path by any kind of caller is answered with a message, and the group stays consistent.
//!
//! Input: a byte that picks the path, one that picks the caller, then the request's MessagePack value; and so on, each
//! call behind a byte that tells the length of its value.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use meshgroup::api::{self, PATHS, Plan};
use meshgroup::group::{Caller, Event, Group, Settings, State};
use meshgroup::store::{Entry, Page};
use reticulum::crypto::{Identity, Rng};
use reticulum::hash::PathHash;
use reticulum::time::UnixTime;

/// Making keys is slow, so they are made once.
static CALLERS: LazyLock<[Caller; 5]> = LazyLock::new(|| {
    let person = |seed| Caller::Identity {
        identity: Arc::new(Identity::generate(&mut Rng::from_seed([seed; 32])).public().clone()),
        announced_name: None,
    };
    [Caller::Operator, Caller::Unidentified, person(1), person(2), person(3)]
});

fuzz_target!(|input: &[u8]| {
    let mut now = UnixTime::from_secs(1_800_000_000);
    let (mut group, created) = Group::create(now, &Settings::default(), None);
    let mut log: Vec<Event> = created;
    let mut input = input;
    while let [path, caller, length, rest @ ..] = input {
        let (data, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        input = rest;
        now = UnixTime::from_micros(now.as_micros() + 1_000_000);
        let path = PATHS.get(usize::from(*path)).copied().unwrap_or("/api/v1/nothing");
        let caller = &CALLERS[usize::from(*caller) % CALLERS.len()];
        let Some(body) = api::request_body(data) else { continue };
        match api::plan(now, PathHash::of_path(path), body, caller, &group) {
            Plan::Answer(answer) => assert!(answer.len() <= 1024 * 1024),
            Plan::Decide { action, reply } => {
                if let Ok(outcome) = group.decide(now, caller, action) {
                    reply.done(&outcome, &group, caller);
                    log.extend(outcome.events);
                }
            }
            Plan::Read(request) => {
                let entries = log.iter().map(|event| Entry { event: event.clone(), details: None }).collect();
                let page = Page { entries, head: group.state().head, ..Page::default() };
                assert!(api::history(&request, page).len() <= request.text_bytes_max.max(64));
            }
            // What the store or the node is to answer.
            Plan::Acts { .. } | Plan::Mark(_) | Plan::EarlierTexts { .. } | Plan::Node(_) => {}
            Plan::Status => unreachable!("no path of members leads to the status"),
        }
    }
    assert_eq!(*group.state(), State::replay(&log));
});
