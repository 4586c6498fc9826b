//! What a lost machine costs: a backup of the season made by the program that ships while a box and pages go on, restored on
//! an empty machine, and every read table made anew from the facts; all of it must be the season again.

use super::{configuration, drawn, keep, rows::Row};
use cloud_hub::{pipeline::Hub, storage::Database};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};

/// What a league's night sends: this many events at a time, 1,000 a second.
const EVENTS: usize = 20;
const EVERY: Duration = Duration::from_millis(20);

/// The program beside this one, with the options of a hub that keeps its things in `data`.
fn program(words: &[&str], data: &Path) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new(own.parent().and_then(Path::parent).unwrap().join("cloud-hub"));
    command.args(words).arg("--data").arg(data).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs it to its end; answers how long it took, seconds.
async fn ran(mut command: Command) -> f64 {
    let began = Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed().as_secs_f64()
}

/// All rows of the read tables about the first `games` games, and all that people keep.
async fn read_tables(data: &Path, games: usize) -> (Vec<String>, usize) {
    let database = Database::open(&data.join("hub.sqlite")).await.unwrap();
    let last = drawn::league_number(games);
    let rows = database.projected_all().await.unwrap().into_iter().filter(|row| row.game < last);
    let mut all: Vec<String> = rows.map(|row| format!("{row:?}")).collect();
    let rows = all.len();
    all.extend(database.resources_all().await.unwrap().into_iter().map(|thing| format!("{thing:?}")));
    database.close().await;
    (all, rows)
}

/// Backs up the hub in `data`, which has `games` games, and brings it back.
pub async fn recover(data: &Path, games: usize, sequence: &mut u64) -> Vec<Row> {
    eprintln!("{games} games backed up, restored and made anew:");
    let folder = tempfile::tempdir_in(data.parent().unwrap()).unwrap();
    let (file, empty) = (folder.path().join("season.backup"), folder.path().join("hub"));
    let hub = Hub::start(&configuration(data)).await.unwrap();
    let mut backing = program(&["backup"], data);
    backing.arg(&file);
    let backing = tokio::spawn(ran(backing));
    let mut due = interval(EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut slowest_ms) = (0, 0_f64);
    'told: for game in games.. {
        for events in drawn::play(game).chunks(EVENTS) {
            if backing.is_finished() {
                break 'told;
            }
            due.tick().await;
            let began = Instant::now();
            keep(&hub, events, sequence).await;
            slowest_ms = slowest_ms.max(began.elapsed().as_secs_f64() * 1e3);
            told += events.len();
        }
    }
    let backup_s = backing.await.unwrap();
    hub.stop().await;

    let megabytes = fs::metadata(&file).unwrap().len() as f64 / 1e6;
    fs::create_dir_all(empty.join("keys")).unwrap();
    fs::copy(data.join("keys/root.key"), empty.join("keys/root.key")).unwrap();
    let mut restoring = program(&["restore"], &empty);
    restoring.arg(&file);
    let restore_s = ran(restoring).await;
    let rebuild_s = ran(program(&["projections", "rebuild"], &empty)).await;
    let ((live, rows), (again, _)) = (read_tables(data, games).await, read_tables(&empty, games).await);
    assert_eq!(live.len(), again.len());
    if let Some((live, again)) = live.iter().zip(&again).find(|(live, again)| live != again) {
        panic!("{live}\nis now\n{again}");
    }
    let conditions = format!(
        "{megabytes:.0} MB, {games} simulated games; {told} events kept meanwhile, slowest batch {slowest_ms:.0} ms; \
         {rows} rows made anew and the same"
    );
    let row = |what: &str, value| Row::new(format!("season: {what}"), value, "s", &conditions);
    vec![row("backup under load", backup_s), row("restore", restore_s), row("projections rebuilt", rebuild_s)]
}
