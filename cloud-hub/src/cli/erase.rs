//! `cloud-hub erase`: what is about a person can be read by nobody any more.
//!
//! Works on the hub's database and its root key, whether the hub runs or not. Destroys keys, so it holds for copies and
//! backups too; told to the audit. Without `--yes` it only says what it would do.

use super::{Place, access};
use crate::storage::keyring::REMEMBERED;
use anyhow::{Context as _, ensure};
use clap::Args;

const EXAMPLES: &str = "Examples:
  cloud-hub erase player/oaks-9                 says what would be erased, and changes nothing
  cloud-hub erase player/oaks-9 --yes           their name and all that was ever kept about them as a player
  cloud-hub erase wearer/oak-box-1/17 --yes     what tag 17 of that box measured of whoever wore it, on all days
  cloud-hub erase wearer/oak-box-1/17/20411     on one day, counted from 1970-01-01
  cloud-hub erase account/ann --yes             shuts ann out; the name for people, password and addresses are gone

Figures of games stay, by numbers that name nobody any more. A backup from before is taken back without them when it
comes with the file of the root key as it is from then on: copy that file anew, and remove older copies and backups that
have it within (--with-root-key).";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Erase {
    #[command(flatten)]
    place: Place,
    /// `player/…`, `wearer/BOX/TAG`, `wearer/BOX/TAG/DAY` or `account/NAME`
    subject: String,
    /// Do it: nothing brings it back
    #[arg(long)]
    yes: bool,
}

/// Does what was typed.
pub(super) async fn run(Erase { place, subject, yes }: Erase) -> anyhow::Result<()> {
    let known =
        ["player/", "wearer/", "account/"].iter().any(|kind| subject.len() > kind.len() && subject.starts_with(kind));
    ensure!(known, "{subject:?} is nobody: player/…, wearer/BOX/TAG or account/NAME");
    let config = place.configuration()?;
    let database = super::database(&config).await?;
    let done = access::opened(&database, config.access, async |access| {
        let account = match subject.strip_prefix("account/") {
            None => None,
            Some(name) => {
                let found = access.standing().named(name).cloned();
                Some(found.with_context(|| format!("no account {name} (cloud-hub access list tells them)"))?)
            }
        };
        let subject = account.as_ref().map_or(subject.clone(), |account| format!("account/{}", account.account));
        let keys = database.keys_about(&subject).await?.len();
        ensure!(keys > 0, "nothing is kept about {subject}, or it is erased already");
        if !yes {
            println!("{subject}: keys that would be destroyed, with all they sealed: {keys}; with --yes they are");
            return Ok(());
        }
        if let Some(account) = &account {
            access.end_account(account).await?;
        }
        let erased = database.erase(&subject).await?;
        access::tell(access, ("erase", "cloud-hub erase"), subject.clone(), "erased").await?;
        println!("{subject}: erased; keys destroyed: {erased}");
        println!(
            "hubs that run forget it within {} s; copy {} anew",
            REMEMBERED.as_secs(),
            database.root_key().display()
        );
        Ok(())
    });
    let done = done.await;
    database.close().await;
    done
}
