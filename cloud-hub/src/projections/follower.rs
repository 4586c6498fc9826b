//! Follows the track chunks and folds each into the skating row of its game.
//!
//! As [`projector`](super::projector) does with events: rows and place move in one transaction, memory holds one step.

use super::{
    ProjectionError,
    skating::{Skating, VERSION},
};
use crate::{event_store::EventStore, ids::Offset, storage::Database};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Chunks in one transaction: a minute or two of one game, 2 KB each. They are all that is held at once.
const STEP_CHUNKS_MAX: usize = 100;
/// Live, chunks of a second come one by one from each box: this many games' rows are written together.
const PAUSE: Duration = Duration::from_millis(500);
/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the rows at the newest chunk until `stop`.
pub async fn run(store: EventStore, database: Database, stop: CancellationToken) {
    let mut newest = store.follow_tracks();
    loop {
        newest.mark_unchanged();
        let caught_up = catch_up(&store, &database, &mut |_| {}).await;
        let pause = async {
            match caught_up {
                Ok(_) => {
                    tokio::time::sleep(PAUSE).await;
                    drop(newest.changed().await);
                }
                Err(error) => {
                    metrics::counter!("projections_failures_total").increment(1);
                    tracing::error!(%error, "skating stands still: trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause => {}
        }
    }
}

/// Where the rows stand, and how far behind that is.
fn tell(store: &EventStore, stands: Offset) {
    metrics::gauge!("projections_tracks_offset").set(stands.0 as f64);
    let behind = store.follow_tracks().borrow().0.saturating_sub(stands.0);
    metrics::gauge!("projections_behind_chunks").set(behind as f64);
}

/// Folds all there is now; answers where the rows stand, and tells `progress` after each step.
pub async fn catch_up(
    store: &EventStore,
    database: &Database,
    progress: &mut (dyn FnMut(Offset) + Send),
) -> Result<Offset, ProjectionError> {
    let mut stands = database.skating_to(VERSION).await?;
    loop {
        let chunks = store.read_tracks_after(stands, STEP_CHUNKS_MAX).await?;
        let Some(to) = chunks.last().map(|stored| stored.offset) else {
            tell(store, stands);
            return Ok(stands);
        };
        let mut changed: BTreeMap<u64, Skating> = BTreeMap::new();
        for stored in &chunks {
            let game = stored.chunk.game;
            if let Entry::Vacant(vacant) = changed.entry(game) {
                // From the start, no row is older than the chunks.
                let held = if stands == Offset(0) { None } else { database.skating(game).await? };
                vacant.insert(match held {
                    Some(payload) => super::read("skating", game, &payload)?,
                    None => Skating::default(),
                });
            }
            changed.entry(game).and_modify(|row| row.fold(&stored.chunk));
        }
        let rows: Vec<(u64, String)> = changed.iter().map(|(game, row)| (*game, super::json(row))).collect();
        if database.project_skating(VERSION, (stands, to), &rows).await? {
            stands = to;
            tell(store, stands);
            metrics::counter!("projections_chunks_total").increment(chunks.len() as u64);
            progress(stands);
        } else {
            stands = database.skating_to(VERSION).await?;
        }
    }
}
