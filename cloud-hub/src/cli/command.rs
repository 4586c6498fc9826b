//! `cloud-hub command`: has a box do something, and says what became of it.
//!
//! Works on the hub's data folder beside a running hub, which hands the order over when the box asks, once a second.

use super::Place;
use crate::{storage::Database, time, trust::audit};
use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use firmware_protocol::network::{self, Command, Role, Side, Tagged, topic};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Between two looks at what became of an order.
const LOOK: Duration = Duration::from_millis(100);
/// Name of the hub's audit entries made here.
const OPERATOR: &str = "cloud-hub command";

#[derive(Debug, Args)]
pub(super) struct Order {
    /// The box's name, as `cloud-hub edges list` tells it
    #[arg(value_name = "BOX")]
    edge: String,
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    place: Place,
    /// A box that is away gets the order if it is back within this time
    #[arg(long, default_value_t = 10, global = true, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
    /// Do not wait for what becomes of it
    #[arg(long, global = true)]
    no_wait: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Record this game from now on
    GameStart {
        /// The game, as the league numbers it
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        game: u64,
    },
    /// The game is over: record none until the next is started
    GameStop {
        /// The game, as the league numbers it
        game: u64,
    },
    /// Who wears which tag, in place of what was said before
    Roster {
        /// `[[roster]]` entries as in config/edge.toml
        file: PathBuf,
    },
    /// Lay settings over the box's own file, in place of those laid over it before; it takes them back when it turns
    /// unhealthy
    Configure {
        /// Sections and keys of config/edge.toml that shall be otherwise; an empty file for none
        file: PathBuf,
    },
    /// Its newest log lines
    Log {
        /// How many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5_000))]
        lines: u32,
    },
    /// How it is: every stage, the journal, the machine, as JSON
    Diagnostics,
    /// Put a word into its log: shows that the road down is open
    Note {
        /// The word
        text: String,
    },
    /// What it was asked to do before, and what became of it
    List,
}

/// `[[roster]]` as in the box's own file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roster {
    roster: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    tag: u32,
    #[serde(default = "skater")]
    role: Role,
    side: Option<Side>,
    number: Option<u8>,
    #[serde(default)]
    name: String,
}

fn skater() -> Role {
    Role::Skater
}

/// Does what was typed.
pub(super) async fn run(order: Order) -> anyhow::Result<()> {
    ensure!(topic::is_slug(&order.edge), "{:?} is no box's name (cloud-hub edges list tells them)", order.edge);
    let config = order.place.clone().configuration()?;
    let database = Database::connect(&config.storage, &config.data).await?;
    let done = give(&order, &database).await;
    database.close().await;
    done
}

async fn give(order: &Order, database: &Database) -> anyhow::Result<()> {
    let Some((command, words)) = command(&order.what)? else { return list(&order.edge, database).await };
    let now_us = time::utc_us();
    let until_us = now_us + i64::from(order.minutes) * 60_000_000;
    let number = database.give_command(&order.edge, &network::encode(&command), &words, now_us, until_us).await?;
    audit(database, now_us, "command given", &order.edge, &format!("number {number}, {words}, {OPERATOR}")).await;
    if order.no_wait {
        println!("order {number} waits for {}", order.edge);
        return Ok(());
    }
    eprintln!("order {number}: waiting for {} (Ctrl-C leaves it waiting, for {} min)", order.edge, order.minutes);
    loop {
        let Some(given) = database.command(number).await? else { bail!("order {number} is gone from the database") };
        match given.state.as_str() {
            "waiting" if time::utc_us() < until_us => tokio::time::sleep(LOOK).await,
            "waiting" => {
                bail!("{} did not ask for it in {} min: is it running, and the hub?", order.edge, order.minutes)
            }
            "done" => {
                println!("{}", given.answer);
                return Ok(());
            }
            state => bail!("{} {state} it: {}", order.edge, given.answer),
        }
    }
}

/// The command and what it says, for people.
fn command(what: &What) -> anyhow::Result<Option<(Command, String)>> {
    Ok(Some(match what {
        What::GameStart { game } => (Command::GameStart { game: *game }, format!("start game {game}")),
        What::GameStop { game } => (Command::GameStop { game: *game }, format!("stop game {game}")),
        What::Roster { file } => {
            let Roster { roster } = toml::from_str(&read(file)?).with_context(|| file.display().to_string())?;
            let tagged = |Entry { tag, role, side, number, name }| Tagged { tag, role, side, number, name };
            let people: Vec<Tagged> = roster.into_iter().map(tagged).collect();
            let words = format!("roster of {}", people.len());
            (Command::Roster { people }, words)
        }
        What::Configure { file } => {
            let settings = read(file)?;
            toml::from_str::<toml::Table>(&settings).with_context(|| file.display().to_string())?;
            (Command::Configure { settings }, "settings".to_owned())
        }
        What::Log { lines } => (Command::Log { lines: *lines }, format!("{lines} log lines")),
        What::Diagnostics => (Command::Diagnostics, "diagnostics".to_owned()),
        What::Note { text } => (Command::Note { text: text.clone() }, "note".to_owned()),
        What::List => return Ok(None),
    }))
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

async fn list(edge: &str, database: &Database) -> anyhow::Result<()> {
    let now_us = time::utc_us();
    println!("{:>7} {:>10} {:<9} {:<32} ANSWER", "ORDER", "AGE", "STATE", "WHAT");
    for given in database.commands(edge, 50).await? {
        let answer = given.answer.lines().next().unwrap_or_default();
        let age = format!("{} s", (now_us - given.made_us) / 1_000_000);
        println!("{:>7} {age:>10} {:<9} {:<32} {answer}", given.number, given.state, given.words);
    }
    Ok(())
}
