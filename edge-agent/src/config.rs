//! The whole configuration: composed of each stage's own section, read from one TOML file.
