//! Promise: what staff order with `cloud-hub command` the box does, once, and says what became of it; what is wrong,
//! would interrupt play, or makes the box unwell is refused or taken back; all of it is in the audit.
//!
//! Shown with the programs that ship, an enrolled box on a simulated game, over Zenoh. What a box believes, and that
//! nothing is done twice, is shown in `edge-agent`'s unit tests `downlink::`.

use cloud_hub::{
    downlink::Desk,
    storage::{Database, enrolments::GivenCode},
    trust::{Certificates, Roster, secret_digest},
};
use firmware_protocol::network::{self, Command, Order, Orders, Outcome, Report, Reported, topic};
use sqlx::Row as _;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command as Program, Stdio},
    time::{Duration, Instant},
};

const HUB: &str = env!("CARGO_BIN_EXE_cloud-hub");
/// Longer than anything here takes: a promise that hangs must fail.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

/// A process; killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Rink {
    folder: tempfile::TempDir,
    config: PathBuf,
    _hub: Running,
    edge: Running,
}

/// Starts `program`; what it says goes into the file `said`.
fn start(program: &mut Program, said: &Path) -> Running {
    let said = fs::OpenOptions::new().create(true).append(true).open(said).unwrap();
    Running(program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap())
}

fn words(program: &mut Program) -> (bool, String) {
    let output = program.stdin(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(LOOK);
    }
}

fn order(config: &Path, what: &[&str]) -> (bool, String) {
    let done = words(Program::new(HUB).args(["command", "oak-box-1"]).args(what).arg("--config").arg(config));
    println!("{what:?}: {done:?}");
    done
}

impl Rink {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, edge_data) = (folder.path().join("hub"), folder.path().join("box"));
        let quic = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let https = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let config = folder.path().join("hub.toml");
        let text = format!(
            "data = \"{}\"\n[gateway]\nlisten = \"127.0.0.1:0\"\n[ingest]\nlisten = [\"quic/127.0.0.1:{quic}\"]\n\
             certificates = \"{}\"\nrequire_certificates = true\n[trust]\nlisten = \"127.0.0.1:{https}\"\n",
            data.display(),
            data.join("certificates").display()
        );
        fs::write(&config, text).unwrap();
        // Before the hub ever ran.
        let code = words(Program::new(HUB).args(["edges", "code", "--venue", "oak", "--config"]).arg(&config)).1;
        let code = code.lines().next().unwrap().to_owned();
        let hub = start(Program::new(HUB).arg("serve").arg("--config").arg(&config), &folder.path().join("hub.words"));
        let agent = Path::new(HUB).with_file_name("edge-agent");
        assert!(agent.is_file(), "no {}: build it with `make build`", agent.display());
        let at = format!("https://127.0.0.1:{https}");
        until("the box is enrolled", || {
            words(Program::new(&agent).args(["enrol", "--hub", &at, "--code", &code, "--data"]).arg(&edge_data)).0
        });
        let text = "[[sensors.lines]]\npath = \"simulated\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
             [health]\nsample_every_ms = 1000\n[downlink]\nask_every_ms = 200\ntrial_ms = 4000\n\
             [uplink]\ntimeout_ms = 500\nretry_max_ms = 200\n";
        fs::write(folder.path().join("edge.toml"), text).unwrap();
        let edge = Self::start_box(folder.path());
        Self { folder, config, _hub: hub, edge }
    }

    fn start_box(folder: &Path) -> Running {
        let mut run = Program::new(Path::new(HUB).with_file_name("edge-agent"));
        run.arg("run").arg("--config").arg(folder.join("edge.toml")).arg("--data").arg(folder.join("box"));
        start(&mut run, &folder.join("box.words"))
    }

    /// Kills the box while new settings are on trial, and starts it again as its supervisor would.
    fn die_on_trial(&mut self) {
        let ledger = self.folder.path().join("box/downlink.json");
        until("the settings are on trial", || {
            let kept = fs::read_to_string(&ledger).unwrap_or_default();
            serde_json::from_str::<serde_json::Value>(&kept).is_ok_and(|kept| kept["trial"]["starts"] == 1)
        });
        let _ = self.edge.0.kill();
        let _ = self.edge.0.wait();
        self.edge = Self::start_box(self.folder.path());
    }

    /// Whether the box did `what`, and what it said.
    fn order(&self, what: &[&str]) -> (bool, String) {
        order(&self.config, what)
    }

    fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("order.toml");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Rows that `query` counts in the hub's tables.
    async fn count(&self, query: &'static str) -> i64 {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join("hub/hub.sqlite"));
        let tables = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(query).fetch_one(&tables).await.unwrap().get(0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_staff_order_the_box_does_and_says() {
    let mut rink = Rink::start();
    let (done, said) = rink.order(&["note", "hello from the hub"]);
    assert!(done && said.contains("noted"), "{said}");
    let (done, said) = rink.order(&["log", "--lines", "200"]);
    assert!(done && said.contains("hello from the hub"), "{said}");
    let (done, said) = rink.order(&["diagnostics"]);
    assert!(done && said.contains("\"stages\"") && said.contains("\"next_sequence\""), "{said}");

    // Between games anything may change.
    let (done, said) = rink.order(&["game-stop", "1"]);
    assert!(done, "{said}");
    let (done, said) = rink.order(&["configure", &rink.file("[inference]\nthreds = 2\n")]);
    assert!(!done && said.contains("threds") && said.contains("refused"), "{said}");
    let (done, said) = rink.order(&["configure", &rink.file("[health]\nsample_every_ms = 500\n")]);
    assert!(done && said.contains("in force"), "{said}");
    // A hub that is none: the box would be lost, so it comes back.
    let lost = "[health]\nsample_every_ms = 500\n[uplink]\nhub = \"quic/127.0.0.1:9\"\n";
    let (done, said) = rink.order(&["configure", &rink.file(lost)]);
    assert!(!done && said.contains("taken back") && said.contains("uplink"), "{said}");
    // With these it is killed, as by settings that are too much for it.
    let (config, deadly) = (rink.config.clone(), rink.file("[health]\nsample_every_ms = 700\n"));
    let ordered = std::thread::spawn(move || order(&config, &["configure", &deadly]));
    rink.die_on_trial();
    let (done, said) = ordered.join().unwrap();
    assert!(!done && said.contains("taken back: the box died with them"), "{said}");
    let people = "[[roster]]\ntag = 1\nside = \"home\"\nnumber = 9\n[[roster]]\ntag = 1\nside = \"away\"\nnumber = 8\n";
    let (done, said) = rink.order(&["roster", &rink.file(people)]);
    assert!(!done && said.contains("tag 1 is given to two people"), "{said}");
    let (done, said) =
        rink.order(&["roster", &rink.file(&people.replace("tag = 1\nside = \"away\"", "tag = 2\nside = \"away\""))]);
    assert!(done, "{said}");

    assert_eq!(rink.count("SELECT COUNT(*) FROM track_chunks WHERE game = 77").await, 0);
    let (done, said) = rink.order(&["game-start", "77"]);
    assert!(done, "{said}");
    let recorded = async {
        while rink.count("SELECT COUNT(*) FROM track_chunks WHERE game = 77").await == 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, recorded).await.expect("game 77 is recorded");
    assert_eq!(rink.count("SELECT COUNT(*) FROM track_chunks WHERE game = 0").await, 0, "nothing between games");
    // The same process all the time, so that systemd sees nothing.
    let (_, said) = rink.order(&["list"]);
    for state in ["done", "refused", "failed"] {
        assert!(said.contains(state), "{said}");
    }
    let audited = words(Program::new(HUB).args(["edges", "audit", "--config"]).arg(&rink.config)).1;
    for entry in ["command given", "command done", "command refused", "command failed"] {
        assert!(audited.contains(entry), "{audited}");
    }
}

#[tokio::test]
async fn the_hub_answers_who_is_on_the_roster_with_orders_for_him_and_audits_what_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("hub.sqlite")).await.unwrap();
    let certificates = Certificates::ensure(&folder.path().join("certificates"), &[]).unwrap();
    let digest = secret_digest("SECRET");
    let (venue, edge) = ("oak".to_owned(), Some("box-1".to_owned()));
    database.give_code(&GivenCode { digest: digest.clone(), venue, edge, made_us: 0, expires_us: 9 }).await.unwrap();
    let enrolment = database.enrol(&digest, 1, 1_000).await.unwrap().unwrap().enrolment;
    let roster = Roster::open(database.clone()).await.unwrap();
    let desk = Desk::open(database.clone(), &certificates, Some(roster)).unwrap();
    let given = network::encode(&Command::GameStart { game: 7 });
    let number = database.give_command("box-1", &given, "start", 0, i64::MAX).await.unwrap();
    let ask = async |venue: &str, edge: &str, about: &str, outcomes: Vec<Reported>| {
        let report = network::encode(&Report { edge: about.into(), outcomes });
        desk.answer(&topic::commands(venue, edge), &report)
            .await
            .map(|bytes| network::decode::<Orders>(&bytes).unwrap())
    };
    assert_eq!(ask("elm", "box-1", "box-1", vec![]).await, None, "another venue");
    assert_eq!(ask("oak", "box-2", "box-2", vec![]).await, None, "not on the roster");
    assert_eq!(ask("oak", "box-1", "box-2", vec![]).await, None, "about another");
    let handed = ask("oak", "box-1", "box-1", vec![]).await.unwrap();
    let order: Order = network::decode(&handed.orders[0].order).unwrap();
    assert_eq!(order, Order { name: format!("oak.box-1.{enrolment}"), number, command: given });
    let refused = |number| Reported { number, outcome: Outcome::Refused { reason: "tampered with".into() } };
    let answered = ask("oak", "box-1", "box-1", vec![refused(0), refused(number), refused(number)]).await.unwrap();
    assert_eq!((answered.orders.len(), answered.settled), (0, vec![0, number, number]));
    let audited = database.audited(10).await.unwrap();
    let refusals = audited.iter().filter(|entry| entry.what == "command refused" && entry.detail.contains("tampered"));
    assert_eq!(refusals.count(), 2, "{audited:?}");
}
