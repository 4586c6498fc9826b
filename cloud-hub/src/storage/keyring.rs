//! The keys that seal personal and secret columns: one a subject and time, wrapped by the root key.
//!
//! Comes in: whom a row is about. Goes out: the key to seal it with, made when there is none, and what a sealed column
//! says. Keys are remembered for [`REMEMBERED`]: a key that another process retired is used no longer than that. Never: a
//! row sealed with a key that is not committed. Without the root key nothing is made and nothing opens; the error says
//! which file to bring.

use super::{
    Database, StorageError, accounts,
    engine::{Row, Transaction},
    resources,
    sealing::{self, DataKey, Roots},
    storable,
};
use crate::time;
use moka::sync::Cache;
use sqlx::{Any, Executor, Row as _};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a key is used without a look whether it still holds.
pub const REMEMBERED: Duration = Duration::from_mins(1);
/// Keys remembered: those of all players of a league and what they wear on a day.
const REMEMBERED_MAX: u64 = 10_000;
/// Subject of what is the hub's own.
pub(super) const HUB: &str = "hub";
/// Keys of what is worn are of one day, microseconds.
const DAY_US: i64 = 86_400_000_000;
/// In `root` of a key that was destroyed.
const DESTROYED: &str = "destroyed";

/// Where the root key lies, and the keys in use.
#[derive(Debug, Clone)]
pub(super) struct Keyring {
    root_key: PathBuf,
    newest: Cache<String, Arc<DataKey>>,
    numbered: Cache<i64, Arc<DataKey>>,
}

/// How the keys stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysHeld {
    /// The name of the newest root key.
    pub root: String,
    /// Data keys.
    pub keys: u64,
    /// Those about players.
    pub of_players: u64,
    /// Those about what somebody wears, one a tag and day.
    pub of_wearers: u64,
    /// Those that were destroyed; not counted above.
    pub destroyed: u64,
}

impl Keyring {
    pub(super) fn new(root_key: PathBuf) -> Self {
        let newest = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED).build();
        let numbered = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED).build();
        Self { root_key, newest, numbered }
    }

    fn fault(&self, reason: String) -> StorageError {
        StorageError::Keys { path: self.root_key.clone(), reason }
    }

    fn missing(&self, name: &str) -> StorageError {
        let reason = format!("has not the root key {name}, which this hub's data is sealed under: copy that file here");
        self.fault(reason)
    }

    fn roots(&self) -> Result<Roots, StorageError> {
        Roots::read(&self.root_key).map_err(|reason| self.fault(reason))
    }

    fn forget(&self) {
        self.newest.invalidate_all();
        self.numbered.invalidate_all();
    }
}

/// Whom a stream or thing is about, when that is one person.
pub(super) fn person(stream: &str) -> Option<&str> {
    stream.starts_with("player/").then_some(stream)
}

/// Whom a reading of `tag` is about: whoever wore it that day.
pub(super) fn wearer(edge: &str, tag: &str, captured_us: i64) -> String {
    storable(&format!("wearer/{edge}/{tag}/{}", captured_us.div_euclid(DAY_US)))
}

/// What was opened; `None` when its key was destroyed.
pub(super) fn unless_erased<T>(opened: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match opened {
        Err(StorageError::Erased(_)) => Ok(None),
        opened => opened.map(Some),
    }
}

fn place(number: i64) -> String {
    format!("data_keys/{number}")
}

/// Puts the root keys that were kept apart into the new hub's file `path`; nothing over others.
pub fn bring_root_key(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let fault = |reason: String| StorageError::Keys { path: path.to_owned(), reason };
    match std::fs::read(path) {
        Ok(there) if there == bytes => Ok(()),
        Ok(_) => Err(fault("is another root key: restore where no hub was yet".into())),
        Err(_) => sealing::put(path, bytes).map_err(|error| fault(format!("cannot be written: {error}"))),
    }
}

impl Database {
    /// The file of the root key.
    pub fn root_key(&self) -> &Path {
        &self.keyring.root_key
    }

    /// Looks that the root keys at hand open what there is; an empty hub gets its first.
    pub(super) async fn open_keyring(&self) -> Result<(), StorageError> {
        let mut reading = self.begin_reading().await?;
        let held = self.look_that_it_opens(&mut reading).await?;
        let risen = self.risen(&mut reading).await?;
        reading.commit().await?;
        if !held {
            self.data_key(HUB).await?;
        }
        if !risen.is_empty() {
            let mut transaction = self.begin().await?;
            self.destroy(&mut transaction, &risen).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Looks that the root keys at hand wrap all data keys that `transaction` sees; whether there are any.
    pub(super) async fn look_that_it_opens(&self, transaction: &mut Transaction) -> Result<bool, StorageError> {
        let roots = self.keyring.roots()?;
        let used = sqlx::query("SELECT DISTINCT root FROM data_keys WHERE root <> $1")
            .bind(DESTROYED)
            .fetch_all(&mut **transaction)
            .await?;
        for row in &used {
            let name: String = row.try_get(0)?;
            roots.named(&name).ok_or_else(|| self.keyring.missing(&name))?;
        }
        Ok(!used.is_empty())
    }

    /// The key to seal rows about `subject` with. Not within a transaction that writes: it may need one.
    pub(super) async fn data_key(&self, subject: &str) -> Result<Arc<DataKey>, StorageError> {
        let mut keys = self.data_keys([subject.to_owned()]).await?;
        Ok(keys.remove(subject).expect("every subject gets one"))
    }

    /// The same for many subjects: those without a key get one, all in one transaction.
    pub(super) async fn data_keys(
        &self,
        subjects: impl IntoIterator<Item = String>,
    ) -> Result<HashMap<String, Arc<DataKey>>, StorageError> {
        let (mut keys, mut unknown) = (HashMap::new(), Vec::new());
        for subject in subjects {
            match self.keyring.newest.get(&subject) {
                Some(key) => drop(keys.insert(subject, key)),
                None => unknown.push(subject),
            }
        }
        if unknown.is_empty() {
            return Ok(keys);
        }
        let mut found = Vec::with_capacity(unknown.len());
        let mut transaction = self.begin().await?;
        for subject in unknown {
            let newest = "SELECT number, root, wrapped FROM data_keys WHERE subject = $1 AND root <> $2
                          ORDER BY number DESC LIMIT 1";
            let newest = sqlx::query(newest).bind(&subject).bind(DESTROYED).fetch_optional(&mut *transaction).await?;
            let key = match newest {
                Some(row) => self.unwrapped(&row)?,
                None => self.make_key(&mut transaction, &subject).await?,
            };
            found.push((subject, Arc::new(key)));
        }
        transaction.commit().await?;
        // Before the commit another transaction would not find it.
        for (subject, key) in &found {
            self.keyring.newest.insert(subject.clone(), key.clone());
        }
        keys.extend(found);
        Ok(keys)
    }

    fn unwrapped(&self, row: &Row) -> Result<DataKey, StorageError> {
        let (number, root): (i64, String) = (row.try_get("number")?, row.try_get("root")?);
        if root == DESTROYED {
            return Err(StorageError::Erased(number));
        }
        let root = self.keyring.roots()?.named(&root).ok_or_else(|| self.keyring.missing(&root))?;
        let key = sealing::unwrapped(&root, &place(number), row.try_get("wrapped")?);
        let harmed = || StorageError::Row { table: "data_keys", row: number, reason: "was changed".into() };
        Ok(DataKey { number, key: key.ok_or_else(harmed)? })
    }

    async fn make_key(&self, transaction: &mut Transaction, subject: &str) -> Result<DataKey, StorageError> {
        let mut roots = self.keyring.roots()?;
        if roots.newest().is_none() {
            // A file that is gone must not be made anew while anything is sealed under it.
            let used = sqlx::query("SELECT root FROM data_keys WHERE root <> $1 LIMIT 1").bind(DESTROYED);
            let used = used.fetch_optional(&mut **transaction).await?;
            if let Some(row) = used {
                return Err(self.keyring.missing(row.try_get(0)?));
            }
            roots.add().map_err(|reason| self.keyring.fault(reason))?;
        }
        let (name, root) = roots.newest().expect("one was made");
        let made = "INSERT INTO data_keys (subject, root, wrapped, made_us) VALUES ($1, $2, $3, $4) RETURNING number";
        let made = sqlx::query(made).bind(subject).bind(name).bind(&[][..] as &[u8]).bind(time::utc_us());
        let number: i64 = made.fetch_one(&mut **transaction).await?.try_get(0)?;
        let (key, wrapped) = sealing::new_key(&root, &place(number));
        let wrap = sqlx::query("UPDATE data_keys SET wrapped = $1 WHERE number = $2").bind(wrapped).bind(number);
        wrap.execute(&mut **transaction).await?;
        Ok(DataKey { number, key })
    }

    /// What the column `text`, sealed or not, says at `place`.
    pub(super) async fn opened(&self, place: &str, text: String) -> Result<String, StorageError> {
        let Some((number, sealed)) = sealing::sealed(&text) else { return Ok(text) };
        let fault = || StorageError::Row { table: "data_keys", row: number, reason: "sealed what is no text".into() };
        String::from_utf8(self.open_with(number, place, &sealed).await?).map_err(|_| fault())
    }

    /// The same for bytes.
    pub(super) async fn opened_bytes(&self, place: &str, bytes: Vec<u8>) -> Result<Vec<u8>, StorageError> {
        match std::str::from_utf8(&bytes).ok().and_then(sealing::sealed) {
            Some((number, sealed)) => self.open_with(number, place, &sealed).await,
            None => Ok(bytes),
        }
    }

    async fn open_with(&self, number: i64, place: &str, sealed: &[u8]) -> Result<Vec<u8>, StorageError> {
        let key = if let Some(key) = self.keyring.numbered.get(&number) {
            key
        } else {
            let row = sqlx::query("SELECT number, root, wrapped FROM data_keys WHERE number = $1").bind(number);
            let row = row.fetch_optional(self.readers()).await?;
            let gone = || StorageError::Row { table: "data_keys", row: number, reason: "is gone".into() };
            let key = Arc::new(self.unwrapped(&row.ok_or_else(gone)?)?);
            self.keyring.numbered.insert(number, key.clone());
            key
        };
        let reason = || format!("what it sealed at {place} was changed or moved");
        let opened = key.key.open(place, sealed);
        opened.ok_or_else(|| StorageError::Row { table: "data_keys", row: number, reason: reason() })
    }

    /// How the keys stand.
    pub async fn keys_held(&self) -> Result<KeysHeld, StorageError> {
        let query = "SELECT COUNT(*) FILTER (WHERE root <> $1) AS keys,
                     COUNT(*) FILTER (WHERE root <> $1 AND subject LIKE 'player/%') AS players,
                     COUNT(*) FILTER (WHERE root <> $1 AND subject LIKE 'wearer/%') AS wearers,
                     COUNT(*) FILTER (WHERE root = $1) AS destroyed
                     FROM data_keys";
        let row = sqlx::query(query).bind(DESTROYED).fetch_one(self.readers()).await?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(|count| count as u64);
        let root = self.keyring.roots()?.newest().map(|(name, _)| name.to_owned()).unwrap_or_default();
        let (keys, of_players, of_wearers) = (count("keys")?, count("players")?, count("wearers")?);
        Ok(KeysHeld { root, keys, of_players, of_wearers, destroyed: count("destroyed")? })
    }

    /// Makes a new root key and wraps every data key with it; the old one opens nothing any more. With `data_keys`, what
    /// is written from now on is sealed with new data keys too. The hub may run meanwhile.
    pub async fn rotate_keys(&self, data_keys: bool) -> Result<KeysHeld, StorageError> {
        let mut transaction = self.begin().await?;
        // Whoever makes a key waits for this transaction, and then finds the new root first in the file.
        let mut roots = self.keyring.roots()?;
        roots.add().map_err(|reason| self.keyring.fault(reason))?;
        let (name, newest) = roots.newest().expect("one was made");
        let held = sqlx::query("SELECT number, root, wrapped FROM data_keys WHERE root <> $1").bind(DESTROYED);
        let rows = held.fetch_all(&mut *transaction).await?;
        for row in &rows {
            let (number, root): (i64, String) = (row.try_get("number")?, row.try_get("root")?);
            let root = roots.named(&root).ok_or_else(|| self.keyring.missing(&root))?;
            let wrapped = sealing::rewrapped(&root, &newest, &place(number), row.try_get("wrapped")?);
            let harmed = || StorageError::Row { table: "data_keys", row: number, reason: "was changed".into() };
            sqlx::query("UPDATE data_keys SET root = $1, wrapped = $2 WHERE number = $3")
                .bind(name)
                .bind(wrapped.ok_or_else(harmed)?)
                .bind(number)
                .execute(&mut *transaction)
                .await?;
        }
        if data_keys {
            // Those of what is worn are of one day as it is.
            let lasting = "SELECT DISTINCT subject FROM data_keys WHERE subject NOT LIKE 'wearer/%' AND root <> $1";
            for row in sqlx::query(lasting).bind(DESTROYED).fetch_all(&mut *transaction).await? {
                self.make_key(&mut transaction, row.try_get(0)?).await?;
            }
        }
        transaction.commit().await?;
        self.keyring.forget();
        roots.keep_newest().map_err(|reason| self.keyring.fault(reason))?;
        self.keys_held().await
    }

    /// Destroys every key about `subject`, or about what is below it: `player/oaks-9`, `account/u-…`,
    /// `wearer/oak-box-1/17` on all days. Nobody can read any more what they sealed, here, in copies and in backups that
    /// are taken back with the file of the root key as it is from now on. Answers how many there were.
    pub async fn erase(&self, subject: &str) -> Result<usize, StorageError> {
        // Whoever makes a key waits for this transaction.
        let mut transaction = self.begin().await?;
        let keys = keys_about(&mut *transaction, subject).await?;
        // The file first: whatever happens then, the next start ends what was begun.
        self.keyring.roots()?.destroy(&keys).map_err(|reason| self.keyring.fault(reason))?;
        self.destroy(&mut transaction, &keys).await?;
        transaction.commit().await?;
        self.keyring.forget();
        Ok(keys.len())
    }

    /// The keys that [`Database::erase`] would destroy: number and subject.
    pub async fn keys_about(&self, subject: &str) -> Result<Vec<(i64, String)>, StorageError> {
        keys_about(self.readers(), subject).await
    }

    /// Keys that were destroyed and are there: of a backup from before, or of an erasure that was cut short.
    async fn risen(&self, transaction: &mut Transaction) -> Result<Vec<(i64, String)>, StorageError> {
        let mut risen = Vec::new();
        for (number, tombstone) in self.keyring.roots()?.destroyed() {
            let there = sqlx::query("SELECT subject FROM data_keys WHERE number = $1 AND root <> $2");
            let there = there.bind(number).bind(DESTROYED).fetch_optional(&mut **transaction).await?;
            let Some(row) = there else { continue };
            let subject: String = row.try_get(0)?;
            if *tombstone == sealing::tombstone(*number, &subject) {
                risen.push((*number, subject));
            }
        }
        Ok(risen)
    }

    /// Destroys again what a backup has brought back.
    pub(super) async fn bury(&self, transaction: &mut Transaction) -> Result<(), StorageError> {
        let risen = self.risen(transaction).await?;
        self.destroy(transaction, &risen).await
    }

    async fn destroy(&self, transaction: &mut Transaction, keys: &[(i64, String)]) -> Result<(), StorageError> {
        for (number, subject) in keys {
            sqlx::query("UPDATE data_keys SET root = $1, wrapped = $2 WHERE number = $3")
                .bind(DESTROYED)
                .bind(&[][..] as &[u8])
                .bind(number)
                .execute(&mut **transaction)
                .await?;
            sqlx::query("DELETE FROM idempotency_keys WHERE answer LIKE $1")
                .bind(format!("{}%", sealing::prefix(*number)))
                .execute(&mut **transaction)
                .await?;
            if let Some(account) = subject.strip_prefix("account/") {
                accounts::forget(transaction, account).await?;
            }
            if let Some((kind, id)) = person(subject).and_then(|subject| subject.split_once('/')) {
                resources::remove(transaction, kind, id).await?;
            }
        }
        Ok(())
    }
}

async fn keys_about<'c>(
    from: impl Executor<'c, Database = Any>,
    subject: &str,
) -> Result<Vec<(i64, String)>, StorageError> {
    let (subject, below) = (storable(subject), storable(&format!("{subject}/")));
    let about = "SELECT number, subject FROM data_keys
                 WHERE root <> $1 AND (subject = $2 OR SUBSTR(subject, 1, LENGTH($3)) = $3)";
    let rows = sqlx::query(about).bind(DESTROYED).bind(subject).bind(below).fetch_all(from).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
