-- Chunks of an interval are found in the index alone: those that began before its end and had not ended at its beginning.
DROP INDEX track_chunks_of_game;
CREATE INDEX track_chunks_of_game ON track_chunks (game, start_us, offset, end_us);
