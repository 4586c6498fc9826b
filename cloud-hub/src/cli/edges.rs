//! `cloud-hub edges`: lets boxes in and shuts them out.
//!
//! Works on the hub's data folder, whether the hub runs or not; a running hub sees it within a second. Run it as the
//! hub's own user, or the files it makes are not the hub's.

use super::Place;
use crate::{
    config::HubConfig,
    storage::{
        Database,
        enrolments::{Enrolment, GivenCode},
    },
    time,
    trust::{Authority, Certificates, Roster, audit, mosquitto, secret_digest},
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use firmware_protocol::network::{enrolment::Code, topic};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Name of the hub's audit entries made here.
const OPERATOR: &str = "cloud-hub edges";

#[derive(Debug, Args)]
pub(super) struct Edges {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a code with which one box enrols, once
    Code {
        /// The arena the box will speak for: a-z 0-9 and dashes
        #[arg(long)]
        venue: String,
        /// The box's name; without one the hub chooses. An enrolled box of that name is replaced
        #[arg(long)]
        edge: Option<String>,
        /// How long the code is good
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_080))]
        minutes: u32,
    },
    /// List every box, with the end of its certificate
    List,
    /// Shut a box out, within five seconds; it may be enrolled again with a new code
    Revoke {
        /// The box's name, as `list` tells it
        edge: String,
    },
    /// List what was done and tried, newest first
    Audit {
        /// How much of it
        #[arg(long, default_value_t = 50)]
        entries: u32,
    },
    /// Print an access control file for Mosquitto: each box at its own topics only
    Acl,
}

/// Does what was typed.
pub(super) async fn run(edges: Edges) -> anyhow::Result<()> {
    let config = edges.place.configuration()?;
    let database = Database::connect(&config.storage, &config.data).await?;
    let done = act(edges.what, &config, &database).await;
    database.close().await;
    done
}

async fn act(what: What, config: &HubConfig, database: &Database) -> anyhow::Result<()> {
    let now_us = time::utc_us();
    match what {
        What::Code { venue, edge, minutes } => give_code(config, database, venue, edge, minutes).await?,
        What::List => {
            println!("{:<24} {:<24} {:<10} CERTIFICATE", "BOX", "VENUE", "STATE");
            for box_ in database.enrolments().await? {
                let (state, end) = standing(&box_, now_us);
                println!("{:<24} {:<24} {state:<10} {end}", box_.edge, box_.venue);
            }
        }
        What::Revoke { edge } => {
            let revoked = database.revoke(&edge, now_us).await?;
            anyhow::ensure!(revoked, "box {edge} is not enrolled here (cloud-hub edges list tells who is)");
            audit(database, now_us, "revoked", &edge, OPERATOR).await;
            println!("{edge} is shut out; a running hub does so within five seconds");
        }
        What::Audit { entries } => {
            for entry in database.audited(entries).await? {
                let ago_s = (now_us - entry.at_us) / 1_000_000;
                println!("{ago_s:>9} s ago  {:<20} {:<32} {}", entry.what, entry.subject, entry.detail);
            }
        }
        What::Acl => print!("{}", mosquitto::rules(&Roster::open(database.clone()).await?.follow().borrow())),
    }
    Ok(())
}

async fn give_code(
    config: &HubConfig,
    database: &Database,
    venue: String,
    edge: Option<String>,
    minutes: u32,
) -> anyhow::Result<()> {
    for (name, word) in [("--venue", Some(&venue)), ("--edge", edge.as_ref())] {
        let fits = word.is_none_or(|word| topic::is_slug(word));
        anyhow::ensure!(
            fits,
            "{name} {:?} (1 to 63 of a-z 0-9 -, no dash at either end)",
            word.map_or("", |word| word)
        );
    }
    if let Some(edge) = &edge
        && let Some(other) = database.enrolments_in_force().await?.iter().find(|held| held.edge == *edge)
        && other.venue != venue
    {
        anyhow::bail!("box {edge} is enrolled for venue {} (revoke it first, or choose another name)", other.venue);
    }
    let certificates = Certificates::ensure(&config.ingest.certificates, &config.ingest.names)?;
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).ok().context("the system gives no random numbers")?;
    let code = Code::new(random, Authority::open(&certificates)?.digest());
    let now_us = time::utc_us();
    let given = GivenCode {
        digest: secret_digest(&code.secret),
        venue: venue.clone(),
        edge: edge.clone(),
        made_us: now_us,
        expires_us: now_us + i64::from(minutes) * 60_000_000,
    };
    database.give_code(&given).await?;
    let whom = edge.unwrap_or_else(|| "any box".to_owned());
    audit(database, now_us, "code given", &format!("{whom} of {venue}"), &format!("{OPERATOR}, {minutes} min")).await;
    let port = config.trust.listen.port();
    let name = config.ingest.names.first().map_or("THIS-HUB", String::as_str);
    // The code alone is the answer, for scripts; what to do with it is for people.
    println!("{code}");
    eprintln!("\nGood once, for {minutes} minutes. On the box:\n");
    eprintln!("  edge-agent enrol --hub https://{name}:{port} --code {code}\n");
    if !config.ingest.require_certificates {
        eprintln!("This hub does not require certificates yet: set ingest.require_certificates = true and restart it.");
    }
    Ok(())
}

fn standing(enrolment: &Enrolment, now_us: i64) -> (&'static str, String) {
    let hours = (enrolment.until_us - now_us) / 3_600_000_000;
    match enrolment.revoked_us {
        Some(_) => ("shut out", String::new()),
        None if enrolment.until_us <= now_us => ("expired", format!("ended {} h ago: enrol it again", -hours)),
        None => ("enrolled", format!("ends in {hours} h")),
    }
}
