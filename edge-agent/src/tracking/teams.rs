//! Who plays for whom, and who is an official: learned from jerseys, in one camera's pictures.
//!
//! Comes in: each frame's tracks with the detections and jerseys joined to them. Goes out: each track's side and class.
//! For the first minute jerseys are gathered and parted into two colours ([`Palette`]) whenever there are half
//! as many again as the last time; then the two keep their names, and only follow the light slowly. A track's side is by vote over
//! its life, and unsaid while unsure. An official is told by the detector's votes and the stripes together. Never
//! fails; memory is bounded.

use super::{Memory, Track, ballot::Lean, palette::Palette};
use crate::inference::{Class, Detection, jersey::Jersey};
use firmware_protocol::network::Side;

/// How long jerseys are gathered: the first minute both teams are on the ice.
const LEARN_US: i64 = 60_000_000;
/// Time between two jerseys of one track: nearer ones are the same picture again.
const VOTE_US: i64 = 100_000;
/// Jerseys gathered at most: fourteen tracks for a minute, every second vote.
const SAMPLES_MAX: usize = 4_096;
/// Fewer say nothing.
const SAMPLES_MIN: usize = 32;
/// A track is gathered every so many votes.
const SAMPLE_EVERY: u32 = 2;
/// What is left of a vote when the next one comes: some three seconds count.
const KEEP: f32 = 0.97;
/// An official's stripes weigh this many sightings by the detector.
const STRIPES_WEIGHT: f32 = 2.0;
/// More striped than this and it is not gathered as a team's.
const STRIPES_MAX: f32 = 0.4;
/// Teams whose brightness differs by less are not called dark and light, L*.
const DARKER: f32 = 6.0;

/// What the teams wear, where that is known beforehand, CIE L*a*b*.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Worn {
    /// The home team.
    pub home: Option<[f32; 3]>,
    /// The guests.
    pub away: Option<[f32; 3]>,
}

/// One track's votes.
#[derive(Debug, Clone, Copy, Default)]
struct Wearer {
    voted_us: Option<i64>,
    votes: u32,
    home: Lean,
    /// Above zero for an official.
    official: f32,
}

/// Learns the teams of one camera.
#[derive(Debug, Clone)]
pub struct Teams {
    worn: Worn,
    wearers: Memory<Wearer>,
    samples: Vec<[f32; 3]>,
    learn_at: usize,
    begun_us: Option<i64>,
    /// Home's colour is the first.
    palette: Option<Palette>,
    settled: bool,
}

impl Teams {
    /// Nothing learned. Without `worn`, the darker jersey is taken for home's: so it is worn in the NHL since 2003.
    pub fn new(worn: Worn) -> Self {
        Self {
            worn,
            wearers: Memory::default(),
            samples: Vec::with_capacity(SAMPLES_MAX),
            learn_at: SAMPLES_MIN,
            begun_us: None,
            palette: None,
            settled: false,
        }
    }

    /// The colours learned, home's first; `None` while there are not two.
    pub fn palette(&self) -> Option<&Palette> {
        self.palette.as_ref()
    }

    /// Takes in one frame and says side and class of its `tracks`.
    ///
    /// `jerseys` lie beside `detections`, which `tracks` name by [`Track::joined`]; `other` is what another camera
    /// learned of the same teams.
    pub fn see(
        &mut self,
        now_us: i64,
        detections: &[Detection],
        jerseys: &[Option<Jersey>],
        tracks: &mut [Track],
        other: Option<&Palette>,
    ) {
        let begun_us = *self.begun_us.get_or_insert(now_us);
        self.wearers.keep(tracks);
        for (track, wearer) in tracks.iter().zip(self.wearers.values()) {
            let Some(joined) = track.joined.map(usize::from) else { continue };
            let due = wearer.voted_us.is_none_or(|voted_us| now_us - voted_us >= VOTE_US);
            let (true, Some(detection)) = (due && track.class != Class::Puck, detections.get(joined)) else { continue };
            wearer.voted_us = Some(now_us);
            let jersey = jerseys.get(joined).copied().flatten();
            let toward = if detection.class == Class::Official { detection.score } else { -detection.score };
            let stripes = STRIPES_WEIGHT * jersey.map_or(0.0, |jersey| jersey.stripes);
            wearer.official = wearer.official * KEEP + toward + stripes;
            let Some(jersey) = jersey else { continue };
            wearer.votes = wearer.votes.wrapping_add(1);
            let plays = wearer.official <= 0.0 && jersey.stripes < STRIPES_MAX;
            let gather = plays && !self.settled && wearer.votes.is_multiple_of(SAMPLE_EVERY);
            if gather && self.samples.len() < SAMPLES_MAX {
                self.samples.push(jersey.lab);
            }
            if let Some(palette) = &mut self.palette {
                let leaning = palette.leaning(&jersey.lab);
                wearer.home.cast(leaning.unwrap_or(0.0), Palette::LEANING_MAX, KEEP);
                if let (Some(leaning), true, true) = (leaning, plays, self.settled) {
                    palette.adapt(&jersey.lab, leaning);
                }
            }
        }
        if !self.settled {
            self.learn(now_us - begun_us >= LEARN_US, other);
        }
        for (track, wearer) in tracks.iter_mut().zip(self.wearers.values()) {
            if track.class == Class::Puck || wearer.voted_us.is_none() {
                continue;
            }
            if wearer.official > 0.0 {
                track.class = Class::Official;
            } else if track.class == Class::Official {
                track.class = Class::Skater;
            }
            let side = |home| if home { Side::Home } else { Side::Away };
            track.side = if track.class == Class::Official { None } else { wearer.home.said().map(side) };
        }
    }

    /// Parts what was gathered, when there is enough that is new or the minute is over.
    fn learn(&mut self, over: bool, other: Option<&Palette>) {
        if self.samples.len() < self.learn_at && !over {
            return;
        }
        self.learn_at = self.samples.len().max(SAMPLES_MIN) * 3 / 2;
        if let Some(found) = Palette::learn(&self.samples) {
            let found = self.named(found, other);
            // Another pair than before, or the same named otherwise: votes for the old one mean nothing.
            if self.palette.is_some_and(|before| !before.agrees(&found)) {
                self.wearers.values().for_each(|wearer| wearer.home = Lean::default());
            }
            self.palette = Some(found);
        }
        self.settled = over && self.palette.is_some();
        if over && !self.settled {
            // Nobody to be told apart yet: another minute.
            self.samples.clear();
            self.begun_us = None;
            self.learn_at = SAMPLES_MIN;
        }
    }

    /// `found` with home's colour first.
    fn named(&self, found: Palette, other: Option<&Palette>) -> Palette {
        let off = |[home, away]: [[f32; 3]; 2]| {
            let far = |worn: Option<[f32; 3]>, colour: [f32; 3]| {
                worn.map_or(0.0, |worn| (0..3).map(|axis| (worn[axis] - colour[axis]).powi(2)).sum::<f32>().sqrt())
            };
            far(self.worn.home, home) + far(self.worn.away, away)
        };
        let swapped = found.swapped();
        let (as_found, turned) = (off(found.colours), off(swapped.colours));
        let [first, second] = found.colours;
        let keep = if as_found != turned {
            as_found < turned
        } else if let Some(other) = other {
            found.agrees(other)
        } else if (first[0] - second[0]).abs() >= DARKER {
            first[0] < second[0]
        } else if let Some(before) = &self.palette {
            found.agrees(before)
        } else {
            // Any rule does that always says the same: the redder.
            first[1] >= second[1]
        };
        if keep { found } else { swapped }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Life;
    use super::*;
    use crate::{geometry::Rect, ids::TrackId};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const WHITE: [f32; 3] = [66.0, 3.0, -9.0];
    const RED: [f32; 3] = [30.0, 19.0, -3.0];
    const GREY: [f32; 3] = [46.0, 2.0, -8.0];

    /// Five white, five red and an official, seen 30 times a second; how bright the light is.
    struct Film {
        teams: Teams,
        rng: ChaCha8Rng,
        frame: i64,
        first_id: u32,
        colours: [[f32; 3]; 2],
    }

    impl Film {
        fn new(worn: Worn) -> Self {
            let rng = ChaCha8Rng::seed_from_u64(9);
            Self { teams: Teams::new(worn), rng, frame: 0, first_id: 1, colours: [WHITE, RED] }
        }

        /// Plays on for `seconds`; answers the tracks as last told.
        fn play(&mut self, seconds: i64, light: f32) -> Vec<Track> {
            let rect = Rect { x: 100.0, y: 100.0, w: 40.0, h: 100.0 };
            let mut tracks = Vec::new();
            for _ in 0..seconds * 30 {
                tracks.clear();
                let (mut detections, mut jerseys) = (Vec::new(), Vec::new());
                for index in 0..11u16 {
                    let colour = self.colours[usize::from(index % 2)];
                    let colour = if index == 10 { GREY } else { colour };
                    let lab = colour.map(|value| value * light + self.rng.random_range(-9.0..9.0));
                    let mistaken = self.rng.random_bool(if index == 10 { 0.3 } else { 0.1 });
                    let class = if (index == 10) == mistaken { Class::Skater } else { Class::Official };
                    detections.push(Detection { rect, class, score: 0.8 });
                    let stripes = if index == 10 { 0.2 } else { 0.0 };
                    jerseys.push(self.rng.random_bool(0.8).then_some(Jersey { lab, spread: 9.0, stripes }));
                    tracks.push(Track {
                        id: TrackId(self.first_id + u32::from(index)),
                        rect,
                        velocity_px: [0.0; 2],
                        sigma_px: [2.0; 2],
                        class,
                        score: 0.8,
                        life: Life::Confirmed,
                        joined: Some(index),
                        side: None,
                        number: None,
                    });
                }
                self.teams.see(self.frame * 33_333, &detections, &jerseys, &mut tracks, None);
                self.frame += 1;
            }
            tracks
        }
    }

    fn check(tracks: &[Track], white: Side, red: Side) {
        for (index, track) in tracks.iter().enumerate() {
            let (side, class) = match index {
                10 => (None, Class::Official),
                _ => (Some([white, red][index % 2]), Class::Skater),
            };
            assert_eq!((track.side, track.class), (side, class), "track {index}");
        }
    }

    #[test]
    fn learned_in_the_first_minute_and_kept() {
        let mut film = Film::new(Worn::default());
        check(&film.play(8, 1.0), Side::Away, Side::Home);
        check(&film.play(60, 1.0), Side::Away, Side::Home);
        // Everybody goes off and comes back at the other end, in other light.
        film.first_id = 50;
        for light in [1.0, 0.7, 1.0, 1.3] {
            check(&film.play(20, light), Side::Away, Side::Home);
        }
    }

    #[test]
    fn told_colours_name_the_teams() {
        let mut film = Film::new(Worn { home: Some([100.0, 0.0, 0.0]), away: None });
        check(&film.play(8, 1.0), Side::Home, Side::Away);
    }

    #[test]
    fn who_all_wear_the_same_have_no_side() {
        let mut film = Film::new(Worn::default());
        film.colours = [WHITE, WHITE];
        for _ in 0..7 {
            assert!(film.play(10, 1.0).iter().all(|track| track.side.is_none()), "{:?}", film.teams.palette());
        }
        // The other team comes out: it is learned in the minute that runs then.
        film.colours = [WHITE, RED];
        film.play(120, 1.0);
        check(&film.play(1, 1.0), Side::Away, Side::Home);
    }
}
