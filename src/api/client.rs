//! The client's half of the control socket, for the command line: blocking, one call at a time, and its answers as plain
//! values, so that no caller needs the generated types.

mod attachments;
mod delivery;
mod mail;
mod operate;

pub use attachments::ListedAttachment;
pub use delivery::{Delivered, DeliveredCopy};
pub use mail::{ListedNode, ListedPeer, Propagation, ServedMail, SyncedMail, SyncedNode};
pub use operate::{
    Done, ListedAct, ListedBan, ListedHeld, ListedRequest, ListedRole, ListedSetting, ShownMember, ToMember,
};

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prost::Message;
use proto::v1::{self, history_event::Body};
use reticulum::hash::{DestinationHash, IdentityHash};
use serde::Serialize;

use super::control::{RESPONSE_BYTES_MAX, SOCKET_NAME, encode_frame, frame_len};
use super::status::{NodeStatus, as_hex};
use crate::group::Role;

/// How long the node may take to answer one call.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long it may take to export a group before it is deleted.
const DELETION_MAX: Duration = Duration::from_secs(600);

/// Why a call had no result. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("no node is running on {}\n  remedy: start one with `meshgroup run`, or name its folder with --data", .folder.display())]
    NotRunning {
        /// The data folder.
        folder: PathBuf,
    },
    /// The socket could not be used.
    #[error("the control socket: {0}")]
    Io(#[from] io::Error),
    /// What came back is not what was asked for.
    #[error("the node answers in a way that this program does not know: both must be of one version")]
    Malformed,
    /// The node refused the call.
    #[error("{0}")]
    Refused(String),
}

/// A message in the history. Field names are those of `message list --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedMessage {
    /// Its sequence number.
    pub seq: u64,
    /// Seconds since 1970 UTC.
    pub time: u64,
    /// Its text.
    pub text: String,
    /// Who posted it; `None` is the operator.
    pub author: Option<Author>,
    /// What is attached to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<ListedAttachment>,
}

/// Who posted a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Author {
    /// Nick of the member.
    pub nick: String,
    /// Identity of the member.
    #[serde(serialize_with = "as_hex")]
    pub identity_hash: IdentityHash,
}

/// A page of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Messages that were not deleted, oldest first.
    pub messages: Vec<ListedMessage>,
    /// Where the next page begins, if there is one.
    pub next_after: Option<u64>,
}

/// A member. Field names are those of `member list --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedMember {
    /// Nick in the group.
    pub nick: String,
    /// Identity.
    #[serde(serialize_with = "as_hex")]
    pub identity_hash: IdentityHash,
    /// "owner", "admin", "moderator", "member", "reader", or the name of a role that the group made.
    pub role: String,
}

/// A group that was just created. Field names are those of `group create --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreatedGroup {
    /// Number of the group on this node.
    pub number: u32,
    /// Its name, as the node took it.
    pub name: String,
    /// The `lxmf.delivery` destination.
    #[serde(serialize_with = "as_hex")]
    pub address: DestinationHash,
    /// The `meshchat.group` destination.
    #[serde(serialize_with = "as_hex")]
    pub api_address: DestinationHash,
    /// The one-time code that makes its sender the owner; a conversation of two has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub claim_code: String,
    /// Whether it was there before: the conversation that the same two have.
    pub existed: bool,
}

impl CreatedGroup {
    fn from_proto(created: v1::CreateGroupResponse) -> Option<Self> {
        let group = created.group?;
        Some(Self {
            number: group.group,
            name: group.name,
            address: DestinationHash::from_slice(&group.address)?,
            api_address: DestinationHash::from_slice(&group.api_address)?,
            claim_code: created.claim_code,
            existed: created.existed,
        })
    }
}

/// A connection to the node that runs on a data folder.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    /// Which group the calls are for; empty for the first.
    group: String,
}

impl Client {
    /// Connects to the node that runs on `folder`.
    pub fn connect(folder: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(folder.join(SOCKET_NAME)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning { folder: folder.to_owned() }
            }
            _ => ClientError::Io(error),
        })?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream, group: String::new() })
    }

    /// Directs the calls that follow to the group of this name, or of which a hash begins so.
    pub fn choose_group(&mut self, name: String) {
        self.group = name;
    }

    /// Creates a group, and returns it with its claim code.
    pub fn create_group(&mut self, name: &str, private: bool) -> Result<CreatedGroup, ClientError> {
        let visibility = if private { v1::Visibility::Private } else { v1::Visibility::Public };
        self.create(&v1::CreateGroupRequest {
            name: name.to_owned(),
            visibility: visibility.into(),
            ..v1::CreateGroupRequest::default()
        })
    }

    /// Creates a conversation of two, who are named by identity or by where they receive, or returns the one that they
    /// have. Without a name it has theirs.
    pub fn create_direct(&mut self, name: &str, two: [[u8; 16]; 2]) -> Result<CreatedGroup, ClientError> {
        self.create(&v1::CreateGroupRequest {
            name: name.to_owned(),
            kind: v1::GroupKind::Direct.into(),
            with: two.iter().map(|hash| hash.to_vec()).collect(),
            ..v1::CreateGroupRequest::default()
        })
    }

    fn create(&mut self, request: &v1::CreateGroupRequest) -> Result<CreatedGroup, ClientError> {
        let created: v1::CreateGroupResponse = self.call("/api/v1/groups/create", request)?;
        accept(created.error.as_ref())?;
        CreatedGroup::from_proto(created).ok_or(ClientError::Malformed)
    }

    /// Deletes the group that was chosen, and returns the file with its export. That can take a while.
    pub fn delete_group(&mut self, confirm: &str) -> Result<String, ClientError> {
        self.stream.set_read_timeout(Some(DELETION_MAX))?;
        let request = v1::DeleteGroupRequest { confirm: confirm.to_owned() };
        let deleted: v1::DeleteGroupResponse = self.call("/api/v1/groups/delete", &request)?;
        accept(deleted.error.as_ref())?;
        Ok(deleted.export)
    }

    /// Replaces the claim code of the group, and returns the new one.
    pub fn new_claim(&mut self) -> Result<String, ClientError> {
        let claim: v1::NewClaimResponse = self.call("/control/v1/claim", &v1::NewClaimRequest {})?;
        accept(claim.error.as_ref())?;
        Ok(claim.code)
    }

    /// How the node is.
    pub fn status(&mut self) -> Result<NodeStatus, ClientError> {
        let status: v1::StatusResponse = self.call("/control/v1/status", &v1::StatusRequest {})?;
        accept(status.error.as_ref())?;
        NodeStatus::from_proto(status).ok_or(ClientError::Malformed)
    }

    /// At most `limit` events of the history after `after`; those that are messages still to be read come back.
    pub fn messages(&mut self, after: u64, limit: u32) -> Result<Page, ClientError> {
        let request = v1::MessagesRequest {
            after: Some(after),
            limit,
            with_authors: true,
            ..v1::MessagesRequest::default()
        };
        let page: v1::MessagesResponse = self.call("/api/v1/messages", &request)?;
        accept(page.error.as_ref())?;
        read_page(page)
    }

    /// All present members.
    pub fn members(&mut self) -> Result<Vec<ListedMember>, ClientError> {
        let (mut members, mut after) = (Vec::new(), 0);
        let mut roles = None;
        loop {
            let request = v1::MembersRequest { after, limit: 1000, max_bytes: 0 };
            let page: v1::MembersResponse = self.call("/api/v1/members", &request)?;
            accept(page.error.as_ref())?;
            for member in &page.members {
                let identity_hash =
                    IdentityHash::from_slice(&member.identity_hash).ok_or(ClientError::Malformed)?;
                let role = match role_name(member.role) {
                    Some(name) => name,
                    None => {
                        // Only a group with roles of its own costs the second call.
                        let roles: &Vec<ListedRole> =
                            if let Some(roles) = &roles { roles } else { roles.insert(self.roles()?) };
                        let named = roles.iter().find(|role| role.role == member.role);
                        named.map_or_else(|| format!("role {}", member.role), |role| role.name.clone())
                    }
                };
                members.push(ListedMember { nick: member.nick.clone(), identity_hash, role });
            }
            match page.members.last() {
                Some(last) if page.more && last.member > after => after = last.member,
                _ => return Ok(members),
            }
        }
    }

    fn call<A: Message + Default>(&mut self, path: &str, request: &impl Message) -> Result<A, ClientError> {
        let (path, group) = (path.to_owned(), self.group.clone());
        let request = v1::ControlRequest { path, body: request.encode_to_vec(), group };
        self.stream.write_all(&encode_frame(&request))?;
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix)?;
        let mut bytes = vec![0; frame_len(prefix, RESPONSE_BYTES_MAX)?];
        self.stream.read_exact(&mut bytes)?;
        let response = v1::ControlResponse::decode(&bytes[..]).map_err(|_| ClientError::Malformed)?;
        accept(response.error.as_ref())?;
        A::decode(&response.body[..]).map_err(|_| ClientError::Malformed)
    }
}

/// The name of a role that every group has.
fn role_name(number: i32) -> Option<String> {
    let built_in = u8::try_from(number).ok().and_then(Role::from_number);
    match built_in {
        Some(role @ (Role::Reader | Role::Member | Role::Moderator | Role::Admin | Role::Owner)) => {
            Some(role.name().to_owned())
        }
        Some(Role::Custom(_)) | None => None,
    }
}

fn accept(error: Option<&v1::Error>) -> Result<(), ClientError> {
    match error {
        None => Ok(()),
        Some(error) => Err(ClientError::Refused(error.text.clone())),
    }
}

/// Turns differences back into numbers and times, and member numbers into people.
fn read_page(page: v1::MessagesResponse) -> Result<Page, ClientError> {
    let mut authors = HashMap::new();
    for author in page.authors {
        let identity_hash = IdentityHash::from_slice(&author.identity_hash).ok_or(ClientError::Malformed)?;
        authors.insert(author.member, Author { nick: author.nick, identity_hash });
    }
    let (mut seq, mut time) = (page.first_seq, page.first_time_s);
    // An empty page ends the list, whatever it says: asking for it again would never end.
    let more = page.more && !page.events.is_empty();
    let mut messages = Vec::with_capacity(page.events.len());
    for (index, event) in page.events.into_iter().enumerate() {
        if index > 0 {
            seq = seq.saturating_add(event.skip).saturating_add(1);
            time = time.saturating_add(event.delta_s);
        }
        if let Some(Body::Text(text)) = event.body {
            let author = authors.get(&event.author).cloned();
            let attached = event.details.map_or_else(Vec::new, |details| details.attachments);
            messages.push(ListedMessage {
                seq,
                time,
                text,
                author,
                attachments: attachments::listed(attached),
            });
        }
    }
    Ok(Page { messages, next_after: more.then_some(seq) })
}
