//! Promise: the workspace keeps its shape, so that the first guess finds the file.
//!
//! Shown by reading the sources: modules use only those above them in `lib.rs`; `tracking/`, `fusion/` and `events/`
//! touch nothing outside; only `time.rs` asks the time; only `topic.rs` spells a topic; every file says what it is for,
//! is short and has a name that means something; nothing new lies at the top.

use std::{
    fs,
    path::{Path, PathBuf},
};

const CRATES: [&str; 3] = ["firmware-protocol", "edge-agent", "cloud-hub"];
const LINES_MAX: usize = 400;
const TOP: [&str; 16] = [
    "Cargo.toml",
    "Cargo.lock",
    "edge-agent",
    "cloud-hub",
    "firmware-protocol",
    "models",
    "config",
    "deploy",
    "systemd",
    "README.md",
    "ARCHITECTURE.md",
    "GUARANTEES.md",
    "CHANGELOG.md",
    "Makefile",
    "clippy.toml",
    "rustfmt.toml",
];
const EMPTY_WORDS: [&str; 14] = [
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "misc",
    "base",
    "types",
    "manager",
    "handler",
    "processor",
    "data",
    "info",
    "ext",
];
/// What a folder that only computes may not name.
const OUTSIDE: [&str; 14] = [
    "tokio",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "Instant",
    "SystemTime",
    "opencv",
    "zenoh",
    "sled",
    "axum",
    "utc_us()",
    "monotonic_us()",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() && name != "node_modules" && name != "target" {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Code only: no comments, and nothing from the unit tests on.
fn code(path: &Path) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let text = read(path);
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The modules named after every `crate::` of `code`.
fn used(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            modules.push(word(rest));
            continue;
        };
        let (mut depth, mut fresh) = (1, true);
        for (index, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => fresh = depth == 1,
                _ if character.is_whitespace() => {}
                _ if fresh => {
                    modules.push(word(&group[index..]));
                    fresh = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    modules
}

#[test]
fn modules_use_only_those_above_them() {
    let mut faults = Vec::new();
    for member in ["edge-agent", "cloud-hub"] {
        let source = root().join(member).join("src");
        let order: Vec<String> = read(&source.join("lib.rs"))
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned))
            .collect();
        assert!(order.len() > 8, "{member}/src/lib.rs lists its modules");
        let place = |module: &str| order.iter().position(|listed| listed == module);
        for path in sources(&source) {
            let inside = path.strip_prefix(&source).expect("found below it");
            let own = inside.iter().next().map(|first| first.to_string_lossy().trim_end_matches(".rs").to_owned());
            let Some(own) = own.filter(|own| own != "main" && own != "lib") else { continue };
            let Some(own_place) = place(&own) else {
                faults.push(format!("{}: lib.rs does not list {own}", short(&path)));
                continue;
            };
            for module in used(&code(&path)) {
                if place(&module).is_some_and(|other| other > own_place) {
                    faults.push(format!("{}: uses {module}, which stands below {own} in lib.rs", short(&path)));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn folders_that_compute_touch_nothing_outside() {
    let mut faults = Vec::new();
    for folder in ["tracking", "fusion", "events"] {
        let files = sources(&root().join("edge-agent/src").join(folder));
        assert!(!files.is_empty(), "edge-agent/src/{folder} exists");
        for path in files {
            let code = code(&path);
            for word in OUTSIDE.iter().filter(|word| code.contains(**word)) {
                faults.push(format!("{}: names {word}", short(&path)));
            }
        }
    }
    check(&faults);
}

#[test]
fn only_time_asks_the_time() {
    let mut faults = Vec::new();
    for member in CRATES {
        for path in sources(&root().join(member).join("src")) {
            let asks = |code: &str| code.contains("Instant::now") || code.contains("SystemTime::now");
            if !path.ends_with("src/time.rs") && asks(&code(&path)) {
                faults.push(format!("{}: asks the time; take it as an argument or from time.rs", short(&path)));
            }
        }
    }
    check(&faults);
}

#[test]
fn only_topic_spells_a_topic() {
    let spelled = ["rinkside", "1"].join("/");
    let mut faults = Vec::new();
    for member in CRATES {
        for path in sources(&root().join(member).join("src")) {
            if !path.ends_with("network/topic.rs") && code(&path).contains(&spelled) {
                faults.push(format!("{}: spells a topic; network/topic.rs has it", short(&path)));
            }
        }
    }
    check(&faults);
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let mut faults = Vec::new();
    for path in CRATES.iter().flat_map(|member| sources(&root().join(member))) {
        let text = read(&path);
        if !text.starts_with("//!") {
            faults.push(format!("{}: does not open with //!", short(&path)));
        }
        if text.starts_with("//! To be described") {
            faults.push(format!("{}: is not described", short(&path)));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{}: {lines} lines (limit {LINES_MAX}): look for the second idea", short(&path)));
        }
        let inside = short(&path);
        let words = inside.trim_end_matches(".rs").split(['/', '_', '-']);
        for word in words.filter(|word| EMPTY_WORDS.contains(word)) {
            faults.push(format!("{inside}: `{word}` says nothing"));
        }
    }
    check(&faults);
}

#[test]
fn nothing_new_lies_at_the_top() {
    let ignored = read(&root().join(".gitignore"));
    let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    let mut faults = Vec::new();
    for entry in fs::read_dir(root()).expect("the workspace can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = TOP.contains(&name.as_str()) || name.starts_with('.') || name.starts_with("LICENSE");
        if !known && !ignored.contains(&name.as_str()) {
            faults.push(format!("{name}: has no place at the top"));
        }
    }
    check(&faults);
}

#[test]
fn groups_and_paths_are_both_read() {
    let code = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::f; $crate::g; my_crate::h";
    assert_eq!(used(code), ["a", "d", "e"]);
}
