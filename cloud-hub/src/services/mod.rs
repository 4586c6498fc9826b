//! The services: each answers its own paths from projections, and never calls another.

pub mod core;
pub mod security;
