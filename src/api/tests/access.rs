//! Who gets through to which path: one table over all of both.

use super::*;
use crate::api::PATHS;

/// Every path, and what a stranger, a member and the operator get for an empty message; the owner gets what the path
/// does with it. `None` is success.
fn rows() -> Vec<(&'static str, [Option<ErrorCode>; 4])> {
    use ErrorCode::{MissingField, NoPermission, NotIdentified, NotMember};
    let (missing, forbidden, stranger) = (Some(MissingField), Some(NoPermission), Some(NotMember));
    vec![
        ("/api/v1/info", [None, None, None, None]),
        ("/api/v1/groups", [None, None, None, None]),
        ("/api/v1/groups/create", [missing, missing, missing, missing]),
        ("/api/v1/groups/delete", [stranger, forbidden, missing, missing]),
        ("/api/v1/join", [None, Some(ErrorCode::Already), Some(ErrorCode::Already), Some(NotIdentified)]),
        ("/api/v1/leave", [stranger, None, Some(ErrorCode::LastOwner), Some(NotIdentified)]),
        ("/api/v1/claim", [missing, missing, missing, missing]),
        ("/api/v1/display-name/update", [stranger, missing, missing, missing]),
        ("/api/v1/members", [stranger, None, None, None]),
        ("/api/v1/members/update", [stranger, missing, missing, missing]),
        ("/api/v1/members/kick", [stranger, forbidden, missing, missing]),
        ("/api/v1/members/ban", [stranger, forbidden, missing, missing]),
        ("/api/v1/members/unban", [stranger, forbidden, missing, missing]),
        ("/api/v1/members/mute", [stranger, forbidden, missing, missing]),
        ("/api/v1/members/unmute", [stranger, forbidden, missing, missing]),
        ("/api/v1/bans", [stranger, forbidden, None, None]),
        ("/api/v1/members/invite", [stranger, forbidden, missing, missing]),
        ("/api/v1/members/requests", [stranger, forbidden, None, None]),
        ("/api/v1/members/approve", [stranger, forbidden, missing, missing]),
        ("/api/v1/members/reject", [stranger, forbidden, missing, missing]),
        ("/api/v1/profile", [stranger, None, None, Some(ErrorCode::NotFound)]),
        ("/api/v1/presence", [stranger, None, None, None]),
        ("/api/v1/preferences", [stranger, None, None, None]),
        ("/api/v1/typing", [stranger, None, None, None]),
        ("/api/v1/settings", [stranger, None, None, None]),
        ("/api/v1/messages", [stranger, None, None, None]),
        ("/api/v1/messages/send", [stranger, missing, missing, missing]),
        ("/api/v1/messages/attachment", [stranger, missing, missing, missing]),
        ("/api/v1/messages/delete", [stranger, missing, missing, missing]),
        ("/api/v1/messages/held", [stranger, forbidden, None, None]),
        ("/api/v1/messages/held/approve", [stranger, forbidden, missing, missing]),
        ("/api/v1/messages/held/reject", [stranger, forbidden, missing, missing]),
        ("/api/v1/messages/edit", [stranger, missing, missing, missing]),
        ("/api/v1/messages/react", [stranger, missing, missing, missing]),
        ("/api/v1/messages/pin", [stranger, forbidden, missing, missing]),
        ("/api/v1/messages/search", [stranger, missing, missing, missing]),
        ("/api/v1/messages/read", [stranger, None, None, None]),
        ("/api/v1/messages/edits", [stranger, missing, missing, missing]),
        ("/api/v1/delivery", [stranger, missing, missing, missing]),
        ("/api/v1/messages/cleanup", [stranger, forbidden, missing, missing]),
        ("/api/v1/report", [stranger, missing, missing, missing]),
        ("/api/v1/audit", [stranger, forbidden, None, None]),
        ("/api/v1/announce", [stranger, forbidden, None, None]),
        ("/api/v1/members/path", [stranger, forbidden, missing, missing]),
        ("/api/v1/stats", [stranger, forbidden, None, None]),
        ("/api/v1/roles", [stranger, None, None, None]),
        ("/api/v1/roles/create", [stranger, forbidden, missing, missing]),
        ("/api/v1/roles/change", [stranger, forbidden, missing, missing]),
        ("/api/v1/roles/delete", [stranger, forbidden, missing, missing]),
        ("/api/v1/roles/assign", [stranger, missing, missing, missing]),
        ("/api/v1/members/permissions", [stranger, None, None, Some(NotIdentified)]),
    ]
}

#[test]
fn each_path_lets_in_whom_it_is_for() {
    assert_eq!(rows().iter().map(|(path, _)| *path).collect::<Vec<_>>(), PATHS, "a new path needs a row");
    for (path, expected) in rows() {
        let callers = [person(9), person(2), person(1), Caller::Operator];
        for (caller, expected) in callers.iter().zip(expected) {
            assert_eq!(Scene::populated().code_of(caller, path, &[]), expected, "{path} for {caller:?}");
        }
    }
}

#[test]
fn the_unidentified_and_the_banned_each_get_their_own_code() {
    // What concerns the node is not refused by one of its groups.
    let of_the_node = ["/api/v1/groups", "/api/v1/groups/create"];
    for path in PATHS.into_iter().filter(|path| *path != "/api/v1/info" && !of_the_node.contains(path)) {
        let mut scene = Scene::populated();
        let code = scene.code_of(&Caller::Unidentified, path, &[]);
        assert_eq!(code, Some(ErrorCode::NotIdentified), "{path}");
        assert_eq!(scene.code_of(&person(4), path, &[]), Some(ErrorCode::Banned), "{path}");
    }
    let mut scene = Scene::populated();
    for caller in [Caller::Unidentified, person(4)] {
        assert_eq!(scene.code_of(&caller, "/api/v1/info", &[]), None);
    }
}

#[test]
fn bytes_that_are_no_message_are_malformed_to_everybody() {
    for path in PATHS {
        let mut scene = Scene::populated();
        for caller in [Caller::Unidentified, person(9), person(4), person(2), person(1)] {
            assert_eq!(scene.code_of(&caller, path, &[0xff]), Some(ErrorCode::Malformed), "{path}");
        }
    }
}

#[test]
fn a_path_that_does_not_exist_says_so_and_the_operators_do_not_exist_for_others() {
    let mut scene = Scene::populated();
    for path in ["/api/v1/nothing", "/api/v2/info", "/control/v1/status"] {
        assert_eq!(scene.code_of(&person(1), path, &[]), Some(ErrorCode::UnknownPath), "{path}");
    }
    let status =
        plan(scene.now, PathHash::of_path("/control/v1/status"), &[], &Caller::Operator, &scene.group);
    assert!(matches!(status, Plan::Status));
}
