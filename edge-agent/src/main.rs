//! `edge-agent`: see `edge-agent --help`.

use clap::{Parser, Subcommand};
use edge_agent::cli::simulate;

#[derive(Parser)]
#[command(version, about)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes up a game: films, labels, pictures for training.
    Simulate(simulate::Simulate),
}

fn main() -> anyhow::Result<()> {
    match Line::parse().command {
        Command::Simulate(args) => simulate::run(&args),
    }
}
