//! A PostgreSQL of the test program's own: made in a folder of its own, reached by a socket there, on no port.
//!
//! One a program, started when first asked for. It ends with the program, however that ends: a shell between the two
//! reads a pipe of which the program holds the other end.

#![allow(dead_code, reason = "each promise uses its own part of this")]

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

/// Another language's order of letters than SQLite's: a test in which texts are put in order must not notice.
const INITDB: &str = "--username=hub --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu \
                      --icu-locale=en-US --no-sync";
const SERVER: &str = "-c listen_addresses= -c max_connections=200";
/// What is on disk at a power cut is another test's question; figures are of a server that waits for its disk.
static FSYNC: AtomicBool = AtomicBool::new(false);

/// A password that an address must say otherwise.
pub const PASSWORD: &str = "p@ss/w?rd";

struct Server {
    folder: PathBuf,
    /// Holds the pipe: the server ends when it closes.
    _shell: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let programs = programs().expect("PostgreSQL is installed (deploy/setup.sh does it)");
        let folder = tempfile::tempdir().unwrap().keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let fsync = FSYNC.load(Ordering::Relaxed);
        let script = format!(
            "set -e; echo '{PASSWORD}' >\"$0/password\"; \
             initdb -D \"$0/tables\" --pwfile=\"$0/password\" {INITDB} >\"$0/log\"; \
             pg_ctl -D \"$0/tables\" -l \"$0/log\" -o \"-k $0 -c fsync={fsync} {SERVER}\" -w start >/dev/null; \
             echo ready; read -r _ || true; \
             pg_ctl -D \"$0/tables\" -m immediate stop >/dev/null || true; rm -rf \"$0\""
        );
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(&folder).current_dir("/").env("PATH", path);
        // Of its own group, so that a Ctrl-C reaches it through the pipe alone.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        // It refuses to be run by root.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let (user, group) = account("postgres");
            chown(&folder, Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        let mut shell = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "{}", fs::read_to_string(folder.join("log")).unwrap_or_default());
        Self { folder, _shell: shell }
    }

    fn address(&self, database: &str) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://hub:p%40ss%2Fw%3Frd@{host}/{database}")
    }
}

/// Has the server, which is not started yet, wait for its disk at each commit.
pub fn wait_for_the_disk() {
    FSYNC.store(true, Ordering::Relaxed);
}

/// The folder of the newest PostgreSQL here.
fn programs() -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = debian.max_by_key(|path| version(path)).map(|path| path.join("bin"));
    let elsewhere = || std::env::split_paths(&std::env::var_os("PATH")?).find(|path| path.join("pg_ctl").is_file());
    newest.or_else(elsewhere)
}

fn account(name: &str) -> (u32, u32) {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("its package made the user");
    let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// The address of a new, empty database.
pub async fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("hub_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let mut connection = PgConnection::connect(&server.address("postgres")).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0"))).await.unwrap();
    connection.close().await.unwrap();
    server.address(&name)
}
