//! What every service is made with: errors as [`Problem`]s, query [`Parameters`], path segments ([`Named`]), JSON
//! [`Body`]s, [`Page`]s of lists, [`tags`], and what descriptions share ([`described`]).
//!
//! Never: a path, a service, or a table.

pub mod problem;
pub mod described;
pub mod parameters;
pub mod path;
pub mod body;
pub mod tags;
pub mod page;

pub use body::Body;
pub use page::{Page, PageChoice};
pub use parameters::Parameters;
pub use path::Named;
pub use problem::Problem;
