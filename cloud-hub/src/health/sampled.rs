//! Figures that nobody counts as they move: looked at every five seconds.
//!
//! Comes in: the queue of ingest, the live board, who was heard, the roster, the disk. Goes out: gauges. Never: waits for
//! any of them, or asks the database.

use crate::{
    ingest::{Admission, LiveBoard},
    projections::Freshness,
    time,
    trust::Roster,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use sysinfo::{Disks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// A game without a state for so long is not live, microseconds.
const LIVE_US: i64 = 10_000_000;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// The way into the hub.
    pub admission: Admission,
    /// The newest states.
    pub board: LiveBoard,
    /// Who was heard.
    pub freshness: Freshness,
    /// Who may be.
    pub roster: Roster,
    /// The folder whose disk is watched.
    pub data: PathBuf,
    /// Certificates: what they are for, and their files. Those that are not there have no end.
    pub certificates: Vec<(&'static str, PathBuf)>,
}

/// Looks until `stop`.
pub async fn run(sampled: Sampled, stop: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    let mut machine = Some(Machine::default());
    metrics::gauge!("start_timestamp_seconds").set(time::utc_us() as f64 / 1e6);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        sampled.look();
        // Reading certificates and mount points may wait for a disk.
        let (mut looking, data, certificates) =
            (machine.take().unwrap_or_default(), sampled.data.clone(), sampled.certificates.clone());
        let looked = tokio::task::spawn_blocking(move || {
            looking.look(&data);
            for (what, path) in &certificates {
                tell_end(what, path);
            }
            looking
        });
        machine = looked.await.ok();
    }
}

impl Sampled {
    fn look(&self) {
        let (waiting, room) = self.admission.queue();
        metrics::gauge!("ingest_queue_batches").set(waiting as f64);
        metrics::gauge!("ingest_queue_batches_max").set(room as f64);
        let now_us = time::utc_us();
        let is_live = |game: &u64| {
            self.board.latest(*game).is_some_and(|state| now_us.saturating_sub(state.captured_us).abs() <= LIVE_US)
        };
        metrics::gauge!("games_live").set(self.board.games().iter().filter(|game| is_live(game)).count() as f64);
        metrics::gauge!("boxes_active").set(self.freshness.edges_active(time::monotonic_us()) as f64);
        metrics::gauge!("trust_boxes_enrolled").set(self.roster.follow().borrow().len() as f64);
    }
}

/// Disk and memory, as far as this machine tells.
struct Machine {
    system: Option<System>,
    disks: Option<Disks>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { system: System::new().ok(), disks: Disks::new_with_refreshed_list().ok() }
    }
}

impl Machine {
    fn look(&mut self, data: &Path) {
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        if let Some(disks) = &mut self.disks {
            disks.refresh(true);
            let disk = disks.iter().filter(|disk| data.starts_with(disk.mount_point()));
            if let Some(disk) = disk.max_by_key(|disk| disk.mount_point().as_os_str().len()) {
                metrics::gauge!("data_disk_free_bytes").set(disk.available_space() as f64);
                metrics::gauge!("data_disk_total_bytes").set(disk.total_space() as f64);
            }
        }
        let own = Pid::from_u32(std::process::id());
        if let Some(system) = &mut self.system {
            let memory = ProcessRefreshKind::nothing().with_memory();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, memory);
            let bytes = system.process(own).map_or(0, sysinfo::Process::memory);
            metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
        }
    }
}

/// Says when the certificate in the file `path` ends.
fn tell_end(what: &'static str, path: &Path) {
    let Ok(text) = std::fs::read(path) else { return };
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(&text) else { return };
    if let Ok(certificate) = pem.parse_x509() {
        let ends = certificate.validity().not_after.timestamp();
        metrics::gauge!("certificate_expires_timestamp_seconds", "certificate" => what).set(ends as f64);
    }
}
