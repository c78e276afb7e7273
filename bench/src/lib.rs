//! Measures Parlance beside references, in the same run on the same machine.
//!
//! Only ratios mean anything: absolute figures do not carry from one machine to the next. Parlance and the references
//! take turns in every round. The primary metric is CPU time per unit of work, from `/proc`: load, server and database
//! share the cores, and a slow client can neither hide nor fake a gain in it.

mod browser;
mod conversation;
mod dialect;
mod exchange;
mod fanout;
mod filling;
mod floor;
mod frames;
mod growth;
mod history;
mod http;
mod lane;
mod ledger;
mod memory;
mod misses;
mod opening;
mod pace;
mod pgbench;
mod plot;
mod post;
mod postgres;
mod process;
mod receivers;
mod reference;
mod report;
mod returning;
mod run;
mod secrecy;
mod server;
mod stalled;
mod start;
mod stats;
mod transfer;
mod transports;

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::browser::Sizes;
use crate::postgres::{Cluster, DATABASE, DATABASE_BEFORE};
use crate::report::Report;
use crate::run::{Run, Version};

/// The result of a measurement, or why it failed.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An error with this reason.
pub fn fail(reason: impl Into<String>) -> Box<dyn Error + Send + Sync> {
    reason.into().into()
}

/// Measures Parlance beside references
#[derive(Debug, Parser)]
pub struct Options {
    #[command(subcommand)]
    helper: Option<Helper>,

    /// The suites to measure; all of them when none is named
    #[arg(value_enum)]
    suites: Vec<Suite>,

    /// How often each figure is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// One short round with smaller crowds: shows whether everything works, not how well
    #[arg(long)]
    quick: bool,

    /// The version under measurement, a release build of the server
    #[arg(long, default_value = "target/release/parlance")]
    server: PathBuf,

    /// A release build of an earlier version, measured in the same rounds of the suites a, b and c
    #[arg(long, value_name = "PATH")]
    before: Option<PathBuf>,

    /// The folder with socket.io, express, pg and the peer's server.mjs; without it the peer is left out
    #[arg(long)]
    peer: Option<PathBuf>,

    /// An empty folder on a real disk; without it one is created and removed at the end
    #[arg(long)]
    scratch: Option<PathBuf>,

    /// Writes the report to this file, and its plots beside it
    #[arg(long)]
    out: Option<PathBuf>,
}

/// References that are part of this program.
#[derive(Debug, Subcommand)]
enum Helper {
    /// The bare epoll loop that fan-out is compared with
    Floor,
}

/// The parts of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Durable messages
    A,
    /// Fan-out and stalled readers
    B,
    /// Memory of idle connections
    C,
    /// Pages of a long history
    D,
    /// Start and size
    E,
    /// The web client in a browser
    F,
    /// Growth
    G,
    /// Coming back, and other transports
    H,
    /// Files
    I,
    /// What the time of answers gives away
    J,
    /// A conversation
    K,
}

/// Does what the options ask for.
///
/// # Errors
/// When something could not be measured. Everything that was started is stopped.
pub fn run(options: &Options) -> Outcome<()> {
    match options.helper {
        Some(Helper::Floor) => floor::serve(),
        None => measure(options),
    }
}

fn measure(options: &Options) -> Outcome<()> {
    if let Some(scratch) = &options.scratch {
        return measure_in(options, scratch);
    }
    let scratch = std::env::temp_dir().join(format!("parlance-bench-{}", std::process::id()));
    fs::create_dir(&scratch)?;
    let measured = measure_in(options, &scratch);
    fs::remove_dir_all(&scratch)?;
    measured
}

fn measure_in(options: &Options, scratch: &Path) -> Outcome<()> {
    // As root, Postgres runs under another account, which must be able to enter the folder.
    fs::set_permissions(scratch, fs::Permissions::from_mode(0o711))?;
    let quick = options.quick;
    let version = |name, program: &PathBuf, database| {
        fs::canonicalize(program)
            .map(|program| Version { name, program, database })
            .map_err(|error| fail(format!("{}: {error}", program.display())))
    };
    let before = options.before.as_ref();
    let run = Run {
        now: version("Parlance", &options.server, DATABASE)?,
        before: before.map(|program| version("Parlance before", program, DATABASE_BEFORE)).transpose()?,
        peer: options.peer.as_ref().map(fs::canonicalize).transpose()?,
        cluster: Cluster::start(scratch, &options.server)?,
        scratch: scratch.to_owned(),
        rounds: if quick { 1 } else { options.rounds.max(1) },
        window: if quick { Duration::from_secs(1) } else { Duration::from_secs(3) },
        warm_up: Duration::from_millis(if quick { 300 } else { 1_000 }),
        crowds: if quick { vec![200, 1_000] } else { vec![1_000, 5_000] },
        idle: if quick { vec![100, 1_000] } else { vec![100, 1_000, 10_000] },
        histories: if quick { vec![100_000, 1_000_000] } else { vec![100_000, 1_000_000, 10_000_000] },
        browser: if quick { Sizes::QUICK } else { Sizes::FULL },
    };
    reference::prepare(&run)?;
    let report = Report::start(&run)?;
    let suites = if options.suites.is_empty() { Suite::value_variants() } else { &options.suites };
    measure_all(&run, suites, report, options)
}

/// Prints each section as soon as it is measured.
fn measure_all(run: &Run, suites: &[Suite], mut report: Report, options: &Options) -> Outcome<()> {
    // Two suites use the long room, and filling it takes minutes.
    let mut history = Vec::new();
    for suite in suites {
        run.settle()?;
        if matches!(suite, Suite::D | Suite::G) && history.is_empty() {
            history = history::points(run)?;
        }
        let sections = match suite {
            Suite::A => vec![post::measure(run)?],
            Suite::B => vec![fanout::measure(run)?, stalled::measure(run)?],
            Suite::C => vec![memory::measure(run)?],
            Suite::D => vec![history::section(&history)],
            Suite::E => vec![start::measure(run)?],
            Suite::F => vec![browser::measure(run)?],
            Suite::G => vec![growth::measure(run, &history)?],
            Suite::H => vec![returning::measure(run)?, transports::measure(run)?],
            Suite::I => vec![transfer::measure(run)?],
            Suite::J => vec![secrecy::measure(run)?],
            Suite::K => vec![conversation::measure(run)?],
        };
        for section in sections {
            report.add(section);
        }
    }
    match &options.out {
        Some(out) => report.write(out),
        None => Ok(()),
    }
}
