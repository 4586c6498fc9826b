//! TLS of the gateway: a certificate that may be renewed while the hub runs.
//!
//! Comes in: two PEM files, those of `gateway.https` or the hub's own. Goes out: handshakes with what they hold. They are
//! looked at again and again; a new pair serves the next handshake, a pair that does not fit or cannot be read is said
//! once and the old one serves on. Never: opens without a certificate.

use super::config::HttpsConfig;
use crate::trust::Certificates;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};
use tokio_rustls::TlsAcceptor;

/// The gateway's TLS.
pub struct Https {
    /// What does the handshakes.
    pub acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    certificate: PathBuf,
    key: PathBuf,
    /// Sent after the certificate, when its file is not a chain already.
    authority: Option<PathBuf>,
    /// What the files held when they were last looked at.
    seen: Vec<u8>,
}

/// The certificate that is shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Https {
    /// With the files of `config`, or those of `own`. The fault names the file.
    pub fn open(config: &HttpsConfig, own: &Certificates) -> Result<Self, String> {
        let (certificate, key, authority) = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone(), None),
            _ => (own.server.clone(), own.server_key.clone(), Some(own.authority.clone())),
        };
        let (pair, seen) = read(&certificate, &key, authority.as_ref())?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair))));
        let mut settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(settings)), shown, certificate, key, authority, seen })
    }

    /// Looks at the files again; answers whether another certificate is shown from now on.
    pub fn look(&mut self) -> bool {
        let digest = digest(&[&self.certificate, &self.key]);
        if digest == self.seen {
            return false;
        }
        // Whatever comes of it, it is said once for each state of the files.
        self.seen = digest;
        match read(&self.certificate, &self.key, self.authority.as_ref()) {
            Ok((pair, _)) => {
                *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!(certificate = %self.certificate.display(), "gateway: shows the new certificate");
                true
            }
            Err(reason) => {
                tracing::warn!(reason, "gateway: the new certificate cannot be used, the old one serves on");
                false
            }
        }
    }
}

/// The certificate and its key, and the digest of both.
fn read(certificate: &PathBuf, key: &PathBuf, authority: Option<&PathBuf>) -> Result<(CertifiedKey, Vec<u8>), String> {
    let seen = digest(&[certificate, key]);
    let mut chain = Vec::new();
    for path in [Some(certificate), authority].into_iter().flatten() {
        let fault = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let found = CertificateDer::pem_file_iter(path).map_err(|error| fault(&error))?;
        let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| fault(&error))?;
        if found.is_empty() {
            return Err(fault(&"no certificate in it (PEM, the hub's first, then its issuers')"));
        }
        chain.extend(found);
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    let pair = CertifiedKey::from_der(chain, private, &ring::default_provider())
        .map_err(|error| format!("{} with {}: {error}", certificate.display(), key.display()))?;
    Ok((pair, seen))
}

/// What the files hold, without holding it.
fn digest(paths: &[&PathBuf]) -> Vec<u8> {
    let mut context = ::ring::digest::Context::new(&::ring::digest::SHA256);
    for path in paths {
        let bytes = fs::read(path).unwrap_or_default();
        context.update(&bytes.len().to_le_bytes());
        context.update(&bytes);
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn shown(https: &Https) -> Vec<u8> {
        https.shown.0.read().unwrap().cert[0].to_vec()
    }

    fn copy(from: &Certificates, folder: &Path, what: &[&str]) {
        for name in what {
            fs::copy(from.server.with_file_name(name), folder.join(name)).unwrap();
        }
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_half_of_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] =
            ["first", "second"].map(|name| Certificates::ensure(&folder.path().join(name), &[]).unwrap());
        let files = folder.path();
        copy(&first, files, &["server.pem", "server-key.pem"]);
        let config = HttpsConfig {
            on: true,
            certificate: Some(files.join("server.pem")),
            key: Some(files.join("server-key.pem")),
        };
        let mut https = Https::open(&config, &first).unwrap();
        let before = shown(&https);
        assert!(!https.look() && shown(&https) == before, "nothing changed");
        copy(&second, files, &["server.pem"]);
        assert!(!https.look() && shown(&https) == before, "the key of another certificate");
        fs::remove_file(files.join("server-key.pem")).unwrap();
        assert!(!https.look() && shown(&https) == before, "no key");
        copy(&second, files, &["server-key.pem"]);
        assert!(https.look() && shown(&https) != before, "both are there");
    }

    #[test]
    fn what_cannot_be_shown_is_said_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let own = Certificates::ensure(folder.path(), &[]).unwrap();
        let config = |certificate: &Path, key: &Path| HttpsConfig {
            on: true,
            certificate: Some(certificate.to_owned()),
            key: Some(key.to_owned()),
        };
        let fault = |certificate, key| Https::open(&config(certificate, key), &own).err().unwrap();
        assert!(fault(Path::new("/nowhere.pem"), &own.server_key).contains("/nowhere.pem"));
        assert!(fault(&own.server_key, &own.server_key).contains("no certificate in it"));
        assert!(fault(&own.server, &own.authority_key).contains("ca-key.pem"));
        assert!(Https::open(&HttpsConfig { on: true, ..HttpsConfig::default() }, &own).is_ok());
    }
}
