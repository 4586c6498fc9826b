//! The appliance at the rink.
//!
//! ```text
//!  cameras ─► capture ─► inference ─► tracking ─┐
//!  tags    ─►                                   ├─► fusion ─► events ─► store ─► uplink ═══► hub
//!  scoreboard ► sensors ────────────────────────┘
//! ```
//!
//! Modules stand in the order data passes; each may use only those above it (`cloud-hub/tests/architecture.rs`
//! holds us to it), so following `use` always leads upstream. Only [`pipeline`] knows every stage.
#![warn(clippy::unwrap_used)]

pub mod ids;
pub mod time;
pub mod log;
pub mod traces;
pub mod geometry;
pub mod rink;
pub mod queue;
pub mod backoff;
pub mod simulation;
pub mod capture;
pub mod sensors;
pub mod inference;
pub mod tracking;
pub mod fusion;
pub mod events;
pub mod store;
pub mod uplink;
pub mod health;
pub mod downlink;
pub mod web;
pub mod config;
pub mod pipeline;
pub mod cli;
