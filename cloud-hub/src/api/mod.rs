//! What every service is made with: errors as [`Problem`]s, query [`Parameters`], path segments ([`Named`]), JSON
//! [`Body`]s, [`Page`]s of lists, [`tags`], and what descriptions share ([`described`]).
//!
//! Before each operation stands a [`Guard`]; handlers ask their [`Asker`]. Never: a path, a service, or a table.

pub mod problem;
pub mod described;
pub mod parameters;
pub mod path;
pub mod body;
pub mod tags;
pub mod page;
pub mod caller;
pub mod shown;
pub mod guard;

pub use body::Body;
pub use caller::Caller;
pub use guard::{Asker, Guard};
pub use page::{Page, PageChoice};
pub use parameters::Parameters;
pub use path::Named;
pub use problem::Problem;
