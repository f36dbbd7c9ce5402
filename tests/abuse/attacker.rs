//! A peer that speaks the protocol by hand, packet by packet, and so can also speak it wrongly.

use std::collections::VecDeque;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use interfaces::FrameBatch;
use interfaces::framing::{Decode, Encode, hdlc};
use lxmf::fields::Fields;
use lxmf::message::{Draft, Packed};
use lxmf::router::DELIVERY_NAME;
use reticulum::crypto::{EphemeralX25519, Identity, PublicIdentity, RatchetPublic, Rng, SigningKey, Token};
use reticulum::hash::{DestinationHash, LinkId, NameHash, PathHash, RequestId};
use reticulum::time::UnixTime;
use reticulum::wire::link::{Identify, LinkProof, LinkRequest, MODE_AES_256_CBC, Signalling, encode_rtt};
use reticulum::wire::request::{Request, Response};
use reticulum::wire::{self, Announce, Context, Packet, PacketType, Proof};

/// How long a node may take for what a test waits for. Generous: debug builds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wall clock of attackers; nothing depends on it but that it does not go back.
const START: UnixTime = UnixTime::from_secs(1_780_000_000);

/// What carries frames to a node and back.
pub(crate) trait Wire {
    /// Brings one frame there.
    fn send(&mut self, frame: &[u8]);
    /// The next frame from there; `None` if none comes.
    fn receive(&mut self) -> Option<Vec<u8>>;
}

/// A raw TCP connection to a node process.
pub(crate) struct Tcp {
    stream: TcpStream,
    decoder: hdlc::Decoder,
    frames: VecDeque<Vec<u8>>,
    unsent: Vec<u8>,
}

impl Tcp {
    /// Connects to a port on this machine.
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the node listens");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket option");
        Self { stream, decoder: hdlc::Decoder::new(1 << 20), frames: VecDeque::new(), unsent: Vec::new() }
    }

    /// Sends bytes that need not be frames.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the node keeps the connection");
    }

    /// Collects frames and sends them in large writes; [`Self::flush`] sends the rest.
    pub(crate) fn queue(&mut self, frame: &[u8]) {
        hdlc::Encoder.encode(frame, &mut self.unsent);
        if self.unsent.len() > 1 << 16 {
            self.flush();
        }
    }

    /// Sends what was collected.
    pub(crate) fn flush(&mut self) {
        let unsent = std::mem::take(&mut self.unsent);
        self.send_raw(&unsent);
        self.discard();
    }

    /// Sends a frame, and tells whether the node is still there.
    pub(crate) fn send_while_it_lasts(&mut self, frame: &[u8]) -> bool {
        let mut bytes = Vec::new();
        hdlc::Encoder.encode(frame, &mut bytes);
        let is_sent = self.stream.write_all(&bytes).is_ok();
        if is_sent {
            self.discard();
        }
        is_sent
    }

    /// Throws away what the node sent so far, so that it can go on sending.
    fn discard(&mut self) {
        self.stream.set_nonblocking(true).expect("a socket option");
        let mut buffer = [0; 1 << 16];
        while self.stream.read(&mut buffer).is_ok_and(|len| len > 0) {}
        self.stream.set_nonblocking(false).expect("a socket option");
    }
}

impl Wire for Tcp {
    fn send(&mut self, frame: &[u8]) {
        self.queue(frame);
        let unsent = std::mem::take(&mut self.unsent);
        self.send_raw(&unsent);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let end = Instant::now() + PATIENCE;
        while self.frames.is_empty() && Instant::now() < end {
            let mut buffer = [0; 1 << 16];
            let Ok(len) = self.stream.read(&mut buffer) else { continue };
            assert!(len > 0, "the node closed the connection");
            let mut batch = FrameBatch::new();
            self.decoder.decode(&buffer[..len], &mut batch);
            self.frames.extend(batch.iter().map(<[u8]>::to_vec));
        }
        self.frames.pop_front()
    }
}

/// A destination of the node, as its announce tells it.
#[derive(Clone)]
pub(crate) struct Target {
    /// Its address.
    pub(crate) address: DestinationHash,
    /// Its keys.
    pub(crate) identity: PublicIdentity,
    ratchet: Option<RatchetPublic>,
}

/// A link that the attacker opened.
pub(crate) struct Session {
    /// Its id.
    pub(crate) id: LinkId,
    /// Its key.
    pub(crate) token: Token,
    signing: SigningKey,
}

/// Somebody with an identity, behind a wire.
pub(crate) struct Attacker<W> {
    /// Where frames go.
    pub(crate) wire: W,
    /// Who they are.
    pub(crate) identity: Identity,
    /// Their randomness.
    pub(crate) rng: Rng,
    messages: u64,
    now: UnixTime,
}

impl<W: Wire> Attacker<W> {
    /// An attacker whose identity follows from `seed`.
    pub(crate) fn new(wire: W, seed: u8) -> Self {
        let mut rng = Rng::from_seed([seed; 32]);
        Self { wire, identity: Identity::generate(&mut rng), rng, messages: 0, now: START }
    }

    /// Their `lxmf.delivery` address.
    pub(crate) fn address(&self) -> DestinationHash {
        DestinationHash::of_single(NameHash::of_name(DELIVERY_NAME), self.identity.hash())
    }

    /// Waits for the first packet for which `pick` gives something.
    pub(crate) fn await_packet<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&Packet<'_>) -> Option<T>,
    ) -> T {
        loop {
            let frame = self.wire.receive().unwrap_or_else(|| panic!("the node sent no {what}"));
            if let Some(found) = Packet::parse(&frame).ok().as_ref().and_then(&mut pick) {
                return found;
            }
        }
    }

    /// Asks for the path to one of the node's destinations.
    pub(crate) fn find(&mut self, address: DestinationHash) -> Target {
        let request = self.path_request(address);
        self.wire.send(&request);
        self.await_packet("announce", |packet| {
            let announce = Announce::parse(packet).ok().filter(|announce| announce.destination == address)?;
            let identity = announce.verify().expect("its announces are valid");
            Some(Target { address, identity, ratchet: announce.ratchet })
        })
    }

    /// A path request for a destination.
    pub(crate) fn path_request(&mut self, address: DestinationHash) -> Vec<u8> {
        let to = DestinationHash::of_plain(NameHash::of_name("rnstransport.path.request"));
        let tag: [u8; 16] = self.rng.bytes();
        emitted(&Packet::plain(to, Context::NONE, &[address.as_ref(), &tag].concat()))
    }

    /// An announce of their own delivery destination.
    pub(crate) fn announce(&mut self, name: &str) -> Vec<u8> {
        announce_at(self.now, &self.identity, self.rng.bytes(), &lxmf::app_data::encode(name, None))
    }

    /// Sets their clock forward, or their next announce is an old one.
    pub(crate) fn later(&mut self) {
        self.now = self.now + Duration::from_secs(60);
    }

    /// A single packet.
    pub(crate) fn single(&mut self, to: &Target, plaintext: &[u8]) -> Vec<u8> {
        let sealed = to.identity.seal(to.ratchet.as_ref(), &self.rng.bytes(), plaintext);
        emitted(&Packet::single(to.address, Context::NONE, &sealed))
    }

    /// A signed message to the group; each one differs from the last.
    pub(crate) fn message(&mut self, to: &Target, text: &str, fields: &Fields) -> Packed {
        self.messages += 1;
        let draft = Draft {
            destination: to.address,
            source: self.address(),
            timestamp: START.as_secs_f64() + self.messages as f64,
            title: b"",
            content: text.as_bytes(),
            fields,
        };
        draft.pack(&self.identity)
    }

    /// A link request, with what it takes to go on.
    pub(crate) fn link_request(&mut self, to: &Target, mtu: u32) -> (Vec<u8>, EphemeralX25519, SigningKey) {
        let ephemeral = EphemeralX25519::from_bytes(self.rng.bytes());
        let signing = SigningKey::from_bytes(&self.rng.bytes());
        let mut body = Vec::new();
        LinkRequest {
            x25519: ephemeral.public(),
            ed25519: signing.public(),
            signalling: Some(Signalling { mode: MODE_AES_256_CBC, mtu }),
        }
        .emit(&mut body);
        (emitted(&Packet::link_request(to.address, &body)), ephemeral, signing)
    }

    /// Opens a link.
    pub(crate) fn open_link(&mut self, to: &Target, mtu: u32) -> Session {
        let (request, ephemeral, signing) = self.link_request(to, mtu);
        let id = Packet::parse(&request).ok().and_then(|packet| packet.link_id_of_request()).unwrap();
        self.wire.send(&request);
        let proof = self.await_packet("proof of the link request", |packet| {
            let of_link =
                packet.header.link_id() == id && packet.header.context == Context::LINK_REQUEST_PROOF;
            LinkProof::parse(packet.data).filter(|_| of_link)
        });
        assert!(proof.verify(&to.identity, id), "its proofs are valid");
        let token = Token::derive(&ephemeral.shared(&proof.x25519), id.as_ref());
        let session = Session { id, token, signing };
        let rtt = self.sealed(&session, Context::LINK_RTT, &encode_rtt(Duration::from_millis(20)));
        self.wire.send(&rtt);
        session
    }

    /// A packet on a link, sealed with its key.
    pub(crate) fn sealed(&mut self, session: &Session, context: Context, plaintext: &[u8]) -> Vec<u8> {
        let data = session.token.seal(self.rng.bytes(), plaintext);
        emitted(&Packet::link(session.id, context, &data))
    }

    /// The packet that tells who is behind a link.
    pub(crate) fn identify(&mut self, session: &Session) -> Vec<u8> {
        let body = Identify::build(&self.identity, session.id);
        self.sealed(session, Context::LINK_IDENTIFY, &body)
    }

    /// A request with a protobuf body, and the id of its answer.
    pub(crate) fn request(&mut self, session: &Session, path: &str, body: &[u8]) -> (Vec<u8>, RequestId) {
        let packed = self.request_plaintext(path, body);
        let frame = self.sealed(session, Context::REQUEST, &packed);
        let hash = Packet::parse(&frame).unwrap().hash();
        (frame, RequestId::new(*hash.proof_address().as_bytes()))
    }

    /// A request in clear.
    pub(crate) fn request_plaintext(&self, path: &str, body: &[u8]) -> Vec<u8> {
        let data = meshgroup::api::response_value(body);
        let path = PathHash::of_path(path);
        let mut packed = Vec::new();
        Request { requested_at_secs: START.as_secs_f64(), path, data: &data }.emit(&mut packed);
        packed
    }

    /// Asks on a link, and waits for the protobuf body of the answer.
    pub(crate) fn ask(&mut self, session: &Session, path: &str, body: &[u8]) -> Vec<u8> {
        let (frame, id) = self.request(session, path, body);
        self.wire.send(&frame);
        self.await_packet("response", |packet| {
            let opened = opened(session, packet, Context::RESPONSE)?;
            let response = Response::parse(&opened).ok().filter(|response| response.id == id)?;
            Some(meshgroup::api::request_body(response.value).expect("a byte string").to_vec())
        })
    }

    /// Waits until the node closes a link.
    pub(crate) fn await_close(&mut self, session: &Session) {
        self.await_packet("close of the link", |packet| opened(session, packet, Context::LINK_CLOSE));
    }

    /// Waits for a message of the node, and proves it.
    pub(crate) fn prove_next(&mut self) {
        let own = self.address();
        let hash = self.await_packet("message", |packet| {
            let is_message =
                packet.header.packet_type == PacketType::Data && packet.header.destination_hash() == own;
            is_message.then(|| packet.hash())
        });
        let mut body = Vec::new();
        Proof::Implicit { signature: &self.identity.sign(hash.as_bytes()) }.emit(&mut body);
        let proof = emitted(&Packet::proof(hash.proof_address(), &body));
        self.wire.send(&proof);
    }

    /// Sends a single packet and waits for its proof.
    pub(crate) fn send_proven(&mut self, to: &Target, frame: &[u8]) {
        let hash = Packet::parse(frame).expect("a packet").hash();
        self.wire.send(frame);
        self.await_packet("proof of a packet", |packet| {
            let is_proof = packet.header.packet_type == PacketType::Proof
                && packet.header.proof_address() == hash.proof_address();
            let proof = Proof::parse(packet.data).filter(|_| is_proof)?;
            to.identity.verify(hash.as_bytes(), proof.signature()).then_some(())
        });
    }

    /// Sends a message as a packet on a link and waits for its proof.
    pub(crate) fn send_on_link_proven(&mut self, to: &Target, session: &Session, frame: &[u8]) {
        let hash = Packet::parse(frame).expect("a packet").hash();
        self.wire.send(frame);
        self.await_packet("proof of a packet on a link", |packet| {
            let is_proof = packet.header.packet_type == PacketType::Proof
                && packet.header.link_id() == session.id
                && packet.header.context == Context::NONE;
            let proof = Proof::parse(packet.data).filter(|_| is_proof)?;
            to.identity.verify(hash.as_bytes(), proof.signature()).then_some(())
        });
    }

    /// Does what an honest person does, and fails unless the node answers: finds the group, asks it who it is on a link,
    /// and joins it by a message, which has to be proven.
    pub(crate) fn is_served(&mut self, lxmf: DestinationHash, api: DestinationHash) {
        let (group, api) = (self.find(lxmf), self.find(api));
        let session = self.open_link(&api, 500);
        let info = self.ask(&session, "/api/v1/info", &[]);
        let info: proto::v1::InfoResponse = prost::Message::decode(&info[..]).expect("an answer");
        assert!(info.error.is_none() && !info.name.is_empty(), "{info:?}");
        let announce = self.announce("Honest");
        self.wire.send(&announce);
        let join = self.message(&group, "/join", &Fields::default());
        let join = self.single(&group, join.opportunistic_body());
        self.send_proven(&group, &join);
    }
}

impl Session {
    /// The proof of a packet that the node sent on this link.
    pub(crate) fn proof_of(&self, packet: &Packet<'_>) -> Vec<u8> {
        let hash = packet.hash();
        let signature = self.signing.sign(hash.as_bytes());
        let mut body = Vec::new();
        Proof::Explicit { hash, signature: &signature }.emit(&mut body);
        emitted(&Packet::link_proof(self.id, Context::NONE, &body))
    }
}

/// A packet of a link in clear, if it has this context.
pub(crate) fn opened(session: &Session, packet: &Packet<'_>, context: Context) -> Option<Vec<u8>> {
    let of_link = packet.header.link_id() == session.id && packet.header.context == context;
    of_link.then(|| session.token.open(packet.data).ok()).flatten()
}

/// An announce of the delivery destination of `identity`.
pub(crate) fn announce(identity: &Identity, random: [u8; 5], app_data: &[u8]) -> Vec<u8> {
    announce_at(START, identity, random, app_data)
}

fn announce_at(now: UnixTime, identity: &Identity, random: [u8; 5], app_data: &[u8]) -> Vec<u8> {
    let name = NameHash::of_name(DELIVERY_NAME);
    let address = DestinationHash::of_single(name, identity.hash());
    let data = Announce::build(identity, address, name, wire::random_blob(random, now), None, app_data);
    emitted(&Packet::announce(address, Context::NONE, false, &data))
}

/// A packet as a frame.
pub(crate) fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.emit(&mut frame);
    frame
}
