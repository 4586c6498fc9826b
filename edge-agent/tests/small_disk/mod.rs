//! A small disk of a test's own, that can be full.
//!
//! A file system in memory, mounted in a namespace that the test program starts itself in again, so that it needs no
//! rights and nobody else sees it.

use std::{
    env,
    fs::File,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

/// Set in the process that stands in the namespace: where its disk is.
const DISK: &str = "RINKSIDE_SMALL_DISK";
const MOUNT: &str = "mount -t tmpfs -o size=\"$0\" tmpfs \"$1\" && shift && exec \"$@\"";

/// Runs the test called `test` again where a disk of `bytes` is; there, does `show`. Skipped, said, where the system
/// gives no one a namespace of their own.
pub fn on_a_small_disk(test: &str, bytes: u64, show: impl FnOnce(&Path)) {
    if let Some(folder) = env::var_os(DISK) {
        return show(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let inside = |command: &[&str]| -> std::io::Result<Output> {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, &bytes.to_string()]);
        unshare.arg(folder.path()).args(command).env(DISK, folder.path()).output()
    };
    if !inside(&["true"]).is_ok_and(|done| done.status.success()) {
        println!("skipped: this system gives no one a namespace of their own");
        return;
    }
    let own = env::current_exe().unwrap();
    let done = inside(&[own.to_str().unwrap(), "--exact", test, "--nocapture"]).unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    println!("{}", said.join("\n"));
    assert!(done.status.success(), "{}", done.status);
}

/// Writes until not a byte more goes on the disk.
pub fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for length in [1 << 20, 4_096, 1] {
        while file.write_all(&vec![0xA5; length]).is_ok() {}
    }
}
