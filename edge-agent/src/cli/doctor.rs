//! `edge-agent doctor`: what is wrong with this box, and what to do about it.
//!
//! Tries each part once, as `run` would open it, and tells green, yellow or red with the cure. Makes the
//! store's folder when it is missing, as `run` would, and changes nothing else.

use crate::{
    capture::{
        self,
        config::Origin,
        pace::{Pace, Start},
    },
    config::Config,
    ids::CameraId,
    inference::{Detector, NumberReader},
    time,
    uplink::{Identity, Transport},
};
use anyhow::{Result, bail};
use clap::Args;
use firmware_protocol::network::broker;
use opencv::core::Mat;
use std::{
    net::{TcpStream, ToSocketAddrs, UdpSocket},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

/// Tells what is wrong with this box, and what to do.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "config/edge.toml")]
    pub config: PathBuf,
}

/// 2020: an earlier clock was never set.
const CLOCK_SET_US: i64 = 1_577_836_800_000_000;

/// How long a broker may take to take a connection.
const BROKER_PATIENCE: Duration = Duration::from_secs(3);

/// What was found of one part.
struct Finding {
    part: String,
    verdict: Verdict,
}

enum Verdict {
    Well(String),
    Unwell(String),
    Broken(String),
}

use Verdict::{Broken, Unwell, Well};

/// Looks at every part; an error when any is broken.
pub fn run(args: &Doctor) -> Result<()> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(faults) => {
            println!("RED     configuration  {faults}");
            bail!("the configuration has to be mended first");
        }
    };
    let mut findings = vec![clock(), disk(&config.store.path), model(&config), numbers(&config)];
    if config.uplink.transport != Transport::Mqtt {
        findings.push(hub(&config));
    }
    findings.extend(broker(&config));
    findings.push(enrolment(&config));
    findings.extend((0..config.capture.cameras.len()).map(|index| camera(&config, index)));
    findings.extend(config.sensors.lines.iter().map(|line| {
        let verdict = match (line.is_simulated(), Path::new(&line.path).exists()) {
            (true, _) => Well("simulated".to_owned()),
            (_, true) => Well("there".to_owned()),
            _ => Broken("not there: plug the gateway in, or look for its name in /dev/serial/by-id".to_owned()),
        };
        Finding { part: format!("line {}", line.path), verdict }
    }));
    let mut broken = 0;
    for Finding { part, verdict } in &findings {
        let (colour, word) = match verdict {
            Well(word) => ("green", word),
            Unwell(word) => ("YELLOW", word),
            Broken(word) => ("RED", word),
        };
        broken += usize::from(matches!(verdict, Broken(_)));
        println!("{colour:<7} {part:<14} {word}");
    }
    match broken {
        0 => Ok(()),
        1 => bail!("1 part is broken"),
        parts => bail!("{parts} parts are broken"),
    }
}

fn clock() -> Finding {
    let verdict = match time::utc_us() {
        now if now < CLOCK_SET_US => {
            Unwell("was never set: games are recorded all the same; connect NTP or PTP".to_owned())
        }
        _ => Well("set".to_owned()),
    };
    Finding { part: "clock".to_owned(), verdict }
}

fn disk(store: &Path) -> Finding {
    let verdict = match std::fs::create_dir_all(store) {
        Ok(()) => Well(format!("{} can be written", store.display())),
        Err(fault) => {
            Broken(format!("{}: {fault}; give the box's user this folder, or change store.path", store.display()))
        }
    };
    Finding { part: "disk".to_owned(), verdict }
}

fn model(config: &Config) -> Finding {
    let verdict = match Detector::open(&config.inference) {
        Ok(detector) if detector.backend() == "tract" => {
            Unwell("runs in tract, about four times slower: install ONNX Runtime and set inference.library".to_owned())
        }
        Ok(detector) => Well(format!("{} runs in {}", config.inference.model, detector.engine())),
        Err(fault) => Broken(fault.to_string()),
    };
    Finding { part: "model".to_owned(), verdict }
}

fn numbers(config: &Config) -> Finding {
    let name = &config.inference.numbers;
    let verdict = match NumberReader::open(&config.inference) {
        Ok(Some(reader)) => Well(format!("{name} runs in {}", reader.backend())),
        Ok(None) => Well("not read: inference.numbers is empty".to_owned()),
        // The box goes on without.
        Err(fault) => Unwell(fault.to_string()),
    };
    Finding { part: "numbers".to_owned(), verdict }
}

fn hub(config: &Config) -> Finding {
    let hub = &config.uplink.hub;
    let address = hub.strip_prefix("quic/").unwrap_or(hub);
    let reachable = || -> std::io::Result<()> {
        let to = address.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
        let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        // Connecting a datagram socket asks the system for a route; nothing is sent.
        UdpSocket::bind(from)?.connect(to)
    };
    let verdict = if hub.is_empty() {
        Unwell("none configured: everything stays on this box; set uplink.hub".to_owned())
    } else if !config.uplink.authority.is_file() && !config.uplink.identity.is_dir() {
        Broken(format!(
            "{} is not there: enrol this box (edge-agent enrol), or copy ca.pem from the hub",
            config.uplink.authority.display()
        ))
    } else {
        match reachable() {
            Ok(()) => Well(format!("{address} has a route")),
            Err(fault) => Broken(format!("{address}: {fault}; check the network cable, DNS and uplink.hub")),
        }
    };
    Finding { part: "hub".to_owned(), verdict }
}

/// The MQTT broker, where it is a way to the hub.
fn broker(config: &Config) -> Option<Finding> {
    let url = &config.uplink.mqtt;
    let broker = broker::parse(url).filter(|_| config.uplink.transport != Transport::Zenoh)?;
    let reachable = || -> std::io::Result<TcpStream> {
        let host = broker.host.trim_matches(['[', ']']);
        let to = (host, broker.port).to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
        TcpStream::connect_timeout(&to, BROKER_PATIENCE)
    };
    let verdict = match reachable() {
        Ok(_) => Well(format!("{url} takes connections")),
        Err(fault) => Broken(format!("{url}: {fault}; start the broker, or check the network and uplink.mqtt")),
    };
    Some(Finding { part: "broker".to_owned(), verdict })
}

fn enrolment(config: &Config) -> Finding {
    let verdict = match Identity::load(&config.uplink.identity) {
        Err(fault) => Broken(fault.to_string()),
        Ok(None) => Unwell("this box was never enrolled: only a hub without certificates hears it".to_owned()),
        Ok(Some(identity)) => match (identity.until_us - time::utc_us()) / 86_400_000_000 {
            ..0 => Broken("the certificate has ended: enrol again (edge-agent enrol), or set the clock".to_owned()),
            days => Well(format!("{} of {}, certificate good for {days} days", identity.edge, identity.venue)),
        },
    };
    Finding { part: "enrolment".to_owned(), verdict }
}

fn camera(config: &Config, index: usize) -> Finding {
    let camera = &config.capture.cameras[index];
    let stop = AtomicBool::new(false);
    let start = Start::now();
    let task = capture::Task { camera: CameraId(index as u8), config: camera, pace: Pace::Live, start, stop: &stop };
    let mut image = Mat::default();
    let seen = capture::open(&task, &config.simulation.setup()).and_then(|mut source| source.read(&mut image));
    let verdict = match seen {
        Ok(_) if camera.calibration.is_none() && camera.source != Origin::Synthetic => {
            Unwell("sees, but is not calibrated: edge-agent calibrate".to_owned())
        }
        Ok(_) => Well("sees".to_owned()),
        Err(fault) => Broken(fault.to_string()),
    };
    Finding { part: format!("camera {}", camera.name), verdict }
}
