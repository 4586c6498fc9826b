//! One connection: how many there may be, and that none holds its place without taking anything.
//!
//! Comes in: a stream. Goes out: the same, which fails when its other end takes nothing for the stall limit, and which
//! gives its [`Place`] back when it is dropped, also long after HTTP on it has become a WebSocket.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// The places there are.
#[derive(Debug, Clone)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    max: usize,
    per_address_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    taken: Arc<Mutex<Taken>>,
    by: Option<IpAddr>,
}

impl Places {
    /// `max` of them, `per_address_max` for one address.
    pub fn new(max: usize, per_address_max: usize) -> Self {
        Self { taken: Arc::default(), max, per_address_max }
    }

    /// A place for `address`, or for one who may have all of them; `None` when there is none.
    pub fn take(&self, address: Option<IpAddr>) -> Option<Place> {
        let mut taken = lock(&self.taken);
        let own = address.and_then(|address| taken.by.get(&address)).copied().unwrap_or(0);
        if taken.all >= self.max || own >= self.per_address_max {
            return None;
        }
        taken.all += 1;
        if let Some(address) = address {
            taken.by.insert(address, own + 1);
        }
        metrics::gauge!("gateway_connections").increment(1.0);
        Some(Place { taken: self.taken.clone(), by: address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("gateway_connections").decrement(1.0);
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        let Some(address) = self.by else { return };
        let own = taken.by.get_mut(&address).map_or(0, |own| {
            *own -= 1;
            *own
        });
        if own == 0 {
            taken.by.remove(&address);
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream in its place.
pub struct Connection<S> {
    stream: S,
    stall: Duration,
    /// Since when the other end takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl<S: Unpin> Connection<S> {
    /// `stream` in `place`, which may stall for `stall`.
    pub fn new(stream: S, stall: Duration, place: Place) -> Self {
        Self { stream, stall, stalled: None, _place: place }
    }

    /// What `write` says, or a fault when it has said nothing for too long.
    fn within<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream), context);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        if stalled.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        metrics::counter!("gateway_connections_stalled_total").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.within(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.within(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.within(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.within(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn take(places: &Places, last: u8) -> Option<Place> {
        places.take(Some(IpAddr::from([192, 0, 2, last])))
    }

    #[test]
    fn places_are_bounded_in_all_and_by_address_and_come_back() {
        let places = Places::new(4, 2);
        let first = take(&places, 1).unwrap();
        let _second = take(&places, 1).unwrap();
        assert!(take(&places, 1).is_none(), "two of one address");
        drop(first);
        let _again = take(&places, 1).unwrap();
        let _others = [take(&places, 2).unwrap(), places.take(None).unwrap()];
        assert!(take(&places, 3).is_none() && places.take(None).is_none(), "four in all");
        assert_eq!(lock(&places.taken).by.len(), 2);
    }

    #[test]
    fn an_address_that_left_is_forgotten() {
        let places = Places::new(4, 2);
        drop(take(&places, 1).unwrap());
        assert!(lock(&places.taken).by.is_empty());
    }

    #[tokio::test]
    async fn who_takes_nothing_loses_the_connection() {
        let (near, mut far) = tokio::io::duplex(8);
        let place = Places::new(1, 1).take(None).unwrap();
        let mut near = Connection::new(near, Duration::from_millis(20), place);
        near.write_all(b"12345678").await.unwrap();
        assert_eq!(near.write_all(b"9").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // Who takes a little now and then keeps it.
        let mut taken = [0; 4];
        far.read_exact(&mut taken).await.unwrap();
        near.write_all(b"abcd").await.unwrap();
    }
}
