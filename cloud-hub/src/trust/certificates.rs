//! The hub's own certificate authority and its server certificate, made on first start.
//!
//! Comes in: a folder and the hub's names. Goes out: `ca.pem` (carried to the boxes), `ca-key.pem`, `server.pem`,
//! `server-key.pem`, and certificates for boxes. Never: replaces a file that is there; lets the authority's key out.
//! Names that were added later need a new `server.pem`: remove the two `server` files and start again; boxes keep their
//! `ca.pem`.

use super::{TrustError, requests::BoxKey};
use firmware_protocol::network::enrolment::fingerprint;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SigningKey as _, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// The name in the hub's own certificate.
pub const HUB_NAME: &str = "Rinkside hub";
/// Names every certificate holds: a hub can always be reached from its own machine.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where the certificates of the listener stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The authority's certificate, for the boxes.
    pub authority: PathBuf,
    /// The authority's private key, for this hub alone.
    pub authority_key: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's private key.
    pub server_key: PathBuf,
}

impl Certificates {
    /// The certificates in `folder`; what is missing is made.
    pub fn ensure(folder: &Path, names: &[String]) -> Result<Self, TrustError> {
        Self::made(folder, names)
            .map_err(|reason| TrustError::Certificates { folder: folder.display().to_string(), reason })
    }

    fn made(folder: &Path, names: &[String]) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        // `cloud-hub edges` and a starting hub may both find none: one makes them, the other finds them.
        let turn = fs::File::create(folder.join("lock")).map_err(|error| error.to_string())?;
        turn.lock().map_err(|error| error.to_string())?;
        let found = Self {
            authority: folder.join("ca.pem"),
            authority_key: folder.join("ca-key.pem"),
            server: folder.join("server.pem"),
            server_key: folder.join("server-key.pem"),
        };
        if !found.authority.exists() {
            let key = KeyPair::generate().map_err(|error| error.to_string())?;
            let certificate = authority_params().self_signed(&key).map_err(|error| error.to_string())?;
            write_new(&found.authority_key, &key.serialize_pem(), 0o600)?;
            write_new(&found.authority, &certificate.pem(), 0o644)?;
            tracing::info!(path = %found.authority.display(), "made a certificate authority: boxes need this file");
        }
        if !(found.server.exists() && found.server_key.exists()) {
            let key = KeyPair::from_pem(&read(&found.authority_key)?).map_err(|error| error.to_string())?;
            let issuer = Issuer::new(authority_params(), key);
            let server_key = KeyPair::generate().map_err(|error| error.to_string())?;
            let certificate =
                server_params(names)?.signed_by(&server_key, &issuer).map_err(|error| error.to_string())?;
            for half in [&found.server, &found.server_key] {
                let _ = fs::remove_file(half);
            }
            write_new(&found.server_key, &server_key.serialize_pem(), 0o600)?;
            write_new(&found.server, &certificate.pem(), 0o644)?;
        }
        Ok(found)
    }
}

/// What signs certificates for boxes.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    digest: [u8; 32],
}

impl Authority {
    /// The authority of `certificates`.
    pub fn open(certificates: &Certificates) -> Result<Self, TrustError> {
        Self::opened(certificates).map_err(|reason| TrustError::Certificates {
            folder: certificates.authority.parent().unwrap_or(Path::new(".")).display().to_string(),
            reason,
        })
    }

    fn opened(certificates: &Certificates) -> Result<Self, String> {
        let key = KeyPair::from_pem(&read(&certificates.authority_key)?).map_err(|error| error.to_string())?;
        let pem = read(&certificates.authority)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string())?;
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, &der).as_ref());
        Ok(Self { issuer: Issuer::new(authority_params(), key), pem, digest })
    }

    /// The certificate boxes trust, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the certificate.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// What an enrolment code says of this authority.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.digest)
    }

    /// Its signature over `bytes`: ECDSA on P-256 with SHA-256, ASN.1.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        self.issuer.key().sign(bytes).map_err(|error| error.to_string())
    }

    /// A certificate, PEM, with which the owner of `key` is `name` from `from_us` to `until_us`, microseconds UTC.
    pub fn certify(&self, key: &BoxKey, name: &str, from_us: i64, until_us: i64) -> Result<String, String> {
        let instant = |us: i64| date_time_ymd(1970, 1, 1) + Duration::from_micros(us.max(0) as u64);
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (instant(from_us), instant(until_us));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(params.signed_by(key, &self.issuer).map_err(|error| error.to_string())?.pem())
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Rinkside hub authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server_params(names: &[String]) -> Result<CertificateParams, String> {
    let all: Vec<String> = OWN_NAMES.iter().map(ToString::to_string).chain(names.iter().cloned()).collect();
    let mut params = CertificateParams::new(all).map_err(|error| format!("a name in {names:?}: {error}"))?;
    params.distinguished_name.push(DnType::CommonName, HUB_NAME);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // To an MQTT broker the hub is a client, and shows the same certificate.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Written beside and moved into place: a start that is cut short leaves no half file that a later one would trust.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn are_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["hub.example".to_owned(), "192.0.2.7".to_owned()];
        let made = Certificates::ensure(folder.path(), &names).unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let (authority, server) = (read(&made.authority), read(&made.server));
        assert_eq!(Certificates::ensure(folder.path(), &[]).unwrap(), made);
        assert_eq!((read(&made.authority), read(&made.server)), (authority.clone(), server.clone()));
        // Without its server half, a new one is signed by the same authority.
        fs::remove_file(&made.server_key).unwrap();
        Certificates::ensure(folder.path(), &names).unwrap();
        assert_eq!(read(&made.authority), authority);
        assert_ne!(read(&made.server), server);
        assert!(Certificates::ensure(folder.path().join("ca.pem").as_path(), &[]).is_err());
        let mode = fs::metadata(&made.authority_key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the authority's key is the hub's alone");
    }
}
