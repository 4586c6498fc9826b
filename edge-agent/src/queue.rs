//! Bounded queues between stages, and what each drops when it is full.
//!
//! Comes in: items of one stage. Goes out: the same items, in order, to the next. Never: grows. When it is full,
//! [`Overflow::Wait`] holds the sender back (replay, journals), [`Overflow::DropOldest`] forgets the oldest (live
//! pictures: an old one is worthless) and counts it.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// What a full queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The sender waits.
    Wait,
    /// The oldest item goes, counted.
    DropOldest,
}

struct State<T> {
    items: VecDeque<T>,
    dropped: u64,
    senders: usize,
    receiver_gone: bool,
    /// Threads that wait for a change: to wake nobody costs a system call too.
    waiting: usize,
}

struct Shared<T> {
    name: &'static str,
    items_max: usize,
    overflow: Overflow,
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panicking holder leaves the queue itself whole: every change is one push or pop.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Ends a change.
    fn tell(&self, state: MutexGuard<'_, State<T>>) {
        let is_awaited = state.waiting > 0;
        drop(state);
        if is_awaited {
            self.changed.notify_all();
        }
    }
}

/// The sending end; clone it for several senders.
pub struct Sender<T>(Arc<Shared<T>>);

/// The receiving end.
pub struct Receiver<T>(Arc<Shared<T>>);

/// A queue of at most `items_max`, called `name` in the metric `queue_dropped_total`.
pub fn bounded<T>(name: &'static str, items_max: usize, overflow: Overflow) -> (Sender<T>, Receiver<T>) {
    assert!(items_max > 0, "a queue holds at least one item");
    let shared = Arc::new(Shared {
        name,
        items_max,
        overflow,
        state: Mutex::new(State {
            items: VecDeque::with_capacity(items_max),
            dropped: 0,
            senders: 1,
            receiver_gone: false,
            waiting: 0,
        }),
        changed: Condvar::new(),
    });
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Puts an item in; gives it back when the receiver is gone.
    pub fn send(&self, item: T) -> Result<(), T> {
        let mut state = self.0.lock();
        while state.items.len() >= self.0.items_max && !state.receiver_gone {
            match self.0.overflow {
                Overflow::Wait => state = self.0.wait(state),
                Overflow::DropOldest => {
                    state.items.pop_front();
                    state.dropped += 1;
                    metrics::counter!("queue_dropped_total", "queue" => self.0.name).increment(1);
                }
            }
        }
        if state.receiver_gone {
            return Err(item);
        }
        state.items.push_back(item);
        self.0.tell(state);
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.senders -= 1;
        self.0.tell(state);
    }
}

impl<T> Receiver<T> {
    /// The oldest item; waits for one. `None` once every sender is gone and the queue is empty.
    pub fn receive(&self) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                self.0.tell(state);
                return Some(item);
            }
            if state.senders == 0 {
                return None;
            }
            state = self.0.wait(state);
        }
    }

    /// The oldest item if there is one now.
    pub fn try_receive(&self) -> Option<T> {
        let mut state = self.0.lock();
        let item = state.items.pop_front();
        self.0.tell(state);
        item
    }

    /// Whether every sender is gone: what is in the queue is all there will be.
    pub fn is_closed(&self) -> bool {
        self.0.lock().senders == 0
    }

    /// How many items were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receiver_gone = true;
        self.0.tell(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_oldest_and_counts_it() {
        let (sender, receiver) = bounded("test", 2, Overflow::DropOldest);
        for item in 0..5 {
            sender.send(item).unwrap();
        }
        drop(sender);
        assert_eq!(std::iter::from_fn(|| receiver.receive()).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(receiver.dropped(), 3);
    }

    #[test]
    fn waiting_loses_nothing() {
        let (sender, receiver) = bounded("test", 2, Overflow::Wait);
        let other = sender.clone();
        let a = std::thread::spawn(move || (0..500).for_each(|item| sender.send(item).unwrap()));
        let b = std::thread::spawn(move || (0..500).for_each(|item| other.send(item).unwrap()));
        assert_eq!(std::iter::from_fn(|| receiver.receive()).count(), 1000);
        a.join().unwrap();
        b.join().unwrap();
    }

    #[test]
    fn a_sender_is_told_that_nobody_listens() {
        let (sender, receiver) = bounded("test", 1, Overflow::Wait);
        drop(receiver);
        assert_eq!(sender.send(7), Err(7));
    }
}
