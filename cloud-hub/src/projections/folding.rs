//! Events into rows: what one step of the projector changes, or one game anew.
//!
//! Comes in: rows as they are held, events as they count. Goes out: the rows as they are afterwards. Whatever way a game
//! was cut into steps, and whenever a correction came, its rows are those of its events as they count now, in order.

use super::{Game, Player, ProjectionError, games, ledger, ledger::Ledger, players, statistics::teams, together};
use crate::{
    event_store::{Corrections, EventStore},
    ids::Offset,
    storage::{Database, projected::ProjectedRow, reading::StoredEvent},
};
use firmware_protocol::network::Side;
use std::collections::{BTreeMap, btree_map::Entry};

/// Events read at once when a game is folded anew.
const PAGE_EVENTS: usize = 500;

/// Rows under way. `held` says whether rows in the database are older than the events.
pub(super) struct Folding<'a> {
    store: &'a EventStore,
    database: &'a Database,
    held: bool,
    corrections: BTreeMap<u64, Corrections>,
    games: BTreeMap<u64, (Game, Ledger)>,
    players: BTreeMap<(u64, Side, u8), Player>,
}

impl<'a> Folding<'a> {
    pub(super) fn new(store: &'a EventStore, database: &'a Database, held: bool) -> Self {
        Self { store, database, held, corrections: BTreeMap::new(), games: BTreeMap::new(), players: BTreeMap::new() }
    }

    /// Counts one event; not at all when it was withdrawn.
    pub(super) async fn take(&mut self, stored: &StoredEvent) -> Result<(), ProjectionError> {
        let (game, offset) = (stored.event.game, stored.offset.0);
        if let Entry::Vacant(vacant) = self.corrections.entry(game) {
            vacant.insert(self.store.corrections(game).await?);
        }
        if !self.games.contains_key(&game) {
            let rows = self.rows_of(game, &stored.venue, &stored.event).await?;
            self.games.insert(game, rows);
        }
        let Some(counted) = self.corrections[&game].count(offset, &stored.event) else { return Ok(()) };
        for (side, number) in Player::concerned(&counted.event).into_iter().flatten() {
            let key = (game, side, number);
            if !self.players.contains_key(&key) {
                let held = self.held(players::PROJECTION, game, &Player::subject(side, number)).await?;
                let row = match held {
                    Some(payload) => super::read(players::PROJECTION, game, &payload)?,
                    None => Player::new(game, side, number),
                };
                self.players.insert(key, row);
            }
            self.players.entry(key).and_modify(|row| row.fold(&counted.event));
        }
        self.games.entry(game).and_modify(|(row, ledger)| {
            row.fold(&counted.event);
            ledger.fold(&counted);
        });
        Ok(())
    }

    async fn held(&self, projection: &str, game: u64, subject: &str) -> Result<Option<String>, ProjectionError> {
        if !self.held {
            return Ok(None);
        }
        Ok(self.database.projected(projection, game, subject).await?)
    }

    async fn rows_of(
        &self,
        game: u64,
        venue: &str,
        event: &firmware_protocol::network::Event,
    ) -> Result<(Game, Ledger), ProjectionError> {
        let row = match self.held(games::PROJECTION, game, "").await? {
            Some(payload) => super::read(games::PROJECTION, game, &payload)?,
            None => Game::new(venue, event),
        };
        let ledger = match self.held(ledger::PROJECTION, game, "").await? {
            Some(payload) => super::read(ledger::PROJECTION, game, &payload)?,
            None => Ledger::default(),
        };
        Ok((row, ledger))
    }

    /// The rows as they are now.
    pub(super) fn rows(mut self) -> Vec<ProjectedRow> {
        let mut rows = Vec::with_capacity(4 * self.games.len() + self.players.len());
        for (row, ledger) in self.games.values_mut() {
            let [home, away] = teams::attempts(ledger);
            row.home.attempt(&home);
            row.away.attempt(&away);
            let (together, lines) = together::rows(ledger);
            for (projection, payload) in [
                (games::PROJECTION, super::json(row)),
                (ledger::PROJECTION, super::json(ledger)),
                (together::PROJECTION, together.packed()),
                (together::LINES, super::json(&lines)),
            ] {
                rows.push(ProjectedRow {
                    projection: projection.to_owned(),
                    game: row.game,
                    subject: String::new(),
                    updated_us: row.updated_us,
                    payload,
                });
            }
        }
        rows.extend(self.players.values().map(|row| ProjectedRow {
            projection: players::PROJECTION.to_owned(),
            game: row.game,
            subject: Player::subject(row.side, row.number),
            updated_us: row.updated_us,
            payload: super::json(row),
        }));
        rows
    }
}

/// The rows of `game` made anew from its events up to `upto`, as they count now.
pub(super) async fn anew(
    store: &EventStore,
    database: &Database,
    game: u64,
    upto: Offset,
) -> Result<Vec<ProjectedRow>, ProjectionError> {
    let mut folding = Folding::new(store, database, false);
    let mut after = Offset(0);
    'game: loop {
        let page = store.read_game_after(game, after, PAGE_EVENTS).await?;
        for stored in &page {
            if stored.offset > upto {
                break 'game;
            }
            folding.take(stored).await?;
            after = stored.offset;
        }
        if page.len() < PAGE_EVENTS {
            break;
        }
    }
    Ok(folding.rows())
}
