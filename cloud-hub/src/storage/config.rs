//! Section `[storage]`: which engine keeps the tables, and how its password is found.
//!
//! Comes in: an address. Goes out: a file, or a server's address with its password. Never: a password in what is printed.
//! A password that cannot be read is a fault with the way to give it.

use serde::{Deserialize, Serialize};
use sqlx::{any::AnyConnectOptions, sqlite::SqliteConnectOptions};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr as _,
};

/// Environment variable with the password of PostgreSQL's user.
const PASSWORD: &str = "RINKSIDE_DATABASE_PASSWORD";

/// Where the tables are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// A file, relative ones in the data folder, or `postgres://user@host/database`.
    pub database: EngineAddress,
    /// File with the password of PostgreSQL's user. Without one it is taken from the environment, else from the address.
    pub password_file: Option<PathBuf>,
    /// File with the key that wraps all others, relative ones in the data folder. Hubs on one server share it.
    pub root_key: PathBuf,
    /// The Redis through which processes of other roles see what is live, `redis://host:6379`, or
    /// `redis+unix:///run/redis/redis.sock`; empty for none. Its password is taken from the environment, else from here.
    pub redis: EngineAddress,
    /// Where objects lie: a folder, relative ones in the data folder, or `s3://bucket/below`.
    pub objects: String,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            database: EngineAddress("hub.sqlite".to_owned()),
            password_file: None,
            root_key: "keys/root.key".into(),
            redis: EngineAddress(String::new()),
            objects: "objects".to_owned(),
        }
    }
}

/// A file or a server. Printed without its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineAddress(String);

impl From<&str> for EngineAddress {
    fn from(address: &str) -> Self {
        Self(address.to_owned())
    }
}

impl EngineAddress {
    fn is_server(&self) -> bool {
        self.0.starts_with("postgres://") || self.0.starts_with("postgresql://")
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For files of this folder: with its password.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // From the last @ on, because a password may hold one; parameters may hold a password too.
        match self.0.split_once("://") {
            Some((scheme, rest)) => {
                let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
                let (user, host) = (user.split(':').next().unwrap_or_default(), host.split('?').next());
                let at = if user.is_empty() { "" } else { "@" };
                write!(formatter, "{scheme}://{user}{at}{}", host.unwrap_or_default())
            }
            None => formatter.write_str(&self.0),
        }
    }
}

impl fmt::Debug for EngineAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string())
    }
}

impl StorageConfig {
    /// What is wrong with it, each with what is allowed.
    pub fn faults(&self) -> Vec<String> {
        let address = &self.database;
        let known = address.is_server() || (!address.0.is_empty() && !address.0.contains("://"));
        let fault = format!("storage.database {address:?} (a file, or postgres://user@host/database)");
        let mut faults = if known { Vec::new() } else { vec![fault] };
        let redis = &self.redis;
        let known = ["redis://", "redis+unix://"].iter().any(|scheme| redis.0.starts_with(scheme));
        if !(redis.is_empty() || known) {
            faults.push(format!("storage.redis {redis:?} (redis://host:6379, redis+unix:///run/redis.sock, or empty)"));
        }
        let objects = &self.objects;
        if objects.is_empty() || (objects.contains("://") && !objects.starts_with("s3://")) || objects == "s3://" {
            faults.push(format!("storage.objects {objects:?} (a folder, or s3://bucket/below)"));
        }
        faults
    }

    /// The file of the tables; `None` when a server keeps them.
    pub fn file(&self, data: &Path) -> Option<PathBuf> {
        (!self.database.is_server()).then(|| data.join(&self.database.0))
    }

    /// The server's address with its password.
    pub(super) fn server(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        let mut options = AnyConnectOptions::from_str(&self.database.0)?;
        let password = match &self.password_file {
            Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
                sqlx::Error::Configuration(format!("storage.password_file {}: {error}", file.display()).into())
            })?),
            None => std::env::var(PASSWORD).ok(),
        };
        if let Some(password) = password {
            let set = options.database_url.set_password(Some(password.trim_end_matches(['\r', '\n'])));
            set.map_err(|()| sqlx::Error::Configuration("storage.database names no user and host".into()))?;
        }
        Ok(options)
    }
}

/// The address of a file, whose folder exists.
pub(super) fn of_file(path: &Path, create: bool) -> Result<AnyConnectOptions, sqlx::Error> {
    use sqlx::ConnectOptions as _;
    // An address has no `..`, and a percent sign in it stands for another character.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = folder.canonicalize()?.join(path.file_name().unwrap_or_default());
    let path = path.to_str().ok_or_else(|| sqlx::Error::Configuration("its path is not UTF-8".into()))?;
    let options = SqliteConnectOptions::new().filename(path.replace('%', "%25")).create_if_missing(create);
    AnyConnectOptions::from_url(&options.to_url_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_used_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "p@ss/?w\n").unwrap();
        for address in
            ["postgres://hub:secret@db.example/hub?password=secret", "postgres://hub:sec@ret:/@db.example/hub"]
        {
            let config = StorageConfig { database: address.into(), ..StorageConfig::default() };
            let shown = format!("{config:?} {}", config.database);
            assert!(shown.contains("postgres://hub@db.example/hub") && !shown.contains("ret"), "{shown}");
            assert_eq!((config.faults(), config.file(Path::new("data"))), (vec![], None));
        }
        let database = "postgres://hub@db/hub".into();
        let config = StorageConfig { database, password_file: Some(file), ..StorageConfig::default() };
        assert_eq!(config.server().unwrap().database_url.password(), Some("p%40ss%2F%3Fw"));
        let config = StorageConfig { password_file: Some("nowhere/password".into()), ..config };
        assert!(config.server().unwrap_err().to_string().contains("nowhere/password"));
    }

    #[test]
    fn other_engines_are_a_fault() {
        let faults =
            |address: &str| StorageConfig { database: address.into(), ..StorageConfig::default() }.faults().len();
        assert_eq!(["hub.sqlite", "/var/hub.db", "postgresql://h/d"].map(faults), [0; 3]);
        let objects =
            |objects: &str| StorageConfig { objects: objects.into(), ..StorageConfig::default() }.faults().len();
        assert_eq!(["objects", "/mnt/objects", "s3://bucket/hub"].map(objects), [0; 3]);
        assert_eq!(["", "s3://", "gs://bucket"].map(objects), [1; 3]);
        let redis = |redis: &str| StorageConfig { redis: redis.into(), ..StorageConfig::default() }.faults().len();
        assert_eq!(["", "redis://h:6379", "redis+unix:///run/redis.sock"].map(redis), [0; 3]);
        assert_eq!(["h:6379", "rediss://h:6379"].map(redis), [1; 2]);
        assert_eq!(["", "mysql://h/d", "sqlite://hub.db"].map(faults), [1; 3]);
    }

    #[tokio::test]
    async fn any_name_of_a_file_is_opened_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a %41?b#c/../hub x.sqlite");
        std::fs::create_dir(folder.path().join("a %41?b#c")).unwrap();
        super::super::Database::open(&path).await.unwrap().close().await;
        assert!(folder.path().join("hub x.sqlite").is_file());
    }
}
