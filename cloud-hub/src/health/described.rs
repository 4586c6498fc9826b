//! What each figure of the hub means: its kind, unit and words, in `/metrics` beside it.
//!
//! Comes in: nothing. Goes out: the table, and a recorder that knows it; figures without labels stand at zero from the
//! start. A figure that is counted and not in here fails `tests/measures_itself.rs`.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// How a figure moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up only.
    Counter,
    /// Up and down.
    Gauge,
    /// In buckets.
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// Name, kind, unit, whether it has labels, and what it says.
pub const FIGURES: [(&str, Kind, Option<Unit>, bool, &str); 66] = [
    ("access_audit_entries_total", Counter, None, false, "Entries written into the audit"),
    ("access_decisions_total", Counter, None, true, "Requests decided about, by outcome"),
    ("access_logins_total", Counter, None, true, "Logins that let nobody in, by what was wrong"),
    ("access_passwords_checked_total", Counter, None, false, "Passwords hashed to be compared"),
    ("access_sessions_begun_total", Counter, None, false, "Sessions begun"),
    ("boxes_active", Gauge, None, false, "Boxes heard in the last ten seconds by this process"),
    (
        "certificate_expires_timestamp_seconds",
        Gauge,
        Some(Unit::Seconds),
        true,
        "When a certificate of this hub ends, Unix time",
    ),
    ("core_frames_sent_total", Counter, None, false, "Frames of live states sent to pages"),
    ("core_resets_total", Counter, None, false, "Pages told to begin anew, because what they missed is too much"),
    ("core_sockets", Gauge, None, false, "Pages that watch"),
    ("core_sockets_ended_total", Counter, None, true, "Sockets that ended, by how"),
    ("core_states_thinned_total", Counter, None, false, "States skipped because a box says more than 50 a second"),
    ("core_ticks_skipped_total", Counter, None, false, "States skipped for pages that were behind"),
    ("core_ticks_total", Counter, None, false, "States encoded for pages"),
    ("data_disk_free_bytes", Gauge, Some(Unit::Bytes), false, "Free on the disk of the data folder"),
    ("data_disk_total_bytes", Gauge, Some(Unit::Bytes), false, "Size of the disk of the data folder"),
    (
        "downlink_refused_total",
        Counter,
        None,
        false,
        "Questions for commands refused: malformed, or of a box not on the roster",
    ),
    ("downlink_settled_total", Counter, None, true, "Commands of which boxes said what became, by that"),
    (
        "event_store_commit_failures_total",
        Counter,
        None,
        false,
        "Groups of batches that could not be committed; boxes were told to wait",
    ),
    ("event_store_commit_seconds", Histogram, Some(Unit::Seconds), false, "Time to commit a group of batches"),
    ("event_store_duplicates_total", Counter, None, false, "Records that came again and were not kept twice"),
    ("event_store_group_batches", Histogram, None, false, "Batches committed together"),
    ("event_store_quarantined_total", Counter, None, false, "Records set aside because they cannot be read"),
    ("event_store_records_total", Counter, None, false, "Records committed"),
    ("events_total", Counter, None, true, "Hockey events folded into the read tables, by kind"),
    ("games_live", Gauge, None, false, "Games of which a state came in the last ten seconds"),
    ("gateway_connections", Gauge, None, false, "Connections open"),
    (
        "gateway_connections_refused_total",
        Counter,
        None,
        false,
        "Connections closed unheard: too many, or too many of one address",
    ),
    ("gateway_connections_stalled_total", Counter, None, false, "Connections closed because they said or took nothing"),
    ("gateway_limited_total", Counter, None, true, "Requests answered 429, by class"),
    (
        "gateway_request_seconds",
        Histogram,
        Some(Unit::Seconds),
        true,
        "Time to the head of an answer, by route and method",
    ),
    ("gateway_requests_total", Counter, None, true, "Requests answered, by route, method and status"),
    ("gateway_sockets", Gauge, None, false, "Sockets passed on to other processes"),
    (
        "gateway_upstream_refusals_total",
        Counter,
        None,
        true,
        "Requests refused because a service has too much to do or does not answer, by service",
    ),
    (
        "gateway_upstreams_away",
        Gauge,
        None,
        true,
        "Addresses of a service that are left alone because they do not answer",
    ),
    ("ingest_batches_total", Counter, None, true, "Batches of boxes taken up, by stream"),
    ("ingest_broker_failures_total", Counter, None, false, "Connections to the broker that broke or were refused"),
    (
        "ingest_busy_total",
        Counter,
        None,
        false,
        "Batches not taken up because the queue was full; boxes send them again",
    ),
    ("ingest_live_games_total", Counter, None, false, "Games that were put on the live board"),
    ("ingest_live_relay_failures_total", Counter, None, false, "Breaks of the way of live states between processes"),
    ("ingest_live_relayed_total", Counter, None, false, "Live states said to other processes"),
    ("ingest_live_states_total", Counter, None, true, "Live states heard, by what became of them"),
    (
        "ingest_newest_event_timestamp_seconds",
        Gauge,
        Some(Unit::Seconds),
        false,
        "When the newest event was captured, Unix time",
    ),
    ("ingest_queue_batches", Gauge, None, false, "Batches that wait to be committed"),
    ("ingest_queue_batches_max", Gauge, None, false, "Batches the queue has room for"),
    ("ingest_refused_total", Counter, None, false, "Batches refused for good"),
    ("ingest_router_reopened_total", Counter, None, false, "Times the router opened anew for a changed roster"),
    (
        "ingest_unanswerable_total",
        Counter,
        None,
        false,
        "Batches that name another place for their answer than their box's",
    ),
    ("lake_failures_total", Counter, None, false, "Tries to lay games into the lake that failed"),
    ("lake_games_waiting", Gauge, None, false, "Games over that are not in the lake yet"),
    ("lake_positions_total", Counter, None, false, "Positions laid into the lake"),
    ("process_resident_memory_bytes", Gauge, Some(Unit::Bytes), false, "Memory of this process"),
    ("projections_behind_chunks", Gauge, None, false, "Second-long chunks of positions not folded yet"),
    ("projections_behind_events", Gauge, None, false, "Events not folded into the read tables yet"),
    ("projections_chunks_total", Counter, None, false, "Chunks of positions folded"),
    ("projections_corrected_total", Counter, None, false, "Games counted anew after a correction"),
    ("projections_events_total", Counter, None, false, "Events folded into the read tables"),
    ("projections_failures_total", Counter, None, false, "Times the read tables stood still"),
    (
        "projections_ingest_lag_seconds",
        Gauge,
        Some(Unit::Seconds),
        false,
        "From the capture of the newest event to its reading, when it came",
    ),
    ("projections_offset", Gauge, None, false, "Newest event in the read tables"),
    ("projections_tracks_offset", Gauge, None, false, "Newest chunk in the read tables"),
    ("projections_turn", Gauge, None, false, "1 in the process that makes the read tables"),
    ("start_timestamp_seconds", Gauge, Some(Unit::Seconds), false, "When this process started, Unix time"),
    ("trust_audit_total", Counter, None, true, "Lines of the audit, by what they tell"),
    ("trust_boxes_enrolled", Gauge, None, false, "Boxes on the roster"),
    ("trust_handshakes_refused_total", Counter, None, false, "TLS handshakes refused on the port of enrolment"),
];

/// Tells the recorder what its figures mean, and has those without labels stand at zero.
pub fn describe() {
    for (name, kind, unit, labelled, words) in FIGURES {
        let unit = unit.unwrap_or(Unit::Count);
        match kind {
            Counter => describe_counter!(name, unit, words),
            Gauge => describe_gauge!(name, unit, words),
            Histogram => describe_histogram!(name, unit, words),
        }
        match kind {
            Counter if !labelled => counter!(name).absolute(0),
            Gauge if !labelled => gauge!(name).set(0.0),
            _ => {}
        }
    }
}
