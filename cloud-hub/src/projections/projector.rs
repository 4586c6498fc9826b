//! Follows the event store and folds each event into the rows it concerns; a game that is corrected is folded anew.
//!
//! Comes in: events after the tables' own offset, and corrections. Goes out: rows and the new offset, in one transaction:
//! after a crash it goes on where it stood, and no event is counted twice. When the disk fails it waits a second and
//! tries again.

use super::{
    Freshness, ProjectionError, VERSION,
    folding::{self, Folding},
};
use crate::{
    event_store::{EventStore, Fact},
    ids::Offset,
    storage::Database,
    time,
};
use std::{collections::BTreeSet, time::Duration};
use tokio_util::sync::CancellationToken;

/// Events in one transaction: a fresh rebuild reads thousands a second, a live one sees a few.
const STEP_EVENTS_MAX: usize = 500;
/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the tables at the event store's newest offset until `stop`.
pub async fn run(store: EventStore, database: Database, freshness: Freshness, stop: CancellationToken) {
    let (mut newest, mut facts) = (store.follow(), store.follow_hub());
    loop {
        newest.mark_unchanged();
        facts.mark_unchanged();
        let caught_up = catch_up(&store, &database, &freshness).await;
        let pause = async {
            match caught_up {
                Ok(_) => tokio::select! {
                    changed = newest.changed() => drop(changed),
                    changed = facts.changed() => drop(changed),
                },
                Err(error) => {
                    metrics::counter!("projections_failures_total").increment(1);
                    tracing::error!(%error, "projections stand still: trying again");
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

/// Where the tables stand, and how far behind that is.
fn tell(store: &EventStore, stands: Offset) {
    metrics::gauge!("projections_offset").set(stands.0 as f64);
    let behind = store.follow().borrow().0.saturating_sub(stands.0);
    metrics::gauge!("projections_behind_events").set(behind as f64);
}

/// Folds all there is now; answers where the tables stand.
pub async fn catch_up(
    store: &EventStore,
    database: &Database,
    freshness: &Freshness,
) -> Result<Offset, ProjectionError> {
    catch_up_telling(store, database, freshness, &mut |_| {}).await
}

/// The same; tells `progress` after each step.
pub async fn catch_up_telling(
    store: &EventStore,
    database: &Database,
    freshness: &Freshness,
    progress: &mut (dyn FnMut(Offset) + Send),
) -> Result<Offset, ProjectionError> {
    let mut stands = database.projected_to(VERSION).await?;
    loop {
        let events = store.read_after(stands, STEP_EVENTS_MAX).await?;
        let Some(last) = events.last() else {
            correct(store, database).await?;
            tell(store, stands);
            return Ok(stands);
        };
        let (to, captured_us) = (last.offset, last.event.captured_us);
        // From the start, no row is older than the events.
        let mut folding = Folding::new(store, database, stands > Offset(0));
        for stored in &events {
            folding.take(stored).await?;
        }
        if database.project(VERSION, (stands, to), &folding.rows()).await? {
            stands = to;
            tell(store, stands);
            progress(stands);
            metrics::counter!("projections_events_total").increment(events.len() as u64);
            for stored in &events {
                metrics::counter!("events_total", "kind" => stored.event.kind.name()).increment(1);
            }
            freshness.kept(captured_us, time::utc_us());
            for event in &events {
                freshness.heard(&event.edge, time::monotonic_us());
            }
        } else {
            stands = database.projected_to(VERSION).await?;
        }
    }
}

/// Makes every game anew that was corrected since this was done last.
async fn correct(store: &EventStore, database: &Database) -> Result<(), ProjectionError> {
    loop {
        let after = database.corrected_to().await?;
        let facts = store.read_hub_after(after, STEP_EVENTS_MAX).await?;
        let Some(to) = facts.last().map(|fact| fact.place) else { return Ok(()) };
        let games: BTreeSet<u64> = facts
            .into_iter()
            .filter_map(|fact| match fact.fact {
                Fact::Corrected(correction) => Some(correction.game),
                _ => None,
            })
            .collect();
        for game in games {
            loop {
                let stands = database.projected_to(VERSION).await?;
                let rows = folding::anew(store, database, game, stands).await?;
                // With nothing read yet, the corrections are met on the way.
                if stands == Offset(0) || database.project_anew(VERSION, stands, game, &rows).await? {
                    break;
                }
            }
            metrics::counter!("projections_corrected_total").increment(1);
        }
        database.set_corrected_to(to).await?;
    }
}
