//! `[capture]`: which cameras there are.

use super::CaptureError;
use crate::geometry::Camera;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// All cameras of this box.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// In order: the first is camera 0.
    pub cameras: Vec<CameraConfig>,
}

/// One camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraConfig {
    /// How people call it: `stand-left`. Unlike any other camera's.
    pub name: String,
    /// Where its pictures come from.
    pub source: Origin,
    /// Frames per second asked of a device or the simulation; for a film that does not say its own.
    #[serde(default = "default_fps")]
    pub fps: f64,
    /// Picture width and height asked of a device or the simulation, pixels.
    #[serde(default = "default_size_px")]
    pub size_px: [u32; 2],
    /// The calibration file `edge-agent calibrate` wrote; without it boxes are found and not placed on the ice.
    #[serde(default)]
    pub calibration: Option<PathBuf>,
    /// Added to every stamp, microseconds: minus the delay between shutter and arrival, where it is known.
    #[serde(default)]
    pub offset_us: i64,
    /// When a film's first picture was taken, microseconds UTC; without it, when the box started.
    #[serde(default)]
    pub start_utc_us: Option<i64>,
    /// Begin a film again when it ends.
    #[serde(default)]
    pub repeat: bool,
    /// Without a frame for this long a camera is opened again, milliseconds, 100 to 10000.
    #[serde(default = "default_stall_ms")]
    pub stall_ms: u64,
    /// First wait before a camera is opened again, milliseconds; doubles up to `retry_max_ms`.
    #[serde(default = "default_retry_ms")]
    pub retry_ms: u64,
    /// Longest wait before a camera is opened again, milliseconds, at most 60000.
    ///
    /// Half a second: a camera that comes back is seen within 1.5 s, and a refused connection costs nothing.
    #[serde(default = "default_retry_max_ms")]
    pub retry_max_ms: u64,
}

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A film: `{ file = "game.mp4" }`.
    File(PathBuf),
    /// A network camera: `{ rtsp = "rtsp://user:password@10.0.0.21/stream1" }`; any address FFmpeg opens.
    Rtsp(String),
    /// A device: `{ v4l2 = "/dev/video0" }`.
    V4l2(String),
    /// The simulated game, seen from where the calibration file stands: `"synthetic"`.
    Synthetic,
}

fn default_fps() -> f64 {
    30.0
}

fn default_size_px() -> [u32; 2] {
    [1920, 1080]
}

fn default_stall_ms() -> u64 {
    1_000
}

fn default_retry_ms() -> u64 {
    100
}

fn default_retry_max_ms() -> u64 {
    500
}

impl CameraConfig {
    /// A camera with every other key at its default.
    pub fn new(name: &str, source: Origin) -> Self {
        Self {
            name: name.to_owned(),
            source,
            fps: default_fps(),
            size_px: default_size_px(),
            calibration: None,
            offset_us: 0,
            start_utc_us: None,
            repeat: false,
            stall_ms: default_stall_ms(),
            retry_ms: default_retry_ms(),
            retry_max_ms: default_retry_max_ms(),
        }
    }
}

impl CameraConfig {
    /// Reads the calibration file, when one is named.
    pub fn read_calibration(&self) -> Result<Option<Camera>, CaptureError> {
        self.calibration.as_deref().map(read_calibration).transpose()
    }
}

/// Reads a camera file as `edge-agent calibrate --out` writes it.
pub fn read_calibration(path: &Path) -> Result<Camera, CaptureError> {
    let unreadable = |fault: String| CaptureError::CalibrationUnreadable { path: path.to_owned(), fault };
    let text = std::fs::read_to_string(path).map_err(|fault| unreadable(fault.to_string()))?;
    toml::from_str(&text).map_err(|fault| unreadable(fault.to_string().trim_end().to_owned()))
}

impl Config {
    /// Everything that cannot be right, each with the value allowed.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |right: bool, fault: String| {
            if !right {
                faults.push(fault);
            }
        };
        check(self.cameras.len() <= 64, format!("capture.cameras: {} cameras (at most 64)", self.cameras.len()));
        for (index, camera) in self.cameras.iter().enumerate() {
            let at = |key: &str| format!("capture.cameras[{index}].{key}");
            let same = self.cameras[..index].iter().any(|other| other.name == camera.name);
            check(!camera.name.trim().is_empty(), format!("{}: empty (a name, such as \"stand-left\")", at("name")));
            check(!same, format!("{}: `{}` is taken by another camera", at("name"), camera.name));
            check((1.0..=240.0).contains(&camera.fps), format!("{}: {} (1 to 240)", at("fps"), camera.fps));
            check(
                camera.size_px.iter().all(|side| (64..=8192).contains(side)),
                format!("{}: {:?} (64 to 8192 each)", at("size_px"), camera.size_px),
            );
            check(
                (100..=10_000).contains(&camera.stall_ms),
                format!("{}: {} (100 to 10000)", at("stall_ms"), camera.stall_ms),
            );
            check(
                camera.retry_ms <= camera.retry_max_ms && camera.retry_max_ms <= 60_000,
                format!(
                    "{}: {} up to {} (retry_ms at most retry_max_ms, at most 60000)",
                    at("retry_ms"),
                    camera.retry_ms,
                    camera.retry_max_ms
                ),
            );
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let config: Config = toml::from_str(text).unwrap();
        let faults = config.faults();
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, part) in faults.iter().zip(expected) {
            assert!(fault.contains(part), "{fault} does not say {part}");
        }
    }

    #[test]
    fn every_kind_of_source_is_read() {
        let text = r#"
            cameras = [
                { name = "a", source = { file = "x.mp4" } },
                { name = "b", source = { rtsp = "rtsp://10.0.0.2/1" } },
                { name = "c", source = { v4l2 = "/dev/video0" } },
                { name = "d", source = "synthetic" },
            ]"#;
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.cameras[0].source, Origin::File("x.mp4".into()));
        assert_eq!(config.cameras[3].source, Origin::Synthetic);
        assert!(config.faults().is_empty());
    }

    #[test]
    fn all_faults_are_said_at_once() {
        check(
            r#"cameras = [
                { name = "a", source = "synthetic", fps = 0 },
                { name = "a", source = "synthetic", stall_ms = 5 },
            ]"#,
            &["cameras[0].fps: 0 (1 to 240)", "cameras[1].name: `a` is taken", "cameras[1].stall_ms: 5"],
        );
    }

    #[test]
    fn an_unknown_key_is_a_fault() {
        assert!(toml::from_str::<Config>(r#"cameras = [{ name = "a", source = "synthetic", fsp = 30 }]"#).is_err());
    }
}
