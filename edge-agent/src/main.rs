//! `edge-agent`: see `edge-agent --help`.
#![warn(clippy::unwrap_used)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // One crypto provider for everything that speaks TLS; nothing was installed before.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("a crypto provider was installed before main");
    }
    match edge_agent::cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("edge-agent: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
