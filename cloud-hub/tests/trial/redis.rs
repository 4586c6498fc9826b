//! A Redis of a test's own: reached by a socket in a folder of its own, on no port, keeping nothing.
//!
//! It ends with its holder, and with the program, however that ends: a shell between the two reads a pipe of which the
//! program holds the other end.

#![allow(dead_code, reason = "each promise uses its own part of this")]

use std::{os::unix::process::CommandExt as _, process::Stdio};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

const SCRIPT: &str = "redis-server --port 0 --unixsocket \"$0/redis.sock\" --dir \"$0\" --save '' --appendonly no & \
                      read -r _; kill $!; wait";

pub struct Server {
    folder: TempDir,
    shell: Option<Child>,
}

impl Server {
    pub async fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().unwrap(), shell: None };
        server.start_again().await;
        server
    }

    pub async fn start_again(&mut self) {
        let mut command = std::process::Command::new("sh");
        // Of its own group, so that a Ctrl-C reaches it through the pipe alone.
        command.args(["-c", SCRIPT]).arg(self.folder.path()).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = Command::from(command).spawn().unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().expect("redis-server is installed (deploy/setup.sh does it)");
            if line.contains("eady to accept connections") {
                break;
            }
        }
        self.shell = Some(shell);
    }

    /// Stops it; what it held is gone.
    pub async fn stop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            shell.wait().await.unwrap();
        }
    }

    pub fn address(&self) -> String {
        format!("redis+unix://{}/redis.sock", self.folder.path().display())
    }
}
