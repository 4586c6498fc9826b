//! The programs that ship, each a process of its own, killed when it is dropped.

#![allow(dead_code, reason = "each promise uses its own part of this")]

use serde_json::Value;
use std::{
    fmt::Write as _,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

pub const HUB: &str = env!("CARGO_BIN_EXE_cloud-hub");
/// Longer than anything here takes: a promise that hangs must fail.
pub const PATIENCE: Duration = Duration::from_mins(2);

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Starts `program` and waits for the line of its log that says `message`.
pub async fn start(program: &Path, arguments: &[&str], message: &str) -> (Child, Value) {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}: `make build`", program.display()));
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = async {
        let mut before = String::new();
        loop {
            let line = lines.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("{arguments:?} ended; its last words: {before}"));
            if let Ok(value) = serde_json::from_str::<Value>(&line)
                && value["message"] == message
            {
                return value;
            }
            before = line;
        }
    };
    let said = timeout(PATIENCE, said).await.expect("it starts in time");
    // Its log has to be read on, or the pipe fills and it stops.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, said)
}

/// The other program, beside the hub.
pub fn agent() -> PathBuf {
    Path::new(HUB).with_file_name("edge-agent")
}

/// A box with one camera and a line, on a simulated game.
pub fn of_box(game: u64, way: &str, authority: &Path) -> String {
    let own: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = format!(
        "[game]\nid = {game}\n[simulation]\nseed = 7\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [inference]\nregistry = \"{}\"\n",
        own.join("models/registry.toml").display()
    );
    write!(
        text,
        "[uplink]\nvenue = \"oak\"\nedge = \"oak-box-1\"\nauthority = \"{}\"\n{way}\
         [[sensors.lines]]\npath = \"simulated\"\n[[capture.cameras]]\nname = \"stand-left\"\nsource = \"synthetic\"\n\
         calibration = \"{}\"\nfps = 5.0\n",
        authority.display(),
        own.join("config/cameras/stand-left.toml").display()
    )
    .unwrap();
    text
}
