//! Counting votes that may be wrong: which of two, and which number.
//!
//! Comes in: votes with a weight, one after another. Goes out: what they say, or that they do not say. Old votes count
//! for less, so that a track that changed people is heard again. Fixed in size, never fails.

/// Which of two, or unsure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lean {
    sum: f32,
    weight: f32,
    said: Option<bool>,
}

impl Lean {
    /// So much must have been voted before anything is said.
    const ENOUGH: f32 = 5.0;
    /// Share of the votes by which one must lead to be said, and below which it is said no more.
    const SURE: f32 = 0.5;
    const UNSURE: f32 = 0.2;

    /// A vote: positive for the first, negative for the second; `weight`, at least its size, is what it could have
    /// been. Everything before is multiplied by `keep`.
    pub fn cast(&mut self, vote: f32, weight: f32, keep: f32) {
        self.sum = self.sum * keep + vote;
        self.weight = self.weight * keep + weight.max(vote.abs());
        let lead = self.sum / self.weight.max(f32::MIN_POSITIVE);
        if self.weight >= Self::ENOUGH && lead.abs() >= Self::SURE {
            self.said = Some(lead > 0.0);
        } else if self.said.is_some_and(|first| if first { lead < Self::UNSURE } else { lead > -Self::UNSURE }) {
            self.said = None;
        }
    }

    /// Whether it is the first; `None` while unsure.
    pub fn said(&self) -> Option<bool> {
        self.said
    }
}

/// Candidates remembered; a vote for another takes the place of the weakest.
const CANDIDATES: usize = 4;

/// Which number, or unread.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ballot {
    candidates: [(u8, f32); CANDIDATES],
}

impl Ballot {
    /// A vote for `number`. Everything before is multiplied by `keep`.
    pub fn cast(&mut self, number: u8, weight: f32, keep: f32) {
        for (_, votes) in &mut self.candidates {
            *votes *= keep;
        }
        let known = self.candidates.iter().position(|(other, votes)| *other == number && *votes > 0.0);
        let weakest = || {
            let order = |a: &usize, b: &usize| self.candidates[*a].1.total_cmp(&self.candidates[*b].1);
            (0..CANDIDATES).min_by(order).unwrap_or(0)
        };
        if let Some(index) = known {
            self.candidates[index].1 += weight;
        } else {
            let index = weakest();
            self.candidates[index] = (number, weight);
        }
    }

    /// The number with `votes_min` or more and twice as many as any other.
    pub fn winner(&self, votes_min: f32) -> Option<u8> {
        let (number, votes) = *self.candidates.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let second =
            self.candidates.iter().filter(|(other, _)| *other != number).map(|(_, votes)| *votes).fold(0.0, f32::max);
        (votes >= votes_min && votes >= 2.0 * second).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsure_stays_unsure() {
        let mut lean = Lean::default();
        lean.cast(2.0, 2.0, 0.97);
        assert_eq!(lean.said(), None, "one vote is not enough");
        for _ in 0..50 {
            lean.cast(2.0, 2.0, 0.97);
            lean.cast(-2.0, 2.0, 0.97);
        }
        assert_eq!(lean.said(), None, "nobody leads");
        (0..50).for_each(|_| lean.cast(0.0, 2.0, 0.97));
        assert_eq!(lean.said(), None, "like neither");
    }

    #[test]
    fn who_leads_is_said_and_kept_through_doubt() {
        let mut lean = Lean::default();
        (0..20).for_each(|_| lean.cast(2.0, 2.0, 0.97));
        assert_eq!(lean.said(), Some(true));
        (0..6).for_each(|_| lean.cast(-2.0, 2.0, 0.97));
        assert_eq!(lean.said(), Some(true), "a few others do not change it");
        (0..60).for_each(|_| lean.cast(-2.0, 2.0, 0.97));
        assert_eq!(lean.said(), Some(false), "many do");
    }

    #[test]
    fn one_wrong_number_does_not_win() {
        let mut ballot = Ballot::default();
        assert_eq!(ballot.winner(2.5), None, "unread is unread");
        ballot.cast(88, 1.0, 0.97);
        assert_eq!(ballot.winner(2.5), None, "one is not enough");
        (0..4).for_each(|_| ballot.cast(14, 0.9, 0.97));
        assert_eq!(ballot.winner(2.5), Some(14));
        ballot.cast(74, 1.0, 0.97);
        assert_eq!(ballot.winner(2.5), Some(14));
        (0..3).for_each(|_| ballot.cast(74, 1.0, 0.97));
        assert_eq!(ballot.winner(2.5), None, "two that are as likely are neither");
    }

    #[test]
    fn more_than_it_can_hold_is_no_harm() {
        let mut ballot = Ballot::default();
        for number in 0..40 {
            ballot.cast(number, 0.9, 0.97);
            ballot.cast(7, 0.9, 0.97);
        }
        assert_eq!(ballot.winner(2.5), Some(7));
    }
}
