//! Network namespaces: small networks that only a test sees, for what must never reach a real one.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tells a test that it is in a network namespace of its own.
const ALONE: &str = "MESHGROUP_TEST_IS_ALONE";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/veth.py");

/// Runs an ignored test of this binary in a network namespace of its own, with nothing in it but a loopback that is off.
pub(crate) fn run_alone(test: &str) {
    let possible = |arguments: &[&str]| {
        let status = Command::new("unshare").args(arguments).arg("true").stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    // Root may make one; others may where the system lets them be root of a namespace of users.
    let arguments = [&["--net"][..], &["--map-root-user", "--net"]].into_iter().find(|way| possible(way));
    let arguments = arguments.unwrap_or_else(|| {
        panic!(
            "this test needs a network namespace, and neither `unshare --net` nor `unshare --map-root-user --net` may \
             make one here: run it as root (in a container: with the capabilities SYS_ADMIN and NET_ADMIN), or allow \
             user namespaces"
        )
    });
    let exe = std::env::current_exe().expect("the test binary has a path");
    let output = Command::new("unshare")
        .args(arguments)
        .arg(exe)
        .args(["--ignored", "--exact", test, "--nocapture"])
        .env(ALONE, "yes")
        .output()
        .expect("unshare runs, as it did before");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{test} in a network namespace:\n{text}");
}

/// Fails unless [`run_alone`] runs this test: what it does must never reach a real network.
pub(crate) fn assert_alone() {
    assert!(
        std::env::var_os(ALONE).is_some(),
        "another test runs this one, in a network namespace that it makes"
    );
}

/// A second network namespace, joined with the present one by a cable: its end here is called "left", there "right".
pub(crate) struct Neighbour {
    holder: Child,
}

impl Neighbour {
    /// Makes it. Only within [`run_alone`].
    pub(crate) fn new() -> Self {
        assert_alone();
        let holder =
            Command::new("unshare").args(["--net", "sleep", "infinity"]).spawn().expect("unshare runs");
        let neighbour = Self { holder };
        let namespace =
            |of: &str| -> Option<PathBuf> { std::fs::read_link(format!("/proc/{of}/ns/net")).ok() };
        let pid = neighbour.holder.id().to_string();
        let end = Instant::now() + Duration::from_secs(10);
        while namespace(&pid) == namespace("self") {
            assert!(Instant::now() < end, "no second network namespace came to be");
            std::thread::sleep(Duration::from_millis(5));
        }
        script(&["python3".into(), SCRIPT.into(), "join".into(), pid]);
        let mut there = neighbour.prefix();
        there.extend(["python3".into(), SCRIPT.into(), "switch-on".into(), "right".into()]);
        script(&there);
        script(&["python3".into(), SCRIPT.into(), "switch-on".into(), "left".into()]);
        neighbour
    }

    /// What to put before a command so that it runs there.
    pub(crate) fn prefix(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.holder.id()), "--".to_owned()]
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn script(words: &[String]) {
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let mut text = String::new();
    let _ = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut text));
    assert!(child.wait().expect("it was started").success(), "{words:?}:\n{text}");
}
