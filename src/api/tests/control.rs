//! The control socket, both halves of it over a real one.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use prost::Message;
use proto::v1;
use tokio::sync::mpsc;

use crate::api::client::{Author, Client, ClientError, ListedMessage};
use crate::api::control::{REQUEST_BYTES_MAX, SOCKET_NAME, bind, serve};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("meshgroup-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `client` on a thread beside a server which answers every call with what `answer` says.
fn with_server(
    folder: &Folder,
    answer: impl Fn(&str, &[u8]) -> Option<Vec<u8>>,
    client: impl FnOnce() + Send + 'static,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (calls, mut received) = mpsc::channel(1);
        let server = tokio::spawn(serve(bind(&folder.0).unwrap(), calls));
        let mut client = tokio::task::spawn_blocking(client);
        loop {
            tokio::select! {
                call = received.recv() => {
                    let call = call.unwrap();
                    if let Some(body) = answer(&call.path, &call.body) {
                        call.answer.send(body).unwrap();
                    }
                }
                done = &mut client => {
                    done.unwrap();
                    break;
                }
            }
        }
        drop(received);
        server.await.unwrap();
    });
}

#[test]
fn a_page_comes_back_with_its_numbers_times_and_people() {
    let folder = Folder::new("page");
    let path = folder.0.clone();
    let event = |skip, delta_s, author, body| v1::HistoryEvent {
        skip,
        delta_s,
        author,
        cut: false,
        body: Some(body),
        details: None,
    };
    let page = v1::MessagesResponse {
        first_seq: 10,
        first_time_s: 1_700_000_000,
        events: vec![
            event(0, 0, 1, v1::history_event::Body::Text("one".into())),
            event(0, 5, 0, v1::history_event::Body::Deletes(1)),
            event(2, 60, 0, v1::history_event::Body::Text("two".into())),
        ],
        more: true,
        authors: vec![v1::Member {
            member: 1,
            nick: "Bob".into(),
            identity_hash: vec![7; 16],
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = page.encode_to_vec();
    with_server(
        &folder,
        move |path, body| {
            let request = v1::MessagesRequest::decode(body).unwrap();
            assert_eq!((path, request.after, request.limit), ("/api/v1/messages", Some(9), 3));
            Some(answer.clone())
        },
        move || {
            let page = Client::connect(&path).unwrap().messages(9, 3).unwrap();
            let bob =
                Author { nick: "Bob".into(), identity_hash: reticulum::hash::IdentityHash::new([7; 16]) };
            let listed = |seq, time, text: &str, author| {
                let (text, attachments) = (text.to_owned(), Vec::new());
                ListedMessage { seq, time, text, author, attachments }
            };
            let one = listed(10, 1_700_000_000, "one", Some(bob));
            let two = listed(14, 1_700_000_065, "two", None);
            assert_eq!((page.messages, page.next_after), (vec![one, two], Some(14)));
        },
    );
}

#[test]
fn the_socket_is_for_its_owner_and_replaces_a_dead_one() {
    let folder = Folder::new("mode");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _context = runtime.enter();
    for _ in 0..2 {
        let listener = bind(&folder.0).unwrap();
        let mode = std::fs::metadata(folder.0.join(SOCKET_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(listener);
    }
    assert!(matches!(Client::connect(&folder.0), Err(ClientError::NotRunning { .. })));
}

#[test]
fn a_refusal_and_a_dropped_call_reach_the_client_as_text() {
    let folder = Folder::new("refuse");
    let path = folder.0.clone();
    with_server(
        &folder,
        |path, _| {
            let error =
                v1::Error { code: v1::ErrorCode::Busy.into(), text: "busy".into(), ..Default::default() };
            (path != "/api/v1/members")
                .then(|| v1::StatusResponse { error: Some(error), ..Default::default() }.encode_to_vec())
        },
        move || {
            let mut client = Client::connect(&path).unwrap();
            assert_eq!(client.status().unwrap_err().to_string(), "busy");
            assert_eq!(client.members().unwrap_err().to_string(), "the node is stopping");
        },
    );
}

#[test]
fn what_is_no_request_is_answered_and_what_is_too_long_ends_the_connection() {
    let folder = Folder::new("malformed");
    let path = folder.0.join(SOCKET_NAME);
    with_server(
        &folder,
        |_, _| panic!("no call may arrive"),
        move || {
            let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
            stream.write_all(&[0, 0, 0, 2, 0xff, 0xff]).unwrap();
            let mut prefix = [0; 4];
            stream.read_exact(&mut prefix).unwrap();
            let mut bytes = vec![0; u32::from_be_bytes(prefix) as usize];
            stream.read_exact(&mut bytes).unwrap();
            let response = v1::ControlResponse::decode(&bytes[..]).unwrap();
            assert_eq!(response.error.unwrap().code(), v1::ErrorCode::Malformed);

            stream.write_all(&(REQUEST_BYTES_MAX as u32 + 1).to_be_bytes()).unwrap();
            assert_eq!(stream.read(&mut prefix).unwrap(), 0);
        },
    );
}
