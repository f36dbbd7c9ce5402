//! A running `meshgroup` process on a folder of its own.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use super::folder::Folder;

/// How long a node may take to say that it is ready. Generous: debug builds on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A loopback port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("bound").port()
}

/// One node process. Dropping it kills the process.
pub(crate) struct Meshgroup {
    child: Child,
    dir: PathBuf,
    /// The port of its TCP server interface.
    pub(crate) port: u16,
}

impl Meshgroup {
    /// Writes a configuration with one TCP server interface and `more`, and starts a node on it.
    pub(crate) fn start(folder: &Path, more: &str) -> Self {
        let port = free_port();
        Self::start_on(folder, more, port, "type = \"tcp-server\"\nlisten")
    }

    /// As [`Meshgroup::start`], with a TCP client of a loopback port in the place of the server.
    pub(crate) fn start_client(folder: &Path, port: u16) -> Self {
        Self::start_on(folder, "", port, "type = \"tcp-client\"\ntarget")
    }

    /// As [`Meshgroup::start_client`], with more of a configuration.
    pub(crate) fn start_client_with(folder: &Path, port: u16, more: &str) -> Self {
        Self::start_on(folder, more, port, "type = \"tcp-client\"\ntarget")
    }

    fn start_on(folder: &Path, more: &str, port: u16, end: &str) -> Self {
        let dir = folder.join("node");
        std::fs::create_dir_all(&dir).expect("target/ is writable");
        let config = format!(
            "[group]\nname = \"Harbour chat (group)\"\n{more}\n[[interface]]\nname = \"local\"\n{end} = \"127.0.0.1:{port}\"\n"
        );
        std::fs::write(dir.join("meshgroup.toml"), config).expect("target/ is writable");
        Self::restart_on(&dir, port)
    }

    /// Starts a node on a folder that already has a configuration.
    pub(crate) fn restart_on(dir: &Path, port: u16) -> Self {
        Self::restart_behind(&[], dir, port)
    }

    /// The same, with words before the command that starts it, such as those that take it elsewhere.
    pub(crate) fn restart_behind(prefix: &[String], dir: &Path, port: u16) -> Self {
        let out = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.join("output.log"))
            .expect("target/ is writable");
        let mut words = prefix.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_meshgroup")]);
        let child = Command::new(words.next().expect("the program at least"))
            .args(words)
            .arg("--data")
            .arg(dir)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out)
            .spawn()
            .expect("the binary under test runs");
        let mut node = Self { child, dir: dir.to_owned(), port };
        node.wait_ready();
        node
    }

    fn wait_ready(&mut self) {
        let end = Instant::now() + READY_WITHIN;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the node ended with {status}:\n{}", self.output());
            }
            let status = self.try_status();
            if status.as_ref().is_some_and(|status| status["ready"] == true) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the node was not ready within {READY_WITHIN:?}:\n{}", self.output());
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// How often its threads have waited for something so far.
    pub(crate) fn waits(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("Linux tells");
        let status = threads.map_while(Result::ok).map(|thread| thread.path().join("status"));
        let waits = status.filter_map(|status| {
            let text = std::fs::read_to_string(status).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        });
        waits.sum()
    }

    /// All that it printed.
    pub(crate) fn output(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(self.dir.join("output.log")) {
            let _ = file.read_to_string(&mut text);
        }
        text
    }

    /// The claim code of the first run.
    pub(crate) fn claim_code(&self) -> String {
        let output = self.output();
        let line =
            output.lines().find(|line| line.contains("/claim")).expect("a first run prints a claim code");
        line.split_whitespace()
            .skip_while(|word| !word.ends_with("/claim"))
            .nth(1)
            .expect("the code follows the command")
            .trim_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
            .to_owned()
    }

    /// Runs another `meshgroup` command on the same folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_meshgroup"))
            .arg("--data")
            .arg(&self.dir)
            .args(arguments)
            .output()
            .expect("the binary under test runs")
    }

    /// Runs a command whose output is JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("--json prints JSON")
    }

    /// `status --json`.
    pub(crate) fn status(&self) -> Value {
        self.json(&["status", "--json"])
    }

    fn try_status(&self) -> Option<Value> {
        let output = self.command(&["status", "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).ok())?
    }

    /// A field of `status --json` under `group`.
    pub(crate) fn group(&self, field: &str) -> String {
        self.status()["group"][field].as_str().expect("a text field of the group").to_owned()
    }

    /// The whole history, page by page.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after =
                all.last().map_or(0, |message| message["seq"].as_u64().expect("a number")).to_string();
            let page = self.json(&["message", "list", "--json", "--after", &after, "--limit", "500"]);
            let page = page.as_array().expect("an array").clone();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// Sends SIGKILL, while others may still talk to it.
    pub(crate) fn kill_now(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill runs").success());
    }

    /// Ends it the hard way.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// Asks it to end, and returns how long that took.
    pub(crate) fn terminate(&mut self) -> Duration {
        let started = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let status = self.child.wait().expect("the process is ours");
        assert!(status.success(), "SIGTERM ended it with {status}:\n{}", self.output());
        started.elapsed()
    }
}

impl Drop for Meshgroup {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
