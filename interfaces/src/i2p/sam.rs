//! The SAM bridge of an I2P router, version 3.1: lines of words and `KEY=value` over TCP. A session lives as long as the
//! connection that made it; each stream of it is a connection of its own.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::TcpClientSettings;
use crate::tcp::connect as connect_tcp;

/// A router answers a greeting at once, but may take minutes to build its tunnels.
const ANSWER_PATIENCE: Duration = Duration::from_secs(240);
/// Longest line that a bridge may say; keys take about 1 kB.
const LINE_LEN_MAX: usize = 8 * 1024;
/// Ed25519, which every router has had since 2015.
const SIGNATURE_TYPE: &str = "7";
/// Shortest destination, in base64: 387 bytes.
const DESTINATION_LEN_MIN: usize = 516;

/// Why the bridge did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SamError {
    /// Nobody answers there.
    #[error("{0}")]
    Unreachable(String),
    /// The connection broke, or a file did.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It says that it cannot.
    #[error("the router says {0}")]
    Refused(String),
    /// It says what no bridge says.
    #[error("what answers there is no SAM bridge")]
    Nonsense,
}

/// Whether a text names a destination, and says nothing else to a bridge.
pub(crate) fn is_destination(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-~=._".contains(&byte);
    text.bytes().all(plain) && (text.ends_with(".i2p") || text.len() >= DESTINATION_LEN_MIN)
}

/// A session, and the connection that keeps it.
pub(crate) struct Control {
    stream: TcpStream,
    session: String,
    key: String,
    address: String,
}

impl Control {
    /// Opens a session under this key, or under a new one.
    pub(crate) async fn open(bridge: &str, key: Option<&str>) -> Result<Self, SamError> {
        let session = format!("meshgroup-{:016x}", RandomState::new().hash_one(bridge));
        let mut stream = greet(bridge).await?;
        let destination = key.unwrap_or("TRANSIENT");
        let create = format!(
            "SESSION CREATE STYLE=STREAM ID={session} DESTINATION={destination} SIGNATURE_TYPE={SIGNATURE_TYPE}\n"
        );
        let created = ask(&mut stream, &create).await?;
        let key = created.value("DESTINATION").ok_or(SamError::Nonsense)?.to_owned();
        let me = ask(&mut stream, "NAMING LOOKUP NAME=ME\n").await?;
        let address = me.value("VALUE").and_then(address_of).ok_or(SamError::Nonsense)?;
        Ok(Self { stream, session, key, address })
    }

    /// Its name in commands.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// The private key of its destination.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Where others reach it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits for its end, and tells why. A bridge that asks whether we are there is answered.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            match read_line(&mut self.stream).await {
                Ok(line) => {
                    let Some(rest) = line.strip_prefix("PING") else { continue };
                    if let Err(error) = self.stream.write_all(format!("PONG{rest}\n").as_bytes()).await {
                        return error.to_string();
                    }
                }
                Err(error) => return error.to_string(),
            }
        }
    }
}

/// Opens a stream to a destination.
pub(crate) async fn connect(bridge: &str, session: &str, to: &str) -> Result<TcpStream, SamError> {
    let mut stream = greet(bridge).await?;
    let destination = match to.ends_with(".i2p") {
        false => to.to_owned(),
        true => {
            let found = ask(&mut stream, &format!("NAMING LOOKUP NAME={to}\n")).await?;
            found.value("VALUE").ok_or(SamError::Nonsense)?.to_owned()
        }
    };
    let command = format!("STREAM CONNECT ID={session} DESTINATION={destination} SILENT=false\n");
    ask(&mut stream, &command).await?;
    Ok(stream)
}

/// Waits for a stream that somebody opens to us, and tells the address of who did.
pub(crate) async fn accept(bridge: &str, session: &str) -> Result<(TcpStream, String), SamError> {
    let mut stream = greet(bridge).await?;
    ask(&mut stream, &format!("STREAM ACCEPT ID={session} SILENT=false\n")).await?;
    let from = read_line(&mut stream).await?;
    let destination = from.split(' ').next().unwrap_or_default();
    if destination == "STREAM" {
        return Err(Reply::parse(&from).refusal());
    }
    let address = address_of(destination).ok_or(SamError::Nonsense)?;
    Ok((stream, address))
}

/// A connection to the bridge on which the next command may be said.
async fn greet(bridge: &str) -> Result<TcpStream, SamError> {
    let patience = TcpClientSettings::CONNECT_TIMEOUT;
    let mut stream = connect_tcp(bridge, patience).await.map_err(SamError::Unreachable)?;
    ask(&mut stream, "HELLO VERSION MIN=3.1 MAX=3.1\n").await?;
    Ok(stream)
}

async fn ask(stream: &mut TcpStream, command: &str) -> Result<Reply, SamError> {
    stream.write_all(command.as_bytes()).await?;
    let line = timeout(ANSWER_PATIENCE, read_line(stream)).await;
    let line = line.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the router does not answer"))??;
    let reply = Reply::parse(&line);
    match reply.value("RESULT") {
        Some("OK") => Ok(reply),
        Some(_) => Err(reply.refusal()),
        None => Err(SamError::Nonsense),
    }
}

/// One line without its end. Byte by byte, for what follows it may be the stream's.
async fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await? {
            b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
            _ if line.len() == LINE_LEN_MAX => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line does not end"));
            }
            byte => line.push(byte),
        }
    }
}

/// What the bridge answers: pairs, of which some are in quotes.
#[derive(Debug)]
struct Reply(Vec<(String, String)>);

impl Reply {
    fn parse(line: &str) -> Self {
        let words = shlex::split(line).unwrap_or_else(|| line.split(' ').map(str::to_owned).collect());
        let pairs = words.iter().filter_map(|word| word.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == key).map(|(_, value)| &value[..])
    }

    fn refusal(&self) -> SamError {
        let result = self.value("RESULT").unwrap_or("nothing");
        SamError::Refused(match self.value("MESSAGE") {
            Some(message) => format!("{result}: {message}"),
            None => result.to_owned(),
        })
    }
}

/// The address that belongs to a public destination: the hash of its bytes, in base32.
pub(crate) fn address_of(destination: &str) -> Option<String> {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(from_base64(destination)?);
    let bits =
        digest.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect::<Vec<_>>();
    let letter = |bits: &[u8]| {
        let value = bits.iter().fold(0, |value, bit| value << 1 | bit) << (5 - bits.len());
        char::from(BASE32[usize::from(value)])
    };
    Some(bits.chunks(5).map(letter).chain(".b32.i2p".chars()).collect())
}

/// Reads base64 in the alphabet of I2P, which has `-~` where the usual one has `+/`.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'~' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_hash_of_the_destination_in_base32() {
        // SHA-256 of "abc" is ba7816bf…
        let expected = "xj4bnp4pahh6uqkbidpf3lrceoyagyndsylxvhfucd7wd4qacwwq.b32.i2p";
        assert_eq!(address_of("YWJj").as_deref(), Some(expected));
        assert_eq!(address_of("!"), None);
        assert_eq!(from_base64("-~-~").unwrap(), [0xfb, 0xff, 0xbf]);
    }

    #[test]
    fn destinations_are_names_or_long_and_say_nothing_else() {
        for (text, expected) in [
            ("abc.b32.i2p", true),
            ("stats.i2p", true),
            ("abc", false),
            ("a.i2p\nQUIT x.i2p", false),
            ("a b.i2p", false),
            (&"A~-=".repeat(129), true),
        ] {
            assert_eq!(is_destination(text), expected, "{text}");
        }
    }

    #[test]
    fn replies_have_pairs_and_quotes() {
        let reply = Reply::parse("SESSION STATUS RESULT=I2P_ERROR MESSAGE=\"no tunnels yet\"");
        assert_eq!(reply.value("RESULT"), Some("I2P_ERROR"));
        assert_eq!(reply.refusal().to_string(), "the router says I2P_ERROR: no tunnels yet");
        assert_eq!(Reply::parse("it's broken RESULT=OK").value("RESULT"), Some("OK"));
    }
}
