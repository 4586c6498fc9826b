//! Which way each team attacks: away from its own goalie. Learnt again every period.

use crate::{fusion::Snapshot, rink::Rink};
use firmware_protocol::network::{Role, Side};

/// Evidence that is enough, in snapshots of a goalie at home.
const ENOUGH: i32 = 25;
/// So that a new period is learnt in seconds.
const MOST: i32 = 250;

#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    /// Above zero: the home team attacks toward +x.
    home: i32,
    period: u8,
}

impl Ends {
    pub(super) fn update(&mut self, snapshot: &Snapshot, rink: &Rink) {
        if snapshot.clock.period != self.period {
            self.period = snapshot.clock.period;
            self.home = 0;
        }
        for player in snapshot.players.iter().filter(|player| player.role == Role::Goalie) {
            let Some(side) = player.side else { continue };
            if player.position_m[0].abs() > rink.goal_line_m - 5.0 {
                let away_from_goal = if player.position_m[0] < 0.0 { 1 } else { -1 };
                let home = if side == Side::Home { away_from_goal } else { -away_from_goal };
                self.home = (self.home + home).clamp(-MOST, MOST);
            }
        }
    }

    /// +1 when the team attacks toward +x; `None` until known.
    pub(super) fn attack(&self, side: Side) -> Option<f64> {
        let home = match self.home {
            ENOUGH.. => 1.0,
            ..=-25 => -1.0,
            _ => return None,
        };
        Some(if side == Side::Home { home } else { -home })
    }
}
