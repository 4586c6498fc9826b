//! What a person types.

pub mod calibrate;
pub mod detect;
pub mod simulate;
