//! A group of stock clients that write to each other: who sent what, what each of them holds, and what that must be.
//!
//! Every post has a number in its text, so that a copy is recognised whatever form it comes in. A client that sees a
//! message fail sends it again, as people do; the group must make one post of that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::python::Peer;

/// Sends that may be under way at a time.
const UNDER_WAY_MAX: usize = 8;
/// How long one waits for what should take seconds. A stock client gives a message up after a minute, and is told to send it again.
const PATIENCE: Duration = Duration::from_secs(240);
/// Those who have a propagation node look there this often.
const LOOKS_EVERY: Duration = Duration::from_secs(10);
/// What reactions are made with.
const EMOJI: &str = "👍";

/// A client of the group.
pub(crate) struct Member {
    /// Its nick.
    pub(crate) name: String,
    /// The process; none while it is away.
    pub(crate) peer: Option<Peer>,
    /// Sends each post twice, under two ids.
    pub(crate) sends_twice: bool,
    /// Adds a ticket to each post.
    pub(crate) gives_tickets: bool,
    /// The propagation node on which it looks for messages, as those do who are away now and then.
    pub(crate) mail: Option<String>,
    /// It reaches nobody but that node: what it sends goes that way, too.
    pub(crate) only_mail: bool,
    /// What it sends takes seconds, and nothing large can be sent.
    pub(crate) is_slow: bool,
    delivery: String,
    /// The ids under which it knows each post.
    ids: BTreeMap<usize, BTreeSet<String>>,
    /// The post that stands last in a message: what refers to the message refers to that one.
    last_lines: BTreeMap<String, usize>,
    /// How often each post was shown to it.
    shown: BTreeMap<usize, usize>,
    answers: Vec<Reference>,
    reactions: Vec<(String, Reference)>,
}

/// What a copy says of another post.
#[derive(Debug)]
enum Reference {
    /// This copy refers to the message with this id.
    Id(usize, String),
    /// This copy quotes this text.
    Quote(usize, String),
}

#[derive(Clone, Debug)]
enum What {
    Post(usize),
    Reaction,
}

struct Post {
    author: usize,
    answers: Option<usize>,
}

struct Reaction {
    actor: usize,
    target: usize,
}

struct Sending {
    member: usize,
    what: What,
    command: Value,
    /// None while it waits to be sent (again).
    tag: Option<u64>,
}

/// The clients and all that they sent.
pub(crate) struct Crowd {
    pub(crate) members: Vec<Member>,
    group: String,
    posts: Vec<Post>,
    reactions: Vec<Reaction>,
    sending: Vec<Sending>,
    random: u64,
}

impl Member {
    /// A client that is connected.
    pub(crate) fn new(name: &str, peer: Peer) -> Self {
        Self {
            name: name.to_owned(),
            delivery: peer.delivery.clone(),
            peer: Some(peer),
            sends_twice: false,
            gives_tickets: false,
            mail: None,
            only_mail: false,
            is_slow: false,
            ids: BTreeMap::new(),
            last_lines: BTreeMap::new(),
            shown: BTreeMap::new(),
            answers: Vec::new(),
            reactions: Vec::new(),
        }
    }

    fn is_quick(&self) -> bool {
        !self.only_mail && !self.is_slow
    }

    fn holds(&self, post: usize) -> Option<&String> {
        self.ids.get(&post)?.iter().find(|id| self.last_lines.get(*id) == Some(&post))
    }
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new(group: String, seed: u64) -> Self {
        let (members, posts) = (Vec::new(), Vec::new());
        Self { members, group, posts, reactions: Vec::new(), sending: Vec::new(), random: seed }
    }

    /// These come in, side by side, before anything is posted.
    pub(crate) fn join(&mut self, mut members: Vec<Member>) {
        assert!(self.posts.is_empty(), "who comes later gets other posts than the others");
        members.iter_mut().for_each(|member| join(&self.group, member));
        members.iter_mut().for_each(|member| welcomed(&self.group, member));
        self.members.extend(members);
    }

    /// How many posts there are.
    pub(crate) fn posts(&self) -> usize {
        self.posts.len()
    }

    /// A number below `bound`, from the seed.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % bound
    }

    /// Somebody who is there posts something: some posts answer one that the author holds, some carry 60 kB, and now and
    /// then somebody reacts to one.
    pub(crate) fn say_something(&mut self) {
        self.pump_while("those who are there send nothing", |crowd| crowd.under_way() >= UNDER_WAY_MAX);
        let number = self.posts.len();
        let author = self.somebody();
        let mut command = self.draft(author, &format!("post {number:03}"));
        let answers = if number % 3 == 2 { self.something_held_by(author) } else { None };
        if let Some((target, id)) = &answers {
            command["reply"] = json!(id);
            command["quote"] = json!(format!("post {target:03}"));
        } else if number % 20 == 7 && self.members[author].is_quick() {
            command[if number % 40 == 7 { "file" } else { "image" }] = json!(60_000);
            command["method"] = json!("direct");
        }
        self.posts.push(Post { author, answers: answers.map(|(target, _)| target) });
        self.queue(author, What::Post(number), command);
        if number % 7 == 6 {
            self.react();
        }
        self.pump();
    }

    /// What is being sent by those who are there and for whom it takes but a moment.
    fn under_way(&self) -> usize {
        let is_there = |one: &&Sending| {
            let member = &self.members[one.member];
            member.peer.is_some() && member.is_quick()
        };
        self.sending.iter().filter(is_there).count()
    }

    /// A post with a large file, on which the test does something halfway.
    pub(crate) fn say_at_length(&mut self, author: usize) {
        let number = self.posts.len();
        let mut command = self.draft(author, &format!("post {number:03}"));
        command["file"] = json!(60_000);
        command["method"] = json!("direct");
        command["halfway"] = json!(true);
        self.posts.push(Post { author, answers: None });
        self.queue(author, What::Post(number), command);
    }

    fn react(&mut self) {
        let actor = self.somebody();
        let Some((target, id)) = self.something_held_by(actor) else { return };
        if self.reactions.iter().any(|other| (other.actor, other.target) == (actor, target)) {
            return;
        }
        let mut command = self.draft(actor, "");
        command["reaction"] = json!(id);
        command["emoji"] = json!(EMOJI);
        self.reactions.push(Reaction { actor, target });
        self.queue(actor, What::Reaction, command);
    }

    fn draft(&self, author: usize, text: &str) -> Value {
        let author = &self.members[author];
        let mut command = json!({"do": "send", "to": self.group, "method": "opportunistic", "text": text});
        command["ticket"] = json!(author.gives_tickets);
        if let Some(node) = author.mail.as_ref().filter(|_| author.only_mail) {
            command["method"] = json!("propagated");
            command["node"] = json!(node);
        }
        command
    }

    fn queue(&mut self, member: usize, what: What, command: Value) {
        if self.members[member].sends_twice {
            self.sending.push(Sending { member, what: what.clone(), command: command.clone(), tag: None });
        }
        self.sending.push(Sending { member, what, command, tag: None });
    }

    fn somebody(&mut self) -> usize {
        loop {
            let member = self.below(self.members.len());
            if self.members[member].peer.is_some() {
                return member;
            }
        }
    }

    /// One of the newest ten posts of others that a member holds, and how its client calls it.
    fn something_held_by(&mut self, member: usize) -> Option<(usize, String)> {
        let newest = self.posts.len().saturating_sub(10);
        let posts = &self.posts;
        let holder = &self.members[member];
        let of_others = holder.ids.range(newest..).filter(|(post, _)| posts[**post].author != member);
        let held: Vec<usize> =
            of_others.map(|(post, _)| *post).filter(|post| holder.holds(*post).is_some()).collect();
        let chosen = (!held.is_empty()).then(|| self.below(held.len()))?;
        Some((held[chosen], self.members[member].holds(held[chosen])?.clone()))
    }

    /// Takes a member's process away. What it was sending will be sent again by the next one.
    pub(crate) fn take_away(&mut self, member: usize) -> Option<Peer> {
        self.collect(member);
        self.sending.iter_mut().filter(|one| one.member == member).for_each(|one| one.tag = None);
        self.members[member].peer.take()
    }

    /// A member's program ends in good order, at a moment when nothing is on its way to it or from it: a stock client proves a
    /// message before it shows it, and what it has not shown when it ends is lost to it.
    pub(crate) fn quit(&mut self, member: usize) {
        self.settle_with(member);
        let mut peer = self.take_away(member).expect("it is there");
        peer.tell(json!({"do": "quit"}));
        peer.wait_end();
    }

    /// Until a member has what it should, and has sent what it wanted to.
    pub(crate) fn settle_with(&mut self, member: usize) {
        self.pump_while("a member does not get what it should", |crowd| {
            let is_sending = crowd.sending.iter().any(|one| one.member == member);
            is_sending || crowd.lacks(member).is_some()
        });
    }

    fn pump_while(&mut self, wrong: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while is_so(self) {
            let state = || self.missing().unwrap_or_default();
            assert!(Instant::now() < end, "for {PATIENCE:?}, {wrong}:\n{}", state());
            self.pump();
        }
    }

    /// A member tells the group something that is no post, and is answered.
    pub(crate) fn whisper(&mut self, member: usize, text: &str) {
        let peer = self.members[member].peer.as_mut().expect("connected");
        assert_eq!(peer.deliver(&self.group, "opportunistic", text)["state"], "delivered");
    }

    /// Until the message that [`Self::say_at_length`] began is halfway.
    pub(crate) fn wait_halfway(&mut self, member: usize) {
        self.pump();
        self.members[member].peer.as_mut().expect("connected").wait("halfway", |_| true);
    }

    /// A member is there again.
    pub(crate) fn bring_back(&mut self, member: usize, mut peer: Peer) {
        if !self.members[member].only_mail {
            peer.tell(json!({"do": "announce"}));
        }
        self.members[member].peer = Some(peer);
    }

    /// Takes in what happened, and sends (again) what is to be sent. Returns after a moment.
    pub(crate) fn pump(&mut self) {
        (0..self.members.len()).for_each(|member| self.collect(member));
        for one in self.sending.iter_mut().filter(|one| one.tag.is_none()) {
            if let Some(peer) = &mut self.members[one.member].peer {
                one.tag = Some(peer.tell_tagged(one.command.clone()));
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }

    fn collect(&mut self, number: usize) {
        let Some(peer) = &mut self.members[number].peer else { return };
        drop(peer.take("announce"));
        let (sent, failed) = (peer.take("sent"), peer.take("error"));
        let messages = peer.take("message");
        for ended in sent.iter().chain(&failed) {
            self.ended(number, ended);
        }
        for message in messages {
            self.shown(number, &message);
        }
    }

    fn ended(&mut self, member: usize, event: &Value) {
        let is_it =
            |one: &Sending| one.member == member && one.tag.is_some() && one.tag == event["tag"].as_u64();
        let Some(at) = self.sending.iter().position(is_it) else { return };
        if let (What::Post(post), Some(id)) = (&self.sending[at].what, event["hash"].as_str()) {
            self.members[member].ids.entry(*post).or_default().insert(id.to_owned());
        }
        if matches!(event["state"].as_str(), Some("delivered" | "sent")) {
            self.sending.swap_remove(at);
        } else {
            self.sending[at].tag = None;
        }
    }

    fn shown(&mut self, number: usize, message: &Value) {
        let text = message["text"].as_str().expect("a text");
        let id = message["hash"].as_str().expect("an id");
        let known = &message["known"];
        let actor = self.members.iter().find(|other| known["252"] == other.delivery.as_str());
        let actor = actor.map(|other| other.name.clone());
        let member = &mut self.members[number];
        if let (Some(target), Some(actor)) = (known["64"]["0"].as_str(), actor) {
            member.reactions.push((actor, Reference::Id(0, target.to_owned())));
        }
        let mut quoted = None;
        for line in text.lines() {
            if let Some(quote) = line.strip_prefix("> ") {
                quoted = Some(quote);
            } else if let Some((actor, quote)) = line.split_once(&format!(" {EMOJI} ")) {
                member.reactions.push((actor.to_owned(), Reference::Quote(0, quote.to_owned())));
            } else if let Some(post) = post_of(line) {
                member.ids.entry(post).or_default().insert(id.to_owned());
                member.last_lines.insert(id.to_owned(), post);
                *member.shown.entry(post).or_default() += 1;
                match (known["48"].as_str(), quoted.take()) {
                    (Some(id), _) => member.answers.push(Reference::Id(post, id.to_owned())),
                    (None, Some(quote)) => member.answers.push(Reference::Quote(post, quote.to_owned())),
                    (None, None) => {}
                }
            }
        }
    }

    /// Goes on until everybody holds what they should, and fails with what is wrong once that takes too long. Those with a
    /// propagation node look there for messages now and then.
    pub(crate) fn settle(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while let Some(wrong) = self.missing() {
            assert!(Instant::now() < end, "after {patience:?}:\n{wrong}");
            eprintln!("still: {wrong}");
            for member in &mut self.members {
                if let (Some(node), Some(peer)) = (&member.mail, &mut member.peer) {
                    peer.tell(json!({"do": "sync", "node": node}));
                }
            }
            let next_look = Instant::now() + LOOKS_EVERY;
            while Instant::now() < next_look && self.missing().is_some() {
                self.pump();
            }
        }
        let wrong = self.wrong();
        assert!(wrong.is_empty(), "{wrong}");
    }

    /// What is not there yet.
    fn missing(&self) -> Option<String> {
        let mut text = String::new();
        for one in &self.sending {
            _ = writeln!(text, "{} is still sending {:?}", self.members[one.member].name, one.what);
        }
        (0..self.members.len()).filter_map(|member| self.lacks(member)).for_each(|lack| text += &lack);
        (!text.is_empty()).then_some(text)
    }

    fn lacks(&self, number: usize) -> Option<String> {
        let member = &self.members[number];
        // What nobody could send yet is not missing anywhere.
        let is_under_way = |post: &usize| {
            self.sending.iter().any(|one| matches!(one.what, What::Post(sent) if sent == *post))
        };
        let lacks: Vec<usize> = self
            .posts_for(number)
            .filter(|post| !member.shown.contains_key(post) && !is_under_way(post))
            .collect();
        let (known, reactions) = (member.reactions.len(), self.reactions_for(number).count());
        let reacting = self.sending.iter().filter(|one| matches!(one.what, What::Reaction)).count();
        (!lacks.is_empty() || known + reacting < reactions)
            .then(|| format!("{} lacks {lacks:?} and saw {known} of {reactions} reactions\n", member.name))
    }

    /// What is there and should not be, or points elsewhere.
    fn wrong(&self) -> String {
        let mut text = String::new();
        for (number, member) in self.members.iter().enumerate() {
            let expected: BTreeMap<usize, usize> = self.posts_for(number).map(|post| (post, 1)).collect();
            if member.shown != expected {
                let odd: Vec<_> =
                    member.shown.iter().filter(|(post, times)| expected.get(post) != Some(times)).collect();
                _ = writeln!(text, "{} was shown other than once: {odd:?}", member.name);
            }
            for answer in &member.answers {
                self.check_answer(member, answer, &mut text);
            }
            let answers = self.posts_for(number).filter(|post| self.posts[*post].answers.is_some()).count();
            if member.answers.len() != answers {
                _ = writeln!(text, "{} saw {} of {answers} answers", member.name, member.answers.len());
            }
            self.check_reactions(number, &mut text);
        }
        text
    }

    fn check_answer(&self, member: &Member, answer: &Reference, text: &mut String) {
        let (Reference::Id(post, _) | Reference::Quote(post, _)) = answer;
        let points = self.posts[*post].answers.is_some_and(|target| points_at(member, answer, target));
        if !points {
            _ = writeln!(
                text,
                "{}: {answer:?} does not point at {:?}",
                member.name, self.posts[*post].answers
            );
        }
    }

    fn check_reactions(&self, number: usize, text: &mut String) {
        let member = &self.members[number];
        let mut left: Vec<_> = member.reactions.iter().collect();
        for reaction in self.reactions_for(number) {
            let actor = &self.members[reaction.actor].name;
            let is_it =
                |(by, to): &&(String, Reference)| by == actor && points_at(member, to, reaction.target);
            match left.iter().position(is_it) {
                Some(at) => drop(left.swap_remove(at)),
                None => {
                    _ = writeln!(
                        text,
                        "{} lacks the reaction of {actor} to {}",
                        member.name, reaction.target
                    );
                }
            }
        }
        if !left.is_empty() {
            _ = writeln!(text, "{} saw reactions that nobody made: {left:?}", member.name);
        }
    }

    fn posts_for(&self, member: usize) -> impl Iterator<Item = usize> {
        let of_others = self.posts.iter().enumerate().filter(move |(_, post)| post.author != member);
        of_others.map(|(number, _)| number)
    }

    fn reactions_for(&self, member: usize) -> impl Iterator<Item = &Reaction> {
        self.reactions.iter().filter(move |one| one.actor != member)
    }

    /// How many copies the members were sent, reactions included.
    pub(crate) fn copies(&self) -> usize {
        let members = 0..self.members.len();
        members.map(|member| self.posts_for(member).count() + self.reactions_for(member).count()).sum()
    }

    /// How many people reacted.
    pub(crate) fn reactions(&self) -> usize {
        self.reactions.len()
    }

    /// How many posts answer another.
    pub(crate) fn answers(&self) -> usize {
        self.posts.iter().filter(|post| post.answers.is_some()).count()
    }
}

/// Asks for the group's announce first, which tells what a message costs.
fn join(group: &str, member: &mut Member) {
    let peer = member.peer.as_mut().expect("connected");
    let path = peer.ask(json!({"do": "path", "to": group}), "path");
    assert_eq!(path["found"], true, "{} finds no way to {group}: {path}\n{}", member.name, peer.dump());
    peer.tell(json!({"do": "announce"}));
    peer.tell_tagged(json!({"do": "send", "to": group, "method": "opportunistic", "text": "/join"}));
}

/// Waits for the welcome. A client that wrote before it had taken in what a message costs writes again.
fn welcomed(group: &str, member: &mut Member) {
    let peer = member.peer.as_mut().expect("connected");
    let holds =
        |message: &Value, part: &str| message["text"].as_str().is_some_and(|text| text.contains(part));
    let is_answer = |message: &Value| holds(message, "Harbour chat") || holds(message, "was not taken");
    while holds(&peer.wait("message", is_answer), "was not taken") {
        peer.tell_tagged(json!({"do": "send", "to": group, "method": "opportunistic", "text": "/join"}));
    }
}

/// Whether what a copy says of another post is that one, as this member knows it.
fn points_at(member: &Member, reference: &Reference, target: usize) -> bool {
    match reference {
        Reference::Id(_, id) => member.ids.get(&target).is_some_and(|ids| ids.contains(id)),
        Reference::Quote(_, quote) => quote.contains(&format!("post {target:03}")),
    }
}

/// The number of the post of which a line is a copy.
fn post_of(line: &str) -> Option<usize> {
    let (_, after) = line.split_once(": post ")?;
    after.get(..3)?.parse().ok()
}
