//! Core: what happens on the ice, live and by game.
//!
//! Comes in: the projections and the live board. Goes out: `GET /api/game/state`, `/api/players/stats`,
//! `/api/events/live`, `/api/analytics/metrics` and the WebSocket `/ws/analytics`, whose binary frames are laid out
//! in [`live_frame`] and whose text frames in [`socket_messages`].

pub mod rink;
pub mod event_view;
pub mod live_frame;
pub mod live_picture;
pub mod socket_messages;
