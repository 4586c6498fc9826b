//! `cloud-hub reconcile`: what became of every record of one game.
//!
//! Works on the hub's data folder, whether the hub runs or not. Standard output has the report; it fails when a number
//! is missing or held twice, so that a script notices.

use super::Place;
use crate::services::core::reconciliation::Reconciliation;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    place: Place,
    /// The game, as the league numbers it
    game: u64,
    /// The report as JSON, as `/api/core/games/{game}/reconciliation` gives it
    #[arg(long)]
    json: bool,
}

/// Does what was typed.
pub(super) async fn run(reconcile: Reconcile) -> anyhow::Result<()> {
    let Reconcile { place, game, json } = reconcile;
    let database = super::database(&place.configuration()?).await?;
    let accounts = database.accounts(game).await;
    database.close().await;
    let Some(report) = Reconciliation::new(game, accounts?) else {
        anyhow::bail!("game {game}: nothing of it has come to this hub");
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    anyhow::ensure!(report.complete, "game {game} is not complete");
    Ok(())
}

fn print(report: &Reconciliation) {
    println!(
        "{:<20} {:<16} {:<9} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "BOX", "JOURNAL", "STREAM", "FIRST", "LAST", "KEPT", "LOST", "UNREAD", "NEVER MADE", "MISSING"
    );
    for account in &report.journals {
        let counts = &account.counts;
        println!(
            "{:<20} {:<16} {:<9} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10} {:>8}",
            account.edge,
            account.journal,
            account.stream,
            account.first_sequence,
            account.last_sequence,
            counts.kept,
            counts.lost.values().sum::<u64>(),
            counts.quarantined,
            counts.never_made,
            counts.missing
        );
        for hole in &account.holes {
            println!("  MISSING {} to {}", hole.first_sequence, hole.last_sequence);
        }
    }
    println!("{}", report.sentence);
}
