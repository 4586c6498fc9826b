//! Which positions are meant: of one game, in an interval, of somebody or of everybody.

use firmware_protocol::network::{
    Role, Side,
    record::{Column, TrackChunk},
};

/// Positions of one game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// The game, as the league numbers it.
    pub game: u64,
    /// From this instant, microseconds UTC.
    pub from_us: i64,
    /// To this instant, not in it, microseconds UTC.
    pub to_us: i64,
    /// Of this entity alone; 0 is the puck.
    pub entity: Option<u16>,
    /// Of this team alone.
    pub side: Option<Side>,
    /// Of who wears this number alone.
    pub number: Option<u8>,
}

impl Selection {
    /// All positions of `game`.
    pub fn everything(game: u64) -> Self {
        Self { game, from_us: i64::MIN, to_us: i64::MAX, entity: None, side: None, number: None }
    }

    /// The columns of `chunk` that are wanted.
    pub fn columns<'a>(&self, chunk: &'a TrackChunk) -> impl Iterator<Item = &'a Column> + use<'a> {
        let Self { entity, side, number, .. } = *self;
        chunk.columns.iter().filter(move |column| {
            entity.is_none_or(|entity| column.entity == entity)
                && side.is_none_or(|side| column.side == Some(side))
                && number.is_none_or(|number| column.number == Some(number))
        })
    }

    /// The places of `column` in the interval: when, microseconds UTC, and `[x, y]` in centimetres from centre ice.
    pub fn places<'a>(
        &self,
        chunk: &'a TrackChunk,
        column: &'a Column,
    ) -> impl Iterator<Item = (i64, [i16; 2])> + use<'a> {
        let between = self.from_us..self.to_us;
        let places = column.places().map(|(step, place_cm)| (chunk.captured_us(step), place_cm));
        places.filter(move |(captured_us, _)| between.contains(captured_us))
    }
}

/// The word for a role in every format.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Skater => "skater",
        Role::Goalie => "goalie",
        Role::Official => "official",
    }
}

/// The word for a team in every format.
pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Home => "home",
        Side::Away => "away",
    }
}
