//! Attempts at goal, and who made goals.
//!
//! Comes in: a [`Ledger`]. Goes out: [`Try`]s in order of time. Boxes tell a goal beside the shot that made it, and a
//! goal alone when the puck came slowly: each goal is joined to its team's shot before it, and one without is an attempt
//! of its own. A goal was on goal, whatever was seen. Assists are by the passes that were seen: the scorer's, and the
//! one before it, with no touch of the others and no whistle between. Official scorers may say otherwise.

use crate::{
    event_store::correction::Outcome,
    projections::ledger::{Deed, Ledger},
};
use firmware_protocol::network::Side;

/// Longest flight and scramble from shot to goal, microseconds.
const SHOT_TO_GOAL_US: i64 = 3_000_000;
/// Fixes err: a shot may seem to come this much after its goal, microseconds.
const SLACK_US: i64 = 200_000;
/// Longest from a pass to what it led to, microseconds.
const PASS_TO_GOAL_US: i64 = 10_000_000;

/// One attempt at goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// When it left the stick, and whose.
    pub deed: Deed,
    /// What became of it; `None`: missed or blocked, or not seen to the end.
    pub outcome: Option<Outcome>,
    /// When it went in.
    pub goal_us: Option<i64>,
    /// Who passed to the scorer, and who passed to that one.
    pub assists: [Option<u8>; 2],
}

impl Try {
    /// Whether goalie or net stopped it.
    pub fn on_goal(&self) -> bool {
        self.outcome == Some(Outcome::OnGoal)
    }
}

/// The attempts of a game, oldest first.
pub fn tries(ledger: &Ledger) -> Vec<Try> {
    let mut tries: Vec<Try> = ledger
        .attempts
        .iter()
        .map(|attempt| Try { deed: attempt.deed, outcome: attempt.outcome, goal_us: None, assists: [None; 2] })
        .collect();
    tries.sort_by_key(|attempt| (attempt.deed.at_us, attempt.deed.side, attempt.deed.number));
    let shots = tries.len();
    let mut goals = ledger.goals.clone();
    goals.sort_by_key(|goal| (goal.at_us, goal.side, goal.number));
    for goal in &goals {
        let assists = assists(ledger, goal);
        let window = goal.at_us.saturating_sub(SHOT_TO_GOAL_US)..=goal.at_us.saturating_add(SLACK_US);
        let shot = tries[..shots]
            .iter_mut()
            .rev()
            .find(|shot| shot.goal_us.is_none() && shot.deed.side == goal.side && window.contains(&shot.deed.at_us));
        if let Some(shot) = shot {
            shot.outcome = Some(Outcome::OnGoal);
            shot.goal_us = Some(goal.at_us);
            // Who scored: the last to touch it, which a tip makes another than who shot.
            shot.deed.number = goal.number.or(shot.deed.number);
            shot.assists = assists;
        } else {
            let (outcome, goal_us) = (Some(Outcome::OnGoal), Some(goal.at_us));
            tries.push(Try { deed: *goal, outcome, goal_us, assists });
        }
    }
    tries.sort_by_key(|attempt| (attempt.deed.at_us, attempt.deed.side, attempt.deed.number));
    tries
}

fn assists(ledger: &Ledger, goal: &Deed) -> [Option<u8>; 2] {
    let Some(scorer) = goal.number else { return [None; 2] };
    let Some((first, at_us)) = passer(ledger, goal.side, scorer, goal.at_us) else { return [None; 2] };
    let second = passer(ledger, goal.side, first, at_us).map(|(second, _)| second);
    [Some(first), second.filter(|second| *second != scorer)]
}

/// Who of `side` passed to `receiver` last before `before_us`, and when, if nobody else had the puck since.
fn passer(ledger: &Ledger, side: Side, receiver: u8, before_us: i64) -> Option<(u8, i64)> {
    let since_us = before_us.saturating_sub(PASS_TO_GOAL_US);
    let pass = ledger
        .passes
        .iter()
        .filter(|pass| pass.deed.side == side && pass.receiver == Some(receiver))
        .filter(|pass| (since_us..before_us).contains(&pass.deed.at_us))
        .max_by_key(|pass| pass.deed.at_us)?;
    let between = pass.deed.at_us + 1..before_us;
    let others = |deed: &Deed| deed.side != side && between.contains(&deed.at_us);
    let lost = ledger.passes.iter().any(|pass| others(&pass.deed))
        || ledger.attempts.iter().any(|attempt| others(&attempt.deed))
        || ledger.crossings.iter().any(|crossed| others(&crossed.deed))
        || ledger.plays.iter().any(|(at_us, begins)| !begins && between.contains(at_us));
    let giver = pass.deed.number.filter(|giver| !lost && *giver != receiver)?;
    Some((giver, pass.deed.at_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::ledger::{Attempt, Pass};

    fn home(at_s: f64, number: u8) -> Deed {
        Deed { at_us: (at_s * 1e6) as i64, side: Side::Home, number: Some(number) }
    }

    fn pass(at_s: f64, from: u8, to: u8) -> Pass {
        Pass { deed: home(at_s, from), receiver: Some(to) }
    }

    #[test]
    fn a_goal_is_its_shot_and_one_without_is_an_attempt() {
        let shot = |at_s| Attempt { deed: home(at_s, 9), outcome: None };
        let ledger = Ledger {
            attempts: vec![shot(10.0), shot(11.0), shot(50.0)],
            goals: vec![home(11.8, 19), home(90.0, 4)],
            ..Ledger::default()
        };
        let found: Vec<_> = tries(&ledger).iter().map(|one| (one.deed.number, one.on_goal(), one.goal_us)).collect();
        let (tipped, slow) = ((Some(19), true, Some(11_800_000)), (Some(4), true, Some(90_000_000)));
        assert_eq!(found, [(Some(9), false, None), tipped, (Some(9), false, None), slow]);
    }

    #[test]
    fn assists_are_the_last_two_passes_with_no_other_touch() {
        let mut ledger = Ledger {
            passes: vec![pass(1.0, 5, 7), pass(3.0, 7, 9), pass(2.0, 88, 89)],
            goals: vec![home(4.0, 9)],
            ..Ledger::default()
        };
        assert_eq!(tries(&ledger)[0].assists, [Some(7), Some(5)]);
        ledger.passes.push(Pass { deed: Deed { side: Side::Away, ..home(2.5, 3) }, receiver: Some(4) });
        assert_eq!(tries(&ledger)[0].assists, [Some(7), None], "the others had it before the last pass");
        ledger.plays.push((3_500_000, false));
        assert_eq!(tries(&ledger)[0].assists, [None, None], "a whistle between");
        ledger.plays.clear();
        ledger.passes = vec![pass(1.0, 9, 7), pass(3.0, 7, 9)];
        assert_eq!(tries(&ledger)[0].assists, [Some(7), None], "nobody assists himself");
    }
}
