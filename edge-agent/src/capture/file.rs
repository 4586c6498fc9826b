//! A film on disk.
//!
//! Comes in: a path. Goes out: its pictures, stamped `start + index ÷ rate` exactly, so that the same film always has
//! the same stamps. Never waits. A film cut short ends early.

use super::{CaptureError, Source, config::CameraConfig};
use crate::time::{Stamp, TimeSource};
use opencv::{
    core::Mat,
    prelude::*,
    videoio::{CAP_ANY, CAP_PROP_FPS, CAP_PROP_FRAME_HEIGHT, CAP_PROP_FRAME_WIDTH, VideoCapture},
};
use std::path::{Path, PathBuf};

/// An open film.
pub struct File {
    path: PathBuf,
    film: VideoCapture,
    fps: f64,
    start_us: i64,
    index: u64,
    repeat: bool,
}

impl File {
    /// Opens the film `path`; its first picture was taken at `start_us` UTC unless the configuration says when.
    pub fn open(path: &Path, config: &CameraConfig, start_us: i64) -> Result<Self, CaptureError> {
        let film = open(path)?;
        let said = film.get(CAP_PROP_FPS)?;
        // Containers without a rate say 0, broken ones thousands.
        let fps = if said > 0.5 && said <= 480.0 { said } else { config.fps };
        if fps <= 0.0 {
            return Err(CaptureError::RateUnknown { path: path.to_owned() });
        }
        let start_us = config.start_utc_us.unwrap_or(start_us) + config.offset_us;
        Ok(Self { path: path.to_owned(), film, fps, start_us, index: 0, repeat: config.repeat })
    }

    /// Frames per second.
    pub fn fps(&self) -> f64 {
        self.fps
    }

    /// Width and height, pixels.
    pub fn size_px(&self) -> Result<[u32; 2], CaptureError> {
        Ok([self.film.get(CAP_PROP_FRAME_WIDTH)? as u32, self.film.get(CAP_PROP_FRAME_HEIGHT)? as u32])
    }
}

fn open(path: &Path) -> Result<VideoCapture, CaptureError> {
    if !path.is_file() {
        return Err(CaptureError::FileMissing { path: path.to_owned() });
    }
    let film = VideoCapture::from_file(path, CAP_ANY)?;
    if film.is_opened()? { Ok(film) } else { Err(CaptureError::FileUnreadable { path: path.to_owned() }) }
}

impl Source for File {
    fn read(&mut self, image: &mut Mat) -> Result<Option<Stamp>, CaptureError> {
        if !self.film.read(image)? {
            if self.index == 0 {
                return Err(CaptureError::FileUnreadable { path: self.path.clone() });
            }
            if !self.repeat {
                return Ok(None);
            }
            // Seeking is inexact in many containers; opening is not.
            self.film = open(&self.path)?;
            if !self.film.read(image)? {
                return Err(CaptureError::FileUnreadable { path: self.path.clone() });
            }
        }
        let utc_us = self.start_us + (self.index as f64 * 1e6 / self.fps).round() as i64;
        self.index += 1;
        Ok(Some(Stamp { utc_us, source: TimeSource::Source, uncertainty_us: 0 }))
    }

    fn is_film(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::config::Origin;
    use opencv::{
        core::{CV_8UC3, Scalar, Size},
        videoio::VideoWriter,
    };

    fn write_film(path: &Path, frames: i32) {
        let fourcc = VideoWriter::fourcc('m', 'p', '4', 'v').unwrap();
        let mut writer = VideoWriter::new(path, fourcc, 25.0, Size::new(64, 48), true).unwrap();
        for index in 0..frames {
            let shade = Scalar::all(f64::from(index * 5));
            writer.write(&Mat::new_rows_cols_with_default(48, 64, CV_8UC3, shade).unwrap()).unwrap();
        }
        writer.release().unwrap();
    }

    fn stamps(path: &Path, repeat: bool, take: usize) -> Vec<i64> {
        let config = CameraConfig { repeat, ..CameraConfig::new("a", Origin::File(path.into())) };
        let mut file = File::open(path, &config, 1_000).unwrap();
        let mut image = Mat::default();
        std::iter::from_fn(|| file.read(&mut image).unwrap()).take(take).map(|stamp| stamp.utc_us).collect()
    }

    #[test]
    fn stamps_are_exact_and_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        write_film(&path, 10);
        let expected: Vec<i64> = (0..10).map(|n| 1_000 + n * 40_000).collect();
        assert_eq!(stamps(&path, false, 100), expected);
        assert_eq!(stamps(&path, true, 25), (0..25).map(|n| 1_000 + n * 40_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_a_film_is_refused_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        let config = CameraConfig::new("a", Origin::File(path.clone()));
        let fault = File::open(&path, &config, 0).err().unwrap().to_string();
        assert!(fault.contains("no film at") && fault.contains("source.file"), "{fault}");
        std::fs::write(&path, b"not a film at all").unwrap();
        let fault = File::open(&path, &config, 0).err().unwrap().to_string();
        assert!(fault.contains("does not open as a film"), "{fault}");
    }
}
