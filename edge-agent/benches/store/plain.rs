//! A bare file, the group's bytes behind the last, `fdatasync`: what the disk itself takes.

use crate::{engine::Engine, load::Numbering};
use firmware_protocol::network::{Record, Stream};
use std::{fs::File, io::Write as _, path::Path};

pub struct Plain {
    file: File,
    numbering: Numbering,
}

impl Plain {
    pub fn open(folder: &Path) -> Self {
        let file = File::create(folder.join("plain")).expect("the folder takes files");
        Self { file, numbering: Numbering::default() }
    }
}

impl Engine for Plain {
    fn append(&mut self, group: &[Record]) {
        let bytes = self.numbering.keyed(group).fold(Vec::new(), |mut all, (key, bytes)| {
            all.extend_from_slice(&key);
            all.extend_from_slice(&bytes);
            all
        });
        self.file.write_all(&bytes).and_then(|()| self.file.sync_data()).expect("the disk takes it");
    }

    fn next(&self, stream: Stream) -> u64 {
        self.numbering.next[stream as usize]
    }

    fn read(&self, _: Stream, _: u64, _: usize) -> usize {
        0
    }
}
