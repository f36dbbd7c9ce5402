//! The catalogue: every phrase that people get from a group, in each language, the translations side by side.
//!
//! A phrase is a function of a language and of what stands in it; without a translation it does not compile. No phrase
//! is longer than one packet takes, whatever the names in it are. What is put together of phrases stands in `text.rs`,
//! what the commands are in `crate::group::help`.

use super::reply;
use crate::group::{Language, MemberId, PendingId, Seq};

/// Declares phrases: `name(what: Type, …) { en: "…", de: "…" }`.
macro_rules! phrases {
    ($( $(#[doc = $doc:literal])* $name:ident($($arg:ident: $type:ty),*) { en: $en:literal, de: $de:literal } )+) => {
        $(
            $(#[doc = $doc])*
            pub(in crate::group) fn $name(language: Language $(, $arg: $type)*) -> String {
                reply(match language {
                    Language::English => format_args!($en).to_string(),
                    Language::German => format_args!($de).to_string(),
                })
            }
        )+

        /// Every phrase with its name, filled with values of this length; and what stands in it, by language.
        #[cfg(test)]
        pub(super) fn every_phrase(language: Language, length: Length) -> Vec<(&'static str, String)> {
            vec![$( (stringify!($name), $name(language $(, <$type as Sample>::sample(length))*)) ),+]
        }

        /// The wording of every phrase in English and in German, with the names of what stands in it.
        #[cfg(test)]
        pub(super) const WORDINGS: &[(&str, &str, &[&str])] =
            &[$( ($en, $de, &[$( concat!("{", stringify!($arg), "}") ),*]) ),+];
    };
}

phrases! {
    // Coming in and going.
    welcome(name: &str, nick: &str, others: usize) {
        en: "Welcome to {name}. You are {nick}; {others} others read what you write.",
        de: "Willkommen in {name}. Du bist {nick}; {others} andere lesen, was du schreibst."
    }
    welcome_commands() {
        en: " /leave to go, /help for more.",
        de: " /verlassen zum Gehen, /hilfe für mehr."
    }
    welcome_sideband() {
        en: " In Sideband, mark this chat as trusted to be notified.",
        de: " In Sideband: als vertrauenswürdig markieren, sonst meldet es nichts."
    }
    welcome_to_pair(nick: &str, with: &str, kept: &str) {
        en: "You are {nick}, and talk with {with} here; nobody else can come in. /leave to go. {kept}",
        de: "Du bist {nick} und sprichst hier mit {with}; sonst kommt niemand herein. /verlassen zum Gehen. {kept}"
    }
    somebody_unheard() {
        en: "somebody who was not heard yet",
        de: "jemandem, der noch nicht zu hören war"
    }
    kept_for_ever() {
        en: "They can copy it, and this node keeps it.",
        de: "Sie können es kopieren, und dieser Knoten behält es."
    }
    kept_for_days(days: u32) {
        en: "They can copy it, and this node keeps it for {days} days.",
        de: "Sie können es kopieren, und dieser Knoten behält es {days} Tage."
    }
    kept_newest(newest: u32) {
        en: "They can copy it, and this node keeps the newest {newest}.",
        de: "Sie können es kopieren, und dieser Knoten behält die neuesten {newest}."
    }
    kept_newest_for_days(newest: u32, days: u32) {
        en: "They can copy it, and this node keeps the newest {newest} for {days} days.",
        de: "Sie können es kopieren, und dieser Knoten behält die neuesten {newest} {days} Tage."
    }
    left(name: &str) {
        en: "You left {name}. /join to come back.",
        de: "Du hast {name} verlassen. Mit /join kommst du zurück."
    }
    claimed(name: &str) {
        en: "You are the owner of {name}. /help shows what you can do.",
        de: "{name} gehört jetzt dir. /hilfe zeigt, was du tun kannst."
    }
    renamed(nick: &str) {
        en: "You are now {nick}.",
        de: "Du heißt jetzt {nick}."
    }
    join_waits(number: PendingId) {
        en: "Somebody has to let you in. Your request is #{number}; you will be told.",
        de: "Jemand muss dich einlassen. Deine Anfrage ist #{number}; du bekommst Bescheid."
    }
    join_requested(number: PendingId, nick: &str, digits: &str) {
        en: "#{number}: {nick} ({digits}) wants to come in. /ok {number} or /no {number} REASON",
        de: "#{number}: {nick} ({digits}) möchte herein. /ok {number} oder /no {number} GRUND"
    }
    you_may_not_join(name: &str, because: &str) {
        en: "You were not let into {name}.{because}",
        de: "Du wurdest nicht in {name} eingelassen.{because}"
    }
    stranger(name: &str) {
        en: "{name} is a group chat, and you are not in it, so nobody saw your message. Send /join or /join YourName to come in. Members see your name and your address.",
        de: "{name} ist eine Gruppe, in der du nicht bist; niemand hat deine Nachricht gesehen. Mit /join oder /join DeinName kommst du herein. Mitglieder sehen deinen Namen und deine Adresse."
    }
    this() {
        en: "This",
        de: "Dies"
    }
    // Invitations.
    invited(person: &str) {
        en: "{person} is invited, and is told when they are heard.",
        de: "{person} ist eingeladen und erfährt davon, sobald wieder zu hören."
    }
    uninvited(person: &str) {
        en: "{person} is no longer invited.",
        de: "{person} ist nicht mehr eingeladen."
    }
    code_issued(code: &str, uses: u32, lasts: &str) {
        en: "/join {code} lets {uses} in, {lasts}. It is not shown again.",
        de: "/join {code} lässt {uses} herein, {lasts}. Der Code wird nicht noch einmal gezeigt."
    }
    lasts_for_ever() {
        en: "for ever",
        de: "für immer"
    }
    lasts_for(span: &str) {
        en: "for {span}",
        de: "für {span}"
    }
    span_days(number: u64) {
        en: "{number} days",
        de: "{number} Tage"
    }
    code_revoked(number: Seq) {
        en: "Code {number} lets nobody in any more.",
        de: "Code {number} lässt niemanden mehr herein."
    }
    you_are_invited(name: &str, by: &str) {
        en: "You are invited to {name}{by}. Send /join to come in. Members see your name and your address.",
        de: "Du bist in {name} eingeladen{by}. Mit /join kommst du herein. Mitglieder sehen deinen Namen und deine Adresse."
    }
    you_are_asked(by: &str) {
        en: "You are asked for a conversation{by}. /join to begin; nobody else can read it here.",
        de: "Du bist zu einem Gespräch eingeladen{by}. /join zum Beginnen; hier liest sonst niemand mit."
    }
    by(nick: &str) {
        en: " by {nick}",
        de: " von {nick}"
    }
    // What the group is.
    set(list: &str) {
        en: "Set: {list}",
        de: "Gesetzt: {list}"
    }
    there_is_no(key: &str) {
        en: "There is no {key}.",
        de: "Nicht gesetzt: {key}."
    }
    info(name: &str, kind: &str, members: usize, messages: u64) {
        en: "{name} ({kind}), {members} members, {messages} messages.",
        de: "{name} ({kind}), {members} Mitglieder, {messages} Nachrichten."
    }
    kind_group() {
        en: "group",
        de: "Gruppe"
    }
    kind_channel() {
        en: "channel: only some post",
        de: "Kanal: nur einige schreiben"
    }
    kind_direct() {
        en: "conversation of two",
        de: "Gespräch zu zweit"
    }
    stats(members: usize, messages: u64, waiting: usize, banned: usize, muted: usize, events: u64) {
        en: "{members} members, {messages} messages, {waiting} waiting, {banned} banned, {muted} muted, {events} events.",
        de: "{members} Mitglieder, {messages} Nachrichten, {waiting} warten, {banned} gesperrt, {muted} stumm, {events} Ereignisse."
    }
    // The network.
    announced() {
        en: "The group is announced; at most every two minutes.",
        de: "Die Gruppe wird angekündigt; höchstens alle zwei Minuten."
    }
    not_announced() {
        en: "This group is not announced: /set announced on changes that.",
        de: "Diese Gruppe wird nicht angekündigt: /set announced on ändert das."
    }
    path(nick: &str, hops: u8, interface: &str) {
        en: "{nick}: hops {hops}, by {interface}.",
        de: "{nick}: Sprünge {hops}, über {interface}."
    }
    no_path(nick: &str) {
        en: "There is no path to {nick}; the network is asked for one now.",
        de: "Es gibt keinen Weg zu {nick}; das Netz wird jetzt danach gefragt."
    }
    ping_reply() {
        en: "Ping reply",
        de: "Ping-Antwort"
    }
    echo_reply(said: &str) {
        en: "Echo reply: {said}",
        de: "Echo: {said}"
    }
    signal_reply(hops: u8, interface: &str) {
        en: "Signal report: you are heard over hops {hops}, by {interface}.",
        de: "Empfang: du bist über Sprünge {hops} zu hören, an {interface}."
    }
    signal_unknown() {
        en: "Signal report: you are heard, but by which way is not known.",
        de: "Empfang: du bist zu hören, auf welchem Weg ist nicht bekannt."
    }
    program_command_unknown() {
        en: "This group does not know what your program asked for. /help shows what it knows.",
        de: "Diese Gruppe kennt nicht, was dein Programm wollte. /hilfe zeigt, was sie kennt."
    }
    setting_takes(line: &str, shape: &str) {
        en: "{line}. It takes {shape}.",
        de: "{line}. Möglich: {shape}."
    }
    bad_value(key: &str, shape: &str) {
        en: "{key} takes {shape}.",
        de: "Für {key} geht nur: {shape}."
    }
    shape_line(min: usize, max: usize) {
        en: "a line of {min} to {max} characters",
        de: "eine Zeile von {min} bis {max} Zeichen"
    }
    shape_line_to(max: usize) {
        en: "a line of at most {max} characters",
        de: "eine Zeile von höchstens {max} Zeichen"
    }
    shape_text(max: usize) {
        en: "a text of at most {max} characters",
        de: "ein Text von höchstens {max} Zeichen"
    }
    shape_patterns(max: usize) {
        en: "a regular expression on each line, at most {max} characters",
        de: "ein regulärer Ausdruck je Zeile, höchstens {max} Zeichen"
    }
    shape_number(min: u32, max: u32) {
        en: "a number from {min} to {max}",
        de: "eine Zahl von {min} bis {max}"
    }
    shape_switch() {
        en: "on or off",
        de: "on oder off"
    }
    shape_icon() {
        en: "a name and two colours, such as \"anchor ffffff 0055aa\"",
        de: "ein Name und zwei Farben, etwa \"anchor ffffff 0055aa\""
    }
    or() {
        en: " or ",
        de: " oder "
    }
    more(command: &str) {
        en: "More: {command}",
        de: "Mehr: {command}"
    }
    // Members.
    members_page(total: usize) {
        en: "{total} members: ",
        de: "{total} Mitglieder: "
    }
    who_is_there(online: usize, members: usize, here: &str, away: usize, earlier: &str) {
        en: "{online} of {members} are here: {here}. {away} heard today: {earlier}.",
        de: "{online} von {members} sind da: {here}. {away} heute gehört: {earlier}."
    }
    member(id: MemberId, nick: &str, role: &str, invited_by: &str, identity: &str, address: &str) {
        en: "#{id} {nick} ({role}){invited_by}. Identity {identity}, address {address}.",
        de: "#{id} {nick} ({role}){invited_by}. Identität {identity}, Adresse {address}."
    }
    invited_by(nick: &str) {
        en: ", invited by {nick}",
        de: ", eingeladen von {nick}"
    }
    chosen(list: &str) {
        en: "For you: {list}.",
        de: "Für dich: {list}."
    }
    node(node: &str) {
        en: "What does not reach you directly goes to {node} first.",
        de: "Was dich nicht direkt erreicht, geht zuerst an {node}."
    }
    no_node() {
        en: "You have no propagation node of your own here any more.",
        de: "Du hast hier keinen eigenen Propagationsknoten mehr."
    }
    idle_reason(days: u32) {
        en: "not heard for {days} days",
        de: "seit {days} Tagen nicht gehört"
    }
    // Moderation.
    kicked(nick: &str) {
        en: "{nick} is out and may join again.",
        de: "{nick} ist draußen und darf wieder herein."
    }
    banned(who: &str, lasts: &str) {
        en: "{who} is banned{lasts}.",
        de: "{who} ist gesperrt{lasts}."
    }
    unbanned(who: &str) {
        en: "{who} may join again.",
        de: "{who} darf wieder herein."
    }
    muted(nick: &str, lasts: &str) {
        en: "{nick} is muted{lasts}.",
        de: "{nick} ist stumm{lasts}."
    }
    unmuted(who: &str) {
        en: "{who} may speak again.",
        de: "{who} darf wieder schreiben."
    }
    for_span(span: &str) {
        en: " for {span}",
        de: " für {span}"
    }
    because_of(reason: &str) {
        en: " Reason: {reason}.",
        de: " Grund: {reason}."
    }
    you_were_kicked(name: &str, because: &str) {
        en: "You were removed from {name}.{because} /join to come back.",
        de: "Du wurdest aus {name} entfernt.{because} Mit /join kommst du zurück."
    }
    you_were_banned(name: &str, lasts: &str, because: &str) {
        en: "You were banned from {name}{lasts}.{because}",
        de: "Du wurdest in {name} gesperrt{lasts}.{because}"
    }
    you_were_muted(name: &str, lasts: &str, because: &str) {
        en: "You were muted in {name}{lasts}: you read, and cannot post.{because}",
        de: "Du bist in {name} stumm{lasts}: du liest, kannst aber nicht schreiben.{because}"
    }
    you_may_speak(name: &str) {
        en: "You may post in {name} again.",
        de: "Du darfst in {name} wieder schreiben."
    }
    reported() {
        en: "The staff is told.",
        de: "Das Team weiß Bescheid."
    }
    report_of_message(reporter: &str, seq: Seq, member: &str, because: &str) {
        en: "{reporter} reports message {seq} of {member}.{because}",
        de: "{reporter} meldet Nachricht {seq} von {member}.{because}"
    }
    report_of_member(reporter: &str, member: &str, because: &str) {
        en: "{reporter} reports {member}.{because}",
        de: "{reporter} meldet {member}.{because}"
    }
    cleaned_up(deleted: u32) {
        en: "{deleted} messages deleted.",
        de: "{deleted} Nachrichten gelöscht."
    }
    // Roles.
    role_given(nick: &str, role: &str) {
        en: "{nick} is {role} now.",
        de: "{nick} ist jetzt {role}."
    }
    may_now(nick: &str, permissions: &str) {
        en: "{nick} may: {permissions}.",
        de: "{nick} darf: {permissions}."
    }
    role_defined(name: &str, permissions: &str) {
        en: "Role {name} may: {permissions}.",
        de: "Rolle {name} darf: {permissions}."
    }
    role_deleted(name: &str, fallback: &str) {
        en: "There is no role {name} any more; who had it is {fallback}.",
        de: "Die Rolle {name} gibt es nicht mehr; wer sie hatte, ist {fallback}."
    }
    nothing_but_read() {
        en: "nothing but read",
        de: "nur lesen"
    }
    // What waits.
    held(number: PendingId) {
        en: "Your message waits as #{number} until somebody lets it through.",
        de: "Deine Nachricht wartet als #{number}, bis jemand sie durchlässt."
    }
    held_notice(number: PendingId, why: &str, nick: &str) {
        en: "#{number} waits ({why}). {nick}: ",
        de: "#{number} wartet ({why}). {nick}: "
    }
    held_notice_end() {
        en: ". /ok or /no with its number",
        de: ". /ok oder /no mit der Nummer"
    }
    because_newcomer() {
        en: "newcomer",
        de: "neu hier"
    }
    because_word() {
        en: "word",
        de: "Wort"
    }
    because_pattern() {
        en: "pattern",
        de: "Muster"
    }
    because_link() {
        en: "link",
        de: "Link"
    }
    approved(number: PendingId) {
        en: "#{number} is let through.",
        de: "#{number} ist durchgelassen."
    }
    rejected(number: PendingId) {
        en: "#{number} is refused.",
        de: "#{number} ist abgelehnt."
    }
    you_were_rejected(number: PendingId, because: &str) {
        en: "#{number}, which you sent, was refused.{because}",
        de: "#{number}, von dir geschickt, wurde abgelehnt.{because}"
    }
    nothing_waits() {
        en: "Nothing waits.",
        de: "Es wartet nichts."
    }
    they_wait(number: usize) {
        en: "{number} wait: ",
        de: "{number} warten: "
    }
    wants_to_come_in(nick: &str) {
        en: "{nick} wants to come in",
        de: "{nick} möchte herein"
    }
    // Messages.
    unstamped_kept(cost: u8) {
        en: "This group asks for a stamp of cost {cost} with each message. Yours waits, and so do further ones, until one of yours comes with a stamp. Clients make stamps by themselves once they have heard this group announce it: wait for that, then send again.",
        de: "Diese Gruppe verlangt je Nachricht einen Stempel der Kosten {cost}. Deine wartet, und weitere auch, bis eine von dir mit Stempel kommt. Programme stempeln von selbst, sobald sie die Ankündigung dieser Gruppe gehört haben: dann noch einmal senden."
    }
    unstamped_refused(cost: u8) {
        en: "This group asks for proof of work with each message, a stamp of cost {cost}. Your message was not taken. Clients make stamps by themselves once they have heard this group announce it: wait for that, then send again.",
        de: "Diese Gruppe verlangt je Nachricht einen Stempel der Kosten {cost}. Deine wurde nicht genommen. Programme stempeln von selbst, sobald sie die Ankündigung dieser Gruppe gehört haben: dann noch einmal senden."
    }
    receipt(seq: Seq) {
        en: "Your message came by a propagation node and is posted (#{seq}).",
        de: "Deine Nachricht kam über einen Propagationsknoten und steht jetzt da (#{seq})."
    }
    // What became of copies.
    copies_proven(seq: Seq, proven: usize, total: usize) {
        en: "#{seq}: {proven} of {total} have it.",
        de: "#{seq}: {proven} von {total} haben es."
    }
    and_more(more: usize) {
        en: "and {more} more",
        de: "und {more} weitere"
    }
    digest_head(count: usize) {
        en: "Digest: {count} new.",
        de: "Übersicht: {count} neue."
    }
    digest_rest(count: usize) {
        en: "{count} more: /missed",
        de: "{count} weitere: /verpasst"
    }
    digest_begins() {
        en: "You are behind on a slow link, so you get digests now.",
        de: "Du liegst auf einem langsamen Weg zurück, deshalb bekommst du jetzt Übersichten."
    }
    digest_ends() {
        en: "You have caught up: no more digests.",
        de: "Du hast aufgeholt: keine Übersichten mehr."
    }
    nothing_missed() {
        en: "You missed nothing: what waits for you is on its way.",
        de: "Du hast nichts verpasst: was auf dich wartet, ist unterwegs."
    }
    copy_waits() {
        en: "waiting",
        de: "wartet"
    }
    copy_has_no_path() {
        en: "not reachable",
        de: "nicht erreichbar"
    }
    copy_unanswered() {
        en: "does not answer",
        de: "antwortet nicht"
    }
    copy_too_dear(cost: usize) {
        en: "asks for a stamp of {cost} bits",
        de: "verlangt eine Marke von {cost} Bit"
    }
    copy_beyond_budget() {
        en: "asks for stamps beyond our budget",
        de: "verlangt mehr Marken, als wir machen"
    }
    copy_busy() {
        en: "we have too much to send",
        de: "wir haben zu viel zu senden"
    }
    copy_has_no_node() {
        en: "no propagation node takes it",
        de: "kein Propagation-Knoten nimmt es"
    }
    copy_looks_for_way() {
        en: "looking for a way",
        de: "sucht einen Weg"
    }
    copy_sent() {
        en: "sent",
        de: "gesendet"
    }
    copy_on_link() {
        en: "sent on a link",
        de: "auf einem Link gesendet"
    }
    copy_proven() {
        en: "has it",
        de: "hat es"
    }
    copy_stored() {
        en: "on a propagation node",
        de: "auf einem Propagation-Knoten"
    }
    copy_refused() {
        en: "does not take messages of this size",
        de: "nimmt Nachrichten dieser Größe nicht"
    }
    copy_expired() {
        en: "away for too long",
        de: "zu lange fort"
    }
    copy_unwanted() {
        en: "does not want it",
        de: "will es nicht"
    }
    copy_withdrawn() {
        en: "deleted before it was sent",
        de: "gelöscht, bevor es gesendet war"
    }
    copy_digested() {
        en: "counted in a digest",
        de: "in einer Übersicht gezählt"
    }
    copy_not_pushed() {
        en: "paused",
        de: "macht Pause"
    }
    not_kept(seq: Seq) {
        en: "Message {seq} has no such attachment, or it is no longer kept.",
        de: "Nachricht {seq} hat keinen solchen Anhang, oder er ist nicht mehr da."
    }
    fetched(seq: Seq) {
        en: "From message {seq}.",
        de: "Aus Nachricht {seq}."
    }
    nothing_found() {
        en: "Nothing found.",
        de: "Nichts gefunden."
    }
    just_now() {
        en: "now",
        de: "jetzt"
    }
    // What members are told of what happened.
    the_operator() {
        en: "The operator",
        de: "Der Betreiber"
    }
    told_edited(nick: &str) {
        en: "{nick} (edited): ",
        de: "{nick} (geändert): "
    }
    told_joined(nick: &str) {
        en: "* {nick} joined",
        de: "* {nick} ist da"
    }
    told_left(nick: &str) {
        en: "* {nick} left",
        de: "* {nick} ist gegangen"
    }
    told_renamed(member: MemberId, nick: &str) {
        en: "* #{member} is now {nick}",
        de: "* #{member} heißt jetzt {nick}"
    }
    told_kicked(nick: &str) {
        en: "* {nick} was removed",
        de: "* {nick} wurde entfernt"
    }
    told_banned(nick: &str) {
        en: "* {nick} was banned",
        de: "* {nick} wurde gesperrt"
    }
    told_muted(nick: &str) {
        en: "* {nick} was muted",
        de: "* {nick} wurde stumm geschaltet"
    }
    told_unmuted(nick: &str) {
        en: "* {nick} may post again",
        de: "* {nick} darf wieder schreiben"
    }
    told_deleted(nick: &str, author: &str) {
        en: "* {nick} removed a message of {author}",
        de: "* {nick} hat eine Nachricht von {author} entfernt"
    }
    told_cleaned_up(nick: &str, deleted: u32) {
        en: "* {nick} removed {deleted} messages",
        de: "* {nick} hat {deleted} Nachrichten entfernt"
    }
    told_cleaned_up_of(nick: &str, deleted: u32, author: &str) {
        en: "* {nick} removed {deleted} messages of {author}",
        de: "* {nick} hat {deleted} Nachrichten von {author} entfernt"
    }
    told_role(nick: &str, role: &str) {
        en: "* {nick} is {role} now",
        de: "* {nick} ist jetzt {role}"
    }
    told_permissions(nick: &str) {
        en: "* What {nick} may do is different now",
        de: "* {nick} darf jetzt anderes als bisher"
    }
    told_read_only() {
        en: "* Only the staff posts now",
        de: "* Jetzt schreibt nur noch das Team"
    }
    told_no_longer_read_only() {
        en: "* Everybody may post again",
        de: "* Jetzt schreiben wieder alle"
    }
    told_slow_mode(span: &str) {
        en: "* Slow mode: a message each {span}",
        de: "* Langsam: eine Nachricht je {span}"
    }
    told_no_slow_mode() {
        en: "* Slow mode is over",
        de: "* Nicht mehr langsam"
    }
    told_set(nick: &str, key: &str) {
        en: "* {nick} set {key}: ",
        de: "* {nick} setzt {key}: "
    }
    told_emptied(nick: &str, key: &str) {
        en: "* {nick} removed {key}",
        de: "* {nick} entfernt {key}"
    }
    told_dissolved(nick: &str) {
        en: "* {nick} deleted this group. Nothing is read here any more, and what it kept is erased.",
        de: "* {nick} hat diese Gruppe gelöscht. Hier liest niemand mehr, und was sie behielt, wird gelöscht."
    }
    member_updated(member: MemberId, nick: &str) {
        en: "#{member} is {nick}, as you wanted.",
        de: "#{member} ist {nick}, wie gewünscht."
    }
    you_were_renamed(nick: &str, name: &str) {
        en: "The staff of {name} calls you {nick} from now on.",
        de: "Das Team von {name} nennt dich ab jetzt {nick}."
    }
    you_have_role(name: &str, role: &str) {
        en: "You are {role} in {name} now. /help shows what you can do.",
        de: "Du bist in {name} jetzt {role}. /hilfe zeigt, was du tun kannst."
    }
    you_may_now(name: &str, permissions: &str) {
        en: "In {name} you may now: {permissions}.",
        de: "In {name} darfst du jetzt: {permissions}."
    }
    // Commands.
    unknown_command() {
        en: "There is no such command, and nobody else saw it. /help lists them.",
        de: "Diesen Befehl gibt es nicht, und niemand sonst hat ihn gesehen. /hilfe zählt sie auf."
    }
    usage(usage: &str) {
        en: "It goes like this: {usage}",
        de: "Das geht so: {usage}"
    }
    help_intro() {
        en: "All read what you write. /help WORD tells of: /",
        de: "Alle lesen mit. /hilfe WORT erklärt: /"
    }
    help_staff(words: &str) {
        en: ". Staff: {words}",
        de: ". Team: {words}"
    }
    help_more() {
        en: ". /help more",
        de: ". /hilfe mehr"
    }
    help_aside(words: &str) {
        en: "There are also: /{words}",
        de: "Außerdem gibt es: /{words}"
    }
    help_for(usage: &str, about: &str) {
        en: "{usage}: {about}",
        de: "{usage}: {about}"
    }
    help_who() {
        en: " WHO is a nick, a number as in /members, or 4 digits of an address.",
        de: " WER ist ein Name, eine Nummer wie in /mitglieder oder 4 Stellen einer Adresse."
    }
    // The audit log.
    audit_empty() {
        en: "Nothing more in the audit log.",
        de: "Nichts weiter im Protokoll."
    }
    audit_line(age: &str, by: &str, act: &str) {
        en: "{age} ago {by} {act}",
        de: "vor {age} {by}: {act}"
    }
    somebody() {
        en: "somebody",
        de: "jemand"
    }
    somebody_who_left() {
        en: "somebody who left",
        de: "jemand, der ging"
    }
    operator() {
        en: "operator",
        de: "Betreiber"
    }
    act_kicked(who: &str, reason: &str) {
        en: "kicked {who}{reason}",
        de: "{who} entfernt{reason}"
    }
    act_banned(who: &str, reason: &str) {
        en: "banned {who}{reason}",
        de: "{who} gesperrt{reason}"
    }
    act_muted(who: &str, reason: &str) {
        en: "muted {who}{reason}",
        de: "{who} stumm{reason}"
    }
    act_unbanned(who: &str) {
        en: "unbanned {who}",
        de: "{who} entsperrt"
    }
    act_unmuted(who: &str) {
        en: "unmuted {who}",
        de: "{who} nicht mehr stumm"
    }
    act_renamed(member: MemberId, nick: &str) {
        en: "called #{member} {nick}",
        de: "#{member} heißt {nick}"
    }
    act_role(who: &str, role: &str) {
        en: "made {who} {role}",
        de: "{who} ist {role}"
    }
    act_permissions(who: &str) {
        en: "changed what {who} may do",
        de: "Rechte von {who} geändert"
    }
    act_role_defined(name: &str) {
        en: "defined role {name}",
        de: "Rolle {name} festgelegt"
    }
    act_role_deleted() {
        en: "deleted a role",
        de: "eine Rolle gelöscht"
    }
    act_set(key: &str, value: &str) {
        en: "set {key}={value}",
        de: "{key}={value} gesetzt"
    }
    act_deleted(target: Seq) {
        en: "deleted {target}",
        de: "{target} gelöscht"
    }
    act_edited(target: Seq) {
        en: "edited {target}",
        de: "{target} geändert"
    }
    act_pinned(target: Seq) {
        en: "pinned {target}",
        de: "{target} angeheftet"
    }
    act_unpinned(target: Seq) {
        en: "unpinned {target}",
        de: "{target} gelöst"
    }
    act_approved(number: PendingId) {
        en: "approved #{number}",
        de: "#{number} durchgelassen"
    }
    act_rejected(number: PendingId, reason: &str) {
        en: "refused #{number}{reason}",
        de: "#{number} abgelehnt{reason}"
    }
    act_reported(what: &str, reason: &str) {
        en: "reported {what}{reason}",
        de: "{what} gemeldet{reason}"
    }
    act_cleaned_up(deleted: u32, reason: &str) {
        en: "deleted {deleted}{reason}",
        de: "{deleted} gelöscht{reason}"
    }
    act_created() {
        en: "created the group",
        de: "Gruppe angelegt"
    }
    act_dissolved() {
        en: "deleted the group",
        de: "Gruppe gelöscht"
    }
    act_became_owner() {
        en: "became owner",
        de: "übernahm die Gruppe"
    }
    act_claim_issued() {
        en: "issued a claim code",
        de: "Besitzcode ausgestellt"
    }
    act_invited() {
        en: "invited somebody",
        de: "jemanden eingeladen"
    }
    act_uninvited() {
        en: "took an invitation back",
        de: "Einladung zurückgenommen"
    }
    act_code_issued() {
        en: "issued an invite code",
        de: "Einladungscode ausgestellt"
    }
    act_code_revoked() {
        en: "revoked an invite code",
        de: "Einladungscode zurückgezogen"
    }
    act_other() {
        en: "did something",
        de: "etwas getan"
    }
    // Refusals.
    not_identified() {
        en: "This needs to know who you are: identify first.",
        de: "Dafür muss bekannt sein, wer du bist: weise dich erst aus."
    }
    not_member() {
        en: "You are not a member. /join to come in.",
        de: "Du bist kein Mitglied. Mit /join kommst du herein."
    }
    you_are_banned(because: &str) {
        en: "You are banned.{because}",
        de: "Du bist gesperrt.{because}"
    }
    no_permission() {
        en: "You may not do that.",
        de: "Das darfst du nicht."
    }
    not_found() {
        en: "Nothing found by that name or number.",
        de: "Unter diesem Namen oder dieser Nummer ist nichts."
    }
    already() {
        en: "It is so already.",
        de: "Das ist schon so."
    }
    too_long(max: usize) {
        en: "Too long: at most {max} characters. It was not posted.",
        de: "Zu lang: höchstens {max} Zeichen. Es wurde nicht verschickt."
    }
    attachment_too_large(kb_max: u32) {
        en: "Attachments may have {kb_max} kB together. It was not posted, nor what you wrote.",
        de: "Anhänge dürfen zusammen {kb_max} kB haben. Nichts davon wurde verschickt."
    }
    too_many_attachments(max: usize) {
        en: "A message takes {max} attachments at most. It was not posted, nor what you wrote.",
        de: "Eine Nachricht darf höchstens {max} Anhänge haben. Nichts davon wurde verschickt."
    }
    no_attachments() {
        en: "No attachments are taken here. It was not posted, nor what you wrote.",
        de: "Hier werden keine Anhänge angenommen. Nichts davon wurde verschickt."
    }
    no_longer_kept() {
        en: "This attachment is no longer kept.",
        de: "Dieser Anhang ist nicht mehr da."
    }
    empty() {
        en: "There is no text in it.",
        de: "Da steht kein Text."
    }
    rate_limited(retry_after_s: u32) {
        en: "Too often: nothing came of this one. Try again in {retry_after_s} s.",
        de: "Zu oft: daraus wurde nichts. In {retry_after_s} s noch einmal."
    }
    nick_taken() {
        en: "Somebody else has that name.",
        de: "Den Namen hat schon jemand."
    }
    name_taken() {
        en: "Another group here has that name.",
        de: "So heißt hier schon eine Gruppe."
    }
    full(max: usize) {
        en: "Full: there is room for {max}.",
        de: "Voll: mehr als {max} gehen nicht."
    }
    waiting(number: PendingId) {
        en: "Your request waits already, as #{number}. You will be told.",
        de: "Deine Anfrage wartet schon, als #{number}. Du bekommst Bescheid."
    }
    closed() {
        en: "This group takes nobody in.",
        de: "Diese Gruppe nimmt niemanden auf."
    }
    not_invited() {
        en: "One comes in here by invitation only: /join CODE if you have a code.",
        de: "Hier kommt man nur auf Einladung herein: /join CODE, wenn du einen Code hast."
    }
    code_expired() {
        en: "That code has expired. Ask for a new one.",
        de: "Dieser Code ist abgelaufen. Bitte um einen neuen."
    }
    code_used_up() {
        en: "That code has let in as many as it could. Ask for a new one.",
        de: "Dieser Code ist aufgebraucht. Bitte um einen neuen."
    }
    work_needed(bits: u32) {
        en: "Joining costs work: send /join with a stamp of {bits} bits. Clients that support stamps make one by themselves once they have heard this group's announce.",
        de: "Beitreten kostet Arbeit: sende /join mit einem Stempel von {bits} Bit. Programme, die das können, machen ihn selbst, sobald sie die Ankündigung dieser Gruppe gehört haben."
    }
    stamp_stale() {
        en: "That stamp is for another day. Make one for today.",
        de: "Dieser Stempel ist für einen anderen Tag. Mach einen für heute."
    }
    stamp_weak(found: u32, needed: u32) {
        en: "That stamp is worth {found} bits, or is for something else. {needed} are needed.",
        de: "Dieser Stempel ist {found} Bit wert oder für etwas anderes. {needed} sind nötig."
    }
    name_needed() {
        en: "Say what to call you: /join YourName",
        de: "Sag, wie du heißt: /join DeinName"
    }
    not_in_this_kind() {
        en: "That cannot be done in this kind of group.",
        de: "Das geht in dieser Art von Gruppe nicht."
    }
    bad_code() {
        en: "Wrong code, or it was used already.",
        de: "Falscher oder schon benutzter Code."
    }
    you_are_muted(lasts: &str, because: &str) {
        en: "You are muted{lasts}: it was not posted.{because}",
        de: "Du bist stumm{lasts}: es wurde nicht verschickt.{because}"
    }
    read_only() {
        en: "Only the staff posts at present. It was not posted.",
        de: "Zurzeit schreibt nur das Team. Es wurde nicht verschickt."
    }
    must_wait() {
        en: "With this text it would have to wait for approval: post it as a new message.",
        de: "Mit diesem Text müsste es auf Freigabe warten: schreib eine neue Nachricht."
    }
    last_owner() {
        en: "You are the only owner. Name another first: /role WHO owner. Then it works.",
        de: "Die Gruppe gehört nur dir. Ernenne erst jemanden: /role WER owner. Dann geht es."
    }
    bad_reaction() {
        en: "That is no reaction that can be shown here.",
        de: "Diese Reaktion lässt sich hier nicht zeigen."
    }
    ambiguous(choices: &str) {
        en: "Who? Say the number: {choices}",
        de: "Wer? Sag die Nummer: {choices}"
    }
}

/// How long the values are that a test puts into phrases.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// As they usually are.
    Usual,
    /// As long as can be, and longer.
    Extreme,
}

/// A value for a test.
#[cfg(test)]
pub(super) trait Sample {
    fn sample(length: Length) -> Self;
}

#[cfg(test)]
impl Sample for &'static str {
    fn sample(length: Length) -> Self {
        const WAVES: &str = "🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊";
        match length {
            Length::Usual => "Somebody Quite Longish",
            Length::Extreme => WAVES,
        }
    }
}

#[cfg(test)]
macro_rules! sample_numbers {
    ($($type:ty),+) => { $(
        impl Sample for $type {
            fn sample(length: Length) -> Self {
                match length {
                    Length::Usual => 12,
                    Length::Extreme => <$type>::MAX,
                }
            }
        }
    )+ };
}

#[cfg(test)]
sample_numbers!(u8, u32, u64, usize);

#[cfg(test)]
macro_rules! sample_ids {
    ($($type:ty),+) => { $(
        impl Sample for $type {
            fn sample(length: Length) -> Self {
                Self(Sample::sample(length))
            }
        }
    )+ };
}

#[cfg(test)]
sample_ids!(Seq, PendingId, MemberId);
