//! A TCP listener that speaks TLS with the hub's own certificate, for axum.
//!
//! Comes in: connections. Goes out: those whose handshake ended well, each with the name in the client's certificate, if
//! it showed one that the authority signed and that is in force by date. Handshakes run beside each other, a bounded
//! number of them, each for a bounded time, so that a silent stranger holds nobody up.

use super::{Certificates, TrustError};
use axum::{extract::connect_info::Connected, serve::IncomingStream};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Time for a handshake; slow links need about one second.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at the same time.
const HANDSHAKES_MAX: usize = 64;

/// The listener.
pub struct Encrypted {
    address: SocketAddr,
    greeted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    greeter: JoinHandle<()>,
}

impl Encrypted {
    /// Listens on `address` with the hub's server certificate.
    pub async fn bind(address: SocketAddr, certificates: &Certificates) -> Result<Self, TrustError> {
        let fault = |reason: &dyn std::fmt::Display| TrustError::Listen {
            address: address.to_string(),
            reason: reason.to_string(),
        };
        let acceptor = TlsAcceptor::from(Arc::new(settings(certificates).map_err(|reason| fault(&reason))?));
        let listener = TcpListener::bind(address).await.map_err(|error| fault(&error))?;
        let address = listener.local_addr().map_err(|error| fault(&error))?;
        let (done, greeted) = mpsc::channel(HANDSHAKES_MAX);
        let greeter = tokio::spawn(greet(listener, acceptor, done));
        Ok(Self { address, greeted, greeter })
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        self.greeter.abort();
    }
}

async fn greet(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        // axum's way of accepting waits out what passes by itself, such as too many open files.
        let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
        let (acceptor, done) = (acceptor.clone(), done.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = done.send((stream, peer)).await;
                }
                Ok(Err(error)) => {
                    metrics::counter!("trust_handshakes_refused_total").increment(1);
                    tracing::debug!(%peer, %error, "trust: no handshake");
                }
                Err(_) => tracing::debug!(%peer, "trust: a handshake did not end"),
            }
            drop(permit);
        });
    }
}

impl axum::serve::Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.greeted.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// Who is at the other end.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// The name in its certificate, when it showed one.
    pub name: Option<String>,
}

impl Connected<IncomingStream<'_, Encrypted>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Encrypted>) -> Self {
        let (_, session) = stream.io().get_ref();
        let name = session.peer_certificates().and_then(|chain| common_name(chain.first()?));
        Self { address: *stream.remote_addr(), name }
    }
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned())
}

/// TLS with the hub's certificate, followed by its authority's: a box that enrols knows only the latter's fingerprint.
fn settings(certificates: &Certificates) -> Result<ServerConfig, String> {
    let certificate = |path| CertificateDer::from_pem_file(path).map_err(|error| error.to_string());
    let authority = certificate(&certificates.authority)?;
    let chain = vec![certificate(&certificates.server)?, authority.clone()];
    let key = PrivateKeyDer::from_pem_file(&certificates.server_key).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    roots.add(authority).map_err(|error| error.to_string())?;
    let clients = WebPkiClientVerifier::builder(Arc::new(roots))
        .allow_unauthenticated()
        .build()
        .map_err(|error| error.to_string())?;
    let mut settings = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())?;
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(settings)
}
