//! What a person types.

pub mod calibrate;
pub mod detect;
pub mod evaluate;
pub mod simulate;
pub mod store;
pub mod track;
