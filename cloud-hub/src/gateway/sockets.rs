//! A page's socket and a service's, joined: bytes are copied both ways, unread.
//!
//! Never: a half that outlives the other by more than [`LINGER`], nor a farewell that is cut off: what one end said last is
//! passed on before the other is closed. When the gateway stops, pages see their connection end and come back with
//! `epoch` and `offset`.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, BufReader, copy_buf, split};
use tokio_util::sync::CancellationToken;

/// Time the other half has after one has ended.
const LINGER: Duration = Duration::from_secs(3);
/// Pages say pongs.
const UP_BYTES: usize = 512;
/// A keyframe of forty people.
const DOWN_BYTES: usize = 2 << 10;

/// Joins `page` and `service` until either ends, or `stop`.
pub async fn join(page: OnUpgrade, service: OnUpgrade, stop: CancellationToken) {
    let (page, service) = match tokio::try_join!(page, service) {
        Ok((page, service)) => (TokioIo::new(page), TokioIo::new(service)),
        Err(error) => {
            tracing::debug!(%error, "a socket did not open");
            return;
        }
    };
    let ((page_says, mut page_hears), (service_says, mut service_hears)) = (split(page), split(service));
    let down = async {
        let _ = copy_buf(&mut BufReader::with_capacity(DOWN_BYTES, service_says), &mut page_hears).await;
        let _ = page_hears.shutdown().await;
    };
    let up = async {
        let _ = copy_buf(&mut BufReader::with_capacity(UP_BYTES, page_says), &mut service_hears).await;
        let _ = service_hears.shutdown().await;
    };
    tokio::pin!(down, up);
    metrics::gauge!("gateway_sockets").increment(1.0);
    tokio::select! {
        () = stop.cancelled() => {}
        () = &mut down => drop(tokio::time::timeout(LINGER, up).await),
        () = &mut up => drop(tokio::time::timeout(LINGER, down).await),
    }
    metrics::gauge!("gateway_sockets").decrement(1.0);
}
