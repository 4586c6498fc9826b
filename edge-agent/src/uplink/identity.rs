//! What the hub certified: who this box is, and the key that proves it.
//!
//! A folder with `box.pem` (the private key, made here and never sent, and its certificate: one file, so that both
//! change at once), `ca.pem` (whom the box trusts) and `identity.json` (what it says, for people and for this program).
//! Files are moved into place whole and are their owner's alone; enrolled by root, they belong to whom the data folder
//! belongs. A folder without them is a box that was never enrolled.

use firmware_protocol::network::enrolment::Certified;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

/// Says what the other files are; without it they do not count.
const WORD: &str = "identity.json";

/// Who this box is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The arena it speaks for.
    pub venue: String,
    /// Its name.
    pub edge: String,
    /// The hub's number of the enrolment.
    #[serde(default)]
    pub enrolment: i64,
    /// Where it renews, `https://<name>:<port>`.
    pub hub: String,
    /// Where it reaches the hub over Zenoh, `quic/<name>:<port>`.
    pub endpoint: String,
    /// First instant of its certificate, microseconds UTC.
    pub from_us: i64,
    /// Last instant of its certificate, microseconds UTC.
    pub until_us: i64,
    /// Where it stands.
    #[serde(skip)]
    folder: PathBuf,
}

/// The files cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("identity {path}: {reason} (enrol this box again with a new code: edge-agent enrol)")]
pub struct IdentityError {
    path: String,
    reason: String,
}

fn fault(path: &Path, reason: impl std::fmt::Display) -> IdentityError {
    IdentityError { path: path.display().to_string(), reason: reason.to_string() }
}

impl Identity {
    /// The identity in `folder`; `None` for a box that was never enrolled.
    pub fn load(folder: &Path) -> Result<Option<Self>, IdentityError> {
        let path = folder.join(WORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(&path, error)),
        };
        let identity: Self = serde_json::from_str(&text).map_err(|error| fault(&path, error))?;
        let identity = Self { folder: folder.to_owned(), ..identity };
        for needed in [identity.pem(), identity.authority()] {
            fs::metadata(&needed).map_err(|error| fault(&needed, error))?;
        }
        Ok(Some(identity))
    }

    /// Whether there is one in `folder`, readable or not.
    pub fn is_kept(folder: &Path) -> bool {
        folder.join(WORD).exists()
    }

    /// Keeps what the hub at `hub` certified for the key in `key_pem`, in place of what was there.
    pub fn keep(
        folder: &Path,
        key_pem: &str,
        certified: &Certified,
        hub: &str,
        endpoint: &str,
    ) -> Result<Self, IdentityError> {
        let identity = Self {
            venue: certified.venue.clone(),
            edge: certified.edge.clone(),
            enrolment: certified.enrolment,
            hub: hub.to_owned(),
            endpoint: endpoint.to_owned(),
            from_us: certified.from_us,
            until_us: certified.until_us,
            folder: folder.to_owned(),
        };
        make_folder(folder).map_err(|error| fault(folder, error))?;
        let text = serde_json::to_string_pretty(&identity).expect("strings and numbers are JSON");
        let pem = format!("{key_pem}{}", certified.certificate);
        // The word about them last.
        for (path, text) in [
            (identity.authority(), certified.authority.as_str()),
            (identity.pem(), pem.as_str()),
            (folder.join(WORD), text.as_str()),
        ] {
            write_whole(&path, text).map_err(|error| fault(&path, error))?;
        }
        Ok(identity)
    }

    /// Private key and certificate.
    pub fn pem(&self) -> PathBuf {
        self.folder.join("box.pem")
    }

    /// The authority of the hub.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Where it stands.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is time for another certificate, `now_us`, microseconds UTC: two thirds of the present one's life are
    /// over, or the box's clock is so wrong that it cannot tell.
    pub fn is_due(&self, now_us: i64) -> bool {
        let life_us = self.until_us.saturating_sub(self.from_us);
        now_us < self.from_us || now_us.saturating_sub(self.from_us) >= life_us / 3 * 2
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    give_to_owner_of_parent(folder)
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    give_to_owner_of_parent(&beside)?;
    fs::rename(&beside, path)
}

/// A person enrols as root, the box runs as somebody less.
fn give_to_owner_of_parent(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    let (own, owner) = (fs::metadata(path)?, fs::metadata(parent)?);
    if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    chown(path, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certified(from_us: i64, until_us: i64) -> Certified {
        let (venue, edge, port) = ("oak".into(), "box-1".into(), 7447);
        let (certificate, authority) = ("CERTIFICATE".into(), "AUTHORITY".into());
        Certified { venue, edge, enrolment: 7, certificate, authority, port, from_us, until_us }
    }

    #[test]
    fn is_kept_whole_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("identity");
        assert_eq!(Identity::load(&folder).unwrap(), None);
        let (hub, endpoint) = ("https://hub:1", "quic/hub:2");
        let kept = Identity::keep(&folder, "KEY\n", &certified(1, 2), hub, endpoint).unwrap();
        assert_eq!(Identity::load(&folder).unwrap(), Some(kept.clone()));
        assert_eq!(fs::read_to_string(kept.pem()).unwrap(), "KEY\nCERTIFICATE");
        let again = Identity::keep(&folder, "OTHER\n", &certified(3, 4), hub, endpoint).unwrap();
        assert_eq!(Identity::load(&folder).unwrap(), Some(again));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&kept.pem())), (0o700, 0o600));
        fs::remove_file(kept.pem()).unwrap();
        assert!(Identity::load(&folder).unwrap_err().to_string().contains("edge-agent enrol"));
    }

    #[test]
    fn is_due_at_two_thirds_of_its_life_or_when_the_clock_cannot_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::keep(folder.path(), "KEY\n", &certified(3_000, 6_000), "", "").unwrap();
        for (now_us, due) in [(-5, true), (2_999, true), (3_000, false), (4_999, false), (5_000, true), (9_000, true)] {
            assert_eq!(identity.is_due(now_us), due, "{now_us}");
        }
    }
}
