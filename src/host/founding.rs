//! Calls about the groups of the node: the directory, new groups, new claim codes.

use std::sync::Arc;

use reticulum::crypto::Identity;
use reticulum::hash::IdentityHash;
use reticulum::time::Instant;

use super::hosted::Hosted;
use super::joining::PaysFor;
use super::tail::Tail;
use super::{After, Asking, Host, Output};
use crate::api::{self, DirectoryRequest, NewGroup, NodeCall};
use crate::group::{
    Action, Caller, ClaimCode, Delivery, GROUP_NAME_CHARS_MAX, Group, GroupId, Kind, Known, Refusal, Seq,
    Setting, Settings, Visibility,
};
use crate::store::Write;

/// The setting of a group that names who founded it: an identity hash.
pub(super) const FOUNDER: &str = "founder";

impl Host {
    pub(super) fn node_call(&mut self, now: Instant, asking: Asking, call: NodeCall) {
        match call {
            NodeCall::Groups(request) => {
                let answer = self.directory(&request, &asking.caller);
                self.answer_after_commit(now, asking.asker, answer);
            }
            NodeCall::CreateGroup(wish) => self.create_group(now, asking, wish),
            NodeCall::DeleteGroup { confirm } => self.close_group(now, asking, &confirm),
            NodeCall::NewClaim => self.new_claim(now, &asking),
            NodeCall::MailStatus => self.mail_status(now, asking.asker),
            NodeCall::SyncMail(address) => self.sync_on_demand(now, asking.asker, address),
            NodeCall::Paper { seq, member } => self.paper(now, asking, seq, member),
            NodeCall::ImportPaper(uri) => self.import_paper(now, asking.asker, &uri),
        }
    }

    fn directory(&self, request: &DirectoryRequest, caller: &Caller) -> Vec<u8> {
        match caller {
            Caller::Identity { identity, .. } if request.mine => {
                let theirs = self.people.groups_of(identity.hash());
                let theirs = theirs.filter_map(|(group, _)| self.groups.get(group));
                api::directory(request, caller, theirs.map(Hosted::listing))
            }
            _ => api::directory(request, caller, self.groups.iter().map(Hosted::listing)),
        }
    }

    fn new_claim(&mut self, now: Instant, asking: &Asking) {
        let code = ClaimCode::from_random(self.rng.bytes());
        self.decide_with(
            now,
            asking,
            Action::IssueClaim { claim: code.hash() },
            &Known::default(),
            |_, _| api::claim_issued(&code),
        );
    }

    /// Founds a group, once it is paid for. What costs least is asked first.
    fn create_group(&mut self, now: Instant, asking: Asking, wish: NewGroup) {
        let asking = match self.found_pair(now, asking, &wish) {
            Some(asking) => asking,
            None => return,
        };
        if let Err(refusal) = self.may_found(&asking.caller, &wish) {
            return self.refuse(now, asking.asker, api::refused(&refusal));
        }
        if self.founding.price(&asking.caller) == 0 {
            return self.founding_paid(now, &asking, &wish, 0);
        }
        let unix = self.engine.unix_time(now);
        let admitted = self.founding.admit_stamp(unix, &asking.caller, wish.stamp.as_ref());
        match (admitted, wish.stamp) {
            (Ok(()), Some(stamp)) => self.check_stamp(now, asking, &stamp, PaysFor::Group(wish)),
            (Ok(()), None) => self.founding_paid(now, &asking, &wish, 0),
            (Err(refusal), _) => self.refuse(now, asking.asker, api::refused(&refusal)),
        }
    }

    /// What was shown for a group was found to be worth so many bits.
    pub(super) fn founding_paid(&mut self, now: Instant, asking: &Asking, wish: &NewGroup, bits: u32) {
        let paid = self.founding.require_work(&asking.caller, bits);
        match paid.and_then(|()| self.found_group(now, &asking.caller, wish)) {
            Ok(answer) => self.answer_after_commit(now, asking.asker, answer),
            Err(refusal) => self.refuse(now, asking.asker, api::refused(&refusal)),
        }
    }

    /// The settings of the group that `caller` wishes for, if they may have one.
    fn may_found(&self, caller: &Caller, wish: &NewGroup) -> Result<Settings, Refusal> {
        let founder = founder(caller);
        let is_theirs = |hosted: &&Hosted| founder.is_some() && hosted.founder == founder;
        let theirs = self.groups.iter().filter(is_theirs).count();
        self.founding.check(caller, self.groups.len(), theirs)?;
        self.settings_of(wish)
    }

    /// Founds a group and returns the answer for its founder.
    fn found_group(&mut self, now: Instant, caller: &Caller, wish: &NewGroup) -> Result<Vec<u8>, Refusal> {
        let settings = self.may_found(caller, wish)?;
        let unix = self.engine.unix_time(now);
        let pair = self.pair_wished(caller, wish)?;
        self.founding.admit(unix, caller)?;
        let ((group, events), code) = match (caller, pair) {
            (_, Some(pair)) => (self.new_pair(unix, &settings, caller, wish, pair), None),
            (Caller::Operator, None) => {
                let code = ClaimCode::from_random(self.rng.bytes());
                (Group::create(unix, &settings, Some(code.hash())), Some(code))
            }
            _ => (Group::found(unix, &settings, caller, wish.nick.clone())?, None),
        };
        let id = self.host_new(group);
        if let Some((founder, hosted)) = founder(caller).zip(self.groups.get_mut(id)) {
            hosted.founder = Some(founder);
            let (key, value) = (FOUNDER.to_owned(), founder.as_bytes().to_vec());
            self.write(Write::Setting { group: Some(id), key, value });
        }
        self.record(now, id, events, None);
        self.after_commit(now, After::Announce(id));
        self.welcome_pair(now, id);
        let hosted = self.groups.get(id).expect("it was just hosted");
        Ok(api::group_created(&hosted.listing(), caller, code.as_ref()))
    }

    /// The settings of a new group: those of the configuration, under the wanted name.
    fn settings_of(&self, wish: &NewGroup) -> Result<Settings, Refusal> {
        if wish.kind == Kind::Direct && wish.name.trim().is_empty() {
            return Ok(Settings { name: String::new(), ..self.settings.clone() });
        }
        if wish.name.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        let Some(Setting::Name(name)) = Setting::Name(wish.name.clone()).cleaned() else {
            return Err(Refusal::TooLong { max: GROUP_NAME_CHARS_MAX });
        };
        if wish.kind != Kind::Direct && self.groups.iter().any(|hosted| hosted.is_known_as(&name)) {
            return Err(Refusal::NameTaken);
        }
        let kind = if wish.kind == Kind::Direct { Kind::Group } else { wish.kind };
        Ok(Settings { name, kind, visibility: wish.visibility, ..self.settings.clone() })
    }

    /// Gives a new group its number and its identity, which is on disk before anything is written about the group.
    fn host_new(&mut self, group: Group) -> GroupId {
        let (id, identity) = (self.groups.next_id(), Arc::new(Identity::generate(&mut self.rng)));
        self.outputs.push_back(Output::KeepIdentity { group: id, identity: Arc::clone(&identity) });
        // All of its history is here.
        let tail = Tail::new(Seq::default());
        self.host_group(id, group, &identity, Vec::new(), Delivery::default(), tail);
        id
    }
}

/// Who a founder is, if it is not the operator.
fn founder(caller: &Caller) -> Option<IdentityHash> {
    match caller {
        Caller::Identity { identity, .. } => Some(identity.hash()),
        Caller::Operator | Caller::Unidentified => None,
    }
}

impl Hosted {
    /// Whether strangers know this group by `name`, or by one that only differs in case.
    fn is_known_as(&self, name: &str) -> bool {
        let settings = self.group.settings();
        settings.visibility == Visibility::Public && settings.name.to_lowercase() == name.to_lowercase()
    }
}
