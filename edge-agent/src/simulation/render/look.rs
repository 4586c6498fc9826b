//! How everything looks: team colours, ice, hall, light and the camera's faults. Comes in: a seed or a source of
//! randomness. Goes out: [`Look`], plain numbers. Never draws.

use super::texture::{Colour, blend, shade};
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

/// What one team wears.
#[derive(Debug, Clone, PartialEq)]
pub struct Kit {
    /// Most of the jersey.
    pub jersey: Colour,
    /// Shoulders, when they differ.
    pub yoke: Option<Colour>,
    /// Bands: from and to (0 neck or shoulder, 1 hem or cuff), colour.
    pub hem_bands: Vec<(f32, f32, Colour)>,
    /// The same on sleeves.
    pub sleeve_bands: Vec<(f32, f32, Colour)>,
    /// Trousers.
    pub pants: Colour,
    /// Stripe down the trousers' side.
    pub pants_stripe: Option<Colour>,
    /// Most of the socks.
    pub socks: Colour,
    /// Bands on socks: 0 knee, 1 ankle.
    pub sock_bands: Vec<(f32, f32, Colour)>,
    /// Helmets.
    pub helmet: Colour,
    /// Gloves.
    pub gloves: Colour,
    /// Numbers.
    pub number: Colour,
    /// Edge around numbers.
    pub number_edge: Option<Colour>,
    /// OpenCV's Hershey face.
    pub font: i32,
    /// Height of the number on the back, metres.
    pub number_m: f32,
    /// Names above the number.
    pub names: bool,
    /// Crest on the chest.
    pub crest: Colour,
    /// Goalie's pads, and their pattern.
    pub pads: [Colour; 2],
}

/// The ice and what is painted under it.
#[derive(Debug, Clone, PartialEq)]
pub struct IceLook {
    /// Colour of clean ice.
    pub tint: Colour,
    /// How much of a line's paint shows through, 0 to 1.
    pub paint: f32,
    /// Snow and scratches, 0 to 1.
    pub wear: f32,
    /// Mirroring of lamps and boards, 0 to 1.
    pub shine: f32,
    /// Large advertisements and a crest under the ice.
    pub logos: bool,
}

/// Boards, glass, stands and who is in them.
#[derive(Debug, Clone, PartialEq)]
pub struct ArenaLook {
    /// Boards without advertisement.
    pub boards: Colour,
    /// Kick plate.
    pub kick: Colour,
    /// Rail on the boards.
    pub cap: Colour,
    /// Share of board panels with advertisements, 0 to 1.
    pub adverts: f32,
    /// Height of the glass above the boards, metres; 0 for none.
    pub glass_m: f32,
    /// How much the glass whitens what is behind, 0 to 1.
    pub haze: f32,
    /// Distance between stanchions, metres.
    pub panel_m: f32,
    /// Stanchions.
    pub stanchion: Colour,
    /// Width of a stanchion, metres.
    pub stanchion_m: f32,
    /// Glass between camera and ice.
    pub near_glass: bool,
    /// Seats, two blocks of them.
    pub seats: [Colour; 2],
    /// Rows of seats.
    pub rows: u32,
    /// Share of seats taken, 0 to 1.
    pub crowd: f32,
    /// Walls and concrete.
    pub wall: Colour,
    /// How bright the stands are beside the ice.
    pub stands_light: f32,
    /// People standing at the glass and on benches.
    pub bystanders: bool,
    /// Heads and rails in front of the camera.
    pub near_heads: u32,
}

/// Lamps.
#[derive(Debug, Clone, PartialEq)]
pub struct Light {
    /// From everywhere.
    pub ambient: f32,
    /// From the lamps above.
    pub above: f32,
    /// From one side.
    pub side: f32,
    /// Where that side is, radians from +x.
    pub side_rad: f32,
    /// Darkness of shadows on the ice, 0 to 1.
    pub shadow: f32,
    /// Mirror images on the ice, 0 to 1.
    pub mirror: f32,
}

/// What the camera does to a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmLook {
    /// Blue, green and red gains: exposure and white balance.
    pub gains: [f32; 3],
    /// Exponent on 0–1 values.
    pub gamma: f32,
    /// Slope about the middle.
    pub contrast: f32,
    /// 1 leaves colours; 0 makes them grey.
    pub saturation: f32,
    /// Darkening of the corners, 0 to 1.
    pub vignette: f32,
    /// White veil, 0 to 1.
    pub veil: f32,
    /// Blur of focus, standard deviation in pixels.
    pub blur_px: f32,
    /// Smear from panning, pixels across and down.
    pub pan_px: [f32; 2],
    /// How long the shutter is open, seconds: people smear by as much as they move.
    pub shutter_s: f32,
    /// Sensor noise, standard deviation in grey levels.
    pub noise: f32,
    /// Overshoot at edges, 0 to 1, as cheap cameras have.
    pub sharpen: f32,
}

/// All appearance.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Chooses adverts, faces, scratches, stances.
    pub seed: u64,
    /// Home and away.
    pub kits: [Kit; 2],
    /// Armband of referees.
    pub armband: Colour,
    /// Faces: 0 bare with visor, 1 cage.
    pub cages: f32,
    /// Sticks in hands.
    pub sticks: bool,
    /// The ice.
    pub ice: IceLook,
    /// What is around it.
    pub arena: ArenaLook,
    /// Lamps.
    pub light: Light,
    /// The camera.
    pub film: FilmLook,
}

fn luma(c: Colour) -> f32 {
    0.11 * f32::from(c[0]) + 0.59 * f32::from(c[1]) + 0.3 * f32::from(c[2])
}

impl Kit {
    /// White with black shoulders, red numbers, striped socks.
    fn plain_light() -> Self {
        let (white, black, red) = ([236, 234, 234], [30, 28, 28], [44, 32, 176]);
        Self {
            jersey: white,
            yoke: Some(black),
            hem_bands: vec![(0.95, 1.0, red)],
            sleeve_bands: vec![(0.42, 0.54, black), (0.62, 0.72, red), (0.82, 0.9, black)],
            pants: black,
            pants_stripe: None,
            socks: white,
            sock_bands: vec![(0.36, 0.44, black), (0.5, 0.57, red), (0.63, 0.71, black)],
            helmet: black,
            gloves: blend(black, red, 0.35),
            number: red,
            number_edge: Some(black),
            font: 4,
            number_m: 0.28,
            names: false,
            crest: red,
            pads: [white, red],
        }
    }

    /// Red with white bands.
    fn plain_dark() -> Self {
        let (white, red) = ([232, 230, 230], [50, 34, 164]);
        Self {
            jersey: red,
            yoke: Some(white),
            hem_bands: vec![(0.82, 0.95, white)],
            sleeve_bands: vec![(0.66, 0.86, white)],
            pants: shade(red, 0.92),
            pants_stripe: Some(white),
            socks: red,
            sock_bands: vec![(0.1, 0.32, white)],
            helmet: white,
            gloves: blend(red, white, 0.15),
            number: white,
            number_edge: None,
            font: 4,
            number_m: 0.28,
            names: true,
            crest: white,
            pads: [white, red],
        }
    }

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
            let (mut at, mut bands) = (rng.random_range(low..(low + high) / 2.0), Vec::new());
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
    /// Plain and always the same for the same seed: demonstrations and tests.
    pub fn standard(seed: u64) -> Self {
        Self {
            seed,
            kits: [Kit::plain_light(), Kit::plain_dark()],
            armband: [30, 90, 235],
            cages: 0.5,
            sticks: true,
            ice: IceLook { tint: [228, 226, 222], paint: 0.36, wear: 0.5, shine: 0.35, logos: true },
            arena: ArenaLook {
                boards: [222, 222, 224],
                kick: [60, 172, 214],
                cap: [58, 44, 128],
                adverts: 0.6,
                glass_m: 1.8,
                haze: 0.16,
                panel_m: 1.45,
                stanchion: [128, 134, 134],
                stanchion_m: 0.035,
                near_glass: true,
                seats: [[46, 36, 132], [132, 84, 44]],
                rows: 14,
                crowd: 0.08,
                wall: [96, 94, 92],
                stands_light: 0.8,
                bystanders: true,
                near_heads: 0,
            },
            light: Light { ambient: 0.62, above: 0.34, side: 0.12, side_rad: 1.0, shadow: 0.22, mirror: 0.16 },
            film: FilmLook {
                gains: [0.98, 0.97, 0.95],
                gamma: 1.0,
                contrast: 0.96,
                saturation: 0.95,
                vignette: 0.12,
                veil: 0.03,
                blur_px: 0.7,
                pan_px: [0.0; 2],
                shutter_s: 0.008,
                noise: 2.0,
                sharpen: 0.0,
            },
        }
    }

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
        let rng = rng;
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
            side_rad: rng.random_range(0.0..6.28),
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
