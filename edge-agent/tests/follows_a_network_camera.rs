//! Promise: a network camera's pictures come with stamps that run as evenly as the camera does, and when it goes
//! silent that is known within the limit, with a message that names it.
//!
//! Shown with FFmpeg as the camera, sending MPEG-TS over the loopback. Skips, saying so, without `ffmpeg`.

use edge_agent::{
    capture::{
        CaptureError, Source,
        config::{CameraConfig, Origin},
        rtsp,
    },
    time,
};
use opencv::core::Mat;
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

/// The camera, ended with the test.
struct Sender(Child);

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn send_film(address: &str) -> Option<Sender> {
    let listening = format!("{address}?listen=1");
    let made = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-t", "4", "-g", "5", "-c:v", "mpeg2video"];
    Command::new("ffmpeg")
        .args(["-v", "quiet", "-re"])
        .args(made)
        .args(["-f", "mpegts", &listening])
        .stdin(Stdio::null())
        .spawn()
        .ok()
        .map(Sender)
}

#[test]
fn pictures_come_evenly_and_silence_is_noticed() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("tcp://127.0.0.1:{port}");
    let Some(_sender) = send_film(&address) else {
        println!("skipped: no ffmpeg");
        return;
    };
    let config = CameraConfig::new("stand", Origin::Rtsp(address.clone()));
    // FFmpeg needs a moment before it listens; refusals come back at once.
    let begun_us = time::monotonic_us();
    let mut camera = loop {
        match rtsp::open(&address, &config) {
            Ok(camera) => break camera,
            Err(fault) => assert!(time::monotonic_us() - begun_us < 30_000_000, "{fault}"),
        }
    };
    let mut image = Mat::default();
    let mut stamps = Vec::new();
    let mut last_us = time::monotonic_us();
    let fault = loop {
        match camera.read(&mut image) {
            Ok(Some(stamp)) => {
                stamps.push(stamp.utc_us);
                last_us = time::monotonic_us();
            }
            Ok(None) => panic!("a live camera has no end"),
            Err(fault) => break fault,
        }
    };
    let silence_ms = (time::monotonic_us() - last_us) / 1_000;
    let steps: Vec<i64> = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // What FFmpeg had gathered before it opened comes in a burst, and so does what it holds back at the end.
    let even = steps.split(|step| (step - 40_000).abs() > 2_000).map(<[i64]>::len).max().unwrap_or(0);
    assert!(even >= 20, "{even} even steps of 40 ms in a row: {steps:?}");
    assert!(matches!(fault, CaptureError::Ended { .. } | CaptureError::Stalled { .. }), "{fault}");
    assert!(fault.to_string().contains(&address), "{fault}");
    assert!(silence_ms <= config.stall_ms + 500, "known after {silence_ms} ms");
}
