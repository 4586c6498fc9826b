//! Jersey numbers of one camera's tracks: who is to be looked at, and what their looks together say.
//!
//! Comes in: each frame's tracks, and what a reader saw of those asked for. Goes out: each track's number by vote, or
//! none: one reading alone is never enough, and two numbers as likely are neither. Looks are rationed, for a reader
//! costs as much as a tenth of a detector: few a frame, those who waited longest first; seldom once a number is known
//! or a back is turned away. Never fails; memory is bounded.

use super::{Life, Memory, Track, ballot::Ballot};
use crate::inference::{Class, numbers::Reading};

/// Looks in one frame at most.
const LOOKS_MAX: usize = 1;
/// Until the next look at a track that could be read, that could not, and whose number is known, microseconds.
const READ_US: i64 = 150_000;
const UNREAD_US: i64 = 400_000;
const KNOWN_US: i64 = 1_500_000;
/// Votes that make a number, each as large as the reading's score: three sure readings.
const VOTES_MIN: f32 = 2.4;
/// What is left of a vote when the next one comes.
const KEEP: f32 = 0.97;
/// As readable as this is worth another look soon.
const LEGIBLE: f32 = 0.5;

/// One track's votes.
#[derive(Debug, Clone, Copy, Default)]
struct Wearer {
    due_us: i64,
    ballot: Ballot,
}

/// Numbers of one camera's tracks.
#[derive(Debug, Clone)]
pub struct Numbers {
    wearers: Memory<Wearer>,
    /// Numbers somebody has, one bit each; `None` without a roster.
    roster: Option<u128>,
    asked: Vec<usize>,
}

impl Numbers {
    /// Nothing read. With a `roster` (one bit for each number anybody has) no other number is said.
    pub fn new(roster: Option<u128>) -> Self {
        Self { wearers: Memory::default(), roster, asked: Vec::with_capacity(64) }
    }

    /// Which of `tracks` to look at in this frame, as indices: one at most, seen in it and at least `height_min_px` tall.
    pub fn ask(&mut self, now_us: i64, tracks: &[Track], height_min_px: f32) -> &[usize] {
        self.wearers.keep(tracks);
        self.asked.clear();
        let mut due = [(i64::MAX, 0); LOOKS_MAX];
        for (index, (track, wearer)) in tracks.iter().zip(self.wearers.values()).enumerate() {
            let worth = track.life == Life::Confirmed
                && track.joined.is_some()
                && matches!(track.class, Class::Skater | Class::Goalie)
                && track.rect.h >= height_min_px;
            if !worth || wearer.due_us > now_us {
                continue;
            }
            // Who waited longest takes the place of who waited least; of equals the older track stays.
            let last = &mut due[LOOKS_MAX - 1];
            if wearer.due_us < last.0 {
                *last = (wearer.due_us, index);
                due.sort_unstable();
            }
        }
        self.asked.extend(due.iter().filter(|(due_us, _)| *due_us != i64::MAX).map(|(_, index)| *index));
        &self.asked
    }

    /// Takes in what the look at the track at `index` gave; `None` when it gave nothing.
    pub fn vote(&mut self, now_us: i64, index: usize, reading: Option<Reading>) {
        let Some(wearer) = self.wearers.values().nth(index) else { return };
        let known = wearer.ballot.winner(VOTES_MIN);
        let number = reading.and_then(|reading| reading.number);
        if let (Some(number), Some(reading)) = (number, reading) {
            wearer.ballot.cast(number, reading.score, KEEP);
        }
        let legible = reading.is_some_and(|reading| reading.legibility >= LEGIBLE);
        let wait_us = match known {
            // Another number than the known one: soon again, it may be another person.
            Some(_) if number.is_none() || number == known => KNOWN_US,
            _ if legible => READ_US,
            _ => UNREAD_US,
        };
        wearer.due_us = now_us + wait_us;
    }

    /// Says the numbers of `tracks`, those of the last [`Self::ask`].
    pub fn tell(&mut self, tracks: &mut [Track]) {
        let roster = self.roster;
        for (track, wearer) in tracks.iter_mut().zip(self.wearers.values()) {
            let listed = |number: &u8| {
                roster.is_none_or(|roster| roster & 1u128.checked_shl(u32::from(*number)).unwrap_or(0) != 0)
            };
            let plays = matches!(track.class, Class::Skater | Class::Goalie);
            track.number = if plays { wearer.ballot.winner(VOTES_MIN).filter(listed) } else { None };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Rect, ids::TrackId};

    fn tracks(count: u32, height: f32) -> Vec<Track> {
        let track = |id| Track {
            id: TrackId(id),
            rect: Rect { x: 0.0, y: 0.0, w: 40.0, h: height },
            velocity_px: [0.0; 2],
            sigma_px: [1.0; 2],
            class: Class::Skater,
            score: 0.9,
            life: Life::Confirmed,
            joined: Some(0),
            side: None,
            number: None,
        };
        (1..=count).map(track).collect()
    }

    fn read(number: Option<u8>) -> Reading {
        Reading { number, score: 0.95, legibility: if number.is_some() { 0.97 } else { 0.1 } }
    }

    /// Every look at one track gives the next of `readings`; the number told in the end.
    fn told(roster: Option<u128>, readings: &[Option<u8>]) -> Option<u8> {
        let (mut numbers, mut tracks) = (Numbers::new(roster), tracks(1, 100.0));
        let mut left = readings.iter();
        for frame in 0..readings.len() as i64 * 60 {
            let now_us = frame * 33_333;
            if !numbers.ask(now_us, &tracks, 56.0).is_empty()
                && let Some(number) = left.next()
            {
                numbers.vote(now_us, 0, Some(read(*number)));
            }
        }
        numbers.tell(&mut tracks);
        tracks[0].number
    }

    #[test]
    fn several_readings_make_a_number_and_one_does_not() {
        assert_eq!(told(None, &[Some(14), Some(14)]), None);
        assert_eq!(told(None, &[Some(14), Some(14), Some(14)]), Some(14));
        assert_eq!(told(None, &[Some(74), Some(14), None, Some(14), Some(14), Some(14)]), Some(14));
    }

    #[test]
    fn unread_stays_unread() {
        assert_eq!(told(None, &[None; 40]), None);
        assert_eq!(told(None, &[Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(7)]), None);
    }

    #[test]
    fn a_number_nobody_has_is_not_said() {
        assert_eq!(told(Some(1 << 14), &[Some(14); 5]), Some(14));
        assert_eq!(told(Some(1 << 14), &[Some(11); 5]), None);
    }

    #[test]
    fn looks_are_rationed_and_go_round() {
        let (mut numbers, tracks) = (Numbers::new(None), tracks(12, 100.0));
        let mut looks = [0u32; 12];
        for frame in 0..300 {
            let now_us = frame * 33_333;
            let asked = numbers.ask(now_us, &tracks, 56.0).to_vec();
            assert!(asked.len() <= LOOKS_MAX);
            for index in asked {
                looks[index] += 1;
                numbers.vote(now_us, index, Some(read(None)));
            }
        }
        assert!(looks.iter().all(|looks| (15..=30).contains(looks)), "{looks:?}");
        let low = self::tracks(3, 40.0);
        assert!(numbers.ask(20_000_000, &low, 56.0).is_empty(), "too far away to be read");
    }
}
