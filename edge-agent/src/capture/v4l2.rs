//! A camera on this machine: USB, HDMI grabber, MIPI.
//!
//! Comes in: a device path. Goes out: its pictures, stamped by the driver. Asks for MJPEG, which is what lets USB 2
//! carry 1080p; a device that knows no MJPEG keeps its own format.

use super::{CaptureError, config::CameraConfig, device::Device};
use opencv::{
    prelude::*,
    videoio::{
        CAP_PROP_BUFFERSIZE, CAP_PROP_FOURCC, CAP_PROP_FPS, CAP_PROP_FRAME_HEIGHT, CAP_PROP_FRAME_WIDTH, CAP_V4L2,
        VideoCapture, VideoWriter,
    },
};
use std::path::Path;

/// How long a device may take to open: some reset their sensor first.
const OPEN_MS: u64 = 5_000;

/// Opens the camera at `device`.
pub fn open(device: &str, config: &CameraConfig) -> Result<Device, CaptureError> {
    if !Path::new(device).exists() {
        return Err(CaptureError::DeviceMissing { device: device.to_owned() });
    }
    let (path, size_px, fps) = (device.to_owned(), config.size_px, config.fps);
    Device::open(device.to_owned(), OPEN_MS, config.stall_ms, config.offset_us, move || {
        let mut capture = VideoCapture::from_file(&path, CAP_V4L2)?;
        if !capture.is_opened()? {
            return Err(CaptureError::DeviceMissing { device: path });
        }
        // What a device does not know it ignores; what it then sends is what counts.
        capture.set(CAP_PROP_FOURCC, f64::from(VideoWriter::fourcc('M', 'J', 'P', 'G')?))?;
        capture.set(CAP_PROP_FRAME_WIDTH, f64::from(size_px[0]))?;
        capture.set(CAP_PROP_FRAME_HEIGHT, f64::from(size_px[1]))?;
        capture.set(CAP_PROP_FPS, fps)?;
        capture.set(CAP_PROP_BUFFERSIZE, 2.0)?;
        Ok(capture)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::config::Origin;

    #[test]
    fn a_missing_device_is_named_with_the_cure() {
        let config = CameraConfig::new("a", Origin::V4l2("/dev/video-none".into()));
        let fault = open("/dev/video-none", &config).err().unwrap().to_string();
        assert!(fault.contains("/dev/video-none") && fault.contains("plug it in"), "{fault}");
    }
}
