//! `GET /api/core/games/{game}/positions`: where somebody was in any interval, by the page; and below it `export`: all of it,
//! as CSV, Arrow or Parquet, in a stream.
//!
//! Comes in: a game, an interval, a player of its roster or a team, a number, an entity. Goes out: positions, also of a game
//! that is being played. Never: more of an export in memory than a few buffers: who reads slowly is written to slowly, and
//! who stops reading is not written to any more.

use super::{
    Core,
    event_view::Side,
    player_games::place,
    possible,
    resources::{self, games::Schedule},
};
use crate::{
    api::{Named, Page, Parameters, Problem},
    ids::Offset,
    lake::{
        Selection,
        export::{self, Format},
    },
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
/// Chunks read at a time for a page.
const CHUNKS_MAX: usize = 16;
/// Bytes handed on together.
const BUFFER_BYTES: usize = 1 << 16;
/// Buffers between who writes and who reads.
const BUFFERS_MAX: usize = 4;
/// When to come back while all exports are taken, seconds.
const RETRY_S: u32 = 5;

/// Which positions, and which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PositionsChoice {
    /// From this instant, microseconds UTC; from the first position when left out.
    pub from_us: Option<i64>,
    /// To this instant, not in it, microseconds UTC; to the last when left out.
    pub to_us: Option<i64>,
    /// Of this player of the game's roster alone; not beside `side` and `number`.
    #[param(max_length = 63)]
    pub player: Option<String>,
    /// Of this team alone.
    #[param(inline)]
    pub side: Option<Side>,
    /// Of who wears this number alone.
    pub number: Option<u8>,
    /// Of this entity alone; 0 is the puck.
    pub entity: Option<u16>,
    /// `next_cursor` of the page before; the first page when left out.
    #[param(max_length = 128)]
    pub cursor: Option<String>,
    /// At most this many, 1 to 10000.
    #[param(minimum = 1, maximum = 10000, default = 1000)]
    pub limit: Option<usize>,
}

/// Which positions, and how they are written.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportChoice {
    /// From this instant, microseconds UTC; from the first position when left out.
    pub from_us: Option<i64>,
    /// To this instant, not in it, microseconds UTC; to the last when left out.
    pub to_us: Option<i64>,
    /// Of this player of the game's roster alone; not beside `side` and `number`.
    #[param(max_length = 63)]
    pub player: Option<String>,
    /// Of this team alone.
    #[param(inline)]
    pub side: Option<Side>,
    /// Of who wears this number alone.
    pub number: Option<u8>,
    /// Of this entity alone; 0 is the puck.
    pub entity: Option<u16>,
    /// `csv`, `arrow` (an IPC stream) or `parquet`.
    #[param(pattern = "^(csv|arrow|parquet)$", default = "csv")]
    pub format: Option<String>,
}

/// Where somebody was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrackedPosition {
    /// When, microseconds UTC.
    pub captured_us: i64,
    /// The box that saw it.
    pub edge: String,
    /// Whom the box takes for one; 0 is the puck.
    pub entity: u16,
    /// `skater`, `goalie` or `official`; `null` for the puck.
    #[schema(inline)]
    pub role: Option<Role>,
    /// The team, when known.
    pub side: Option<Side>,
    /// Jersey number, when known.
    pub number: Option<u8>,
    /// From centre ice along the length, metres.
    pub x_m: f64,
    /// From centre ice across, metres.
    pub y_m: f64,
}

/// What somebody is on the ice for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Plays.
    Skater,
    /// Keeps goal.
    Goalie,
    /// Watches over the rules.
    Official,
}

impl From<firmware_protocol::network::Role> for Role {
    fn from(role: firmware_protocol::network::Role) -> Self {
        use firmware_protocol::network::Role as Of;
        match role {
            Of::Skater => Self::Skater,
            Of::Goalie => Self::Goalie,
            Of::Official => Self::Official,
        }
    }
}

/// What both ways of asking have.
struct Asked {
    between_us: (Option<i64>, Option<i64>),
    player: Option<String>,
    side: Option<Side>,
    number: Option<u8>,
    entity: Option<u16>,
}

impl Asked {
    async fn selection(self, core: &Core, game: u64) -> Result<Selection, Problem> {
        let Self { between_us: (from_us, to_us), player, side, number, entity } = self;
        let everything = Selection::everything(possible(game)?);
        let (from_us, to_us) = (from_us.unwrap_or(everything.from_us), to_us.unwrap_or(everything.to_us));
        if from_us >= to_us {
            return Err(Problem::bad_request(format!("from_us {from_us} is not before to_us {to_us}")));
        }
        let mut selection = Selection { from_us, to_us, entity, side: side.map(Side::into), number, ..everything };
        if let Some(player) = player {
            if side.is_some() || number.is_some() {
                return Err(Problem::bad_request("player beside side or number (a player has both in the roster)"));
            }
            let schedule = resources::find::<Schedule>(core, &Schedule::id_of(game)).await?;
            let person = schedule.and_then(|(_, schedule)| place(&schedule, &player));
            let person =
                person.ok_or_else(|| Problem::not_found(format!("no player {player} in a roster of game {game}")))?;
            (selection.side, selection.number) = (Some(person.side), Some(person.number));
        }
        let seen = core.shared.store.has_tracks(game).await.map_err(|error| Problem::internal(&error))?;
        if seen { Ok(selection) } else { Err(Problem::not_found(format!("no position of game {game} has come"))) }
    }
}

/// Where a page ends: the chunk, and how many of its wanted places the pages so far hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reached {
    start_us: i64,
    offset: u64,
    places: usize,
}

impl Reached {
    const START: Self = Self { start_us: i64::MIN, offset: 0, places: 0 };

    fn read(cursor: &str) -> Option<Self> {
        let mut parts = cursor.rsplitn(3, '-');
        let (places, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let reached = Self { start_us: parts.next()?.parse().ok()?, offset, places };
        (offset >= 1 && i64::try_from(offset).is_ok()).then_some(reached)
    }

    fn text(self) -> String {
        format!("{}-{}-{}", self.start_us, self.offset, self.places)
    }
}

/// Where somebody was.
#[utoipa::path(get, operation_id = "list_positions", path = "/api/core/games/{game}/positions", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"), PositionsChoice),
    responses(
        (status = 200, description = "A page of positions, by the second they were kept with, in it by person and time",
            body = Page<TrackedPosition>),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such game or player", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn positions(
    State(core): State<Core>,
    Named(game): Named<u64>,
    Parameters(choice): Parameters<PositionsChoice>,
) -> Result<Json<Page<TrackedPosition>>, Problem> {
    let limit = choice.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!("limit {limit} (1 to {LIMIT_MAX})")));
    }
    let begin = choice.cursor.as_deref().map_or(Some(Reached::START), Reached::read);
    let begin =
        begin.ok_or_else(|| Problem::bad_request("cursor is not a next_cursor of this list: begin without one"))?;
    let PositionsChoice { from_us, to_us, player, side, number, entity, .. } = choice;
    let asked = Asked { between_us: (from_us, to_us), player, side, number, entity };
    let selection = asked.selection(&core, game).await?;
    page(&core, &selection, begin, limit).await.map(Json)
}

async fn page(
    core: &Core,
    selection: &Selection,
    begin: Reached,
    limit: usize,
) -> Result<Page<TrackedPosition>, Problem> {
    let between = (selection.from_us, selection.to_us);
    // The chunk where the page before ended is read again: the rest of it comes first.
    let mut after = (begin.start_us, Offset(begin.offset.saturating_sub(1)));
    let (mut items, mut reached) = (Vec::with_capacity(limit.min(LIMIT_DEFAULT)), begin);
    loop {
        let chunks = core.shared.store.read_tracks_between(selection.game, between, after, CHUNKS_MAX).await;
        let chunks = chunks.map_err(|error| Problem::internal(&error))?;
        let Some(last) = chunks.last() else { return Ok(Page { items, next_cursor: None }) };
        after = (last.chunk.start_us, last.offset);
        for tracks in &chunks {
            let (start_us, offset) = (tracks.chunk.start_us, tracks.offset.0);
            let held = if (start_us, offset) == (begin.start_us, begin.offset) { begin.places } else { 0 };
            let places = selection
                .columns(&tracks.chunk)
                .flat_map(|column| selection.places(&tracks.chunk, column).map(move |place| (column, place)));
            for (index, (column, (captured_us, [x_cm, y_cm]))) in places.enumerate().skip(held) {
                if items.len() == limit {
                    return Ok(Page { items, next_cursor: Some(reached.text()) });
                }
                reached = Reached { start_us, offset, places: index + 1 };
                items.push(TrackedPosition {
                    captured_us,
                    edge: tracks.edge.clone(),
                    entity: column.entity,
                    role: column.role.map(Role::from),
                    side: column.side.map(Side::from),
                    number: column.number,
                    x_m: f64::from(x_cm) / 100.0,
                    y_m: f64::from(y_cm) / 100.0,
                });
            }
        }
    }
}

/// All of it, in a stream.
#[utoipa::path(get, operation_id = "export_positions", path = "/api/core/games/{game}/positions/export", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it"), ExportChoice),
    responses(
        (status = 200, description = "The positions, in the columns of the lake's files", content(
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
            (Vec<u8> = "application/vnd.apache.parquet"),
        )),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such game or player", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many exports are under way", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn export(
    State(core): State<Core>,
    Named(game): Named<u64>,
    Parameters(choice): Parameters<ExportChoice>,
) -> Result<Response, Problem> {
    let ExportChoice { from_us, to_us, player, side, number, entity, format } = choice;
    let format: Format =
        format.as_deref().unwrap_or("csv").parse().map_err(|fault| Problem::bad_request(format!("format {fault}")))?;
    let asked = Asked { between_us: (from_us, to_us), player, side, number, entity };
    let selection = asked.selection(&core, game).await?;
    let slot = core.shared.exports.clone().try_acquire_owned().map_err(|_| {
        Problem::unavailable("as many exports as this hub does at a time are under way; try again", RETRY_S)
    })?;
    let (to, mut buffers) = mpsc::channel::<io::Result<Bytes>>(BUFFERS_MAX);
    let store = core.shared.store.clone();
    tokio::task::spawn_blocking(move || {
        let out = Outlet { to: to.clone(), buffer: BytesMut::with_capacity(BUFFER_BYTES) };
        let written = export::write(&store, &selection, format, out, |_| {});
        if let Err(error) = written.map_err(io::Error::other).and_then(|mut out| out.hand_on())
            && to.blocking_send(Err(io::Error::other("the export broke off"))).is_ok()
        {
            tracing::error!(%error, game, "an export broke off");
        }
        drop(slot);
    });
    let file = format!("attachment; filename=\"positions-{game}.{format}\"");
    let headers = [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, file)];
    // Whoever compresses it asks once more after the end.
    let stream = futures_util::stream::poll_fn(move |context| buffers.poll_recv(context));
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// What is written goes on by the buffer; writing waits for reading.
struct Outlet {
    to: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

impl Outlet {
    fn hand_on(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.to.blocking_send(Ok(self.buffer.split().freeze())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
