//! A drawn season: 32 teams, each 82 games, nobody twice a day; lines, shifts, attempts, penalties by chance. Simulated: made
//! to have a season's size and shape, and nothing that a coach could learn from.

use firmware_protocol::network::{Event, EventKind, GameClock, Side, Zone, event::StoppageReason};
use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const SEED: u64 = 7;
const TEAMS: usize = 32;
const GAMES_A_DAY: usize = TEAMS / 2;
const FIRST: u64 = 2_026_020_001;
/// A shift, seconds.
const SHIFT_S: i64 = 45;
const SHIFTS: i64 = 80;
const SECOND: i64 = 1_000_000;
/// The evening of the first day, microseconds UTC.
const BEGIN_US: i64 = 1_790_000_000_000_000;

fn team_name(team: usize) -> String {
    format!("team-{team:02}")
}

fn player_name(team: usize, number: u8) -> String {
    format!("player-{team:02}-{number:02}")
}

/// Twelve forwards, six defenders, a goalie.
fn numbers() -> impl Iterator<Item = u8> {
    (2..20).chain([30])
}

/// Venue, teams and players, with the paths they are posted to.
pub fn resources() -> Vec<(&'static str, Value)> {
    let mut all = vec![("venues", json!({"venue": "arena", "name": "Arena", "city": "Oakville"}))];
    for team in 0..TEAMS {
        let letter = |value: usize| char::from(b'A' + value as u8);
        let short = format!("T{}{}", letter(team / 26), letter(team % 26));
        all.push(("teams", json!({"team": team_name(team), "name": team_name(team), "abbreviation": short})));
        all.extend(numbers().map(|number| {
            let (player, position) = (player_name(team, number), position(number));
            ("players", json!({"player": player, "name": player, "position": position}))
        }));
    }
    all
}

/// Who plays the `game`-th of the season: days of a round robin by the circle, home and away in turn.
pub fn teams(game: usize) -> (usize, usize) {
    let (day, pair) = (game / GAMES_A_DAY, game % GAMES_A_DAY);
    let round = day % (TEAMS - 1);
    let seat = |place: usize| if place == 0 { 0 } else { 1 + (place - 1 + round) % (TEAMS - 1) };
    let (one, other) = (seat(pair), seat(TEAMS - 1 - pair));
    if (day / (TEAMS - 1) + pair + round).is_multiple_of(2) { (one, other) } else { (other, one) }
}

/// The number that leagues know the `game`-th by.
pub fn league_number(game: usize) -> u64 {
    FIRST + game as u64
}

pub fn schedule(game: usize) -> Value {
    let side = |team: usize| {
        let place = |number| json!({"number": number, "player": player_name(team, number), "goalie": number == 30});
        json!({"team": team_name(team), "roster": numbers().map(place).collect::<Vec<_>>()})
    };
    let (home, away) = teams(game);
    let starts_us = BEGIN_US + (game / GAMES_A_DAY) as i64 * 86_400 * SECOND;
    json!({"game": league_number(game), "venue": "arena", "starts_us": starts_us,
        "home": side(home), "away": side(away)})
}

/// A player of `team`, and two team-mates.
pub fn three(team: usize, random: &mut ChaCha8Rng) -> [String; 3] {
    let mut numbers: Vec<u8> = (2..20).collect();
    numbers.shuffle(random);
    [0, 1, 2].map(|at| player_name(team, numbers[at]))
}

/// What a box tells of the `game`-th.
pub fn play(game: usize) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED << 32 | game as u64);
    let begin_us = BEGIN_US + (game / GAMES_A_DAY) as i64 * 86_400 * SECOND;
    let mut events = Vec::with_capacity(2_200);
    let mut tell = |at_ms: i64, side, number: Option<u8>, kind| {
        events.push(Event {
            game: league_number(game),
            captured_us: begin_us + at_ms * 1_000,
            uncertainty_us: 500,
            clock: GameClock {
                period: (1 + at_ms / 1_200_000).min(3) as u8,
                remaining_ms: (1_200_000 - at_ms % 1_200_000) as u32,
                running: true,
                home_score: 0,
                away_score: 0,
            },
            side: Some(side),
            number,
            position_m: Some([20.0, 3.0]),
            kind,
        });
    };
    let length_ms = SHIFTS * SHIFT_S * 1_000;
    for side in [Side::Home, Side::Away] {
        tell(0, side, Some(30), EventKind::ShiftStart);
        tell(length_ms, side, Some(30), EventKind::ShiftEnd { length_ms: length_ms as u32 });
    }
    tell(0, Side::Home, None, EventKind::FaceOff { zone: Zone::Neutral });
    for shift in 0..SHIFTS {
        let from_ms = shift * SHIFT_S * 1_000;
        let mut on = Vec::new();
        let short = random.random_bool(0.1).then(|| if random.random_bool(0.5) { Side::Home } else { Side::Away });
        for side in [Side::Home, Side::Away] {
            let (line, pair) = (random.random_range(0..4u8), random.random_range(0..3u8));
            let mut skaters: Vec<u8> = (2 + 3 * line..5 + 3 * line).chain(14 + 2 * pair..16 + 2 * pair).collect();
            if short == Some(side) {
                skaters.remove(0);
                tell(from_ms, side, Some(skaters[0]), EventKind::Penalty { length_s: 120 });
            }
            for number in skaters {
                // Nobody changes at one instant.
                let begin_ms = from_ms + random.random_range(0..2_000);
                let length_ms = SHIFT_S * 1_000 - 2_100;
                tell(begin_ms, side, Some(number), EventKind::ShiftStart);
                tell(begin_ms + length_ms, side, Some(number), EventKind::ShiftEnd { length_ms: length_ms as u32 });
                on.push((side, number));
            }
        }
        for _ in 0..random.random_range(0..4) {
            let (side, number) = on[random.random_range(0..on.len())];
            let at_ms = from_ms + random.random_range(3_000..40_000);
            let on_goal = Some(random.random_bool(0.55));
            tell(at_ms, side, Some(number), EventKind::Shot { speed_mps: 31.0, distance_m: 12.0, on_goal });
            if random.random_bool(0.05) {
                tell(at_ms + 400, side, Some(number), EventKind::Goal);
            }
        }
        if random.random_bool(0.7) {
            let at_ms = from_ms + 41_000;
            tell(at_ms, Side::Home, None, EventKind::Stoppage { reason: StoppageReason::Icing });
            let winner = if random.random_bool(0.5) { Side::Home } else { Side::Away };
            tell(at_ms + 2_000, winner, None, EventKind::FaceOff { zone: Zone::Neutral });
        }
    }
    events.sort_by_key(|event| event.captured_us);
    events
}

fn position(number: u8) -> &'static str {
    match number {
        30 => "goalie",
        14.. => "defender",
        _ => "forward",
    }
}

/// 82 games each, nobody twice a day: wrong, and what follows measures another season.
pub fn check() {
    let mut games = [0; TEAMS];
    for day in 0..82 {
        let mut today = [0; TEAMS];
        for pair in 0..GAMES_A_DAY {
            let (home, away) = teams(day * GAMES_A_DAY + pair);
            for team in [home, away] {
                (games[team], today[team]) = (games[team] + 1, today[team] + 1);
            }
        }
        assert_eq!(today, [1; TEAMS], "day {day}");
    }
    assert_eq!(games, [82; TEAMS]);
}
