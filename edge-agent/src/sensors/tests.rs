//! Lines over real pseudo-terminals: noise, a line that vanishes and comes back, a full game's load, the simulation.

use std::{collections::BTreeSet, os::unix::fs::symlink, path::Path};

use tokio::{io::AsyncWriteExt, runtime::Runtime};
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

use super::{config::LineConfig, *};
use crate::{
    queue::{Overflow, bounded},
    simulation,
};
use firmware_protocol::{
    packet::{PACKET_BYTES_MAX, encode},
    serial::SerialPacket,
};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn wire(tag: u32, sequence: u16) -> Vec<u8> {
    let message = Message::UwbPosition { x_mm: 1_000, y_mm: -2_000, z_mm: 0, sigma_mm: 100 };
    let packet = SerialPacket::new(TagId(tag), sequence, u64::from(sequence) * 1_000, message);
    encode(&packet, &mut [0; PACKET_BYTES_MAX]).unwrap().to_vec()
}

/// A pseudo-terminal: its far side, its near side held open, and the near side's path.
fn terminal() -> (SerialStream, SerialStream, String) {
    let (far, near) = SerialStream::pair().unwrap();
    let path = near.name().unwrap();
    (far, near, path)
}

fn config(path: &str) -> Config {
    Config {
        lines: vec![LineConfig { path: path.into(), baud: 921_600 }],
        reopen_first_ms: 1,
        reopen_max_ms: 5,
        ..Config::default()
    }
}

/// Waits for the line to be as `wanted`.
fn wait_for(status: &Status, wanted: impl Fn(&status::LineStatus) -> bool) -> status::LineStatus {
    loop {
        if let Some(line) = status.lines().into_iter().find(&wanted) {
            return line;
        }
        std::thread::yield_now();
    }
}

#[test]
fn packets_after_noise_are_read() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let (mut far, _near, path) = terminal();
    let (sender, receiver) = bounded("test", 1_000, Overflow::DropOldest);
    let (status, stop) = (Status::new(), CancellationToken::new());
    let running = runtime.spawn(run(config(&path), None, sender, status.clone(), stop.clone()));
    wait_for(&status, |_| true);
    runtime.spawn(async move {
        let mut state = 1u32;
        for sequence in 0..200 {
            let noise: Vec<u8> = (0..97)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            far.write_all(&noise).await.unwrap();
            far.write_all(&[0]).await.unwrap();
            far.write_all(&wire(7, sequence)).await.unwrap();
        }
        // Keeps the line up until the test ends.
        std::future::pending::<()>().await;
    });
    let first = receiver.receive().unwrap();
    assert_eq!(
        (first.tag, first.message),
        (TagId(7), Message::UwbPosition { x_mm: 1_000, y_mm: -2_000, z_mm: 0, sigma_mm: 100 })
    );
    let line = wait_for(&status, |line| line.packets > 0);
    assert!(line.faults > 0, "{line:?}");
    stop.cancel();
    runtime.block_on(running).unwrap().unwrap();
}

#[test]
fn a_line_that_vanishes_is_opened_again() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway");
    let (sender, receiver) = bounded("test", 1_000, Overflow::DropOldest);
    let (status, stop) = (Status::new(), CancellationToken::new());
    let config = config(path.to_str().unwrap());
    let running = runtime.spawn(run(config, None, sender, status.clone(), stop.clone()));

    let missing = wait_for(&status, |line| matches!(line.state, LineState::Down { .. }));
    let LineState::Down { reason, cure } = missing.state else { unreachable!() };
    assert!(reason.contains("gateway"), "{reason}");
    assert!(cure.contains("plug the gateway in") && cure.contains("sensors.lines"), "{cure}");

    for round in 1..=2 {
        let (mut far, near, terminal_path) = terminal();
        symlink(&terminal_path, &path).unwrap();
        let speaking = runtime.spawn(async move {
            for sequence in 0.. {
                if far.write_all(&wire(round, sequence)).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
        let heard = std::iter::from_fn(|| receiver.receive()).find(|reading| reading.tag == TagId(round));
        assert!(heard.is_some(), "round {round}");
        std::fs::remove_file(&path).unwrap();
        speaking.abort();
        let _ = runtime.block_on(speaking);
        drop(near);
        wait_for(&status, |line| matches!(line.state, LineState::Down { .. }) && line.opened == u64::from(round));
    }
    stop.cancel();
    runtime.block_on(running).unwrap().unwrap();
}

#[test]
fn forty_tags_are_read_without_loss() {
    const EACH: u16 = 500;
    let runtime = runtime();
    let _inside = runtime.enter();
    let (mut far, _near, path) = terminal();
    let (sender, receiver) = bounded("test", 200_000, Overflow::DropOldest);
    let (status, stop) = (Status::new(), CancellationToken::new());
    let running = runtime.spawn(run(config(&path), None, sender, status.clone(), stop.clone()));
    let speaking = runtime.spawn(async move {
        // Until the line is open nothing is kept: call until somebody answers.
        loop {
            far.write_all(&wire(999, 0)).await.unwrap();
            tokio::task::yield_now().await;
            if status.lines().iter().any(|line| line.packets > 0) {
                break;
            }
        }
        for sequence in 0..EACH {
            for tag in 0..40 {
                far.write_all(&wire(tag, sequence)).await.unwrap();
            }
        }
        far
    });
    let started_us = crate::time::monotonic_us();
    let mut read = 0u32;
    while read < 40 * u32::from(EACH) {
        read += u32::from(receiver.receive().unwrap().tag != TagId(999));
    }
    let seconds = (crate::time::monotonic_us() - started_us) as f64 / 1e6;
    println!("{read} packets of 40 tags in {seconds:.2} s: {:.0} a second", f64::from(read) / seconds);
    assert_eq!(receiver.dropped(), 0);
    stop.cancel();
    runtime.block_on(running).unwrap().unwrap();
    drop(runtime.block_on(speaking));
}

#[test]
fn a_simulated_game_is_heard_like_a_real_one_and_can_be_played_again() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("sensors.bin");
    let (sender, receiver) = bounded("test", 100_000, Overflow::DropOldest);
    let (status, stop) = (Status::new(), CancellationToken::new());
    let config = Config { record_to: Some(recording.clone()), ..config("simulated") };
    // Begun three seconds ago, so that nobody waits.
    let started_us = crate::time::monotonic_us() as i64 - 3_000_000;
    let play = simulated::Play { config: simulation::Config::default(), started_us };
    let running = runtime.spawn(run(config, Some(play), sender, status, stop.clone()));
    let (mut heard, mut tags) = (Vec::new(), BTreeSet::new());
    while tags.len() < 14 {
        let reading = receiver.receive().unwrap();
        heard.push(reading);
        tags.insert(reading.tag);
    }
    stop.cancel();
    runtime.block_on(running).unwrap().unwrap();
    heard.extend(std::iter::from_fn(|| receiver.receive()));

    let mut played = Vec::new();
    recorded::replay(recorded::Reader::open(&recording).unwrap(), |reading| played.push(reading)).unwrap();
    assert_eq!(played, heard);
}

#[test]
fn stamps_of_a_simulated_game_are_right() {
    let config = simulation::Config::default();
    let utc_us = 1_790_000_000_000_000;
    let mut count = 0u32;
    // Devices send without delay but for 3 ms; their clocks are off and drift by up to 30 ppm.
    let pieces = simulated::pieces(&config, 60_000_000, 3_000, utc_us).map(|piece| piece.unwrap());
    let mut line = Line::new();
    for piece in pieces {
        line.feed(&piece.bytes, piece.arrival, |reading| {
            let measured_us = piece.arrival.utc_us - 3_000;
            let error_us = (reading.stamp.utc_us - measured_us).abs();
            assert!(error_us <= 3_500, "{:?}: {error_us} µs", reading.tag);
            count += 1;
        });
    }
    assert!(count > 10_000, "{count} readings");
}

#[test]
fn a_simulated_line_needs_a_game() {
    let runtime = runtime();
    let (sender, _receiver) = bounded("test", 1, Overflow::DropOldest);
    let running = run(config("simulated"), None, sender, Status::new(), CancellationToken::new());
    let refused = runtime.block_on(running).unwrap_err();
    assert!(refused.to_string().contains("no game is simulated"), "{refused}");
    assert!(!Path::new("simulated").exists());
}
