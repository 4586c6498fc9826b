//! Promise: a camera that is missing, or stops, never stops the box: its fault is said with the cure, it is tried
//! again with growing waits, and its pictures go on when it is back.
//!
//! Shown by a camera that fails three times, gives five pictures, stalls, and comes back.

use edge_agent::{
    capture::{
        CaptureError, Frame, Pace, Sight, Source, Start, Task,
        config::{CameraConfig, Origin},
        open, run,
    },
    ids::CameraId,
    queue::{self, Overflow},
    rink::Rink,
    simulation::Setup,
    time::{Stamp, TimeSource},
};
use opencv::core::Mat;
use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

struct Flaky {
    left: u32,
    utc_us: i64,
}

impl Source for Flaky {
    fn read(&mut self, _image: &mut Mat) -> Result<Option<Stamp>, CaptureError> {
        if self.left == 0 {
            return Err(CaptureError::Stalled { address: "rtsp://camera".into(), limit_ms: 1_000 });
        }
        self.left -= 1;
        self.utc_us += 40_000;
        Ok(Some(Stamp { utc_us: self.utc_us, source: TimeSource::Source, uncertainty_us: 0 }))
    }

    fn is_film(&self) -> bool {
        false
    }
}

fn config() -> CameraConfig {
    CameraConfig { retry_ms: 1, retry_max_ms: 2, ..CameraConfig::new("stand", Origin::V4l2("/dev/video9".into())) }
}

#[test]
fn pictures_go_on_when_the_camera_is_back() {
    let (sender, frames) = queue::bounded::<Frame>("test", 16, Overflow::Wait);
    let stop = AtomicBool::new(false);
    let config = config();
    let start = Start { utc_us: 0, monotonic_us: 0 };
    let task = Task { camera: CameraId(3), config: &config, pace: Pace::Live, start, stop: &stop };
    let mut tries = 0;
    let mut try_open = || {
        tries += 1;
        match tries {
            1..=3 => Err(CaptureError::DeviceMissing { device: "/dev/video9".into() }),
            4 => Ok(Box::new(Flaky { left: 5, utc_us: 0 }) as Box<dyn Source>),
            5 => Ok(Box::new(Flaky { left: 2, utc_us: 1_000_000 }) as Box<dyn Source>),
            _ => {
                stop.store(true, Ordering::Relaxed);
                Err(CaptureError::DeviceMissing { device: "/dev/video9".into() })
            }
        }
    };
    let mut sights = Vec::new();
    run(&task, &mut try_open, &sender, &mut |sight| sights.push(sight))
        .expect("a live camera's faults are not the box's");
    drop(sender);
    let seen: Vec<(u64, i64)> = std::iter::from_fn(|| frames.receive()).map(|f| (f.sequence, f.stamp.utc_us)).collect();
    assert_eq!(seen[..5], [(0, 40_000), (1, 80_000), (2, 120_000), (3, 160_000), (4, 200_000)]);
    assert_eq!(seen[5..], [(0, 1_040_000), (1, 1_080_000)]);

    let said: Vec<String> = sights
        .iter()
        .map(|sight| match sight {
            Sight::Seeing => "seeing".to_owned(),
            Sight::Blind { reason, tries, .. } => format!("{tries}: {reason}"),
            Sight::Ended => "ended".to_owned(),
        })
        .collect();
    for (index, part) in [
        "1: camera stand: no camera at /dev/video9: plug it in",
        "2: camera stand",
        "3: camera stand",
        "seeing",
        "1: camera stand: no frame from rtsp://camera for 1000 ms",
        "seeing",
    ]
    .iter()
    .enumerate()
    {
        assert!(said[index].starts_with(part), "{index}: `{}` is not `{part}…`; all: {said:#?}", said[index]);
    }
}

#[test]
fn a_replay_of_a_missing_film_ends_with_the_fault() {
    let (sender, _frames) = queue::bounded::<Frame>("test", 16, Overflow::Wait);
    let stop = AtomicBool::new(false);
    let config = CameraConfig::new("film", Origin::File(PathBuf::from("/no/such/film.mp4")));
    let start = Start { utc_us: 0, monotonic_us: 0 };
    let task = Task { camera: CameraId(0), config: &config, pace: Pace::Replay, start, stop: &stop };
    let game = Setup { seed: 1, rink: Rink::NHL, game: 1 };
    let fault = run(&task, &mut || open(&task, &game), &sender, &mut |_| {}).unwrap_err();
    assert!(fault.to_string().contains("no film at /no/such/film.mp4: put it there"), "{fault}");
}
