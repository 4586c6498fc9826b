//! Something remembered for each living track.
//!
//! Comes in: the tracks alive, in order of id. Goes out: one value for each, in the same order, fresh for new ones.
//! Allocates only while there are more tracks than ever before; never fails.

use super::Track;
use crate::ids::TrackId;

/// One `T` for each living track.
#[derive(Debug, Clone)]
pub struct Memory<T> {
    kept: Vec<(TrackId, T)>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { kept: Vec::with_capacity(64) }
    }
}

impl<T: Default> Memory<T> {
    /// Forgets the dead and meets the new.
    pub fn keep(&mut self, tracks: &[Track]) {
        self.kept.retain(|(id, _)| tracks.binary_search_by_key(id, |track| track.id).is_ok());
        // Both are in order of id, and new tracks come last.
        for track in &tracks[self.kept.len().min(tracks.len())..] {
            self.kept.push((track.id, T::default()));
        }
    }

    /// Each kept track's value, in the tracks' order.
    pub fn values(&mut self) -> impl Iterator<Item = &mut T> {
        self.kept.iter_mut().map(|(_, value)| value)
    }
}
