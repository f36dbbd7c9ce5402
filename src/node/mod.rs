//! The event loop: one task that owns everything and waits for one thing at a time.
//!
//! It feeds [`Host`] from the interfaces, the work pool, the store, the control socket and the clock, and carries out
//! what the host yields. Nothing here decides anything about groups or packets.

mod clock;
mod exports;
mod identity;
mod media;
mod options;
mod pool;
mod rpc;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use interfaces::{InterfaceHandle, MediumId, Notice, RpcCall};
use reticulum::crypto::Rng;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use self::clock::Clock;
pub use self::identity::IdentityError;
use self::media::Media;
use self::pool::{Completion, Pool};
use crate::api::control::{self, Call};
use crate::api::{GroupStatus, NodeStatus};
use crate::cli::Banner;
use crate::config::{self, Config, ConfigError, Interface};
use crate::group::GroupId;
use crate::host::{CallId, Host, HostConfig, Job, JobDone, Output, Query, QueryId, Rows, TransportConfig};
use crate::store::{self, Durability, OpenError, Options, Reader, Store, StoreError};

/// Notices of interfaces that may wait for the loop. Each can hold a batch of 64 kB, so this bounds the memory too.
const NOTICES_MAX: usize = 16;
/// Calls on the control socket that may wait for the loop.
const CALLS_MAX: usize = 16;
/// Inputs that are taken before what follows from them is carried out, so that work, writes and frames go out in groups.
const BURST_MAX: usize = 64;
/// How long the last commits and frames may take when the node is asked to end.
const FAREWELL: Duration = Duration::from_millis(1_500);

/// Why a node did not start or could not go on. The text is for the operator, and complete.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed. What was promised is durable; to go on, memory would have to forget the rest.
    #[error("{0}\n  remedy: see that the disk has room and is sound, then start again")]
    Store(#[from] StoreError),
    /// Something that the operating system refused.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// The operating system's word.
        error: std::io::Error,
    },
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> RunError {
    let what = what.into();
    |error| RunError::Io { what, error }
}

/// What the other threads report to the loop.
enum Report {
    Pool(Completion),
    Store(store::Report),
    Rows(QueryId, Rows),
}

/// What the loop waits for.
enum Event {
    Report(Report),
    Notice(Notice),
    Call(Call),
    Rpc(RpcCall),
    Timeout,
    Stop,
}

/// Runs a node on `folder` until it is asked to end.
pub fn run(folder: &Path) -> Result<(), RunError> {
    std::fs::create_dir_all(folder).map_err(io(format!("cannot create {}", folder.display())))?;
    let config = Config::load_or_create(folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("tokio"))?;
    runtime.block_on(async {
        let mut node = Running::start(folder, &config).await?;
        node.serve().await
    })
}

struct Running {
    report: mpsc::UnboundedSender<Report>,
    folder: PathBuf,
    clock: Clock,
    host: Host,
    pool: Pool,
    store: Store,
    queries: std::sync::mpsc::Sender<(QueryId, Query)>,
    media: Media,
    reports: mpsc::UnboundedReceiver<Report>,
    notices: mpsc::Receiver<Notice>,
    calls: mpsc::Receiver<Call>,
    /// What programs that share the node ask; nothing, if none do.
    rpc_calls: Option<mpsc::Receiver<RpcCall>>,
    rpc_answers: rpc::Answers,
    waiting_calls: HashMap<CallId, oneshot::Sender<Vec<u8>>>,
    next_call: u64,
    packet_jobs: Vec<Job>,
    violations: u64,
    interfaces: Vec<InterfaceHandle>,
}

impl Running {
    async fn start(folder: &Path, config: &Config) -> Result<Self, RunError> {
        let clock = Clock::start();
        let (report, reports) = mpsc::unbounded_channel();
        let committed = report.clone();
        let options = Options {
            durability: match config.store.durability {
                config::Durability::PowerLoss => Durability::PowerLoss,
                config::Durability::Crash => Durability::Crash,
            },
            commit_delay: Duration::from_millis(config.store.commit_delay_ms.into()),
            mail_bytes_max: options::mail_bytes_max(config),
        };
        let on_report = move |commit| drop(committed.send(Report::Store(commit)));
        let (store, restored) = Store::open(folder, &options, clock.unix(), on_report)?;
        let mut rng = Rng::from_seed(os_seed()?);
        for group in &restored.deleted {
            identity::erase(folder, *group)?;
        }
        let identities = identity::of_groups(folder, restored.groups.iter().map(|group| group.id), &mut rng)?;
        let transport = match config.node.transport {
            true => Some(TransportConfig {
                identity: Arc::new(identity::load_or_create(folder, identity::TRANSPORT, &mut rng)?),
                respond_to_probes: config.node.respond_to_probes,
            }),
            false => None,
        };
        let propagation = match config.propagation.serve {
            true => {
                let identity = identity::load_or_create(folder, identity::PROPAGATION, &mut rng)?;
                Some(options::serving(config, Arc::new(identity)))
            }
            false => None,
        };
        let host_config = HostConfig {
            identities,
            settings: options::settings(config),
            founding: options::founding(config),
            transport,
            blackhole: config.node.blackhole.clone(),
            stamps: options::stamps(config),
            mail: options::mail(config),
            propagation,
            messages_per_minute: config.limits.messages_per_minute,
            message_size_max: config.limits.message_size_max.into(),
            ignored: config.limits.ignore.iter().copied().collect(),
            seed: rng.bytes(),
        };
        let (host, claim_code) = Host::new(host_config, restored, clock.now(), clock.unix());
        if let Some(address) = host.probe_address() {
            tracing::info!(%address, "answering probes");
        }
        if let Some(address) = host.propagation_address() {
            tracing::info!(%address, "propagation node");
        }
        let finished = report.clone();
        let pool = Pool::start(move |completion| drop(finished.send(Report::Pool(completion))))
            .map_err(io("cannot start the work threads"))?;
        let queries = start_reader(store.reader()?, report.clone())?;
        let (notice_sender, notices) = mpsc::channel(NOTICES_MAX);
        let configured = options::interfaces(config).await;
        let mut handles = start_interfaces(folder, &configured, &notice_sender).await?;
        let (rpc_calls, rpc_handle) = rpc::start(folder, config, &mut rng).await?.unzip();
        handles.extend(rpc_handle);
        let (call_sender, calls) = mpsc::channel(CALLS_MAX);
        let listener =
            control::bind(folder).map_err(io(format!("cannot open {}/control.sock", folder.display())))?;
        tokio::spawn(control::serve(listener, call_sender));
        let claim_code = claim_code.map(|code| code.to_string());
        let banner = Banner {
            name: &host.group().settings().name,
            address: host.addresses().lxmf,
            api_address: host.addresses().api,
            claim_code: claim_code.as_deref(),
        };
        // Whoever closed the output does not want to read it; the node runs on.
        let _ = writeln!(std::io::stdout(), "{banner}");
        Ok(Self {
            report,
            folder: folder.to_owned(),
            clock,
            host,
            pool,
            store,
            queries,
            media: Media::new(configured),
            reports,
            notices,
            calls,
            rpc_calls,
            rpc_answers: rpc::Answers::default(),
            waiting_calls: HashMap::new(),
            next_call: 0,
            packet_jobs: Vec::new(),
            violations: 0,
            interfaces: handles,
        })
    }

    async fn serve(&mut self) -> Result<(), RunError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(io("SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(io("SIGINT"))?;
        loop {
            self.carry_out()?;
            let stop = async {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            };
            match self.next_event(stop).await {
                Event::Stop => return self.farewell().await,
                event => self.handle(event)?,
            }
            self.handle_burst()?;
        }
    }

    async fn next_event(&mut self, stop: impl Future<Output = ()>) -> Event {
        let deadline = self.host.poll_timeout().map(|deadline| self.clock.system(deadline));
        let timeout = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // What can be ready all the time comes last, or a flood would keep the rest from its turn.
            () = stop => Event::Stop,
            () = timeout => Event::Timeout,
            Some(call) = self.calls.recv() => Event::Call(call),
            Some(call) = next_rpc(&mut self.rpc_calls) => Event::Rpc(call),
            Some(report) = self.reports.recv() => Event::Report(report),
            Some(notice) = self.notices.recv(), if !self.host.is_saturated() => Event::Notice(notice),
        }
    }

    /// Takes what else is there already, up to a bound.
    fn handle_burst(&mut self) -> Result<(), RunError> {
        for _ in 0..BURST_MAX {
            let event = match self.reports.try_recv() {
                Ok(report) => Event::Report(report),
                Err(_) if self.host.is_saturated() => break,
                Err(_) => match self.notices.try_recv() {
                    Ok(notice) => Event::Notice(notice),
                    Err(_) => break,
                },
            };
            self.handle(event)?;
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), RunError> {
        let now = self.clock.now();
        self.host.set_unix_time(now, self.clock.unix());
        match event {
            Event::Report(Report::Pool(completion)) => {
                self.pool
                    .complete(completion)
                    .into_iter()
                    .for_each(|done| self.host.handle_job_done(now, done));
            }
            Event::Report(Report::Store(store::Report::Committed(ticket))) => {
                self.host.handle_committed(now, ticket.0, self.store.recent_commit_time());
            }
            Event::Report(Report::Store(store::Report::Failed(error))) => return Err(error.into()),
            Event::Report(Report::Rows(query, rows)) => self.host.handle_rows(now, query, rows),
            Event::Notice(notice) => self.notice(notice),
            Event::Call(Call { group, path, body, answer }) => {
                let id = CallId(self.next_call);
                self.next_call += 1;
                self.waiting_calls.insert(id, answer);
                self.host.handle_call(now, id, &group, &path, &body);
            }
            Event::Rpc(RpcCall { request, answer }) => {
                let body = self.answer_rpc(&request);
                // A program that does not wait any longer needs none.
                let _ = answer.send(body);
            }
            Event::Timeout | Event::Stop => self.host.handle_timeout(now),
        }
        Ok(())
    }

    fn notice(&mut self, notice: Notice) {
        let now = self.clock.now();
        match notice {
            Notice::Opened { medium, interface, label, properties, frames } => {
                let (config, announce_interval) =
                    self.media.engine_config(interface, label.clone(), &properties);
                let id = self.host.handle_interface_up(now, config, announce_interval);
                self.media.opened(medium, interface, id, label, &properties, frames);
            }
            Notice::Frames { medium, batch } => {
                self.violations += u64::from(batch.violations());
                let Some(interface) = self.media.interface(medium) else { return };
                if batch.violations() > 0 {
                    self.host.network().count_malformed(interface, batch.violations());
                }
                for (frame, signal) in batch.iter().zip(batch.signals()) {
                    match signal {
                        None => self.host.handle_frame(now, interface, frame),
                        Some(signal) => self.host.handle_radio_frame(now, interface, frame, signal),
                    }
                }
            }
            Notice::Sent { medium, batch } => self.media.sent(medium, batch),
            Notice::Closed { medium, reason } => self.closed(medium, &reason),
            Notice::Radio { medium, report } => self.media.radio(medium, report),
            Notice::Ready { interface } => self.media.ready(interface),
            Notice::Waiting { interface, reason } => {
                tracing::debug!(interface, reason, "interface offline");
                self.media.waiting(interface, reason);
            }
        }
    }

    fn closed(&mut self, medium: MediumId, reason: &str) {
        tracing::debug!(medium = medium.get(), reason, "medium closed");
        let (host, now) = (&self.host, self.clock.now());
        if let Some(interface) = self.media.closed(medium, |interface| host.interface_stats(now, interface)) {
            self.host.handle_interface_gone(now, interface);
        }
    }

    /// Carries out all that the host yields, then lets frames go where there is room for them.
    fn carry_out(&mut self) -> Result<(), RunError> {
        let now = self.clock.now();
        loop {
            while let Some(output) = self.host.poll_output(now) {
                match output {
                    Output::Job(job) if job.is_heavy() => self.pool.submit_heavy(job),
                    Output::Job(job) => self.packet_jobs.push(job),
                    Output::KeepIdentity { group, identity } => {
                        identity::keep(&self.folder, group, &identity)?;
                    }
                    Output::EraseIdentity(group) => identity::erase(&self.folder, group)?,
                    Output::Export(id, group) => self.export(id, group)?,
                    Output::Write(write) => drop(self.store.submit(write)),
                    // The reader ends only when this side is gone.
                    Output::Query(id, query) => drop(self.queries.send((id, query))),
                    Output::Status(call) => self.answer(call, self.status().encode()),
                    Output::CallDone(call, answer) => self.answer(call, answer),
                }
            }
            let done: Vec<JobDone> = self.pool.submit(&mut self.packet_jobs);
            if done.is_empty() {
                break;
            }
            done.into_iter().for_each(|done| self.host.handle_job_done(now, done));
        }
        let pending: Vec<_> = self.host.transmit_pending().collect();
        for interface in pending {
            let host = &mut self.host;
            self.media.transmit(interface, |out| host.poll_transmit(now, interface, out));
        }
        Ok(())
    }

    /// Exports a group on a thread of its own: it may take long, and requests are not to wait for it.
    fn export(&self, id: QueryId, group: GroupId) -> Result<(), RunError> {
        let (reader, report) = (self.store.reader()?, self.report.clone());
        let (folder, now) = (self.folder.clone(), self.clock.unix());
        let export = move || {
            let rows = match exports::export(&folder, &reader, group, now) {
                Ok(file) => Rows::Exported(file.display().to_string()),
                Err(error) => {
                    tracing::error!(%error, group = group.0, "the group cannot be exported, so it is not deleted");
                    Rows::Failed
                }
            };
            // The loop may have ended.
            let _ = report.send(Report::Rows(id, rows));
        };
        let thread = std::thread::Builder::new().name("export".to_owned()).spawn(export);
        thread.map(drop).map_err(io("cannot start a thread"))
    }

    fn answer(&mut self, call: CallId, answer: Vec<u8>) {
        if let Some(waiting) = self.waiting_calls.remove(&call) {
            // The caller may have gone.
            let _ = waiting.send(answer);
        }
    }

    /// Takes nothing new in, and ends when everything decided is durable and everything owed is on its way.
    async fn farewell(&mut self) -> Result<(), RunError> {
        let end = tokio::time::Instant::now() + FAREWELL;
        self.host.close_links(self.clock.now());
        loop {
            self.carry_out()?;
            if self.host.is_settled() && !self.media.is_busy() {
                return Ok(());
            }
            tokio::select! {
                Some(report) = self.reports.recv() => self.handle(Event::Report(report))?,
                Some(notice) = self.notices.recv() => if !matches!(notice, Notice::Frames { .. }) {
                    self.notice(notice);
                },
                () = tokio::time::sleep_until(end) => return Ok(()),
            }
        }
    }

    fn answer_rpc(&mut self, request: &interfaces::RpcRequest) -> Vec<u8> {
        let probe_responder = self.host.probe_address().map(|address| *address.as_bytes());
        let mut asked = rpc::Asked {
            now: self.clock.now(),
            uptime: self.clock.uptime(),
            node: self.host.network(),
            media: &self.media,
            probe_responder,
            rss_bytes: resident_bytes(),
        };
        self.rpc_answers.answer(&mut asked, request)
    }

    fn status(&self) -> NodeStatus {
        let now = self.clock.now();
        let interfaces = self.media.report(|interface| self.host.interface_stats(now, interface));
        let mut counters = self.host.counters();
        counters.insert("frame_violations".to_owned(), self.violations);
        let connections_refused = self.interfaces.iter().map(InterfaceHandle::connections_refused).sum();
        counters.insert("connections_refused".to_owned(), connections_refused);
        let mail = self.store.mail_totals();
        counters.insert("mail_kept".to_owned(), mail.count);
        counters.insert("mail_kept_bytes".to_owned(), mail.bytes);
        let groups: Vec<_> = self
            .host
            .groups()
            .map(|(listing, identity)| GroupStatus::of(&listing, identity.hash()))
            .collect();
        NodeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.clock.uptime().as_secs(),
            ready: true,
            rss_bytes: resident_bytes(),
            group: groups.first().expect("a node hosts at least one group").clone(),
            groups,
            propagation_address: self.host.propagation_address(),
            interfaces,
            delivery: self.host.delivery_status(now),
            counters,
        }
    }
}

/// The next question of a program that shares the node.
async fn next_rpc(calls: &mut Option<mpsc::Receiver<RpcCall>>) -> Option<RpcCall> {
    match calls {
        Some(calls) => calls.recv().await,
        None => std::future::pending().await,
    }
}

/// Resident memory of this process; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn os_seed() -> Result<[u8; 32], RunError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| RunError::Io {
        what: "the system's randomness".to_owned(),
        error: std::io::Error::other(error),
    })?;
    Ok(seed)
}

/// A thread that answers queries one after the other, on a connection of its own.
fn start_reader(
    reader: Reader,
    report: mpsc::UnboundedSender<Report>,
) -> Result<std::sync::mpsc::Sender<(QueryId, Query)>, RunError> {
    let (queries, waiting) = std::sync::mpsc::channel::<(QueryId, Query)>();
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            for (id, query) in waiting {
                let rows = query.run(&reader).unwrap_or_else(|error| {
                    tracing::error!(%error, "the store cannot be read");
                    Rows::Failed
                });
                if report.send(Report::Rows(id, rows)).is_err() {
                    return;
                }
            }
        })
        .map_err(io("cannot start the reader thread"))?;
    Ok(queries)
}

async fn start_interfaces(
    folder: &Path,
    configured: &[Interface],
    notices: &mpsc::Sender<Notice>,
) -> Result<Vec<InterfaceHandle>, RunError> {
    let file: PathBuf = folder.join(config::FILE_NAME);
    let mut handles = Vec::new();
    for (index, interface) in configured.iter().enumerate() {
        let mut settings = interface.settings.clone();
        settings.keep_files_in(folder, &interface.name);
        let handle = interfaces::start(index, settings, notices.clone()).await;
        handles.push(handle.map_err(|error| config::not_opened(&file, interface, &error))?);
    }
    Ok(handles)
}
