//! Where each stage says how it is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::sensors::LineState;

/// How a stage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Working, but not as it should.
    Degraded {
        /// What is wrong.
        reason: String,
        /// What a person can do.
        cure: String,
    },
    /// Not working; tried again by itself.
    Down {
        /// What is wrong.
        reason: String,
        /// What a person can do.
        cure: String,
    },
}

impl State {
    /// Working, but not as it should.
    pub fn degraded(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::Degraded { reason: reason.into(), cure: cure.into() }
    }

    /// Not working.
    pub fn down(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::Down { reason: reason.into(), cure: cure.into() }
    }

    fn overall(&self) -> Overall {
        match self {
            Self::Ok => Overall::Ok,
            Self::Degraded { .. } => Overall::Degraded,
            Self::Down { .. } => Overall::Down,
        }
    }
}

impl From<LineState> for State {
    fn from(line: LineState) -> Self {
        match line {
            LineState::Opening => Self::degraded("not open yet", "wait; it is opened by itself"),
            LineState::Reading => Self::Ok,
            LineState::Degraded { reason, cure } => Self::Degraded { reason, cure },
            LineState::Down { reason, cure } => Self::Down { reason, cure },
        }
    }
}

/// How the worst stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// Green.
    Ok,
    /// Yellow.
    Degraded,
    /// Red.
    Down,
}

/// One stage and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name, as of its folder, with what it is about behind a space where there are several: `capture 2`.
    pub stage: String,
    /// How it is.
    #[serde(flatten)]
    pub state: State,
    /// What is worth knowing of it when it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The board: a cheap handle that stages write on and anybody reads.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Written>>>);

#[derive(Debug)]
struct Written {
    state: State,
    note: Option<String>,
}

impl Health {
    /// An empty board, which is green.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how `stage` is. The log hears of a change between green, yellow and red once.
    pub fn report(&self, stage: &str, state: State) {
        let overall = state.overall();
        let before = {
            let mut stages = self.lock();
            if let Some(Written { state: known, .. }) = stages.get_mut(stage) {
                (*known != state).then(|| std::mem::replace(known, state.clone()).overall())
            } else {
                stages.insert(stage.into(), Written { state: state.clone(), note: None });
                Some(Overall::Ok)
            }
        };
        metrics::gauge!("health_state", "stage" => stage.to_owned()).set(f64::from(overall as u8));
        if before.is_none_or(|before| before == overall) {
            return;
        }
        match state {
            State::Ok => tracing::info!(stage, "well again"),
            State::Degraded { reason, cure } => tracing::warn!(stage, reason, cure, "degraded"),
            State::Down { reason, cure } => tracing::error!(stage, reason, cure, "down"),
        }
    }

    /// Says what is worth knowing of `stage`, which is on the board.
    pub fn note(&self, stage: &str, note: impl Into<String>) {
        if let Some(written) = self.lock().get_mut(stage) {
            written.note = Some(note.into());
        }
    }

    /// Takes a stage off the board: its camera or line is configured no more.
    pub fn forget(&self, stage: &str) {
        self.lock().remove(stage);
    }

    /// All stages, in order of name.
    pub fn stages(&self) -> Vec<Stage> {
        let stage = |(stage, Written { state, note }): (&String, &Written)| Stage {
            stage: stage.clone(),
            state: state.clone(),
            note: note.clone(),
        };
        self.lock().iter().map(stage).collect()
    }

    /// How the worst stage is.
    pub fn overall(&self) -> Overall {
        self.lock().values().map(|written| written.state.overall()).max().unwrap_or(Overall::Ok)
    }

    /// The board in one line, worst first, for `systemctl status`.
    pub fn sentence(&self) -> String {
        let mut stages = self.stages();
        stages.sort_by_key(|stage| std::cmp::Reverse(stage.state.overall()));
        let unwell: Vec<String> = stages
            .into_iter()
            .filter_map(|Stage { stage, state, .. }| match state {
                State::Ok => None,
                State::Degraded { reason, .. } => Some(format!("{stage} degraded: {reason}")),
                State::Down { reason, .. } => Some(format!("{stage} down: {reason}")),
            })
            .collect();
        // A line break would end the note to systemd.
        if unwell.is_empty() { "all well".into() } else { unwell.join("; ").replace('\n', " ") }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Written>> {
        // Every change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stage_counts_and_recovers() {
        let health = Health::new();
        assert_eq!((health.overall(), health.sentence()), (Overall::Ok, "all well".into()));
        health.report("store", State::Ok);
        health.report("capture 0", State::degraded("12 frames a second", "look at the cable"));
        health.clone().report("uplink", State::down("hub\naway", "check the network"));
        assert_eq!(health.overall(), Overall::Down);
        assert_eq!(health.sentence(), "uplink down: hub away; capture 0 degraded: 12 frames a second");
        health.report("uplink", State::Ok);
        assert_eq!(health.overall(), Overall::Degraded);
        health.forget("capture 0");
        assert_eq!(health.overall(), Overall::Ok);
        assert_eq!(health.stages().len(), 2);
    }

    #[test]
    fn as_json_a_stage_says_its_cure() {
        let state = State::down("hub away", "check the network");
        let stage = Stage { stage: "uplink".into(), state, note: None };
        assert_eq!(
            serde_json::to_string(&stage).unwrap(),
            r#"{"stage":"uplink","state":"down","reason":"hub away","cure":"check the network"}"#
        );
    }

    #[test]
    fn a_note_stays_with_its_stage() {
        let health = Health::new();
        health.note("inference", "before it is on the board");
        health.report("inference", State::Ok);
        health.note("inference", "onnx_runtime, cpu");
        health.report("inference", State::Ok);
        assert_eq!(
            serde_json::to_string(&health.stages()).unwrap(),
            r#"[{"stage":"inference","state":"ok","note":"onnx_runtime, cpu"}]"#
        );
    }
}
