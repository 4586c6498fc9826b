//! Periods begin and end, by the scoreboard.

use super::{Report, Witness, scene::Scene};
use firmware_protocol::network::EventKind;

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    begun: u8,
    ended: u8,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, report: &mut Report) {
        if !scene.has_board() {
            return;
        }
        let clock = scene.clock;
        let witness = Witness { at_us: scene.now_us, uncertainty_us: 100_000, ..Witness::default() };
        if scene.begun && clock.period > self.begun {
            // A box switched on in mid-period did not see it begin.
            let fresh = clock.remaining_ms % 60_000 > 58_000 || clock.remaining_ms.is_multiple_of(60_000);
            self.begun = clock.period;
            if fresh {
                report.tell(witness, EventKind::PeriodStart);
            }
        }
        if clock.remaining_ms == 0 && scene.stopped && clock.period > self.ended {
            self.ended = clock.period;
            report.tell(witness, EventKind::PeriodEnd);
        }
    }
}
