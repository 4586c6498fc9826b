//! Hand-worked games, and sums that must hold in any game.

use super::{Counted, Person, Strength};
use crate::{
    event_store::correction::Outcome,
    projections::{
        ledger::{Attempt, Crossed, Deed, FaceOff, Ledger, Pass, Shift},
        skating::Skating,
    },
};
use firmware_protocol::network::{Side, Zone, event::Crossing};
use proptest::prelude::*;

const S: i64 = 1_000_000;

fn deed(at_s: i64, side: Side, number: u8) -> Deed {
    Deed { at_us: at_s * S, side, number: Some(number) }
}

fn shift(from_s: i64, to_s: i64, side: Side, number: u8) -> Shift {
    Shift { from_us: from_s * S, to_us: to_s * S, side, number: Some(number) }
}

fn attempt(at_s: i64, side: Side, number: u8, outcome: Option<Outcome>) -> Attempt {
    Attempt { deed: deed(at_s, side, number), outcome }
}

/// Two minutes: play from 0 to 60 s and from 80 to 120 s. Home 9 is on from 0 to 40 and from 70 to 120, home 11 from 40 to
/// 60, away 4 all the time. Both keep goal with 30.
fn two_minutes() -> Ledger {
    let (home, away) = (Side::Home, Side::Away);
    Ledger {
        newest_us: 120 * S,
        shifts: vec![
            shift(0, 40, home, 9),
            shift(70, 120, home, 9),
            shift(40, 60, home, 11),
            shift(0, 120, away, 4),
            shift(0, 120, home, 30),
            shift(0, 120, away, 30),
        ],
        plays: vec![(0, true), (60 * S, false), (80 * S, true), (120 * S, false)],
        face_offs: vec![
            FaceOff { at_us: 0, winner: Some((away, Zone::Neutral)), number: None },
            FaceOff { at_us: 80 * S, winner: Some((home, Zone::Offensive)), number: Some(9) },
        ],
        attempts: vec![
            attempt(10, home, 9, Some(Outcome::OnGoal)),
            attempt(45, home, 11, None),
            attempt(50, away, 4, Some(Outcome::OnGoal)),
            attempt(100, home, 9, Some(Outcome::OnGoal)),
        ],
        goals: vec![deed(101, home, 9)],
        passes: vec![Pass { deed: deed(95, home, 11), receiver: Some(9) }],
        crossings: vec![
            Crossed { deed: deed(5, home, 9), entry: true, crossing: Crossing::Carry },
            Crossed { deed: deed(6, home, 9), entry: true, crossing: Crossing::Dump },
        ],
        penalties: vec![(deed(60, away, 4), 120)],
        ..Ledger::default()
    }
}

#[test]
fn a_game_worked_by_hand() {
    let (ledger, skating) = (two_minutes(), Skating::default());
    let game = Counted::new(&ledger, &skating, []);
    let players = game.players(Strength::All);
    let of = |side, number| players.iter().find(|line| line.person == Person { side, number }).unwrap();

    let nine = of(Side::Home, 9);
    // 0–40 in the first play and 80–120 in the second: 70–80 was a stoppage.
    assert_eq!(nine.toi_ms, Some(80_000));
    let shifts = nine.shifts.unwrap();
    assert_eq!((shifts.count, shifts.on_ice_ms, shifts.longest_ms), (2, 90_000, 50_000));
    assert_eq!((nine.goals, nine.assists, nine.attempts, nine.on_goal), (1, 0, 2, 2));
    assert_eq!((nine.entries, nine.entries_controlled, nine.face_offs_won), (2, 1, 1));
    assert_eq!((nine.on_ice.own.corsi, nine.on_ice.other.corsi), (2, 0), "11 was on for the others");
    let starts = nine.zone_starts.unwrap();
    assert_eq!((starts.neutral, starts.offensive, starts.defensive, starts.on_the_fly), (1, 1, 0, 0));
    assert_eq!(nine.on_ice_face_offs, [1, 1]);

    let eleven = of(Side::Home, 11);
    assert_eq!(
        (eleven.toi_ms, eleven.assists, eleven.on_ice.own.corsi, eleven.on_ice.other.corsi),
        (Some(20_000), 1, 1, 1)
    );
    assert_eq!(eleven.zone_starts.unwrap().on_the_fly, 1);
    assert_eq!(eleven.on_ice.own.fenwick(), None, "nobody knows whether its attempt was blocked");

    let four = of(Side::Away, 4);
    assert_eq!((four.toi_ms, four.penalty_s), (Some(100_000), 120));
    assert_eq!(four.zone_starts.unwrap().neutral, 1, "on through the stoppage: one start");
    assert_eq!((four.on_ice.own.fenwick(), four.on_ice.other.fenwick()), (Some(1), None));
    // One shot of theirs saved; of three against, two on goal, one in: 0 + 1 - 1/2.
    assert_eq!(four.on_ice.pdo(), Some(0.5));

    let (home, away) = (game.team(Side::Home, Strength::All), game.team(Side::Away, Strength::All));
    assert_eq!((home.play_ms, home.balance.own.corsi, home.balance.own.goals), (Some(100_000), 3, 1));
    assert_eq!((home.face_offs_won, home.face_offs_lost), ([0, 0, 1], [0, 1, 0]));
    assert_eq!((away.face_offs_won, away.face_offs_lost), ([0, 1, 0], [1, 0, 0]));
    assert_eq!(home.balance.pdo().unwrap() + away.balance.pdo().unwrap(), 2.0);
}

#[test]
fn what_staff_said_of_a_shot_makes_fenwick_known() {
    let (mut ledger, skating) = (two_minutes(), Skating::default());
    ledger.attempts[1].outcome = Some(Outcome::Blocked);
    let home = Counted::new(&ledger, &skating, []).team(Side::Home, Strength::All);
    assert_eq!((home.balance.own.corsi, home.balance.own.fenwick()), (3, Some(2)));
}

#[test]
fn strengths_part_the_game() {
    let skating = Skating::default();
    let mut ledger = Ledger { newest_us: 100 * S, plays: vec![(0, true), (100 * S, false)], ..Ledger::default() };
    // Five against five; away 5 is off from 40 to 70.
    for number in 1..=5 {
        ledger.shifts.push(shift(0, 100, Side::Home, number));
        if number < 5 {
            ledger.shifts.push(shift(0, 100, Side::Away, number));
        }
    }
    ledger.shifts.extend([shift(0, 40, Side::Away, 5), shift(70, 100, Side::Away, 5)]);
    let goalies = [Side::Home, Side::Away].map(|side| Person { side, number: 30 });
    ledger.shifts.extend(goalies.map(|goalie| shift(0, 100, goalie.side, 30)));
    ledger.attempts =
        vec![attempt(10, Side::Away, 1, None), attempt(50, Side::Home, 1, None), attempt(55, Side::Home, 2, None)];
    let game = Counted::new(&ledger, &skating, goalies);
    let toi = |side, number, strength: &str| {
        let lines = game.players(strength.parse().unwrap());
        lines.into_iter().find(|line| line.person == Person { side, number }).unwrap().toi_ms
    };
    assert_eq!(toi(Side::Home, 1, "5v5"), Some(70_000));
    assert_eq!(toi(Side::Home, 1, "power_play"), Some(30_000));
    assert_eq!(toi(Side::Away, 1, "4v5"), Some(30_000));
    assert_eq!(toi(Side::Away, 5, "short_handed"), Some(0));
    let corsi = |side, strength: &str| game.team(side, strength.parse().unwrap()).balance.own.corsi;
    assert_eq!([corsi(Side::Home, "power_play"), corsi(Side::Home, "5v5"), corsi(Side::Away, "5v5")], [2, 0, 1]);
    let by_situation = &game.players(Strength::All)[0].toi_ms_by_situation;
    assert_eq!(
        by_situation.iter().map(|(code, ms)| (code.as_str(), *ms)).collect::<Vec<_>>(),
        [("1451", 30_000), ("1551", 70_000)]
    );
    // Without anybody known to keep goal nothing is said.
    assert_eq!(Counted::new(&ledger, &skating, []).team(Side::Home, "5v5".parse().unwrap()).play_ms, Some(0));
}

#[test]
fn a_shift_without_an_end_is_open_only_when_it_is_the_newest() {
    let skating = Skating::default();
    let ledger = Ledger {
        newest_us: 100 * S,
        plays: vec![(0, true)],
        // The first end was lost; the second shift was told whole; the third goes on.
        starts: vec![deed(0, Side::Home, 9), deed(30, Side::Home, 9), deed(80, Side::Home, 9)],
        shifts: vec![shift(30, 60, Side::Home, 9)],
        ..Ledger::default()
    };
    let line = &Counted::new(&ledger, &skating, []).players(Strength::All)[0];
    let shifts = line.shifts.unwrap();
    assert_eq!((line.toi_ms, shifts.count, shifts.unended), (Some(50_000), 2, 1));
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Home), Just(Side::Away)]
}

prop_compose! {
    fn any_ledger()(
        shifts in proptest::collection::vec((0i64..3_000, 1i64..90, any_side(), 1u8..22), 0..120),
        plays in proptest::collection::vec((0i64..3_000, any::<bool>()), 0..40),
        attempts in proptest::collection::vec((0i64..3_000, any_side(), 1u8..22, 0u8..4), 0..60),
        goals in proptest::collection::vec((0i64..3_000, any_side(), 1u8..22), 0..8),
        face_offs in proptest::collection::vec((0i64..3_000, any_side(), 0u8..3), 0..40),
    ) -> Ledger {
        let outcomes = [None, Some(Outcome::OnGoal), Some(Outcome::Missed), Some(Outcome::Blocked)];
        let zones = [Zone::Defensive, Zone::Neutral, Zone::Offensive];
        Ledger {
            newest_us: 3_100 * S,
            shifts: shifts.into_iter().map(|(at, length, side, number)| shift(at, at + length, side, number)).collect(),
            plays: plays.into_iter().map(|(at, begins)| (at * S, begins)).collect(),
            attempts: attempts.into_iter().map(|(at, side, number, what)| attempt(at, side, number, outcomes[usize::from(what)])).collect(),
            goals: goals.into_iter().map(|(at, side, number)| deed(at, side, number)).collect(),
            face_offs: face_offs.into_iter().map(|(at, side, zone)| FaceOff { at_us: at * S, winner: Some((side, zones[usize::from(zone)])), number: None }).collect(),
            ..Ledger::default()
        }
    }
}

proptest! {
    #[test]
    fn sums_hold_in_any_game(ledger in any_ledger()) {
        let skating = Skating::default();
        let game = Counted::new(&ledger, &skating, []);
        let players = game.players(Strength::All);
        let (home, away) = (game.team(Side::Home, Strength::All), game.team(Side::Away, Strength::All));

        prop_assert_eq!(home.balance.own, away.balance.other, "for of one is against of the other");
        prop_assert_eq!(home.balance.other, away.balance.own);
        prop_assert_eq!(home.face_offs_won.iter().sum::<u32>(), away.face_offs_lost.iter().sum::<u32>());
        if let (Some(one), Some(other)) = (home.balance.pdo(), away.balance.pdo()) {
            prop_assert!((one + other - 2.0).abs() < 1e-12, "{} + {}", one, other);
        }
        for side in [Side::Home, Side::Away] {
            let own = || players.iter().filter(move |line| line.person.side == side);
            let team = if side == Side::Home { &home } else { &away };
            // Everybody's time is the ice's: each slice of play as often as people were on.
            let ice_us: i64 = game.ice().slices.iter().filter(|slice| slice.playing)
                .map(|slice| (slice.stay.to_us - slice.stay.from_us) * slice.on.iter().filter(|person| person.side == side).count() as i64)
                .sum();
            prop_assert_eq!(own().filter_map(|line| line.toi_ms).sum::<u64>(), if game.ice().plays.is_empty() { 0 } else { ice_us as u64 / 1_000 });
            prop_assert_eq!(own().map(|line| line.attempts).sum::<u32>(), team.balance.own.corsi);
            prop_assert_eq!(own().map(|line| line.goals).sum::<u32>(), ledger.goals.iter().filter(|goal| goal.side == side).count() as u32);
            for line in own() {
                let (own, all) = (line.on_ice.own, team.balance.own);
                prop_assert!(own.corsi <= all.corsi && own.on_goal <= own.corsi && own.goals <= own.on_goal);
                prop_assert!(own.blocked + own.unsettled + own.on_goal <= own.corsi);
                let (shifts, starts) = (line.shifts.unwrap_or_default(), line.zone_starts.unwrap_or_default());
                let begun = starts.defensive + starts.neutral + starts.offensive + starts.unseen + starts.on_the_fly;
                prop_assert!(begun <= shifts.count && shifts.longest_ms <= shifts.on_ice_ms);
                prop_assert!(line.toi_ms.unwrap_or(0) <= shifts.on_ice_ms);
            }
        }
        // On-ice figures are the team's, as often as its players were on.
        let on_ice: u32 = players.iter().filter(|line| line.person.side == Side::Home).map(|line| line.on_ice.own.corsi).sum();
        let against: u32 = players.iter().filter(|line| line.person.side == Side::Away).map(|line| line.on_ice.other.corsi).sum();
        let counted = |side: Side| -> u32 {
            let attempts = super::attempts::tries(&ledger);
            let homes = attempts.iter().filter(|one| one.deed.side == Side::Home);
            homes.map(|one| game.ice().at(one.deed.at_us).map_or(0, |slice| slice.on.iter().filter(|on| on.side == side).count() as u32)).sum()
        };
        prop_assert_eq!((on_ice, against), (counted(Side::Home), counted(Side::Away)));
    }
}
