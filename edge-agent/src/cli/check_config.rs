//! `edge-agent check-config`: every fault of a file at once.

use crate::config::Config;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Tells every fault of a configuration at once.
#[derive(Debug, Args)]
pub struct CheckConfig {
    /// The file.
    #[arg(default_value = "config/edge.toml")]
    pub file: PathBuf,
}

/// Reads the file; its faults are the error.
pub fn run(args: &CheckConfig) -> Result<()> {
    let config = Config::load(&args.file)?;
    println!(
        "{}: no faults; {} cameras, {} serial lines, {} people with tags",
        args.file.display(),
        config.capture.cameras.len(),
        config.sensors.lines.len(),
        config.roster.len()
    );
    Ok(())
}
