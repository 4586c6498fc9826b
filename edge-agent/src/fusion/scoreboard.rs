//! The scoreboard between its messages: while the clock runs, it runs on here.
//!
//! Comes in: what the board showed, and when. Goes out: what it shows at a given moment. A silent board is believed
//! for [`SILENT_MS_MAX`], then its clock stands. Never fails.

use firmware_protocol::network::GameClock;

/// How long a running clock runs on without a word from the board, milliseconds: boards speak ten times a second, so
/// this long a silence is a pulled cable and not a late message.
const SILENT_MS_MAX: i64 = 10_000;

/// What the board last showed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scoreboard {
    shown: GameClock,
    penalties_s: [[u16; 2]; 2],
    shown_us: i64,
}

impl Scoreboard {
    pub(super) fn show(&mut self, shown_us: i64, shown: GameClock, penalties_s: [[u16; 2]; 2]) {
        if shown_us >= self.shown_us {
            *self = Self { shown, penalties_s, shown_us };
        }
    }

    /// Clock and penalties at `now_us`.
    pub(super) fn at(&self, now_us: i64) -> (GameClock, [[u16; 2]; 2]) {
        let mut clock = self.shown;
        if !clock.running {
            return (clock, self.penalties_s);
        }
        let passed_ms = ((now_us - self.shown_us) / 1_000).clamp(0, SILENT_MS_MAX) as u32;
        clock.remaining_ms = clock.remaining_ms.saturating_sub(passed_ms);
        let passed_s = (passed_ms / 1_000) as u16;
        (clock, self.penalties_s.map(|side| side.map(|left| left.saturating_sub(passed_s))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(running: bool) -> Scoreboard {
        let mut board = Scoreboard::default();
        let clock = GameClock { period: 1, remaining_ms: 60_000, running, ..GameClock::default() };
        board.show(1_000_000, clock, [[90, 0], [0, 0]]);
        board
    }

    #[test]
    fn runs_on_between_messages() {
        let (clock, penalties) = board(true).at(2_250_000);
        assert_eq!((clock.remaining_ms, penalties[0][0]), (58_750, 89));
    }

    #[test]
    fn stands_when_stopped_and_after_long_silence() {
        assert_eq!(board(false).at(9_000_000).0.remaining_ms, 60_000);
        assert_eq!(board(true).at(900_000_000).0.remaining_ms, 50_000);
    }

    #[test]
    fn an_older_word_does_not_count() {
        let mut board = board(true);
        board.show(500_000, GameClock::default(), [[0; 2]; 2]);
        assert_eq!(board.at(1_000_000).0.period, 1);
    }
}
