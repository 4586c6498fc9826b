//! The command line: `serve`, `edges`, `command`, `reconcile`, `projections`, `backup`, `restore`, `keys`,
//! `erase`, `access`, `audit`, `export`, `check-config`, `openapi`.
//!
//! Comes in: arguments and one file. Goes out: a running hub, or a message that names the fault and the cure, and a
//! non-zero exit.

mod command;
mod edges;
mod projections;
mod reconcile;
mod backup;
mod keys;
mod export;
mod access;
mod audit;
mod erase;

use crate::{
    config::{self, HubConfig, LogConfig, LogFormat},
    gateway, pipeline,
    roles::Role,
    storage::Database,
    traces,
};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

const EXAMPLES: &str = "Examples:
  cloud-hub serve                                     pages on http://localhost:8000, boxes on UDP 7447, data in ./data
  cloud-hub serve --listen 127.0.0.1:0 --data trial   a free port, printed when ready
  cloud-hub serve --config /etc/rinkside/hub.toml
  cloud-hub serve --config hub.toml --role ingest     this process only hears boxes, over PostgreSQL and Redis of the file
  cloud-hub serve --config hub.toml --role core,analytics
                                                      this one answers on 8001 and 8011 for gateways
  cloud-hub serve --config hub.toml --role gateway    and this one passes requests on to gateway.upstreams of the file
  cloud-hub edges code --venue oak                    a code with which one box of venue oak enrols
  cloud-hub edges revoke oak-box-1                    that box gets nowhere from now on
  cloud-hub command oak-box-1 game-start 2025020001   that box records this game from now on
  cloud-hub command oak-box-1 log                     its newest log lines
  cloud-hub reconcile 2024020001                      what became of every record of that game
  cloud-hub backup monday.backup                      the whole hub in one file, while it runs
  cloud-hub restore monday.backup --data new          and back, also into another engine
  cloud-hub export 2024020001 --out game.parquet      its positions, for other tools
  cloud-hub access first ann                          the first league admin, with a code that sets the password
  cloud-hub audit verify monday.ndjson --key KEY      whether an exported audit is what was signed
  cloud-hub keys rotate                               a new root key for what lies sealed
  cloud-hub erase player/oaks-9                       what is about them can be read by nobody any more
  cloud-hub projections rebuild                       the read tables again, from all events
  cloud-hub check-config config/hub.toml
  cloud-hub openapi > cloud-hub/openapi.json";

/// The hub: takes what every box at every rink has seen, keeps it, serves it.
#[derive(Debug, Parser)]
#[command(name = "cloud-hub", version, about, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the hub until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Let boxes in and shut them out
    Edges(edges::Edges),
    /// Have a box do something, and say what became of it
    Command(command::Order),
    /// Account for every record of a game: kept, lost and why, never made; fails when one is missing
    Reconcile(reconcile::Reconcile),
    /// Write everything the hub keeps into one file, while it runs
    Backup(backup::Backup),
    /// Take a backup into an empty hub, of either engine
    Restore(backup::Restore),
    /// Positions of a game as CSV, Arrow or Parquet
    Export(export::Export),
    /// How the keys stand that seal what is personal; make new ones
    Keys(keys::Keys),
    /// The first account, and ways back in
    Access(access::AccessOrder),
    /// What was done by whom, as a file; whether such a file is what was signed
    Audit(audit::Audit),
    /// Destroy what is kept about a person, in backups too
    Erase(erase::Erase),
    /// Make the read tables again
    Projections(projections::Projections),
    /// Read a configuration and say everything that is wrong with it
    CheckConfig {
        /// The file
        file: PathBuf,
    },
    /// Print the OpenAPI document
    Openapi,
}

/// Which hub is meant.
#[derive(Debug, Clone, Args)]
struct Place {
    /// Configuration file; without one, the defaults of config/hub.toml
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of everything the hub keeps
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    place: Place,
    /// What this process does, separated by commas; everything when left out
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    role: Vec<Role>,
    /// Address and port of pages, API and WebSocket, or of the only role; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Address and port where boxes reach the hub, over QUIC
    #[arg(long, value_name = "ADDRESS:PORT")]
    ingest: Option<SocketAddr>,
}

/// Does what the arguments say.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.what {
        What::Serve(arguments) => {
            let config = arguments.configuration()?;
            speak(&config.log)?;
            traces::open(&config.traces).context("traces.collector")?;
            // In a task of its own: a Zenoh session that is dropped blocks its thread, and under `block_on` that thread
            // then forgets who woke it meanwhile.
            let serving = async { tokio::spawn(async move { pipeline::serve(&config).await }).await };
            let served = tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serving)?;
            traces::close();
            served
        }
        What::Edges(edges) => on_this_thread(edges::run(edges)),
        What::Command(order) => on_this_thread(command::run(order)),
        What::Reconcile(reconcile) => on_this_thread(reconcile::run(reconcile)),
        What::Backup(backup) => on_this_thread(backup::backup(backup)),
        What::Restore(restore) => on_this_thread(backup::restore(restore)),
        What::Export(export) => on_this_thread(export::run(export)),
        What::Keys(keys) => on_this_thread(keys::run(keys)),
        What::Access(order) => on_this_thread(access::run(order)),
        What::Audit(audit) => on_this_thread(audit::run(audit)),
        What::Erase(erase) => on_this_thread(erase::run(erase)),
        What::Projections(projections) => on_this_thread(projections::run(projections)),
        What::CheckConfig { file } => {
            read(&file)?;
            println!("{}: no faults", file.display());
            Ok(())
        }
        What::Openapi => {
            print!("{}", gateway::document());
            Ok(())
        }
    }
}

fn on_this_thread(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The database of a hub that is there already.
async fn database(config: &HubConfig) -> anyhow::Result<Database> {
    if let Some(path) = config.storage.file(&config.data) {
        anyhow::ensure!(path.is_file(), "{} is not there (is --data the hub's data folder?)", path.display());
    }
    Ok(Database::connect(&config.storage, &config.data).await?)
}

impl Place {
    fn configuration(self) -> anyhow::Result<HubConfig> {
        let mut config = self.config.as_deref().map_or_else(|| Ok(HubConfig::default()), read)?;
        if let Some(data) = self.data {
            // Certificates stay in the data folder unless the file put them elsewhere.
            if let Ok(within) = config.ingest.certificates.strip_prefix(&config.data) {
                config.ingest.certificates = data.join(within);
            }
            config.data = data;
        }
        Ok(config)
    }
}

impl Serve {
    fn configuration(self) -> anyhow::Result<HubConfig> {
        let mut config = self.place.configuration()?;
        if !self.role.is_empty() {
            config.roles = self.role;
        }
        if let Some(listen) = self.listen {
            *match config.roles.as_slice() {
                roles if roles.contains(&Role::Gateway) => &mut config.gateway.listen,
                [Role::Core] => &mut config.core.listen,
                [Role::Analytics] => &mut config.analytics.listen,
                [Role::Security] => &mut config.security.listen,
                [Role::Ingest] => &mut config.ingest.probes,
                _ => anyhow::bail!(
                    "--listen is for one port, and these roles have several: core.listen, analytics.listen, security.listen"
                ),
            } = listen;
        }
        if let Some(ingest) = self.ingest {
            config.ingest.listen = vec![format!("quic/{ingest}")];
        }
        Ok(config)
    }
}

fn read(file: &Path) -> anyhow::Result<HubConfig> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(config::read(&text, &file.display().to_string())?)
}

/// Log lines go to standard error; standard output stays for answers.
fn speak(log: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).with_context(|| {
        format!("log.filter {:?} (a level, or part=level separated by commas, as info,tower_http=debug)", log.filter)
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
        LogFormat::Text => registry.with(lines).init(),
    }
    Ok(())
}
