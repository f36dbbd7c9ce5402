//! `meshgroup interfaces import`: the `[[interface]]` tables that do what the interfaces of an existing configuration of
//! the ecosystem do (interfaces.md section 2). What has no equivalent becomes a comment that says so. A table that would
//! do something else than its original, or that this program would refuse, is commented out as a whole.

mod configobj;

use std::io;
use std::path::{Path, PathBuf};

use self::configobj::{Section, Value, substitute};
pub use self::configobj::{SyntaxError, SyntaxProblem};
use super::interface::{ADDRESS_LIVES, MODES, PARITIES, SCOPES};
use super::{Config, ConfigError, toml_text};

/// Why a file cannot be imported. The text is for the operator and complete.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("{}: cannot be read: {error}\n  remedy: name a file that you may read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is not in the format of the ecosystem.
    #[error("{}: {error}\n  remedy: correct this line of the original", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// What is wrong where.
        error: SyntaxError,
    },
}

/// As [`import`], from a file.
pub fn import_file(file: &Path) -> Result<String, ImportError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| ImportError::Read { file: file.to_owned(), error })?;
    import(&text).map_err(|error| ImportError::Syntax { file: file.to_owned(), error })
}

/// Reads the text of an existing configuration, and writes what may be appended to ours.
pub fn import(text: &str) -> Result<String, SyntaxError> {
    let root = configobj::parse(text)?;
    let mut out = String::new();
    let reticulum = root.section("reticulum").and_then(|section| section.value("enable_transport"));
    if let Some(Value::Text(value)) = reticulum
        && boolean(value) == Ok(true)
    {
        out.push_str("# This instance was a transport node: enable_transport = yes.\n");
    }
    if let Some(section) = root.section("reticulum") {
        out.push_str(&sharing(section));
    }
    let Some(interfaces) = root.section("interfaces").filter(|section| !section.sections.is_empty()) else {
        out.push_str("# No interface was configured.\n");
        return Ok(out);
    };
    for section in &interfaces.sections {
        out.push('\n');
        out.push_str(&translate(&[&root, interfaces, section]));
    }
    Ok(out)
}

/// How the original shared itself with the programs of its machine, which it did unless it said no: as a comment, since
/// [node] is a table that our file already has.
fn sharing(section: &Section) -> String {
    let text = |key| match section.value(key) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let mut out = String::new();
    if text("share_instance").is_some_and(|word| boolean(word) != Ok(true)) {
        return out;
    }
    comment(
        &mut out,
        "This instance was shared with the programs of its machine. To share ours, set in [node]:",
    );
    comment(&mut out, "  share_instance = true");
    for key in ["instance_name", "shared_instance_type", "rpc_key"] {
        if let Some(value) = text(key) {
            comment(&mut out, &format!("  {key} = {}", toml_text(&value)));
        }
    }
    for key in ["shared_instance_port", "instance_control_port"] {
        if let Some(value) = text(key) {
            comment(&mut out, &format!("  {key} = {value}"));
        }
    }
    out
}

/// One table, behind what is to be said about it.
fn translate(path: &[&Section; 3]) -> String {
    let name = &path[2].name;
    let mut original = Original::new(path);
    let table = original.table(name);
    let table = table.and_then(|table| match Config::parse(&table, Path::new("")) {
        Ok(_) => Ok(table),
        Err(ConfigError::Invalid { problem, .. }) => Err(problem),
        Err(error) => Err(error.to_string()),
    });
    let mut out = String::new();
    match table {
        Ok(table) => {
            original.left_over();
            original.remarks.iter().for_each(|remark| comment(&mut out, remark));
            out.push_str(&table);
        }
        Err(problem) => {
            comment(&mut out, &format!("[[{name}]] has no equivalent: {problem}"));
            for (key, value) in &path[2].values {
                comment(&mut out, &format!("  {key} = {}", shown(value)));
            }
        }
    }
    out
}

fn comment(out: &mut String, text: &str) {
    // A carriage return alone is no end of line in TOML, and not allowed in a comment either.
    for line in text.split(['\n', '\r']) {
        let line: String = line.chars().filter(|letter| *letter == '\t' || !letter.is_control()).collect();
        out.push_str(format!("# {line}").trim_end());
        out.push('\n');
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::List(items) => items.join(", "),
    }
}

/// How a value is written in the original.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Decimal,
    /// Written with or without decimals; ours are whole.
    Seconds,
    Boolean,
    Parity,
}

/// Keys of the original, ours, and the kind of value. Ours have the same units.
type Keys = &'static [(&'static str, &'static str, Kind)];

const LINE: Keys = &[
    ("port", "port", Kind::Text),
    ("speed", "speed", Kind::Integer),
    ("databits", "data_bits", Kind::Integer),
    ("parity", "parity", Kind::Parity),
    ("stopbits", "stop_bits", Kind::Integer),
];
const TNC: Keys = &[
    ("preamble", "preamble", Kind::Integer),
    ("txtail", "tx_tail", Kind::Integer),
    ("persistence", "persistence", Kind::Integer),
    ("slottime", "slot_time", Kind::Integer),
    ("flow_control", "flow_control", Kind::Boolean),
    ("bitrate", "bitrate", Kind::Integer),
];
const STATION: Keys = &[("callsign", "callsign", Kind::Text), ("ssid", "ssid", Kind::Integer)];
const RNODE: Keys = &[
    ("port", "port", Kind::Text),
    ("frequency", "frequency", Kind::Integer),
    ("bandwidth", "bandwidth", Kind::Integer),
    ("spreadingfactor", "spreading_factor", Kind::Integer),
    ("codingrate", "coding_rate", Kind::Integer),
    ("txpower", "tx_power", Kind::Integer),
    ("airtime_limit_short", "airtime_limit_short", Kind::Decimal),
    ("airtime_limit_long", "airtime_limit_long", Kind::Decimal),
    ("flow_control", "flow_control", Kind::Boolean),
];
const PIPE: Keys = &[("command", "command", Kind::Text), ("respawn_delay", "respawn_delay", Kind::Integer)];
const TCP: Keys = &[
    ("kiss_framing", "kiss_framing", Kind::Boolean),
    ("fixed_mtu", "fixed_mtu", Kind::Integer),
    ("bitrate", "bitrate", Kind::Integer),
];
/// What every interface has, with the same names and units.
const RULES: Keys = &[
    ("announce_cap", "announce_cap", Kind::Decimal),
    ("announce_rate_target", "announce_rate_target", Kind::Integer),
    ("announce_rate_grace", "announce_rate_grace", Kind::Integer),
    ("announce_rate_penalty", "announce_rate_penalty", Kind::Integer),
    ("gravity", "gravity", Kind::Integer),
    ("recursive_prs", "recursive_prs", Kind::Boolean),
    ("announces_from_internal", "announces_from_internal", Kind::Boolean),
    ("announces_to_internal", "announces_to_internal", Kind::Boolean),
    ("egress_control", "egress_control", Kind::Boolean),
    ("ic_max_held_announces", "ic_max_held_announces", Kind::Integer),
    ("ic_burst_hold", "ic_burst_hold", Kind::Seconds),
    ("ic_burst_freq", "ic_burst_freq", Kind::Decimal),
    ("ic_burst_freq_new", "ic_burst_freq_new", Kind::Decimal),
    ("ic_pr_burst_freq", "ic_pr_burst_freq", Kind::Decimal),
    ("ic_pr_burst_freq_new", "ic_pr_burst_freq_new", Kind::Decimal),
    ("ic_new_time", "ic_new_time", Kind::Seconds),
    ("ic_burst_penalty", "ic_burst_penalty", Kind::Seconds),
    ("ic_held_release_interval", "ic_held_release_interval", Kind::Seconds),
];
const BACKBONE: Keys = &[
    ("bitrate", "bitrate", Kind::Integer),
    ("block_fast_flapping", "block_fast_flapping", Kind::Boolean),
    ("fast_flapping_threshold", "fast_flapping_threshold", Kind::Integer),
    ("fast_flapping_grace", "fast_flapping_grace", Kind::Integer),
    ("fast_flapping_block_time", "fast_flapping_block_time", Kind::Integer),
];
const I2P: Keys = &[("connectable", "connectable", Kind::Boolean)];
const AUTO: Keys = &[
    ("group_id", "group_id", Kind::Text),
    ("discovery_port", "discovery_port", Kind::Integer),
    ("data_port", "data_port", Kind::Integer),
    ("bitrate", "bitrate", Kind::Integer),
];
const BITRATE: Keys = &[("bitrate", "bitrate", Kind::Integer)];

/// Words for a mode in the original (interfaces.md section 1.4), beside those that are also ours.
const OTHER_MODES: [(&str, &str); 6] = [
    ("pointtopoint", "point-to-point"),
    ("ptp", "point-to-point"),
    ("access_point", "access-point"),
    ("accesspoint", "access-point"),
    ("ap", "access-point"),
    ("gw", "gateway"),
];

/// A section of the original while its table is being written.
struct Original<'a> {
    path: &'a [&'a Section; 3],
    taken: Vec<&'a str>,
    table: String,
    remarks: Vec<String>,
}

impl<'a> Original<'a> {
    fn new(path: &'a [&'a Section; 3]) -> Self {
        Self { path, taken: Vec::new(), table: String::new(), remarks: Vec::new() }
    }

    /// The equivalent table, or why there is none.
    fn table(&mut self, name: &str) -> Result<String, String> {
        self.table = String::from("[[interface]]\n");
        self.set("name", &name);
        let kind = self.text("type")?.ok_or("it has no type")?;
        let enabled = self.boolean(&["enabled", "interface_enabled"])?.unwrap_or(false);
        if self.boolean(&["outgoing"])? == Some(false) {
            return Err("an interface that only receives (outgoing = no)".to_owned());
        }
        self.medium(&kind)?;
        if !enabled {
            self.set("enabled", &false);
        }
        self.common()?;
        Ok(std::mem::take(&mut self.table))
    }

    fn medium(&mut self, kind: &str) -> Result<(), String> {
        match kind {
            "TCPServerInterface" => self.server("tcp-server", BITRATE),
            "TCPClientInterface" => self.client("tcp-client", TCP),
            "BackboneInterface" if self.has(&["target_host", "remote"]) => self.client("backbone", BITRATE),
            "BackboneClientInterface" => self.client("backbone", BITRATE),
            "BackboneInterface" => self.server("backbone", BACKBONE),
            "AutoInterface" => self.auto(),
            "I2PInterface" => self.i2p(),
            "UDPInterface" => self.udp(),
            "PipeInterface" => self.simple("pipe", &[PIPE]),
            "SerialInterface" => self.simple("serial", &[LINE]),
            "KISSInterface" => self.simple("kiss", &[LINE, TNC]).and_then(|()| self.beacon()),
            "AX25KISSInterface" => self.simple("ax25-kiss", &[LINE, TNC, STATION]),
            "RNodeInterface" => self.simple("rnode", &[RNODE]).and_then(|()| self.beacon()),
            _ => Err(format!("meshgroup has no {kind}")),
        }
    }

    fn simple(&mut self, kind: &str, keys: &[Keys]) -> Result<(), String> {
        self.set("type", &kind);
        keys.iter().try_for_each(|keys| self.copy(keys))
    }

    fn server(&mut self, kind: &str, keys: Keys) -> Result<(), String> {
        self.set("type", &kind);
        self.refuse_device()?;
        let host = self.either(&["listen_ip", "listen_on"])?.ok_or("it has no listen_ip")?;
        let port = self.either(&["listen_port", "port"])?.ok_or("it has no listen_port")?;
        self.set("listen", &address(&host, &port));
        self.copy(keys)
    }

    fn client(&mut self, kind: &str, keys: Keys) -> Result<(), String> {
        self.set("type", &kind);
        let host = self.either(&["target_host", "remote"])?.ok_or("it has no target_host")?;
        let port = self.either(&["target_port", "port"])?.ok_or("it has no target_port")?;
        self.set("target", &address(&host, &port));
        self.copy(keys)
    }

    fn auto(&mut self) -> Result<(), String> {
        self.simple("auto", &[AUTO])?;
        self.word("discovery_scope", SCOPES.map(|(word, _)| word).as_slice())?;
        self.word("multicast_address_type", ADDRESS_LIVES.map(|(word, _)| word).as_slice())?;
        self.list("devices")?;
        self.list("ignored_devices")
    }

    fn i2p(&mut self) -> Result<(), String> {
        self.simple("i2p", &[I2P])?;
        self.list("peers")
    }

    fn udp(&mut self) -> Result<(), String> {
        self.set("type", &"udp");
        self.refuse_device()?;
        let both = self.text("port")?;
        for (key, host, port) in
            [("listen", "listen_ip", "listen_port"), ("forward", "forward_ip", "forward_port")]
        {
            let (host, port) = (self.text(host)?, self.text(port)?.or(both.clone()));
            if let (Some(host), Some(port)) = (host, port) {
                self.set(key, &address(&host, &port));
            }
        }
        self.copy(BITRATE)
    }

    /// A device stands for an address that only the system knows, and another would open the interface to others.
    fn refuse_device(&self) -> Result<(), String> {
        match self.has(&["device"]) {
            true => Err("write the address of its `device` as listen_ip instead".to_owned()),
            false => Ok(()),
        }
    }

    fn beacon(&mut self) -> Result<(), String> {
        if self.has(&["id_callsign"]) && self.has(&["id_interval"]) {
            const BEACON: Keys =
                &[("id_callsign", "callsign", Kind::Text), ("id_interval", "id_interval", Kind::Integer)];
            self.copy(BEACON)?;
        }
        Ok(())
    }

    /// What every interface has.
    fn common(&mut self) -> Result<(), String> {
        if let Some(mode) = self.either(&["mode", "interface_mode"])? {
            let ours = OTHER_MODES.iter().find(|(word, _)| *word == mode).map(|(_, ours)| *ours);
            let ours = ours.or_else(|| MODES.iter().map(|(word, _)| *word).find(|word| *word == mode));
            self.set("mode", &ours.ok_or(format!("there is no mode \"{mode}\""))?);
        }
        if let Some(ingress_control) = self.boolean(&["ingress_control"])? {
            self.set("ingress_control", &ingress_control);
        }
        self.copy(RULES)?;
        // In the original the frequency alone sets nothing.
        if self.boolean(&["egress_control"])? == Some(true)
            && let Some(hz) = self.decimal("ec_pr_freq")?
        {
            self.set("ec_pr_freq", &hz);
        }
        let is_set = |text: &String| !text.is_empty() && text != "None";
        let network_name = self.either(&["network_name", "networkname"])?.filter(is_set);
        let passphrase = self.either(&["passphrase", "pass_phrase"])?.filter(is_set);
        let protected = network_name.is_some() || passphrase.is_some();
        if let Some(network_name) = network_name {
            self.set("network_name", &network_name);
        }
        if let Some(passphrase) = passphrase {
            self.set("passphrase", &passphrase);
        }
        if protected && let Some(bits) = self.integer("ifac_size")? {
            // The original counts whole bytes, and takes less than one for none said.
            let whole_bytes = bits - bits.rem_euclid(8);
            if whole_bytes > 0 {
                self.set("ifac_size", &whole_bytes);
            }
        }
        Ok(())
    }

    /// Remarks on the keys that nobody took.
    fn left_over(&mut self) {
        let section = self.path[2];
        for (key, value) in &section.values {
            if !self.taken.contains(&key.as_str()) {
                self.remarks.push(format!("{}: {key} = {} has no equivalent", section.name, shown(value)));
            }
        }
        for inner in &section.sections {
            self.remarks.push(format!("{}: [[[{}]]] has no equivalent", section.name, inner.name));
        }
    }

    fn copy(&mut self, keys: Keys) -> Result<(), String> {
        for (theirs, ours, kind) in keys {
            match kind {
                Kind::Text => self.text(theirs)?.map(|value| self.set(ours, &value)),
                Kind::Integer => self.integer(theirs)?.map(|value| self.set(ours, &value)),
                Kind::Decimal => self.decimal(theirs)?.map(|value| self.set(ours, &value)),
                Kind::Seconds => {
                    self.decimal(theirs)?.map(|value| self.set(ours, &(value.ceil().max(0.0) as i64)))
                }
                Kind::Boolean => self.boolean(&[theirs])?.map(|value| self.set(ours, &value)),
                Kind::Parity => self.parity(theirs)?.map(|value| self.set(ours, &value)),
            };
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &impl serde::Serialize) {
        self.table.push_str(&format!("{key} = {}\n", toml_text(value)));
    }

    fn has(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.path[2].value(key).is_some())
    }

    /// The value of the first of these keys that there is.
    fn either(&mut self, keys: &[&'static str]) -> Result<Option<String>, String> {
        keys.iter().find(|key| self.has(&[key])).map_or(Ok(None), |key| self.text(key))
    }

    fn text(&mut self, key: &'static str) -> Result<Option<String>, String> {
        self.taken.push(key);
        match self.path[2].value(key) {
            None => Ok(None),
            Some(Value::Text(text)) => {
                substitute(self.path, text).map(Some).map_err(|error| format!("{key}: {error}"))
            }
            Some(Value::List(_)) => Err(format!("{key} is a list; put it in quotes")),
        }
    }

    /// One of some words, which are the same here and there.
    fn word(&mut self, key: &'static str, words: &[&str]) -> Result<(), String> {
        let Some(text) = self.text(key)?.map(|text| text.to_lowercase()) else { return Ok(()) };
        match words.iter().find(|word| **word == text) {
            Some(word) => self.set(key, word),
            None => return Err(not_a("known word", key, &text)),
        }
        Ok(())
    }

    /// A list, or one text that stands for a list of one.
    fn list(&mut self, key: &'static str) -> Result<(), String> {
        self.taken.push(key);
        let items = match self.path[2].value(key) {
            None => return Ok(()),
            Some(Value::List(items)) => items.clone(),
            Some(Value::Text(text)) => vec![text.clone()],
        };
        let substituted: Result<Vec<String>, String> = items
            .iter()
            .map(|item| substitute(self.path, item).map_err(|error| format!("{key}: {error}")))
            .collect();
        self.set(key, &substituted?);
        Ok(())
    }

    fn integer(&mut self, key: &'static str) -> Result<Option<i64>, String> {
        let text = self.text(key)?;
        let number =
            |text: String| text.replace('_', "").parse().map_err(|_| not_a("whole number", key, &text));
        text.map(number).transpose()
    }

    fn decimal(&mut self, key: &'static str) -> Result<Option<f64>, String> {
        let text = self.text(key)?;
        let number = |text: String| match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(not_a("number", key, &text)),
        };
        text.map(number).transpose()
    }

    fn boolean(&mut self, keys: &[&'static str]) -> Result<Option<bool>, String> {
        let text = self.either(keys)?;
        text.map(|text| boolean(&text).map_err(|()| not_a("yes or no", keys[0], &text))).transpose()
    }

    fn parity(&mut self, key: &'static str) -> Result<Option<&'static str>, String> {
        let text = self.text(key)?;
        let parity = |text: String| {
            let letter = text.chars().next().map(|letter| letter.to_ascii_lowercase());
            let known = PARITIES.iter().map(|(word, _)| *word).find(|word| word.chars().next() == letter);
            known.ok_or(not_a("parity", key, &text))
        };
        text.map(parity).transpose()
    }
}

fn not_a(what: &str, key: &str, text: &str) -> String {
    format!("{key} = {text} is no {what}")
}

fn address(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// interfaces.md section 2.1.
fn boolean(text: &str) -> Result<bool, ()> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Ok(true),
        "no" | "off" | "false" | "0" => Ok(false),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests;
