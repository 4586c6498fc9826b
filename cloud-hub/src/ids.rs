//! Numbers that tell things apart. No behaviour: only what keeps one number from being used as another.

use serde::{Deserialize, Serialize};

/// A place in the event store; the first event is 1, so 0 is "before all". Never used twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Offset(pub u64);
