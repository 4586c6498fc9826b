//! Every byte that crosses a wire: sensor to edge (`serial`), edge to hub (`network`), and the framing under
//! both (`packet`).
//!
//! ```text
//!  tag, puck, scoreboard ──serial bytes──► packet::Receiver ──► serial::SerialPacket ──► edge-agent
//!  edge-agent ──network::Batch, LiveState──► Zenoh or MQTT ──► cloud-hub ──network::Acknowledgement──► edge-agent
//! ```
//!
//! Comes in: bytes from strangers. Goes out: typed messages, or an error that names the fault. Never: IO, clocks,
//! `unsafe`, or a panic on any input. Layouts are postcard; each message opens with its version, and the golden
//! bytes in the tests never change. `README.md` beside this crate lists the bytes for firmware authors.
#![warn(clippy::unwrap_used)]
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "network", test))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod packet;
pub mod serial;
#[cfg(feature = "network")]
pub mod network;
