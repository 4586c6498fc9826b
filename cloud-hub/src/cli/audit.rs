//! `cloud-hub audit`: the audit as a file, and whether a file is what was signed.
//!
//! `export` and `key` work on the hub's database; `verify` needs a file and nothing else, so that whoever doubts the hub
//! need not ask it.

use super::Place;
use crate::access::{
    journal::{self, Export},
    merkle::{self, Shown},
};
use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
};

const EXAMPLES: &str = "Examples:
  cloud-hub audit key                                  the keys that sign: keep them elsewhere
  cloud-hub audit export --out monday.ndjson           all entries and signed heads, while the hub runs
  cloud-hub audit verify monday.ndjson --key KEY       on any machine: nothing changed, removed, moved or cut off
  cloud-hub audit verify monday.ndjson --key KEY --entries 1234
                                                       and it reaches as far as a head somebody kept";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Audit {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the public halves of the keys that sign
    Key,
    /// Write all entries and heads into a file
    Export {
        /// Where to
        #[arg(long)]
        out: PathBuf,
    },
    /// Hold an export against its signed heads
    Verify {
        /// The export
        file: PathBuf,
        /// A public key that is trusted; several may be given
        #[arg(long = "key", value_name = "BASE64")]
        keys: Vec<String>,
        /// So many entries are known to have been signed
        #[arg(long, default_value_t = 0)]
        entries: u64,
    },
}

/// Does what was typed.
pub(super) async fn run(Audit { place, what }: Audit) -> anyhow::Result<()> {
    match what {
        What::Verify { file, keys, entries } => verify(&file, &keys, entries),
        What::Key => {
            let database = super::database(&place.configuration()?).await?;
            let changes = database.access_changes(0).await;
            database.close().await;
            for key in changes?.signing_keys {
                println!("{} {}", key.kid, key.public_key);
            }
            Ok(())
        }
        What::Export { out } => {
            let database = super::database(&place.configuration()?).await?;
            let mut file = File::create(&out).with_context(|| format!("cannot write {}", out.display()))?;
            let written = async {
                let standing = crate::access::standing::Standing::default().with(database.access_changes(0).await?);
                journal::sign_head(&database, &standing).await?;
                let mut export = Export::open(database.clone()).await?;
                while let Some(lines) = export.lines().await? {
                    file.write_all(lines.as_bytes())?;
                }
                file.sync_all()?;
                anyhow::Ok(())
            };
            let written = written.await;
            database.close().await;
            written
        }
    }
}

fn verify(path: &PathBuf, keys: &[String], entries: u64) -> anyhow::Result<()> {
    for key in keys {
        let sound = STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 32);
        anyhow::ensure!(sound, "--key {key} is no key (cloud-hub audit key prints them)");
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut fault = None;
    let lines = BufReader::new(file).lines().map_while(|line| line.map_err(|error| fault = Some(error)).ok());
    let shown = merkle::verify(lines, keys, entries);
    if let Some(error) = fault {
        return Err(error).with_context(|| format!("cannot read {}", path.display()));
    }
    let Shown { entries, heads, covered, keys: signed_by } = shown.with_context(|| path.display().to_string())?;
    println!("{entries} entries, {covered} of them under {heads} signed heads: nothing was changed, removed or moved");
    if covered < entries {
        println!("the last {} are not under a head yet", entries - covered);
    }
    if keys.is_empty() {
        println!("signed by {} as the file itself says: give --key to be sure who that is", signed_by.join(", "));
    }
    Ok(())
}
