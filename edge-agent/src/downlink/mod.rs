//! Carries out the hub's commands: the box asks for them, believes only what its own hub signed for it, does each once,
//! and reports what became of it.
//!
//! ```text
//!  hub ◄═ Report (what became of orders) ═ asked each second ═► Orders ─► verify ─► carry out ─► ledger ─► next Report
//!                                                                          └─ settings ─► the box starts anew with them
//! ```
//!
//! Comes in: signed [`Orders`]. Goes out: outcomes; and [`Layer`], what the hub has said, which the box lays over its own
//! file when it starts. Whatever changes the settings starts the box anew in its own process (seconds without states, so
//! it is refused while the game clock runs, but for the end of a game) and is on trial at first: when the box does not
//! start, dies, or a stage that was well no longer is, it goes back to what was before and says so. Never: carries out
//! an order twice, or one that is not for this enrolment. Room is left for orders to come: an order this version does
//! not know is refused as such.

mod config;
mod layer;
mod ledger;
mod signed;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use layer::Layer;
pub use ledger::Ledger;

use crate::{
    health::{Health, State},
    log, time,
    uplink::{Link, UplinkConfig},
};
use firmware_protocol::network::{self, Command, LiveState, Order, Orders, Outcome, Report, topic};
use std::{io, time::Duration};
use tokio::sync::watch;

/// Log lines in one answer.
const LINES_MAX: usize = 5_000;

/// Why a layer cannot be used; the words a person needs.
pub type Check = Box<dyn Fn(&Layer) -> Result<(), String> + Send + Sync>;

/// What the downlink knows of the box it is part of.
pub struct Surroundings {
    /// Whether settings with a layer over them are sound.
    pub check: Check,
    /// The newest state: play is on while its clock runs.
    pub newest: watch::Receiver<Option<LiveState>>,
    /// How every stage is.
    pub health: Health,
    /// How the box is, as JSON.
    pub diagnostics: Box<dyn Fn() -> String + Send + Sync>,
}

/// What an order comes to.
enum Step {
    Settled(Outcome),
    /// The layer to start anew with, and for how long it is on trial, milliseconds.
    TryOut(Layer, u64),
}

/// The box's side of the road down.
pub struct Downlink {
    config: Config,
    uplink: UplinkConfig,
    ledger: Ledger,
    around: Surroundings,
}

impl Downlink {
    /// The downlink of the box that `uplink` says it is.
    pub fn new(config: Config, uplink: UplinkConfig, ledger: Ledger, around: Surroundings) -> Self {
        Self { config, uplink, ledger, around }
    }

    /// Asks and carries out, until the box has to start anew.
    pub async fn run<L: Link>(self, link: &L) {
        let began_us = time::monotonic_us();
        let mut asks = tokio::time::interval(Duration::from_millis(self.config.ask_every_ms));
        asks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            asks.tick().await;
            let is_anew = match self.judge(began_us) {
                Ok(false) => self.ask(link).await,
                judged => judged,
            };
            match is_anew {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    let cure = "no order is carried out until it can be written down: free space, check the folder";
                    let reason = format!("{}: {error}", self.config.path.display());
                    self.around.health.report("downlink", State::down(reason, cure));
                    continue;
                }
            }
            self.around.health.report("downlink", State::Ok);
        }
    }

    /// Ends a trial whose time has come; whether the box has to start anew.
    fn judge(&self, began_us: u64) -> io::Result<bool> {
        let Some(trial) = self.ledger.trial() else { return Ok(false) };
        if time::monotonic_us().saturating_sub(began_us) < trial.for_ms * 1_000 {
            return Ok(false);
        }
        let unwell = self.around.health.stages().into_iter().find_map(|stage| match stage.state {
            State::Degraded { reason, .. } | State::Down { reason, .. } if trial.well.contains(&stage.stage) => {
                Some(format!("{} was well before, and is not with them: {reason}", stage.stage))
            }
            _ => None,
        });
        // Who is well only because nobody looked is asked for longer by a longer trial.
        match unwell {
            Some(reason) if trial.for_ms > 0 => self.ledger.roll_back(&reason).map(|()| true),
            _ => self.ledger.pass("in force".to_owned()).map(|()| false),
        }
    }

    /// Asks once, and carries out what is answered; whether the box has to start anew.
    async fn ask<L: Link>(&self, link: &L) -> io::Result<bool> {
        let key = topic::commands(&self.uplink.venue, &self.uplink.edge);
        let report = Report { edge: self.uplink.edge.clone(), outcomes: self.ledger.outcomes() };
        let timeout = Duration::from_millis(self.uplink.timeout_ms);
        // Whether the hub is there is the uplink's to say.
        let Ok(answer) = link.ask(&key, network::encode(&report), timeout).await else { return Ok(false) };
        let Ok(orders) = network::decode::<Orders>(&answer) else {
            metrics::counter!("downlink_unreadable_total").increment(1);
            return Ok(false);
        };
        self.ledger.forget(&orders.settled)?;
        for signed in &orders.orders {
            let order = match signed::verify(&self.uplink.own_authority(), &self.ledger.name(), signed) {
                Ok(order) => order,
                Err(reason) => {
                    self.refuse(0, reason)?;
                    continue;
                }
            };
            if order.number <= self.ledger.last() {
                // One whose outcome is still on its way may come again; any other was settled long ago.
                if !self.ledger.outcomes().iter().any(|outcome| outcome.number == order.number)
                    && self.ledger.trial().is_none_or(|trial| trial.number != order.number)
                    && !orders.settled.contains(&order.number)
                {
                    self.refuse(0, format!("order {} was carried out before: it is repeated", order.number))?;
                }
                continue;
            }
            if self.ledger.is_on_trial() {
                // One after the other: it comes again.
                return Ok(false);
            }
            if self.carry_out(order)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn refuse(&self, number: u64, reason: String) -> io::Result<()> {
        tracing::warn!(number, reason, "downlink: an order is refused");
        metrics::counter!("downlink_refused_total").increment(1);
        self.ledger.settle(number, Outcome::Refused { reason })
    }

    /// Whether the box has to start anew.
    fn carry_out(&self, Order { number, command, .. }: Order) -> io::Result<bool> {
        let Ok(command) = network::decode::<Command>(&command) else {
            let reason = concat!("edge-agent ", env!("CARGO_PKG_VERSION"), " does not know this order: update the box");
            return self.refuse(number, reason.to_owned()).map(|()| false);
        };
        tracing::info!(number, order = name(&command), "downlink: an order");
        metrics::counter!("downlink_orders_total", "order" => name(&command)).increment(1);
        match self.step(command) {
            Step::Settled(Outcome::Refused { reason }) => self.refuse(number, reason).map(|()| false),
            Step::Settled(outcome) => self.ledger.settle(number, outcome).map(|()| false),
            Step::TryOut(layer, for_ms) => {
                let is_well = |stage: &crate::health::Stage| stage.state == State::Ok;
                let well = self.around.health.stages().into_iter().filter(is_well).map(|stage| stage.stage).collect();
                self.ledger.try_out(number, layer, well, for_ms).map(|()| true)
            }
        }
    }

    fn step(&self, command: Command) -> Step {
        let layer = self.ledger.layer();
        let (layer, for_ms, may_interrupt) = match command {
            Command::Note { text } => {
                tracing::info!(text, "downlink: the hub's word");
                return Step::Settled(Outcome::Done { answer: "noted".to_owned() });
            }
            Command::Log { lines } => {
                let answer = log::newest((lines as usize).min(LINES_MAX));
                return Step::Settled(Outcome::Done { answer });
            }
            Command::Diagnostics => {
                return Step::Settled(Outcome::Done { answer: (self.around.diagnostics)() });
            }
            Command::GameStart { game } => (Layer { game: Some(game), ..layer.clone() }, 0, false),
            Command::GameStop { game } => match self.playing() {
                Some((other, _)) if other != game => {
                    let reason = format!("this box records game {other}, not {game}");
                    return Step::Settled(Outcome::Refused { reason });
                }
                _ => (Layer { game: Some(0), ..layer.clone() }, 0, true),
            },
            Command::Roster { people } => (Layer { roster: Some(people), ..layer.clone() }, 0, false),
            Command::Configure { settings } => (Layer { settings, ..layer.clone() }, self.config.trial_ms, false),
        };
        if layer == self.ledger.layer() {
            return Step::Settled(Outcome::Done { answer: "in force already".to_owned() });
        }
        if let Err(reason) = (self.around.check)(&layer) {
            return Step::Settled(Outcome::Refused { reason });
        }
        match self.playing() {
            Some((game, true)) if !may_interrupt => {
                let reason = format!(
                    "the clock of game {game} runs, and this would interrupt it for seconds: wait for a whistle, or stop \
                     the game first"
                );
                Step::Settled(Outcome::Refused { reason })
            }
            _ => Step::TryOut(layer, for_ms),
        }
    }

    /// The game that is recorded, and whether its clock runs.
    fn playing(&self) -> Option<(u64, bool)> {
        self.around.newest.borrow().as_ref().map(|state| (state.game, state.clock.running))
    }
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::GameStart { .. } => "game_start",
        Command::GameStop { .. } => "game_stop",
        Command::Note { .. } => "note",
        Command::Roster { .. } => "roster",
        Command::Configure { .. } => "configure",
        Command::Log { .. } => "log",
        Command::Diagnostics => "diagnostics",
    }
}
