//! What the operator does through the control socket beside looking at lists: the calls of `/api/v1/` that change
//! something, and those that show what only the staff sees. The answers are plain values, the JSON of the command line.

use std::path::Path;
use std::time::Duration;

use proto::v1;
use reticulum::hash::IdentityHash;
use serde::Serialize;

use super::{Client, ClientError, ListedMessage, accept, read_page};
use crate::api::status::as_hex;
use crate::group::{Key, Permission, Setting, Value};

/// What an act led to: the number of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Its sequence number.
    pub seq: u64,
}

/// Somebody named to a call: nick, `#number`, or at least four digits of a hash.
pub(super) fn named(who: &str) -> Option<v1::Who> {
    Some(v1::Who { who: Some(v1::who::Who::Name(who.to_owned())) })
}

/// An answer that tells the number of an event.
trait Told {
    fn told(&self) -> (u64, Option<&v1::Error>);
}

macro_rules! told {
    ($($answer:ident),+) => { $(
        impl Told for v1::$answer {
            fn told(&self) -> (u64, Option<&v1::Error>) {
                (self.seq, self.error.as_ref())
            }
        }
    )+ };
}

told!(
    KickResponse,
    BanResponse,
    UnbanResponse,
    MuteResponse,
    UnmuteResponse,
    RoleAssignResponse,
    PermissionsResponse,
    InviteResponse,
    MemberApproveResponse,
    MemberUpdateResponse,
    MemberRejectResponse,
    HeldApproveResponse,
    HeldRejectResponse,
    RoleCreateResponse,
    RoleChangeResponse,
    RoleDeleteResponse,
    DeleteResponse,
    EditResponse,
    PinResponse,
    SendResponse,
    CleanupResponse,
    SettingsResponse
);

/// What is done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToMember {
    /// Put out.
    Kick,
    /// Barred.
    Ban,
    /// No longer barred.
    Unban,
    /// Silenced.
    Mute,
    /// No longer silenced.
    Unmute,
}

/// A member with all that is known of what they may do. Field names are those of `member show --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownMember {
    /// Number of the membership.
    pub member: u32,
    /// Nick in the group.
    pub nick: String,
    /// Identity.
    #[serde(serialize_with = "as_hex")]
    pub identity_hash: IdentityHash,
    /// Name of the role.
    pub role: String,
    /// What they may do.
    pub permissions: Vec<&'static str>,
    /// What was granted to them beside their role.
    pub granted: Vec<&'static str>,
    /// What was taken from them although their role has it.
    pub revoked: Vec<&'static str>,
}

/// A ban. Field names are those of `ban list --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedBan {
    /// Who is barred.
    #[serde(serialize_with = "as_hex")]
    pub identity_hash: IdentityHash,
    /// Their number, if they ever were a member.
    pub member: Option<u32>,
    /// Why, possibly empty.
    pub reason: String,
    /// Until when, in seconds since 1970 UTC; `None` is until it is lifted.
    pub until: Option<u64>,
}

/// Somebody who asked to come in. Field names are those of `member requests --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedRequest {
    /// Number under which they wait.
    pub number: u32,
    /// The name that they gave.
    pub nick: String,
    /// Who.
    #[serde(serialize_with = "as_hex")]
    pub identity_hash: IdentityHash,
    /// Since when, in seconds since 1970 UTC.
    pub time: u64,
}

/// A message that waits. Field names are those of `message held --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedHeld {
    /// Number under which it waits.
    pub number: u32,
    /// Number of the member who wrote it.
    pub author: u32,
    /// Since when, in seconds since 1970 UTC.
    pub time: u64,
    /// What it says.
    pub text: String,
    /// "newcomer", "word", "pattern" or "link".
    pub why: &'static str,
}

/// A role. Field names are those of `role list --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedRole {
    /// Its number.
    pub role: i32,
    /// Its name.
    pub name: String,
    /// How high it stands.
    pub rank: u32,
    /// What it may do.
    pub permissions: Vec<&'static str>,
    /// Whether nothing is pushed to it.
    pub quiet: bool,
    /// How many members have it.
    pub members: u32,
}

/// A setting. Field names are those of `group settings --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedSetting {
    /// Its name.
    pub key: String,
    /// Its value: a text, a number or a truth value.
    pub value: serde_json::Value,
    /// What it takes.
    pub takes: String,
}

/// An act of the audit log. Field names are those of `audit --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedAct {
    /// Its sequence number.
    pub seq: u64,
    /// Seconds since 1970 UTC.
    pub time: u64,
    /// Number of the member who did it; `None` is the operator, or what ended by itself.
    pub by: Option<u32>,
    /// What was done: "kicked", "banned", … in the words of the interface, in lower case.
    pub kind: String,
    /// To whom, as a number.
    pub member: Option<u32>,
    /// A message, a role or what waited.
    pub number: Option<u64>,
    /// A setting, a name.
    pub text: String,
    /// Why.
    pub reason: String,
    /// Until when, in seconds since 1970 UTC.
    pub until: Option<u64>,
    /// Whether it ended by itself.
    pub expired: bool,
}

impl Client {
    fn act<A: prost::Message + Default + Told>(
        &mut self,
        path: &str,
        request: &impl prost::Message,
    ) -> Result<Done, ClientError> {
        let answer: A = self.call(path, request)?;
        let (seq, error) = answer.told();
        accept(error)?;
        Ok(Done { seq })
    }

    /// Does something to a member. `lasts` is for bans and mutes; `None` is until it is lifted.
    pub fn to_member(
        &mut self,
        what: ToMember,
        who: &str,
        lasts: Option<Duration>,
        reason: &str,
    ) -> Result<Done, ClientError> {
        let (who, reason) = (named(who), reason.to_owned());
        let lasts_s = lasts.map_or(0, |lasts| u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX));
        match what {
            ToMember::Kick => {
                self.act::<v1::KickResponse>("/api/v1/members/kick", &v1::KickRequest { who, reason })
            }
            ToMember::Ban => {
                let request = v1::BanRequest { who, reason, lasts_s };
                self.act::<v1::BanResponse>("/api/v1/members/ban", &request)
            }
            ToMember::Unban => {
                self.act::<v1::UnbanResponse>("/api/v1/members/unban", &v1::UnbanRequest { who })
            }
            ToMember::Mute => {
                let request = v1::MuteRequest { who, reason, lasts_s };
                self.act::<v1::MuteResponse>("/api/v1/members/mute", &request)
            }
            ToMember::Unmute => {
                self.act::<v1::UnmuteResponse>("/api/v1/members/unmute", &v1::UnmuteRequest { who })
            }
        }
    }

    /// Gives a member the role of this name.
    pub fn assign_role(&mut self, who: &str, role: &str) -> Result<Done, ClientError> {
        let role = self.role_named(role)?.role;
        let request = v1::RoleAssignRequest { who: named(who), role };
        self.act::<v1::RoleAssignResponse>("/api/v1/roles/assign", &request)
    }

    /// Has the group announced. False if it is not to be.
    pub fn announce(&mut self) -> Result<bool, ClientError> {
        let done: v1::AnnounceResponse = self.call("/api/v1/announce", &v1::AnnounceRequest {})?;
        accept(done.error.as_ref())?;
        Ok(done.announced)
    }

    /// Hops to a member and the interface that leads there; `None` if there is no path yet.
    pub fn path(&mut self, who: &str) -> Result<Option<(u32, String)>, ClientError> {
        let found: v1::PathResponse =
            self.call("/api/v1/members/path", &v1::PathRequest { who: named(who) })?;
        accept(found.error.as_ref())?;
        Ok((found.hops > 0).then_some((found.hops, found.interface)))
    }

    /// How much of what there is, by name.
    pub fn stats(&mut self) -> Result<Vec<(&'static str, u64)>, ClientError> {
        let found: v1::StatsResponse = self.call("/api/v1/stats", &v1::StatsRequest {})?;
        accept(found.error.as_ref())?;
        let v1::StatsResponse { members, online, away, messages, waiting, banned, muted, head, error: _ } =
            found;
        Ok(vec![
            ("members", members.into()),
            ("online", online.into()),
            ("away", away.into()),
            ("messages", messages),
            ("waiting", waiting.into()),
            ("banned", banned.into()),
            ("muted", muted.into()),
            ("head", head),
        ])
    }

    /// Gives a member another nick.
    pub fn rename_member(&mut self, who: &str, nick: &str) -> Result<Done, ClientError> {
        let (who, nick) = (named(who), nick.to_owned());
        let request = v1::MemberUpdateRequest { who, nick, ..v1::MemberUpdateRequest::default() };
        self.act::<v1::MemberUpdateResponse>("/api/v1/members/update", &request)
    }

    /// Changes what a member may do beside their role.
    pub fn change_permissions(
        &mut self,
        who: &str,
        grant: &[Permission],
        revoke: &[Permission],
        reset: &[Permission],
    ) -> Result<Done, ClientError> {
        let [grant, revoke, reset] = [grant, revoke, reset].map(numbers);
        let request = v1::PermissionsRequest { who: named(who), grant, revoke, reset };
        self.act::<v1::PermissionsResponse>("/api/v1/members/permissions", &request)
    }

    /// One member.
    pub fn member(&mut self, who: &str) -> Result<ShownMember, ClientError> {
        let request = v1::PermissionsRequest { who: named(who), ..v1::PermissionsRequest::default() };
        let found: v1::PermissionsResponse = self.call("/api/v1/members/permissions", &request)?;
        accept(found.error.as_ref())?;
        let after = found.member.saturating_sub(1);
        let request = v1::MembersRequest { after, limit: 1, max_bytes: 0 };
        let page: v1::MembersResponse = self.call("/api/v1/members", &request)?;
        accept(page.error.as_ref())?;
        let member = page.members.into_iter().find(|member| member.member == found.member);
        let member = member.ok_or(ClientError::Malformed)?;
        let role = self.roles()?.into_iter().find(|role| role.role == found.role);
        Ok(ShownMember {
            member: member.member,
            nick: member.nick,
            identity_hash: hash(&member.identity_hash)?,
            role: role.map_or_else(|| found.role.to_string(), |role| role.name),
            permissions: names(&found.permissions),
            granted: names(&found.granted),
            revoked: names(&found.revoked),
        })
    }

    /// Invites somebody by their identity.
    pub fn invite(&mut self, identity: IdentityHash) -> Result<Done, ClientError> {
        let invite = Some(v1::invite_request::Invite::IdentityHash(identity.as_bytes().to_vec()));
        self.act::<v1::InviteResponse>("/api/v1/members/invite", &v1::InviteRequest { invite })
    }

    /// Makes an invite code; it is told once.
    pub fn invite_code(&mut self, uses: u32, lasts: Duration) -> Result<String, ClientError> {
        let lasts_s = u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX);
        let invite = Some(v1::invite_request::Invite::NewCode(v1::NewCode { uses, lasts_s }));
        let made: v1::InviteResponse = self.call("/api/v1/members/invite", &v1::InviteRequest { invite })?;
        accept(made.error.as_ref())?;
        Ok(made.code)
    }

    /// Who asked to come in.
    pub fn join_requests(&mut self) -> Result<Vec<ListedRequest>, ClientError> {
        let (mut listed, mut after) = (Vec::new(), 0);
        loop {
            let request = v1::MemberRequestsRequest { after, limit: 1000, max_bytes: 0 };
            let page: v1::MemberRequestsResponse = self.call("/api/v1/members/requests", &request)?;
            accept(page.error.as_ref())?;
            for one in &page.applicants {
                listed.push(ListedRequest {
                    number: one.number,
                    nick: one.nick.clone(),
                    identity_hash: hash(&one.identity_hash)?,
                    time: one.time_s,
                });
            }
            match page.applicants.last() {
                Some(last) if page.more && last.number > after => after = last.number,
                _ => return Ok(listed),
            }
        }
    }

    /// Lets somebody in, or a message through, who or which waits.
    pub fn approve(&mut self, number: u32) -> Result<Done, ClientError> {
        let request = v1::HeldApproveRequest { number };
        self.act::<v1::HeldApproveResponse>("/api/v1/messages/held/approve", &request)
    }

    /// Refuses what waits.
    pub fn reject(&mut self, number: u32, reason: &str) -> Result<Done, ClientError> {
        let request = v1::HeldRejectRequest { number, reason: reason.to_owned() };
        self.act::<v1::HeldRejectResponse>("/api/v1/messages/held/reject", &request)
    }

    /// Lets somebody in who asked.
    pub fn approve_member(&mut self, number: u32) -> Result<Done, ClientError> {
        let request = v1::MemberApproveRequest { number };
        self.act::<v1::MemberApproveResponse>("/api/v1/members/approve", &request)
    }

    /// Refuses somebody who asked to come in.
    pub fn reject_member(&mut self, number: u32, reason: &str) -> Result<Done, ClientError> {
        let request = v1::MemberRejectRequest { number, reason: reason.to_owned() };
        self.act::<v1::MemberRejectResponse>("/api/v1/members/reject", &request)
    }

    /// Messages that wait.
    pub fn held(&mut self) -> Result<Vec<ListedHeld>, ClientError> {
        let (mut listed, mut after) = (Vec::new(), 0);
        loop {
            let request = v1::HeldRequest { after, limit: 1000, max_bytes: 0 };
            let page: v1::HeldResponse = self.call("/api/v1/messages/held", &request)?;
            accept(page.error.as_ref())?;
            let (more, last) = (page.more, page.messages.last().map(|last| last.number));
            listed.extend(page.messages.into_iter().map(|one| ListedHeld {
                number: one.number,
                author: one.author,
                time: one.time_s,
                why: why_name(one.why()),
                text: one.text,
            }));
            match last {
                Some(last) if more && last > after => after = last,
                _ => return Ok(listed),
            }
        }
    }

    /// Who is barred.
    pub fn bans(&mut self) -> Result<Vec<ListedBan>, ClientError> {
        let mut listed = Vec::new();
        loop {
            let skip = u32::try_from(listed.len()).unwrap_or(u32::MAX);
            let page: v1::BansResponse =
                self.call("/api/v1/bans", &v1::BansRequest { skip, limit: 1000, max_bytes: 0 })?;
            accept(page.error.as_ref())?;
            for ban in &page.bans {
                listed.push(ListedBan {
                    identity_hash: hash(&ban.identity_hash)?,
                    member: some(ban.member),
                    reason: ban.reason.clone(),
                    until: some(ban.until_s),
                });
            }
            if !page.more || page.bans.is_empty() {
                return Ok(listed);
            }
        }
    }

    /// All roles.
    pub fn roles(&mut self) -> Result<Vec<ListedRole>, ClientError> {
        let mut listed: Vec<ListedRole> = Vec::new();
        loop {
            let skip = u32::try_from(listed.len()).unwrap_or(u32::MAX);
            let page: v1::RolesResponse =
                self.call("/api/v1/roles", &v1::RolesRequest { skip, max_bytes: 0 })?;
            accept(page.error.as_ref())?;
            let is_last = !page.more || page.roles.is_empty();
            listed.extend(page.roles.into_iter().map(|role| ListedRole {
                role: role.role,
                permissions: names(&role.permissions),
                name: role.name,
                rank: role.rank,
                quiet: role.quiet,
                members: role.members,
            }));
            if is_last {
                return Ok(listed);
            }
        }
    }

    /// Makes a role, or changes the one of this name if `existing`.
    pub fn define_role(
        &mut self,
        existing: bool,
        name: &str,
        rank: u32,
        permissions: &[Permission],
        quiet: bool,
    ) -> Result<Done, ClientError> {
        let (permissions, owned) = (numbers(permissions), name.to_owned());
        if !existing {
            let request = v1::RoleCreateRequest { name: owned, rank, permissions, quiet };
            return self.act::<v1::RoleCreateResponse>("/api/v1/roles/create", &request);
        }
        let role = self.role_named(name)?.role;
        let to = v1::RoleInfo { name: owned, rank, permissions, quiet, ..v1::RoleInfo::default() };
        let request = v1::RoleChangeRequest { role, to: Some(to) };
        self.act::<v1::RoleChangeResponse>("/api/v1/roles/change", &request)
    }

    /// Gives up the role of this name.
    pub fn delete_role(&mut self, name: &str) -> Result<Done, ClientError> {
        let role = self.role_named(name)?.role;
        self.act::<v1::RoleDeleteResponse>("/api/v1/roles/delete", &v1::RoleDeleteRequest { role })
    }

    fn role_named(&mut self, name: &str) -> Result<ListedRole, ClientError> {
        let found = self.roles()?.into_iter().find(|role| role.name.to_lowercase() == name.to_lowercase());
        found.ok_or_else(|| ClientError::Refused(format!("There is no role \"{name}\".")))
    }

    /// Posts a notice: the operator is no member, and says nothing else.
    pub fn send(&mut self, text: &str, staff: bool, files: &[impl AsRef<Path>]) -> Result<Done, ClientError> {
        let request = v1::SendRequest {
            text: text.to_owned(),
            staff,
            attachments: super::attachments::read(files)?,
            kind: v1::MessageKind::Notice.into(),
            ..v1::SendRequest::default()
        };
        self.act::<v1::SendResponse>("/api/v1/messages/send", &request)
    }

    /// Withdraws a message.
    pub fn delete_message(&mut self, seq: u64) -> Result<Done, ClientError> {
        self.act::<v1::DeleteResponse>("/api/v1/messages/delete", &v1::DeleteRequest { seq })
    }

    /// Changes what a message says.
    pub fn edit_message(&mut self, seq: u64, text: &str) -> Result<Done, ClientError> {
        let request = v1::EditRequest { seq, text: text.to_owned() };
        self.act::<v1::EditResponse>("/api/v1/messages/edit", &request)
    }

    /// Keeps a message in view, or no longer.
    pub fn pin_message(&mut self, seq: u64, remove: bool) -> Result<Done, ClientError> {
        self.act::<v1::PinResponse>("/api/v1/messages/pin", &v1::PinRequest { seq, remove })
    }

    /// Messages with these words, the newest `limit`, oldest first.
    pub fn search(&mut self, words: &str, limit: u32) -> Result<Vec<ListedMessage>, ClientError> {
        let query = words.to_owned();
        let request = v1::SearchRequest { query, limit, with_authors: true, ..v1::SearchRequest::default() };
        let found: v1::SearchResponse = self.call("/api/v1/messages/search", &request)?;
        accept(found.error.as_ref())?;
        let page = v1::MessagesResponse {
            first_seq: found.first_seq,
            first_time_s: found.first_time_s,
            events: found.events,
            authors: found.authors,
            ..v1::MessagesResponse::default()
        };
        Ok(read_page(page)?.messages)
    }

    /// Deletes many messages: of a member, before a time, since a time, in seconds since 1970 UTC.
    pub fn clean_up(
        &mut self,
        author: Option<&str>,
        before_s: Option<u64>,
        since_s: Option<u64>,
        bytes_min: Option<u32>,
        reason: &str,
    ) -> Result<u32, ClientError> {
        let request = v1::CleanupRequest {
            author: author.and_then(named),
            before_s: before_s.unwrap_or_default(),
            since_s: since_s.unwrap_or_default(),
            bytes_min: bytes_min.unwrap_or_default(),
            reason: reason.to_owned(),
        };
        let done: v1::CleanupResponse = self.call("/api/v1/messages/cleanup", &request)?;
        accept(done.error.as_ref())?;
        Ok(done.deleted)
    }

    /// All settings.
    pub fn settings(&mut self) -> Result<Vec<ListedSetting>, ClientError> {
        let request = v1::SettingsRequest { details: true, ..v1::SettingsRequest::default() };
        let told: v1::SettingsResponse = self.call("/api/v1/settings", &request)?;
        accept(told.error.as_ref())?;
        let value = |value: Option<v1::setting::Value>| match value {
            Some(v1::setting::Value::Text(text)) => text.into(),
            Some(v1::setting::Value::Number(number)) => number.into(),
            Some(v1::setting::Value::On(on)) => on.into(),
            None => serde_json::Value::Null,
        };
        let listed =
            |one: v1::Setting| ListedSetting { key: one.key, value: value(one.value), takes: one.takes };
        Ok(told.settings.into_iter().map(listed).collect())
    }

    /// Sets something, as a person writes it.
    pub fn set(&mut self, key: &str, value: &str) -> Result<Done, ClientError> {
        let key =
            Key::named(key).ok_or_else(|| ClientError::Refused(format!("There is no setting \"{key}\".")))?;
        let setting = Setting::parse(key, value)
            .map_err(|_| ClientError::Refused(format!("{} takes {}.", key.name(), key.shape())))?;
        let value = match setting.value() {
            Value::Text(text) => v1::setting::Value::Text(text),
            Value::Number(number) => v1::setting::Value::Number(number),
            Value::Switch(on) => v1::setting::Value::On(on),
        };
        let setting =
            v1::Setting { key: key.name().to_owned(), value: Some(value), ..v1::Setting::default() };
        let request = v1::SettingsRequest { set: vec![setting], ..v1::SettingsRequest::default() };
        self.act::<v1::SettingsResponse>("/api/v1/settings", &request)
    }

    /// The newest acts of the audit log, at most `limit`, the newest first.
    pub fn audit(&mut self, before: u64, limit: u32) -> Result<Vec<ListedAct>, ClientError> {
        let request = v1::AuditRequest { before, limit, ..v1::AuditRequest::default() };
        let page: v1::AuditResponse = self.call("/api/v1/audit", &request)?;
        accept(page.error.as_ref())?;
        let listed = |act: v1::Act| ListedAct {
            kind: act.kind().as_str_name().trim_start_matches("ACT_KIND_").to_lowercase(),
            seq: act.seq,
            time: act.time_s,
            by: some(act.by),
            member: some(act.member),
            number: some(act.number),
            text: act.text,
            reason: act.reason,
            until: some(act.until_s),
            expired: act.expired,
        };
        Ok(page.acts.into_iter().map(listed).collect())
    }
}

fn hash(bytes: &[u8]) -> Result<IdentityHash, ClientError> {
    IdentityHash::from_slice(bytes).ok_or(ClientError::Malformed)
}

fn some<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

fn numbers(permissions: &[Permission]) -> Vec<i32> {
    permissions.iter().map(|permission| i32::from(permission.number())).collect()
}

fn names(numbers: &[i32]) -> Vec<&'static str> {
    let permission = |number: &i32| u8::try_from(*number).ok().and_then(Permission::from_number);
    numbers.iter().filter_map(permission).map(Permission::name).collect()
}

fn why_name(why: v1::HeldBecause) -> &'static str {
    match why {
        v1::HeldBecause::Newcomer => "newcomer",
        v1::HeldBecause::Word => "word",
        v1::HeldBecause::Pattern => "pattern",
        v1::HeldBecause::Link => "link",
        v1::HeldBecause::Unspecified => "other",
    }
}
