//! Snapshots to hockey events. Pure: no IO, no clock; the same snapshots give the same events.
//!
//! Comes in: [`Snapshot`](crate::fusion::Snapshot)s in time order. Goes out: `firmware_protocol::network::Event`s.
//! One file a rule; a new event is a new sibling.
