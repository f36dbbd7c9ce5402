//! A stock propagation node, `lxmd`, to which others connect and which is itself connected to one node. It forwards nothing,
//! so who is connected to it alone reaches nobody else.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::process::free_port;
use super::python::interpreter;

const KEY: [u8; 64] = [0x6c; 64];

/// A running `lxmd`. Dropping it ends the process.
pub(crate) struct Office {
    child: Child,
    /// Where others connect.
    pub(crate) port: u16,
}

impl Office {
    /// Its `lxmf.propagation` address, which is always the same.
    pub(crate) fn address() -> String {
        let identity = reticulum::crypto::Identity::from_bytes(&KEY).hash();
        let name = *lxmf::propagation::PROPAGATION_NAME_HASH;
        reticulum::hash::DestinationHash::of_single(name, identity).to_string()
    }

    /// Starts it with folders of its own under `dir`, as a client of the loopback port `node`.
    pub(crate) fn start(dir: &Path, node: u16) -> Self {
        let (dir, port) = (dir.join("Office"), free_port());
        for folder in ["lxmd", "rns"] {
            std::fs::create_dir_all(dir.join(folder)).expect("target/ is writable");
        }
        let rns = format!(
            "[reticulum]\n  enable_transport = No\n  share_instance = No\n[logging]\n  loglevel = 1\n[interfaces]\n  \
             [[node]]\n    type = TCPClientInterface\n    enabled = Yes\n    target_host = 127.0.0.1\n    target_port = {node}\n  \
             [[counter]]\n    type = TCPServerInterface\n    enabled = Yes\n    listen_ip = 127.0.0.1\n    listen_port = {port}\n"
        );
        let lxmd = "[propagation]\nenable_node = yes\nannounce_at_start = yes\nautopeer = no\n\
                    propagation_stamp_cost_target = 13\npropagation_stamp_cost_flexibility = 0\n[lxmf]\n\
                    display_name = Office\n[logging]\nloglevel = 4\n";
        std::fs::write(dir.join("rns/config"), rns).expect("target/ is writable");
        std::fs::write(dir.join("lxmd/config"), lxmd).expect("target/ is writable");
        std::fs::write(dir.join("lxmd/identity"), KEY).expect("target/ is writable");
        let log = std::fs::File::create(dir.join("log")).expect("target/ is writable");
        let child = Command::new(interpreter().with_file_name("lxmd"))
            .arg("--config")
            .arg(dir.join("lxmd"))
            .arg("--rnsconfig")
            .arg(dir.join("rns"))
            .args(["--propagation-node", "-v"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        Self { child: child.expect("lxmd is installed beside the interpreter"), port }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
