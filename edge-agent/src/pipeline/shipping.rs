//! The road to the hub and back: uplink and downlink over the ways that are configured.

use crate::{
    config::Config,
    downlink::Downlink,
    health::Health,
    store::Store,
    time,
    uplink::{self, Link, Newest, Transport, UplinkConfig, UplinkState, both::Both, mqtt::MqttLink, zenoh::ZenohLink},
};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Why the box came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// To be started anew, with what the hub has said.
    Anew,
}

/// The road to the hub and back; without a hub, only the stop.
pub(super) async fn ship(
    config: &Config,
    store: Arc<Store>,
    newest: Newest,
    state: watch::Sender<UplinkState>,
    downlink: Downlink,
    stop: CancellationToken,
) -> Ended {
    let uplink = &config.uplink;
    if uplink.is_alone() {
        stop.cancelled().await;
        return Ended::Stopped;
    }
    match uplink.transport {
        Transport::Zenoh => ship_over(ZenohLink::open(uplink), uplink, store, newest, state, downlink, stop).await,
        Transport::Mqtt => ship_over(MqttLink::open(uplink), uplink, store, newest, state, downlink, stop).await,
        Transport::Both => {
            let link = Both::new(ZenohLink::open(uplink), MqttLink::open(uplink), uplink.retry_max_ms);
            ship_over(link, uplink, store, newest, state, downlink, stop).await
        }
    }
}

async fn ship_over<L: Link>(
    link: L,
    config: &UplinkConfig,
    store: Arc<Store>,
    newest: Newest,
    state: watch::Sender<UplinkState>,
    downlink: Downlink,
    stop: CancellationToken,
) -> Ended {
    let link = Arc::new(link);
    tokio::select! {
        () = uplink::run(config.clone(), link.clone(), store, newest, state, stop) => Ended::Stopped,
        () = downlink.run(&link) => {
            link.close().await;
            Ended::Anew
        }
    }
}

/// How the box is, as JSON, for the hub.
pub(super) fn diagnostics(
    health: &Health,
    store: &Arc<Store>,
    uplink: &watch::Receiver<UplinkState>,
) -> impl Fn() -> String + Send + Sync + use<> {
    let (health, store, uplink) = (health.clone(), Arc::downgrade(store), uplink.clone());
    move || {
        let uplink = uplink.borrow().clone();
        let told = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "utc_us": time::utc_us(),
            "stages": health.stages(),
            "store": store.upgrade().map(|store| store.stats()),
            "uplink": { "carrier": uplink.carrier, "records": uplink.records, "refused": uplink.refused },
        });
        format!("{told:#}")
    }
}
