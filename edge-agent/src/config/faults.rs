//! All faults of a configuration file at once, each with its line.
//!
//! Comes in: the file's text. Goes out: the value, or every fault. serde stops at its first error, so the line at
//! fault is noted and blanked out, with its whole section when it is a header, and the rest is read again: line numbers
//! stay true, and one run of `check-config` tells everything outside such a section.

use serde::de::DeserializeOwned;
use std::fmt;

/// Faults worth reading in one go; a file with more is not a configuration.
const FAULTS_MAX: usize = 20;

/// One thing wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1; 0 when it is the file as a whole.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults {
    /// The file.
    pub file: String,
    /// Everything wrong with it, by line.
    pub list: Vec<Fault>,
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.list.len() == 1 { "fault" } else { "faults" };
        write!(out, "{}: {} {plural}", self.file, self.list.len())?;
        for fault in &self.list {
            match fault.line {
                0 => write!(out, "\n  {}", fault.message)?,
                line => write!(out, "\n  line {line}: {}", fault.message)?,
            }
        }
        Ok(())
    }
}

/// What can be read of `text`, leaving out the lines at fault, and every fault in it by line.
///
/// No value when a fault is of a kind that leaves nothing to read.
pub fn parse<T: DeserializeOwned>(text: &str) -> (Option<T>, Vec<Fault>) {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut faults = Vec::new();
    let read = loop {
        let error = match toml::from_str(&lines.join("\n")) {
            Ok(value) => break Some(value),
            Err(error) => error,
        };
        let line = error.span().map_or(0, |span| line_of(&lines, span.start));
        faults.push(Fault { line, message: error.message().replace('\n', ", ") });
        let Some(first) = line.checked_sub(1).filter(|_| faults.len() < FAULTS_MAX) else { break None };
        let following = lines.iter().skip(line).take_while(|line| is_header(lines[first]) && !is_header(line)).count();
        // A bracket that opens no section: what is left would read as something else.
        if lines[first].trim_start().starts_with('[') && !is_header(lines[first]) {
            break None;
        }
        lines[first..=first + following].fill("");
    };
    faults.sort_by_key(|fault| fault.line);
    (read, faults)
}

/// Whether a line opens a section, and is not a row of an array of arrays.
fn is_header(line: &str) -> bool {
    let name = line.trim_start().trim_start_matches('[');
    name.len() < line.trim_start().len() && name.trim_start().starts_with(|first: char| first.is_alphabetic())
}

/// A fault of a value: `message` opens with the key, such as `inference.threads: 0 (1 to 64)`, which gives the line.
pub fn at_key(text: &str, message: String) -> Fault {
    let end = message.find([':', ' ']).unwrap_or(message.len());
    let line = message[..end].rsplit_once('.').map_or(0, |(section, key)| line_of_key(text, section, key));
    Fault { line, message }
}

/// The line of `key` in `[section]`, 0 when it is not written there.
fn line_of_key(text: &str, section: &str, key: &str) -> usize {
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            inside = header.trim_matches(['[', ']', ' ']) == section;
        } else if inside && line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return index + 1;
        }
    }
    0
}

fn line_of(lines: &[&str], offset: usize) -> usize {
    let mut end = 0;
    for (index, line) in lines.iter().enumerate() {
        end += line.len() + 1;
        if offset < end {
            return index + 1;
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    struct Section {
        port: u16,
        name: String,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Whole {
        one: Section,
        two: Section,
    }

    #[test]
    fn three_faults_are_told_with_their_lines() {
        let text = "[one]\nport = \"x\"\nnmae = \"a\"\n\n[two]\nname = \"b\"\nport = 70000\n";
        let faults = parse::<Whole>(text).1;
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 7], "{faults:?}");
        assert!(faults[1].message.contains("nmae") && faults[1].message.contains("name"), "{faults:?}");
    }

    #[test]
    fn a_section_that_is_none_hides_no_other_fault() {
        let text = "[oen]\nport = 8\n\n[two]\nport = \"x\"\nnmae = \"a\"\n";
        let faults = parse::<Whole>(text).1;
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 5, 6], "{faults:?}");
    }

    #[test]
    fn a_sound_file_is_its_value() {
        let (whole, faults) = parse::<Whole>("[two]\nport = 8\n");
        assert_eq!((whole.unwrap().two.port, faults), (8, Vec::new()));
    }

    #[test]
    fn keys_are_found_in_their_section() {
        let text = "[one]\nport = 1\n[two]\nport = 2\n";
        assert_eq!(line_of_key(text, "two", "port"), 4);
        assert_eq!(line_of_key(text, "two", "name"), 0);
    }
}
