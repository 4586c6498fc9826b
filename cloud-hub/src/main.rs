//! `cloud-hub`: see `cloud-hub --help`.
fn main() {}
