//! The binary frames of `/ws/analytics`: the newest state of one game, a keyframe or what changed since the last.
//!
//! Comes in: consecutive [`LiveState`]s of one game. Goes out: bytes, little-endian, one WebSocket message a frame.
//! Never: IO, clocks. Any state encodes: entities beyond 65,535 cannot exist, and a difference too wide for its field
//! makes its entry whole.
//!
//! ```text
//! header, 48 bytes
//!   0 u8   version, 1
//!   1 u8   kind: 1 keyframe, 2 delta
//!   2 u8   flags: bit 0 the clock runs, bit 1 the puck's place is known
//!   3 u8   period: 1-3, 4 and on for overtime, 0 before the game
//!   4 u8   goals of the home team
//!   5 u8   goals of the away team
//!   6 u16  W, whole entries that follow
//!   8 u16  M, moved entries after them (0 in a keyframe)
//!  10 u16  G, gone entries after those (0 in a keyframe)
//!  12 u32  sequence: counts up by one a frame of this game, wraps
//!  16 u64  game
//!  24 i64  captured_us: when it was so, microseconds UTC
//!  32 u32  remaining_ms: time left in the period
//!  36 i16  puck x_cm   38 i16 puck y_cm   40 i16 puck z_cm    (all 0 when its place is not known)
//!  42 i16  puck vx_cms 44 i16 puck vy_cms
//!  46 u16  0
//!
//! W whole entries, 14 bytes each          M moved entries, 8 bytes each         G gone entries, 2 bytes each
//!   0 u16  entity                           0 u16  entity                         0 u16  entity
//!   2 u8   bits 0-1 role: 0 skater,         2 i8   x_cm, added to the last
//!          1 goalie, 2 official;            3 i8   y_cm, added to the last
//!          bits 2-3 side: 0 unknown,        4 i8   vx_cms, added to the last
//!          1 home, 2 away                   5 i8   vy_cms, added to the last
//!   3 u8   jersey number, 255 unknown       6 u8   sigma_cm, the new one
//!   4 i16  x_cm      6 i16 y_cm             7 u8   0
//!   8 i16  vx_cms   10 i16 vy_cms
//!  12 u8   sigma_cm, 255 for 255 and more
//!  13 u8   0
//! ```
//!
//! A keyframe stands alone: forget all entities, take its whole entries. A delta of sequence *s* is right only upon
//! the state of sequence *s − 1*: a viewer who does not hold that waits for the next keyframe, which comes at least
//! once a second. In a delta a whole entry is somebody new or changed; whoever stands in no entry is where they were.
//! Coordinates are rink coordinates: origin at centre ice, x along the length, y across.

use std::collections::HashMap;

use bytes::Bytes;
use firmware_protocol::network::{LivePlayer, LiveState, Role, Side};

/// Version of the layout: the first byte of every frame.
pub const VERSION: u8 = 1;
/// Second byte of a keyframe.
pub const KEYFRAME: u8 = 1;
/// Second byte of a delta.
pub const DELTA: u8 = 2;
/// Bytes before the entries.
pub const HEADER_BYTES: usize = 48;
/// Bytes of one whole entry.
pub const WHOLE_BYTES: usize = 14;
/// Bytes of one moved entry.
pub const MOVED_BYTES: usize = 8;
/// Bytes of one gone entry.
pub const GONE_BYTES: usize = 2;
/// The jersey number of somebody whose number is not known.
pub const NUMBER_UNKNOWN: u8 = 255;

/// `state` by itself.
pub fn keyframe(state: &LiveState, sequence: u32) -> Bytes {
    let mut frame = Vec::with_capacity(HEADER_BYTES + state.players.len() * WHOLE_BYTES);
    let players = unique(state);
    header(&mut frame, KEYFRAME, state, sequence, [players.len(), 0, 0]);
    for player in players {
        whole(&mut frame, player);
    }
    frame.into()
}

/// What changed from `last` to `state`; right only upon the frame of `sequence - 1` that carried `last`.
pub fn delta(last: &LiveState, state: &LiveState, sequence: u32) -> Bytes {
    let before: HashMap<u16, &LivePlayer> = unique(last).into_iter().map(|player| (player.entity, player)).collect();
    let now = unique(state);
    let (mut wholes, mut moves) = (Vec::new(), Vec::new());
    let (mut whole_count, mut moved_count) = (0, 0);
    for player in &now {
        match before.get(&player.entity) {
            Some(old) if *old == *player => {}
            Some(old) if moved(&mut moves, old, player) => moved_count += 1,
            _ => {
                whole(&mut wholes, player);
                whole_count += 1;
            }
        }
    }
    let mut gone: Vec<u16> =
        before.keys().copied().filter(|entity| !now.iter().any(|player| player.entity == *entity)).collect();
    gone.sort_unstable();

    let mut frame = Vec::with_capacity(HEADER_BYTES + wholes.len() + moves.len() + gone.len() * GONE_BYTES);
    header(&mut frame, DELTA, state, sequence, [whole_count, moved_count, gone.len()]);
    frame.extend_from_slice(&wholes);
    frame.extend_from_slice(&moves);
    for entity in gone {
        frame.extend_from_slice(&entity.to_le_bytes());
    }
    frame.into()
}

/// Each entity once, the first time it is named: two places for one person cannot both be true.
fn unique(state: &LiveState) -> Vec<&LivePlayer> {
    let mut players: Vec<&LivePlayer> = Vec::with_capacity(state.players.len());
    for player in &state.players {
        if players.len() < usize::from(u16::MAX) && !players.iter().any(|seen| seen.entity == player.entity) {
            players.push(player);
        }
    }
    players
}

fn header(frame: &mut Vec<u8>, kind: u8, state: &LiveState, sequence: u32, counts: [usize; 3]) {
    let flags = u8::from(state.clock.running) | (u8::from(state.puck.is_some()) << 1);
    frame.extend_from_slice(&[VERSION, kind, flags, state.clock.period]);
    frame.extend_from_slice(&[state.clock.home_score, state.clock.away_score]);
    for count in counts {
        frame.extend_from_slice(&(count as u16).to_le_bytes());
    }
    frame.extend_from_slice(&sequence.to_le_bytes());
    frame.extend_from_slice(&state.game.to_le_bytes());
    frame.extend_from_slice(&state.captured_us.to_le_bytes());
    frame.extend_from_slice(&state.clock.remaining_ms.to_le_bytes());
    let puck = state.puck.map_or([0; 5], |puck| [puck.x_cm, puck.y_cm, puck.z_cm, puck.vx_cms, puck.vy_cms]);
    for value in puck {
        frame.extend_from_slice(&value.to_le_bytes());
    }
    frame.extend_from_slice(&[0, 0]);
}

fn whole(entries: &mut Vec<u8>, player: &LivePlayer) {
    let role = match player.role {
        Role::Skater => 0,
        Role::Goalie => 1,
        Role::Official => 2,
    };
    let side = match player.side {
        None => 0,
        Some(Side::Home) => 1,
        Some(Side::Away) => 2,
    };
    entries.extend_from_slice(&player.entity.to_le_bytes());
    entries.extend_from_slice(&[role | (side << 2), player.number.unwrap_or(NUMBER_UNKNOWN)]);
    for value in [player.x_cm, player.y_cm, player.vx_cms, player.vy_cms] {
        entries.extend_from_slice(&value.to_le_bytes());
    }
    entries.extend_from_slice(&[player.sigma_cm, 0]);
}

/// Appends a moved entry, or says that `player` needs a whole one.
fn moved(entries: &mut Vec<u8>, last: &LivePlayer, player: &LivePlayer) -> bool {
    let step = |from: i16, to: i16| i8::try_from(i32::from(to) - i32::from(from)).ok();
    let same_person = (last.role, last.side, last.number) == (player.role, player.side, player.number);
    let steps = (
        step(last.x_cm, player.x_cm),
        step(last.y_cm, player.y_cm),
        step(last.vx_cms, player.vx_cms),
        step(last.vy_cms, player.vy_cms),
    );
    let (true, (Some(x), Some(y), Some(vx), Some(vy))) = (same_person, steps) else {
        return false;
    };
    entries.extend_from_slice(&player.entity.to_le_bytes());
    entries.extend([x, y, vx, vy].map(|value| value as u8));
    entries.extend_from_slice(&[player.sigma_cm, 0]);
    true
}
