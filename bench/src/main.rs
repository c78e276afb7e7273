//! `bench`: the benchmark as a program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match bench::run(&bench::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
