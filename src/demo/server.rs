//! Starts and stops the demo target: binds, routes, announces, waits for the end.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::{DemoListener, Peer};
use super::journal::JournalError;
use super::mcp::McpFace;
use super::null::NullServer;
use super::options::{DemoOptions, OptionError};
use super::shared::Shared;
use super::{mcp, monitor, oauth, rest};

/// How long calls in flight may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// Why the demo target could not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The faults contradict themselves.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// A log file can't be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Bind {
        /// As asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The line that tells the address can't be written.
    #[error("can't announce the address")]
    Announce(#[source] std::io::Error),
    /// The truth file can't be written.
    #[error("can't write the truth file")]
    Truth(#[source] std::io::Error),
    /// Signals can't be waited for.
    #[error("can't listen for signals")]
    Signal(#[source] std::io::Error),
}

/// How a server is stopped that runs.
enum Running {
    Demo(Demo),
    Null(NullServer),
}

/// A running demo target. Dropping it leaves it running; [`Demo::stop`] ends it.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Demo {
    /// Binds, and serves from then on.
    pub async fn start(options: DemoOptions) -> Result<Self, DemoError> {
        options.faults.check()?;
        let address = options.listen;
        let bind = |source| DemoError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let shared = Arc::new(Shared::new(options)?);
        let stop = CancellationToken::new();
        let service = router(&shared, &stop).into_make_service_with_connect_info::<Peer>();
        let server = axum::serve(DemoListener::new(listener, shared.clone()), service)
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move {
            // It gives an error never: accept failures are waited out.
            let _ = server.await;
        });
        let ticking = tokio::spawn(tick(shared.clone(), stop.clone()));
        Ok(Self { address, shared, stop, tasks: [serving, ticking] })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server: no new calls, a moment for those in flight, every log line written.
    pub async fn stop(self) {
        self.stop.cancel();
        for mut task in self.tasks {
            if tokio::time::timeout(GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
        self.shared.journal.close();
    }
}

impl Running {
    async fn start(options: DemoOptions) -> Result<Self, DemoError> {
        if options.null {
            NullServer::start(&options).await.map(Self::Null)
        } else {
            Demo::start(options).await.map(Self::Demo)
        }
    }

    async fn stop(self) -> Result<(), DemoError> {
        match self {
            Self::Demo(demo) => {
                demo.stop().await;
                Ok(())
            }
            Self::Null(server) => server.stop(),
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Demo(demo) => demo.address(),
            Self::Null(server) => server.address(),
        }
    }

    fn announcement(&self) -> String {
        let mut address = self.address();
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let pid = std::process::id();
        json!({"listening": format!("http://{address}"), "mcp": format!("http://{address}/mcp"), "pid": pid})
            .to_string()
    }
}

/// Serves until SIGTERM, SIGINT, or (if the options say so) the end of standard input. Writes exactly one line to
/// `announce`, once calls are accepted: `{"listening":URL,"mcp":URL,"pid":N}`.
pub async fn serve(options: DemoOptions, announce: &mut (dyn Write + Send)) -> Result<(), DemoError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(DemoError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DemoError::Signal)?;
    let parent_gone = options.exit_with_parent.then(standard_input_closed);
    let demo = Running::start(options).await?;
    writeln!(announce, "{}", demo.announcement())
        .and_then(|()| announce.flush())
        .map_err(DemoError::Announce)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = wait_for(parent_gone) => {}
    }
    demo.stop().await
}

/// A thread of its own: the runtime would wait for a blocked read when it shuts down.
fn standard_input_closed() -> oneshot::Receiver<()> {
    let (closed, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while std::io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = closed.send(());
    });
    receiver
}

async fn wait_for(parent_gone: Option<oneshot::Receiver<()>>) {
    match parent_gone {
        Some(receiver) => {
            let _ = receiver.await;
        }
        None => std::future::pending().await,
    }
}

async fn tick(shared: Arc<Shared>, stop: CancellationToken) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    while stop.run_until_cancelled(seconds.tick()).await.is_some() {
        shared.metrics.tick();
    }
}

fn router(shared: &Arc<Shared>, stop: &CancellationToken) -> Router {
    let mcp_routes = [
        ("/mcp", McpFace::stateful(shared.clone(), stop.clone())),
        ("/mcp/stateless", McpFace::stateless(shared.clone(), stop.clone())),
    ];
    let mut router = Router::new()
        .route("/auth/token", post(rest::token))
        .route(oauth::TOKEN, post(oauth::token))
        .route(oauth::SERVER_METADATA, get(oauth::server_metadata))
        .route(oauth::RESOURCE_METADATA, get(oauth::resource_metadata))
        .route("/tools", get(rest::list_tools))
        .route("/tools/{name}/execute", post(rest::execute))
        .route("/metrics", get(monitor::metrics))
        .route("/health", get(monitor::health))
        .route("/ready", get(monitor::ready))
        .route("/live", get(monitor::live))
        .route("/control/faults", get(monitor::show_faults).post(monitor::set_faults))
        .fallback(rest::not_found)
        .with_state(shared.clone());
    for path in oauth::RESOURCES {
        let path = format!("{}{path}", oauth::RESOURCE_METADATA);
        router = router.route(&path, get(oauth::resource_metadata));
    }
    for (path, face) in mcp_routes {
        router = router.merge(Router::new().route(path, any(mcp::serve)).with_state(face));
    }
    router
}
