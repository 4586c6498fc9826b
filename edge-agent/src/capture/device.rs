//! A live OpenCV capture read on a thread of its own, so that a read that hangs is noticed and costs nobody else.
//!
//! Comes in: how to open it. Goes out: its newest pictures through a slot of one. When nothing came for the limit,
//! [`CaptureError::Stalled`]; the thread ends with its current call, whenever that returns.

use super::{
    CaptureError, Source,
    arrival::Arrivals,
    picture::{Picture, Shelf},
};
use crate::time::{self, Stamp};
use opencv::{
    core::Mat,
    prelude::*,
    videoio::{CAP_PROP_POS_MSEC, VideoCapture},
};
use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

struct Arrived {
    image: Picture,
    arrival_us: i64,
    source_us: Option<i64>,
}

/// A live camera.
pub struct Device {
    address: String,
    stall_ms: u64,
    offset_us: i64,
    arrivals: Arrivals,
    pictures: Receiver<Result<Arrived, CaptureError>>,
}

impl Device {
    /// Opens a capture with `open` on its own thread and waits at most `open_ms` for that.
    pub fn open(
        address: String,
        open_ms: u64,
        stall_ms: u64,
        offset_us: i64,
        open: impl FnOnce() -> Result<VideoCapture, CaptureError> + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let (opened, is_open) = sync_channel(1);
        // One waiting: the queue after this decides what is dropped.
        let (arrived, pictures) = sync_channel(1);
        let name = address.clone();
        thread::spawn(move || {
            let capture = match open() {
                Ok(capture) => {
                    // The opener may have given up waiting: then nobody takes pictures either.
                    let _ = opened.send(Ok(()));
                    capture
                }
                Err(fault) => {
                    let _ = opened.send(Err(fault));
                    return;
                }
            };
            read_all(capture, &name, |read| arrived.send(read).is_ok());
        });
        match is_open.recv_timeout(Duration::from_millis(open_ms)) {
            Ok(Ok(())) => Ok(Self { address, stall_ms, offset_us, arrivals: Arrivals::default(), pictures }),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(CaptureError::NoAnswer { address, timeout_ms: open_ms }),
        }
    }
}

fn read_all(mut capture: VideoCapture, address: &str, mut give: impl FnMut(Result<Arrived, CaptureError>) -> bool) {
    let shelf = Shelf::default();
    loop {
        let mut image = shelf.take();
        let read = capture.read(&mut *image);
        let arrival_us = time::utc_us();
        let read = match read {
            Ok(true) => {
                let source_ms = capture.get(CAP_PROP_POS_MSEC).unwrap_or(0.0);
                let source_us = (source_ms > 0.0).then_some((source_ms * 1e3) as i64);
                Ok(Arrived { image, arrival_us, source_us })
            }
            Ok(false) => Err(CaptureError::Ended { address: address.to_owned() }),
            Err(fault) => Err(fault.into()),
        };
        let failed = read.is_err();
        if !give(read) || failed {
            return;
        }
    }
}

impl Source for Device {
    fn read(&mut self, image: &mut Mat) -> Result<Option<Stamp>, CaptureError> {
        let mut arrived = match self.pictures.recv_timeout(Duration::from_millis(self.stall_ms)) {
            Ok(read) => read?,
            Err(RecvTimeoutError::Timeout) => {
                return Err(CaptureError::Stalled { address: self.address.clone(), limit_ms: self.stall_ms });
            }
            Err(RecvTimeoutError::Disconnected) => return Err(CaptureError::Ended { address: self.address.clone() }),
        };
        std::mem::swap(image, &mut arrived.image);
        let mut stamp = self.arrivals.stamp(arrived.arrival_us, arrived.source_us);
        stamp.utc_us += self.offset_us;
        Ok(Some(stamp))
    }

    fn is_film(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_that_hangs_is_given_up() {
        let (release, held) = sync_channel::<()>(0);
        let opened = Device::open("rtsp://camera".into(), 20, 20, 0, move || {
            let _ = held.recv();
            Err(CaptureError::DeviceMissing { device: "late".into() })
        });
        let fault = opened.err().unwrap().to_string();
        assert!(fault.contains("no answer from rtsp://camera within 20 ms"), "{fault}");
        drop(release);
    }
}
