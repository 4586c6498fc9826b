//! The box's own page: `/metrics`, `/health`, and what staff at the rink need to see.
