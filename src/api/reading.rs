//! Answers about how far somebody has read, and about what a message said before.

use prost::Message;
use proto::v1;

use super::page::fit;
use super::{Counting, error};
use crate::group::{EarlierText, Reading, TEXTS_MAX};

/// The encoded answer to a call that marks how far the caller has read.
pub fn reading(reading: &Reading) -> Vec<u8> {
    let Reading { through, unread } = *reading;
    v1::ReadResponse { seq: through.0, unread, error: None }.encode_to_vec()
}

/// The encoded answer to a call that also tells how far somebody has read.
pub fn counted(into: Counting, reading: &Reading) -> Vec<u8> {
    let Reading { through, unread } = *reading;
    match into {
        Counting::Info(mut info) => {
            if let Some(you) = &mut info.you {
                (you.read_seq, you.unread) = (through.0, unread);
            }
            info.encode_to_vec()
        }
        Counting::Profile(mut profile) => {
            (profile.read_seq, profile.unread) = (through.0, unread);
            profile.encode_to_vec()
        }
    }
}

/// The encoded answer to a call for what a message said, in at most so many bytes.
pub fn earlier_texts(texts: &[EarlierText], bytes_max: usize) -> Vec<u8> {
    let texts = texts.iter().map(|text| v1::EarlierText {
        seq: text.seq.0,
        time_s: text.time.as_secs(),
        author: text.actor.map_or(0, |member| member.0),
        text: text.text.clone(),
    });
    match fit(texts, TEXTS_MAX, bytes_max) {
        Ok((texts, more)) => v1::EditsResponse { texts, more, error: None }.encode_to_vec(),
        Err(error) => error::encode(error),
    }
}
