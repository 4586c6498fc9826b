//! `/api/core/games/{game}/corrections`: staff say that an event was otherwise, or was not.
//!
//! Comes in: which event, what is to be done with it, and why. Goes out: the correction, which stays; every figure is
//! counted anew with it, and the event is shown with it. Never: a change of the event itself. To take a correction back,
//! restore the event.

use super::{
    Core,
    event_view::Side,
    possible,
    resources::{Answered, Writing},
};
use crate::{
    api::{
        Asker, Body, Named, Page, PageChoice, Parameters, Problem,
        described::{BadBody, Key},
        page,
    },
    event_store::{CORRECTIONS_MAX, Fact, HubEvent, correction, hub_event},
    ids::Offset,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use firmware_protocol::network::{self, event};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Letters of a reason.
const REASON_MAX: usize = 500;
/// Tries of one correction while others correct the same game.
const TRIES: usize = 5;

/// What is to be done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionAction {
    /// It did not happen.
    Withdraw,
    /// It happened as the changes say.
    Change,
    /// It happened as the box told.
    Restore,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShotOutcome {
    /// Goalie or net stopped it.
    OnGoal,
    /// It went wide.
    Missed,
    /// A skater stopped it on the way.
    Blocked,
}

/// A third of the ice, seen from the team of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IceZone {
    /// Own end.
    Defensive,
    /// Between the blue lines.
    Neutral,
    /// The opponent's end.
    Offensive,
}

/// How the puck crossed a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineCrossing {
    /// On a stick.
    Carry,
    /// From stick to stick.
    Pass,
    /// Dumped.
    Dump,
}

/// What was otherwise; what is left out was as the box told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorrectionChanges {
    /// The team it is counted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Jersey number of who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 99)]
    pub number: Option<u8>,
    /// A pass: who received it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 99)]
    pub receiver: Option<u8>,
    /// A shot: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ShotOutcome>,
    /// A face-off: zone of the side that won it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<IceZone>,
    /// A zone entry or exit: how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crossing: Option<LineCrossing>,
}

/// A correction that is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCorrection {
    /// Offset of the event.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_u64)]
    pub event: u64,
    /// What is to be done with it.
    pub action: CorrectionAction,
    /// With `change`: what was otherwise, at least one thing.
    #[serde(default)]
    pub changes: CorrectionChanges,
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// A correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CorrectionView {
    /// Its number in the game, from 1.
    pub correction: u64,
    /// When it was made, microseconds UTC.
    pub at_us: i64,
    /// Offset of the event.
    pub event: u64,
    /// What is to be done with it.
    pub action: CorrectionAction,
    /// What was otherwise.
    pub changes: CorrectionChanges,
    /// Why.
    pub reason: String,
}

/// One word of the API and the same of the event store, both ways.
macro_rules! same_words {
    ($here:ty, $there:ty, $($word:ident),+) => {
        impl From<$here> for $there {
            fn from(word: $here) -> Self {
                match word { $(<$here>::$word => Self::$word),+ }
            }
        }
        impl From<$there> for $here {
            fn from(word: $there) -> Self {
                match word { $(<$there>::$word => Self::$word),+ }
            }
        }
    };
}
same_words!(CorrectionAction, correction::Action, Withdraw, Change, Restore);
same_words!(ShotOutcome, correction::Outcome, OnGoal, Missed, Blocked);
same_words!(IceZone, network::Zone, Defensive, Neutral, Offensive);
same_words!(LineCrossing, event::Crossing, Carry, Pass, Dump);

impl From<CorrectionChanges> for correction::Changes {
    fn from(changes: CorrectionChanges) -> Self {
        let CorrectionChanges { side, number, receiver, outcome, zone, crossing } = changes;
        Self {
            side: side.map(Into::into),
            number,
            receiver,
            outcome: outcome.map(Into::into),
            zone: zone.map(Into::into),
            crossing: crossing.map(Into::into),
        }
    }
}

impl From<correction::Changes> for CorrectionChanges {
    fn from(changes: correction::Changes) -> Self {
        let correction::Changes { side, number, receiver, outcome, zone, crossing } = changes;
        Self {
            side: side.map(Into::into),
            number,
            receiver,
            outcome: outcome.map(Into::into),
            zone: zone.map(Into::into),
            crossing: crossing.map(Into::into),
        }
    }
}

impl CorrectionView {
    /// The correction that `event` is, if it is one.
    pub(super) fn new(event: HubEvent) -> Option<Self> {
        let Fact::Corrected(correction) = event.fact else { return None };
        Some(Self {
            correction: event.sequence,
            at_us: event.at_us,
            event: correction.event,
            action: correction.action.into(),
            changes: correction.changes.into(),
            reason: correction.reason,
        })
    }
}

impl NewCorrection {
    /// What is wrong with it, for an event of `kind`.
    fn fault(&self, kind: &network::EventKind) -> Option<String> {
        let letters = self.reason.chars().count();
        let changes: correction::Changes = self.changes.into();
        let nothing = changes == correction::Changes::default();
        let number = self.changes.number.into_iter().chain(self.changes.receiver).find(|number| *number > 99);
        if !(1..=REASON_MAX).contains(&letters) || self.reason.trim().is_empty() {
            return Some(format!("reason (1 to {REASON_MAX} characters)"));
        }
        if let Some(number) = number {
            return Some(format!("number {number} (0 to 99)"));
        }
        if nothing == (self.action == CorrectionAction::Change) {
            return Some("changes: something with `change`, nothing with `withdraw` and `restore`".to_owned());
        }
        changes.misfit(kind).map(|field| format!("{field}: a {} has none", kind.name()))
    }
}

/// The corrections of one game, oldest first.
#[utoipa::path(get, operation_id = "list_corrections", path = "/api/core/games/{game}/corrections", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"), PageChoice),
    responses(
        (status = 200, description = "A page of corrections; of two of one event the later counts", body = Page<CorrectionView>),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn all(
    State(core): State<Core>,
    Named(game): Named<u64>,
    Parameters(choice): Parameters<PageChoice>,
) -> Result<Response, Problem> {
    let (limit, cursor) = (page::limit(choice.limit)?, page::cursor(choice.cursor.as_deref())?);
    let after = if cursor.is_empty() { Some(0) } else { cursor.parse::<u32>().ok() };
    let after = after.ok_or_else(|| Problem::bad_request("cursor is not a next_cursor of this list"))?;
    let stream = hub_event::corrections_of(possible(game)?);
    let events = core.shared.store.read_stream(&stream, u64::from(after), limit + 1).await;
    let events = events.map_err(|error| Problem::internal(&error))?;
    let views = events.into_iter().filter_map(CorrectionView::new).collect();
    Ok(Json(Page::new(views, limit, |view: &CorrectionView| view.correction.to_string())).into_response())
}

/// Says that an event was otherwise, or was not.
#[utoipa::path(post, operation_id = "correct_event", path = "/api/core/games/{game}/corrections", tag = "core", request_body = NewCorrection,
    params(("game" = u64, Path, description = "The game, as the league numbers it"),
        Key),
    responses(
        (status = 201, description = "It is counted from now on", body = NewCorrection, headers(("etag"))),
        (status = 400, description = "No JSON, or a faulty key or path", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such event in this game", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Others correct this game at the same time: try again", body = Problem, content_type = "application/problem+json"),
        BadBody,
    )
)]
pub async fn create(
    State(core): State<Core>,
    asker: Asker,
    Named(game): Named<u64>,
    headers: HeaderMap,
    body: Body<NewCorrection>,
) -> Result<Response, Problem> {
    let path = format!("/api/core/games/{game}/corrections");
    let writing = Writing::new(&core, (&asker, &headers), (&Method::POST, &path), &body.bytes)?;
    if let Some(before) = writing.before().await? {
        return Ok(before.into_response());
    }
    let (store, new) = (&core.shared.store, body.value);
    let unprocessable = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let before = Offset(new.event.saturating_sub(1).min(i64::MAX as u64));
    let found = store.read_game_after(game, before, 1).await.map_err(|error| Problem::internal(&error))?;
    let event = found.first().filter(|stored| stored.offset.0 == new.event);
    let event = event.ok_or_else(|| Problem::not_found(format!("game {game} has no event {}", new.event)))?;
    if let Some(fault) = new.fault(&event.event.kind) {
        return Err(unprocessable(fault));
    }
    let body = serde_json::to_value(&new).expect("a correction is made of words and numbers");
    let correction = correction::Correction {
        game,
        event: new.event,
        action: new.action.into(),
        changes: new.changes.into(),
        reason: new.reason,
    };
    let fact = Fact::Corrected(correction);
    for _ in 0..TRIES {
        let stands = store.stands(&fact.stream()).await.map_err(|error| Problem::internal(&error))?;
        if stands >= CORRECTIONS_MAX as u64 {
            return Err(unprocessable(format!("game {game} has {CORRECTIONS_MAX} corrections already")));
        }
        let answer = Answered { status: 201, location: None, sequence: stands + 1, body: body.clone() };
        if let Some(answered) = writing.append(&fact, stands, answer).await? {
            return Ok(answered.into_response());
        }
    }
    Err(Problem::new(StatusCode::CONFLICT, "others correct this game at the same time: try again"))
}
