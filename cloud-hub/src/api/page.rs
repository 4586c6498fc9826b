//! Lists by the page: a cursor says where the page before ended, so what is added or removed meanwhile neither repeats
//! nor hides the rest.

use super::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const LIMIT_DEFAULT: usize = 50;
/// Items on one page.
pub const LIMIT_MAX: usize = 200;
const CURSOR_BYTES_MAX: usize = 128;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageChoice {
    /// `next_cursor` of the page before; the first page when left out.
    #[param(max_length = 128)]
    pub cursor: Option<String>,
    /// At most this many, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<usize>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// In order of name.
    pub items: Vec<T>,
    /// `cursor` of the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// How many are asked for.
pub fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        limit => Err(Problem::bad_request(format!("limit {limit} (1 to {LIMIT_MAX})"))),
    }
}

/// Where the page before ended; the start when it is the first.
pub fn cursor(asked: Option<&str>) -> Result<&str, Problem> {
    let cursor = asked.unwrap_or_default();
    let plain = cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain || cursor.len() > CURSOR_BYTES_MAX || asked == Some("") {
        return Err(Problem::bad_request("cursor is not a next_cursor of this list: begin without one"));
    }
    Ok(cursor)
}

impl<T> Page<T> {
    /// The page of `items`, of which one more than `limit` was asked for; `name` is what the next page begins after.
    pub fn new(mut items: Vec<T>, limit: usize, name: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(name);
        Self { items, next_cursor }
    }
}
