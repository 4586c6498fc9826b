//! A UDP relay between the box and the hub, so that the link can be cut without touching either.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::net::UdpSocket;

/// A UDP port nobody uses now.
pub(crate) fn free_port() -> u16 {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The relay; runs as long as its runtime.
pub(crate) struct Relay {
    /// Where the box connects to.
    pub(crate) port: u16,
    is_cut: Arc<AtomicBool>,
}

impl Relay {
    pub(crate) async fn start(hub_port: u16) -> Self {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let port = front.local_addr().unwrap().port();
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = is_cut.clone();
        tokio::spawn(async move {
            let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
            let mut buffer = vec![0; 65_536];
            loop {
                let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
                if cut.load(Ordering::Relaxed) {
                    continue;
                }
                if let Entry::Vacant(place) = backs.entry(from) {
                    let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
                    back.connect((Ipv4Addr::LOCALHOST, hub_port)).await.unwrap();
                    tokio::spawn(carry_back(back.clone(), front.clone(), from, cut.clone()));
                    place.insert(back);
                }
                let _ = backs[&from].send(&buffer[..length]).await;
            }
        });
        Self { port, is_cut }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.is_cut.store(cut, Ordering::Relaxed);
    }
}

async fn carry_back(back: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, cut: Arc<AtomicBool>) {
    let mut buffer = vec![0; 65_536];
    loop {
        // An error says that the hub is away: it may come back.
        if let Ok(length) = back.recv(&mut buffer).await
            && !cut.load(Ordering::Relaxed)
        {
            let _ = front.send_to(&buffer[..length], to).await;
        }
    }
}
