//! The `auto` type against the stock AutoInterface, in two network namespaces joined by a cable: nothing is multicast to a
//! real network.

use super::families::{Ends, access_codes_decide, messages_pass, our_request_is_answered, wait_for};
use crate::support::namespace::{Neighbour, assert_alone, run_alone};
use crate::support::process::{Folder, Meshgroup};

fn auto(_: &Folder) -> Ends {
    let ours = "type = \"auto\"\ndevices = [\"left\"]\n".to_owned();
    Ends::across(Neighbour::new(), ours, "    type = AutoInterface\n    devices = right\n".to_owned())
}

#[test]
fn auto_carries_messages_both_ways() {
    run_alone("interop::auto::messages_between_two_namespaces");
}

#[test]
#[ignore = "runs in a network namespace that auto_carries_messages_both_ways makes"]
fn messages_between_two_namespaces() {
    let folder = Folder::new("auto-in");
    messages_pass(&folder, &auto(&folder));
}

#[test]
fn auto_carries_requests_of_ours() {
    run_alone("interop::auto::requests_between_two_namespaces");
}

#[test]
#[ignore = "runs in a network namespace that auto_carries_requests_of_ours makes"]
fn requests_between_two_namespaces() {
    let folder = Folder::new("auto-out");
    // Another group and other ports than usual, at both ends.
    let ends = auto(&folder).with(
        "group_id = \"harbour\"\ndiscovery_scope = \"site\"\nmulticast_address_type = \"permanent\"\n\
         discovery_port = 5000\ndata_port = 5002\n",
        "    group_id = harbour\n    discovery_scope = site\n    multicast_address_type = permanent\n    \
         discovery_port = 5000\n    data_port = 5002\n",
    );
    our_request_is_answered(&folder, &ends);
}

#[test]
fn on_auto_the_access_code_decides_who_is_heard() {
    run_alone("interop::auto::access_codes_between_two_namespaces");
}

#[test]
#[ignore = "runs in a network namespace that on_auto_the_access_code_decides_who_is_heard makes"]
fn access_codes_between_two_namespaces() {
    access_codes_decide("auto", auto);
}

#[test]
fn auto_waits_for_a_network_and_tells_why() {
    run_alone("interop::auto::a_machine_without_a_network");
}

#[test]
#[ignore = "runs in a network namespace that auto_waits_for_a_network_and_tells_why makes"]
fn a_machine_without_a_network() {
    assert_alone();
    let folder = Folder::new("auto-none");
    let node = Meshgroup::start(folder.path(), "[[interface]]\nname = \"lan\"\ntype = \"auto\"\n");
    wait_for(&node, "the reason", |status| {
        let lan = &status["interfaces"][0];
        lan["online"] == false
            && lan["waiting"].as_str().is_some_and(|why| why.contains("no network interface"))
    });
    // The cable is plugged in while the node runs.
    let _neighbour = Neighbour::new();
    wait_for(&node, "the network", |status| status["interfaces"][0]["online"] == true);
}
