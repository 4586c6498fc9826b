//! Promise: behind nginx as `deploy/nginx.conf` sets it up, the hub answers, shows live frames, and counts each caller by
//! the address nginx saw.
//!
//! Shown with a real nginx (deploy/setup.sh installs it) and that file, in which only addresses, ports and the paths of
//! the certificate are put in.

mod trial;

use cloud_hub::{gateway::config::LimitsConfig, trust::Certificates};
use futures_util::StreamExt as _;
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    sync::Arc,
};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use trial::{GAME, PATIENCE, Trial, state};

struct Nginx {
    /// HTTPS.
    address: SocketAddr,
    /// HTTP, which only points to the other.
    plain: SocketAddr,
    _process: Child,
}

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Nginx {
    async fn start(folder: &Path, certificates: &Certificates, hub: SocketAddr) -> Self {
        let (address, plain) = (free(), free());
        let mut site = include_str!("../../deploy/nginx.conf").to_owned();
        for (shipped, here) in [
            ("    listen [::]:80;\n", String::new()),
            ("    listen [::]:443 ssl http2;\n", String::new()),
            ("listen 80;", format!("listen {plain};")),
            ("listen 443 ssl http2;", format!("listen {address} ssl http2;")),
            ("server 127.0.0.1:8000;", format!("server {hub};")),
            ("/etc/rinkside/fullchain.pem", certificates.server.display().to_string()),
            ("/etc/rinkside/key.pem", certificates.server_key.display().to_string()),
        ] {
            assert!(site.contains(shipped), "deploy/nginx.conf says {shipped:?}");
            site = site.replace(shipped, &here);
        }
        fs::write(folder.join("rinkside.conf"), site).unwrap();
        let scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let scratch = scratch.map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display())).join("\n");
        // One process, so that it ends with this test.
        let main = format!(
            "user root;\ndaemon off;\nmaster_process off;\npid {};\nerror_log stderr warn;\nevents {{}}\n\
             http {{\naccess_log off;\n{scratch}\ninclude {};\n}}\n",
            folder.join("pid").display(),
            folder.join("rinkside.conf").display()
        );
        fs::write(folder.join("nginx.conf"), main).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Command::new("nginx")
            .args(["-e", "stderr", "-c"])
            .arg(folder.join("nginx.conf"))
            .env("PATH", path)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx is installed (deploy/setup.sh does it)");
        let up = async { while TcpStream::connect(address).await.is_err() {} };
        timeout(PATIENCE, up).await.expect("nginx opens its port");
        Self { address, plain, _process: process }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_as_it_ships_passes_everything_on_and_names_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::ensure(&folder.path().join("certificates"), &[]).unwrap();
    let trial = Trial::start_with(|config| {
        config.gateway.trusted_proxies = vec!["127.0.0.1/32".to_owned()];
        config.gateway.limits =
            LimitsConfig { reads_per_minute: 1, reads_burst: 3, writes_per_minute: 0, ..LimitsConfig::default() };
    })
    .await;
    let nginx = Nginx::start(folder.path(), &certificates, trial.hub.address).await;
    let authority = fs::read(&certificates.authority).unwrap();
    let caller = |last: u8| {
        Client::builder()
            .local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
            .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap()
    };

    let written = caller(4)
        .post(format!("https://{}/api/core/teams", nginx.address))
        .json(&serde_json::json!({"team": "oaks", "name": "Oaks", "abbreviation": "OAK"}))
        .send()
        .await
        .unwrap();
    assert_eq!(written.status(), 201);
    assert_eq!(written.headers()["strict-transport-security"], "max-age=31536000", "it came by TLS");
    let large = caller(4).post(format!("https://{}/api/core/teams", nginx.address)).body(vec![b' '; 2 << 20]).send();
    assert_eq!(large.await.unwrap().status(), 413);
    let plain = caller(4).get(format!("http://{}/api/core/teams", nginx.plain)).send().await.unwrap();
    assert_eq!(
        (plain.status().as_u16(), &plain.headers()["location"]),
        (308, &"https://127.0.0.1/api/core/teams".parse().unwrap())
    );

    // Each by the address nginx saw, whatever it says.
    let ask = async |client: &Client, forged: &str| {
        let request = client.get(format!("https://{}/api/core/teams/oaks", nginx.address));
        let request = request.header("x-forwarded-for", forged).header("forwarded", format!("for={forged}"));
        let answer = request.header("x-real-ip", forged).send().await.unwrap();
        let left = answer.headers().get("ratelimit-remaining").map(|left| left.to_str().unwrap().to_owned());
        (answer.status().as_u16(), left.unwrap_or_default())
    };
    let (flooding, other) = (caller(2), caller(3));
    for (forged, expected) in [
        ("198.51.100.1", (200, "2")),
        ("198.51.100.2, 198.51.100.3", (200, "1")),
        ("127.0.0.1", (200, "0")),
        ("198.51.100.5", (429, "0")),
    ] {
        let (status, left) = ask(&flooding, forged).await;
        assert_eq!((status, left.as_str()), expected, "{forged}");
    }
    assert_eq!(ask(&other, "127.0.0.2").await, (200, "2".to_owned()), "another caller has his own");
    for (path, last, status) in [
        ("/metrics", 2, 403),
        ("/health", 2, 403),
        ("/health/ready", 2, 403),
        ("/health/live", 2, 200),
        ("/health", 1, 200),
    ] {
        let answer = caller(last).get(format!("https://{}{path}", nginx.address)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path} from 127.0.0.{last}");
    }

    // Live, as the page of that very origin.
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
    let settings = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(nginx.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(settings));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let mut request = format!("wss://{}/ws/analytics", nginx.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", format!("https://{}", nginx.address).parse().unwrap());
    let (mut page, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert!(matches!(page.next().await, Some(Ok(Message::Text(_)))), "hello");
    let mut frames = 0;
    for tick in 0.. {
        trial.hub.board.put(state(GAME, tick, 14));
        let message = timeout(PATIENCE, page.next()).await.expect("live frames come").unwrap().unwrap();
        frames += usize::from(message.is_binary());
        if frames == 10 {
            break;
        }
    }
    trial.hub.stop().await;
    let farewell = async { while !matches!(page.next().await, Some(Ok(Message::Close(_))) | None) {} };
    timeout(PATIENCE, farewell).await.expect("the page is told");
}
