//! What a device said, as what was seen or as telemetry.

use crate::{
    fusion::{Observation, Seen},
    sensors::Reading,
};
use firmware_protocol::{
    network::{GameClock, Telemetry},
    serial::Message,
};

/// What a reading is for fusion; `None` when it says nothing of a place or the clock.
pub fn observation(reading: &Reading) -> Option<Observation> {
    let m = |mm: i32| f64::from(mm) / 1000.0;
    let seen = match reading.message {
        Message::UwbPosition { x_mm, y_mm, sigma_mm, .. } => {
            Seen::Tag { tag: reading.tag, position_m: [m(x_mm), m(y_mm)], sigma_m: m(i32::from(sigma_mm)) }
        }
        Message::Puck { x_mm, y_mm, z_mm, sigma_mm, peak_mg } => Seen::PuckTag {
            position_m: [m(x_mm), m(y_mm), m(z_mm)],
            sigma_m: m(i32::from(sigma_mm)),
            peak_g: f64::from(peak_mg) / 1000.0,
        },
        Message::Scoreboard {
            period,
            remaining_ms,
            running,
            home_score,
            away_score,
            home_penalties_s,
            away_penalties_s,
        } => Seen::Scoreboard {
            clock: GameClock { period, remaining_ms, running, home_score, away_score },
            penalties_s: [home_penalties_s, away_penalties_s],
        },
        _ => return None,
    };
    Some(Observation { captured_us: reading.stamp.utc_us, seen })
}

/// What of a reading is kept as telemetry: load, heart and battery.
pub fn telemetry(reading: &Reading) -> Option<Telemetry> {
    let (name, value) = match reading.message {
        Message::HeartRate { beats_per_minute, contact: true, .. } => ("heart_rate_bpm", f64::from(beats_per_minute)),
        Message::Battery { percent, .. } => ("battery_percent", f64::from(percent)),
        Message::ImuSummary { peak_mg, .. } => ("peak_acceleration_g", f64::from(peak_mg) / 1000.0),
        Message::Fault { detail, .. } => ("device_fault", f64::from(detail)),
        _ => return None,
    };
    Some(Telemetry {
        captured_us: reading.stamp.utc_us,
        name: name.to_owned(),
        subject: reading.tag.0.to_string(),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::TagId,
        time::{Stamp, TimeSource},
    };

    fn reading(message: Message) -> Reading {
        let stamp = Stamp { utc_us: 5_000_000, source: TimeSource::Source, uncertainty_us: 500 };
        Reading { tag: TagId(12), stamp, message }
    }

    #[test]
    fn millimetres_become_metres() {
        let seen = observation(&reading(Message::UwbPosition { x_mm: -1500, y_mm: 250, z_mm: 0, sigma_mm: 150 }));
        let wanted = Seen::Tag { tag: TagId(12), position_m: [-1.5, 0.25], sigma_m: 0.15 };
        assert_eq!(seen, Some(Observation { captured_us: 5_000_000, seen: wanted }));
    }

    #[test]
    fn a_heart_without_contact_is_not_kept() {
        let beat = |contact| Message::HeartRate { beats_per_minute: 171, interval_ms: 350, contact };
        assert_eq!(telemetry(&reading(beat(false))), None);
        assert_eq!(telemetry(&reading(beat(true))).map(|kept| kept.value), Some(171.0));
        assert_eq!(observation(&reading(beat(true))), None);
    }
}
