//! Setting what can be set.

use reticulum::time::UnixTime;

use crate::group::setting::{Key, Kind, Setting};
use crate::group::{Caller, EventKind, Group, Outcome, Refusal, text};

impl Group {
    /// Sets everything or, where one of them may not be, nothing. What is so already makes no event.
    pub(super) fn set(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        settings: Vec<Setting>,
    ) -> Result<Outcome, Refusal> {
        let mut wanted = Vec::with_capacity(settings.len());
        for setting in settings {
            let key = setting.key();
            self.authorize(caller, key.permission())?;
            self.require_settable(key)?;
            wanted.push(setting.cleaned().ok_or(Refusal::BadValue { key })?);
        }
        let is_new = |setting: &Setting| self.state.settings.setting(setting.key()) != *setting;
        let changed: Vec<Setting> = wanted.into_iter().filter(is_new).collect();
        if changed.is_empty() {
            return Err(Refusal::Already);
        }
        let actor = self.member_of(caller).map(|member| member.id);
        let reply = text::set(self.language_of(caller), &changed);
        let record = |setting| self.record(now, actor, EventKind::SettingChanged(setting));
        let events = changed.into_iter().map(record).collect();
        Ok(Outcome::happened(events, reply))
    }

    /// Two people who talk directly stay two people who do.
    fn require_settable(&self, key: Key) -> Result<(), Refusal> {
        let is_direct = self.state.settings.kind == Kind::Direct;
        match key {
            Key::Kind | Key::Capacity | Key::Join | Key::Visibility if is_direct => {
                Err(Refusal::NotInThisKind)
            }
            _ => Ok(()),
        }
    }
}
