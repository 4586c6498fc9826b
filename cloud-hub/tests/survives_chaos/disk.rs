//! A disk whose power can be cut.
//!
//! Comes in: every write, sync, creation, renaming and removal below its folder, from `calls.rs`. Goes out: the
//! [`Image`] a cut leaves. What was synced is there. Of what was not, each write is there, gone, or torn at sectors of
//! 512 bytes, whatever its neighbours are: later ones may survive earlier ones. Names (files made, moved, removed) are
//! there up to a random one of them, in order, as a journal of metadata keeps them; a file's fsync does not keep its
//! name, only its folder's does. `sync_file_range` keeps nothing: it leaves the drive's cache and the file's length
//! where they are. This is harsher than ext4, which keeps the name of a file that is synced.
//!
//! The cut comes at a disk call, counted from [`Disk::arm`]: that call is the first that was not finished. From then on
//! the disk is frozen: the process that wrote to it may go on as long as it likes, nothing of it reaches the image.
//! Nothing waits for the real disk below, so a test of thousands of cuts is not a test of this machine's disk.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};
use tokio::sync::watch;

/// What a drive writes whole or not at all.
const SECTOR_BYTES: u64 = 512;
/// How long a slow disk takes to sync.
const SLOW: Duration = Duration::from_millis(20);

/// What is on a disk when the power comes back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    folders: Vec<PathBuf>,
    files: Vec<(PathBuf, Vec<u8>)>,
    /// Unsynced writes that are gone, and that are there in part.
    pub(crate) dropped: u64,
    pub(crate) torn: u64,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Folder,
    File(usize),
}

enum Naming {
    Make(PathBuf, Node),
    Move(PathBuf, PathBuf),
    Remove(PathBuf),
}

enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Resize(u64),
}

#[derive(Default)]
struct Content {
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    bytes: u64,
}

type Names = BTreeMap<PathBuf, Node>;

struct State {
    files: Vec<Content>,
    /// As running programs see them.
    names: Names,
    /// As they are after a cut that takes every unsettled naming.
    settled: Names,
    unsettled: Vec<Naming>,
    calls_left: Option<u32>,
    is_full: bool,
    is_slow: bool,
    /// Share of syncs that say they succeeded and did nothing.
    lies: f64,
    random: StdRng,
}

/// The disk; its folder is removed with it.
pub(crate) struct Disk {
    root: PathBuf,
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

static DISKS: Mutex<Vec<(PathBuf, Weak<Disk>)>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk that holds `path`, and the path on it.
pub(crate) fn holding(path: &Path) -> Option<(Arc<Disk>, PathBuf)> {
    let (disk, inside) = {
        let disks = locked(&DISKS);
        let (root, disk) = disks.iter().find(|(root, _)| path.starts_with(root))?;
        (disk.clone(), path.strip_prefix(root).ok()?.to_owned())
    };
    Some((disk.upgrade()?, inside))
}

impl Disk {
    /// A disk with `image` on it, of whose syncs the share `lies` does nothing.
    pub(crate) fn with(image: &Image, lies: f64, seed: u64) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let mut names = Names::new();
        for path in &image.folders {
            fs::create_dir_all(root.join(path)).unwrap();
            names.insert(path.clone(), Node::Folder);
        }
        let mut files = Vec::new();
        for (path, bytes) in &image.files {
            fs::write(root.join(path), bytes).unwrap();
            names.insert(path.clone(), Node::File(files.len()));
            files.push(Content { durable: bytes.clone(), unsynced: Vec::new(), bytes: bytes.len() as u64 });
        }
        let state = State {
            files,
            settled: names.clone(),
            names,
            unsettled: Vec::new(),
            calls_left: None,
            is_full: false,
            is_slow: false,
            lies,
            random: StdRng::seed_from_u64(seed),
        };
        let disk =
            Self { root: root.clone(), state: Mutex::new(state), frozen: watch::Sender::new(false), _folder: folder };
        let disk = Arc::new(disk);
        let mut disks = locked(&DISKS);
        disks.retain(|(_, disk)| disk.strong_count() > 0);
        disks.push((root, Arc::downgrade(&disk)));
        disk
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The power goes at the `calls`th disk call from now on.
    pub(crate) fn arm(&self, calls: u32) {
        locked(&self.state).calls_left = Some(calls.max(1));
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        locked(&self.state).is_full = is_full;
    }

    pub(crate) fn set_slow(&self, is_slow: bool) {
        locked(&self.state).is_slow = is_slow;
    }

    /// Whether the power is gone. Says no only while whatever was synced before is on the image.
    pub(crate) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Waits until the power is gone.
    pub(crate) async fn frozen(&self) {
        let _ = self.frozen.subscribe().wait_for(|frozen| *frozen).await;
    }

    /// Cuts the power, if it is not gone yet, and says what is left.
    pub(crate) fn cut(&self) -> Image {
        let mut state = locked(&self.state);
        self.frozen.send_replace(true);
        (state.is_full, state.is_slow) = (false, false);
        let State { files, settled, unsettled, random, .. } = &mut *state;
        let mut names = settled.clone();
        let survivors = random.random_range(0..=unsettled.len());
        unsettled.drain(..survivors).for_each(|naming| name(&mut names, naming));
        let kept = [0.0, 0.2, 0.5, 0.8, 1.0][random.random_range(0..5)];
        let mut image = Image::default();
        for (path, node) in names {
            match node {
                Node::Folder => image.folders.push(path),
                Node::File(file) => {
                    let content = &files[file];
                    let mut bytes = content.durable.clone();
                    for change in &content.unsynced {
                        survive(change, &mut bytes, kept, random, (&mut image.dropped, &mut image.torn));
                    }
                    image.files.push((path, bytes));
                }
            }
        }
        image
    }

    fn tick(&self, state: &mut State) {
        if let Some(calls) = &mut state.calls_left {
            *calls -= 1;
            if *calls == 0 {
                state.calls_left = None;
                self.frozen.send_replace(true);
            }
        }
    }

    /// The state, unless the power is gone.
    fn alive(&self) -> Option<MutexGuard<'_, State>> {
        let state = locked(&self.state);
        (!self.is_frozen()).then_some(state)
    }

    /// Whether something that is `path` on the disk can be opened; `is_new` when it must be made for that.
    pub(crate) fn may_open(&self, path: &Path, makes: bool) -> bool {
        !makes || self.alive().is_none_or(|state| !state.is_full || state.names.contains_key(path))
    }

    /// `path` was opened, made or cut to nothing: the file's number, none for a folder.
    pub(crate) fn opened(&self, path: &Path, is_folder: bool, truncates: bool) -> Option<usize> {
        let mut state = locked(&self.state);
        let frozen = self.is_frozen();
        match state.names.get(path) {
            Some(Node::Folder) => None,
            Some(Node::File(file)) => {
                let file = *file;
                if truncates && !frozen {
                    state.files[file].change(Change::Resize(0));
                    self.tick(&mut state);
                }
                Some(file)
            }
            None if is_folder => None,
            None => {
                state.files.push(Content::default());
                let node = Node::File(state.files.len() - 1);
                if !frozen {
                    state.name(Naming::Make(path.to_owned(), node));
                    self.tick(&mut state);
                }
                Some(state.files.len() - 1)
            }
        }
    }

    /// Whether the disk takes `bytes` at `offset` of `file`; it does not when it is full and the file would grow.
    pub(crate) fn write(&self, file: usize, offset: u64, bytes: &[u8], real: impl FnOnce() -> isize) -> Option<isize> {
        let Some(mut state) = self.alive() else { return Some(real()) };
        if state.is_full && offset + bytes.len() as u64 > state.files[file].bytes {
            return None;
        }
        let written = real();
        if written > 0 {
            let bytes = bytes[..written as usize].to_vec();
            state.files[file].change(Change::Write { offset, bytes });
        }
        self.tick(&mut state);
        Some(written)
    }

    pub(crate) fn resize(&self, file: usize, bytes: u64) {
        if let Some(mut state) = self.alive() {
            state.files[file].change(Change::Resize(bytes));
            self.tick(&mut state);
        }
    }

    /// Syncs a file, or the folder and with it all names.
    pub(crate) fn sync(&self, file: Option<usize>) {
        if self.alive().is_some_and(|state| state.is_slow) {
            thread::sleep(SLOW);
        }
        let Some(mut state) = self.alive() else { return };
        self.tick(&mut state);
        let State { files, settled, unsettled, lies, random, .. } = &mut *state;
        if *self.frozen.borrow() || random.random_bool(*lies) {
            return;
        }
        match file {
            Some(file) => files[file].settle(),
            None => unsettled.drain(..).for_each(|naming| name(settled, naming)),
        }
    }

    pub(crate) fn made_folder(&self, path: PathBuf) {
        self.named(Naming::Make(path, Node::Folder));
    }

    pub(crate) fn moved(&self, from: PathBuf, to: PathBuf) {
        self.named(Naming::Move(from, to));
    }

    pub(crate) fn removed(&self, path: PathBuf) {
        self.named(Naming::Remove(path));
    }

    fn named(&self, naming: Naming) {
        if let Some(mut state) = self.alive() {
            state.name(naming);
            self.tick(&mut state);
        }
    }
}

impl State {
    fn name(&mut self, naming: Naming) {
        let again = match &naming {
            Naming::Make(path, node) => Naming::Make(path.clone(), *node),
            Naming::Move(from, to) => Naming::Move(from.clone(), to.clone()),
            Naming::Remove(path) => Naming::Remove(path.clone()),
        };
        name(&mut self.names, again);
        self.unsettled.push(naming);
    }
}

fn name(names: &mut Names, naming: Naming) {
    match naming {
        Naming::Make(path, node) => {
            names.insert(path, node);
        }
        Naming::Remove(path) => {
            names.remove(&path);
        }
        Naming::Move(from, to) => {
            let moving: Vec<PathBuf> = names.keys().filter(|path| path.starts_with(&from)).cloned().collect();
            for path in moving {
                if let (Some(node), Ok(inside)) = (names.remove(&path), path.strip_prefix(&from)) {
                    let to = if inside.as_os_str().is_empty() { to.clone() } else { to.join(inside) };
                    names.insert(to, node);
                }
            }
        }
    }
}

impl Content {
    fn change(&mut self, change: Change) {
        self.bytes = match &change {
            Change::Write { offset, bytes } => self.bytes.max(offset + bytes.len() as u64),
            Change::Resize(bytes) => *bytes,
        };
        self.unsynced.push(change);
    }

    fn settle(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write { offset, bytes } => put(&mut self.durable, offset, &bytes),
                Change::Resize(bytes) => self.durable.resize(bytes as usize, 0),
            }
        }
    }
}

fn put(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (from, to) = (offset as usize, offset as usize + bytes.len());
    if content.len() < to {
        content.resize(to, 0);
    }
    content[from..to].copy_from_slice(bytes);
}

/// What an unsynced change leaves on `content`, when the share `kept` of them is there.
fn survive(
    change: &Change,
    content: &mut Vec<u8>,
    kept: f64,
    random: &mut StdRng,
    (dropped, torn): (&mut u64, &mut u64),
) {
    let whole = random.random_bool(kept);
    match change {
        Change::Resize(bytes) if whole => content.resize(*bytes as usize, 0),
        Change::Write { offset, bytes } if whole => put(content, *offset, bytes),
        Change::Resize(_) => *dropped += 1,
        Change::Write { .. } if random.random_bool(0.5) => *dropped += 1,
        Change::Write { offset, bytes } => {
            *torn += 1;
            let sectors = (offset / SECTOR_BYTES)..(offset + bytes.len() as u64).div_ceil(SECTOR_BYTES);
            let in_order = random.random_bool(0.5);
            let end = random.random_range(sectors.clone());
            for sector in sectors {
                if if in_order { sector < end } else { random.random_bool(0.5) } {
                    let from = (sector * SECTOR_BYTES).max(*offset) - offset;
                    let to = ((sector + 1) * SECTOR_BYTES - offset).min(bytes.len() as u64);
                    put(content, offset + from, &bytes[from as usize..to as usize]);
                }
            }
        }
    }
}
