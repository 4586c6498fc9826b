//! How everything looks: team colours, ice, hall, light and the camera's faults. Comes in: a seed or a source of
//! randomness. Goes out: [`Look`], plain numbers. Never draws.

mod chance;

use super::texture::{Colour, blend, shade};

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
            ice: IceLook { tint: [228, 226, 222], paint: 0.30, wear: 0.5, shine: 0.35, logos: true },
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
}
