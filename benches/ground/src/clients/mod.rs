//! The clients: one file each. To add one, write its `build` and list it here.

mod aws;
mod cost;
mod drivers;
mod glue;
mod queue;
mod retries;
mod rivals;
mod sdk;
mod stack;
mod throttle;
mod vector;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use sim::server::Server;
use tower_throttle::concurrency::limit::Tuning;

pub use drivers::Driver;

/// The final status of a job, or `None` if its client gave it up with an error.
pub type Answer = Pin<Box<dyn Future<Output = Option<StatusCode>> + Send>>;

/// One instance of a client, with all that its jobs share.
pub trait Client: Send + Sync {
    /// Sees one job through.
    fn send(&self, request: Request<Full<Bytes>>) -> Answer;

    /// What the client believes now, if it can tell.
    fn belief(&self) -> Option<Belief> {
        None
    }
}

/// What a client believes of the API.
#[derive(Clone, Copy, Debug, Default)]
pub struct Belief {
    pub limit: Option<usize>,
    pub waiting: Option<usize>,
    /// Requests per second.
    pub pace: Option<f64>,
    /// Seconds.
    pub pause: Option<f64>,
}

/// A kind of client.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it is one of this crate's own.
    pub ours: bool,
    /// Whether one program does the jobs of all clients.
    pub one_program: bool,
    build: Build,
}

#[derive(Clone, Copy, Debug)]
enum Build {
    As(fn(Server) -> Arc<dyn Client>),
    Learned(Tuning),
    Told(Tuning),
    Driven(Driver),
    FixedAt(usize),
}

impl Kind {
    /// One instance, connected to a server, which will be given this number of jobs.
    pub fn client(&self, server: Server, jobs: usize) -> Arc<dyn Client> {
        match self.build {
            Build::As(build) => build(server),
            Build::Learned(tuning) => throttle::learned_with(server, tuning),
            Build::Told(tuning) => cost::in_call_with(server, tuning),
            Build::Driven(driver) => throttle::driven(server, driver, jobs),
            Build::FixedAt(limit) => throttle::fixed(server, limit),
        }
    }

    /// How the service is driven, if not by a clone for each job.
    pub fn driver(&self) -> Option<Driver> {
        match self.build {
            Build::Driven(driver) => Some(driver),
            _ => None,
        }
    }

    /// The kind that is given a limit.
    pub const fn fixed_at(limit: usize) -> Self {
        Self {
            build: Build::FixedAt(limit),
            ..own("throttle-fixed-at", "Fixed, at the limit", retries::build)
        }
    }

    /// Whether it takes part only if it is named.
    pub fn is_extra(&self) -> bool {
        matches!(self.build, Build::Driven(_)) || EXTRA.iter().any(|kind| kind.name == self.name)
    }

    /// The kind that is held to the bounds, with other constants.
    pub fn with_tuning(tuning: Tuning) -> Self {
        Self {
            build: Build::Learned(tuning),
            ..own(DEFAULTS, "the same with other constants", throttle::learned)
        }
    }

    /// The kind that is told in `call` what each request costs, with other constants.
    pub fn told_with_tuning(tuning: Tuning) -> Self {
        Self {
            build: Build::Told(tuning),
            ..own(DEFAULTS, "the same with other constants", cost::in_call)
        }
    }
}

const fn rival(
    name: &'static str,
    about: &'static str,
    build: fn(Server) -> Arc<dyn Client>,
) -> Kind {
    Kind {
        name,
        about,
        ours: false,
        one_program: false,
        build: Build::As(build),
    }
}

const fn own(
    name: &'static str,
    about: &'static str,
    build: fn(Server) -> Arc<dyn Client>,
) -> Kind {
    Kind {
        ours: true,
        ..rival(name, about, build)
    }
}

const fn driven(name: &'static str, about: &'static str, driver: Driver) -> Kind {
    Kind {
        build: Build::Driven(driver),
        ..own(name, about, throttle::learned)
    }
}

/// The kind that is given the limit of 10 in Vector's conditions.
pub const FIXED_AT_10: Kind = Kind::fixed_at(10);

/// Our retries without a limit.
pub const RETRIES: Kind = own(
    "throttle-retries",
    "this crate's retry layer alone",
    retries::build,
);

/// What takes part only if it is named, beside those of [`DRIVEN`].
const EXTRA: &[Kind] = &[
    RETRIES,
    own(
        "throttle-cost",
        "the defaults, told in `call` what each request costs",
        cost::in_call,
    ),
    own(
        "throttle-announced",
        "the defaults, told before `poll_ready` what each request costs",
        cost::announced,
    ),
];

/// The kind that is held to the bounds.
pub const DEFAULTS: &str = "throttle";

/// Every kind of client, in the order of the table.
pub const ALL: &[Kind] = &[
    own(
        DEFAULTS,
        "this crate's two layers with their defaults",
        throttle::learned,
    ),
    own(
        "throttle-aimd",
        "the same with the limit Aimd",
        throttle::aimd,
    ),
    own(
        "throttle-vegas",
        "the same with the limit Vegas",
        throttle::vegas,
    ),
    own(
        "throttle-gradient2",
        "the same with the limit Gradient2",
        throttle::gradient2,
    ),
    own(
        "throttle-fixed",
        "the same with the limit Fixed, at 50",
        |s| throttle::fixed(s, 50),
    ),
    Kind {
        one_program: true,
        ..rival(
            "queue",
            "five workers and a put-it-back queue, as one program",
            queue::build,
        )
    },
    rival("tower", "tower Retry + ConcurrencyLimit(50)", rivals::tower),
    rival(
        "resilience-aimd",
        "tower-resilience-adaptive 0.14 Aimd",
        rivals::resilience_aimd,
    ),
    rival(
        "resilience-gradient2",
        "tower-resilience-adaptive 0.14 Gradient2",
        rivals::resilience_gradient2,
    ),
    rival(
        "throttle-net",
        "throttle-net 2.0 adaptive Aimd",
        rivals::throttle_net,
    ),
    rival("tower-acc", "tower-acc 0.1.1 Aimd", rivals::tower_acc),
    rival("sdk", "an SDK's two retries, no limit", sdk::build),
    rival(
        "vector-arc",
        "Vector's adaptive concurrency, per attempt",
        vector::build,
    ),
    rival("aws-adaptive", "AWS's adaptive client rate", aws::build),
];

/// The kind that is held to the bounds, driven in other ways than by a clone for each job.
pub const DRIVEN: &[Kind] = &[
    driven(
        "throttle-one-task",
        "the defaults; one task waits until the service is ready, and others for the answers",
        Driver::OneTask,
    ),
    driven(
        "throttle-buffer",
        "the defaults under tower's Buffer",
        Driver::Buffer,
    ),
    driven(
        "throttle-call-all",
        "the defaults; call_all(jobs).unordered(), each answer read before the next is taken",
        Driver::CallAll,
    ),
    driven(
        "throttle-buffered",
        "the defaults; .buffered(64), and the bodies after every 64 heads",
        Driver::Buffered,
    ),
    driven(
        "throttle-join-all",
        "the defaults; all heads, and then all bodies",
        Driver::JoinAll,
    ),
    driven(
        "throttle-kept",
        "the defaults; 64 loops that keep their answers and never read them",
        Driver::Kept,
    ),
];

/// Every kind that has a name.
pub fn named() -> impl Iterator<Item = &'static Kind> {
    ALL.iter().chain(DRIVEN).chain(EXTRA)
}
