//! Fetching what propagation nodes keep for us (`spec/lxmf.md` 9.2).
//!
//! A round lists, fetches up to a limit, and deletes what the application has made durable; rounds follow each other
//! until the node has nothing new. Each message goes the way of any other that arrives. Owns the links that it opens.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use reticulum::hash::{DestinationHash, LinkId, RequestId};
use reticulum::node::RequestFailure;
use reticulum::time::{Instant, TimerQueue};
use thiserror::Error;

use super::work::{OpenJob, Origin, Work};
use super::{Context, Output};
use crate::propagation::{self, GET_PATH, GetError, TransientId};

/// Syncs at a time; a further one is refused.
const SYNCS_MAX: usize = 32;
/// Messages that one round asks for.
const WANTED_MAX: usize = 64;
/// Rounds of one sync. What is left then waits for the next one.
const ROUNDS_MAX: u32 = 64;
/// Most that one round fetches, in kB (`spec/lxmf.md` 9.2).
const FETCH_LIMIT_KB: u64 = 1_000;
/// How long the path to a node is waited for.
const PATH_WAIT: Duration = Duration::from_secs(15);
/// How long an answer is waited for, which may travel as a resource.
const ANSWER_WAIT: Duration = Duration::from_secs(120);
/// How long the application has to make a round durable; what is not by then stays on the node.
const COMMIT_WAIT: Duration = Duration::from_secs(20);
/// Transient ids of messages that were taken, lest they are fetched again from another node; the oldest goes.
const TAKEN_MAX: usize = 16_384;

/// A sync that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// Whose messages were asked for.
    pub local: DestinationHash,
    /// Of which node.
    pub node: DestinationHash,
    /// Messages that were fetched.
    pub fetched: u32,
    /// Whether all is well, or what is not.
    pub result: Result<(), SyncFailure>,
}

/// Why a sync ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SyncFailure {
    /// The node was not heard, or no path to it.
    #[error("no path to the node")]
    NoPath,
    /// It does not answer.
    #[error("the node does not open a link")]
    NoLink,
    /// It did not answer a request, or the transfer failed.
    #[error("the transfer failed")]
    Transfer,
    /// It answered with a code.
    #[error("{0}")]
    Refused(GetError),
}

/// Names the place of a message that was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    sync: u64,
    id: TransientId,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    running: HashMap<u64, Sync>,
    by_link: HashMap<LinkId, u64>,
    timers: TimerQueue<u64>,
    next: u64,
    taken: HashSet<TransientId>,
    taken_order: VecDeque<TransientId>,
}

#[derive(Debug)]
struct Sync {
    local: DestinationHash,
    node: DestinationHash,
    link: Option<LinkId>,
    stage: Stage,
    rounds: u32,
    fetched: u32,
    /// Of this round: not durable yet.
    pending: HashSet<TransientId>,
    /// Of this round: to be deleted on the node.
    done: Vec<TransientId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Path,
    Linking,
    Listing(RequestId),
    Fetching(RequestId),
    Committing,
    Purging(RequestId),
}

impl Syncs {
    /// Begins a sync. False if there is one already for this destination and node, or too many.
    pub(super) fn start(
        &mut self,
        cx: &mut Context<'_>,
        local: DestinationHash,
        node: DestinationHash,
    ) -> bool {
        if !cx.deliveries.contains_key(&local) || self.room() == 0 || self.is_running(local, node) {
            return false;
        }
        self.next += 1;
        let sync = Sync {
            local,
            node,
            link: None,
            stage: Stage::Path,
            rounds: 0,
            fetched: 0,
            pending: HashSet::new(),
            done: Vec::new(),
        };
        self.running.insert(self.next, sync);
        if !self.open(cx, self.next) {
            cx.node.request_path(cx.now, node);
            self.timers.set(self.next, cx.now + PATH_WAIT);
        }
        true
    }

    pub(super) fn is_running(&self, local: DestinationHash, node: DestinationHash) -> bool {
        self.running.values().any(|sync| (sync.local, sync.node) == (local, node))
    }

    /// How many more may run.
    pub(super) fn room(&self) -> usize {
        SYNCS_MAX.saturating_sub(self.running.len())
    }

    pub(super) fn owns(&self, link: LinkId) -> bool {
        self.by_link.contains_key(&link)
    }

    /// A node announced itself, or a path was found.
    pub(super) fn handle_path(&mut self, cx: &mut Context<'_>, node: DestinationHash) {
        let waiting = |(_, sync): &(&u64, &Sync)| sync.node == node && sync.stage == Stage::Path;
        let mut waiting: Vec<u64> = self.running.iter().filter(waiting).map(|(number, _)| *number).collect();
        waiting.sort_unstable();
        for number in waiting {
            self.open(cx, number);
        }
    }

    pub(super) fn handle_link_opened(&mut self, cx: &mut Context<'_>, link: LinkId) {
        let Some((number, sync)) = self.of_link(link) else { return };
        let delivery = cx.deliveries.get(&sync.local);
        let identified = delivery.map(|delivery| cx.node.identify(cx.now, link, &delivery.identity));
        match identified {
            Some(Ok(())) => self.list(cx, number),
            _ => self.end(cx, number, Err(SyncFailure::NoLink)),
        }
    }

    pub(super) fn handle_link_closed(&mut self, cx: &mut Context<'_>, link: LinkId) {
        let Some((number, sync)) = self.of_link(link) else { return };
        sync.link = None;
        let failure = if sync.stage == Stage::Linking { SyncFailure::NoLink } else { SyncFailure::Transfer };
        self.by_link.remove(&link);
        self.end(cx, number, Err(failure));
    }

    pub(super) fn handle_response(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        request: RequestId,
        answer: &[u8],
    ) {
        let Some((number, sync)) = self.of_link(link) else { return };
        let done = match sync.stage {
            Stage::Listing(asked) if asked == request => {
                propagation::parse_list(answer).map(|ids| self.fetch(cx, number, &ids))
            }
            Stage::Fetching(asked) if asked == request => {
                propagation::parse_messages(answer).map(|messages| self.open_all(cx, number, &messages))
            }
            Stage::Purging(asked) if asked == request => {
                self.list(cx, number);
                Ok(())
            }
            _ => return,
        };
        if let Err(error) = done {
            self.end(cx, number, Err(SyncFailure::Refused(error)));
        }
    }

    pub(super) fn handle_request_failed(&mut self, cx: &mut Context<'_>, link: LinkId, _: RequestFailure) {
        if let Some((number, _)) = self.of_link(link) {
            self.end(cx, number, Err(SyncFailure::Transfer));
        }
    }

    /// A fetched message was opened: false if that was not possible, so that nobody will ever want it.
    pub(super) fn handle_opened(&mut self, cx: &mut Context<'_>, fetched: Fetched, is_open: bool) {
        if !is_open {
            cx.counters.fetched_undecryptable += 1;
            self.acknowledge(cx, fetched);
        }
    }

    /// What a message caused is durable: it may be deleted on the node.
    pub(super) fn acknowledge(&mut self, cx: &mut Context<'_>, fetched: Fetched) {
        self.take(fetched.id);
        let Some(sync) = self.running.get_mut(&fetched.sync) else { return };
        if sync.pending.remove(&fetched.id) {
            sync.done.push(fetched.id);
        }
        if sync.pending.is_empty() && sync.stage == Stage::Committing {
            self.purge(cx, fetched.sync);
        }
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some(number) = self.timers.pop_due(cx.now) {
            match self.running.get(&number).map(|sync| sync.stage) {
                Some(Stage::Committing) => self.purge(cx, number),
                Some(_) => self.end(cx, number, Err(SyncFailure::NoPath)),
                None => {}
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Opens a link, if the node and a path to it are known.
    fn open(&mut self, cx: &mut Context<'_>, number: u64) -> bool {
        let Some(sync) = self.running.get_mut(&number) else { return false };
        let Ok(link) = cx.node.open_link(cx.now, sync.node) else { return false };
        (sync.link, sync.stage) = (Some(link), Stage::Linking);
        self.by_link.insert(link, number);
        self.timers.cancel(&number);
        true
    }

    fn list(&mut self, cx: &mut Context<'_>, number: u64) {
        let Some(sync) = self.running.get_mut(&number) else { return };
        if sync.rounds >= ROUNDS_MAX {
            return self.end(cx, number, Ok(()));
        }
        sync.rounds += 1;
        self.ask(cx, number, &propagation::list_request(), Stage::Listing);
    }

    fn fetch(&mut self, cx: &mut Context<'_>, number: u64, ids: &[TransientId]) {
        let (haves, mut wants): (Vec<_>, Vec<_>) = ids.iter().partition(|id| self.taken.contains(*id));
        wants.truncate(WANTED_MAX);
        let Some(sync) = self.running.get_mut(&number) else { return };
        // What was fetched before and is not durable yet is neither asked for again nor deleted.
        wants.retain(|id| !sync.pending.contains(id));
        if wants.is_empty() && (haves.is_empty() || sync.rounds > 1) {
            return self.end(cx, number, Ok(()));
        }
        let request = propagation::fetch_request(&wants, &haves, FETCH_LIMIT_KB);
        self.ask(cx, number, &request, Stage::Fetching);
    }

    fn open_all(&mut self, cx: &mut Context<'_>, number: u64, messages: &[&[u8]]) {
        let Some(sync) = self.running.get_mut(&number) else { return };
        sync.stage = Stage::Committing;
        if messages.is_empty() {
            return self.end(cx, number, Ok(()));
        }
        let mut useless = Vec::new();
        for stored in messages.iter().take(WANTED_MAX) {
            let id = TransientId::of(stored);
            sync.pending.insert(id);
            sync.fetched += 1;
            let fetched = Fetched { sync: number, id };
            let of = propagation::split_stored(stored);
            match of.and_then(|(to, sealed)| Some((to, cx.deliveries.get(&to)?, sealed))) {
                Some((destination, delivery, sealed)) => cx.work(Work::open(OpenJob {
                    origin: Origin::Fetched(fetched),
                    destination,
                    identity: delivery.identity.clone(),
                    ratchets: cx.node.ratchets(&destination),
                    sealed: sealed.to_vec(),
                })),
                None => useless.push(fetched),
            }
        }
        self.timers.set(number, cx.now + COMMIT_WAIT);
        useless.into_iter().for_each(|fetched| self.handle_opened(cx, fetched, false));
    }

    fn purge(&mut self, cx: &mut Context<'_>, number: u64) {
        let Some(sync) = self.running.get_mut(&number) else { return };
        self.timers.cancel(&number);
        let done = std::mem::take(&mut sync.done);
        if done.is_empty() {
            return self.end(cx, number, Ok(()));
        }
        self.ask(cx, number, &propagation::purge_request(&done), Stage::Purging);
    }

    fn ask(&mut self, cx: &mut Context<'_>, number: u64, body: &[u8], stage: fn(RequestId) -> Stage) {
        let Some(sync) = self.running.get_mut(&number) else { return };
        let request =
            sync.link.and_then(|link| cx.node.request(cx.now, link, GET_PATH, body, Some(ANSWER_WAIT)).ok());
        match request {
            Some(request) => sync.stage = stage(request),
            None => self.end(cx, number, Err(SyncFailure::Transfer)),
        }
    }

    fn end(&mut self, cx: &mut Context<'_>, number: u64, result: Result<(), SyncFailure>) {
        let Some(sync) = self.running.remove(&number) else { return };
        self.timers.cancel(&number);
        if let Some(link) = sync.link {
            self.by_link.remove(&link);
            cx.node.close_link(cx.now, link);
        }
        let Sync { local, node, fetched, .. } = sync;
        cx.counters.fetched += u64::from(fetched);
        cx.counters.sync_failed += u64::from(result.is_err());
        cx.outputs.push_back(Output::Synced(Synced { local, node, fetched, result }));
    }

    fn of_link(&mut self, link: LinkId) -> Option<(u64, &mut Sync)> {
        let number = *self.by_link.get(&link)?;
        self.running.get_mut(&number).map(|sync| (number, sync))
    }

    fn take(&mut self, id: TransientId) {
        if self.taken.insert(id) {
            self.taken_order.push_back(id);
        }
        while self.taken_order.len() > TAKEN_MAX {
            if let Some(oldest) = self.taken_order.pop_front() {
                self.taken.remove(&oldest);
            }
        }
    }
}
