//! Everybody may what the table says, and nothing else: each operation of the API, on their own things and on others', for
//! every role and way of not being let in.
//!
//! Shown by asking: a hub with two teams that play each other and one that does not, and everybody in [`people`] sends
//! each request in [`requests`]. `golden.tsv` is what they are to be told: P permitted, R refused, H told that there is
//! nothing, U asked who they are. An operation that OpenAPI names and the table does not have fails. Write it anew with
//! `RINKSIDE_GOLDEN=write`, and read the difference.

#[path = "../trial/mod.rs"]
mod trial;
mod people;
mod requests;

use people::Person;
use requests::Asked;
use reqwest::StatusCode;
use std::{collections::BTreeSet, fmt::Write as _, path::Path};
use trial::Trial;

/// People who ask at once.
const AT_ONCE: usize = 8;

/// What somebody was told.
async fn told(trial: &Trial, person: &Person, asked: &Asked) -> char {
    let mut request = trial.request(asked.method.clone(), &asked.path);
    if let Some(token) = &person.token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = &asked.body {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    match answer.status() {
        StatusCode::UNAUTHORIZED if asked.is_login => 'P',
        StatusCode::UNAUTHORIZED => 'U',
        StatusCode::FORBIDDEN => 'R',
        StatusCode::NOT_FOUND if answer.text().await.unwrap().contains("yours to see") => 'H',
        status => {
            assert!(!status.is_server_error(), "{} {}: {status}", person.name, asked.name());
            'P'
        }
    }
}

#[tokio::test]
async fn everybody_may_what_the_table_says() {
    let trial = Trial::start_with(|config| config.access.required = true).await;
    let (people, targets) = people::all(&trial).await;
    let asked = requests::all(&targets);
    let document: serde_json::Value = serde_json::from_str(&cloud_hub::gateway::document()).unwrap();
    let described: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let covered: BTreeSet<&str> = asked.iter().map(|asked| asked.operation).collect();
    assert_eq!(covered, described, "each operation has its rows");

    let ask_all = |person: Person| {
        let (trial, asked) = (&trial, &asked);
        async move {
            let mut column = Vec::with_capacity(asked.len());
            for asked in asked {
                column.push(told(trial, &person, asked).await);
            }
            (person.name, column)
        }
    };
    use futures_util::StreamExt as _;
    let columns: Vec<(String, Vec<char>)> =
        futures_util::stream::iter(people).map(ask_all).buffered(AT_ONCE).collect().await;

    let mut table = String::from("operation\tof");
    for (name, _) in &columns {
        let _ = write!(table, "\t{name}");
    }
    for (row, asked) in asked.iter().enumerate() {
        let _ = write!(table, "\n{}\t{}", asked.operation, asked.of);
        for (_, column) in &columns {
            let _ = write!(table, "\t{}", column[row]);
        }
    }
    table.push('\n');
    let decisions = asked.len() * columns.len();
    assert!(decisions >= 3_000, "{decisions} decisions");

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keeps_rights/golden.tsv");
    if std::env::var_os("RINKSIDE_GOLDEN").is_some_and(|what| what == "write") {
        std::fs::write(&golden, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    if table != expected {
        let differences: Vec<String> = different(&expected, &table);
        panic!("{} of {decisions} decisions are not as in golden.tsv:\n{}", differences.len(), differences.join("\n"));
    }
    trial.hub.stop().await;
}

/// The cells in which two tables differ, for people.
fn different(expected: &str, found: &str) -> Vec<String> {
    let cells = |table: &str| -> std::collections::BTreeMap<(String, String), String> {
        let mut lines = table.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let head = lines.next().unwrap_or_default();
        let row = |line: Vec<String>| {
            let name = line[..2.min(line.len())].join(" of ");
            let cells = head.clone().into_iter().zip(line).skip(2);
            cells.map(move |(person, told)| ((name.clone(), person), told)).collect::<Vec<_>>()
        };
        lines.flat_map(row).collect()
    };
    let (expected, found) = (cells(expected), cells(found));
    let names: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let told = |cells: &std::collections::BTreeMap<_, String>, name: &(String, String)| {
        cells.get(name).cloned().unwrap_or_else(|| "nothing".to_owned())
    };
    let differs = names.into_iter().filter(|name| expected.get(*name) != found.get(*name));
    differs
        .map(|name| {
            format!("{} by {}: {} expected, {} told", name.0, name.1, told(&expected, name), told(&found, name))
        })
        .take(100)
        .collect()
}
