//! Seals what is personal or secret before it reaches a table, and opens it again.
//!
//! Comes in: text or bytes, the key, and the place where it will lie. Goes out: `sealed:1:KEY:BASE64`, AES-256-GCM with a
//! nonce of its own; the place is authenticated with it, so that a row moved elsewhere does not open. Data keys lie
//! wrapped in a table ([`keyring`](super::keyring)); the root keys that wrap them lie in one file, newest first, each
//! a line `NAME BASE64`, for its owner alone; then `destroyed NUMBER DIGEST` for data keys that were destroyed. Never: a key in what is printed. On failure the place is named, nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};
use std::{
    fmt, fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// What a sealed text begins with; JSON never does.
const SEALED: &str = "sealed:1:";
const KEY_BYTES: usize = 32;
/// A line of the root keys' file that begins with this names a data key that is no more.
const DESTROYED: &str = "destroyed ";

/// A key of 256 bits. Printed without it.
pub(super) struct Key(LessSafeKey);

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

impl Key {
    fn new(bytes: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, bytes).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// `plain`, sealed for `place`: nonce, what was sealed, tag.
    pub(super) fn seal(&self, place: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random();
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(plain);
        let within = Aad::from(place.as_bytes());
        let sealing = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), within, &mut sealed);
        sealing.expect("AES-GCM seals up to 64 GiB");
        sealed.splice(0..0, nonce);
        sealed
    }

    /// What [`Key::seal`] sealed for the same place; nothing when it is not that.
    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(place.as_bytes()), &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// A key and its number in the table.
#[derive(Debug)]
pub(super) struct DataKey {
    pub(super) number: i64,
    pub(super) key: Key,
}

impl DataKey {
    /// `plain` as it lies at `place`.
    pub(super) fn seal(&self, place: &str, plain: &[u8]) -> String {
        prefix(self.number) + &STANDARD.encode(self.key.seal(place, plain))
    }
}

/// What everything that the key `number` sealed begins with.
pub(super) fn prefix(number: i64) -> String {
    format!("{SEALED}{number}:")
}

/// The number of the key that sealed `text`, and what it sealed; nothing when `text` is as it was written.
pub(super) fn sealed(text: &str) -> Option<(i64, Vec<u8>)> {
    let (number, sealed) = text.strip_prefix(SEALED)?.split_once(':')?;
    Some((number.parse().ok()?, STANDARD.decode(sealed).ok()?))
}

/// The root keys, newest first.
#[derive(Debug)]
pub(super) struct Roots {
    path: PathBuf,
    keys: Vec<Root>,
    /// Numbers of data keys that were destroyed, each with [`tombstone`].
    destroyed: Vec<(i64, String)>,
}

struct Root {
    name: String,
    bytes: [u8; KEY_BYTES],
}

impl fmt::Debug for Root {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Roots {
    /// Those in the file `path`; none when there is no file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        let key = |(index, line): (usize, &str)| {
            let (name, encoded) = line.split_once(' ')?;
            let bytes = STANDARD.decode(encoded).ok()?.try_into().ok()?;
            Some(Root { name: name.to_owned(), bytes }).filter(|_| index < 64)
        };
        let mut roots = Self { path: path.to_owned(), keys: Vec::new(), destroyed: Vec::new() };
        for line in text.lines().enumerate() {
            if let Some((number, tombstone)) = line.1.strip_prefix(DESTROYED).and_then(|rest| rest.split_once(' ')) {
                let fault = |_| format!("line {} is no number of a key that was destroyed", line.0 + 1);
                roots.destroyed.push((number.parse().map_err(fault)?, tombstone.to_owned()));
                continue;
            }
            let none = || format!("line {} is no root key (a name and 32 bytes in base64)", line.0 + 1);
            roots.keys.push(key(line).ok_or_else(none)?);
        }
        Ok(roots)
    }

    /// The newest, with its name.
    pub(super) fn newest(&self) -> Option<(&str, Key)> {
        let root = self.keys.first()?;
        Some((&root.name, Key::new(&root.bytes).expect("32 bytes are a key")))
    }

    /// The one with this name.
    pub(super) fn named(&self, name: &str) -> Option<Key> {
        let root = self.keys.iter().find(|root| root.name == name)?;
        Key::new(&root.bytes)
    }

    /// Makes another, the newest, and writes the file.
    pub(super) fn add(&mut self) -> Result<(), String> {
        let name = format!("{:08x}", u32::from_be_bytes(random()));
        self.keys.insert(0, Root { name, bytes: random() });
        self.write()
    }

    /// Forgets all but the newest, and writes the file.
    pub(super) fn keep_newest(&mut self) -> Result<(), String> {
        self.keys.truncate(1);
        self.write()
    }

    /// Data keys that were destroyed: number and [`tombstone`].
    pub(super) fn destroyed(&self) -> &[(i64, String)] {
        &self.destroyed
    }

    /// Writes down that the data keys `numbers` of `subjects` are destroyed: whoever brings an older backup brings this
    /// file too.
    pub(super) fn destroy(&mut self, keys: &[(i64, String)]) -> Result<(), String> {
        self.destroyed.extend(keys.iter().map(|(number, subject)| (*number, tombstone(*number, subject))));
        self.write()
    }

    fn write(&self) -> Result<(), String> {
        let keys = self.keys.iter().map(|Root { name, bytes }| format!("{name} {}\n", STANDARD.encode(bytes)));
        let gone = self.destroyed.iter().map(|(number, tombstone)| format!("{DESTROYED}{number} {tombstone}\n"));
        let lines = keys.chain(gone);
        put(&self.path, lines.collect::<String>().as_bytes()).map_err(|error| format!("cannot be written: {error}"))
    }
}

/// What tells that a data key is the one that was destroyed, not another with its number, without saying whose it was.
pub(super) fn tombstone(number: i64, subject: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, format!("{number} {subject}").as_bytes()).as_ref())
}

/// Puts a file with `bytes`, for its owner alone, in place of the one at `path`: whole, or not at all.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let part = path.with_extension("part");
    let _ = fs::remove_file(&part);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    fs::File::open(folder)?.sync_all()
}

/// A new key, and `wrapped` by `root` for the key's place.
pub(super) fn new_key(root: &Key, place: &str) -> (Key, Vec<u8>) {
    let bytes: [u8; KEY_BYTES] = random();
    (Key::new(&bytes).expect("32 bytes are a key"), root.seal(place, &bytes))
}

/// The key that `root` wrapped for `place`.
pub(super) fn unwrapped(root: &Key, place: &str, wrapped: &[u8]) -> Option<Key> {
    Key::new(&root.open(place, wrapped)?)
}

/// The same key, wrapped by `newest` instead of `root`.
pub(super) fn rewrapped(root: &Key, newest: &Key, place: &str, wrapped: &[u8]) -> Option<Vec<u8>> {
    Some(newest.seal(place, &root.open(place, wrapped)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let root = Key::new(&random::<KEY_BYTES>()).unwrap();
        let (key, wrapped) = new_key(&root, "data_keys/1");
        let key = DataKey { number: 1, key };
        let text = key.seal("players/9", b"Maurice");
        assert!(!text.contains("Maurice"));
        assert_ne!(text, key.seal("players/9", b"Maurice"), "the same words must not be seen to be the same");
        let (number, bytes) = sealed(&text).unwrap();
        let again = unwrapped(&root, "data_keys/1", &wrapped).unwrap();
        assert_eq!((number, again.open("players/9", &bytes).unwrap()), (1, b"Maurice".to_vec()));
        assert!(again.open("players/8", &bytes).is_none(), "a row put elsewhere");
        assert!(unwrapped(&root, "data_keys/2", &wrapped).is_none(), "a key put elsewhere");
        for bit in 0..bytes.len() * 8 {
            let mut harmed = bytes.clone();
            harmed[bit / 8] ^= 1 << (bit % 8);
            assert!(again.open("players/9", &harmed).is_none(), "bit {bit}");
        }
        assert!(again.open("players/9", &bytes[..5]).is_none());
        assert!(sealed("{\"name\":\"sealed:1:\"}").is_none());
    }

    #[test]
    fn roots_are_one_file_for_their_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/root.key");
        let mut roots = Roots::read(&path).unwrap();
        assert!(roots.newest().is_none());
        roots.add().unwrap();
        let first = roots.newest().unwrap().0.to_owned();
        roots.add().unwrap();
        assert!(roots.named(&first).is_some());
        let shown = format!("{:?}", Roots::read(&path).unwrap());
        let text = fs::read_to_string(&path).unwrap();
        assert!(shown.contains(&first) && !shown.contains(text.split(' ').nth(1).unwrap().lines().next().unwrap()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        roots.keep_newest().unwrap();
        assert!(Roots::read(&path).unwrap().named(&first).is_none());
        fs::write(&path, "00 short\n").unwrap();
        assert!(Roots::read(&path).unwrap_err().contains("line 1"));
    }
}
