//! The only file that knows all stages: joins them with queues and threads.
