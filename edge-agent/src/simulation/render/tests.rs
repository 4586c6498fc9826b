//! Pictures against their own labels: what is drawn is where the labels say, and the same every time.

use super::*;
use crate::{geometry::Camera, rink::Rink, simulation::Truth};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const WIDTH: usize = 960;
const HEIGHT: usize = 540;

fn camera() -> Camera {
    Camera::looking_at(WIDTH as u32, HEIGHT as u32, 62.0, [0.0, -26.0, 9.0], [0.0, 1.0, 0.0])
}

fn truth(seed: u64) -> Truth {
    moment::truth(&mut ChaCha8Rng::seed_from_u64(seed), &Rink::NHL)
}

/// A look in which only the people themselves change pixels.
fn bare() -> Look {
    let mut look = Look::standard(7);
    look.sticks = false;
    (look.light.shadow, look.light.mirror) = (0.0, 0.0);
    (look.film.noise, look.film.blur_px, look.film.shutter_s) = (0.0, 0.0, 0.0);
    look
}

fn picture(renderer: &mut Renderer, truth: &Truth) -> Vec<u8> {
    let mut picture = vec![0; WIDTH * HEIGHT * 3];
    renderer.render(truth, &mut picture);
    picture
}

/// The box around the pixels that differ clearly.
fn difference(a: &[u8], b: &[u8]) -> [f32; 4] {
    let mut found = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    for (i, (p, q)) in a.chunks_exact(3).zip(b.chunks_exact(3)).enumerate() {
        if p.iter().zip(q).any(|(a, b)| a.abs_diff(*b) > 12) {
            let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
            found = [found[0].min(x), found[1].min(y), found[2].max(x + 1.0), found[3].max(y + 1.0)];
        }
    }
    found
}

#[test]
fn labels_are_where_pixels_change() {
    let mut renderer = Renderer::new(&camera(), Rink::NHL, bare());
    let mut checked = 0;
    for seed in 0..3 {
        let all = truth(seed);
        let with = picture(&mut renderer, &all);
        let labels = renderer.labels().to_vec();
        for (i, person) in all.people.iter().enumerate() {
            let mut less = all.clone();
            less.people.remove(i);
            let without = picture(&mut renderer, &less);
            let Some(label) = labels.iter().find(|l| l.id == person.id).filter(|l| l.visible > 0.5) else { continue };
            let r = label.rect;
            for (edge, (seen, said)) in
                difference(&with, &without).into_iter().zip([r.x, r.y, r.x + r.w, r.y + r.h]).enumerate()
            {
                assert!((seen - said).abs() <= 2.0, "seed {seed} person {} edge {edge}: {seen} {said}", person.id);
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} were in sight");
}

#[test]
fn same_in_same_out() {
    let truth = truth(3);
    let once = picture(&mut Renderer::new(&camera(), Rink::NHL, Look::standard(1)), &truth);
    let mut renderer = Renderer::new(&camera(), Rink::NHL, Look::standard(1));
    picture(&mut renderer, &self::truth(4));
    assert!(once == picture(&mut renderer, &truth), "what was drawn before must not matter");
    assert!(once != picture(&mut Renderer::new(&camera(), Rink::NHL, Look::standard(2)), &truth));
}

#[test]
fn skates_stand_on_the_place() {
    let mut renderer = Renderer::new(&camera(), Rink::NHL, bare());
    for seed in 0..4 {
        let truth = truth(seed);
        picture(&mut renderer, &truth);
        for label in renderer.labels() {
            let Some(person) = truth.people.iter().find(|p| p.id == label.id && label.visible > 0.98) else { continue };
            let [x, y] = camera().project([person.position_m[0], person.position_m[1], 0.0]).expect("in sight");
            let [fx, fy] = label.whole.foot();
            let tall = f64::from(label.whole.h);
            assert!(
                (fx - x).abs() < 0.3 * tall && (fy - y).abs() < 0.22 * tall,
                "seed {seed}: {fx},{fy} {x},{y} {tall}"
            );
        }
    }
}

#[test]
fn a_frame_keeps_its_memory() {
    let mut renderer = Renderer::new(&camera(), Rink::NHL, Look::standard(1));
    let truth = truth(1);
    picture(&mut renderer, &truth);
    let before = renderer.memory();
    (0..3).for_each(|_| drop(picture(&mut renderer, &truth)));
    assert_eq!(renderer.memory(), before);
}
