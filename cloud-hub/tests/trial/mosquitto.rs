//! A real Mosquitto in a process of its own, killed when it is dropped.

#![allow(dead_code, reason = "each promise uses its own part of this")]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Looks at whether it listens; far longer than any start.
const LOOKS: u32 = 600;
const LOOK: Duration = Duration::from_millis(50);

pub struct Mosquitto {
    /// Where it listens.
    pub port: u16,
    configuration: PathBuf,
    child: Child,
}

impl Mosquitto {
    /// One that takes everybody, without TLS.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, |port| format!("listener {port} 127.0.0.1\nallow_anonymous true\n"))
    }

    /// One with the configuration that `text` makes of its port.
    pub fn start_with(folder: &Path, text: impl Fn(u16) -> String) -> Self {
        let configuration = folder.join("mosquitto.conf");
        // A port found free may be somebody else's a moment later: then another.
        for _ in 0..10 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            // As root it would become a user of its own, who may not read this test's folder.
            fs::write(&configuration, format!("{}user root\n", text(port))).unwrap();
            if let Some(child) = listening(&configuration, port) {
                return Self { port, configuration, child };
            }
        }
        panic!("mosquitto does not start: {}", fs::read_to_string(&configuration).unwrap());
    }

    /// SIGKILL: nobody is told.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Has its configuration and rules read again: SIGHUP.
    pub fn reload(&self) {
        let told = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    /// Starts again where it was.
    pub fn revive(&mut self) {
        self.child = (0..10).find_map(|_| listening(&self.configuration, self.port)).expect("its port is free again");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts it; `None` when it ended before it listened.
fn listening(configuration: &Path, port: u16) -> Option<Child> {
    // Debian puts it where only root's search path looks.
    let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].into_iter().find(|path| Path::new(path).is_file());
    let mut child = Command::new(program.unwrap_or("mosquitto"))
        .arg("-c")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("mosquitto is installed: `make setup` does it");
    for _ in 0..LOOKS {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Some(child);
        }
        thread::sleep(LOOK);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
