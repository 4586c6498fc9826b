//! What every service is made with: errors as [`Problem`]s and query [`Parameters`].
//!
//! Never: a path, a service, or a table.

pub mod problem;
pub mod parameters;

pub use parameters::Parameters;
pub use problem::Problem;
