//! `cloud-hub`: see `cloud-hub --help`.
#![warn(clippy::unwrap_used)]

use clap::Parser as _;
use cloud_hub::cli::{self, Cli};

fn main() -> anyhow::Result<()> {
    // Two rustls providers are linked in by libraries; without a choice the first connection would panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run(Cli::parse())
}
