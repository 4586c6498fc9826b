//! Cloth: a team's colours painted onto the textures a figure wears. Comes in: a look, a person's side, role and
//! number. Goes out: one [`Wardrobe`] a person, painted once and kept.

use super::{
    look::{Kit, Look},
    texture::{Colour, Sheet, Texture, blend, shade, speckle},
};
use firmware_protocol::network::{Role, Side};

/// Surfaces of a figure, each with its own texture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Torso: u 0.25 back, 0.75 front; v 0 neck, 1 hem.
    Jersey,
    /// Either sleeve: v 0 shoulder, 1 cuff.
    Sleeve,
    /// Trouser legs.
    Pants,
    /// Socks: v 0 knee, 1 ankle.
    Sock,
    /// Boots.
    Skate,
    /// Blades and holders.
    Blade,
    /// Gloves.
    Glove,
    /// Head: u 0.75 face, v 0 crown, 1 chin.
    Head,
    /// Neck and bare skin.
    Skin,
    /// Shaft and blade of the stick.
    Stick,
    /// Goalie's pads, blocker and catcher: u 0.75 front.
    Pad,
}

/// How many kinds of surface there are.
const SURFACES: usize = 11;

/// What one person wears.
#[derive(Debug, Clone)]
pub struct Wardrobe {
    textures: Vec<Texture>,
}

const NAMES: [&str; 16] = [
    "MARSH", "OKAFOR", "LINDT", "DUBE", "HARROW", "PEKKA", "STOLZ", "VANCE", "KOVAR", "BRANDT", "ELLIS", "TREMB",
    "NYLUND", "SOROKA", "WEXLER", "QUIRK",
];

const SKIN: [Colour; 4] = [[150, 176, 220], [120, 148, 198], [80, 106, 152], [52, 70, 104]];
const HAIR: [Colour; 4] = [[34, 36, 44], [44, 62, 88], [70, 120, 160], [120, 126, 130]];

fn cloth(width: usize, height: usize, colour: Colour) -> Sheet {
    Sheet::new(width, height, colour)
}

fn number_on(sheet: &mut Sheet, kit: &Kit, number: u8, at: [f32; 2], tall: f32) {
    let words = number.to_string();
    let wide = if number > 9 { tall * 1.02 } else { tall * 0.6 };
    if let Some(edge) = kit.number_edge {
        sheet.write(&words, at, tall * 1.1, wide * 1.14, kit.font, 0.26, edge);
    }
    sheet.write(&words, at, tall, wide, kit.font, 0.17, kit.number);
}

fn jersey(kit: &Kit, number: u8, seed: u32) -> Sheet {
    let mut sheet = cloth(256, 128, kit.jersey);
    if let Some(yoke) = kit.yoke {
        // Lower over the arms than in the middle, as shoulders are cut.
        sheet.paint(yoke, |u, v| f32::from(v < 0.17 + 0.08 * (u * std::f32::consts::TAU).cos().abs()));
    }
    for &(from, to, colour) in &kit.hem_bands {
        sheet.band(from, to, colour);
    }
    let tall = kit.number_m / 0.62 * 128.0;
    number_on(&mut sheet, kit, number, [64.0, 64.0 + if kit.names { 4.0 } else { 0.0 }], tall);
    if kit.names {
        let name = NAMES[(speckle(i32::from(number), 3, seed) * 15.9) as usize];
        sheet.write(name, [64.0, 27.0], 10.0, 62.0, 0, 0.13, kit.number);
    }
    let crest = kit.crest;
    sheet.paint(crest, |u, v| {
        let (dx, dy) = ((u - 0.75) / 0.075, (v - 0.42) / 0.16);
        let r = dx.hypot(dy);
        f32::from(r < 1.0 && (r > 0.78 || (dx * 5.0).sin() * (dy * 4.0).cos() > 0.1))
    });
    sheet.wrinkle(9.0, 4.0, 0.16, seed);
    sheet
}

fn sleeve(kit: &Kit, number: u8, seed: u32) -> Sheet {
    let mut sheet = cloth(64, 64, kit.jersey);
    if let Some(yoke) = kit.yoke {
        sheet.band(0.0, 0.16, yoke);
    }
    for &(from, to, colour) in &kit.sleeve_bands {
        sheet.band(from, to, colour);
    }
    number_on(&mut sheet, kit, number, [4.0, 15.0], 13.0);
    number_on(&mut sheet, kit, number, [34.0, 15.0], 13.0);
    sheet.wrinkle(4.0, 6.0, 0.2, seed ^ 5);
    sheet
}

fn head(helmet: Colour, skin: Colour, hair: Colour, cage: bool, seed: u32) -> Sheet {
    let mut sheet = cloth(64, 64, helmet);
    let front = |u: f32| 1.0 - ((u - 0.75).abs() / 0.2).min(1.0);
    sheet.paint(skin, |u, v| f32::from(v > 0.47 && front(u) > 0.12));
    sheet.paint(hair, |u, v| f32::from(v > 0.66 && front(u) <= 0.12));
    sheet.paint([24, 22, 24], |u, v| {
        f32::from(v > 0.52 && v < 0.57 && ((u - 0.70).abs() < 0.02 || (u - 0.80).abs() < 0.02))
    });
    if cage {
        sheet.paint([70, 70, 72], |u, v| {
            let bars = ((u * 64.0) as i32 % 4 == 0) || ((v * 64.0) as i32 % 5 == 0);
            if v > 0.46 && front(u) > 0.1 { if bars { 0.85 } else { 0.35 } } else { 0.0 }
        });
    } else {
        sheet.paint([200, 196, 190], |u, v| if v > 0.45 && v < 0.62 && front(u) > 0.12 { 0.25 } else { 0.0 });
    }
    // Vents and seams.
    sheet.paint(shade(helmet, 0.55), |u, v| f32::from(v > 0.2 && v < 0.3 && (u * 8.0).fract() < 0.16));
    sheet.paint(blend(helmet, [255; 3], 0.5), |u, v| {
        if (v - 0.14).abs() < 0.05 && speckle((u * 9.0) as i32, 1, seed) > 0.7 { 0.5 } else { 0.0 }
    });
    sheet
}

fn pad(colours: [Colour; 2], seed: u32) -> Sheet {
    let mut sheet = cloth(64, 64, colours[0]);
    let kind = (speckle(9, 9, seed) * 3.0) as u32;
    sheet.paint(colours[1], |u, v| {
        f32::from(match kind {
            0 => ((v * 3.0 + (u - 0.75).abs() * 6.0).fract()) < 0.3,
            1 => (u - 0.75).abs() > 0.13 || (v - 0.42).abs() < 0.05,
            _ => (v > 0.25 && v < 0.4) || v > 0.85,
        })
    });
    sheet.paint([40, 38, 38], |u, _| f32::from((u - 0.25).abs() < 0.17));
    sheet.wrinkle(3.0, 5.0, 0.1, seed);
    sheet
}

impl Wardrobe {
    /// What a person on the ice wears.
    pub fn new(look: &Look, role: Role, side: Option<Side>, number: u8, id: u32) -> Self {
        let seed = (look.seed as u32) ^ id.wrapping_mul(2_654_435_761);
        let roll = |i: i32| speckle(i, 0, seed);
        let (skin, hair) = (SKIN[(roll(1) * roll(2) * 3.99) as usize], HAIR[(roll(3) * 3.99) as usize]);
        let black = [30, 28, 28];
        let Some(side) = side else {
            let mut stripes = cloth(256, 128, [232, 230, 230]);
            stripes.paint(black, |u, v| f32::from((u * 26.0).fract() < 0.5 && v > 0.03));
            number_on(
                &mut stripes,
                &Kit { number: black, number_edge: Some([232; 3]), ..look.kits[0].clone() },
                (roll(4) * 98.0) as u8 + 1,
                [64.0, 38.0],
                20.0,
            );
            stripes.wrinkle(9.0, 4.0, 0.16, seed);
            let mut arms = cloth(64, 64, [232, 230, 230]);
            arms.paint(black, |u, _| f32::from((u * 9.0).fract() < 0.5));
            if roll(5) < 0.5 {
                arms.band(0.3, 0.52, look.armband);
            }
            arms.wrinkle(4.0, 6.0, 0.2, seed);
            let mut pants = cloth(32, 32, [34, 32, 32]);
            pants.wrinkle(4.0, 5.0, 0.3, seed);
            return Self::of([
                stripes,
                arms,
                pants.clone(),
                pants,
                cloth(8, 8, black),
                cloth(8, 8, [206, 206, 206]),
                cloth(8, 8, skin),
                head(black, skin, hair, false, seed),
                cloth(8, 8, skin),
                cloth(8, 8, black),
                cloth(8, 8, black),
            ]);
        };
        let kit = &look.kits[usize::from(side == Side::Away)];
        let mut pants = cloth(64, 32, kit.pants);
        if let Some(stripe) = kit.pants_stripe {
            pants.paint(stripe, |u, _| f32::from(!(0.05..0.95).contains(&u) || (u - 0.5).abs() < 0.05));
        }
        pants.wrinkle(5.0, 4.0, 0.25, seed ^ 9);
        let mut socks = cloth(32, 64, kit.socks);
        for &(from, to, colour) in &kit.sock_bands {
            socks.band(from, to, colour);
        }
        socks.wrinkle(3.0, 5.0, 0.12, seed ^ 3);
        let mut stick = cloth(8, 64, if roll(6) > 0.75 { [200, 206, 210] } else { [42, 40, 40] });
        stick.paint([196, 198, 200], |_, v| f32::from(v < 0.12 || (roll(7) > 0.6 && v > 0.3 && v < 0.45)));
        stick.paint(if roll(8) > 0.3 { [30, 30, 30] } else { [225, 225, 225] }, |_, v| f32::from(v > 0.86));
        let mut glove = cloth(16, 16, if roll(9) > 0.25 { kit.gloves } else { black });
        glove.band(0.0, 0.3, shade(kit.gloves, 0.7));
        glove.wrinkle(4.0, 3.0, 0.35, seed ^ 4);
        let goalie = role == Role::Goalie;
        let cage = goalie || roll(10) < look.cages;
        let mut mask = head(
            if goalie && roll(11) > 0.4 { blend(kit.pads[0], [240; 3], 0.4) } else { kit.helmet },
            skin,
            hair,
            cage,
            seed,
        );
        if goalie {
            mask.paint(kit.crest, |u, v| f32::from(v < 0.42 && ((u - 0.75) * 22.0).sin() * (v * 19.0).cos() > 0.35));
        }
        let mut boots = cloth(16, 16, [34, 34, 36]);
        boots.paint([150, 150, 150], |u, v| f32::from((u - 0.75).abs() < 0.06 && v < 0.6));
        Self::of([
            jersey(kit, number, seed),
            sleeve(kit, number, seed),
            pants,
            socks,
            boots,
            cloth(8, 8, [190, 190, 192]),
            glove,
            mask,
            cloth(8, 8, if roll(12) > 0.5 { hair } else { skin }),
            stick,
            pad(kit.pads, seed),
        ])
    }

    /// What somebody beside the ice wears: a coat, no number.
    pub fn bystander(coat: Colour, trousers: Colour, seed: u32) -> Self {
        let (skin, hair) = (SKIN[(speckle(1, 2, seed) * 3.0) as usize], HAIR[(speckle(3, 4, seed) * 3.99) as usize]);
        let folded = |colour: Colour| {
            let mut sheet = cloth(64, 32, colour);
            sheet.wrinkle(7.0, 4.0, 0.3, seed);
            sheet
        };
        let mut face = head(hair, skin, hair, false, seed);
        face.paint(hair, |_, v| f32::from(v < 0.4));
        Self::of([
            folded(coat),
            folded(coat),
            folded(trousers),
            folded(trousers),
            cloth(8, 8, [30; 3]),
            cloth(8, 8, [30; 3]),
            cloth(8, 8, skin),
            face,
            cloth(8, 8, skin),
            cloth(8, 8, [30; 3]),
            cloth(8, 8, [30; 3]),
        ])
    }

    fn of(sheets: [Sheet; SURFACES]) -> Self {
        Self { textures: sheets.into_iter().map(Texture::new).collect() }
    }

    /// The texture of a surface.
    pub fn texture(&self, surface: Surface) -> &Texture {
        &self.textures[surface as usize]
    }
}
