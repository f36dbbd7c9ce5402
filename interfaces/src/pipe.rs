//! Pipe (interfaces.md section 14): a program that takes and gives HDLC frames on its standard input and output. It is
//! started again when it ends.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::framing::{IFAC_SIZE_MAX, hdlc};
use crate::retry::{self, Ended, Session, keep_open};
use crate::stream::{self, Medium, NodeGone, StreamWriter};
use crate::{InterfaceHandle, Notice, Properties, StartError};

/// interfaces.md section 1.2.
const BITRATE_BPS: u64 = 1_000_000;
/// interfaces.md section 1.2.
const HW_MTU: usize = 1064;
const IFAC_SIZE: usize = 8;

/// A tenth of a second at the assumed bitrate.
const BATCH_BYTES: usize = 12_500;

/// A program that closed its pipes gets this long to end before it is killed.
const EXIT_PATIENCE: Duration = Duration::from_secs(1);

/// Settings of a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeSettings {
    /// Program and arguments, quoted as for a shell; no shell runs it.
    pub command: String,
    /// Time between the end of the program and its next start.
    pub respawn_delay: Duration,
}

impl PipeSettings {
    /// The usual settings for a command.
    pub fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), respawn_delay: retry::INTERVAL }
    }

    /// Program and arguments.
    pub(crate) fn words(&self) -> Result<Vec<String>, StartError> {
        let bad = |reason| StartError::BadCommand { command: self.command.clone(), reason };
        let words = shlex::split(&self.command).ok_or_else(|| bad("a quote is not closed"))?;
        if words.is_empty() { Err(bad("it is empty")) } else { Ok(words) }
    }
}

/// Starts the program and keeps it running until the handle is dropped.
pub(crate) fn start(
    interface: usize,
    settings: PipeSettings,
    notices: mpsc::Sender<Notice>,
) -> Result<InterfaceHandle, StartError> {
    let words = settings.words()?;
    let delay = settings.respawn_delay;
    let pipe = Pipe { interface, command: settings.command, words };
    Ok(InterfaceHandle::new(tokio::spawn(keep_open(interface, delay, pipe, notices)).abort_handle()))
}

struct Pipe {
    interface: usize,
    command: String,
    words: Vec<String>,
}

impl Session for Pipe {
    fn target(&self) -> &str {
        &self.command
    }

    async fn run(&mut self, notices: &mpsc::Sender<Notice>) -> Result<Ended, NodeGone> {
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => return Ok(Ended::NotOpened(error.to_string())),
        };
        let stdout = child.stdout.take().expect("stdout is piped");
        let stdin = child.stdin.take().expect("stdin is piped");
        let medium = Medium {
            interface: self.interface,
            label: self.command.clone(),
            properties: PROPERTIES,
            inter_byte_timeout: None,
        };
        let decoder = hdlc::Decoder::new(HW_MTU + IFAC_SIZE_MAX);
        let writer = StreamWriter::new(stdin, hdlc::Encoder);
        let reason = stream::run(stdout, decoder, writer, medium, notices).await?;
        Ok(Ended::Closed(match timeout(EXIT_PATIENCE, child.wait()).await {
            Ok(Ok(status)) => format!("the program ended with {status}"),
            _ => reason, // dropped, and killed by that
        }))
    }
}

impl Pipe {
    fn spawn(&self) -> std::io::Result<Child> {
        let (program, arguments) = self.words.split_first().expect("the command was checked at start");
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

const PROPERTIES: Properties = Properties {
    bitrate_bps: BITRATE_BPS,
    hw_mtu: HW_MTU,
    mtu_capable: false,
    shared_medium: true,
    ifac_size_default: IFAC_SIZE,
    batch_bytes: BATCH_BYTES,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameBatch;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn open(command: &str) -> (InterfaceHandle, mpsc::Receiver<Notice>) {
        let settings =
            PipeSettings { respawn_delay: Duration::from_millis(10), ..PipeSettings::new(command) };
        let (sender, notices) = mpsc::channel(16);
        (start(2, settings, sender).unwrap(), notices)
    }

    async fn next(notices: &mut mpsc::Receiver<Notice>) -> Notice {
        timeout(PATIENCE, notices.recv()).await.expect("a notice in time").unwrap()
    }

    #[tokio::test]
    async fn a_program_echoes_frames() {
        let (_handle, mut notices) = open("cat");
        let Notice::Opened { frames, interface: 2, .. } = next(&mut notices).await else {
            panic!("not opened")
        };
        let mut batch = FrameBatch::new();
        batch.push(&[0x7e; 100]);
        batch.push(&[0x7d; 20]);
        frames.send(batch.clone()).await.unwrap();
        let (mut echoed, mut credits) = (FrameBatch::new(), 0);
        while echoed.len() < 2 || credits < 1 {
            match next(&mut notices).await {
                Notice::Frames { batch, .. } => batch.iter().for_each(|frame| echoed.push(frame)),
                Notice::Sent { .. } => credits += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(echoed, batch);
    }

    #[tokio::test]
    async fn a_program_that_ends_is_started_again_and_its_status_told() {
        let (_handle, mut notices) = open("sh -c 'exit 3'");
        for _ in 0..2 {
            assert!(matches!(next(&mut notices).await, Notice::Opened { .. }));
            assert!(matches!(next(&mut notices).await, Notice::Closed { .. }));
            let Notice::Waiting { reason, .. } = next(&mut notices).await else { panic!("not waiting") };
            assert!(reason.contains("exit status: 3"), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_waited_for() {
        let (_handle, mut notices) = open("/nonexistent/program");
        let Notice::Waiting { reason, .. } = next(&mut notices).await else { panic!("not waiting") };
        assert!(reason.contains("No such file"), "{reason}");
    }

    #[tokio::test]
    async fn commands_that_no_shell_would_take_are_start_errors() {
        for command in ["", "  ", "cat 'open"] {
            let (sender, _notices) = mpsc::channel(1);
            let started = start(0, PipeSettings::new(command), sender);
            assert!(matches!(started, Err(StartError::BadCommand { .. })), "{command}");
        }
    }
}
