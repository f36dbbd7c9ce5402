use super::net::*;
use crate::hash::LinkId;
use crate::node::*;

fn opened(net: &mut Net, destination: crate::hash::DestinationHash) -> LinkId {
    let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(200));
    assert_eq!(net.hosts[1].node.link(link).unwrap().status, LinkStatus::Active);
    assert_eq!(net.hosts[0].node.link(link).unwrap().status, LinkStatus::Active);
    net.events(0);
    net.events(1);
    link
}

#[test]
fn a_link_opens_at_the_mtu_of_the_interface_and_closes() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.link"));
    net.events(1);
    let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(200));
    let info = net.hosts[1].node.link(link).unwrap();
    assert_eq!((info.mtu, info.rtt, info.role), (16384, ms(20), LinkRole::Initiator));
    assert!(matches!(net.events(1)[..], [Event::LinkOpened { role: LinkRole::Initiator, .. }]));
    assert!(matches!(net.events(0)[..], [Event::LinkOpened { role: LinkRole::Responder, .. }]));

    net.hosts[0].node.close_link(net.now, link);
    net.run(ms(100));
    let closed = |events: Vec<Event>| match events[..] {
        [Event::LinkClosed { reason, ever_active, .. }] => (reason, ever_active),
        _ => panic!("{events:?}"),
    };
    assert_eq!(closed(net.events(0)), (CloseReason::Local, true));
    assert_eq!(closed(net.events(1)), (CloseReason::Remote, true));
    assert!(net.hosts[0].node.link(link).is_none());
}
