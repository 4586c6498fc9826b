//! What benches of the hub ask it with: requests by the clock, a program whose memory and time are read, and sockets that
//! cost the reader next to nothing.

#![allow(dead_code, reason = "each bench uses its own part of this")]

use hdrhistogram::Histogram;
use reqwest::Client;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// Kernel clock ticks a second in `/proc`: the same on every Linux that runs this.
const TICKS_HZ: f64 = 100.0;

/// A number from the environment, for a bench that is only tried.
pub fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Now, microseconds UTC: what two processes of one machine agree on.
pub fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set").as_micros() as i64
}

/// Somebody at 127.0.0.`last`.
pub fn caller(last: u8) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    Client::builder().local_address(address).timeout(Duration::from_secs(10)).build().expect("a client")
}

/// What became of requests.
pub struct Load {
    /// How long each answer with status 200 took from when it was due, microseconds: a stall is not hidden.
    pub taken_us: Histogram<u64>,
    /// How many of each status; 0: no answer.
    pub answers: BTreeMap<u16, u64>,
}

impl Load {
    /// A quantile in milliseconds.
    pub fn milliseconds(&self, quantile: f64) -> f64 {
        self.taken_us.value_at_quantile(quantile) as f64 / 1e3
    }

    /// Which part had this status.
    pub fn share(&self, status: u16) -> f64 {
        let all: u64 = self.answers.values().sum();
        *self.answers.get(&status).unwrap_or(&0) as f64 / all.max(1) as f64
    }
}

/// Asks for `url` `rate_hz` times a second for `seconds`, whether answers come or not.
pub async fn drive(client: &Client, url: &str, rate_hz: u64, seconds: u64) -> Load {
    let load = Load { taken_us: Histogram::new(3).expect("three digits"), answers: BTreeMap::new() };
    let load = Arc::new(Mutex::new(load));
    let mut requests = JoinSet::new();
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (began, mut index) = (Instant::now(), 0);
    while index < rate_hz * seconds {
        tick.tick().await;
        let due = |index| began + Duration::from_micros(index * 1_000_000 / rate_hz);
        while index < rate_hz * seconds && due(index) <= Instant::now() {
            let (request, load, was_due) = (client.get(url), load.clone(), due(index));
            requests.spawn(async move {
                let answer = async {
                    let answer = request.send().await?;
                    let status = answer.status().as_u16();
                    answer.bytes().await.map(|_| status)
                };
                let status = answer.await.unwrap_or(0);
                let taken_us = was_due.elapsed().as_micros() as u64;
                let mut load = load.lock().expect("no task died");
                *load.answers.entry(status).or_default() += 1;
                if status == 200 {
                    load.taken_us.record(taken_us).expect("it resizes");
                }
            });
            index += 1;
        }
        while requests.try_join_next().is_some() {}
    }
    requests.join_all().await;
    Arc::into_inner(load).expect("all tasks ended").into_inner().expect("no task died")
}

/// A hub in a process of its own; ends with this.
pub struct Program {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    /// From start to ready.
    pub started: Duration,
    lines: BufReader<std::process::ChildStdout>,
}

impl Program {
    /// Starts `command` and waits until it says `hub ready: http://ADDRESS `.
    pub fn start(command: &mut Command) -> Self {
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("built by cargo build --workspace --bins --benches");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut program = Self { child, address, started: Duration::ZERO, lines };
        let ready = program.line();
        program.started = began.elapsed();
        let address = ready.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        program.address = address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("{ready:?}"));
        program
    }

    /// The next line it says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it lives");
        line
    }

    /// Says `words` to it.
    pub fn tell(&mut self, words: &str) {
        use std::io::Write as _;
        writeln!(self.child.stdin.as_mut().expect("piped"), "{words}").expect("it lives");
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory it holds, bytes.
    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.id())
    }

    /// Processor time it took, seconds: its own, and the system's for it.
    pub fn processor_s(&self) -> [f64; 2] {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it lives");
        // After the name, which may hold anything: state is the first field, user and system time the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        [11, 12].map(|at| fields[at].parse::<f64>().expect("a number") / TICKS_HZ)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory that process `id` holds, bytes.
pub fn resident_bytes(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}

/// An open `/ws/analytics`, read without a library so that the reader costs little.
pub struct Page {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Bytes of the message that was last taken, with its head.
    pub message_bytes: usize,
}

impl Page {
    /// Opens one from 127.0.0.`last`, and waits for the hub's hello.
    pub async fn open(hub: SocketAddr, last: u8) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
        let mut stream = socket.connect(hub).await?;
        stream
            .write_all(
                b"GET /ws/analytics HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                  sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .await?;
        let mut page = Self { stream, unread: Vec::new(), message_bytes: 0 };
        let end = loop {
            if let Some(at) = page.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            page.more().await?;
        };
        assert!(page.unread.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&page.unread));
        page.unread.drain(..end);
        let (code, _) = page.next().await?;
        assert_eq!(code, 1, "hello is text");
        page.unread.shrink_to_fit();
        Ok(page)
    }

    async fn more(&mut self) -> std::io::Result<()> {
        let mut bytes = [0; 4_096];
        let count = self.stream.read(&mut bytes).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.extend_from_slice(&bytes[..count]);
        Ok(())
    }

    /// The next message: its kind (1 text, 2 binary, 9 ping) and the first 32 bytes of it.
    pub async fn next(&mut self) -> std::io::Result<(u8, [u8; 32])> {
        loop {
            if let Some((code, head, length)) = whole(&self.unread) {
                let mut first = [0; 32];
                let shown = (length - head).min(32);
                first[..shown].copy_from_slice(&self.unread[head..head + shown]);
                self.unread.drain(..length);
                self.message_bytes = length;
                return Ok((code, first));
            }
            self.more().await?;
        }
    }
}

/// Kind, length of the head and of all, when a whole message stands in front.
fn whole(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (code, short) = (bytes.first()? & 0x0f, usize::from(bytes.get(1)? & 0x7f));
    let (head, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        length => (2, length),
    };
    (bytes.len() >= head + length).then_some((code, head, head + length))
}
