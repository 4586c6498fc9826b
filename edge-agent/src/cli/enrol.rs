//! `edge-agent enrol`: makes this box known to its hub.

use crate::{config::Config, time, uplink::enrolment};
use anyhow::{Context as _, Result};
use clap::Args;
use firmware_protocol::network::enrolment::Code;
use std::path::PathBuf;

/// Make this box known to its hub, with a code from there.
#[derive(Debug, Args)]
pub struct Enrol {
    /// Where the hub enrols, such as <https://hub.example:7448>.
    #[arg(long, value_name = "URL")]
    pub hub: String,
    /// The code: on the hub, `cloud-hub edges code --venue VENUE` makes one.
    #[arg(long)]
    pub code: String,
    /// The configuration, for where the identity is kept; without one, every default.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for everything the box keeps, instead of the configuration's.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Enrols, and says who the box is now.
pub fn run(args: &Enrol) -> Result<()> {
    let code = Code::read(&args.code)?;
    let config = args.config.as_deref().map_or_else(|| Ok(Config::default()), Config::load)?;
    let folder = args.data.as_ref().map_or(config.uplink.identity, |data| data.join("identity"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("tokio does not start")?;
    let identity = runtime.block_on(enrolment::enrol(&args.hub, &code, &folder))?;
    let days = (identity.until_us - time::utc_us()) / 86_400_000_000;
    println!("This box is {} of venue {}; its certificate is good for {days} days and", identity.edge, identity.venue);
    println!("renews itself. Hub: {}. Kept in {}.", identity.endpoint, folder.display());
    println!("Start the box, or start it again if it runs.");
    Ok(())
}
