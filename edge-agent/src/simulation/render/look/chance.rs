//! Looks drawn by lot, for training: deliberately wider than real teams, halls and cameras are.

use super::{ArenaLook, Colour, FilmLook, IceLook, Kit, Light, Look, blend};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// Blue, green, red of what teams wear and advertisers print.
const CLOTH: [Colour; 18] = [
    [235, 235, 235],
    [245, 242, 238],
    [28, 26, 26],
    [40, 30, 178],
    [30, 24, 128],
    [120, 50, 20],
    [70, 36, 18],
    [168, 92, 30],
    [190, 140, 60],
    [52, 96, 20],
    [36, 60, 14],
    [30, 160, 236],
    [24, 120, 232],
    [110, 40, 84],
    [130, 126, 122],
    [60, 190, 240],
    [120, 110, 20],
    [56, 40, 96],
];

fn luma(c: Colour) -> f32 {
    0.11 * f32::from(c[0]) + 0.59 * f32::from(c[1]) + 0.3 * f32::from(c[2])
}

impl Kit {
    /// Any team. `light` ones wear white or another pale colour.
    fn random(rng: &mut impl Rng, light: bool) -> Self {
        let vary = |c: Colour, rng: &mut dyn rand::RngCore| {
            c.map(|f| (f32::from(f) + rng.random_range(-14.0..14.0)).clamp(4.0, 250.0) as u8)
        };
        let pick = |rng: &mut dyn rand::RngCore| {
            let c = *CLOTH.choose(rng).expect("there are colours");
            vary(c, rng)
        };
        let dark = loop {
            let c = pick(rng);
            if luma(c) < 170.0 {
                break c;
            }
        };
        let (second, third) = (pick(rng), pick(rng));
        let white = vary([234, 233, 232], rng);
        let jersey = if light && rng.random_bool(0.85) {
            white
        } else if light {
            second
        } else {
            dark
        };
        let trim = if (luma(jersey) - luma(second)).abs() > 50.0 {
            second
        } else if luma(jersey) > 128.0 {
            dark
        } else {
            white
        };
        let bands = |rng: &mut dyn rand::RngCore, low: f32, high: f32| -> Vec<(f32, f32, Colour)> {
            let count = rng.random_range(0..4);
            let (mut at, mut bands) = (rng.random_range(low..f32::midpoint(low, high)), Vec::new());
            for i in 0..count {
                let wide = rng.random_range(0.03..0.13);
                if at + wide > high {
                    break;
                }
                bands.push((at, at + wide, if i % 2 == 0 { trim } else { third }));
                at += wide + rng.random_range(0.0..0.08);
            }
            bands
        };
        let number = if (luma(jersey) - luma(trim)).abs() > 60.0 {
            trim
        } else if luma(jersey) > 128.0 {
            dark
        } else {
            white
        };
        Self {
            jersey,
            yoke: rng.random_bool(0.45).then_some(trim),
            hem_bands: bands(rng, 0.6, 1.0),
            sleeve_bands: bands(rng, 0.3, 0.95),
            pants: match rng.random_range(0..4) {
                0 => jersey,
                1 => vary([30, 28, 28], rng),
                _ => dark,
            },
            pants_stripe: rng.random_bool(0.35).then_some(trim),
            socks: if rng.random_bool(0.75) { jersey } else { trim },
            sock_bands: bands(rng, 0.1, 0.8),
            helmet: *[white, vary([30, 28, 28], rng), dark].choose(rng).expect("three"),
            gloves: match rng.random_range(0..3) {
                0 => dark,
                1 => vary([34, 32, 32], rng),
                _ => blend(dark, trim, 0.4),
            },
            number,
            number_edge: rng.random_bool(0.5).then_some(third),
            font: *[0, 2, 3, 4, 4, 0].choose(rng).expect("six"),
            number_m: rng.random_range(0.22..0.32),
            names: rng.random_bool(0.6),
            crest: blend(trim, third, 0.3),
            pads: [if rng.random_bool(0.7) { white } else { dark }, if rng.random_bool(0.5) { dark } else { third }],
        }
    }
}

impl Look {
    /// Anything a film of hockey might look like: training. Deliberately wider than real halls and cameras are.
    pub fn random(rng: &mut impl Rng) -> Self {
        let seed = rng.random();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rng = &mut rng;
        let mut look = Self::standard(seed);
        let light_first = rng.random_bool(0.5);
        // One in seven games: two dark or two light teams, as in practices.
        let second = if rng.random_bool(0.14) { light_first } else { !light_first };
        look.kits = [Kit::random(rng, light_first), Kit::random(rng, second)];
        if rng.random_bool(0.12) {
            look.kits = [Kit::plain_light(), Kit::plain_dark()];
        }
        look.armband = [rng.random_range(10..60), rng.random_range(40..120), rng.random_range(200..250)];
        look.cages = *[0.0, 0.2, 1.0].choose(rng).expect("three");
        let grey = rng.random_range(206.0..248.0f32);
        look.ice = IceLook {
            tint: [
                grey + rng.random_range(-4.0..14.0),
                grey + rng.random_range(-4.0..8.0),
                grey + rng.random_range(-14.0..4.0),
            ]
            .map(|f| f.min(250.0) as u8),
            paint: rng.random_range(0.12..0.95f32),
            wear: rng.random_range(0.1..1.0),
            shine: rng.random_range(0.05..1.0),
            logos: rng.random_bool(0.7),
        };
        let mut any = |low: u8, high: u8| -> Colour { std::array::from_fn(|_| rng.random_range(low..high)) };
        let (kick, seat_a, seat_b) = (any(20, 240), any(15, 150), any(15, 190));
        look.arena = ArenaLook {
            boards: [rng.random_range(190..245), rng.random_range(190..245), rng.random_range(190..245)],
            kick: *[[60, 172, 214], [40, 200, 235], [60, 172, 214], kick].choose(rng).expect("four"),
            cap: *[[58, 44, 128], [120, 60, 30], [30, 30, 30], [40, 180, 220], [40, 30, 160]]
                .choose(rng)
                .expect("five"),
            adverts: rng.random_range(0.0..1.0),
            glass_m: if rng.random_bool(0.85) { rng.random_range(1.4..2.5) } else { 0.0 },
            haze: rng.random_range(0.03..0.35),
            panel_m: rng.random_range(1.1..2.0),
            stanchion: blend([110, 112, 114], [215, 215, 215], rng.random_range(0.0..1.0)),
            stanchion_m: rng.random_range(0.02..0.09),
            near_glass: rng.random_bool(0.75),
            seats: [seat_a, if rng.random_bool(0.5) { seat_a } else { seat_b }],
            rows: rng.random_range(0..26),
            crowd: *[0.0, 0.05, 0.25, 0.6, 0.95].choose(rng).expect("five"),
            wall: blend([40, 40, 40], [190, 190, 186], rng.random_range(0.0..1.0)),
            stands_light: if rng.random_bool(0.25) { rng.random_range(0.12..0.4) } else { rng.random_range(0.4..1.1) },
            bystanders: rng.random_bool(0.75),
            near_heads: if rng.random_bool(0.3) { rng.random_range(1..7) } else { 0 },
        };
        look.light = Light {
            ambient: rng.random_range(0.45..0.85),
            above: rng.random_range(0.15..0.55),
            side: rng.random_range(0.0..0.4),
            side_rad: rng.random_range(0.0..std::f32::consts::TAU),
            shadow: rng.random_range(0.0..0.55),
            mirror: rng.random_range(0.0..0.4),
        };
        let (exposure, warm) = (rng.random_range(0.82..1.18f32), rng.random_range(-0.09..0.09f32));
        let panning = rng.random_bool(0.2);
        look.film = FilmLook {
            gains: [exposure * (1.0 - warm), exposure * rng.random_range(0.97..1.03), exposure * (1.0 + warm)],
            gamma: rng.random_range(0.7..1.18),
            contrast: rng.random_range(0.8..1.15),
            saturation: rng.random_range(0.35..1.35),
            vignette: rng.random_range(0.0..0.4),
            veil: if rng.random_bool(0.4) { rng.random_range(0.0..0.16) } else { 0.0 },
            blur_px: if rng.random_bool(0.75) { rng.random_range(0.3..1.1) } else { rng.random_range(1.0..2.3) },
            pan_px: if panning { [rng.random_range(-9.0..9.0), rng.random_range(-2.0..2.0)] } else { [0.0; 2] },
            shutter_s: rng.random_range(0.001..0.025),
            noise: rng.random_range(0.0..7.0),
            sharpen: if rng.random_bool(0.3) { rng.random_range(0.2..1.0) } else { 0.0 },
        };
        look
    }
}
