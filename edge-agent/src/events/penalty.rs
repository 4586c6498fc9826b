//! Penalties, when the scoreboard begins to show one.

use super::{Report, Witness, scene::Scene};
use crate::fusion::Snapshot;
use firmware_protocol::network::{EventKind, Side};

#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    before_s: Option<[[u16; 2]; 2]>,
}

impl Rule {
    pub(super) fn observe(&mut self, scene: &Scene, snapshot: &Snapshot, report: &mut Report) {
        let now_s = snapshot.penalties_s;
        let before_s = self.before_s.replace(now_s).unwrap_or(now_s);
        for (team, side) in [Side::Home, Side::Away].into_iter().enumerate() {
            let (now, before) = (now_s[team], before_s[team]);
            let total = |left: [u16; 2]| u32::from(left[0]) + u32::from(left[1]);
            // Boards move a penalty from one line to the other: only more time in all is a new one.
            if total(now) <= total(before) + 10 {
                continue;
            }
            let added = total(now) - total(before);
            let length_s = (added.div_ceil(60) * 60) as u16;
            let witness =
                Witness { at_us: scene.now_us, uncertainty_us: 500_000, side: Some(side), ..Witness::default() };
            report.tell(witness, EventKind::Penalty { length_s });
        }
    }
}
