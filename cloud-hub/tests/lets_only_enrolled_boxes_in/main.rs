//! Promise: where certificates are required, a box without one, with an expired, revoked or forged one, or another
//! venue's, gets nowhere, on every port; a code that is wrong, used or over is refused and audited; the key never leaves
//! the box; certificates renew themselves; a revocation bites within five seconds on an open link.
//!
//! Shown with a whole hub in this process, real QUIC and HTTPS on free ports, a real Mosquitto with the configuration
//! that ships, and the box's own uplink. Each of those
//! that are refused is asked beside one that is heard, so that silence is not an outage. The last test does it all with
//! the programs that ship.

mod broker;
#[path = "../trial/mosquitto.rs"]
mod mosquitto;
mod programs;
mod rink;

use cloud_hub::trust::{Authority, Certificates};
use edge_agent::uplink::{Identity, Link as _, enrolment, enrolment::EnrolError};
use firmware_protocol::network::{self, GameClock, LiveState, enrolment::Code, topic};
use rink::{HOUR_US, PATIENCE, Rink, deliver, now_us, say};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// Questions put by a box that must get nowhere, each beside one of a box that is heard.
const ROUNDS: u64 = 20;

fn state(edge: &str) -> LiveState {
    let (edge, clock) = (edge.into(), GameClock::default());
    LiveState { edge, game: 9, tick: 1, captured_us: now_us(), clock, puck: None, players: Vec::new() }
}

fn refused(outcome: Result<Identity, EnrolError>, words: &str) {
    let error = outcome.expect_err("must be refused").to_string();
    assert!(error.contains(words), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_box_is_heard_and_its_key_is_its_own() {
    let rink = Rink::start().await;
    let identity = rink.enrolled("oak", None, "a").await;
    assert_eq!((identity.venue.as_str(), identity.edge.as_str()), ("oak", "oak-box-1"));
    assert_eq!(fs::metadata(identity.pem()).unwrap().permissions().mode() & 0o777, 0o600);
    let link = rink.link(identity.folder());
    for sequence in 0..3 {
        deliver(&link, &identity, sequence).await;
    }
    assert_eq!(rink.held("oak-box-1").await, 3);
    let shown = async {
        while rink.hub.board.latest(9).is_none() {
            link.say(&topic::live("oak", "oak-box-1"), network::encode(&state("oak-box-1")), None).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("its live states are shown");
    assert!(rink.audit().await.iter().any(|entry| entry.starts_with("enrolled: oak-box-1 of oak")));
    let another = rink.enrolled("oak", None, "b").await;
    assert_eq!(another.edge, "oak-box-2", "another box, another name");
    deliver(&rink.link(another.folder()), &another, 0).await;
    // The router was opened anew for the second box; the first is back.
    deliver(&link, &identity, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_without_a_good_certificate_gets_nowhere() {
    let rink = Rink::start().await;
    let good = rink.enrolled("oak", None, "good").await;
    let folder = tempfile::tempdir().unwrap();
    let other_hub = Authority::open(&Certificates::ensure(folder.path(), &[]).unwrap()).unwrap();
    let expired = rink.forged(&rink.authority, "oak.oak-box-1.1", now_us() - HOUR_US);
    let foreign = rink.forged(&other_hub, "oak.oak-box-1.1", now_us() + HOUR_US);
    for (why, folder) in
        [("none", rink.folder("nobody")), ("expired", expired.folder().into()), ("foreign", foreign.folder().into())]
    {
        assert!(!rink.connects(&folder).await, "{why}: the router must not let it in");
    }
    assert!(rink.connects(good.folder()).await, "the router lets the others in");
    // The same at the other port.
    refused(enrolment::renew(&expired).await, "xpired");
    refused(enrolment::renew(&foreign).await, "hub ");
    assert!(enrolment::renew(&good).await.is_ok());
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(rink.authority.pem().as_bytes()).unwrap()])
        .build()
        .unwrap();
    let bare = client.post(format!("{}/renew", rink.https)).json(&serde_json::json!({ "request": "" }));
    assert_eq!(bare.send().await.unwrap().status(), 401, "renewing needs a certificate");
    // Signed by this hub's authority, but of an enrolment that is none.
    let invented = rink.forged(&rink.authority, "oak.oak-box-1.77", now_us() + HOUR_US / 2);
    refused(enrolment::renew(&invented).await, "enrol it again");
    let (bad, link) = (rink.link(invented.folder()), rink.link(good.folder()));
    for round in 0..ROUNDS {
        deliver(&link, &good, round).await;
        assert!(say(&bad, "oak", "oak-box-1", ROUNDS).await.is_err(), "an enrolment that is none is heard");
    }
    assert_eq!(rink.held("oak-box-1").await, ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_speaks_for_itself_and_its_own_venue_only() {
    let rink = Rink::start().await;
    let oak = rink.enrolled("oak", None, "oak").await;
    let elm = rink.enrolled("elm", None, "elm").await;
    let (oaks, elms) = (rink.link(oak.folder()), rink.link(elm.folder()));
    for round in 0..ROUNDS {
        deliver(&oaks, &oak, round).await;
        deliver(&elms, &elm, round).await;
        for (venue, edge) in [("oak", "oak-box-1"), ("oak", "elm-box-1"), ("elm", "elm-box-2")] {
            assert!(say(&elms, venue, edge, round + 1).await.is_err(), "elm speaks for {edge} of {venue}");
        }
        let _ = elms.say(&topic::live("oak", "oak-box-1"), network::encode(&state("oak-box-1")), None).await;
    }
    assert_eq!((rink.held("oak-box-1").await, rink.held("elm-box-1").await), (ROUNDS, ROUNDS));
    assert_eq!(rink.held("elm-box-2").await, 0);
    assert!(rink.hub.board.latest(9).is_none(), "another's live state is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_good_once_in_time_and_at_its_own_hub() {
    let rink = Rink::start().await;
    let other = Rink::start().await;
    let enrol = async |code: &Code, name: &str| enrolment::enrol(&rink.https, code, &rink.folder(name)).await;
    let code = rink.code("oak", Some("north"), now_us() + HOUR_US).await;
    // The box finds out before it says anything.
    refused(enrolment::enrol(&other.https, &code, &rink.folder("a")).await, "not the hub the code is from");
    assert_eq!(other.audit().await, Vec::<String>::new());
    let mut wrong = code.clone();
    wrong.secret = "000000000000".into();
    refused(enrol(&wrong, "a").await, "gave no such code out");
    let ended = rink.code("oak", None, now_us() - 1).await;
    refused(enrol(&ended, "a").await, "has ended");
    assert!(!Path::new(&rink.folder("a")).exists(), "who was refused keeps nothing");
    assert_eq!(enrol(&code, "a").await.unwrap().edge, "north");
    refused(enrol(&code, "b").await, "used before");
    let audit = rink.audit().await;
    let count = |words: &str| audit.iter().filter(|entry| entry.contains(words)).count();
    assert_eq!(count("enrolment refused"), 3, "{audit:#?}");
    assert_eq!((count("used before"), count("has ended"), count("no such code")), (1, 1, 1), "{audit:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_box_is_cut_off_within_five_seconds() {
    let rink = Rink::start().await;
    let good = rink.enrolled("oak", None, "good").await;
    let lost = rink.enrolled("oak", Some("lost"), "lost").await;
    let (goods, losts) = (rink.link(good.folder()), rink.link(lost.folder()));
    deliver(&goods, &good, 0).await;
    deliver(&losts, &lost, 0).await;
    // As another process does it.
    let began = Instant::now();
    assert!(rink.tables.revoke("lost", now_us()).await.unwrap());
    let mut sequence = 1;
    let cut = async {
        while say(&losts, "oak", "lost", sequence).await.is_ok() {
            sequence += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), cut).await.expect("a revocation bites within five seconds");
    println!("cut off after {} ms", began.elapsed().as_millis());
    let began = Instant::now();
    deliver(&goods, &good, 1).await;
    println!("another box was heard again after {} ms", began.elapsed().as_millis());
    for round in 0..ROUNDS {
        deliver(&goods, &good, 2 + round).await;
        assert!(say(&losts, "oak", "lost", sequence).await.is_err(), "a revoked box is heard");
    }
    let anew = rink.link(lost.folder());
    refused(enrolment::renew(&lost).await, "revoked or replaced");
    assert!(rink.audit().await.iter().any(|entry| entry.starts_with("renewal refused: lost of oak")));
    // Enrolled again it is heard; what was revoked stays so.
    let again = rink.enrolled("oak", Some("lost"), "again").await;
    let link = rink.link(again.folder());
    for round in 0..ROUNDS {
        deliver(&link, &again, sequence + round).await;
        assert!(say(&anew, "oak", "lost", sequence + round + 1).await.is_err(), "the old certificate is heard");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_renews_itself_with_a_new_key() {
    let rink = Rink::start().await;
    let identity = rink.enrolled("oak", None, "a").await;
    let link = rink.link(identity.folder());
    deliver(&link, &identity, 0).await;
    let (before, enrolled_until_us) = (fs::read_to_string(identity.pem()).unwrap(), identity.until_us);
    assert!(!identity.is_due(now_us()));
    // Two thirds of its life are over: said by its dates, not by waiting.
    let mut aged = identity;
    (aged.from_us, aged.until_us) = (now_us() - 20 * HOUR_US, now_us() + 9 * HOUR_US);
    let (renewed, mut told) = tokio::sync::mpsc::unbounded_channel();
    let renewal = tokio::spawn(enrolment::keep_renewed(aged, move |outcome| {
        renewed.send(outcome.cloned().map_err(ToString::to_string)).unwrap();
    }));
    let next = tokio::time::timeout(PATIENCE, told.recv()).await.unwrap().unwrap().unwrap();
    link.reopen();
    assert!(next.until_us >= enrolled_until_us && !next.is_due(now_us()));
    assert_eq!(Identity::load(next.folder()).unwrap(), Some(next.clone()));
    let after = fs::read_to_string(next.pem()).unwrap();
    assert_ne!(before.split("-----").nth(2), after.split("-----").nth(2), "another key");
    assert_eq!(fs::metadata(next.pem()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(rink.tables.enrolments().await.unwrap()[0].until_us, next.until_us);
    for sequence in 1..4 {
        deliver(&link, &next, sequence).await;
    }
    renewal.abort();
}
