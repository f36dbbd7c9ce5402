//! One connection to the RPC, without input and output (interfaces.md section 13.2): the protocol of Python's
//! `multiprocessing.connection`. Both sides prove that they know the key, then there is one request and one answer.
//!
//! Messages travel behind their length as four bytes, big-endian and signed; the form for lengths of 2 GiB and more is
//! refused. Nothing is kept of a message but what its stage allows, so a stranger makes us hold a few hundred bytes.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::Sha256;

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";
/// The digest that we ask for. Pythons before 3.12 do not know it and answer with MD5 without a word, which is theirs.
const SHA256: &[u8] = b"{sha256}";
/// Messages before the key is proven are no longer than this.
const HANDSHAKE_BYTES_MAX: usize = 256;
/// The longest request: a few short values in a map.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
const LENGTH_BYTES: usize = 4;

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// A length below zero or above what the stage allows.
    #[error("message too long")]
    TooLong,
    /// The other side does not know the key.
    #[error("wrong key")]
    WrongKey,
    /// The other side says that we do not know the key.
    #[error("refused")]
    Refused,
    /// Something that does not belong there.
    #[error("not the protocol")]
    Malformed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its answer to our challenge.
    Response,
    /// Its own challenge.
    Challenge,
    /// Its word on our answer.
    Verdict,
    Request,
    Done,
}

/// The server's side of a connection.
pub struct Session {
    key: Vec<u8>,
    /// What the other side has to answer.
    challenge: Vec<u8>,
    stage: Stage,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl Session {
    /// Begins with a challenge made of `random`, which is never used twice.
    pub fn new(key: &[u8], random: [u8; 40]) -> Self {
        let challenge = [SHA256, &random].concat();
        let mut session = Self {
            key: key.to_vec(),
            challenge,
            stage: Stage::Response,
            inbox: Vec::new(),
            outbox: Vec::new(),
        };
        session.send(&[CHALLENGE, &session.challenge.clone()].concat());
        session
    }

    /// What is to be sent now.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outbox)
    }

    /// Takes bytes as they come. The request, once it is whole; what comes behind it is dropped. After an error what is to
    /// be sent is still good.
    pub fn handle_bytes(&mut self, mut bytes: &[u8]) -> Result<Option<Vec<u8>>, RpcError> {
        while !bytes.is_empty() && self.stage != Stage::Done {
            let wanted = self.wanted()?;
            let (now, rest) = bytes.split_at(wanted.saturating_sub(self.inbox.len()).min(bytes.len()));
            self.inbox.extend_from_slice(now);
            bytes = rest;
            if self.inbox.len() >= LENGTH_BYTES && self.inbox.len() == self.wanted()? {
                let message = std::mem::take(&mut self.inbox).split_off(LENGTH_BYTES);
                if let Some(request) = self.handle_message(message)? {
                    return Ok(Some(request));
                }
            }
        }
        Ok(None)
    }

    /// Sends the answer.
    pub fn answer(&mut self, body: &[u8]) {
        self.send(body);
    }

    /// Bytes until the next message is whole, or at least its length.
    fn wanted(&self) -> Result<usize, RpcError> {
        let Some(length) = self.inbox.first_chunk::<LENGTH_BYTES>() else { return Ok(LENGTH_BYTES) };
        let max = if self.stage == Stage::Request { REQUEST_BYTES_MAX } else { HANDSHAKE_BYTES_MAX };
        match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) if length <= max => Ok(LENGTH_BYTES + length),
            _ => Err(RpcError::TooLong),
        }
    }

    fn handle_message(&mut self, message: Vec<u8>) -> Result<Option<Vec<u8>>, RpcError> {
        match self.stage {
            Stage::Response => {
                if !self.is_answered_by(&message) {
                    self.send(FAILURE);
                    return Err(RpcError::WrongKey);
                }
                self.send(WELCOME);
                self.stage = Stage::Challenge;
            }
            Stage::Challenge => {
                let challenge = message.strip_prefix(CHALLENGE).ok_or(RpcError::Malformed)?;
                let response = self.response(challenge)?;
                self.send(&response);
                self.stage = Stage::Verdict;
            }
            Stage::Verdict if message == WELCOME => self.stage = Stage::Request,
            Stage::Verdict => return Err(RpcError::Refused),
            Stage::Request => {
                self.stage = Stage::Done;
                return Ok(Some(message));
            }
            Stage::Done => {}
        }
        Ok(None)
    }

    /// Whether this answers our challenge: a SHA-256 code behind its name, or a bare MD5 code.
    fn is_answered_by(&self, response: &[u8]) -> bool {
        match response.strip_prefix(SHA256) {
            Some(code) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("keys have any length");
                mac.update(&self.challenge);
                mac.verify_slice(code).is_ok()
            }
            None => {
                let mut mac = Hmac::<Md5>::new_from_slice(&self.key).expect("keys have any length");
                mac.update(&self.challenge);
                mac.verify_slice(response).is_ok()
            }
        }
    }

    /// The answer to a challenge, with the digest that it names.
    fn response(&self, challenge: &[u8]) -> Result<Vec<u8>, RpcError> {
        if challenge.starts_with(SHA256) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("keys have any length");
            mac.update(challenge);
            return Ok([SHA256, &mac.finalize().into_bytes()].concat());
        }
        if challenge.starts_with(b"{") && challenge.len() != 20 {
            return Err(RpcError::Malformed);
        }
        let mut mac = Hmac::<Md5>::new_from_slice(&self.key).expect("keys have any length");
        mac.update(challenge);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn send(&mut self, message: &[u8]) {
        let length = i32::try_from(message.len()).expect("answers are bounded far below 2 GiB");
        self.outbox.extend_from_slice(&length.to_be_bytes());
        self.outbox.extend_from_slice(message);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("key", &"[redacted]").field("stage", &self.stage).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key";

    fn message(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_be_bytes(), body].concat()
    }

    fn code<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }

    fn challenged() -> (Session, Vec<u8>) {
        let mut session = Session::new(KEY, [7; 40]);
        let out = session.take_output();
        assert_eq!(out[..15], message(&[CHALLENGE, &[0; 48]].concat())[..15]);
        (session, out[15..].to_vec())
    }

    #[test]
    fn new_and_old_programs_come_in_and_ask_however_the_bytes_are_cut() {
        let theirs_new = [SHA256, &[9; 40]].concat();
        for chunk in [1, 3, 1000] {
            for (new, theirs) in [(true, theirs_new.as_slice()), (false, &[9; 20])] {
                let (mut session, challenge) = challenged();
                assert!(challenge.starts_with(SHA256));
                let response = match new {
                    true => [SHA256, &code::<Hmac<Sha256>>(KEY, &challenge)].concat(),
                    false => code::<Hmac<Md5>>(KEY, &challenge),
                };
                let mut input = message(&response);
                input.extend(message(&[CHALLENGE, theirs].concat()));
                input.extend(message(WELCOME));
                input.extend(message(b"\x80"));
                input.extend(message(b"not read"));
                let mut requests = Vec::new();
                for bytes in input.chunks(chunk) {
                    requests.extend(session.handle_bytes(bytes).unwrap());
                }
                assert_eq!(requests, [b"\x80".to_vec()]);
                let ours = match new {
                    true => [SHA256, &code::<Hmac<Sha256>>(KEY, theirs)].concat(),
                    false => code::<Hmac<Md5>>(KEY, theirs),
                };
                assert_eq!(session.take_output(), [message(WELCOME), message(&ours)].concat());
                session.answer(b"\xc0");
                assert_eq!(session.take_output(), message(b"\xc0"));
            }
        }
    }

    #[test]
    fn who_does_not_know_the_key_is_told_so_and_asks_nothing() {
        let (mut session, challenge) = challenged();
        let forged = [SHA256, &code::<Hmac<Sha256>>(b"another key", &challenge)].concat();
        for wrong in [forged.as_slice(), SHA256, b"", &[0; 16]] {
            let (mut session, _) = challenged();
            let _ = session.take_output();
            assert_eq!(session.handle_bytes(&message(wrong)), Err(RpcError::WrongKey));
            assert_eq!(session.take_output(), message(FAILURE));
        }
        let right = [SHA256, &code::<Hmac<Sha256>>(KEY, &challenge)].concat();
        assert_eq!(session.handle_bytes(&message(&right)), Ok(None));
        assert_eq!(
            session.handle_bytes(&message(b"\x80")),
            Err(RpcError::Malformed),
            "it proves itself first"
        );
        assert!(!format!("{session:?}").contains("a key"));
    }

    #[test]
    fn lengths_beyond_the_stage_are_refused_at_once() {
        for length in [257_i32, i32::MAX, -1] {
            let (mut session, _) = challenged();
            assert_eq!(session.handle_bytes(&length.to_be_bytes()), Err(RpcError::TooLong), "{length}");
        }
    }

    #[test]
    fn a_digest_that_we_do_not_know_is_refused() {
        let (mut session, challenge) = challenged();
        let right = [SHA256, &code::<Hmac<Sha256>>(KEY, &challenge)].concat();
        session.handle_bytes(&message(&right)).unwrap();
        let other = [CHALLENGE, b"{sha3_512}", &[1; 40]].concat();
        assert_eq!(session.handle_bytes(&message(&other)), Err(RpcError::Malformed));
    }
}
