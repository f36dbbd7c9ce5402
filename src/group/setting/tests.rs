use super::*;

#[test]
fn every_setting_has_a_name_of_its_own_and_its_default_fits_its_bounds() {
    let usual = Settings::default();
    for (index, key) in Key::ALL.iter().enumerate() {
        let setting = usual.setting(*key);
        assert_eq!(setting.key(), *key);
        assert_eq!(Setting::new(*key, setting.value()), Ok(setting.clone()), "{key:?}");
        assert_eq!(Setting::stored(key.name(), &setting.value().to_string()), Some(setting), "{key:?}");
        assert!(Key::ALL[..index].iter().all(|other| other.name() != key.name()), "{key:?}");
        assert_eq!(Key::named(&key.name().to_uppercase()), Some(*key));
    }
    assert_eq!(usual.changed().count(), 0);
}

#[test]
fn values_are_read_as_people_write_them_and_kept_within_their_bounds() {
    let rows: &[(Key, &str, Option<&str>)] = &[
        (Key::Name, "  Harbour \u{202e} chat ", Some("Harbour chat")),
        (Key::Name, "", None),
        (Key::Name, &"x".repeat(65), None),
        (Key::Rules, "Be kind.\r\n\u{7}No ads.\n", Some("Be kind.\nNo ads.")),
        (Key::Kind, "Channel", Some("channel")),
        (Key::Kind, "direct", None),
        (Key::Visibility, "PRIVATE", Some("private")),
        (Key::Visibility, "hidden", None),
        (Key::Join, "approval", Some("approval")),
        (Key::JoinCost, "12", Some("12")),
        (Key::JoinCost, "25", None),
        (Key::JoinCost, "-1", None),
        (Key::Capacity, "0", None),
        (Key::Capacity, "many", None),
        (Key::Announced, "OFF", Some("off")),
        (Key::Announced, "maybe", None),
        (Key::Icon, "anchor #FFFFFF #0055aa", Some("anchor ffffff 0055aa")),
        (Key::Icon, "anchor", None),
        (Key::Icon, "", Some("")),
    ];
    for (key, text, expected) in rows {
        let found = Setting::parse(*key, text).ok().map(|setting| setting.value().to_string());
        assert_eq!(found.as_deref(), *expected, "{key:?} {text:?}");
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    assert_eq!(Setting::new(Key::Name, Value::Number(1)), Err(BadValue));
    assert_eq!(Setting::new(Key::JoinCost, Value::Text("1".into())), Err(BadValue));
    assert_eq!(Setting::new(Key::Announced, Value::Number(1)), Err(BadValue));
}
