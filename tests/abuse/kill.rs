//! A node that is killed at any moment of a scripted hour in which everything happens that can happen in a group: what is on
//! the disk is what the log says, and what was proven is there.
//!
//! The script is made of the kinds of events, so that a new kind fails here until somebody writes down how it comes about.
//! It is fed as fast as the node takes it: a message for each second of the hour. `MESHGROUP_KILLS` makes it longer.

use std::collections::BTreeSet;
use std::time::Duration;

use lxmf::fields::Fields;
use meshgroup::group::EventKind;
use reticulum::crypto::Rng;
use serde_json::Value;

use super::address;
use super::attacker::{Attacker, Tcp, Wire};
use crate::support::process::{Folder, Meshgroup};

/// How often the node is killed.
const KILLS: usize = 12;
/// Messages in all, at least: one for each second of an hour.
const MESSAGES: u64 = 3_600;

/// How long after the last message of a round the node may live. It takes them from its sockets as fast as it can.
const PAUSE_US_MAX: u64 = 1_500_000;

const ANN: usize = 0;
const BOB: usize = 1;
const CYD: usize = 2;
const DAN: usize = 3;
const NAMES: [&str; 4] = ["Ann", "Bob", "Cyd", "Dan"];

/// Somebody's message; or the operator's command, its words with blanks between them.
type Line = (Option<usize>, &'static str);

/// How each kind of event comes about: Ann owns the group. `{m}` differs each time, `{n}` is a number of some event, `{w}` of
/// something that waits, `{code}` of an invite code, `{claim}` a claim code, `{dan}` Dan's identity.
fn script(kind: &str) -> Vec<Line> {
    let (ann, bob, cyd, dan) = (Some(ANN), Some(BOB), Some(CYD), Some(DAN));
    let post = (bob, "the tide is at {m}");
    match kind {
        "created" => vec![(None, "group create Quay{m}")],
        "dissolved" => vec![(None, "group delete {quay} --confirm {quay}")],
        "claim-issued" => vec![(None, "claim new")],
        "owner-claimed" => vec![(ann, "/claim {claim}")],
        "joined" | "left" => vec![(cyd, "/leave"), (cyd, "/join Cyd")],
        "join-requested" => {
            vec![(ann, "/set join approval"), (dan, "/leave"), (dan, "/join Dan"), (ann, "/set join open")]
        }
        "approved" => vec![(ann, "/ok {w}")],
        "rejected" => vec![(bob, "more ropes {m}"), (ann, "/no {w} not now"), (ann, "/set hold-words -")],
        "invited" => vec![(dan, "/leave"), (ann, "/invite {dan}")],
        "invitation-told" => vec![(dan, ANNOUNCE)],
        "uninvited" => vec![(ann, "/invite no {dan}"), (dan, "/join Dan")],
        "code-issued" => vec![(ann, "/invite code 3 12h")],
        "code-revoked" => vec![(ann, "/invite no #{code}")],
        "posted" => vec![post, (cyd, "/me waves {m}"), (ann, "/staff who is that? {m}")],
        "edited" => vec![post, (bob, "/edit it was {m}")],
        "deleted" => vec![post, (bob, "/delete")],
        "reacted" => vec![post, (cyd, "/react Bob +")],
        "unreacted" => vec![post, (cyd, "/react Bob +"), (cyd, "/unreact Bob +")],
        "pinned" => vec![post, (ann, "/pin Bob")],
        "unpinned" => vec![post, (ann, "/pin Bob"), (ann, "/unpin Bob")],
        "kicked" => vec![(ann, "/kick Bob too loud"), (bob, "/join Bob")],
        "banned" => vec![(ann, "/ban Bob 1h again"), (bob, "/join Bob")],
        "unbanned" => vec![(ann, "/unban Bob"), (bob, "/join Bob")],
        "muted" => vec![(ann, "/mute Cyd 1h"), (cyd, "am I heard? {m}")],
        "unmuted" => vec![(ann, "/unmute Cyd")],
        "renamed" => vec![(dan, "/nick Dan{m}"), (dan, "/nick Dan")],
        "role-assigned" => vec![(ann, "/role Cyd moderator"), (ann, "/role Cyd member")],
        "permissions-changed" => vec![(ann, "/role Cyd +pin -post"), (ann, "/role Cyd =pin =post")],
        "role-defined" => vec![(ann, "/role create helper{m} 40 post react")],
        "role-deleted" => vec![(ann, "/role create helper 40 post react"), (ann, "/role delete helper")],
        "preference-changed" => vec![(cyd, "/mode mentions"), (cyd, "/mode all")],
        "setting-changed" => {
            vec![(ann, "/topic tides {m}"), (ann, "/set keep-messages 100"), (ann, "/set keep-messages 0")]
        }
        "held" => vec![(ann, "/set hold-words rope*"), (bob, "who has the ropes {m}?")],
        "reported" => vec![(cyd, "/report Bob spam")],
        "cleaned-up" => vec![post, (ann, "/cleanup Bob")],
        kind => panic!("write down how an event of the kind {kind} comes about"),
    }
}

/// Stands for an announce, and for the proof of what comes then.
const ANNOUNCE: &str = "(announces)";

/// What changes nothing.
const QUESTIONS: [&str; 8] =
    ["/search tide", "/new", "/who", "/info", "/help", "/pin {n}", "/react {n} +", "/reply {n} yes"];

struct Scene {
    node: Meshgroup,
    rng: Rng,
    people: Vec<Attacker<Tcp>>,
    /// Messages so far.
    sent: u64,
    claim: String,
    code: u64,
    waiting: u64,
    quay: String,
}

impl Scene {
    fn below(&mut self, end: u64) -> u64 {
        u64::from(u32::from_be_bytes(self.rng.bytes())) % end.max(1)
    }

    fn fill(&mut self, line: &str) -> String {
        self.sent += 1;
        let (near, some) = (self.waiting + self.below(8), self.below(self.sent));
        let hash = |person: &Attacker<Tcp>| person.identity.hash().to_string();
        line.replace("{m}", &self.sent.to_string())
            .replace("{n}", &some.to_string())
            .replace("{w}", &near.to_string())
            .replace("{code}", &self.code.to_string())
            .replace("{claim}", &self.claim)
            .replace("{dan}", &hash(&self.people[DAN]))
            .replace("{quay}", &self.quay)
    }

    /// Everybody connects anew, and is heard.
    fn connect(&mut self) {
        let port = self.node.port;
        for (person, name) in self.people.iter_mut().zip(NAMES) {
            person.wire = Tcp::connect(port);
            person.later();
            let announce = person.announce(name);
            person.wire.send(&announce);
        }
    }

    /// Says something and has it proven.
    fn say(&mut self, who: usize, text: &str) {
        let lxmf = address(&self.node, "address");
        self.say_to(lxmf, who, text);
    }

    fn say_to(&mut self, group: reticulum::hash::DestinationHash, who: usize, text: &str) {
        let person = &mut self.people[who];
        let group = person.find(group);
        let packed = person.message(&group, text, &Fields::default());
        let frame = person.single(&group, packed.opportunistic_body());
        person.send_proven(&group, &frame);
    }

    fn check(&self) -> Value {
        let checked = self.node.json(&["check", "--json"]);
        assert_eq!(checked["findings"], serde_json::json!([]));
        checked
    }

    /// Looks up what stands for the placeholders.
    fn look(&mut self) {
        let claim = self.node.json(&["claim", "new", "--json"]);
        self.claim = claim["code"].as_str().expect("a code").to_owned();
        let waiting = |what: &[&str]| self.node.json(what)[0]["number"].as_u64();
        let first = waiting(&["member", "requests", "--json"]).or(waiting(&["message", "held", "--json"]));
        self.waiting = first.unwrap_or(self.waiting);
        let audit = self.node.json(&["audit", "--json"]);
        let acts = audit.as_array().expect("an array");
        let code = acts.iter().find(|act| act["kind"] == "code_issued");
        self.code = code.and_then(|act| act["seq"].as_u64()).unwrap_or(self.code);
    }

    /// Goes through the script once, line by line, and fails if a kind of event did not come about.
    fn rehearse(&mut self) {
        for kind in EventKind::NAMES {
            for (who, line) in script(kind) {
                if ["{w}", "{code}", "{claim}"].iter().any(|place| line.contains(place)) {
                    self.look();
                }
                // Exactly what waits, and not something near it.
                let line = line.replace("{w}", &self.waiting.to_string());
                match who {
                    Some(who) if line == ANNOUNCE => self.hear_invitation(who),
                    Some(who) => {
                        let text = self.fill(&line);
                        self.say(who, &text);
                    }
                    None => self.operate(&line),
                }
            }
            let kinds = self.check()["kinds"].clone();
            assert!(kinds[kind].as_u64() > Some(0), "nothing is {kind}: {kinds}\n{}", self.node.output());
        }
    }

    /// Until the node knows that somebody has the invitation.
    fn hear_invitation(&mut self, who: usize) {
        let person = &mut self.people[who];
        person.later();
        let announce = person.announce(NAMES[who]);
        person.wire.send(&announce);
        while self.check()["kinds"]["invitation-told"].is_null() {
            self.people[who].prove_next();
        }
    }

    /// The operator's command has to work.
    fn operate(&mut self, line: &str) {
        let line = self.fill(line);
        let words: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let done = self.node.json(&words);
        if let ["group", "create", name, ..] = words[..] {
            self.quay = name.to_owned();
            // Somebody who will have to be told when it is deleted.
            let bytes = done["address"].as_str().and_then(reticulum::hash::DestinationHash::from_hex);
            self.say_to(bytes.expect("an address"), BOB, "/join Bob");
        }
    }

    /// Sends a part of the script without waiting for anything, has the operator do something too, and kills the node
    /// at some message.
    fn kill_amid(&mut self, round: usize, messages_max: u64) {
        self.look();
        let lxmf = address(&self.node, "address");
        let groups: Vec<_> = self.people.iter_mut().map(|person| person.find(lxmf)).collect();
        let mut frames = Vec::new();
        let wanted = self.below(messages_max) + messages_max / 2;
        while (frames.len() as u64) < wanted {
            let kind = EventKind::NAMES[self.below(EventKind::NAMES.len() as u64) as usize];
            let question = QUESTIONS[self.below(QUESTIONS.len() as u64) as usize];
            let asker = self.below(NAMES.len() as u64) as usize;
            let lines = script(kind).into_iter().chain([(Some(asker), question)]);
            for (who, line) in lines.filter(|(_, line)| *line != ANNOUNCE) {
                let Some(who) = who else { continue };
                let text = self.fill(line);
                let person = &mut self.people[who];
                let packed = person.message(&groups[who], &text, &Fields::default());
                frames.push((who, person.single(&groups[who], packed.opportunistic_body())));
            }
        }
        let pause = Duration::from_micros(self.below(PAUSE_US_MAX));
        let (name, before) =
            (format!("Pier{round}"), std::mem::replace(&mut self.quay, format!("Pier{round}")));
        let (node, people) = (&self.node, &mut self.people);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // Whatever comes of it: the node may be gone by then.
                node.command(&["group", "create", &name]);
                node.command(&["group", "delete", &before, "--confirm", &before]);
            });
            for (who, frame) in &frames {
                people[*who].wire.send_while_it_lasts(frame);
            }
            std::thread::sleep(pause);
            node.kill_now();
        });
        self.node.kill();
    }
}

#[test]
fn whenever_the_node_is_killed_in_an_hour_of_everything_its_tables_are_what_its_log_gives() {
    let kills = std::env::var("MESHGROUP_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let folder = Folder::new("kill");
    let node = Meshgroup::start(folder.path(), "");
    let claim = node.claim_code();
    let people = (0..4).map(|seed| Attacker::new(Tcp::connect(node.port), 40 + seed)).collect();
    let (sent, code, waiting, quay) = (0, 0, 1, String::new());
    let mut scene = Scene { node, rng: Rng::from_seed([7; 32]), people, sent, claim, code, waiting, quay };
    scene.connect();
    let claim = format!("/claim {}", scene.claim);
    scene.say(ANN, &claim);
    scene.say(ANN, "/set posts-per-minute 0");
    for (who, name) in [(BOB, "/join Bob"), (CYD, "/join Cyd"), (DAN, "/join Dan")] {
        scene.say(who, name);
    }
    scene.rehearse();
    for round in 0..kills {
        let text = format!("kept whatever happens, {round}");
        scene.say(ANN, "/unban Bob");
        scene.say(ANN, &text);
        scene.kill_amid(round, MESSAGES / KILLS as u64 * 3 / 2);
        // What the crash left, before anybody repairs anything.
        let checked = scene.check();
        println!("{} messages, {} events after kill {round}", scene.sent, checked["events"]);
        let (dir, port) = (scene.node.dir().to_owned(), scene.node.port);
        scene.node = Meshgroup::restart_on(&dir, port);
        assert!(scene.node.messages().iter().any(|message| message["text"] == text.as_str()), "{text}");
        scene.connect();
    }
    assert!(scene.sent >= MESSAGES || kills < KILLS, "{} messages", scene.sent);
    let kinds: BTreeSet<String> =
        scene.check()["kinds"].as_object().expect("an object").keys().cloned().collect();
    println!("{} kinds of events", kinds.len());
}
