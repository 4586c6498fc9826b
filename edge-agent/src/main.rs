//! `edge-agent`: see `edge-agent --help`.
fn main() {}
