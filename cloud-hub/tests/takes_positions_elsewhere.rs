//! Promise: any interval of any player of a game can be taken elsewhere, as pages of JSON or in one stream of CSV, Arrow or
//! Parquet, with the same rows in each, which `DuckDB`, pandas and pyarrow read; also while the game is played, and by
//! `cloud-hub export`. Who reads slowly holds up nobody else, and what is wrong in a question is said.
//!
//! Shown beside the rows that were kept.

#[macro_use]
mod trial;

use axum::http::StatusCode;
use firmware_protocol::network::{Column, Role, Side, TrackChunk};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{path::Path, process::Command};
use trial::{GAME, PATIENCE, Shape, Trial, skate};

in_both_shapes!(
    every_format_has_the_rows_that_were_kept,
    any_interval_of_any_player_is_found,
    pages_hold_every_row_once,
    what_is_wrong_is_said,
    who_reads_slowly_holds_up_nobody,
);

const START_US: i64 = 1_000_000_000;

/// When (microseconds UTC), entity, role, side, number, centimetres.
type Row = (i64, u16, Option<String>, Option<String>, Option<u8>, i64, i64);

const READER: &str = r#"
import duckdb, json, pandas, pyarrow, sys
folder = sys.argv[1]
csv = duckdb.sql(f"SELECT * FROM read_csv('{folder}/positions.csv')").df()
pandas_csv = pandas.read_csv(f"{folder}/positions.csv", parse_dates=["captured_at"])
parquet = pandas.read_parquet(f"{folder}/positions.parquet")
with pyarrow.ipc.open_stream(f"{folder}/positions.arrow") as stream:
    arrow = stream.read_all().to_pandas()
def rows(frame):
    us = pandas.to_datetime(frame["captured_at"], utc=True).dt.as_unit("us").astype("int64")
    word = lambda value: None if pandas.isna(value) else str(value)
    number = lambda value: None if pandas.isna(value) else int(value)
    assert set(frame["edge"].astype(str)) <= {"north"}
    return [[int(at), int(entity), word(role), word(side), number(worn), round(float(x) * 100), round(float(y) * 100)]
        for at, entity, role, side, worn, x, y in
        zip(us, frame["entity"], frame["role"], frame["side"], frame["number"], frame["x_m"], frame["y_m"])]
print(json.dumps([rows(frame) for frame in (csv, pandas_csv, parquet, arrow)]))
"#;

/// Two minutes of three, a second that came late, one that another reading repeats in part, and a referee without number.
fn chunks() -> Vec<TrackChunk> {
    let mut chunks: Vec<TrackChunk> =
        (1_000..1_120).filter(|second| *second != 1_030).map(|second| skate(second, 300)).collect();
    chunks.push(skate(1_030, 300));
    chunks.push(TrackChunk {
        game: GAME,
        start_us: START_US + 500_000,
        step_us: 40_000,
        columns: vec![Column {
            entity: 77,
            role: Some(Role::Official),
            side: None,
            number: None,
            first_step: 3,
            dx_cm: vec![-3_000, 1, 1, 1],
            dy_cm: vec![1_200, -7, 0, 7],
        }],
    });
    chunks
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Skater => "skater",
        Role::Goalie => "goalie",
        Role::Official => "official",
    }
}

fn kept(chunks: &[TrackChunk], wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for chunk in chunks {
        for column in &chunk.columns {
            let side = column.side.map(|side| if side == Side::Home { "home" } else { "away" }.to_owned());
            for (step, [x_cm, y_cm]) in column.places() {
                let role = column.role.map(|role| word(role).to_owned());
                let place = (i64::from(x_cm), i64::from(y_cm));
                let at = chunk.captured_us(step);
                rows.push((at, column.entity, role, side.clone(), column.number, place.0, place.1));
            }
        }
    }
    rows.retain(wanted);
    rows.sort();
    rows
}

fn sorted(rows: &Value) -> Vec<Row> {
    let mut rows: Vec<Row> = serde_json::from_value(rows.clone()).unwrap();
    rows.sort();
    rows
}

fn of_page(page: &Value) -> Vec<Row> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let row = |item: &Value| {
        let cm = |name: &str| (item[name].as_f64().unwrap() * 100.0).round() as i64;
        let number = item["number"].as_u64().map(|number| number as u8);
        let (at, entity) = (item["captured_us"].as_i64().unwrap(), item["entity"].as_u64().unwrap() as u16);
        (at, entity, text(&item["role"]), text(&item["side"]), number, cm("x_m"), cm("y_m"))
    };
    page["items"].as_array().unwrap().iter().map(row).collect()
}

fn read(folder: &Path) -> Vec<Vec<Row>> {
    let python = std::env::var("RINKSIDE_LAKE_PYTHON").unwrap_or_else(|_| "python3".into());
    let read = Command::new(python).args(["-c", READER]).arg(folder).output().unwrap();
    assert!(read.status.success(), "{} (`make setup`)", String::from_utf8_lossy(&read.stderr));
    let frames: Vec<Value> = serde_json::from_slice(&read.stdout).unwrap();
    frames.iter().map(sorted).collect()
}

async fn started(shape: Shape) -> (Trial, Vec<TrackChunk>) {
    let trial = Trial::start_as(shape, |config| config.core.exports_max = 1).await;
    let chunks = chunks();
    trial.keep_tracks(chunks.clone()).await;
    (trial, chunks)
}

async fn every_format_has_the_rows_that_were_kept(shape: Shape) {
    let (trial, chunks) = started(shape).await;
    let folder = tempfile::tempdir().unwrap();
    for (format, media) in [
        ("csv", "text/csv; charset=utf-8"),
        ("arrow", "application/vnd.apache.arrow.stream"),
        ("parquet", "application/vnd.apache.parquet"),
    ] {
        let answer = trial.get(&format!("/api/core/games/{GAME}/positions/export?format={format}")).await;
        assert_eq!((answer.status(), answer.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, media));
        let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert_eq!(name, format!("attachment; filename=\"positions-{GAME}.{format}\""));
        let plain = answer.bytes().await.unwrap();
        std::fs::write(folder.path().join(format!("positions.{format}")), &plain).unwrap();
        // Browsers ask for it compressed: then it is whole too. The last four bytes of gzip say how much it was.
        let url = format!("http://{}/api/core/games/{GAME}/positions/export?format={format}", trial.hub.address);
        let small = trial.http.get(url).header("accept-encoding", "gzip").send().await.unwrap();
        let packed = small.headers().contains_key("content-encoding");
        let small = small.bytes().await.unwrap();
        assert_eq!(packed, format == "csv", "only text is compressed once more");
        let length = if packed { u32::from_le_bytes(*small.last_chunk().unwrap()) as usize } else { small.len() };
        assert_eq!(length, plain.len(), "{format}");
    }
    let all = kept(&chunks, |_| true);
    for (reader, rows) in ["DuckDB, csv", "pandas, csv", "parquet", "arrow"].into_iter().zip(read(folder.path())) {
        assert_eq!(rows, all, "{reader}");
    }

    if shape == Shape::Whole {
        // The command writes the same, beside the hub that runs.
        for format in ["csv", "arrow", "parquet"] {
            let file = folder.path().join(format!("typed.{format}"));
            let mut typed = Command::new(env!("CARGO_BIN_EXE_cloud-hub"));
            typed.arg("export").arg(GAME.to_string()).arg("--data").arg(trial.folder()).arg("--out").arg(&file);
            let typed = typed.output().unwrap();
            assert!(typed.status.success(), "{}", String::from_utf8_lossy(&typed.stderr));
            let answered = std::fs::read(folder.path().join(format!("positions.{format}"))).unwrap();
            assert!(std::fs::read(&file).unwrap() == answered, "{format}");
        }
        let mut none = Command::new(env!("CARGO_BIN_EXE_cloud-hub"));
        let none = none.args(["export", "7", "--out", "none.csv", "--data"]).arg(trial.folder()).output().unwrap();
        assert!(!none.status.success() && String::from_utf8_lossy(&none.stderr).contains("no position of it has come"));
    }
    trial.hub.stop().await;
}

async fn any_interval_of_any_player_is_found(shape: Shape) {
    let (trial, chunks) = started(shape).await;
    for (path, body) in [
        ("venues", json!({"venue": "arena", "name": "Arena", "city": "Oakville"})),
        ("teams", json!({"team": "oaks", "name": "Oaks", "abbreviation": "OAK"})),
        ("teams", json!({"team": "elms", "name": "Elms", "abbreviation": "ELM"})),
        ("players", json!({"player": "ann-lee", "name": "Ann Lee", "position": "forward"})),
        (
            "games",
            json!({"game": GAME, "venue": "arena", "starts_us": START_US, "away": {"team": "elms"},
            "home": {"team": "oaks", "roster": [{"number": 9, "player": "ann-lee"}]}}),
        ),
    ] {
        let answer = trial.post(&format!("/api/core/{path}"), &body).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    // Across the late second, and not on the second's edge.
    let (from_us, to_us) = (START_US + 29_505_000, START_US + 31_500_000);
    let within = move |row: &Row| (from_us..to_us).contains(&row.0);
    let asked = format!("/api/core/games/{GAME}/positions?limit=10000&from_us={from_us}&to_us={to_us}");
    for (who, wanted) in [
        ("", Box::new(|_: &Row| true) as Box<dyn Fn(&Row) -> bool>),
        ("&player=ann-lee", Box::new(|row| row.4 == Some(9))),
        ("&side=home&number=30", Box::new(|row| row.4 == Some(30))),
        ("&entity=0", Box::new(|row| row.1 == 0)),
        ("&side=away", Box::new(|_| false)),
    ] {
        let page = trial.json(&format!("{asked}{who}")).await;
        let mut found = of_page(&page);
        found.sort();
        assert_eq!(found, kept(&chunks, |row| within(row) && wanted(row)), "{who}");
        assert_eq!(page["next_cursor"], Value::Null);
    }
    // One chunk overlaps the interval of another that began later.
    let page = trial.json(&format!("/api/core/games/{GAME}/positions?from_us={}", START_US + 118_900_000)).await;
    assert_eq!(of_page(&page).len(), kept(&chunks, |row| row.0 >= START_US + 118_900_000).len());
    let official =
        trial.json(&format!("/api/core/games/{GAME}/positions?entity=77&from_us={}", START_US + 700_000)).await;
    assert_eq!(of_page(&official).len(), 2);
    assert_eq!(official["items"][0]["role"], "official");
    trial.hub.stop().await;
}

async fn pages_hold_every_row_once(shape: Shape) {
    let (trial, chunks) = started(shape).await;
    let to_us = START_US + 4_000_000;
    let first = format!("/api/core/games/{GAME}/positions?limit=83&to_us={to_us}");
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = trial.json(&format!("{first}{cursor}")).await;
        let items = of_page(&page);
        assert!(items.len() == 83 || page["next_cursor"].is_null(), "{}", items.len());
        rows.extend(items);
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    rows.sort();
    assert_eq!(rows, kept(&chunks, |row| row.0 < to_us));
    trial.hub.stop().await;
}

async fn what_is_wrong_is_said(shape: Shape) {
    let (trial, _) = started(shape).await;
    for (query, status, said) in [
        ("positions?limit=0", 400, "1 to 10000"),
        ("positions?limit=10001", 400, "1 to 10000"),
        ("positions?cursor=1-2", 400, "begin without one"),
        ("positions?cursor=1-0-2", 400, "begin without one"),
        ("positions?cursor=x'%20OR%201=1--", 400, "begin without one"),
        ("positions?from_us=5&to_us=5", 400, "is not before"),
        ("positions?side=up", 400, "side"),
        ("positions?number=256", 400, "number"),
        ("positions?colour=red", 400, "colour"),
        ("positions?player=ann-lee&number=9", 400, "player beside side or number"),
        ("positions?player=x'%20OR%201=1--", 404, "no player"),
        ("positions?player=..%2F..%2Fetc", 404, "no player"),
        ("positions/export?format=xlsx", 400, "csv, arrow or parquet"),
        ("positions/export?format=csv'", 400, "csv, arrow or parquet"),
        ("positions/export?limit=5", 400, "limit"),
    ] {
        let answer = trial.get(&format!("/api/core/games/{GAME}/{query}")).await;
        assert_eq!(answer.status(), status, "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(said), "{query}: {problem}");
    }
    for game in ["7", "18446744073709551615"] {
        for end in ["positions", "positions/export"] {
            let status = trial.get(&format!("/api/core/games/{game}/{end}")).await.status();
            assert!(matches!(status.as_u16(), 400 | 404), "{game}/{end}: {status}");
        }
    }
    trial.hub.stop().await;
}

async fn who_reads_slowly_holds_up_nobody(shape: Shape) {
    let trial = Trial::start_as(shape, |config| config.core.exports_max = 1).await;
    // Forty minutes: more than the sockets between take.
    for part in 0..8 {
        trial.keep_tracks((part * 300..part * 300 + 300).map(|second| skate(second, 10)).collect()).await;
    }
    let export = format!("/api/core/games/{GAME}/positions/export");
    let mut slow = trial.get(&export).await.bytes_stream();
    assert!(slow.next().await.unwrap().unwrap().starts_with(b"captured_at,edge,entity"));
    // One at a time, as configured; all else goes on.
    let refused = trial.get(&export).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(of_page(&trial.json(&format!("/api/core/games/{GAME}/positions?limit=5")).await).len(), 5);
    // It is there for the next once the slow one has gone.
    drop(slow);
    let whole = async {
        loop {
            let answer = trial.get(&export).await;
            if answer.status() == 200 {
                return answer.bytes().await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let whole = tokio::time::timeout(PATIENCE, whole).await.expect("its place comes free");
    assert_eq!(whole.split(|byte| *byte == b'\n').count(), 2 + 2_400 * 150);
    trial.hub.stop().await;
}
