//! The program `parlance`.

use std::fmt::Display;
use std::io::IsTerminal;
use std::process::ExitCode;

use api::config::{Command, Config, LogFormat};
use api::{Server, admin_command, backup};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The exit code after a second signal, when the server does not stop gracefully.
const STOPPED_AT_ONCE: u8 = 130;

fn main() -> ExitCode {
    let config = Config::parse();
    start_log(&config);
    match &config.command {
        Some(Command::Admin(command)) => return report(admin_command::run(&config, command)),
        Some(Command::Backup { file }) if file.as_os_str() == "-" => {
            return report(backup::to_stdout(&config));
        }
        Some(Command::Backup { file }) => return report(backup::to_file(&config, file)),
        Some(Command::Restore { file }) => return report(backup::restore(&config, file)),
        None => {}
    }
    let server = match Server::start(config) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match run_until_signal(server) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Cannot listen for signals: {error}.");
            ExitCode::FAILURE
        }
    }
}

/// Prints what a command says, or why it failed.
fn report(outcome: Result<String, impl Display>) -> ExitCode {
    match outcome {
        Ok(said) => {
            if !said.is_empty() {
                println!("{said}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Says where the server is, stops it gracefully after a first signal, and exits immediately after a second; then the watchdog stops the
/// private Postgres.
fn run_until_signal(server: Server) -> std::io::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // Who reads this may send a signal at once.
        println!("Parlance is running at {}", server.url());
        if let Some(url) = server.setup_url() {
            println!("Create the admin's account at {url}");
        }
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let (done, stopped) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
            server.stop();
            let _ = done.send(());
        })?;
        Ok(tokio::select! {
            biased;
            _ = stopped => ExitCode::SUCCESS,
            _ = terminate.recv() => ExitCode::from(STOPPED_AT_ONCE),
            _ = interrupt.recv() => ExitCode::from(STOPPED_AT_ONCE),
        })
    })
}

fn start_log(config: &Config) {
    // Off by default: the number of workers, and every request that cannot be parsed.
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
