//! `GET /api/core/games/{game}/reconciliation`: what became of every record of one game.
//!
//! Also what `cloud-hub reconcile` prints. A number of a record is kept, set aside unread, lost with the box's reason,
//! or was never made (a salvaged journal goes on far beyond its last known number). Any other is missing: then the hub
//! acknowledged it and does not hold it, which must not be. A number that stands twice must not be either.

use super::Core;
use crate::{api::Problem, storage::reconciling::Account};
use axum::{
    Json,
    extract::{Path, State},
};
use firmware_protocol::network::Loss;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Holes told one by one of each journal; all are counted.
const HOLES_MAX: usize = 100;

/// What became of every record of one game, of those the hub has heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reconciliation {
    /// The game, as the league numbers it.
    pub game: u64,
    /// Whether every number is accounted for, once.
    pub complete: bool,
    /// The same for a person to read.
    pub sentence: String,
    /// All journals together.
    pub total: Counts,
    /// Each stream of each journal of each box.
    pub journals: Vec<JournalAccount>,
}

/// What became of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// How many there are.
    pub numbers: u64,
    /// Records kept.
    pub kept: u64,
    /// Records that came whole and could not be opened: set aside.
    pub quarantined: u64,
    /// Records that will never come, by the box's reason.
    pub lost: BTreeMap<String, u64>,
    /// Numbers a salvaged journal skipped: never made, but for what its torn end held.
    pub never_made: u64,
    /// Numbers acknowledged and not held: must be 0.
    pub missing: u64,
    /// Numbers held more than once: must be 0.
    pub twice: u64,
}

/// One stream of one journal of one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalAccount {
    /// The box.
    pub edge: String,
    /// Its journal's epoch, 16 hexadecimal digits.
    pub journal: String,
    /// `events`, `tracks` or `telemetry`.
    pub stream: String,
    /// First number of the game.
    pub first_sequence: u64,
    /// Last number of the game.
    pub last_sequence: u64,
    /// What became of them.
    pub counts: Counts,
    /// The holes, at most the first hundred.
    pub holes: Vec<Hole>,
}

/// Numbers that stand nowhere, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hole {
    /// The first of them.
    pub first_sequence: u64,
    /// The last of them.
    pub last_sequence: u64,
}

impl Reconciliation {
    /// The report of `game`; `None` when nothing of it has come.
    pub fn new(game: u64, accounts: Vec<Account>) -> Option<Self> {
        let journals: Vec<JournalAccount> = accounts.into_iter().map(JournalAccount::new).collect();
        let total = journals.iter().map(|journal| &journal.counts).fold(Counts::default(), Counts::plus);
        let complete = total.missing == 0 && total.twice == 0;
        let sentence =
            format!("game {game}: {}", if complete { total.complete() } else { total.incomplete(&journals) });
        (!journals.is_empty()).then_some(Self { game, complete, sentence, total, journals })
    }
}

impl JournalAccount {
    fn new(account: Account) -> Self {
        let Account { edge, epoch, stream, first_sequence, last_sequence, kept, quarantined, lost, missing } = account;
        let mut lost: BTreeMap<String, u64> = lost.into_iter().collect();
        let never_made = lost.remove(Loss::SKIPPED).unwrap_or(0);
        let numbers = last_sequence - first_sequence + 1;
        let holes = missing.iter().map(|&(first_sequence, last_sequence)| Hole { first_sequence, last_sequence });
        let missing = missing.iter().map(|(first, last)| last - first + 1).sum();
        let stands = kept + quarantined + lost.values().sum::<u64>() + never_made + missing;
        Self {
            edge,
            journal: format!("{epoch:016x}"),
            stream: stream.name().to_owned(),
            first_sequence,
            last_sequence,
            holes: holes.take(HOLES_MAX).collect(),
            counts: Counts {
                numbers,
                kept,
                quarantined,
                lost,
                never_made,
                missing,
                twice: stands.saturating_sub(numbers),
            },
        }
    }
}

impl Counts {
    fn plus(mut self, other: &Self) -> Self {
        self.numbers += other.numbers;
        self.kept += other.kept;
        self.quarantined += other.quarantined;
        self.never_made += other.never_made;
        self.missing += other.missing;
        self.twice += other.twice;
        for (reason, numbers) in &other.lost {
            *self.lost.entry(reason.clone()).or_default() += numbers;
        }
        self
    }

    fn complete(&self) -> String {
        let mut words = vec![format!("{} numbers, {} kept", grouped(self.numbers), grouped(self.kept))];
        words.extend(self.lost.iter().map(|(reason, numbers)| format!("{} lost ({reason})", grouped(*numbers))));
        if self.quarantined > 0 {
            words.push(format!("{} set aside unread", grouped(self.quarantined)));
        }
        if self.never_made > 0 {
            words.push(format!("{} never made (skipped after a corrupt journal)", grouped(self.never_made)));
        }
        format!("complete: {}", words.join(", "))
    }

    fn incomplete(&self, journals: &[JournalAccount]) -> String {
        let mut words = Vec::new();
        if self.missing > 0 {
            let named = journals.iter().find_map(|journal| Some((journal, journal.holes.first()?)));
            let place = named.map_or_else(String::new, |(journal, hole)| {
                let JournalAccount { edge, stream, .. } = journal;
                format!(", the first {} to {} of {stream} of box {edge}", hole.first_sequence, hole.last_sequence)
            });
            words.push(format!("{} MISSING{place}", grouped(self.missing)));
        }
        if self.twice > 0 {
            words.push(format!("{} held TWICE", grouped(self.twice)));
        }
        format!(
            "NOT COMPLETE: of {} numbers {} (the hub acknowledged them and its boxes forgot them: restore a backup of its \
             data folder)",
            grouped(self.numbers),
            words.join(", ")
        )
    }
}

/// `31204` as `31,204`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What became of every record of one game.
#[utoipa::path(get, path = "/api/core/games/{game}/reconciliation", tag = "core",
    params(("game" = u64, Path, description = "The game, as the league numbers it")),
    responses(
        (status = 200, description = "Every number that has come, accounted for", body = Reconciliation),
        (status = 400, description = "The game is no number", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such game", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn reconciliation(State(core): State<Core>, Path(game): Path<u64>) -> Result<Json<Reconciliation>, Problem> {
    let accounts = core.shared.store.accounts(game).await.map_err(|error| Problem::internal(&error))?;
    let report = Reconciliation::new(game, accounts);
    report.map(Json).ok_or_else(|| Problem::not_found(format!("game {game}: nothing of it has come to this hub")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firmware_protocol::network::Stream;

    fn account(kept: u64, lost: &[(&str, u64)], missing: &[(u64, u64)]) -> Account {
        Account {
            edge: "north".into(),
            epoch: 7,
            stream: Stream::Tracks,
            first_sequence: 0,
            last_sequence: 31_203,
            kept,
            quarantined: 0,
            lost: lost.iter().map(|(reason, numbers)| ((*reason).to_owned(), *numbers)).collect(),
            missing: missing.to_vec(),
        }
    }

    fn says(account: Account, sentence: &str) {
        let told = Reconciliation::new(7, vec![account]).unwrap().sentence;
        assert!(told.starts_with(sentence), "{told}");
    }

    #[test]
    fn the_sentence_tells_a_person() {
        says(account(31_204, &[], &[]), "game 7: complete: 31,204 numbers, 31,204 kept");
        says(
            account(31_190, &[("disk full", 14)], &[]),
            "game 7: complete: 31,204 numbers, 31,190 kept, 14 lost (disk full)",
        );
        says(
            account(204, &[(Loss::SKIPPED, 31_000)], &[]),
            "game 7: complete: 31,204 numbers, 204 kept, 31,000 never made (skipped after a corrupt journal)",
        );
        says(
            account(31_201, &[], &[(5, 7)]),
            "game 7: NOT COMPLETE: of 31,204 numbers 3 MISSING, the first 5 to 7 of tracks of box north (",
        );
        says(account(31_204, &[("shed", 1)], &[]), "game 7: NOT COMPLETE: of 31,204 numbers 1 held TWICE (");
        assert_eq!(Reconciliation::new(7, Vec::new()), None);
    }

    #[test]
    fn digits_stand_in_threes() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_048_576, "1,048,576")] {
            assert_eq!(grouped(number), text);
        }
    }
}
