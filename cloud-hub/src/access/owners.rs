//! Whose things are: the teams of a game and its arena, the teams of a player, the arena of a box.
//!
//! Comes in: names as paths and queries say them. Goes out: [`Object`]s. Held until the next fact, so that a question about
//! a live game asks the tables once. Never: a guess; a game that nobody scheduled is nobody's, and only the league's.

use super::{AccessError, Object, standing::Standing};
use crate::{
    event_store::EventStore,
    ids::Offset,
    projections::{ProjectionError, Projections},
    storage::{Database, StorageError},
};
use moka::sync::Cache;
use serde_json::Value;
use std::sync::Arc;

const HELD_MAX: u64 = 10_000;
/// Rosters a player stands in, at most: more is no player.
const ROSTERS_MAX: usize = 16;

/// Where it is looked up. Clones share what is held.
#[derive(Clone)]
pub struct Owners {
    shared: Arc<Shared>,
}

struct Shared {
    projections: Projections,
    store: EventStore,
    held: Cache<String, (Offset, Object)>,
}

impl From<ProjectionError> for AccessError {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Storage(error) => error.into(),
            other @ ProjectionError::Row { .. } => {
                StorageError::Row { table: "resources", row: 0, reason: other.to_string() }.into()
            }
        }
    }
}

impl Owners {
    /// What `database` tells, anew with each fact in `store`.
    pub fn new(database: Database, store: EventStore) -> Self {
        let (projections, held) = (Projections::new(database), Cache::builder().max_capacity(HELD_MAX).build());
        Self { shared: Arc::new(Shared { projections, store, held }) }
    }

    async fn held(
        &self,
        name: String,
        look: impl Future<Output = Result<Object, AccessError>>,
    ) -> Result<Object, AccessError> {
        let stands = *self.shared.store.follow_hub().borrow();
        if let Some((at, object)) = self.shared.held.get(&name)
            && at == stands
        {
            return Ok(object);
        }
        let object = look.await?;
        self.shared.held.insert(name, (stands, object.clone()));
        Ok(object)
    }

    /// A game.
    pub async fn game(&self, game: u64) -> Result<Object, AccessError> {
        let look = async {
            let row = self.shared.projections.resource("game", &format!("{game:020}")).await?;
            let schedule: Value = row.and_then(|row| serde_json::from_str(&row.payload).ok()).unwrap_or_default();
            let team = |side: &str| schedule[side]["team"].as_str().map(str::to_owned);
            let teams = ["home", "away"].into_iter().filter_map(team).collect();
            Ok(Object::Game { game, teams, venue: schedule["venue"].as_str().map(str::to_owned) })
        };
        self.held(format!("game/{game}"), look).await
    }

    /// A player.
    pub async fn player(&self, player: &str) -> Result<Object, AccessError> {
        let look = async {
            let rosters =
                self.shared.projections.resources("roster", Some(("player", player)), "", ROSTERS_MAX).await?;
            Ok(Object::Player { player: player.to_owned(), teams: rosters.into_iter().map(|row| row.id).collect() })
        };
        self.held(format!("player/{player}"), look).await
    }

    /// Where the box stands; of one that is not enrolled, where it said; nowhere when it did not.
    pub async fn edge(&self, edge: &str) -> Result<Object, AccessError> {
        let (_, enrolments) = self.shared.projections.boxes().await?;
        let venue = match enrolments.into_iter().find(|one| one.edge == edge) {
            Some(one) => Some(one.venue),
            None => self.shared.projections.readings(edge).await?.into_iter().next().map(|(venue, _)| venue),
        };
        Ok(venue.map_or(Object::League, Object::Venue))
    }

    /// Somebody's account.
    pub fn account(standing: &Standing, account: &str) -> Option<Object> {
        let account = standing.accounts.get(account)?;
        Some(super::accounts::object(&account.account, &account.roles))
    }
}
