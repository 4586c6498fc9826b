//! The live lane: says the newest state, skips those that came while the last one was being said. A state that cannot
//! be said is forgotten: the next one is a fiftieth of a second away.

use super::{Link, UplinkConfig, UplinkState};
use firmware_protocol::network::{self, LiveState, topic};
use tokio::sync::watch;

/// Runs until nobody makes states any more, and then for ever: the durable lane goes on without.
pub(super) async fn run<L: Link>(
    config: &UplinkConfig,
    link: &L,
    mut newest: watch::Receiver<Option<LiveState>>,
    state: &watch::Sender<UplinkState>,
) {
    let key = topic::live(&config.venue, &config.edge);
    while newest.changed().await.is_ok() {
        let payload = newest.borrow_and_update().as_ref().map(network::encode);
        let Some(payload) = payload else { continue };
        let said = link.say(&key, payload).await.is_ok();
        if said {
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
