//! Wakes followers when another process has committed into the same database.
//!
//! While the database does not answer, followers hear of this process's own commits only; the log says so once.

use super::EventStore;
use crate::storage::{StorageError, wake::Ear};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

pub(super) async fn run(store: &EventStore, stop: CancellationToken) {
    let hearing = async {
        let mut silent = false;
        loop {
            match store.database.ear().await {
                Ok(ear) => drop(hear(store, ear, &mut silent).await.inspect_err(|error| say(error, &mut silent))),
                Err(error) => say(&error, &mut silent),
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    stop.run_until_cancelled(hearing).await;
}

async fn hear(store: &EventStore, mut ear: Ear, silent: &mut bool) -> Result<(), StorageError> {
    loop {
        let newest = ear.hear().await?;
        *silent = false;
        store.hear_of(newest);
    }
}

fn say(error: &StorageError, silent: &mut bool) {
    if !std::mem::replace(silent, true) {
        tracing::warn!(%error, "what other processes of this hub keep is not heard: trying again");
    }
}
