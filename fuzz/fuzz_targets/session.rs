//! What the targets of links and resources stand on: a node with one destination, and a peer that has opened a link to it
//! by hand and can seal whatever the fuzzer wants to say.

#![allow(dead_code, reason = "each target uses a part")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reticulum::crypto::{EphemeralX25519, Identity, Rng, SigningKey, Token};
use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::{
    DestinationConfig, Event, InterfaceConfig, InterfaceId, Node, NodeConfig, Output, ProofPolicy,
    ResourcePolicy,
};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::channel::STREAM_CHUNK_MAX;
use reticulum::wire::link::{LinkProof, LinkRequest, MODE_AES_256_CBC, Signalling};
use reticulum::wire::{Context, Packet};

/// Largest resource that the node accepts.
pub const RESOURCE_SIZE_MAX: u64 = 20_000;
/// Outputs that one input may cause; more is a loop or a flood.
const OUTPUTS_MAX: usize = 2_000;

/// Making keys is slow, so they are made once.
static IDENTITY: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate(&mut Rng::from_seed([1; 32]))));

/// The node, its peer, and the link between them.
pub struct Session {
    pub node: Node,
    pub now: Instant,
    pub link: LinkId,
    pub token: Token,
    interface: InterfaceId,
    ivs: u64,
    /// Frames that the node sent since they were last looked at.
    pub sent: Vec<Vec<u8>>,
    /// Content of resources that arrived.
    pub received: Vec<Vec<u8>>,
    /// Messages that came over the channel.
    pub heard: Vec<Vec<u8>>,
}

impl Session {
    /// A link that was answered; its peer has not told the round-trip time yet.
    pub fn open() -> Self {
        let now = Instant::from_micros(1_000_000_000);
        let config = NodeConfig::new(Arc::clone(&IDENTITY));
        let mut node = Node::new(config, [2; 32], now, UnixTime::from_secs(1_800_000_000));
        let destination = node
            .add_destination(DestinationConfig {
                accept_links: true,
                proofs: ProofPolicy::Application,
                resources: ResourcePolicy::Application,
                resource_size_max: RESOURCE_SIZE_MAX,
                channels: true,
                ..DestinationConfig::new(Arc::clone(&IDENTITY), "fuzz.session")
            })
            .expect("a first destination");
        let interface = node.add_interface(now, InterfaceConfig::default());
        let mut session = Self {
            node,
            now,
            link: LinkId::new([0; 16]),
            token: Token::new(&[0; 64]),
            interface,
            ivs: 0,
            sent: Vec::new(),
            received: Vec::new(),
            heard: Vec::new(),
        };
        session.shake_hands(destination);
        session
    }

    fn shake_hands(&mut self, destination: DestinationHash) {
        let ephemeral = EphemeralX25519::from_bytes([3; 32]);
        let mut body = Vec::new();
        LinkRequest {
            x25519: ephemeral.public(),
            ed25519: peer_key().public(),
            signalling: Some(Signalling { mode: MODE_AES_256_CBC, mtu: 500 }),
        }
        .emit(&mut body);
        let request = Packet::link_request(destination, &body);
        self.link = request.link_id_of_request().expect("both keys are there");
        self.frame(&emitted(&request));
        let proof = std::mem::take(&mut self.sent);
        let proof = proof.iter().find_map(|frame| LinkProof::parse(Packet::parse(frame).ok()?.data));
        let proof = proof.expect("a link request is answered");
        self.token = Token::derive(&ephemeral.shared(&proof.x25519), self.link.as_ref());
    }

    /// Brings a frame to the node.
    pub fn frame(&mut self, frame: &[u8]) {
        self.node.handle_frame(self.now, self.interface, frame);
        self.drain();
    }

    /// Brings a packet on the link, sealed with its key.
    pub fn sealed(&mut self, context: Context, plaintext: &[u8]) {
        self.ivs += 1;
        let mut iv = [0; 16];
        iv[..8].copy_from_slice(&self.ivs.to_be_bytes());
        let data = self.token.seal(iv, plaintext);
        self.frame(&emitted(&Packet::link(self.link, context, &data)));
    }

    /// Lets time pass, with everything that becomes due.
    pub fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut steps = 0;
        while let Some(next) = self.node.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.node.handle_timeout(self.now);
            self.drain();
            steps += 1;
            assert!(steps < OUTPUTS_MAX, "a timer spins");
        }
        self.now = end;
    }

    /// What the node sent on the link with this context, in clear.
    pub fn opened(&mut self, context: Context) -> Vec<Vec<u8>> {
        let frames = std::mem::take(&mut self.sent);
        let open = |frame: &Vec<u8>| {
            let packet = Packet::parse(frame).ok().filter(|packet| packet.header.context == context)?;
            self.token.open(packet.data).ok()
        };
        frames.iter().filter_map(open).collect()
    }

    /// An application that wants everything: accepts what it is offered, proves and answers at once.
    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.node.poll_output() {
            outputs += 1;
            assert!(outputs < OUTPUTS_MAX, "one input causes {outputs} outputs");
            match output {
                Output::Work(work) => self.node.handle_work_done(self.now, work.run()),
                Output::Persist(persist) => {
                    persist.id().into_iter().for_each(|id| self.node.handle_persisted(self.now, id));
                }
                Output::Event(event) => self.event(event),
            }
        }
        let mut frame = Vec::new();
        while self.node.poll_transmit(self.now, self.interface, &mut frame) {
            assert!(Packet::parse(&frame).is_ok(), "the node sent no packet: {frame:02x?}");
            self.sent.push(std::mem::take(&mut frame));
        }
        self.sent.truncate(OUTPUTS_MAX);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::LinkPacket { proof, .. } => self.node.prove(self.now, proof),
            Event::ResourceOffered { link, resource, size, .. } => {
                assert!(size <= RESOURCE_SIZE_MAX, "larger than the limit: {size}");
                let _ = self.node.accept_resource(self.now, link, resource);
            }
            Event::ResourceReceived { data, proof, .. } => {
                assert!(data.len() as u64 <= RESOURCE_SIZE_MAX, "larger than the limit: {}", data.len());
                self.received.push(data);
                self.node.prove(self.now, proof);
            }
            Event::ChannelMessage { data, .. } => self.heard.push(data),
            Event::StreamData { data, .. } => assert!(data.len() <= STREAM_CHUNK_MAX, "a piece too large"),
            Event::Request { link, request, data, .. } => {
                let _ = self.node.respond(self.now, link, request, &data);
            }
            _ => {}
        }
    }
}

/// The peer's key of this link, under which it proves packets.
pub fn peer_key() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

/// A packet as a frame.
pub fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.emit(&mut frame);
    frame
}
