//! What the box must not forget of its orders: the newest number, what they laid over its settings, a trial under way, and
//! outcomes the hub does not have yet.
//!
//! One file, written whole and flushed before anything is done by it, so that whenever the box dies it knows what it had
//! done. A file that does not open is set aside: the box runs by its own settings and takes orders from then on.

use super::{Config, layer::Layer};
use crate::time;
use firmware_protocol::network::{Outcome, Reported};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Outcomes that wait for the hub; a box that is shown more nonsense than that says no more of it.
const OUTCOMES_MAX: usize = 64;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The enrolment the numbers belong to.
    name: String,
    /// Number of the newest order that was begun.
    last: u64,
    layer: Layer,
    trial: Option<Trial>,
    outcomes: Vec<Reported>,
}

/// New settings that the box has yet to show it is well with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) number: u64,
    /// What to go back to.
    before: Layer,
    /// Stages that were well before.
    pub(super) well: Vec<String>,
    /// How long they must stay so, milliseconds.
    pub(super) for_ms: u64,
    /// How often the box has started with these settings.
    starts: u32,
}

/// The ledger. Clones are the same.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
    kept: Arc<Mutex<Kept>>,
}

impl Ledger {
    /// The ledger of the box called `name`; another enrolment begins a new one. A trial during which the box died is over.
    pub fn open(config: &Config, name: &str) -> io::Result<Self> {
        let path = config.path.clone();
        let mut kept = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| {
                let aside = path.with_extension(format!("broken-{}", time::utc_us()));
                tracing::error!(%error, path = %path.display(), aside = %aside.display(),
                    "downlink: what the hub said cannot be read; the box runs by its own settings");
                if let Err(error) = fs::rename(&path, &aside) {
                    tracing::error!(%error, "downlink: it cannot be set aside");
                }
                Kept::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        if kept.name != name {
            kept = Kept { name: name.to_owned(), ..Kept::default() };
        }
        let ledger = Self { path, kept: Arc::new(Mutex::new(kept)) };
        let starts = ledger.kept().trial.as_mut().map(|trial| {
            trial.starts += 1;
            trial.starts
        });
        match starts {
            Some(1) => ledger.write()?,
            Some(_) => ledger.roll_back("the box died with them")?,
            None => {}
        }
        Ok(ledger)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is laid over the box's own settings.
    pub fn layer(&self) -> Layer {
        self.kept().layer.clone()
    }

    /// Whether new settings are on trial.
    pub fn is_on_trial(&self) -> bool {
        self.kept().trial.is_some()
    }

    pub(super) fn trial(&self) -> Option<Trial> {
        self.kept().trial.clone()
    }

    pub(super) fn name(&self) -> String {
        self.kept().name.clone()
    }

    pub(super) fn last(&self) -> u64 {
        self.kept().last
    }

    pub(super) fn outcomes(&self) -> Vec<Reported> {
        self.kept().outcomes.clone()
    }

    /// Order `number` is done with.
    pub(super) fn settle(&self, number: u64, outcome: Outcome) -> io::Result<()> {
        {
            let mut kept = self.kept();
            kept.last = kept.last.max(number);
            push(&mut kept.outcomes, Reported { number, outcome });
        }
        self.write()
    }

    /// Order `number` lays `layer` over the box's settings; to be started with anew.
    pub(super) fn try_out(&self, number: u64, layer: Layer, well: Vec<String>, for_ms: u64) -> io::Result<()> {
        {
            let mut kept = self.kept();
            kept.last = number;
            let before = std::mem::replace(&mut kept.layer, layer);
            kept.trial = Some(Trial { number, before, well, for_ms, starts: 0 });
        }
        self.write()
    }

    /// The trial went well.
    pub(super) fn pass(&self, answer: String) -> io::Result<()> {
        let Some(trial) = self.kept().trial.take() else { return Ok(()) };
        self.settle(trial.number, Outcome::Done { answer })
    }

    /// The trial did not go well, for `reason`: back to what was before, to be started with anew.
    pub fn roll_back(&self, reason: &str) -> io::Result<()> {
        let Some(trial) = self.kept().trial.take() else { return Ok(()) };
        tracing::error!(number = trial.number, reason, "downlink: new settings are taken back");
        self.kept().layer = trial.before;
        self.settle(trial.number, Outcome::Failed { reason: format!("taken back: {reason}") })
    }

    /// The hub has these outcomes.
    pub(super) fn forget(&self, settled: &[u64]) -> io::Result<()> {
        if settled.is_empty() {
            return Ok(());
        }
        self.kept().outcomes.retain(|outcome| !settled.contains(&outcome.number));
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&*self.kept()).expect("strings and numbers are JSON");
        write_whole(&self.path, &text)
    }
}

/// Nothing is said twice, and nonsense does not push out what was done.
fn push(outcomes: &mut Vec<Reported>, reported: Reported) {
    if outcomes.contains(&reported) {
        return;
    }
    if outcomes.len() >= OUTCOMES_MAX {
        let Some(nonsense) = outcomes.iter().position(|outcome| outcome.number == 0) else { return };
        outcomes.remove(nonsense);
    }
    outcomes.push(reported);
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path, name: &str) -> Ledger {
        Ledger::open(&Config { path: folder.join("downlink.json"), ..Config::default() }, name).unwrap()
    }

    fn game(game: u64) -> Layer {
        Layer { game: Some(game), ..Layer::default() }
    }

    #[test]
    fn a_box_that_dies_on_trial_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path(), "a");
        ledger.try_out(4, game(7), vec!["uplink".into()], 100).unwrap();
        let first = open(folder.path(), "a");
        assert_eq!((first.layer(), first.last(), first.is_on_trial()), (game(7), 4, true));
        let second = open(folder.path(), "a");
        assert_eq!((second.layer(), second.last(), second.is_on_trial()), (Layer::default(), 4, false));
        let outcomes = second.outcomes();
        assert!(matches!(&outcomes[..], [Reported { number: 4, outcome: Outcome::Failed { .. } }]), "{outcomes:?}");
        second.forget(&[4]).unwrap();
        assert_eq!(open(folder.path(), "a").outcomes(), []);
    }

    #[test]
    fn what_went_well_stays_and_another_enrolment_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), "a").try_out(4, game(7), Vec::new(), 100).unwrap();
        open(folder.path(), "a").pass("yes".into()).unwrap();
        let kept = open(folder.path(), "a");
        assert_eq!((kept.layer(), kept.last(), kept.is_on_trial()), (game(7), 4, false));
        let other = open(folder.path(), "b");
        assert_eq!((other.layer(), other.last(), other.outcomes()), (Layer::default(), 0, Vec::new()));
        fs::write(folder.path().join("downlink.json"), "{").unwrap();
        assert_eq!(open(folder.path(), "a").layer(), Layer::default());
    }

    #[test]
    fn nonsense_is_counted_once_and_pushes_nothing_out() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path(), "a");
        for round in 0..200 {
            ledger.settle(0, Outcome::Refused { reason: format!("{}", round % 100) }).unwrap();
        }
        for number in 1..=40 {
            ledger.settle(number, Outcome::Done { answer: String::new() }).unwrap();
        }
        let outcomes = ledger.outcomes();
        assert_eq!(outcomes.len(), OUTCOMES_MAX);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.number > 0).count(), 40);
    }
}
