//! Legs, arms and the stick.

use super::{BODY, Figure, Light, Outfit, Ring, STICK, Skeleton, Surface, across};
use crate::simulation::render::vector::{UP, Vector, add, along, cross, dot, mix, scale, subtract, unit};

impl Figure {
    pub(super) fn leg(&mut self, s: &Skeleton, i: usize, z: f32, g: f32, outfit: Outfit, light: &Light) {
        let left = cross(UP, s.toe[i]);
        let (hip, knee, ankle) = (s.hip[i], s.knee[i], s.ankle[i]);
        if outfit == Outfit::Official {
            self.limb(
                along(hip, UP, 0.1),
                knee,
                s.left,
                &[
                    (-0.05, 0.10 * g, 0.12 * g, 0.0),
                    (0.2, 0.125 * g, 0.145 * g, 0.2),
                    (0.6, 0.108 * g, 0.12 * g, 0.6),
                    (1.0, 0.088 * g, 0.095 * g, 1.0),
                    (1.04, 0.07 * g, 0.07 * g, 1.0),
                ],
                Surface::Pants,
                light,
            );
            self.limb(
                knee,
                ankle,
                left,
                &[
                    (-0.08, 0.06 * g, 0.06 * g, 0.0),
                    (0.0, 0.088 * g, 0.092 * g, 0.1),
                    (0.5, 0.086 * g, 0.09 * g, 0.5),
                    (0.96, 0.082 * g, 0.085 * g, 1.0),
                    (0.97, 0.05 * g, 0.05 * g, 1.0),
                ],
                Surface::Sock,
                light,
            );
        } else {
            self.limb(
                along(hip, UP, 0.10 * z),
                knee,
                s.left,
                &[
                    (-0.06, 0.09 * g, 0.11 * g, 0.0),
                    (0.08, 0.128 * g, 0.158 * g, 0.1),
                    (0.35, 0.140 * g, 0.160 * g, 0.35),
                    (0.65, 0.128 * g, 0.142 * g, 0.65),
                    (0.93, 0.118 * g, 0.126 * g, 0.98),
                    (0.925, 0.05 * g, 0.05 * g, 0.99),
                ],
                Surface::Pants,
                light,
            );
            self.limb(
                knee,
                ankle,
                left,
                &[
                    (-0.16, 0.05 * g, 0.05 * g, 0.0),
                    (-0.08, 0.082 * g, 0.086 * g, 0.02),
                    (0.06, 0.088 * g, 0.094 * g, 0.08),
                    (0.28, 0.084 * g, 0.098 * g, 0.3),
                    (0.55, 0.078 * g, 0.088 * g, 0.58),
                    (0.85, 0.064 * g, 0.066 * g, 0.9),
                    (1.0, 0.056 * g, 0.06 * g, 1.0),
                ],
                Surface::Sock,
                light,
            );
        }
        if outfit == Outfit::Goalie {
            let front = unit(subtract(s.toe[i], scale(UP, dot(s.toe[i], UP))));
            let (a, b) = (
                along(along(knee, subtract(hip, knee), 0.45), front, 0.09),
                along(along(ankle, front, 0.1), UP, -0.10),
            );
            self.limb(
                a,
                b,
                left,
                &[
                    (-0.01, 0.05, 0.02, 0.0),
                    (0.0, 0.135, 0.05, 0.01),
                    (0.3, 0.150, 0.075, 0.3),
                    (0.5, 0.15, 0.085, 0.5),
                    (0.8, 0.145, 0.07, 0.8),
                    (0.99, 0.135, 0.06, 0.99),
                    (1.0, 0.05, 0.03, 0.995),
                ],
                Surface::Pad,
                light,
            );
        }
        // Boot from heel to toe, then the blade below it.
        let toe = s.toe[i];
        let sole = along(ankle, UP, -0.035 * z);
        self.limb(
            along(sole, toe, -0.085 * z),
            along(sole, toe, 0.195 * z),
            left,
            &[
                (0.0, 0.02, 0.03, 0.0),
                (0.04, 0.042 * z, 0.055 * z, 0.1),
                (0.3, 0.046 * z, 0.066 * z, 0.3),
                (0.6, 0.046 * z, 0.050 * z, 0.6),
                (0.9, 0.044 * z, 0.04 * z, 0.9),
                (1.0, 0.02, 0.018, 1.0),
            ],
            Surface::Skate,
            light,
        );
        self.limb(
            along(ankle, UP, 0.09 * z),
            along(ankle, UP, -0.05 * z),
            left,
            &[(0.0, 0.060 * z, 0.064 * z, 0.0), (1.0, 0.048 * z, 0.06 * z, 1.0)],
            Surface::Skate,
            light,
        );
        let edge = along(ankle, UP, -0.094 * z);
        self.limb(
            along(edge, toe, -0.09 * z),
            along(edge, toe, 0.185 * z),
            left,
            &[(0.0, 0.006, 0.008, 0.0), (0.05, 0.009, 0.021, 0.1), (0.95, 0.009, 0.021, 0.9), (1.0, 0.006, 0.008, 1.0)],
            Surface::Blade,
            light,
        );
    }

    pub(super) fn arm(&mut self, s: &Skeleton, i: usize, z: f32, g: f32, outfit: Outfit, light: &Light) {
        let (shoulder, elbow, hand) = (s.shoulder[i], s.elbow[i], s.hand[i]);
        let way = unit(subtract(hand, elbow));
        let cuff = along(elbow, subtract(hand, elbow), 0.82);
        let outward = scale(s.left, if i == 0 { 1.0 } else { -1.0 });
        let (l, _) = across(unit(subtract(elbow, shoulder)), scale(s.forward, -1.0));
        let (l2, _) = across(way, scale(s.forward, -1.0));
        let rings = [
            (along(shoulder, outward, -0.06 * z), 0.075, l, 0.0),
            (along(shoulder, outward, 0.0), 0.098, l, 0.06),
            (mix(shoulder, elbow, 0.3), 0.098, l, 0.2),
            (mix(shoulder, elbow, 0.7), 0.092, l, 0.4),
            (elbow, 0.088, unit(add(l, l2)), 0.52),
            (mix(elbow, cuff, 0.35), 0.090, l2, 0.68),
            (mix(elbow, cuff, 0.8), 0.078, l2, 0.88),
            (cuff, 0.074, l2, 0.99),
            (along(cuff, way, -0.01), 0.03, l2, 0.995),
        ]
        .map(|(centre, radius, left, v)| {
            let back = unit(cross(left, if v < 0.5 { unit(subtract(elbow, shoulder)) } else { way }));
            Ring { centre, left: scale(left, radius * g), back: scale(back, radius * g), v }
        });
        self.tube(&rings, 10, Surface::Sleeve, BODY, light);
        let knuckles = along(hand, way, 0.09 * z);
        match outfit {
            Outfit::Official => self.limb(
                cuff,
                knuckles,
                s.left,
                &[
                    (0.0, 0.034, 0.034, 0.0),
                    (0.5, 0.042, 0.034, 0.5),
                    (0.9, 0.038, 0.03, 0.9),
                    (1.0, 0.012, 0.012, 1.0),
                ],
                Surface::Glove,
                light,
            ),
            Outfit::Skater => self.limb(
                cuff,
                knuckles,
                s.left,
                &[
                    (-0.12, 0.05, 0.05, 0.0),
                    (0.0, 0.072, 0.07, 0.1),
                    (0.3, 0.066, 0.064, 0.35),
                    (0.7, 0.07, 0.062, 0.7),
                    (0.92, 0.056, 0.05, 0.9),
                    (1.0, 0.02, 0.02, 1.0),
                ],
                Surface::Glove,
                light,
            ),
            Outfit::Goalie => {
                let (wide, deep) = if i == 0 { (0.135, 0.09) } else { (0.11, 0.04) };
                self.limb(
                    along(hand, UP, 0.19),
                    along(hand, UP, -0.17),
                    s.left,
                    &[
                        (0.0, 0.04, 0.02, 0.0),
                        (0.06, wide * 0.9, deep, 0.05),
                        (0.5, wide, deep * 1.1, 0.5),
                        (0.94, wide * 0.85, deep, 0.95),
                        (1.0, 0.04, 0.02, 1.0),
                    ],
                    if i == 0 { Surface::Glove } else { Surface::Pad },
                    light,
                );
            }
        }
    }

    pub(super) fn stick(&mut self, s: &Skeleton, [top, heel, tip]: [Vector; 3], outfit: Outfit, light: &Light) {
        let ring = |centre: Vector, way: Vector, wide: f32, deep: f32, v: f32| {
            let (l, b) = across(way, s.left);
            Ring { centre, left: scale(l, wide), back: scale(b, deep), v }
        };
        let way = unit(subtract(heel, top));
        let goalie = outfit == Outfit::Goalie;
        let low = if goalie { 0.045 } else { 0.014 };
        let knee = if goalie { 0.5 } else { 0.9 };
        self.tube(
            &[
                ring(top, way, 0.016, 0.016, 0.0),
                ring(mix(top, heel, knee), way, 0.014, 0.014, 0.7),
                ring(mix(top, heel, knee + 0.06), way, low, low, 0.8),
                ring(heel, way, low, low, 0.86),
            ],
            5,
            Surface::Stick,
            STICK,
            light,
        );
        let blade = unit(subtract(tip, heel));
        let tall = if goalie { 0.05 } else { 0.036 };
        // The blade stands across the shaft's plane: thin one way, tall the other.
        let high = unit(subtract(scale(way, -1.0), scale(blade, dot(scale(way, -1.0), blade))));
        let thin = unit(cross(blade, high));
        let rings = [(0.0, 0.8, 0.88), (0.5, 1.0, 0.94), (0.92, 0.9, 0.97), (1.0, 0.4, 1.0)].map(|(t, h, v)| Ring {
            centre: along(mix(heel, tip, t), high, tall * 0.6),
            left: scale(thin, 0.008),
            back: scale(high, tall * h),
            v,
        });
        self.tube(&rings, 6, Surface::Stick, STICK, light);
    }
}
