//! Two lanes to the hub: live (newest state, may drop) and durable (batches in order, acknowledged after commit).
