//! Follows the event store and folds each event into the rows it concerns.
//!
//! Comes in: events after the tables' own offset. Goes out: rows and the new offset, in one transaction: after a crash
//! it goes on where it stood, and no event is counted twice. When the disk fails it waits a second and tries again.

use super::{Freshness, Game, Player, ProjectionError, VERSION, games, players};
use crate::{
    event_store::EventStore,
    ids::Offset,
    storage::{Database, projected::ProjectedRow, reading::StoredEvent},
    time,
};
use firmware_protocol::network::Side;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Events in one transaction: a fresh rebuild reads thousands a second, a live one sees a few.
const STEP_EVENTS_MAX: usize = 500;
/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the tables at the event store's newest offset until `stop`.
pub async fn run(store: EventStore, database: Database, freshness: Freshness, stop: CancellationToken) {
    let mut newest = store.follow();
    loop {
        newest.mark_unchanged();
        let caught_up = catch_up(&store, &database, &freshness).await;
        let pause = async {
            match caught_up {
                Ok(_) => drop(newest.changed().await),
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

/// Folds all there is now; answers where the tables stand.
pub async fn catch_up(
    store: &EventStore,
    database: &Database,
    freshness: &Freshness,
) -> Result<Offset, ProjectionError> {
    let mut stands = database.projected_to(VERSION).await?;
    loop {
        let events = store.read_after(stands, STEP_EVENTS_MAX).await?;
        let Some(last) = events.last() else {
            metrics::gauge!("projections_offset").set(stands.0 as f64);
            return Ok(stands);
        };
        let (to, captured_us) = (last.offset, last.event.captured_us);
        let rows = fold(database, stands, &events).await?;
        if database.project(VERSION, (stands, to), &rows).await? {
            stands = to;
            metrics::counter!("projections_events_total").increment(events.len() as u64);
            freshness.kept(captured_us, time::utc_us());
            for event in &events {
                freshness.heard(&event.edge, time::monotonic_us());
            }
        } else {
            stands = database.projected_to(VERSION).await?;
        }
    }
}

/// The rows that `events` change, as they are afterwards. From the start, no row is older than the events.
async fn fold(
    database: &Database,
    stands: Offset,
    events: &[StoredEvent],
) -> Result<Vec<ProjectedRow>, ProjectionError> {
    let mut changed_games: BTreeMap<u64, Game> = BTreeMap::new();
    let mut changed_players: BTreeMap<(u64, Side, u8), Player> = BTreeMap::new();
    let held = |projection: &'static str, game: u64, subject: String| async move {
        if stands == Offset(0) { Ok(None) } else { database.projected(projection, game, &subject).await }
    };
    for StoredEvent { venue, event, .. } in events {
        let game = event.game;
        if let Entry::Vacant(vacant) = changed_games.entry(game) {
            let row = match held(games::PROJECTION, game, String::new()).await? {
                Some(payload) => super::read(games::PROJECTION, game, &payload)?,
                None => Game::new(venue, event),
            };
            vacant.insert(row);
        }
        changed_games.entry(game).and_modify(|row| row.fold(event));
        for (side, number) in Player::concerned(event).into_iter().flatten() {
            let key = (game, side, number);
            if let Entry::Vacant(vacant) = changed_players.entry(key) {
                let row = match held(players::PROJECTION, game, Player::subject(side, number)).await? {
                    Some(payload) => super::read(players::PROJECTION, game, &payload)?,
                    None => Player::new(game, side, number),
                };
                vacant.insert(row);
            }
            changed_players.entry(key).and_modify(|row| row.fold(event));
        }
    }
    let of_games = changed_games.values().map(|row| ProjectedRow {
        projection: games::PROJECTION.to_owned(),
        game: row.game,
        subject: String::new(),
        updated_us: row.updated_us,
        payload: json(row),
    });
    let of_players = changed_players.values().map(|row| ProjectedRow {
        projection: players::PROJECTION.to_owned(),
        game: row.game,
        subject: Player::subject(row.side, row.number),
        updated_us: row.updated_us,
        payload: json(row),
    });
    Ok(of_games.chain(of_players).collect())
}

fn json<T: serde::Serialize>(row: &T) -> String {
    serde_json::to_string(row).expect("a row of numbers and words is JSON")
}
