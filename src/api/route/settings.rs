//! The call that reads and changes settings.

use prost::Message;
use proto::v1::{self, Error};

use super::{Call, Plan, answer, decide};
use crate::api::error::invalid;
use crate::api::reply::Reply;
use crate::group::{Action, Caller, Group, Key, Setting, Value};

pub(super) fn settings(call: &Call<'_>) -> Result<Plan, Error> {
    let request: v1::SettingsRequest = call.read()?;
    let keys = request.keys.iter().map(|name| named(name, "keys")).collect::<Result<Vec<_>, _>>()?;
    if request.set.is_empty() {
        let keys = if keys.is_empty() { Key::ALL } else { &keys };
        let one = |key: &Key| wire(call.group, call.caller, *key, request.details);
        return answer(&v1::SettingsResponse {
            settings: keys.iter().map(one).collect(),
            seq: 0,
            error: None,
        });
    }
    let mut settings: Vec<Setting> = Vec::with_capacity(Key::ALL.len());
    for wanted in request.set {
        let setting = setting(wanted)?;
        if settings.iter().any(|other| other.key() == setting.key()) {
            return Err(invalid("set.key", "named twice"));
        }
        settings.push(setting);
    }
    decide(Action::Set { settings }, Reply::Settings)
}

/// The answer to a change: what was changed, as it is now.
pub(in crate::api) fn changed(keys: &[Key], seq: u64, group: &Group, caller: &Caller) -> Vec<u8> {
    let settings = keys.iter().map(|key| wire(group, caller, *key, false)).collect();
    v1::SettingsResponse { settings, seq, error: None }.encode_to_vec()
}

fn setting(wanted: v1::Setting) -> Result<Setting, Error> {
    use v1::setting::Value as Wire;
    let key = named(&wanted.key, "set.key")?;
    let value = match wanted.value.ok_or_else(|| invalid(key.name(), "no value"))? {
        Wire::Text(text) => Value::Text(text),
        Wire::Number(number) => Value::Number(number),
        Wire::On(on) => Value::Switch(on),
    };
    Setting::new(key, value).map_err(|_| invalid(key.name(), &format!("takes {}", key.shape())))
}

fn named(name: &str, field: &str) -> Result<Key, Error> {
    Key::named(name).ok_or_else(|| invalid(field, "no such setting"))
}

fn wire(group: &Group, caller: &Caller, key: Key, details: bool) -> v1::Setting {
    v1::Setting {
        takes: if details { key.shape().to_string() } else { String::new() },
        changeable: details && group.authorize(caller, key.permission()).is_ok(),
        ..told(&group.settings().setting(key))
    }
}

/// A setting with its value.
pub(in crate::api) fn told(setting: &Setting) -> v1::Setting {
    use v1::setting::Value as Wire;
    let value = match setting.value() {
        Value::Text(text) => Wire::Text(text),
        Value::Number(number) => Wire::Number(number),
        Value::Switch(on) => Wire::On(on),
    };
    v1::Setting { key: setting.key().name().to_owned(), value: Some(value), ..v1::Setting::default() }
}
