//! Keeps every record until the hub has it: a journal in sled.
