//! `edge-agent`: see `edge-agent --help`.
#![warn(clippy::unwrap_used)]

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

fn main() -> ExitCode {
    // One crypto provider for everything that speaks TLS; nothing was installed before.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("a crypto provider was installed before main");
    }
    match edge_agent::cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough, such as `head`.
        Err(fault) if fault.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("edge-agent: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
