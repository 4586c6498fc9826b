//! The whole configuration: composed of each part's own section, read from one TOML file.
//!
//! Comes in: text. Goes out: a [`HubConfig`], or every fault at once, each with file, line and what is allowed. Unknown
//! keys are faults. A missing key has its default, so an empty file is a whole configuration.

use crate::{
    access::AccessConfig,
    gateway::GatewayConfig,
    ingest::IngestConfig,
    lake::LakeConfig,
    roles::Role,
    services::{
        core::{AnalyticsConfig, CoreConfig},
        security::SecurityConfig,
    },
    storage::config::StorageConfig,
    traces::TracesConfig,
    trust::TrustConfig,
};
use serde::{Deserialize, Serialize};
use std::{fmt, ops::Range, path::PathBuf};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubConfig {
    /// What this process does: everything, or a part over PostgreSQL and Redis that it shares with the others.
    pub roles: Vec<Role>,
    /// Folder of everything the hub keeps.
    pub data: PathBuf,
    /// How the hub speaks to its operator.
    pub log: LogConfig,
    /// Where tables and objects are kept.
    pub storage: StorageConfig,
    /// What goes into the lake.
    pub lake: LakeConfig,
    /// Where browsers and programs reach it.
    pub gateway: GatewayConfig,
    /// Where boxes reach it.
    pub ingest: IngestConfig,
    /// How boxes get their certificates.
    pub trust: TrustConfig,
    /// How live pages are served.
    pub core: CoreConfig,
    /// Where live pages are served when they are served apart.
    pub analytics: AnalyticsConfig,
    /// Whether and how people prove who they are.
    pub access: AccessConfig,
    /// Where the security service is served when it is served apart.
    pub security: SecurityConfig,
    /// Of what is told where its time goes.
    pub traces: TracesConfig,
}

impl HubConfig {
    /// Whether this process has `role`.
    pub fn does(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// What its roles need and is not there; looked at again at the start, for a file may be shared by processes of all roles.
    pub fn faults_of_roles(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let roles = self.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        if self.roles.is_empty() {
            faults.push("roles is empty (give at least one; left out, the hub does everything)".to_owned());
        }
        if Role::ALL.into_iter().all(|role| self.does(role)) {
            return faults;
        }
        if self.storage.file(&self.data).is_some() {
            let database = &self.storage.database;
            faults.push(format!(
                "storage.database {database}: processes of different roles share PostgreSQL, not a file; this one is \
                 {roles} (postgres://user@host/database, or leave roles out for one process that does everything)"
            ));
        }
        let shows = self.does(Role::Core) || self.does(Role::Analytics);
        let whole = self.does(Role::Core) && self.does(Role::Analytics) && self.does(Role::Ingest);
        if (shows || self.does(Role::Ingest)) && !whole && self.storage.redis.is_empty() {
            faults.push(format!(
                "storage.redis is empty: what is live goes from ingest to core and analytics through Redis; this process \
                 is {roles} (redis://host:6379)"
            ));
        }
        let upstreams = &self.gateway.upstreams;
        for (role, addresses, listen) in [
            (Role::Core, &upstreams.core, self.core.listen),
            (Role::Analytics, &upstreams.analytics, self.analytics.listen),
            (Role::Security, &upstreams.security, self.security.listen),
        ] {
            if self.does(Role::Gateway) && !self.does(role) && addresses.is_empty() {
                faults.push(format!(
                    "gateway.upstreams.{role} is empty: this process is {roles} (say where {role} answers, as [\"{role}:{}\"])",
                    listen.port()
                ));
            }
        }
        faults
    }
}

/// How the hub speaks to its operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// One object a line for machines, or text for people.
    pub format: LogFormat,
    /// What is said: `info`, or by part as in `info,tower_http=debug,cloud_hub::ingest=trace`.
    pub filter: String,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text.
    Text,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            roles: Role::ALL.to_vec(),
            data: "data".into(),
            log: LogConfig::default(),
            storage: StorageConfig::default(),
            lake: LakeConfig::default(),
            gateway: GatewayConfig::default(),
            ingest: IngestConfig::default(),
            trust: TrustConfig::default(),
            core: CoreConfig::default(),
            analytics: AnalyticsConfig::default(),
            access: AccessConfig::default(),
            security: SecurityConfig::default(),
            traces: TracesConfig::default(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".to_owned() }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Name of the file.
    pub file: String,
    /// Line, when it can be told, and what is wrong.
    pub faults: Vec<(Option<usize>, String)>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        write!(formatter, "{}: {count} fault{}", self.file, if count == 1 { "" } else { "s" })?;
        for (line, fault) in &self.faults {
            match line {
                Some(line) => write!(formatter, "\n  {}:{line}: {fault}", self.file)?,
                None => write!(formatter, "\n  {}: {fault}", self.file)?,
            }
        }
        Ok(())
    }
}

/// Reads `text`, which came from `file`.
pub fn read(text: &str, file: &str) -> Result<HubConfig, ConfigError> {
    let mut faults = Vec::new();
    // The reader stops at the first fault: strike it out and read again, until all are told.
    let mut rest = text.to_owned();
    let mut config = loop {
        match toml::from_str::<HubConfig>(&rest) {
            Ok(config) => break config,
            Err(error) => {
                let span = error.span().filter(|span| span.start < rest.len());
                let line = span.as_ref().map(|span| rest[..span.start].matches('\n').count() + 1);
                let entry = line.and_then(|line| rest.lines().nth(line - 1)).map(str::trim).unwrap_or_default();
                // An address may hold a password.
                let entry = entry.split_once("://").map_or(entry, |(shown, _)| shown);
                faults.push((line, format!("{entry}: {}", error.message().trim().replace('\n', " "))));
                if !span.is_some_and(|span| strike(&mut rest, &span)) {
                    return Err(ConfigError { file: file.to_owned(), faults });
                }
            }
        }
    };
    let ranges = [
        config.storage.faults(),
        config.lake.faults(),
        config.gateway.faults(),
        config.ingest.faults(),
        config.trust.faults(),
        config.core.faults(),
        config.traces.faults(),
        config.access.faults(),
        config.faults_of_roles(),
    ]
    .concat();
    faults.extend(ranges.into_iter().map(|fault| (line_of(text, &fault), fault)));
    if faults.is_empty() {
        // Where they lie by default is in the data folder, wherever that is.
        if config.ingest.certificates == IngestConfig::default().certificates {
            config.ingest.certificates = config.data.join("certificates");
        }
        return Ok(config);
    }
    faults.sort_by_key(|(line, _)| line.unwrap_or(usize::MAX));
    Err(ConfigError { file: file.to_owned(), faults })
}

/// Blanks the entry at `span`; of a section's head, the whole section. Answers whether anything was there.
fn strike(text: &mut String, span: &Range<usize>) -> bool {
    let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let end_of_line = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at);
    let mut end = end_of_line(span.end.clamp(start, text.len()));
    if text[start..].trim_start().starts_with('[') {
        end = text[end..].find("\n[").map_or(text.len(), |at| end + at);
    }
    let blank: String = text[start..end].chars().filter(|character| *character == '\n').collect();
    let found = !text[start..end].trim().is_empty();
    text.replace_range(start..end, &blank);
    found
}

/// The line of the key that `fault` opens with, as in `core.rink.width_m 3 (…)`.
fn line_of(text: &str, fault: &str) -> Option<usize> {
    let path = fault.split_whitespace().next()?;
    let (section, key) = path.rsplit_once('.')?;
    let mut within = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(head) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            head.trim().clone_into(&mut within);
        } else if within == section && line.split('=').next().is_some_and(|name| name.trim() == key) {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(Option<usize>, String)> {
        read(text, "hub.toml").unwrap_err().faults
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(read("", "hub.toml"), Ok(HubConfig::default()));
    }

    #[test]
    fn the_data_folder_has_the_certificates_unless_the_file_puts_them_elsewhere() {
        let folder = |text: &str| read(text, "hub.toml").unwrap().ingest.certificates;
        assert_eq!(folder("data = \"/srv/hub\""), std::path::Path::new("/srv/hub/certificates"));
        let apart = "data = \"/srv/hub\"\n[ingest]\ncertificates = \"/etc/hub\"";
        assert_eq!(folder(apart), std::path::Path::new("/etc/hub"));
    }

    #[test]
    fn the_shipped_file_states_every_key_with_its_default() {
        let text = include_str!("../../config/hub.toml");
        assert_eq!(read(text, "config/hub.toml"), Ok(HubConfig::default()));
        let keys = |table: &toml::Table| {
            let mut keys = Vec::new();
            let mut open = vec![(String::new(), table.clone())];
            while let Some((path, table)) = open.pop() {
                for (key, value) in table {
                    match value {
                        toml::Value::Table(inner) => open.push((format!("{path}{key}."), inner)),
                        _ => keys.push(format!("{path}{key}")),
                    }
                }
            }
            keys.sort();
            keys
        };
        let shipped: toml::Table = text.parse().unwrap();
        assert_eq!(keys(&shipped), keys(&toml::Table::try_from(HubConfig::default()).unwrap()));
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_line_and_what_is_allowed() {
        let text = "colour = 1\n[gateway]\nlisten = \"nowhere\"\nrequest_timeout_ms = 1\n\n[cellar]\nwine = 3\n\n\
                    [core]\nsockets_max = 0\nping_interval_ms = \"often\"\n[core.rink]\nwidth_m = 61.0\n";
        let faults = lines(text);
        let at: Vec<Option<usize>> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(at, [1, 3, 4, 6, 10, 11, 13].map(Some), "{faults:#?}");
        assert!(faults[0].1.contains("colour") && faults[0].1.contains("gateway"), "{faults:#?}");
        assert!(faults[2].1.contains("(100 to 600000)"), "{faults:#?}");
    }

    #[test]
    fn text_that_is_no_toml_ends_with_a_fault() {
        assert_eq!(lines("[gateway\nlisten = = 3\n").first().and_then(|(line, _)| *line), Some(1));
    }
}
