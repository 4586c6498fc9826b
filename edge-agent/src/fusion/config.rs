//! `[fusion]`: how readings and tracks become one truth.

use serde::{Deserialize, Serialize};

/// How readings and tracks become one truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How far behind now the state is given, milliseconds: what arrives later than this after its capture counts
    /// for less. Cameras need about 40 ms to be decoded and looked at.
    pub lag_ms: u32,
    /// Observations later than this after the state was given are dropped, milliseconds.
    pub late_ms_max: u32,
    /// Observations waiting for their moment; more are dropped.
    pub waiting_max: usize,
    /// People followed at once, on and off the ice.
    pub people_max: usize,
    /// How people move and are believed.
    pub people: People,
    /// How camera tracks are joined to people.
    pub joining: Joining,
    /// How the puck moves and is believed.
    pub puck: Puck,
    /// How pixels become places.
    pub projection: Projection,
}

/// How people move and are believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// Density of random acceleration, m²/s³.
    pub acceleration_density: f64,
    /// One standard deviation of the speed of somebody just met, m/s.
    pub first_speed_sigma_mps: f64,
    /// Share of speed lost in a second while nobody sees them, 1/s.
    pub unseen_drag_per_s: f64,
    /// Tag readings farther off than this are not believed, standard deviations.
    pub gate_sigmas: f64,
    /// Tag readings in a row that disbelieve the state but agree with each other before they are believed.
    pub reseat_readings: u32,
    /// Somebody with a tag whom neither tag nor camera has seen for this long is not on the ice, milliseconds.
    pub unseen_ms_max: u32,
    /// Somebody without a tag whom no camera has seen for this long is forgotten, milliseconds.
    pub untagged_unseen_ms_max: u32,
    /// Farther than this beyond the boards is off the ice, metres.
    pub off_ice_m: f64,
    /// Sightings an untagged person needs before they are believed.
    pub untagged_hits: u32,
    /// How long an untagged person must have been seen before they are believed, milliseconds.
    pub untagged_age_ms: u32,
}

/// How camera tracks are joined to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Joining {
    /// What every camera is wrong by besides what it says, one standard deviation, metres: where the skates are in
    /// the box differs with the stride.
    pub foot_sigma_m: f64,
    /// Farthest a track may be from its person, standard deviations.
    pub gate_sigmas: f64,
    /// Price of joining a track to somebody else than before, squared standard deviations.
    pub change_price: f64,
    /// A track that belongs to nobody is nobody new within this distance of somebody, metres.
    pub newcomer_clearance_m: f64,
    /// How long a track's person is remembered after it was last seen, milliseconds.
    pub memory_ms: u32,
    /// Somebody whose tag is silent, or who has none, this near to somebody else, metres, whom no camera tells apart,
    pub shadow_m: f64,
    /// for this long, milliseconds, is the same person.
    pub shadow_ms: u32,
}

/// How the puck moves and is believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Puck {
    /// Density of random acceleration, m²/s³: sticks are rough.
    pub acceleration_density: f64,
    /// Share of speed lost to the ice in a second, 1/s.
    pub drag_per_s: f64,
    /// Speed it may take up in a blow, one standard deviation, m/s.
    pub blow_sigma_mps: f64,
    /// Specific force that tells a blow, g.
    pub blow_g: f64,
    /// Readings farther off than this are not believed at once, standard deviations.
    pub gate_sigmas: f64,
    /// Its place is given for so long after it was last seen, milliseconds.
    pub held_ms_max: u32,
}

/// How pixels become places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Projection {
    /// What a box's lower edge is wrong by besides what the track says, one standard deviation, heights of the box.
    pub foot_sigma: f32,
    /// Farther than this beyond the boards is not on the ice, metres: behind them sit benches and crowd.
    pub margin_m: f64,
    /// A place less sure than this is not used, one standard deviation, metres.
    pub sigma_m_max: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lag_ms: 60,
            late_ms_max: 250,
            waiting_max: 4_096,
            people_max: 128,
            people: People::default(),
            joining: Joining::default(),
            puck: Puck::default(),
            projection: Projection::default(),
        }
    }
}

impl Default for People {
    fn default() -> Self {
        Self {
            acceleration_density: 4.0,
            first_speed_sigma_mps: 4.0,
            unseen_drag_per_s: 0.7,
            gate_sigmas: 3.5,
            // A body in the way bends readings for up to half a second: ten readings of 20 Hz.
            reseat_readings: 15,
            unseen_ms_max: 800,
            untagged_unseen_ms_max: 1_500,
            off_ice_m: 0.5,
            untagged_hits: 8,
            untagged_age_ms: 300,
        }
    }
}

impl Default for Joining {
    fn default() -> Self {
        Self {
            foot_sigma_m: 0.1,
            gate_sigmas: 4.0,
            change_price: 6.0,
            newcomer_clearance_m: 1.0,
            memory_ms: 2_000,
            shadow_m: 1.0,
            shadow_ms: 400,
        }
    }
}

impl Default for Puck {
    fn default() -> Self {
        Self {
            acceleration_density: 40.0,
            drag_per_s: 0.1,
            blow_sigma_mps: 15.0,
            blow_g: 20.0,
            gate_sigmas: 4.0,
            held_ms_max: 400,
        }
    }
}

impl Default for Projection {
    fn default() -> Self {
        Self { foot_sigma: 0.03, margin_m: 0.3, sigma_m_max: 3.0 }
    }
}

impl Config {
    /// What is out of range, each as `key: value (allowed)`.
    pub fn faults(&self) -> Vec<String> {
        let (people, joining, puck, projection) = (&self.people, &self.joining, &self.puck, &self.projection);
        let ranges = [
            ("lag_ms", f64::from(self.lag_ms), 0.0, 2_000.0),
            ("late_ms_max", f64::from(self.late_ms_max), 0.0, 5_000.0),
            ("waiting_max", self.waiting_max as f64, 64.0, 1e6),
            ("people_max", self.people_max as f64, 1.0, 4_096.0),
            ("people.acceleration_density", people.acceleration_density, 0.001, 1e4),
            ("people.first_speed_sigma_mps", people.first_speed_sigma_mps, 0.0, 50.0),
            ("people.unseen_drag_per_s", people.unseen_drag_per_s, 0.0, 50.0),
            ("people.gate_sigmas", people.gate_sigmas, 1.0, 100.0),
            ("people.reseat_readings", f64::from(people.reseat_readings), 1.0, 1_000.0),
            ("people.unseen_ms_max", f64::from(people.unseen_ms_max), 50.0, 60_000.0),
            ("people.untagged_unseen_ms_max", f64::from(people.untagged_unseen_ms_max), 50.0, 60_000.0),
            ("people.off_ice_m", people.off_ice_m, 0.0, 10.0),
            ("people.untagged_hits", f64::from(people.untagged_hits), 1.0, 1_000.0),
            ("people.untagged_age_ms", f64::from(people.untagged_age_ms), 0.0, 10_000.0),
            ("joining.foot_sigma_m", joining.foot_sigma_m, 0.0, 5.0),
            ("joining.gate_sigmas", joining.gate_sigmas, 1.0, 100.0),
            ("joining.change_price", joining.change_price, 0.0, 1_000.0),
            ("joining.newcomer_clearance_m", joining.newcomer_clearance_m, 0.0, 10.0),
            ("joining.memory_ms", f64::from(joining.memory_ms), 0.0, 60_000.0),
            ("joining.shadow_m", joining.shadow_m, 0.0, 10.0),
            ("joining.shadow_ms", f64::from(joining.shadow_ms), 0.0, 60_000.0),
            ("puck.acceleration_density", puck.acceleration_density, 0.001, 1e6),
            ("puck.drag_per_s", puck.drag_per_s, 0.0, 50.0),
            ("puck.blow_sigma_mps", puck.blow_sigma_mps, 0.0, 100.0),
            ("puck.blow_g", puck.blow_g, 0.0, 10_000.0),
            ("puck.gate_sigmas", puck.gate_sigmas, 1.0, 100.0),
            ("puck.held_ms_max", f64::from(puck.held_ms_max), 0.0, 60_000.0),
            ("projection.foot_sigma", f64::from(projection.foot_sigma), 0.0, 1.0),
            ("projection.margin_m", projection.margin_m, 0.0, 20.0),
            ("projection.sigma_m_max", projection.sigma_m_max, 0.01, 100.0),
        ];
        ranges
            .iter()
            .filter(|(_, value, low, high)| !(low..=high).contains(&value))
            .map(|(key, value, low, high)| format!("fusion.{key}: {value} (allowed {low} to {high})"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_settings_are_within_their_own_limits() {
        assert_eq!(Config::default().faults(), Vec::<String>::new());
    }

    #[test]
    fn all_faults_are_said_at_once() {
        let mut config = Config { people_max: 0, ..Config::default() };
        config.puck.drag_per_s = -1.0;
        let faults = config.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!(faults[1], "fusion.puck.drag_per_s: -1 (allowed 0 to 50)");
    }
}
