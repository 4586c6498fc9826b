//! The hub: takes what every box at every rink has seen, keeps it, serves it.
//!
//! ```text
//!  Zenoh, MQTT ═► ingest ─► event_store ─► projections ─► services ─► gateway ─► browsers
//!  trust ───────────┴────────────── live ───────────────┬──────────────┘
//!                                                    access
//! ```
//!
//! Modules stand in the order data passes; each may use only those above it (`tests/architecture.rs` holds us to
//! it). `storage` is the only place that knows which engine keeps the bytes; only [`pipeline`] knows every stage,
//! only [`gateway`] every service.
#![warn(clippy::unwrap_used)]

pub mod ids;
pub mod time;
pub mod traces;
pub mod roles;
pub mod storage;
pub mod trust;
pub mod downlink;
pub mod ingest;
pub mod event_store;
pub mod lake;
pub mod projections;
pub mod access;
pub mod api;
pub mod services;
pub mod gateway;
pub mod health;
pub mod config;
pub mod pipeline;
pub mod cli;
