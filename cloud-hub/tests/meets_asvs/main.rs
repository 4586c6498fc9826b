//! Promise: of each requirement of OWASP ASVS 5.0, levels 1 and 2, is written down which test shows it, where it is told, why
//! it does not apply, or what is still open; and what is named there is there.
//!
//! Shown by reading `asvs-5.0.tsv` beside this file: a row a requirement, `how` being `test` (tests, all of which must
//! exist), `text` (a file and a line in it), `no` (it does not apply, and why) or `open` (not met, and what is missing).

use std::{
    fs,
    path::{Path, PathBuf},
};

const TABLE: &str = include_str!("asvs-5.0.tsv");
/// SHA-256 of the standard's lines `id TAB level`, in its order, level 3 left out: no requirement is missing or moved.
const REQUIREMENTS: &str = "6ee5d2a9ac527f85ee89d5d98c2c70ce52a7f8f428cda367af241310833e4a14";
/// Those that are not met. It only goes down.
const OPEN_MAX: usize = 29;

struct Line {
    id: &'static str,
    level: &'static str,
    how: &'static str,
    what: &'static str,
}

fn table() -> Vec<Line> {
    let line = |text: &'static str| {
        let [id, level, how, what] = text.split('\t').collect::<Vec<_>>()[..] else { panic!("four columns: {text}") };
        Line { id, level, how, what }
    };
    TABLE.lines().skip(1).map(line).collect()
}

fn of_kind(how: &str) -> impl Iterator<Item = Line> {
    table().into_iter().filter(move |line| line.how == how)
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file in which the test `binary::name` or `module::…::name` stands, and what it is called there; of the dashboard the
/// file itself.
fn source(named: &str) -> (PathBuf, &str) {
    let Some((place, name)) = named.rsplit_once("::") else {
        return (here().join("dashboard/tests").join(named), "");
    };
    let path = place.replace("::", "/");
    let candidates = [
        format!("tests/{path}.rs"),
        format!("tests/{path}/main.rs"),
        format!("src/{path}.rs"),
        format!("src/{path}/mod.rs"),
    ];
    let found = candidates.iter().map(|file| here().join(file)).find(|file| file.is_file());
    (found.unwrap_or_else(|| panic!("no file of {named}")), name)
}

#[test]
fn every_requirement_has_its_line() {
    let requirements: Vec<String> = table().iter().map(|line| format!("{}\t{}\n", line.id, line.level)).collect();
    for Line { id, how, what, .. } in table() {
        assert!(!what.trim().is_empty(), "{id}");
        assert!(["test", "text", "no", "open"].contains(&how), "{id}: {how}");
    }
    assert_eq!(cloud_hub::trust::secret_digest(&requirements.concat()), REQUIREMENTS);
    let open: Vec<_> = of_kind("open").map(|line| line.id).collect();
    assert!(open.len() <= OPEN_MAX, "{} are open: {open:?}", open.len());
}

#[test]
fn every_test_named_there_is_there() {
    for Line { id, what, .. } in of_kind("test") {
        for named in what.split(", ") {
            let (file, name) = source(named);
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{id}: {}: {error}", file.display()));
            assert!(name.is_empty() || text.contains(&format!("fn {name}(")), "{id}: no {name} in {}", file.display());
        }
    }
}

#[test]
fn what_is_told_stands_where_it_says() {
    let root = here().parent().unwrap();
    for Line { id, what, .. } in of_kind("text") {
        let (file, words) = what.split_once(": ").unwrap_or_else(|| panic!("{id}: FILE: WORDS"));
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{id}: {file}: {error}"));
        assert!(text.lines().any(|line| line.trim_start_matches('#').trim() == words), "{id}: {file} has no {words}");
    }
}
