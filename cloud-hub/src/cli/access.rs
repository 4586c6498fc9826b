//! `cloud-hub access`: the first account, and a way back in when nobody can log in any more.
//!
//! Works on the hub's database, whether the hub runs or not; a running hub knows within a moment. Whoever can read the data
//! folder could change it anyway, so nothing is asked but told to the audit. Standard output has the code, once.

use super::Place;
use crate::access::{
    Access, AccessConfig,
    accounts::{self, Personal},
    journal::Told,
    roles::{Membership, Role, Scope},
};
use crate::storage::Database;
use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

const EXAMPLES: &str = "Examples:
  cloud-hub access first ann                           the first league admin, where there is no account yet
  cloud-hub access add bob --role coach --of team/oaks another account
  cloud-hub access reset ann                           ann sets a new password by the code
  cloud-hub access reset ann --authenticator           the same, and the authenticator that was lost is forgotten
  cloud-hub access list                                all accounts and their roles
  cloud-hub access end bob                             bob is shut out, from open sockets too
  cloud-hub access rotate-key                          tokens are signed by a new key from now on

A code sets a password within a day: on the dashboard's page, or
  curl -X POST http://localhost:8000/api/security/auth/reset -H 'content-type: application/json' \\
       -d '{\"name\": \"ann\", \"code\": \"…\", \"password\": \"some words that do not belong together\"}'
access.required = true in the configuration has everybody asked who they are.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AccessOrder {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the first league admin
    First {
        /// What is typed at the login
        name: String,
    },
    /// Make an account
    Add {
        /// What is typed at the login
        name: String,
        /// `league_admin`, `team_admin`, `coach`, `analyst`, `scout`, `arena_staff`, `viewer` or `player`
        #[arg(long)]
        role: String,
        /// `league`, team/…, venue/… or player/…
        #[arg(long)]
        of: Scope,
    },
    /// Give a code that sets a new password
    Reset {
        /// The account's name
        name: String,
        /// Forget the authenticator and the codes on paper too: of somebody whom you know to be them
        #[arg(long)]
        authenticator: bool,
    },
    /// All accounts
    List,
    /// Shut an account out
    End {
        /// The account's name
        name: String,
    },
    /// Sign tokens with a new key
    RotateKey,
}

/// Does what was typed.
pub(super) async fn run(AccessOrder { place, what }: AccessOrder) -> anyhow::Result<()> {
    let config = place.configuration()?;
    let database = super::database(&config).await?;
    let done = opened(&database, config.access, async |access| order(access, what).await).await;
    database.close().await;
    done
}

/// Does `work` with who may come in, and the audit.
pub(super) async fn opened(
    database: &Database,
    config: AccessConfig,
    work: impl AsyncFnOnce(&Access) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Accounts are made before anybody is asked who they are, too.
    let (config, stop) = (AccessConfig { required: true, ..config }, CancellationToken::new());
    let (access, following) = Access::open(database.clone(), config, stop.clone()).await?;
    let following = tokio::spawn(following);
    let done = work(&access).await;
    stop.cancel();
    following.await?;
    done
}

async fn order(access: &Access, what: What) -> anyhow::Result<()> {
    let named = |name: &str| {
        let found = access.standing().named(name).cloned();
        found.with_context(|| format!("no account {name} (cloud-hub access list tells them)"))
    };
    match what {
        What::First { name } => make(access, &name, Role::LeagueAdmin, Scope::League, true).await,
        What::Add { name, role, of } => {
            let role: Role = serde_json::from_value(role.clone().into()).with_context(|| format!("role {role:?}"))?;
            make(access, &name, role, of, false).await
        }
        What::Reset { name, authenticator } => {
            let account = named(&name)?;
            let code = access
                .make_reset_code(&account, authenticator)
                .await?
                .context("it was changed at the same time: try again")?;
            tell_of(access, &account.account, "reset code made").await?;
            println!("{code}");
            Ok(())
        }
        What::List => {
            println!("{:<20} {:<20} {:<12} ROLES", "NAME", "ACCOUNT", "");
            let standing = access.standing();
            let mut accounts: Vec<_> = standing.accounts.values().collect();
            accounts.sort_by(|one, other| one.name.cmp(&other.name));
            for account in accounts {
                let state = if account.ended_us.is_some() { "shut out" } else { "" };
                let role = |held: &Membership| format!("{:?} of {}", held.role, held.scope);
                let roles: Vec<String> = account.roles.iter().map(role).collect();
                println!("{:<20} {:<20} {state:<12} {}", account.name, account.account, roles.join(", "));
            }
            Ok(())
        }
        What::End { name } => {
            let account = named(&name)?;
            access.end_account(&account).await?;
            tell_of(access, &account.account, "ended").await
        }
        What::RotateKey => {
            access.rotate_key().await?;
            Ok(())
        }
    }
}

async fn make(access: &Access, name: &str, role: Role, scope: Scope, first: bool) -> anyhow::Result<()> {
    let roles = [Membership { role, scope, until_us: None, may: Vec::new() }];
    let faults = accounts::faults(&roles);
    ensure!(faults.is_empty(), "{}", faults.join("; "));
    ensure!(accounts::is_name(name), "{name:?} ({})", accounts::NAME);
    match access.add_account(name, &roles, &Personal::default(), first).await? {
        Some((account, code)) => {
            tell_of(access, &account.account, "made").await?;
            eprintln!("{name} sets a password with this code within a day:");
            println!("{code}");
            Ok(())
        }
        None if first => {
            bail!("there are accounts already: cloud-hub access reset NAME gives one of them a new password")
        }
        None => bail!("the name {name} is taken"),
    }
}

/// Tells the audit that somebody at this machine did it.
pub(super) async fn tell(
    access: &Access,
    (what, operation): (&'static str, &'static str),
    on: String,
    outcome: &'static str,
) -> anyhow::Result<()> {
    Ok(access.tell(Told { account: None, session: None, from: None, what, operation, on, outcome }).await?)
}

async fn tell_of(access: &Access, account: &str, outcome: &'static str) -> anyhow::Result<()> {
    tell(access, ("manageAccounts", "cloud-hub access"), format!("account/{account}"), outcome).await
}
