//! `cloud-hub`: see `cloud-hub --help`.
#![warn(clippy::unwrap_used)]

use clap::Parser as _;
use cloud_hub::cli::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Two rustls providers are linked in by libraries; without a choice the first connection would panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cloud-hub: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
