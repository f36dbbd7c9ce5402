//! The host side of an RNode, by interfaces.md section 10.9.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::framing::kiss::{self, Splitter};

/// How the device differs from a good one.
pub(super) struct Emulator {
    pub(super) firmware: (u8, u8),
    pub(super) platform: u8,
    pub(super) tx_power_dbm_max: u8,
    pub(super) frequency_offset_hz: u32,
    pub(super) radio_works: bool,
    pub(super) answers_ready: bool,
    pub(super) silent: bool,
}

impl Default for Emulator {
    fn default() -> Self {
        Self {
            firmware: (1, 86),
            platform: 0x80,
            tx_power_dbm_max: 17,
            frequency_offset_hz: 0,
            radio_works: true,
            answers_ready: true,
            silent: false,
        }
    }
}

/// Every frame that the host sent: command, then data.
pub(super) struct Heard(mpsc::UnboundedReceiver<Vec<u8>>);

impl Heard {
    pub(super) async fn next(&mut self) -> Vec<u8> {
        self.0.recv().await.expect("the emulator runs")
    }

    pub(super) async fn next_after_start_up(&mut self) -> Vec<u8> {
        loop {
            let frame = self.next().await;
            let is_start_up =
                matches!(frame[..], [0x01..=0x05 | 0x08 | 0x0b | 0x0c | 0x48..=0x50, ..] | [0x06, 1]);
            if !is_start_up {
                return frame;
            }
        }
    }
}

impl Emulator {
    /// Lives until the sender of what it should say unasked is dropped, or the host hangs up.
    pub(super) fn run(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> (mpsc::Sender<Vec<u8>>, Heard) {
        let (say, mut said) = mpsc::channel::<Vec<u8>>(16);
        let (hear, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let mut splitter = Splitter::new(1024);
            let mut bytes = [0; 1024];
            loop {
                let mut answers = Vec::new();
                tokio::select! {
                    unasked = said.recv() => match unasked {
                        Some(unasked) => answers = unasked,
                        None => return,
                    },
                    read = reader.read(&mut bytes) => match read {
                        Ok(read) if read > 0 => {
                            splitter.split(&bytes[..read], |command, data| {
                                _ = hear.send([&[command], data].concat());
                                self.answer(command, data, &mut answers);
                            });
                        }
                        _ => return,
                    },
                }
                if writer.write_all(&answers).await.is_err() {
                    return;
                }
            }
        });
        (say, Heard(heard))
    }

    fn answer(&self, command: u8, data: &[u8], answers: &mut Vec<u8>) {
        if self.silent {
            return;
        }
        let mut answer = |data: &[u8]| kiss::encode(command, data, answers);
        match (command, data) {
            (0x08, [0x73]) => answer(&[0x46]),
            (0x50, _) => answer(&[self.firmware.0, self.firmware.1]),
            (0x48, _) => answer(&[self.platform]),
            (0x49, _) => answer(&[0x81]),
            (0x01, &[a, b, c, d]) => {
                answer(&(u32::from_be_bytes([a, b, c, d]) + self.frequency_offset_hz).to_be_bytes());
            }
            (0x03, &[dbm]) => answer(&[dbm.min(self.tx_power_dbm_max)]),
            (0x02 | 0x04 | 0x05 | 0x0b | 0x0c, data) => answer(data),
            (0x06, &[on]) => {
                // On success the firmware says it twice.
                answer(&[on & u8::from(self.radio_works)]);
                answer(&[on & u8::from(self.radio_works)]);
            }
            (0x0f, _) if self.answers_ready => answer(&[1]),
            _ => {}
        }
    }
}
