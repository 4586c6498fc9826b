//! What cameras say somebody wears: side and number, by vote, and what may be believed of it.
//!
//! Comes in: each sighting's side and number. Goes out: side and number, or that they are not known. What a tag says
//! always counts for more. Cameras only guess which of two jerseys is home's; players whose tags say their side put a
//! wrong guess right for everybody. A number nobody of the side has is not said. Pure, fixed in size, never fails.

use super::{Binding, PlayerState};
use crate::tracking::ballot::{Ballot, Lean};
use firmware_protocol::network::{Role, Side};

/// What is left of a vote when the next sighting comes: some hundred count, three seconds of a camera.
const KEEP: f32 = 0.99;
/// So many sightings with the number, a quarter of a second of a camera.
const NUMBER_VOTES_MIN: f32 = 8.0;
/// So many more sightings of tagged players in the other side's jersey and the guess was wrong; two seconds of two.
const CONTRARY: i16 = 120;

/// One person's votes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worn {
    home: Lean,
    number: Ballot,
}

impl Worn {
    /// Takes in one sighting.
    pub(super) fn see(&mut self, side: Option<Side>, number: Option<u8>) {
        let vote = match side {
            Some(Side::Home) => 1.0,
            Some(Side::Away) => -1.0,
            None => 0.0,
        };
        self.home.cast(vote, 1.0, KEEP);
        if let Some(number) = number {
            self.number.cast(number, 1.0, KEEP);
        }
    }

    /// Side and number, where `side` and `number` are what their tag says.
    pub(super) fn told(
        &self,
        side: Option<Side>,
        number: Option<u8>,
        believed: &Believed,
    ) -> (Option<Side>, Option<u8>) {
        let side = side.or_else(|| self.home.said().map(|home| believed.side(home)));
        let read = || self.number.winner(NUMBER_VOTES_MIN).filter(|number| believed.may_wear(side, *number));
        (side, number.or_else(read))
    }
}

/// What is believed of everybody: whether the cameras' home is home, and who may wear what.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Believed {
    /// Sightings of tagged players that contradicted their tags less those that agreed.
    contrary: i16,
    turned: bool,
    /// Which numbers home and guests have, one bit each; none when there is no roster.
    numbers: [Option<u128>; 2],
}

impl Believed {
    pub(super) fn new(bindings: &[Binding]) -> Self {
        let mut believed = Self::default();
        for Binding { role, side, number, .. } in bindings {
            if let (Some(side), Some(number), false) = (side, number, *role == Role::Official) {
                *believed.numbers[usize::from(*side == Side::Away)].get_or_insert(0) |= bit(*number);
            }
        }
        believed
    }

    /// Somebody whose tag says `tagged` was seen as `seen`.
    pub(super) fn hear(&mut self, tagged: Option<Side>, seen: Option<Side>) {
        let (Some(tagged), Some(seen)) = (tagged, seen) else { return };
        let step = if tagged == seen { -1 } else { 1 };
        self.contrary = (self.contrary + step).clamp(-CONTRARY, CONTRARY);
        // Only the very end of the scale turns it, so that it does not waver.
        if self.contrary.abs() == CONTRARY {
            self.turned = self.contrary > 0;
        }
    }

    fn side(&self, home: bool) -> Side {
        if home == self.turned { Side::Away } else { Side::Home }
    }

    /// Whether somebody of `side` may wear `number`; of an unknown side, whether anybody may.
    fn may_wear(&self, side: Option<Side>, number: u8) -> bool {
        let has = |numbers: Option<u128>| numbers.is_none_or(|numbers| numbers & bit(number) != 0);
        match side {
            Some(side) => has(self.numbers[usize::from(side == Side::Away)]),
            None => self.numbers.into_iter().any(has),
        }
    }
}

fn bit(number: u8) -> u128 {
    1u128.checked_shl(u32::from(number)).unwrap_or(0)
}

/// One number is worn once: by whom a tag says it (entities up to `bound`), and of two who only seem to by neither.
pub(super) fn once(players: &mut [PlayerState], bound: u16) {
    for index in 0..players.len() {
        let PlayerState { entity, side, number, .. } = players[index];
        let same = |other: &PlayerState| other.side == side && other.number == number;
        if entity.0 > bound && number.is_some() && players.iter().any(|other| other.entity != entity && same(other)) {
            let seeming = players.iter_mut().filter(|other| same(other) && other.entity.0 > bound);
            seeming.for_each(|other| other.number = None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, TagId};

    fn seen(times: u32, side: Option<Side>, number: Option<u8>) -> Worn {
        let mut worn = Worn::default();
        (0..times).for_each(|_| worn.see(side, number));
        worn
    }

    #[test]
    fn a_tag_counts_for_more_than_what_is_seen() {
        let worn = seen(50, Some(Side::Away), Some(14));
        let believed = Believed::default();
        assert_eq!(worn.told(None, None, &believed), (Some(Side::Away), Some(14)));
        assert_eq!(worn.told(Some(Side::Home), Some(9), &believed), (Some(Side::Home), Some(9)));
        assert_eq!(seen(50, None, None).told(None, None, &believed), (None, None));
    }

    #[test]
    fn tags_put_a_wrong_guess_right_for_everybody() {
        let mut believed = Believed::default();
        (0..CONTRARY - 1).for_each(|_| believed.hear(Some(Side::Home), Some(Side::Away)));
        let worn = seen(50, Some(Side::Away), None);
        let side = |believed: &Believed| worn.told(None, None, believed).0;
        assert_eq!(side(&believed), Some(Side::Away), "not yet");
        believed.hear(Some(Side::Home), Some(Side::Away));
        assert_eq!(side(&believed), Some(Side::Home));
        (0..CONTRARY).for_each(|_| believed.hear(Some(Side::Home), Some(Side::Home)));
        assert_eq!(side(&believed), Some(Side::Home), "does not waver");
    }

    #[test]
    fn a_number_nobody_of_the_side_has_is_not_said() {
        let binding =
            |tag, side, number| Binding { tag: TagId(tag), role: Role::Skater, side: Some(side), number: Some(number) };
        let believed = Believed::new(&[binding(1, Side::Home, 14), binding(2, Side::Away, 7)]);
        let number = |side, number| seen(50, Some(side), Some(number)).told(None, None, &believed).1;
        assert_eq!(number(Side::Home, 14), Some(14));
        assert_eq!(number(Side::Away, 14), None);
        assert_eq!(number(Side::Home, 99), None);
    }

    #[test]
    fn one_number_is_worn_once() {
        let player = |entity, side, number| PlayerState {
            entity: EntityId(entity),
            role: Role::Skater,
            side: Some(side),
            number: Some(number),
            position_m: [0.0; 2],
            velocity_mps: [0.0; 2],
            covariance_m2: [0.1, 0.0, 0.1],
        };
        let mut players = [
            player(1, Side::Home, 9),
            player(30, Side::Home, 9),
            player(31, Side::Away, 9),
            player(32, Side::Away, 5),
            player(33, Side::Away, 5),
        ];
        once(&mut players, 20);
        assert_eq!(players.map(|player| player.number), [Some(9), None, Some(9), None, None]);
    }
}
