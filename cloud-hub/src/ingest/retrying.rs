//! How long to wait before a broker or Redis that went away is tried again.
//!
//! Comes in: how many tries failed in a row. Goes out: milliseconds, twice as many each time, never more than five seconds.

use crate::time;

const FIRST_MS: u64 = 100;
const MAX_MS: u64 = 5_000;

/// Between half of the doubled wait and all of it, so that hubs and boxes do not march in step.
pub(super) fn wait_ms(tries: u32) -> u64 {
    let full = (FIRST_MS << tries.min(20)).min(MAX_MS);
    full / 2 + time::monotonic_us() % (full / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_tried_again_within_five_seconds() {
        assert!((50..=100).contains(&wait_ms(0)));
        for tries in 0..70 {
            assert!((50..=5_000).contains(&wait_ms(tries)), "{tries}");
        }
        assert!(wait_ms(30) >= 2_500);
    }
}
