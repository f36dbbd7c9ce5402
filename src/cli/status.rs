//! Prints how the node is.

use std::io::{self, Write};

use super::list::printable;
use crate::api::client::Client;
use crate::api::{DeliveryStatus, InterfaceStatus, NodeStatus, RadioStatus};

/// Prints the status of the node behind `client`.
pub(super) fn print(client: &mut Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let status = client.status()?;
    if json {
        serde_json::to_writer_pretty(&mut *out, &status).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        for_people(&status, out)?;
    }
    Ok(())
}

fn for_people(status: &NodeStatus, out: &mut impl Write) -> anyhow::Result<()> {
    let group = &status.group;
    writeln!(out, "{}", group.name)?;
    writeln!(out, "  LXMF address   {}", group.address)?;
    writeln!(out, "  group address  {}", group.api_address)?;
    writeln!(
        out,
        "  {} members, {} messages, last event {}",
        group.members, group.messages, group.last_event
    )?;
    writeln!(
        out,
        "meshgroup {}, {}, up {}, {} kB resident",
        status.version,
        if status.ready { "ready" } else { "starting" },
        duration(status.uptime_s),
        status.rss_bytes / 1000,
    )?;
    if let Some(address) = status.propagation_address {
        writeln!(out, "propagation node {address}")?;
    }
    status.interfaces.iter().try_for_each(|interface| interface_line(interface, out))?;
    delivery_lines(status, out)?;
    for (name, count) in status.counters.iter().filter(|(_, count)| **count > 0) {
        writeln!(out, "  {count:>8}  {name}")?;
    }
    Ok(())
}

fn delivery_lines(status: &NodeStatus, out: &mut impl Write) -> anyhow::Result<()> {
    let DeliveryStatus { queued, sent, on_node, slowest } = &status.delivery;
    if queued + sent + on_node == 0 {
        return Ok(());
    }
    writeln!(out, "copies: {queued} wait, {sent} messages under way, {on_node} on propagation nodes")?;
    for slow in slowest {
        let group = status.groups.iter().find(|group| group.number == slow.group).map(|group| &group.name);
        let group =
            group.filter(|_| status.groups.len() > 1).map_or(String::new(), |name| format!(" in {name}"));
        let digest = if slow.digest { ", gets digests" } else { "" };
        writeln!(
            out,
            "  {}{group} lacks {}, the oldest for {}{digest}",
            printable(&slow.nick),
            slow.backlog,
            duration(slow.oldest_s)
        )?;
    }
    Ok(())
}

fn interface_line(interface: &InterfaceStatus, out: &mut impl Write) -> anyhow::Result<()> {
    let InterfaceStatus { name, r#type, rx_bytes, tx_bytes, rx_packets, tx_packets, .. } = interface;
    let state = match (interface.online, interface.waiting.as_str()) {
        (true, _) => "online".to_owned(),
        (false, "") => "offline".to_owned(),
        (false, reason) => format!("offline: {reason}"),
    };
    let others = if interface.media > 1 { format!(", {} others", interface.media) } else { String::new() };
    writeln!(out, "{name} ({type}), {state}{others}")?;
    writeln!(
        out,
        "  received {rx_packets} packets, {rx_bytes} bytes; sent {tx_packets} packets, {tx_bytes} bytes"
    )?;
    if interface.queue_len > 0 {
        writeln!(
            out,
            "  {} frames wait, the oldest for {:.1} s",
            interface.queue_len,
            interface.queue_delay_ms as f64 / 1000.0
        )?;
    }
    if let Some(percent) = interface.airtime_used_percent.filter(|_| interface.radio.is_none()) {
        writeln!(out, "  sent for {percent:.2} % of the hour")?;
    }
    if let Some(radio) = &interface.radio {
        radio_lines(radio, out)?;
    }
    Ok(())
}

fn radio_lines(radio: &RadioStatus, out: &mut impl Write) -> anyhow::Result<()> {
    if let (Some(rssi), Some(snr)) = (radio.rssi_dbm, radio.snr_db) {
        writeln!(out, "  last packet at {rssi} dBm, {snr} dB above noise")?;
    }
    if let (Some(short), Some(long)) = (radio.airtime_short_percent, radio.airtime_long_percent) {
        writeln!(out, "  sent for {short} % of 15 s, {long} % of the hour")?;
    }
    if let (Some(short), Some(long)) = (radio.load_short_percent, radio.load_long_percent) {
        writeln!(out, "  channel in use for {short} % of 15 s, {long} % of the hour")?;
    }
    if radio.queue_overflows > 0 || radio.complaints > 0 {
        writeln!(
            out,
            "  the device dropped {} packets and complained {} times",
            radio.queue_overflows, radio.complaints
        )?;
    }
    Ok(())
}

fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use reticulum::hash::{DestinationHash, IdentityHash};

    use super::*;
    use crate::api::{GroupStatus, SlowMember};

    fn sample() -> NodeStatus {
        let group = GroupStatus {
            number: 1,
            name: "Harbour".into(),
            visibility: "public",
            address: DestinationHash::new([1; 16]),
            api_address: DestinationHash::new([2; 16]),
            identity_hash: IdentityHash::new([3; 16]),
            members: 4,
            messages: 5,
            last_event: 6,
        };
        NodeStatus {
            version: "0.1.0".into(),
            uptime_s: 3725,
            ready: true,
            rss_bytes: 9_000_000,
            groups: vec![group.clone()],
            group,
            propagation_address: None,
            interfaces: vec![InterfaceStatus {
                name: "up".into(),
                r#type: "tcp-client".into(),
                waiting: "connection refused".into(),
                radio: Some(RadioStatus {
                    rssi_dbm: Some(-91),
                    snr_db: Some(-3.25),
                    airtime_short_percent: Some(0.5),
                    airtime_long_percent: Some(1.5),
                    ..RadioStatus::default()
                }),
                ..InterfaceStatus::default()
            }],
            delivery: DeliveryStatus {
                queued: 3,
                slowest: vec![SlowMember {
                    group: 1,
                    nick: "Bob".into(),
                    backlog: 3,
                    oldest_s: 3725,
                    ..SlowMember::default()
                }],
                ..DeliveryStatus::default()
            },
            counters: BTreeMap::from([("malformed_packets".into(), 2)]),
        }
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let value = serde_json::to_value(sample()).unwrap();
        for key in ["version", "uptime_s", "ready", "rss_bytes", "group", "groups", "interfaces", "counters"]
        {
            assert!(value.get(key).is_some(), "{key}");
        }
        for key in ["name", "address", "api_address", "identity_hash", "members", "messages", "last_event"] {
            assert!(value["group"].get(key).is_some(), "{key}");
        }
        for key in ["name", "type", "online", "rx_bytes", "tx_bytes", "rx_packets", "tx_packets"] {
            assert!(value["interfaces"][0].get(key).is_some(), "{key}");
        }
        assert_eq!(value["interfaces"][0]["radio"]["rssi_dbm"], -91);
        assert!(value["interfaces"][0]["radio"].get("firmware").is_none(), "what is not known is left out");
        assert_eq!(value["group"]["address"], "01".repeat(16));
    }

    #[test]
    fn people_read_when_and_why() {
        let mut out = Vec::new();
        for_people(&sample(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("up 1 h 2 min"), "{text}");
        assert!(text.contains("up (tcp-client), offline: connection refused"), "{text}");
        assert!(text.contains("2  malformed_packets"), "{text}");
        assert!(text.contains("  Bob lacks 3, the oldest for 1 h 2 min\n"), "{text}");
        assert!(text.contains("last packet at -91 dBm, -3.25 dB above noise"), "{text}");
        assert!(text.contains("sent for 0.5 % of 15 s, 1.5 % of the hour"), "{text}");
    }
}
