-- What a box sent during a game, by the game's time: for streams that do not name the game, or of which nothing was kept.
CREATE INDEX events_of_time ON events (edge, epoch, captured_us);
CREATE INDEX track_chunks_of_time ON track_chunks (edge, epoch, start_us);
CREATE INDEX telemetry_of_time ON telemetry (edge, epoch, captured_us);
