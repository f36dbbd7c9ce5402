//! Nobody does what they may not: every action and every command, for every role and for every single permission.

use super::*;
use crate::group::command::{self, Command};

use crate::group::message_command::MessageCommand;

/// The callers of this table: person 5, in a role that the test makes; persons 2 and 3 stand below them.
const CALLER: u8 = 5;
const HIGH: u8 = 99;

/// A group in which person 5 has these permissions and nobody but the owner stands higher. Something waits as #1,
/// person 3 is muted, person 9 banned.
fn scene(permissions: Permissions) -> Fixture {
    let mut fixture =
        Fixture::with_settings(Settings { capacity: 50, posts_per_minute: 0, ..Settings::default() });
    fixture.act(CALLER, Action::Join { nick: None, pass: Pass::None }).unwrap();
    fixture.act(1, Action::Mute { who: bob(), lasts: None, reason: String::new() }).unwrap();
    fixture.act(1, Action::Set { settings: vec![Setting::HoldLinks(true)] }).unwrap();
    fixture.act(2, post("https://example.org")).unwrap();
    let define = |name: &str, permissions, rank| Action::DefineRole {
        role: None,
        name: name.into(),
        permissions,
        rank,
        quiet: false,
    };
    fixture.act_as(&Caller::Operator, define("tested", permissions, HIGH)).unwrap();
    fixture.act_as(&Caller::Operator, define("spare", Permissions::NONE, 5)).unwrap();
    let who = Who::Identity(identity(CALLER).hash());
    let role = RoleRef::Name("tested".into());
    fixture.act_as(&Caller::Operator, Action::AssignRole { who, role }).unwrap();
    fixture
}

fn bob() -> Who {
    Who::Identity(identity(3).hash())
}

fn spare() -> RoleRef {
    RoleRef::Name("spare".into())
}

/// Each kind of action once, so that whoever may do it succeeds.
fn samples() -> Vec<Action> {
    let none = Permissions::NONE;
    let code = ClaimCode::from_random([8; 10]);
    vec![
        Action::Join { nick: None, pass: Pass::None },
        Action::Invite { identity: identity(42).hash() },
        Action::Uninvite { identity: identity(42).hash() },
        Action::IssueCode { uses: 1, lasts: None },
        Action::RevokeCode { number: Seq(1) },
        Action::Leave,
        post("hello"),
        delete(OF_OTHER),
        Action::Edit { target: OF_OTHER, text: "other".into() },
        Action::React { target: OF_OTHER, reaction: "👍".into(), remove: false },
        Action::Pin { target: OF_OTHER, remove: false },
        kick(bob()),
        ban(bob()),
        Action::Unban { who: Who::Identity(identity(9).hash()) },
        Action::Rename { nick: "Eve".into() },
        Action::Set { settings: vec![Setting::Capacity(40)] },
        Action::Claim { code: code.to_string() },
        Action::IssueClaim { claim: code.hash() },
        Action::AssignRole { who: bob(), role: spare() },
        Action::ChangePermissions {
            who: bob(),
            grant: none,
            revoke: Permissions::of(&[Permission::Post]),
            reset: none,
        },
        Action::DefineRole { role: None, name: "new".into(), permissions: none, rank: 3, quiet: true },
        Action::DeleteRole { role: spare() },
        Action::Mute { who: Who::Identity(identity(2).hash()), lasts: None, reason: String::new() },
        Action::Unmute { who: bob() },
        Action::Report { what: Reported::Member(bob()), reason: String::new() },
        Action::CleanUp { what: CleanUp { bytes_min: Some(1), ..CleanUp::default() }, reason: String::new() },
        Action::Approve { number: PendingId(1) },
        Action::Reject { number: PendingId(1), reason: String::new() },
        Action::Choose { preferences: vec![Preference::Push(Push::Nothing)] },
        Action::UpdateMember {
            who: bob(),
            update: MemberUpdate { nick: Some("Rob".into()), ..MemberUpdate::default() },
        },
    ]
}

/// The place of an action in [`samples`]. A new action does not compile without one, and then needs its sample.
fn place(action: &Action) -> usize {
    match action {
        Action::Join { .. } => 0,
        Action::Invite { .. } => 1,
        Action::Uninvite { .. } => 2,
        Action::IssueCode { .. } => 3,
        Action::RevokeCode { .. } => 4,
        Action::Leave => 5,
        Action::Post(_) => 6,
        Action::Delete { .. } => 7,
        Action::Edit { .. } => 8,
        Action::React { .. } => 9,
        Action::Pin { .. } => 10,
        Action::Kick { .. } => 11,
        Action::Ban { .. } => 12,
        Action::Unban { .. } => 13,
        Action::Rename { .. } => 14,
        Action::Set { .. } => 15,
        Action::Claim { .. } => 16,
        Action::IssueClaim { .. } => 17,
        Action::AssignRole { .. } => 18,
        Action::ChangePermissions { .. } => 19,
        Action::DefineRole { .. } => 20,
        Action::DeleteRole { .. } => 21,
        Action::Mute { .. } => 22,
        Action::Unmute { .. } => 23,
        Action::Report { .. } => 24,
        Action::CleanUp { .. } => 25,
        Action::Approve { .. } => 26,
        Action::Reject { .. } => 27,
        Action::Choose { .. } => 28,
        Action::UpdateMember { .. } => 29,
    }
}

/// The permission without which the sample is refused to a member, if there is one.
fn permission_of(action: &Action) -> Option<Permission> {
    match action.need() {
        Need::May(permission) | Need::MayOwnOrAny(_, permission) => Some(permission),
        // Stepping down is everybody's; the sample is about somebody else.
        Need::Membership if matches!(action, Action::AssignRole { .. }) => Some(Permission::ManageRoles),
        Need::Membership | Need::Identity | Need::Operator => None,
    }
}

#[test]
fn every_action_has_its_sample() {
    let places: Vec<_> = samples().iter().map(place).collect();
    assert_eq!(places, (0..places.len()).collect::<Vec<_>>());
}

#[test]
fn each_action_takes_its_permission_and_no_other() {
    for action in samples() {
        let Some(permission) = permission_of(&action) else { continue };
        let only = Permissions::of(&[permission]);
        // Who gives up a role makes members of those who had it, and gives no more than they have.
        let only = if matches!(action, Action::DeleteRole { .. }) {
            only.with(Role::Member.permissions())
        } else {
            only
        };
        let all_but = Permissions::ALL.without(Permissions::of(&[permission]));
        let refused = scene(all_but).act(CALLER, action.clone());
        assert_eq!(refused, Err(Refusal::NoPermission), "{action:?} without {permission:?}");
        let taken = scene(only).act(CALLER, action.clone());
        assert_ne!(taken.err(), Some(Refusal::NoPermission), "{action:?} with {permission:?}");
    }
}

#[test]
fn the_table_of_roles_decides_for_every_pair_of_role_and_action() {
    for role in Role::BUILT_IN {
        for action in samples() {
            let mut fixture = scene(Permissions::NONE);
            let who = Who::Identity(identity(CALLER).hash());
            let assign = Action::AssignRole { who, role: RoleRef::Role(role) };
            fixture.act_as(&Caller::Operator, assign).unwrap();
            let allowed = match (permission_of(&action), action.need()) {
                (Some(permission), _) => role.permissions().contains(permission),
                (None, need) => need != Need::Operator,
            };
            // Nobody acts on their own rank, and the samples are about plain members.
            let about = matches!(
                action,
                Action::Kick { .. }
                    | Action::Ban { .. }
                    | Action::Mute { .. }
                    | Action::Unmute { .. }
                    | Action::UpdateMember { .. }
            );
            let allowed = allowed && !(about && role.rank() <= Role::Member.rank());
            let result = fixture.act(CALLER, action.clone());
            assert_eq!(result.err() != Some(Refusal::NoPermission), allowed, "{role:?} {action:?}");
        }
    }
}

#[test]
fn strangers_the_banned_and_the_unidentified_do_nothing_and_the_operator_may_all() {
    for action in samples() {
        let entering = matches!(action.need(), Need::Identity);
        let refusal = |caller: &Caller| scene(Permissions::NONE).act_as(caller, action.clone()).err();
        assert_eq!(
            refusal(&Caller::Unidentified),
            Some(if action.need() == Need::Operator {
                Refusal::NoPermission
            } else {
                Refusal::NotIdentified
            }),
            "{action:?}"
        );
        let banned = refusal(&person(9));
        let is_barred = matches!(banned, Some(Refusal::Banned { .. })) || action.need() == Need::Operator;
        assert!(is_barred, "{action:?} {banned:?}");
        if !entering && action.need() != Need::Operator {
            assert_eq!(refusal(&person(77)), Some(Refusal::NotMember), "{action:?}");
        }
        assert_ne!(refusal(&Caller::Operator), Some(Refusal::NoPermission), "{action:?}");
    }
}

/// Each command as a member without any permission types it, and whether they may. A new command needs its row.
fn command_rows() -> Vec<(&'static str, bool)> {
    vec![
        ("/join", true),
        ("/leave", true),
        ("/nick Eve", true),
        ("/members", true),
        ("/help", true),
        ("/info", true),
        ("/rules", true),
        ("/topic", true),
        ("/who P1", true),
        ("/who", true),
        ("/mode nothing", true),
        ("/claim 00000-00000", true),
        ("/report P2 rude", true),
        ("/new", true),
        ("/since 2h", true),
        ("/search hello", true),
        ("/delivery", true),
        ("/missed", true),
        ("/get 2", true),
        ("/set", true),
        ("/pn -", true),
        ("/nick #2 Other", false),
        ("/rename Other", false),
        ("/topic New", false),
        ("/set capacity 40", false),
        ("/invite code", false),
        ("/kick P2", false),
        ("/ban P2", false),
        ("/unban p9", false),
        ("/mute P2 2h", false),
        ("/unmute Bob Smith", false),
        ("/slow 30", false),
        ("/readonly on", false),
        ("/role P2 reader", false),
        ("/role P2 +kick", false),
        ("/held", false),
        ("/ok 1", false),
        ("/no 1", false),
        ("/audit", false),
        ("/me waves", false),
        ("/staff hello", false),
        ("/notice hello", false),
        ("/reply 1003 hello", false),
        ("/react 1003 👍", false),
        ("/unreact 1003 👍", false),
        ("/edit 1003 other", false),
        ("/delete 1003", false),
        ("/pin 1003", false),
        ("/unpin 1003", false),
        ("/stats", false),
        ("/announce", false),
        ("/path P2", false),
        ("/cleanup P2", false),
        ("/cleanup older 2d", false),
        ("/role create watch 15 post", false),
        ("/role delete watch", false),
    ]
}

/// A number for each kind of command, so that none is without a row.
fn command_place(command: &Command<'_>) -> usize {
    match command {
        Command::Join { .. } => 0,
        Command::Leave => 1,
        Command::Nick { .. } => 2,
        Command::Members { .. } => 3,
        Command::Help { .. } => 4,
        Command::Kick { .. } => 5,
        Command::Ban { .. } => 6,
        Command::Unban { .. } => 7,
        Command::Claim { .. } => 8,
        Command::Role { .. } => 9,
        Command::Set { .. } => 10,
        Command::Mute { .. } => 11,
        Command::Unmute { .. } => 12,
        Command::Slow { .. } => 13,
        Command::ReadOnly { .. } => 14,
        Command::Audit { .. } => 15,
        Command::Held { .. } => 16,
        Command::Ok { .. } => 17,
        Command::No { .. } => 18,
        Command::Info => 19,
        Command::Rules { .. } => 20,
        Command::Topic { .. } => 21,
        Command::Rename { .. } => 22,
        Command::Who { .. } => 23,
        Command::Invite(_) => 24,
        Command::Node { .. } => 34,
        Command::Choose(_) => 38,
        Command::Presence => 39,
        Command::Stats => 40,
        Command::CleanUp { .. } => 41,
        Command::Announce => 45,
        Command::Path { .. } => 46,
        Command::Message(message) => match message {
            MessageCommand::Me { .. } => 25,
            MessageCommand::Staff { .. } => 26,
            MessageCommand::Notice { .. } => 27,
            MessageCommand::Reply { .. } => 28,
            MessageCommand::React { .. } => 29,
            MessageCommand::Edit { .. } => 30,
            MessageCommand::Delete { .. } => 31,
            MessageCommand::Pin { .. } => 32,
            MessageCommand::Report { .. } => 33,
            MessageCommand::New { .. } => 35,
            MessageCommand::Since { .. } => 36,
            MessageCommand::Search { .. } => 37,
            MessageCommand::Delivery { .. } => 43,
            MessageCommand::Missed => 44,
            MessageCommand::Get { .. } => 42,
        },
    }
}

#[test]
fn no_command_works_for_a_caller_without_the_permission() {
    let mut places = std::collections::BTreeSet::new();
    for (text, allowed) in command_rows() {
        let Some(Ok(command)) = command::parse(text) else { panic!("{text} is no command") };
        places.insert(command_place(&command));
        let mut fixture = scene(Permissions::NONE);
        let head = fixture.group.state().head;
        let reply = fixture.reply(CALLER, text);
        assert_eq!(reply != "You may not do that.", allowed, "{text}: {reply}");
        assert!(allowed || fixture.group.state().head == head, "{text}");
    }
    assert!(places.into_iter().eq(0..=46), "each kind of command needs a row");
}
