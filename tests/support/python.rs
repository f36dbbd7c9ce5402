//! The stock Python peers: their virtual environment under `target/`, and one process of `tests/interop/peer.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the peers are made of. A change makes a new environment.
const PINS: [&str; 3] = ["rns==1.5.7", "lxmf==1.2.1", "protobuf==7.36.2"];

/// How long a peer may take for what a test waits for, unless the test says otherwise.
const PATIENCE: Duration = Duration::from_secs(45);

/// The interpreter of the virtual environment, which the first caller makes.
pub(crate) fn interpreter() -> &'static Path {
    static VENV: OnceLock<PathBuf> = OnceLock::new();
    VENV.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-peers");
        std::fs::create_dir_all(&root).expect("target/ is writable");
        let lock = std::fs::File::create(root.join("lock")).expect("target/ is writable");
        lock.lock().expect("the lock of the virtual environment");
        let python = root.join("bin/python");
        let stamp = root.join("pins");
        if std::fs::read_to_string(&stamp).ok().as_deref() != Some(&PINS.join("\n")) {
            run(Command::new("python3").args(["-m", "venv"]).arg(&root));
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PINS));
            std::fs::write(&stamp, PINS.join("\n")).expect("target/ is writable");
        }
        python
    })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("the interop tests need Python 3 (with venv) on the PATH: {command:?}: {error}")
    });
    assert!(
        output.status.success(),
        "{command:?} failed, so the stock peers cannot run:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where a peer's one interface leads.
pub(crate) enum Medium {
    /// A TCP client of a loopback port.
    Connect(u16),
    /// A TCP server on a loopback port.
    Listen(u16),
    /// What these lines of its configuration say.
    Lines(String),
    /// The shared instance of this name, by way of a program that knows its key.
    Instance(String, &'static str),
    /// The shared instance on these two ports, by way of a program that knows its key.
    InstancePorts([u16; 2], &'static str),
}

/// One stock peer process. Dropping it ends the process.
pub(crate) struct Peer {
    child: Child,
    stdin: ChildStdin,
    events: Receiver<Value>,
    seen: Vec<Value>,
    log: Arc<Mutex<Vec<String>>>,
    /// Its `lxmf.delivery` address.
    pub(crate) delivery: String,
    /// Its `interop.service` address.
    pub(crate) service: String,
    /// Its identity hash.
    pub(crate) identity: String,
    next_tag: u64,
}

impl Peer {
    /// Starts a peer with its own configuration folder under `dir`.
    pub(crate) fn start(dir: &Path, name: &str, medium: Medium) -> Self {
        Self::start_with(dir, name, medium, &[])
    }

    /// As [`Peer::start`], with more arguments for `peer.py`.
    pub(crate) fn start_with(dir: &Path, name: &str, medium: Medium, more: &[&str]) -> Self {
        Self::start_behind(&[], dir, name, medium, more)
    }

    /// As [`Peer::start_with`], with words before the command that starts it, such as those that take it elsewhere.
    pub(crate) fn start_behind(
        prefix: &[String],
        dir: &Path,
        name: &str,
        medium: Medium,
        more: &[&str],
    ) -> Self {
        let mut words = prefix.iter().map(Into::into).chain([interpreter().as_os_str().to_owned()]);
        let mut command = Command::new(words.next().expect("the interpreter at least"));
        command.args(words);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/peer.py"));
        command.arg("--dir").arg(dir.join(name)).args(["--name", name]).args(more);
        match medium {
            Medium::Connect(port) => command.arg("--connect").arg(port.to_string()),
            Medium::Listen(port) => command.arg("--listen").arg(port.to_string()),
            Medium::Lines(lines) => command.arg("--interface").arg(lines),
            Medium::Instance(name, key) => command.args(["--instance", &name, "--rpc-key", key]),
            Medium::InstancePorts([data, control], key) => {
                let ports = format!("{data}:{control}");
                command.args(["--instance", "by-port", "--instance-ports", &ports, "--rpc-key", key])
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the interpreter of the virtual environment runs");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, events) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line.clone());
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = sender.send(event);
                }
            }
        });
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(format!("stderr: {line}"));
            }
        });
        let stdin = child.stdin.take().expect("piped");
        let mut peer = Self {
            child,
            stdin,
            events,
            seen: Vec::new(),
            log,
            delivery: String::new(),
            service: String::new(),
            identity: String::new(),
            next_tag: 0,
        };
        let ready = peer.wait("ready", |_| true);
        peer.delivery = text(&ready, "delivery");
        peer.service = text(&ready, "service");
        peer.identity = text(&ready, "identity");
        peer
    }

    /// Sends one command.
    pub(crate) fn tell(&mut self, command: Value) {
        writeln!(self.stdin, "{command}").expect("the peer reads its commands");
    }

    /// Sends one command with a fresh tag, and returns the tag.
    pub(crate) fn tell_tagged(&mut self, mut command: Value) -> u64 {
        self.next_tag += 1;
        command["tag"] = json!(self.next_tag);
        self.tell(command);
        self.next_tag
    }

    /// Sends one command and waits for the `event` that carries its tag.
    pub(crate) fn ask(&mut self, command: Value, event: &str) -> Value {
        let tag = self.tell_tagged(command);
        self.wait_tag(event, tag)
    }

    /// Waits for the `event` with `tag`.
    pub(crate) fn wait_tag(&mut self, event: &str, tag: u64) -> Value {
        self.wait(event, |value| value["tag"] == tag)
    }

    /// Takes the first `event`, already seen or still to come, for which `matches` holds.
    pub(crate) fn wait(&mut self, event: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.wait_within(PATIENCE, event, matches)
    }

    /// As [`Peer::wait`], within `patience`.
    pub(crate) fn wait_within(
        &mut self,
        patience: Duration,
        event: &str,
        matches: impl Fn(&Value) -> bool,
    ) -> Value {
        self.try_wait(patience, event, matches)
            .unwrap_or_else(|| panic!("no {event:?} within {patience:?}; {}", self.dump()))
    }

    /// As [`Peer::wait_within`]; none if there was no such event.
    pub(crate) fn try_wait(
        &mut self,
        patience: Duration,
        event: &str,
        matches: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        let wanted = |value: &Value| value["event"] == event && matches(value);
        if let Some(found) = self.seen.iter().position(&wanted) {
            return Some(self.seen.remove(found));
        }
        let end = Instant::now() + patience;
        loop {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(value) if wanted(&value) => return Some(value),
                Ok(value) if value["event"] == "error" => panic!("the peer failed: {value}"),
                Ok(value) => self.seen.push(value),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("the peer ended; {}", self.dump()),
            }
        }
    }

    /// All events of this kind that have come so far and that nobody waited for.
    pub(crate) fn take(&mut self, event: &str) -> Vec<Value> {
        self.seen.extend(self.events.try_iter());
        let (taken, rest) = self.seen.drain(..).partition(|value| value["event"] == event);
        self.seen = rest;
        taken
    }

    /// Sends an LXMF message and waits for its final state.
    pub(crate) fn deliver(&mut self, to: &str, method: &str, text: &str) -> Value {
        self.ask(json!({"do": "send", "to": to, "method": method, "text": text}), "sent")
    }

    /// Waits for a message with this text.
    pub(crate) fn message(&mut self, text: &str) -> Value {
        self.wait("message", |value| value["text"] == text)
    }

    /// Waits for a message whose text holds `part`.
    pub(crate) fn message_with(&mut self, part: &str) -> Value {
        self.wait("message", |value| value["text"].as_str().is_some_and(|text| text.contains(part)))
    }

    /// Waits until its process has ended.
    pub(crate) fn wait_end(&mut self) {
        self.child.wait().expect("the process is ours");
    }

    /// The end of what it said.
    pub(crate) fn dump(&self) -> String {
        let log = self.log.lock().unwrap();
        format!("what it said:\n{}", log[log.len().saturating_sub(40)..].join("\n"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text field of an event.
pub(crate) fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_else(|| panic!("{field} in {event}")).to_owned()
}
