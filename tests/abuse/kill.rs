//! A node that is killed at any moment, while all that can happen in a group happens: what is on the disk is what the log
//! says, and what was proven is there.

use std::time::Duration;

use lxmf::fields::Fields;
use reticulum::crypto::Rng;

use super::address;
use super::attacker::{Attacker, Tcp};
use crate::support::process::{Folder, Meshgroup};

/// How often the node is killed.
const KILLS: usize = 12;
/// Messages that are on their way when it happens, at most.
const BURST_MAX: usize = 80;

/// What members do, the owner first; `{n}` is a number of some event, `{m}` differs each time.
const OWNERS: [&str; 21] = [
    "/topic tides {n}",
    "/set description about {n}",
    "/set keep-messages 100",
    "/set keep-messages 0",
    "/set hold-first 1",
    "/set hold-first 0",
    "/set hold-words rope*",
    "/set join approval",
    "/set join open",
    "/ok {n}",
    "/no {n}",
    "/pin {n}",
    "/kick Bob too loud",
    "/ban Bob 1h again",
    "/unban Bob",
    "/mute Cyd 1h",
    "/unmute Cyd",
    "/role Cyd moderator",
    "/role Cyd member",
    "/invite",
    "/readonly off",
];
const MEMBERS: [&str; 14] = [
    "who has the ropes {m}",
    "/join",
    "/me waves {m}",
    "/join",
    "/leave",
    "/nick Name{n}",
    "/edit it was {n}",
    "/delete",
    "/react {n} +",
    "/reply {n} yes",
    "/mode nothing",
    "/mode all",
    "/report {n} spam",
    "/search tide",
];

struct Scene {
    node: Meshgroup,
    rng: Rng,
    people: Vec<Attacker<Tcp>>,
    events: u64,
    sent: u64,
}

impl Scene {
    fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_be_bytes(self.rng.bytes())) % end
    }

    /// A text of the script, and who sends it.
    fn next(&mut self) -> (usize, String) {
        let who = self.below(self.people.len());
        let text = match who {
            _ if self.below(2) == 0 => "the tide is at {m}",
            0 => OWNERS[self.below(OWNERS.len())],
            _ => MEMBERS[self.below(MEMBERS.len())],
        };
        let number = self.below(usize::try_from(self.events).unwrap_or(1).max(1) + 10);
        self.sent += 1;
        (who, text.replace("{n}", &number.to_string()).replace("{m}", &self.sent.to_string()))
    }

    /// Everybody connects anew, and is heard.
    fn connect(&mut self) {
        let port = self.node.port;
        for person in &mut self.people {
            person.wire = Tcp::connect(port);
            person.later();
            let announce = person.announce("Somebody");
            super::attacker::Wire::send(&mut person.wire, &announce);
        }
    }

    /// Says something and has it proven.
    fn say(&mut self, who: usize, text: &str) {
        let lxmf = address(&self.node, "address");
        let person = &mut self.people[who];
        let group = person.find(lxmf);
        let packed = person.message(&group, text, &Fields::default());
        let frame = person.single(&group, packed.opportunistic_body());
        person.send_proven(&group, &frame);
    }

    /// Sends a burst without waiting for anything, has the operator do something too, and kills the node meanwhile.
    fn kill_amid(&mut self, round: usize) {
        let lxmf = address(&self.node, "address");
        let groups: Vec<_> = self.people.iter_mut().map(|person| person.find(lxmf)).collect();
        for _ in 0..self.below(BURST_MAX) {
            let (who, text) = self.next();
            let person = &mut self.people[who];
            let packed = person.message(&groups[who], &text, &Fields::default());
            let frame = person.single(&groups[who], packed.opportunistic_body());
            person.wire.queue(&frame);
        }
        self.people.iter_mut().for_each(|person| person.wire.flush());
        let pause = Duration::from_micros(4 * self.below(60_000) as u64);
        let (name, before) = (format!("Quay {round}"), format!("Quay {}", round.saturating_sub(1)));
        std::thread::scope(|scope| {
            let node = &self.node;
            scope.spawn(move || {
                // Whatever comes of it: the node may be gone by then.
                node.command(&["group", "create", &name]);
                node.command(&["group", "delete", &before, "--confirm", &before]);
            });
            std::thread::sleep(pause);
            node.kill_now();
        });
        self.node.kill();
    }
}

#[test]
fn whenever_the_node_is_killed_its_tables_are_what_its_log_gives_and_proven_posts_are_there() {
    let folder = Folder::new("kill");
    let node = Meshgroup::start(folder.path(), "");
    let claim = format!("/claim {}", node.claim_code());
    let people = (0..3).map(|seed| Attacker::new(Tcp::connect(node.port), 40 + seed)).collect();
    let mut scene = Scene { node, rng: Rng::from_seed([7; 32]), people, events: 0, sent: 0 };
    scene.connect();
    scene.say(0, &claim);
    scene.say(0, "/set posts-per-minute 0");
    for (who, name) in [(1, "/join Bob"), (2, "/join Cyd")] {
        scene.say(who, name);
    }
    for round in 0..KILLS {
        let text = format!("kept whatever happens, {round}");
        scene.say(0, &text);
        scene.kill_amid(round);
        // What the crash left, before anybody repairs anything.
        let checked = scene.node.json(&["check", "--json"]);
        assert_eq!(checked["findings"], serde_json::json!([]), "after kill {round}");
        let events = checked["events"].as_u64().expect("a number");
        assert!(events > scene.events, "{events} events after kill {round}, {} before", scene.events);
        scene.events = events;
        let (dir, port) = (scene.node.dir().to_owned(), scene.node.port);
        scene.node = Meshgroup::restart_on(&dir, port);
        assert!(scene.node.messages().iter().any(|message| message["text"] == text.as_str()), "{text}");
        scene.connect();
    }
    println!("{} events", scene.events);
}
