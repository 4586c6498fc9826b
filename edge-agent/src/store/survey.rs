//! What the journal's files say by themselves, whatever sled makes of them.
//!
//! Comes in: a folder. Goes out: the entries in its files, found by their mark and checksum wherever they stand, and
//! how far the sequence numbers go. Never: writes. A file that cannot be read counts as empty; opening will say so.

use super::{
    entry::{self, Entry, HEADER_BYTES, Kind, MAGIC, index},
    journal::last_sequence,
    salvage::Opened,
};
use firmware_protocol::network::Stream;
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Bytes read at once: opening is to cost little memory.
const WINDOW_BYTES: u64 = 2 << 20;

/// What the files themselves say, whatever sled makes of them.
#[derive(Default)]
pub(super) struct Survey {
    pub epoch: Option<u64>,
    pub next_sequences: [u64; 3],
}

/// Surveys the folder at `path`.
pub(super) fn survey(path: &Path) -> Survey {
    let mut survey = Survey::default();
    let mut files = Vec::new();
    // No folder yet, or none that can be read: opening will say so.
    let _ = list_files(path, &mut files);
    for file in files {
        let _ = search(&file, |entry| {
            if *survey.epoch.get_or_insert(entry.epoch) == entry.epoch {
                let next_sequence = match entry.kind {
                    Kind::Record => last_sequence(entry.sequence, entry.payload).saturating_add(1),
                    Kind::Acknowledged => entry.sequence,
                    Kind::Epoch => 0,
                };
                let seen = &mut survey.next_sequences[index(entry.stream)];
                *seen = next_sequence.max(*seen);
            }
        });
    }
    survey
}

impl Survey {
    /// What the files hold that sled does not show, if anything.
    pub fn beyond(&self, opened: &Opened) -> Option<String> {
        if self.epoch.is_some_and(|epoch| epoch != opened.epoch) {
            return Some("sled shows nothing of it".into());
        }
        Stream::ALL.into_iter().find_map(|stream| {
            let (held, seen) = (opened.streams[index(stream)], self.next_sequences[index(stream)]);
            (held.lost > 0 || seen > held.next_sequence).then(|| {
                let (shown, lost) = (held.next_sequence, held.lost);
                format!("of {} sled shows {shown} and misses {lost}, its files go up to {seen}", stream.name())
            })
        })
    }
}

/// Every file below `folder`, in order of name.
pub(super) fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            list_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

/// Finds every whole entry in `file`, wherever it stands.
pub(super) fn search(file: &Path, mut found: impl FnMut(Entry<'_>)) -> io::Result<()> {
    let mut file = File::open(file)?;
    let mut window = Vec::new();
    loop {
        let read = (&mut file).take(WINDOW_BYTES).read_to_end(&mut window)?;
        // An entry that begins in the last bytes may end in the next window.
        let whole_before = if read == 0 { window.len() } else { window.len().saturating_sub(entry::BYTES_MAX) };
        let at = each_entry(&window, whole_before, &mut found);
        if read == 0 {
            return Ok(());
        }
        window.drain(..at.min(whole_before));
    }
}

/// Finds every whole entry in `bytes` that begins before `before`: where the search ended.
pub(super) fn each_entry(bytes: &[u8], before: usize, mut found: impl FnMut(Entry<'_>)) -> usize {
    let mut at = 0;
    while at < before {
        let Some(step) = memchr::memmem::find(&bytes[at..], &MAGIC) else { return before };
        at += step;
        if at >= before {
            break;
        }
        at += match Entry::at_start_of(&bytes[at..]) {
            Some(entry) => {
                found(entry);
                HEADER_BYTES + entry.payload.len()
            }
            None => 1,
        };
    }
    at
}
