//! `cloud-hub keys`: how the keys stand that seal what is personal, and new ones.
//!
//! Works on the hub's database and its root key, whether the hub runs or not. Standard output says how the keys stand; no
//! key is ever printed.

use super::Place;
use crate::storage::keyring::{KeysHeld, REMEMBERED};
use clap::{Args, Subcommand};

const EXAMPLES: &str = "Examples:
  cloud-hub keys                        how many there are, and which root key wraps them
  cloud-hub keys rotate                 a new root key; the old one opens nothing any more
  cloud-hub keys rotate --data-keys     and new data keys for what is written from now on

What is personal lies sealed in the database by data keys, and these wrapped by the root key in storage.root_key
(keys/root.key in the data folder). Copy that file to a safe place, apart from backups: without it nothing personal can
be read again. After a rotation, copy it anew; older backups still need the older one.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Keys {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a new root key and wrap all data keys with it
    Rotate {
        /// Seal what is written from now on with new data keys
        #[arg(long)]
        data_keys: bool,
    },
}

/// Does what was typed.
pub(super) async fn run(Keys { place, what }: Keys) -> anyhow::Result<()> {
    let database = super::database(&place.configuration()?).await?;
    let held = match what {
        None => database.keys_held().await,
        Some(What::Rotate { data_keys }) => database.rotate_keys(data_keys).await,
    };
    let path = database.root_key().display().to_string();
    database.close().await;
    let KeysHeld { root, keys, of_players, of_wearers, destroyed } = held?;
    println!("root key {root} in {path}: keep a copy apart from backups");
    println!(
        "{keys} data keys, {of_players} of players, {of_wearers} of tags, one a day each; {destroyed} were destroyed"
    );
    if let Some(What::Rotate { data_keys: true }) = what {
        println!("hubs that run take the new data keys within {} s", REMEMBERED.as_secs());
    }
    Ok(())
}
