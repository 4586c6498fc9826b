//! A network camera: RTSP, or any address FFmpeg opens.
//!
//! Comes in: an address. Goes out: its pictures, stamped by its RTP clock. FFmpeg is told to give up on silence, and
//! the reading thread is watched besides, because its own limits do not cover every protocol.

use super::{CaptureError, config::CameraConfig, device::Device};
use opencv::{
    core::Vector,
    prelude::*,
    videoio::{CAP_FFMPEG, CAP_PROP_OPEN_TIMEOUT_MSEC, CAP_PROP_READ_TIMEOUT_MSEC, VideoCapture},
};

/// How long a camera may take to describe itself. RTSP's handshake and the wait for a key frame: cameras send one
/// every one to two seconds.
const OPEN_MS: u64 = 4_000;

/// Opens the camera at `address`.
pub fn open(address: &str, config: &CameraConfig) -> Result<Device, CaptureError> {
    let spoken = without_password(address);
    let (full, said, stall_ms) = (address.to_owned(), spoken.clone(), config.stall_ms);
    Device::open(spoken, OPEN_MS + 500, stall_ms, config.offset_us, move || {
        let limits = Vector::from_slice(&[
            CAP_PROP_OPEN_TIMEOUT_MSEC,
            OPEN_MS as i32,
            CAP_PROP_READ_TIMEOUT_MSEC,
            stall_ms as i32,
        ]);
        let capture = VideoCapture::from_file_with_params(&full, CAP_FFMPEG, &limits)?;
        if capture.is_opened()? {
            Ok(capture)
        } else {
            Err(CaptureError::NoAnswer { address: said, timeout_ms: OPEN_MS })
        }
    })
}

/// The address as it may be shown and logged.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    match rest[..host_ends].rfind('@') {
        Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("rtsp://admin:p@ss@10.0.0.2:554/a@b"), "rtsp://…@10.0.0.2:554/a@b");
        assert_eq!(without_password("rtsp://10.0.0.2/a@b"), "rtsp://10.0.0.2/a@b");
    }
}
