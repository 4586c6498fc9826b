//! Carries the live board between the processes of one hub.
//!
//! Comes in: what is put on the board of a process that hears boxes. Goes out: the same, on the boards of those that serve
//! pages. Never: holds a box back. When Redis is slow or away, states in between are skipped; that it is away is said in
//! health, and it is tried again with jitter, at most five seconds apart; then the newest of every game is said again.

use super::{LiveBoard, Shown, retrying};
use crate::{
    storage::{
        StorageError,
        relay::{Relay, Saying},
    },
    time,
    traces::Journey,
};
use firmware_protocol::network::{self, LiveState};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tokio_util::sync::CancellationToken;

/// With nothing to say for so long, Redis is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(1);

/// What is wrong with Redis; `None` while nothing is.
pub type RelayFault = watch::Sender<Option<String>>;

/// Says every state that is put on `board` here, until `stop`.
pub async fn say(board: LiveBoard, relay: Relay, fault: RelayFault, stop: CancellationToken) {
    let saying = async {
        let mut tries = 0;
        loop {
            // From before the newest are read, so that nothing falls between.
            let mut told = board.follow();
            let Err(error) = say_until_it_breaks(&board, &mut told, &relay, &fault, &mut tries).await else { return };
            failed(&error, &fault, &mut tries).await;
        }
    };
    stop.run_until_cancelled(saying).await;
}

async fn say_until_it_breaks(
    board: &LiveBoard,
    told: &mut Receiver<Arc<Shown>>,
    relay: &Relay,
    fault: &RelayFault,
    tries: &mut u32,
) -> Result<(), StorageError> {
    let mut saying = relay.say().await?;
    let newest = board.games().into_iter().filter_map(|game| Some((game, board.latest(game)?)));
    say_all(&mut saying, newest.collect()).await?;
    well(fault, tries);
    loop {
        let mut newest = BTreeMap::new();
        match tokio::time::timeout(SILENCE, told.recv()).await {
            Ok(Ok(state)) => drop(newest.insert(state.game, state)),
            Ok(Err(RecvError::Closed)) => return Ok(()),
            // Between games too is known whether Redis is there.
            Ok(Err(RecvError::Lagged(_))) | Err(_) => {}
        }
        // Of what came while Redis answered, the newest of each game.
        while let Ok(state) = told.try_recv() {
            newest.insert(state.game, state);
        }
        say_all(&mut saying, newest).await?;
    }
}

async fn say_all(saying: &mut Saying, newest: BTreeMap<u64, Arc<Shown>>) -> Result<(), StorageError> {
    let states: Vec<(u64, Vec<u8>)> = newest
        .iter()
        .map(|(game, shown)| {
            let traceparent = shown.journey.as_ref().map(Journey::traceparent);
            (*game, network::encode(&(&shown.state, traceparent)))
        })
        .collect();
    saying.say(&states).await?;
    metrics::counter!("ingest_live_relayed_total").increment(states.len() as u64);
    Ok(())
}

/// Puts on `board` what other processes say, until `stop`.
pub async fn hear(board: LiveBoard, relay: Relay, fault: RelayFault, stop: CancellationToken) {
    let hearing = async {
        let mut tries = 0;
        loop {
            let Err(error) = hear_until_it_breaks(&board, &relay, &fault, &mut tries).await;
            failed(&error, &fault, &mut tries).await;
        }
    };
    stop.run_until_cancelled(hearing).await;
}

async fn hear_until_it_breaks(
    board: &LiveBoard,
    relay: &Relay,
    fault: &RelayFault,
    tries: &mut u32,
) -> Result<std::convert::Infallible, StorageError> {
    let (mut hearing, newest) = relay.hear().await?;
    well(fault, tries);
    for bytes in newest {
        put(board, &bytes);
    }
    loop {
        put(board, &hearing.next().await?);
    }
}

fn put(board: &LiveBoard, bytes: &[u8]) {
    match network::decode::<(LiveState, Option<String>)>(bytes) {
        Ok((state, traceparent)) => {
            let journey = traceparent.and_then(|text| Journey::heard(&text, time::utc_us()));
            board.put_heard(state, journey);
        }
        // Processes of two versions, for the minute of an update.
        Err(error) => tracing::debug!(%error, "another process says a state that does not decode"),
    }
}

fn well(fault: &RelayFault, tries: &mut u32) {
    *tries = 0;
    if fault.send_replace(None).is_some() {
        tracing::info!("redis answers again");
    }
}

/// Says what is wrong and waits.
async fn failed(error: &StorageError, fault: &RelayFault, tries: &mut u32) {
    metrics::counter!("ingest_live_relay_failures_total").increment(1);
    let said = format!("{error}; until it answers, pages of other processes see nothing live");
    if fault.send_replace(Some(said)).is_none() {
        tracing::warn!(%error, "live states do not reach other processes: trying again");
    }
    let wait_ms = retrying::wait_ms(*tries);
    *tries += 1;
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
}
