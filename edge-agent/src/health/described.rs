//! What each figure of the box means: its kind, unit and words, in `/metrics` beside it.
//!
//! A figure that is counted and not in here fails `cloud-hub/tests/measures_itself.rs`.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

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

/// Name, kind, unit, and what it says.
pub const FIGURES: [(&str, Kind, Unit, &str); 46] = [
    ("camera_clock_late_seconds", Gauge, Unit::Seconds, "How late a camera's stamps were found to be, by camera"),
    ("capture_faults_total", Counter, Unit::Count, "Times a camera was lost, by camera"),
    ("capture_frames_total", Counter, Unit::Count, "Pictures taken, by camera"),
    ("downlink_orders_total", Counter, Unit::Count, "Orders of the hub carried out, by order"),
    ("downlink_refused_total", Counter, Unit::Count, "Orders refused: not signed by the hub, repeated, or another's"),
    ("downlink_unreadable_total", Counter, Unit::Count, "Answers about orders that cannot be read"),
    ("events_recognised_total", Counter, Unit::Count, "Hockey events recognised, by kind"),
    ("health_cpu_percent", Gauge, Unit::Percent, "Use of all cores together"),
    ("health_disk_free_bytes", Gauge, Unit::Bytes, "Free on the watched disk"),
    ("health_disk_total_bytes", Gauge, Unit::Bytes, "Size of the watched disk"),
    ("health_memory_available_bytes", Gauge, Unit::Bytes, "Memory that programs could still get"),
    ("health_memory_total_bytes", Gauge, Unit::Bytes, "Memory of the machine"),
    ("health_process_memory_bytes", Gauge, Unit::Bytes, "Memory of this program"),
    ("health_state", Gauge, Unit::Count, "How a stage is: 0 well, 1 degraded, 2 down"),
    ("health_temperature_celsius", Gauge, Unit::Count, "The hottest sensor of the machine"),
    ("inference_run_seconds", Histogram, Unit::Seconds, "Time of one run of the network"),
    ("queue_dropped_total", Counter, Unit::Count, "What was dropped because a stage was behind, by queue"),
    ("sensors_bytes_total", Counter, Unit::Bytes, "Bytes from serial lines, by line"),
    ("sensors_faults_total", Counter, Unit::Count, "Packets that were broken, by line and fault"),
    ("sensors_opened_total", Counter, Unit::Count, "Times a serial line was opened, by line"),
    ("sensors_packets_total", Counter, Unit::Count, "Packets of serial lines, by line"),
    ("sensors_tag_lost_total", Counter, Unit::Count, "Packets a tag sent that did not come, by tag"),
    ("sensors_tag_seen_seconds", Gauge, Unit::Seconds, "When a tag was heard last, by tag"),
    ("sensors_turned_away_total", Counter, Unit::Count, "Packets of devices that are not on the roster, by line"),
    ("store_commit_failures_total", Counter, Unit::Count, "Groups of records the disk did not take"),
    ("store_commit_seconds", Histogram, Unit::Seconds, "Time to bring a group of records to disk"),
    ("store_dropped_records_total", Counter, Unit::Count, "Records the journal could not take, by stream"),
    ("store_group_records", Histogram, Unit::Count, "Records brought to disk together"),
    ("store_records_total", Counter, Unit::Count, "Records brought to disk"),
    ("store_refused_total", Counter, Unit::Count, "Records the journal refused, by stream"),
    ("store_salvages_total", Counter, Unit::Count, "Times a broken journal was salvaged"),
    ("store_seal_failures_total", Counter, Unit::Count, "Files of older records that could not be sealed"),
    ("store_sealed_bytes_total", Counter, Unit::Bytes, "Bytes of older records sealed into files"),
    ("store_shed_records_total", Counter, Unit::Count, "Records shed to make room, by stream"),
    ("uplink_busy_total", Counter, Unit::Count, "Times the hub told the box to wait"),
    ("uplink_bytes_total", Counter, Unit::Bytes, "Bytes of batches sent"),
    ("uplink_certificates_renewed_total", Counter, Unit::Count, "Certificates renewed"),
    ("uplink_failures_total", Counter, Unit::Count, "Batches that were not answered"),
    ("uplink_gaps_total", Counter, Unit::Count, "Batches the hub found numbers missing before"),
    ("uplink_live_states_total", Counter, Unit::Count, "Live states, by whether they were said"),
    ("uplink_records_total", Counter, Unit::Count, "Records the hub has acknowledged, by stream"),
    ("uplink_refused_total", Counter, Unit::Count, "Batches the hub refused for good"),
    ("uplink_reopened_total", Counter, Unit::Count, "Times the link was opened anew"),
    ("uplink_round_trip_seconds", Histogram, Unit::Seconds, "From a batch to its acknowledgement"),
    ("uplink_switched_total", Counter, Unit::Count, "Times another way began to carry, by way"),
    ("vision_latency_seconds", Histogram, Unit::Seconds, "From the capture of a picture to its tracks"),
];

/// Tells the recorder in force what its figures mean.
pub(super) fn describe() {
    for (name, kind, unit, words) in FIGURES {
        match kind {
            Counter => describe_counter!(name, unit, words),
            Gauge => describe_gauge!(name, unit, words),
            Histogram => describe_histogram!(name, unit, words),
        }
    }
}
