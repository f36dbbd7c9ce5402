use super::*;

#[test]
fn every_phrase_fits_one_packet_in_every_language_whatever_stands_in_it() {
    for language in Language::ALL {
        for (name, phrase) in every_phrase(language, Length::Extreme) {
            assert!(phrase.len() <= REPLY_BYTES_MAX, "{name} {language:?}: {} bytes", phrase.len());
        }
        for (name, phrase) in every_phrase(language, Length::Usual) {
            assert!(!phrase.ends_with('…'), "{name} {language:?} is cut with usual names: {phrase}");
        }
    }
}

#[test]
fn a_translation_says_what_the_original_says() {
    for (english, german, values) in WORDINGS {
        for value in *values {
            assert!(english.contains(value) && german.contains(value), "{value}: {english} | {german}");
        }
        let edge = |text: &str, side: fn(&str) -> Option<char>| side(text).filter(|edge| *edge == ' ');
        for side in [|text: &str| text.chars().next(), |text: &str| text.chars().next_back()] {
            assert_eq!(edge(english, side), edge(german, side), "blanks at the ends: {english} | {german}");
        }
    }
}

#[test]
fn every_reply_fits_one_packet_whatever_the_names_are() {
    let name = "🌊".repeat(64);
    let nick = "🌊".repeat(24);
    let reason = "🌊".repeat(120);
    let identity = IdentityHash::new([0xff; 16]);
    let choices = vec![(MemberId(u32::MAX), nick.clone()); 4];
    let lasts = Some(Duration::from_secs(7_200));
    for language in Language::ALL {
        let replies = [
            welcome(language, &Settings { name: name.clone(), ..Settings::default() }, &nick, usize::MAX),
            claimed(language, &name),
            left(language, &name),
            renamed(language, &nick),
            kicked(language, &nick),
            banned(language, &nick, identity, None),
            unbanned(language, "", identity),
            you_were_kicked(language, &name, &reason),
            you_were_banned(language, &name, lasts, &reason),
            you_were_muted(language, &name, lasts, &reason),
            held_notice(language, PendingId(u32::MAX), &nick, &reason, HeldBecause::Newcomer),
            join_requested(language, PendingId(u32::MAX), &nick, identity),
            stranger(language, Some(&name)),
            refusal(language, &Refusal::Banned { reason: reason.clone() }),
            refusal(language, &Refusal::Ambiguous { choices: choices.clone() }),
        ];
        for reply in replies {
            assert!(reply.len() <= REPLY_BYTES_MAX, "{} bytes: {reply}", reply.len());
        }
        for key in Key::ALL {
            let told = setting(language, &Settings::default().setting(*key));
            assert!(told.len() <= REPLY_BYTES_MAX && !told.ends_with('…'), "{told}");
        }
    }
}

#[test]
fn plain_replies_are_not_cut() {
    for language in Language::ALL {
        for reply in [
            welcome(language, &Settings::default(), "Somebody Quite Longish", 10_000),
            stranger(language, Some("Harbour chat (group)")),
            stranger(language, None),
            unstamped(language, 12, true),
            unstamped(language, 12, false),
        ] {
            assert!(!reply.ends_with('…'), "{reply}");
        }
    }
}
