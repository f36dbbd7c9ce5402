//! The commands of plain clients as people know them: each with its name and usage in every language, and whom it is for.
//!
//! `/help` and `/help WORD` are made of this table, and so is every "it goes like this". A word that does not stand here
//! is no command, so none can be without an explanation. What the commands do is in `command.rs` and `door.rs`.

use super::preference::Language;
use super::role::{Permission, Permissions};
use super::text::{self, REPLY_BYTES_MAX};

/// A command.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name in English, by which the program knows it.
    pub(super) word: &'static str,
    /// Its name in German; the English one serves too.
    german: &'static str,
    place: Place,
    /// The permission without which it does nothing.
    may: Option<Permission>,
    /// How it goes and what it does, in English and in German.
    usage: [&'static str; 2],
    about: [&'static str; 2],
}

/// Where `/help` names a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// With what is for everybody.
    Main,
    /// With what is for the staff.
    Staff,
    /// Only when it is asked for by its name.
    Aside,
}

/// Other words for commands: `?`, the names that German-speaking people try, and those that other chats have.
const ALIASES: &[(&str, &str)] = &[
    ("?", "help"),
    ("start", "help"),
    ("commands", "help"),
    ("befehle", "help"),
    ("quit", "leave"),
    ("part", "leave"),
    ("austreten", "leave"),
    ("names", "members"),
    ("wer", "who"),
    ("loeschen", "delete"),
    ("find", "search"),
];

const fn entry(
    names: [&'static str; 2],
    place: Place,
    may: Option<Permission>,
    usage: [&'static str; 2],
    about: [&'static str; 2],
) -> Entry {
    Entry { word: names[0], german: names[1], place, may, usage, about }
}

/// A row: names, place and permission, usage in both languages, and what it does in both.
macro_rules! commands {
    ($($word:literal | $german:literal, $place:ident $(($permission:ident))?:
        $usage:literal | $usage_german:literal; $about:literal | $about_german:literal)+) => {
        &[$( entry(
            [$word, $german],
            Place::$place,
            commands!(@may $($permission)?),
            [$usage, $usage_german],
            [$about, $about_german],
        ) ),+]
    };
    (@may) => { None };
    (@may $permission:ident) => { Some(Permission::$permission) };
}

/// All commands, in the order in which `/help` names them.
pub(super) const COMMANDS: &[Entry] = commands! {
    "help" | "hilfe", Aside: "/help, /help WORD" | "/hilfe, /hilfe WORT";
        "names the commands, or tells of one" | "nennt die Befehle oder erklärt einen"
    "join" | "beitreten", Aside: "/join NAME, /join CODE NAME" | "/beitreten NAME, /beitreten CODE NAME";
        "come in" | "hereinkommen"
    "leave" | "verlassen", Main: "/leave" | "/verlassen"; "go; nothing more is sent to you" | "gehen; dir wird nichts mehr geschickt"
    "nick" | "name", Main: "/nick NAME, /nick #3 NAME" | "/name NAME, /name #3 NAME";
        "what you are called here; staff names others by number" | "wie du hier heißt; das Team benennt andere über ihre Nummer"
    "members" | "mitglieder", Main: "/members, /members NUMBER" | "/mitglieder, /mitglieder NUMMER";
        "who is in the group, from a number on" | "wer in der Gruppe ist, ab einer Nummer"
    "who" | "who", Main: "/who, /who WHO" | "/who, /who WER";
        "who is there now, or one member with their address." | "wer gerade da ist, oder ein Mitglied mit Adresse."
    "info" | "info", Main: "/info" | "/info"; "what this group is, and what is kept" | "was diese Gruppe ist und was sie behält"
    "rules" | "regeln", Main: "/rules" | "/regeln"; "what is asked of members" | "was hier von allen erwartet wird"
    "topic" | "thema", Aside: "/topic, /topic TEXT" | "/thema, /thema TEXT";
        "what is talked about; staff sets it" | "worum es geht; das Team setzt es"
    "new" | "neu", Main: "/new, /new NUMBER" | "/neu, /neu NUMMER";
        "the newest messages, or those before a number" | "die neuesten Nachrichten, oder die vor einer Nummer"
    "since" | "seit", Main: "/since 30m, 2h or 1d" | "/seit 30m, 2h oder 1d";
        "what was said since then" | "was seitdem geschrieben wurde"
    "search" | "suche", Main: "/search WORDS" | "/suche WÖRTER"; "messages with these words" | "Nachrichten mit diesen Wörtern"
    "delivery" | "zustellung", Aside: "/delivery, /delivery NUMBER" | "/zustellung, /zustellung NUMMER";
        "who has your last message, or that one, and why others have not" | "wer deine letzte Nachricht hat oder jene, und warum andere nicht"
    "missed" | "verpasst", Aside: "/missed" | "/verpasst"; "messages that could not be sent to you" | "Nachrichten, die dich nicht erreichen konnten"
    "get" | "hole", Aside: "/get NUMBER" | "/hole NUMMER"; "sends you what is attached to a message" | "schickt dir die Anhänge einer Nachricht"
    "me" | "ich", Main (Post): "/me DOES SOMETHING" | "/ich TUE ETWAS"; "shows * NAME does something" | "zeigt * NAME tut etwas"
    "reply" | "antwort", Main (Post): "/reply NUMBER TEXT or /reply NICK TEXT" | "/antwort NUMMER TEXT oder /antwort NAME TEXT";
        "answers a message, or the last one of somebody" | "antwortet auf eine Nachricht oder auf die letzte von jemandem"
    "react" | "react", Main (React): "/react 👍, /react NUMBER 👍 or /react NICK 👍" | "/react 👍, /react NUMMER 👍 oder /react NAME 👍";
        "reacts to a message; /unreact takes it back" | "reagiert auf eine Nachricht; /unreact nimmt es zurück"
    "unreact" | "unreact", Aside (React): "/unreact 👍, /unreact NUMBER 👍" | "/unreact 👍, /unreact NUMMER 👍";
        "takes a reaction back" | "nimmt eine Reaktion zurück"
    "edit" | "ändern", Main (EditOwn): "/edit TEXT or /edit NUMBER TEXT" | "/ändern TEXT oder /ändern NUMMER TEXT";
        "changes your last message, or one of them" | "ändert deine letzte Nachricht oder eine davon"
    "delete" | "löschen", Main (DeleteOwn): "/delete, /delete NUMBER" | "/löschen, /löschen NUMMER";
        "withdraws your last message, or one of them" | "zieht deine letzte Nachricht zurück oder eine davon"
    "mode" | "modus", Main: "/mode all, /mode digest, /mode mentions, /mode nothing, /mode language de, /mode presence hidden, /mode reactions nothing"
        | "/modus all, /modus digest, /modus mentions, /modus nothing, /modus language en, /modus presence hidden, /modus reactions nothing";
        "what you are sent, in which language, whether others see you, and whether reactions come as text" | "was dir geschickt wird, in welcher Sprache, ob andere dich sehen, und ob Reaktionen als Text kommen"
    "pause" | "pause", Main: "/pause" | "/pause"; "nothing is sent to you until /resume" | "bis /weiter wird dir nichts geschickt"
    "resume" | "weiter", Main: "/resume" | "/weiter"; "you are sent everything again" | "du bekommst wieder alles"
    "report" | "melden", Main: "/report NUMBER REASON or /report WHO REASON" | "/melden NUMMER GRUND oder /melden WER GRUND";
        "tells the staff of a message or a member." | "meldet dem Team eine Nachricht oder ein Mitglied."
    "pn" | "pn", Aside: "/pn HASH, or /pn - for none" | "/pn HASH, oder /pn - für keinen";
        "the propagation node where you look for messages" | "der Propagationsknoten, auf dem du nach Nachrichten siehst"
    "claim" | "claim", Aside: "/claim CODE" | "/claim CODE";
        "makes you the owner, with the code that the node printed" | "macht dich zum Besitzer, mit dem Code, den der Knoten zeigt"
    "ok" | "ok", Staff (Approve): "/ok NUMBER" | "/ok NUMMER"; "lets in or through what waits" | "lässt herein oder durch, was wartet"
    "no" | "nein", Staff (Approve): "/no NUMBER REASON" | "/nein NUMMER GRUND"; "refuses what waits" | "lehnt ab, was wartet"
    "held" | "wartet", Staff (Approve): "/held, /held NUMBER" | "/wartet, /wartet NUMMER"; "what waits" | "was wartet"
    "kick" | "kick", Staff (Kick): "/kick WHO REASON" | "/kick WER GRUND";
        "puts somebody out, who may come back." | "wirft jemanden hinaus, wer will, kommt wieder."
    "ban" | "ban", Staff (Ban): "/ban WHO REASON, /ban WHO 7d REASON" | "/ban WER GRUND, /ban WER 7d GRUND";
        "puts somebody out for good, or for a time." | "sperrt jemanden für immer oder eine Zeit lang."
    "unban" | "unban", Staff (Ban): "/unban WHO" | "/unban WER"; "lifts a ban." | "hebt eine Sperre auf."
    "mute" | "stumm", Staff (Mute): "/mute WHO 2h REASON" | "/stumm WER 2h GRUND";
        "lets somebody read only." | "lässt jemanden nur lesen."
    "unmute" | "unmute", Staff (Mute): "/unmute WHO" | "/unmute WER"; "lets somebody speak again." | "lässt jemanden wieder schreiben."
    "slow" | "slow", Staff (Mute): "/slow SECONDS, or /slow off" | "/slow SEKUNDEN, oder /slow off";
        "the time between two messages of a member" | "die Zeit zwischen zwei Nachrichten eines Mitglieds"
    "readonly" | "readonly", Staff (Mute): "/readonly on, or off" | "/readonly on, oder off";
        "only the staff posts" | "nur das Team schreibt"
    "pin" | "pin", Staff (Pin): "/pin NUMBER" | "/pin NUMMER"; "keeps a message in view; /unpin ends it" | "heftet eine Nachricht an; /unpin löst sie"
    "unpin" | "unpin", Aside (Pin): "/unpin NUMBER" | "/unpin NUMMER"; "no longer keeps a message in view" | "löst eine Nachricht"
    "notice" | "notice", Staff (Pin): "/notice TEXT" | "/notice TEXT"; "a notice to all" | "eine Mitteilung an alle"
    "staff" | "team", Staff (HearStaff): "/staff TEXT" | "/team TEXT"; "a message to the staff only" | "eine Nachricht nur an das Team"
    "invite" | "einladen", Staff (Invite): "/invite HASH, /invite code 5 7d (for 5 people, 7 days), /invite no HASH or code number"
        | "/einladen HASH, /einladen code 5 7d (für 5 Leute, 7 Tage), /einladen no HASH oder Codenummer";
        "lets people in" | "lässt Leute herein"
    "role" | "rolle", Staff (ManageRoles): "/role WHO ROLE, /role WHO +kick -post, /role create NAME 40 post react, /role delete NAME"
        | "/rolle WER ROLLE, /rolle WER +kick -post, /rolle create NAME 40 post react, /rolle delete NAME";
        "who may do what; 40 is the rank, a member has 30" | "wer was darf; 40 ist der Rang, Mitglieder haben 30"
    "rename" | "rename", Staff (ChangeName): "/rename NAME" | "/rename NAME"; "names the group" | "benennt die Gruppe"
    "set" | "set", Staff (ChangeSettings): "/set, /set KEY, /set KEY VALUE" | "/set, /set NAME, /set NAME WERT";
        "what can be set; - as value empties it" | "was sich einstellen lässt; - als Wert leert es"
    "audit" | "protokoll", Staff (ReadAudit): "/audit, /audit NUMBER" | "/protokoll, /protokoll NUMMER";
        "what the staff did, or did before a number" | "was das Team tat, oder tat vor einer Nummer"
    "cleanup" | "aufräumen", Staff (DeleteAny): "/cleanup WHO, /cleanup WHO 2h, /cleanup older 30d" | "/aufräumen WER, /aufräumen WER 2h, /aufräumen older 30d";
        "deletes all of somebody, their newest, or what is old." | "löscht alles von jemandem, das Neueste, oder was alt ist."
    "announce" | "ankündigen", Staff (HearStaff): "/announce" | "/ankündigen"; "lets the network hear of the group now" | "macht die Gruppe jetzt im Netz bekannt"
    "path" | "weg", Staff (HearStaff): "/path WHO" | "/weg WER"; "how many hops away somebody is, and by which interface." | "wie viele Sprünge jemand weg ist, und an welcher Schnittstelle."
    "stats" | "stats", Staff (HearStaff): "/stats" | "/stats"; "how many of what there are" | "wie viel es wovon gibt"
};

/// The command of this name in any language; `word` is in lower case.
pub(super) fn find(word: &str) -> Option<&'static Entry> {
    let word = ALIASES.iter().find(|(alias, _)| *alias == word).map_or(word, |(_, word)| word);
    COMMANDS.iter().find(|entry| entry.word == word || entry.german == word)
}

/// How a command goes.
pub(super) fn usage(language: Language, word: &'static str) -> &'static str {
    find(word).map_or(word, |entry| of(language, entry.usage))
}

/// What a caller with these permissions can do, in one packet; about one command, where a word is given.
pub(super) fn help(language: Language, permissions: Permissions, word: &str) -> String {
    let word = word.trim_start_matches(['/', '\\']).to_lowercase();
    match find(&word) {
        _ if word.is_empty() => overview(language, permissions),
        _ if matches!(word.as_str(), "more" | "mehr") => aside(language, permissions),
        Some(entry) => about(language, entry),
        None => text::unknown_command(language),
    }
}

/// The names of the commands that stand in a place and that these permissions serve for.
fn names(language: Language, permissions: Permissions, place: Place) -> impl Iterator<Item = &'static str> {
    let may = move |entry: &&Entry| entry.may.is_none_or(|may| permissions.contains(may));
    let entries = COMMANDS.iter().filter(move |entry| entry.place == place).filter(may);
    entries.map(move |entry| of(language, [entry.word, entry.german]))
}

/// All that is for everybody, and as much of what is for the staff as fits.
fn overview(language: Language, permissions: Permissions) -> String {
    let main: Vec<_> = names(language, permissions, Place::Main).collect();
    let main = text::help_intro(language) + &main.join(" ");
    let end = text::help_more(language);
    let mut staff = String::new();
    for name in names(language, permissions, Place::Staff) {
        let longer = if staff.is_empty() { name.to_owned() } else { format!("{staff} {name}") };
        if main.len() + text::help_staff(language, &longer).len() + end.len() > REPLY_BYTES_MAX {
            break;
        }
        staff = longer;
    }
    if staff.is_empty() { main + &end } else { main + &text::help_staff(language, &staff) + &end }
}

/// What the overview leaves out, or has no room for.
fn aside(language: Language, permissions: Permissions) -> String {
    let places = [Place::Aside, Place::Staff];
    let names: Vec<_> = places.into_iter().flat_map(|place| names(language, permissions, place)).collect();
    text::help_aside(language, &names.join(" "))
}

fn about(language: Language, entry: &Entry) -> String {
    let told = text::help_for(language, of(language, entry.usage), of(language, entry.about));
    let names_somebody =
        of(language, entry.usage).split([' ', ',']).any(|word| matches!(word, "WHO" | "WER"));
    let who = if names_somebody { text::help_who(language) } else { String::new() };
    if told.len() + who.len() <= REPLY_BYTES_MAX { told + &who } else { told }
}

fn of<T: Copy>(language: Language, [english, german]: [T; 2]) -> T {
    match language {
        Language::English => english,
        Language::German => german,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Role;

    #[test]
    fn help_fits_one_packet_for_everybody_in_every_language() {
        for language in Language::ALL {
            for role in [Role::Reader, Role::Member, Role::Moderator, Role::Admin, Role::Owner] {
                for word in ["", "more"] {
                    let page = help(language, role.permissions(), word);
                    assert!(page.len() <= REPLY_BYTES_MAX && !page.ends_with('…'), "{role:?}: {page}");
                }
            }
            for entry in COMMANDS {
                let about = help(language, Role::Owner.permissions(), entry.word);
                assert!(about.len() <= REPLY_BYTES_MAX && !about.ends_with('…'), "{about}");
                assert!(about.contains(of(language, entry.usage)), "{about}");
            }
        }
    }

    #[test]
    fn help_names_what_one_may_do() {
        let names = |role: Role, word: &str| {
            let overview = help(Language::English, role.permissions(), "");
            overview.split([' ', '.', '/']).any(|one| one == word)
        };
        for (word, roles) in [
            ("leave", [true, true, true]),
            ("reply", [false, true, true]),
            ("kick", [false, false, true]),
            ("claim", [false, false, false]),
        ] {
            let named = [Role::Reader, Role::Member, Role::Owner].map(|role| names(role, word));
            assert_eq!(named, roles, "{word}");
        }
    }

    #[test]
    fn every_name_means_one_command_and_is_a_command() {
        use crate::group::command::{CommandError, parse};
        let aliases = ALIASES.iter().map(|(alias, word)| (*alias, *word));
        let names = COMMANDS.iter().flat_map(|entry| [(entry.word, entry.word), (entry.german, entry.word)]);
        for (name, word) in names.chain(aliases) {
            let fitting = COMMANDS.iter().filter(|entry| entry.word == name || entry.german == name).count();
            assert!(fitting <= 1, "{name} is ambiguous");
            assert_eq!(find(name).map(|entry| entry.word), Some(word), "{name}");
            assert_ne!(
                parse(&format!("/{}", name.to_uppercase())),
                Some(Err(CommandError::Unknown)),
                "{name}"
            );
        }
    }
}
