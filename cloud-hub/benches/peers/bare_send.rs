//! The peer for live frames: a process that is no hub. It greets sockets as one, and sends the same bytes to one after the
//! other with nothing around it, so that what it costs is the system's alone.
//!
//! Comes in: how long, and how many bytes a frame has, by lines. Goes out: frames with the time in them at 50 Hz, as the
//! hub's, and a line when they are sent.

use crate::load::now_us;
use std::{
    io::{BufRead as _, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Serves who comes, and plays `SECONDS BYTES` to all of them for each such line it is told, until a line is none.
pub fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("hub ready: http://{} ", listener.local_addr().expect("bound"));
    let sockets = Arc::new(Mutex::new(Vec::new()));
    let opened = sockets.clone();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let _ = socket.read(&mut [0; 4_096]).expect("a request");
            socket.set_nodelay(true).expect("a socket");
            // It is a WebSocket now, and its first text is empty.
            socket.write_all(b"HTTP/1.1 101 \r\n\r\n\x81\0").expect("it is read");
            socket.set_nonblocking(true).expect("a socket");
            opened.lock().expect("no thread died").push(socket);
        }
    });
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Some((seconds, bytes)) = line.split_once(' ') else { return };
        let (seconds, bytes): (u32, u16) = (seconds.parse().expect("seconds"), bytes.parse().expect("bytes"));
        let mut frame = vec![0; usize::from(bytes)];
        frame[..2].copy_from_slice(&[0x82, 126]);
        frame[2..4].copy_from_slice(&(bytes - 4).to_be_bytes());
        let began = Instant::now();
        for tick in 0..seconds * 50 {
            std::thread::sleep((began + Duration::from_millis(20) * tick).saturating_duration_since(Instant::now()));
            frame[28..36].copy_from_slice(&now_us().to_le_bytes());
            for mut socket in sockets.lock().expect("no thread died").iter() {
                let _ = socket.write(&frame);
            }
        }
        println!("played");
    }
}
