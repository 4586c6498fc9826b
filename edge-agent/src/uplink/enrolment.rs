//! Gets this box its certificates from the hub, over HTTPS.
//!
//! Enrolling: the code that staff typed says the fingerprint of the hub's authority, so the box knows the hub before it
//! holds any certificate; a server that cannot show that authority is refused and never sees the code. Renewing: over
//! mutual TLS with the present certificate. Each time a new key is made here; only a request signed by it goes out.

use super::identity::{Identity, IdentityError};
use crate::{backoff::Backoff, time};
use firmware_protocol::network::enrolment::{
    Certified, Code, Denied, ENROL_PATH, EnrolRequest, RENEW_PATH, RenewRequest, fingerprint,
};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Url;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{error::Error as _, path::Path, sync::Arc, time::Duration};

/// Where hubs listen when the address names no port.
const PORT: u16 = 7448;
/// A hub answers within one commit.
const ANSWER: Duration = Duration::from_secs(20);
/// Between two looks whether a new certificate is due.
const LOOK: Duration = Duration::from_mins(1);
/// Waits after a renewal that failed, milliseconds: a third of the life is left, and it is days.
const RETRY_FIRST_MS: u64 = 10_000;
const RETRY_MAX_MS: u64 = 1_800_000;

/// Why the box has no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The hub's address is none.
    #[error("hub {hub:?} is no address (give it as https://hub.example:7448)")]
    Address {
        /// What was given.
        hub: String,
    },
    /// Nobody answers there, or not the hub that was meant.
    #[error("hub {hub}: {reason}")]
    Unreachable {
        /// Who was asked.
        hub: String,
        /// What is known.
        reason: String,
    },
    /// The hub will not.
    #[error("hub {hub} refuses: {reason}")]
    Denied {
        /// Who was asked.
        hub: String,
        /// What it says.
        reason: String,
    },
    /// The key cannot be made.
    #[error("no key can be made: {0}")]
    Key(#[from] rcgen::Error),
    /// What was got cannot be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Enrols this box at `hub` with `code` and keeps its identity in `folder`.
pub async fn enrol(hub: &str, code: &Code, folder: &Path) -> Result<Identity, EnrolError> {
    let hub = address(hub)?;
    let provider = provider();
    let verifier = ByFingerprint { fingerprint: code.fingerprint.clone(), provider: provider.clone() };
    let settings = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring speaks TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let key = KeyPair::generate()?;
    let asked = EnrolRequest { secret: code.secret.clone(), request: request(&key)? };
    let certified = ask(&hub, ENROL_PATH, settings, &asked).await?;
    keep(&hub, &key, &certified, folder)
}

/// Gets `identity` its next certificate and keeps it.
pub async fn renew(identity: &Identity) -> Result<Identity, EnrolError> {
    let hub = address(&identity.hub)?;
    let unusable = |reason: String| EnrolError::Unreachable { hub: hub.to_string(), reason };
    let settings = own(identity).map_err(unusable)?;
    let key = KeyPair::generate()?;
    let certified = ask(&hub, RENEW_PATH, settings, &RenewRequest { request: request(&key)? }).await;
    let certified = certified.map_err(|error| explained(error, identity, time::utc_us()))?;
    keep(&hub, &key, &certified, identity.folder())
}

/// In TLS 1.3 a hub that refuses a certificate may have hung up before its alert is read: then only the box can say why.
fn explained(error: EnrolError, identity: &Identity, now_us: i64) -> EnrolError {
    match error {
        EnrolError::Unreachable { hub, reason } if now_us >= identity.until_us => {
            let reason = format!("{reason}; this box's certificate has expired by its own clock: enrol it again");
            EnrolError::Unreachable { hub, reason }
        }
        error => error,
    }
}

/// Renews `identity` whenever it is due, for ever. `told` hears of each new one, and why a try failed.
pub async fn keep_renewed(mut identity: Identity, told: impl Fn(Result<&Identity, &EnrolError>)) {
    let mut backoff = Backoff::new(RETRY_FIRST_MS, RETRY_MAX_MS, identity.until_us as u64);
    loop {
        let mut wait = LOOK;
        if identity.is_due(time::utc_us()) {
            match renew(&identity).await {
                Ok(renewed) => {
                    tracing::info!(edge = renewed.edge, until_us = renewed.until_us, "uplink: certificate renewed");
                    metrics::counter!("uplink_certificates_renewed_total").increment(1);
                    identity = renewed;
                    backoff.succeeded();
                    told(Ok(&identity));
                }
                Err(error) => {
                    tracing::warn!(%error, "uplink: the certificate was not renewed; trying again");
                    told(Err(&error));
                    wait = Duration::from_millis(backoff.next_ms());
                }
            }
        }
        tokio::time::sleep(wait).await;
    }
}

fn address(hub: &str) -> Result<Url, EnrolError> {
    let none = || EnrolError::Address { hub: hub.to_owned() };
    let mut url = Url::parse(hub).map_err(|_| none())?;
    if url.scheme() != "https" || url.host_str().is_none() {
        return Err(none());
    }
    if url.port().is_none() {
        url.set_port(Some(PORT)).map_err(|()| none())?;
    }
    url.set_path("");
    Ok(url)
}

fn request(key: &KeyPair) -> Result<String, rcgen::Error> {
    // A name is not asked for: the hub knows it.
    CertificateParams::default().serialize_request(key)?.pem()
}

fn keep(hub: &Url, key: &KeyPair, certified: &Certified, folder: &Path) -> Result<Identity, EnrolError> {
    let endpoint = format!("quic/{}:{}", hub.host_str().unwrap_or_default(), certified.port);
    Ok(Identity::keep(folder, &key.serialize_pem(), certified, hub.as_str().trim_end_matches('/'), &endpoint)?)
}

async fn ask(
    hub: &Url,
    path: &str,
    settings: ClientConfig,
    asked: &(impl Serialize + Sync),
) -> Result<Certified, EnrolError> {
    let unreachable = |error: reqwest::Error| {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        EnrolError::Unreachable { hub: hub.to_string(), reason }
    };
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(settings)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWER)
        .build()
        .map_err(unreachable)?;
    let mut url = hub.clone();
    url.set_path(path);
    let answer = client.post(url).json(asked).send().await.map_err(unreachable)?;
    let status = answer.status();
    if status.is_success() {
        return answer.json().await.map_err(unreachable);
    }
    let reason = match answer.json::<Denied>().await {
        Ok(denied) => denied.reason,
        Err(_) => format!("status {status}"),
    };
    Err(EnrolError::Denied { hub: hub.to_string(), reason })
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

/// Mutual TLS with the hub of `identity`.
fn own(identity: &Identity) -> Result<ClientConfig, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", identity.folder().display());
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(identity.authority()).map_err(|error| told(&error))?;
    roots.add(authority).map_err(|error| told(&error))?;
    let certificate = CertificateDer::from_pem_file(identity.pem()).map_err(|error| told(&error))?;
    let key = PrivateKeyDer::from_pem_file(identity.pem()).map_err(|error| told(&error))?;
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| told(&error))?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .map_err(|error| told(&error))
}

/// Trusts a server whose chain holds the authority with this fingerprint and ends there.
#[derive(Debug)]
struct ByFingerprint {
    fingerprint: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ByFingerprint {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let is_meant = |shown: &&CertificateDer<'_>| fingerprint(&Sha256::digest(shown).into()) == self.fingerprint;
        let Some(authority) = intermediates.iter().find(is_meant) else {
            let words = "this is not the hub the code is from (a misspelt code, another address, or somebody between)";
            return Err(rustls::Error::General(words.into()));
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_holds_no_private_key() {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap();
        // PKCS #8 of a P-256 key: the 32 bytes of the private scalar stand at 36.
        let private = &key.serialized_der()[36..68];
        let holds = |bytes: &[u8]| bytes.windows(32).any(|window| window == private);
        assert!(holds(key.serialized_der()) && !holds(request.der()));
    }

    #[test]
    fn an_address_has_a_name_and_https() {
        assert_eq!(address("https://hub.example").unwrap().as_str(), "https://hub.example:7448/");
        assert_eq!(address("https://[::1]:9/x").unwrap().as_str(), "https://[::1]:9/");
        for bad in ["", "hub", "http://hub", "quic/hub:1"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
