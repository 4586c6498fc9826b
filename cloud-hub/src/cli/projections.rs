//! `cloud-hub projections rebuild`: the read tables made again from the event store.
//!
//! Works on the hub's database, whether the hub runs or not; readers see tables grow while it works. Progress goes to
//! standard error, ten times a reading; standard output says what there is at the end.

use super::Place;
use crate::{
    event_store::EventStore,
    ids::Offset,
    projections::{Freshness, follower, projector, resources},
    storage::Database,
    time,
};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(super) struct Projections {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the read tables again from all events, track chunks and facts
    Rebuild,
}

/// Does what was typed.
pub(super) async fn run(projections: Projections) -> anyhow::Result<()> {
    let Projections { place, what: What::Rebuild } = projections;
    let database = super::database(&place.configuration()?).await?;
    let rebuilt = rebuild(&database).await;
    database.close().await;
    rebuilt
}

async fn rebuild(database: &Database) -> anyhow::Result<()> {
    let began_us = time::monotonic_us();
    let store = EventStore::new(database.clone()).await?;
    let (events, chunks) = (*store.follow().borrow(), *store.follow_tracks().borrow());
    database.forget_projections().await?;
    let mut told = Told::new("events", events);
    let read = projector::catch_up_telling(&store, database, &Freshness::default(), &mut |at| told.tell(at)).await?;
    database.forget_skating().await?;
    let mut told = Told::new("track chunks", chunks);
    let tracks = follower::catch_up(&store, database, &mut |at| told.tell(at)).await?;
    let things = resources::rebuild(&store, database).await?;
    println!(
        "rebuilt from {} events and {} track chunks, with {things} teams, players, venues, rosters and games, in {:.1} s",
        read.0,
        tracks.0,
        time::monotonic_us().saturating_sub(began_us) as f64 / 1e6
    );
    Ok(())
}

/// Progress, told at each tenth.
struct Told {
    what: &'static str,
    all: u64,
    tenths: u64,
}

impl Told {
    fn new(what: &'static str, all: Offset) -> Self {
        eprintln!("{what}: 0 of {}", all.0);
        Self { what, all: all.0.max(1), tenths: 0 }
    }

    fn tell(&mut self, at: Offset) {
        let tenths = at.0.saturating_mul(10) / self.all;
        if tenths > self.tenths {
            self.tenths = tenths;
            eprintln!("{}: {} of {}", self.what, at.0, self.all);
        }
    }
}
