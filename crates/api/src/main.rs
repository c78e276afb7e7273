//! `parlance`: the server as a program.

use std::io::IsTerminal;
use std::process::ExitCode;

use api::Server;
use api::config::{Config, LogFormat};
use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The exit code after a second signal, which leaves no time to stop in order.
const EXIT_AT_ONCE: i32 = 130;

fn main() -> ExitCode {
    let config = Config::parse();
    start_log(&config);
    let server = match Server::start(config) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Parlance is running at {}", server.url());
    let stopped = Signals::listen().and_then(|mut signals| {
        signals.wait();
        // Whoever is in a hurry says it twice. The private Postgres has a guard that stops it then.
        let impatience = std::thread::Builder::new().name("signals".to_owned());
        impatience.spawn(move || {
            signals.wait();
            std::process::exit(EXIT_AT_ONCE);
        })
    });
    server.stop();
    match stopped {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Cannot listen for signals: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn start_log(config: &Config) {
    // Of no interest, unless somebody asks: how many workers there are, and each request that cannot be read.
    let directives = format!("actix_server=warn,actix_http::h1=off,{}", config.log);
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// The signals that ask the server to stop.
struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (terminate, interrupt) = runtime.block_on(async {
            Ok::<_, std::io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
        })?;
        Ok(Self { runtime, terminate, interrupt })
    }

    /// Waits for the next one.
    fn wait(&mut self) {
        let Self { runtime, terminate, interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    }
}
