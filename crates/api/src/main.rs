//! `parlance`: the server as a program.

use std::io::IsTerminal;
use std::process::ExitCode;

use api::Server;
use api::config::{Config, LogFormat};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

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
    let stopped = wait_for_signal();
    server.stop();
    match stopped {
        Ok(()) => ExitCode::SUCCESS,
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

/// Until somebody wants the server to stop.
fn wait_for_signal() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}
