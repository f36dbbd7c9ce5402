//! What could grow for as long as somebody goes on, on a node in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lxmf::fields::Fields;
use meshgroup::group::{FoundingRules, Settings};
use meshgroup::host::{FIRST_GROUP, Host, HostConfig};
use meshgroup::store::Restored;
use prost::Message;
use proto::v1;
use reticulum::crypto::{Identity, Rng};
use reticulum::node::InterfaceConfig;
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::Context;
use reticulum::wire::resource::Flags;

use super::attacker::{Attacker, Wire, announce, opened};
use super::direct::Direct;
use super::payloads::{Crafted, End};

/// A node and somebody who knows it.
fn attacked() -> Attacker<Direct> {
    Attacker::new(Direct::start(1), 2)
}

#[test]
fn a_burst_of_frames_is_told_to_wait_before_any_is_refused() {
    let mut rng = Rng::from_seed([1; 32]);
    let config = HostConfig {
        identities: BTreeMap::from([(FIRST_GROUP, Arc::new(Identity::generate(&mut rng)))]),
        settings: Settings::default(),
        founding: FoundingRules::default(),
        transport: None,
        stamps: Default::default(),
        mail: Default::default(),
        propagation: None,
        ignored: Default::default(),
        messages_per_minute: 0,
        message_size_max: lxmf::router::RESOURCE_SIZE_MAX,
        blackhole: Vec::new(),
        seed: [1; 32],
    };
    let now = Instant::from_micros(1_000_000);
    let (mut host, _) = Host::new(config, Restored::default(), now, UnixTime::from_secs(1_780_000_000));
    // With ingress control a burst of announces is held before anybody looks at signatures.
    let config = InterfaceConfig { ingress_control: false, ..InterfaceConfig::default() };
    let interface = host.handle_interface_up(now, config, Duration::from_secs(3_600));
    let mut frames = 0;
    while !host.is_saturated() {
        let frame = announce(&Identity::generate(&mut rng), [0; 5], b"");
        host.handle_frame(now, interface, &frame);
        frames += 1;
        assert!(frames < 10_000, "never saturated");
    }
    assert_eq!(host.counters()["work_full"], 0);
}

#[test]
fn who_left_is_forgotten_and_their_announces_are_written_no_more() {
    let mut attacker = attacked();
    let (lxmf, api) = (attacker.wire.host().addresses().lxmf, attacker.wire.host().addresses().api);
    attacker.is_served(lxmf, api);
    attacker.wire.run_for(Duration::from_secs(1));
    let hears_a_change = |attacker: &mut Attacker<Direct>| {
        let frame = attacker.announce("Another name");
        attacker.wire.send(&frame);
        let is_written = !attacker.wire.host().is_settled();
        attacker.wire.run_for(Duration::from_secs(60));
        is_written
    };
    attacker.later();
    assert!(hears_a_change(&mut attacker), "a member's keys and name are kept");
    let group = attacker.find(lxmf);
    let leave = attacker.message(&group, "/leave", &Fields::default());
    let leave = attacker.single(&group, leave.opportunistic_body());
    attacker.send_proven(&group, &leave);
    attacker.wire.run_for(Duration::from_secs(60));
    attacker.later();
    assert!(!hears_a_change(&mut attacker), "who left is nobody to us");
}

#[test]
fn requests_whose_answers_find_no_room_are_told_that_the_node_is_busy() {
    let mut attacker = attacked();
    let (lxmf, api) = (attacker.wire.host().addresses().lxmf, attacker.wire.host().addresses().api);
    attacker.is_served(lxmf, api);
    let group = attacker.find(lxmf);
    let session = attacker.open_link(&group, 500);
    let post = attacker.message(&group, &"harbour ".repeat(1_000), &Fields::default());
    let post = Crafted::new(&session, post.as_bytes(), post.as_bytes(), Flags::default());
    assert_eq!(post.transfer(&mut attacker, &session), End::Proven);

    let api = attacker.find(api);
    let session = attacker.open_link(&api, 500);
    let identify = attacker.identify(&session);
    attacker.wire.send(&identify);
    let history = v1::MessagesRequest { after: Some(0), ..Default::default() }.encode_to_vec();
    for _ in 0..100 {
        let (request, _) = attacker.request(&session, "/api/v1/messages", &history);
        attacker.wire.send(&request);
    }
    assert_eq!(attacker.wire.counter("calls_busy"), 100 - 64, "64 answers may wait on one link");
    let busy = attacker.await_packet("response", |packet| opened(&session, packet, Context::RESPONSE));
    let response = reticulum::wire::request::Response::parse(&busy).expect("a response");
    let body = meshgroup::api::request_body(response.value).expect("a byte string");
    let error = v1::ErrorResponse::decode(body).expect("an error").error.expect("an error");
    assert_eq!(error.code(), v1::ErrorCode::Busy);
}

#[test]
fn answers_to_strangers_leave_room_for_the_copies_of_posts() {
    let mut attacker = attacked();
    let (lxmf, _) = (attacker.wire.host().addresses().lxmf, attacker.wire.host().addresses().api);
    let group = attacker.find(lxmf);
    for _ in 0..1_200 {
        attacker.identity = Identity::generate(&mut attacker.rng);
        let session = attacker.open_link(&group, 500);
        let identify = attacker.identify(&session);
        attacker.wire.send(&identify);
        let message = attacker.message(&group, "hello?", &Fields::default());
        let message = attacker.sealed(&session, Context::NONE, message.as_bytes());
        attacker.wire.send(&message);
    }
    attacker.wire.run_for(Duration::from_millis(100));
    assert!(attacker.wire.counter("replies_dropped") > 0);
}

#[test]
fn messages_of_strangers_are_proven_and_nothing_of_them_is_written() {
    let mut attacker = attacked();
    let lxmf = attacker.wire.host().addresses().lxmf;
    let announce = attacker.announce("Stranger");
    attacker.wire.send(&announce);
    let group = attacker.find(lxmf);
    attacker.wire.run_for(Duration::from_secs(1));
    for text in ["hello?", "/help", "/claim 00000-00000"] {
        let message = attacker.message(&group, text, &Fields::default());
        let frame = attacker.single(&group, message.opportunistic_body());
        attacker.wire.send(&frame);
        assert!(attacker.wire.host().is_settled(), "{text} causes a write");
        attacker.wire.run_for(Duration::from_secs(1));
    }
    let join = attacker.message(&group, "/join", &Fields::default());
    for _ in 0..2 {
        let frame = attacker.single(&group, join.opportunistic_body());
        attacker.send_proven(&group, &frame);
    }
    assert_eq!(attacker.wire.counter("messages_repeated"), 1, "what changes something is remembered");
    assert_eq!(attacker.wire.counter("messages_taken"), 4);
}
