//! Every kind of event in the store: it is read back as it was written, and stands where its kind says.

use std::collections::BTreeSet;

use super::*;
use crate::group::{
    ClaimHash, CodeHash, CustomRole, Entry, HeldBecause, Key, Rank, Reaction, Visibility, is_told,
};

/// One event of each kind or more, in an order in which they can happen.
fn one_of_each() -> Vec<EventKind> {
    let (member, other) = (MemberId(1), MemberId(2));
    let (someone, third) = (identity(9).hash(), identity(2).hash());
    let (post, reaction, reason) = (Seq(5), Reaction::parse("+").unwrap(), "loud".to_owned());
    let (nick, until) = ("Bob".to_owned(), Some(at(900)));
    let joined = |member, n, nick: &str| EventKind::Joined {
        member,
        identity: identity(n),
        nick: nick.to_owned(),
        entry: Entry::Asked,
    };
    let role =
        CustomRole { name: "helper".into(), permissions: Permissions::NONE, rank: Rank(40), quiet: false };
    let wants = |number, n| EventKind::JoinRequested {
        number: PendingId(number),
        identity: identity(n),
        nick: "Dan".into(),
    };
    let posted = |text: &str| EventKind::Posted(Post { text: text.to_owned(), ..Post::default() });
    let held = Box::new(Post { text: "held".into(), ..Post::default() });
    let mut kinds = vec![
        EventKind::Created { name: "Quay".into(), visibility: Visibility::Public, claim: None },
        joined(MemberId(3), 3, "Cyd"),
        joined(member, 1, "Ann"),
        joined(other, 2, "Bob"),
        posted("five"),
        posted("six"),
        posted("seven"),
        EventKind::ClaimIssued { claim: ClaimHash([1; 32]) },
        EventKind::OwnerClaimed { member },
        EventKind::Edited { target: post, text: "5".into(), mentions: vec![other] },
        EventKind::Reacted { target: post, reaction: reaction.clone() },
        EventKind::Unreacted { target: post, reaction },
        EventKind::Pinned { target: post },
        EventKind::Unpinned { target: post },
        EventKind::Deleted { target: post, in_clean_up: false },
        EventKind::CleanedUp { author: Some(member), deleted: 1, reason: reason.clone(), expired: false },
        EventKind::Deleted { target: Seq(6), in_clean_up: true },
        EventKind::CleanedUp { author: None, deleted: 1, reason: reason.clone(), expired: true },
        EventKind::Deleted { target: Seq(7), in_clean_up: true },
        EventKind::Renamed { member: other, nick: "Rob".into() },
        EventKind::Muted {
            identity: third,
            member: Some(other),
            nick: nick.clone(),
            reason: reason.clone(),
            until,
        },
        EventKind::Unmuted { identity: third, member: Some(other), expired: true },
        EventKind::RoleDefined { number: 16, role },
        EventKind::RoleAssigned { member: other, role: Role::Custom(16) },
        EventKind::RoleDeleted { number: 16, fallback: Role::Member },
        EventKind::PermissionsChanged {
            member: other,
            granted: Permissions::NONE,
            revoked: Permissions::ALL,
        },
        EventKind::PreferenceChanged { member: other, preference: Preference::ALL[1] },
        EventKind::Invited { identity: someone },
        EventKind::InvitationTold { identity: someone },
        EventKind::Uninvited { identity: someone },
        EventKind::CodeIssued { hash: CodeHash([3; 32]), expires: until, uses: 7 },
        EventKind::CodeRevoked { number: Seq(30) },
        wants(1, 6),
        EventKind::Approved { number: PendingId(1) },
        EventKind::Held { number: PendingId(2), post: held, why: HeldBecause::Link },
        EventKind::Rejected { number: PendingId(2), reason: reason.clone() },
        EventKind::Reported { post: None, member: Some(other), reason: reason.clone() },
        EventKind::Kicked { member: other, reason: reason.clone() },
        EventKind::Banned { identity: third, member: Some(other), nick, reason, until },
        EventKind::Unbanned { identity: third, member: Some(other), expired: false },
        EventKind::Unbanned { identity: someone, member: None, expired: true },
        EventKind::Left { member },
    ];
    let usual = Settings::default();
    kinds.extend(Key::ALL.iter().map(|key| EventKind::SettingChanged(usual.setting(*key))));
    let tell = [Setting::TellJoined, Setting::TellLeft, Setting::TellRenamed, Setting::TellRoles];
    kinds.extend(tell.map(|tell| EventKind::SettingChanged(tell(true))));
    kinds.push(EventKind::Dissolved);
    kinds
}

#[test]
fn every_kind_is_read_back_and_stands_in_the_history_and_is_told_as_it_says() {
    let kinds = one_of_each();
    let covered: BTreeSet<_> = kinds.iter().map(EventKind::name).collect();
    assert_eq!(covered, EventKind::NAMES.iter().copied().collect(), "a kind without an example");
    let event = |(index, kind): (usize, EventKind)| {
        let seq = index as u64 + 1;
        Event { seq: Seq(seq), time: at(seq), actor: Some(MemberId(2)), kind }
    };
    let events: Vec<Event> = kinds.into_iter().enumerate().map(event).collect();
    let folder = Folder::new();
    let (store, _) = folder.open();
    store.submit(decision(events.clone(), None));
    let (store, restored) = reopened(&folder, store);
    let reader = store.reader().unwrap();

    // Texts that were erased are not read back.
    let told = |event: &Event| match &event.kind {
        EventKind::Posted(_) | EventKind::Edited { .. } | EventKind::Held { .. } => None,
        kind => Some((event.seq, event.time, event.actor, kind.clone())),
    };
    let read = log(&reader);
    assert_eq!(read.len(), events.len());
    assert_eq!(read.iter().map(told).collect::<Vec<_>>(), events.iter().map(told).collect::<Vec<_>>());

    let request = PageRequest {
        after: Some(Seq(0)),
        before: None,
        filter: Filter::All,
        rows_max: 1_000,
        text_bytes_max: 1 << 20,
        with_authors: false,
        viewer: Viewer::OPERATOR,
    };
    let page: Vec<_> =
        reader.history(GROUP, &request).unwrap().entries.iter().map(|entry| entry.event.seq).collect();
    let history: Vec<_> =
        events.iter().filter(|event| event.kind.is_history()).map(|event| event.seq).collect();
    assert_eq!(page, history);

    let [cursor] = restored.groups[0].delivery.cursors[..] else { panic!("Cyd alone is in at the end") };
    let waiting: Vec<_> = restored.groups[0].delivery.waiting.iter().map(|post| post.seq).collect();
    let settings = &restored.groups[0].state.settings;
    let is_told = |event: &&Event| is_told(&event.kind, settings);
    // A clean-up that came by itself is found, and passed over when it is to be told.
    let is_expiry = |event: &&Event| matches!(event.kind, EventKind::CleanedUp { expired: true, .. });
    let expected: Vec<_> = events[cursor.through.0 as usize..]
        .iter()
        .filter(|event| is_told(event) || is_expiry(event))
        .map(|event| event.seq)
        .collect();
    assert_eq!(waiting, expected, "a restart tells what a running node does");
}
