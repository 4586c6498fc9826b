//! Promise: tracking allocates nothing in the steady state.
//!
//! Shown by an allocator that counts: thirteen skaters, dropped and found again, with false boxes born and buried, and
//! after the first second not one allocation, growth or release on the tracker's thread.

use edge_agent::{
    geometry::{Affine, Rect},
    inference::{Class, Detection},
    tracking::{Config, Tracker},
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting what each thread asks of it.
struct Counting;

fn count() {
    ASKED.with(|asked| asked.set(asked.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts and hands on")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Thirteen skaters going round; every ninth box is missing, and now and then there is one of nobody.
fn scene(frame: i64, detections: &mut Vec<Detection>) {
    detections.clear();
    let mut add = |x: f32, y: f32| {
        let rect = Rect { x, y, w: 40.0, h: 100.0 };
        detections.push(Detection { rect, class: Class::Skater, score: 0.9 });
    };
    for skater in 0..13 {
        let angle = frame as f32 * 0.01 + skater as f32;
        if (frame + skater * 5) % 9 != 0 {
            add(900.0 + 60.0 * skater as f32 * angle.cos(), 500.0 + 35.0 * skater as f32 * angle.sin());
        }
    }
    if frame % 7 == 0 {
        add((frame * 37 % 1800) as f32, (frame * 91 % 900) as f32);
    }
}

fn check(camera: Option<&Affine>) {
    let mut tracker = Tracker::new(Config::default());
    let mut detections = Vec::with_capacity(32);
    let mut ids = 0;
    let mut before = 0;
    for frame in 0..3_000 {
        scene(frame, &mut detections);
        if frame == 60 {
            before = ASKED.with(Cell::get);
        }
        ids = tracker.update(frame * 16_667, &detections, camera).last().map_or(ids, |track| track.id.0);
    }
    let asked = ASKED.with(Cell::get) - before;
    assert!(ids > 100, "{ids} tracks were born: too calm to show anything");
    assert_eq!(asked, 0, "allocations in 2,940 frames");
}

#[test]
fn a_fixed_camera() {
    check(None);
}

#[test]
fn a_camera_whose_motion_is_told() {
    check(Some(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]));
}
