//! The live lane: says the newest state, skips those that came while the last one was being said, and over a metered
//! link most. A state that cannot be said is forgotten: the next one is a fiftieth of a second away.

use super::{Link, Newest, UplinkConfig, UplinkState, budget::Budget};
use crate::{time, traces::Journey};
use firmware_protocol::network::{self, topic};
use tokio::sync::watch;

/// Between two states over a metered link, microseconds: five a second still show a game.
const METERED_EVERY_US: u64 = 200_000;

/// Runs until nobody makes states any more, and then for ever: the durable lane goes on without.
pub(super) async fn run<L: Link>(
    config: &UplinkConfig,
    link: &L,
    Newest { states: mut newest, journeys }: Newest,
    state: &watch::Sender<UplinkState>,
    budget: &Budget,
) {
    let key = topic::live(&config.venue, &config.edge);
    let mut next_us = 0;
    while newest.changed().await.is_ok() {
        let now_us = time::monotonic_us();
        if now_us < next_us {
            continue;
        }
        let payload = newest.borrow_and_update().as_ref().map(network::encode);
        let Some(payload) = payload else { continue };
        let journey = journeys.take();
        let traceparent = journey.as_ref().map(Journey::traceparent);
        let said = budget.say(payload.len(), now_us) && link.say(&key, payload, traceparent.as_deref()).await.is_ok();
        if let Some(mut journey) = journey {
            journey.stage(if said { "uplink" } else { "uplink, dropped" }, time::utc_us());
            journey.end();
        }
        if said {
            if config.metered {
                next_us = now_us + METERED_EVERY_US;
            }
            // Nobody is woken for each state.
            state.send_if_modified(|state| {
                state.live_states += 1;
                false
            });
        }
        metrics::counter!("uplink_live_states_total", "fate" => if said { "said" } else { "dropped" }).increment(1);
    }
    std::future::pending::<()>().await;
}
