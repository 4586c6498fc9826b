//! A line whose devices observe a simulated game.
//!
//! Real bytes on a pseudo-terminal: the near side has a path and is opened and read like any other line. Each line
//! owns its game and steps it by the box's clock, so that a fake camera that does the same sees the same play. For
//! tests and recordings [`Broadcast`] gives the same bytes without any clock.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

use super::{Arrival, SensorError, config::SIMULATED, recorded::Piece};
use crate::{
    simulation::{self, Game, STEP_US, devices::Devices},
    time,
};
use firmware_protocol::{
    packet::{self, PACKET_BYTES_MAX},
    serial::SerialPacket,
};

/// Which game is observed, and since when.
#[derive(Debug, Clone)]
pub struct Play {
    /// The game and its devices.
    pub config: simulation::Config,
    /// When the game's time 0 was or will be, microseconds of [`time::monotonic_us`]; cameras must be given the same.
    pub started_us: i64,
}

/// The bytes that a game's devices say.
pub struct Broadcast {
    game: Game,
    devices: Devices,
    packets: Vec<SerialPacket>,
}

impl Broadcast {
    /// Devices that observe the game of `config` from its beginning.
    pub fn new(config: &simulation::Config) -> Self {
        let setup = config.setup();
        let devices = Devices::new(&setup, config.devices.clone());
        Self { game: Game::new(setup), devices, packets: Vec::new() }
    }

    /// Plays on to `time_us` of the game, microseconds; appends what is said until then to `wire`.
    pub fn play_to(&mut self, time_us: i64, wire: &mut Vec<u8>) {
        let Self { game, devices, packets } = self;
        packets.clear();
        game.step_to(time_us, |truth| devices.observe(truth, packets));
        for packet in packets.iter() {
            let mut room = [0; PACKET_BYTES_MAX];
            wire.extend_from_slice(packet::encode(packet, &mut room).expect("devices speak this version"));
        }
    }
}

/// The first `length_us` of a game as pieces of a recording: line 0, each step's bytes together, heard `delay_us`
/// after they were measured, game time 0 at `utc_us`.
pub fn pieces(
    config: &simulation::Config,
    length_us: i64,
    delay_us: i64,
    utc_us: i64,
) -> impl Iterator<Item = Result<Piece, SensorError>> + use<> {
    let mut broadcast = Broadcast::new(config);
    (1..=length_us / STEP_US).map(move |step| {
        let mut bytes = Vec::new();
        broadcast.play_to(step * STEP_US, &mut bytes);
        let heard_us = step * STEP_US + delay_us;
        Ok(Piece { line: 0, arrival: Arrival { monotonic_us: heard_us as u64, utc_us: utc_us + heard_us }, bytes })
    })
}

/// Opens a pseudo-terminal on which the devices of `play` speak until `stop`: the path to read it at, and what must
/// be spawned to make them speak.
pub fn start(
    play: &Play,
    stop: CancellationToken,
) -> Result<(String, impl Future<Output = ()> + Send + 'static + use<>), SensorError> {
    let open = |source| SensorError::Open { path: SIMULATED.into(), source };
    let (far, near) = SerialStream::pair().map_err(open)?;
    let path = near.name().ok_or_else(|| {
        open(tokio_serial::Error::new(tokio_serial::ErrorKind::NoDevice, "a pseudo-terminal without a name"))
    })?;
    let play = play.clone();
    let speak = async move {
        // Held open, so that the line does not hang up before its reader comes.
        let _near = near;
        stop.run_until_cancelled(speak(far, play)).await;
    };
    Ok((path, speak))
}

async fn speak(mut far: SerialStream, play: Play) {
    let mut broadcast = Broadcast::new(&play.config);
    let mut wire = Vec::new();
    let mut game_us = 0;
    loop {
        let now_us = time::monotonic_us() as i64 - play.started_us;
        // One step at a time: a game that began a while ago catches up without holding the thread.
        while game_us + STEP_US <= now_us {
            game_us += STEP_US;
            wire.clear();
            broadcast.play_to(game_us, &mut wire);
            if let Err(error) = far.write_all(&wire).await {
                tracing::warn!(%error, "the simulated line broke");
                return;
            }
        }
        let wait_us = (game_us + STEP_US - now_us).max(0) as u64;
        tokio::time::sleep(Duration::from_micros(wait_us)).await;
    }
}
