//! A picture that gives its memory back. A 1080p picture is six megabytes: allocated anew for every frame it costs
//! more than a millisecond in page faults alone.
//!
//! Comes in: an empty picture from the [`Shelf`]. Goes out: the same, filled; dropped anywhere, it is on the shelf
//! again. Never grows: a shelf keeps at most [`PICTURES_MAX`].

use opencv::core::Mat;
use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

/// Pictures kept for reuse by one camera. Eight: two queues of two, one in each stage's hands, two to spare.
const PICTURES_MAX: usize = 8;

/// Where a camera's used pictures wait.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Arc<Mutex<Vec<Mat>>>);

impl Shelf {
    /// A used picture, or an empty one.
    pub fn take(&self) -> Picture {
        let mat = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Picture { mat, shelf: Some(self.clone()) }
    }

    fn put_back(&self, mat: Mat) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < PICTURES_MAX {
            kept.push(mat);
        }
    }
}

/// An OpenCV picture; see the file's header.
#[derive(Debug)]
pub struct Picture {
    mat: Mat,
    shelf: Option<Shelf>,
}

impl From<Mat> for Picture {
    fn from(mat: Mat) -> Self {
        Self { mat, shelf: None }
    }
}

impl Clone for Picture {
    /// Copies the pixels.
    fn clone(&self) -> Self {
        Self { mat: self.mat.clone(), shelf: None }
    }
}

impl Deref for Picture {
    type Target = Mat;

    fn deref(&self) -> &Mat {
        &self.mat
    }
}

impl DerefMut for Picture {
    fn deref_mut(&mut self) -> &mut Mat {
        &mut self.mat
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.take() {
            shelf.put_back(std::mem::take(&mut self.mat));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::{core::CV_8UC3, prelude::*};

    #[test]
    fn memory_is_used_again() {
        let shelf = Shelf::default();
        let mut picture = shelf.take();
        *picture = Mat::new_rows_cols_with_default(4, 6, CV_8UC3, 7.into()).unwrap();
        let address = picture.data();
        drop(picture);
        assert_eq!(shelf.take().data(), address);
    }

    #[test]
    fn a_copy_is_its_own() {
        let picture = Picture::from(Mat::new_rows_cols_with_default(4, 6, CV_8UC3, 7.into()).unwrap());
        assert_ne!(picture.clone().data(), picture.data());
    }
}
