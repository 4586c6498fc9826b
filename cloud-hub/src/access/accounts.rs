//! Accounts, their sessions and keys, and what teams share, as they are made, changed and ended.
//!
//! Comes in: changes that were decided to be permitted. Goes out: what stands after the commit, taken in here at once; other
//! processes see it at their next look. A change of roles counts for sessions that are open. Never: a role that is not the
//! changer's to give; that is asked for each by [`object`].

use super::{
    Access, AccessError, Object,
    credentials::RESET_US,
    login::{Begun, Tokens},
    roles::{Membership, Role, Scope},
    second_factor::Secrets,
    standing::{Account, SessionKind},
    tokens,
};
use crate::{
    storage::{
        access::ShareRow,
        accounts::{AccountRow, Confidences, Written},
        sessions::Refreshed,
    },
    time,
    trust::secret_digest,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is personal of an account. Lies sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Personal {
    /// Its name for people.
    pub display_name: String,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It stands.
    Done,
    /// Another was first, or it is not there.
    Conflict,
    /// What was shown for it is wrong.
    Wrong,
}

/// What an account's name may be.
pub const NAME: &str = "1 to 63 of a-z, 0-9, dots and dashes; neither of these at an end";

/// Whether `name` may be an account's.
pub fn is_name(name: &str) -> bool {
    let ends = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    let plain = |sign: char| ends(sign) || sign == '.' || sign == '-';
    (1..=63).contains(&name.len()) && name.chars().all(plain) && name.starts_with(ends) && name.ends_with(ends)
}

/// The account as policies see it.
pub fn object(account: &str, roles: &[Membership]) -> Object {
    let (mut teams, mut venues, mut league) = (Vec::new(), Vec::new(), false);
    for held in roles {
        match &held.scope {
            Scope::League | Scope::Player(_) => league = true,
            Scope::Team(team) => teams.push(team.clone()),
            Scope::Venue(venue) => venues.push(venue.clone()),
        }
    }
    Object::Account { account: account.to_owned(), teams, venues, league }
}

/// What is wrong with `roles`, each with what is allowed.
pub fn faults(roles: &[Membership]) -> Vec<String> {
    let mut faults = Vec::new();
    if roles.len() > 32 {
        faults.push("roles (at most 32)".to_owned());
    }
    for held in roles {
        if !held.role.fits(&held.scope) {
            faults.push(format!("role {:?} is not held of {}", held.role, held.scope));
        }
        if (held.role == Role::Service) == held.may.is_empty() {
            faults.push("may (actions, with role service only, at least one)".to_owned());
        }
        if let Some(action) = held.may.iter().find(|action| !action.is_for_programs()) {
            faults.push(format!("may: {} is not for programs", action.name()));
        }
    }
    let service = roles.iter().any(|held| held.role == Role::Service);
    if service && roles.iter().any(|held| held.role != Role::Service) {
        faults.push("roles: a program is no person: give role service alone".to_owned());
    }
    faults
}

impl Access {
    /// Makes an account that has no password yet: the code sets it. With `first`, only where there is no account. `None` when
    /// the name is taken.
    pub async fn add_account(
        &self,
        name: &str,
        roles: &[Membership],
        personal: &Personal,
        first: bool,
    ) -> Result<Option<(Arc<Account>, String)>, AccessError> {
        let (now_us, code) = (time::utc_us(), tokens::secret());
        let row = AccountRow {
            account: tokens::name("u"),
            name: name.to_owned(),
            roles: serde_json::to_string(roles).expect("roles are words"),
            made_us: now_us,
            ended_us: None,
            revision: 0,
        };
        let secrets = Secrets { reset: Some((secret_digest(&code), now_us + RESET_US)), ..Secrets::default() };
        let personal = serde_json::to_string(personal).expect("words are JSON");
        let confidences = Confidences { personal, secrets: secrets.text() };
        if self.database().add_account(&row, &confidences, first).await? == Written::Conflict {
            return Ok(None);
        }
        self.look().await?;
        let account = self.standing().accounts.get(&row.account).cloned();
        Ok(account.map(|account| (account, code)))
    }

    /// Gives an account these roles instead of those it has.
    pub async fn replace_roles(&self, account: &Account, roles: &[Membership]) -> Result<Changed, AccessError> {
        let row = AccountRow { roles: serde_json::to_string(roles).expect("roles are words"), ..row_of(account) };
        self.change(&row, None, None).await
    }

    /// Shuts an account out, and ends its sessions.
    pub async fn end_account(&self, account: &Account) -> Result<Changed, AccessError> {
        let now_us = time::utc_us();
        let row = AccountRow { ended_us: Some(now_us), ..row_of(account) };
        self.change(&row, None, Some(("", now_us, "account ended"))).await
    }

    pub(super) async fn change(
        &self,
        row: &AccountRow,
        confidences: Option<&Confidences>,
        end: Option<(&str, i64, &str)>,
    ) -> Result<Changed, AccessError> {
        let written = self.database().change_account(row, confidences, end).await?;
        self.look().await?;
        Ok(if written == Written::Conflict { Changed::Conflict } else { Changed::Done })
    }

    /// A key of the program `account`, until `until_us`.
    pub async fn create_key(&self, account: Arc<Account>, until_us: i64) -> Result<(Begun, String), AccessError> {
        let begun = self.begin(account, SessionKind::Key, 2, Some(until_us)).await?;
        let key = format!("rkk_{}_{}", begun.session, begun.secret);
        Ok((begun, key))
    }

    /// New tokens, and of which session, for a refresh token, which is used up. One that was used before ends its session: somebody has a copy.
    pub async fn refresh(&self, token: &str) -> Result<Option<(String, Tokens)>, AccessError> {
        let Some((session, number)) = tokens::refresh_of(&self.standing().keys, token) else { return Ok(None) };
        let refreshed = self.database().refresh_session(&session, number, time::utc_us()).await?;
        self.look().await?;
        let standing = self.standing();
        let held = standing.sessions.get(&session).filter(|held| held.kind == SessionKind::Program);
        match (refreshed, held) {
            (Refreshed::Next(number), Some(held)) => {
                let still = standing.accounts.get(&held.account).is_some_and(|account| account.ended_us.is_none());
                let tokens = self.tokens(&held.account, &session, number).filter(|_| still);
                Ok(tokens.map(|tokens| (session, tokens)))
            }
            _ => Ok(None),
        }
    }

    /// Ends a session; whether it was on, and of `account`.
    pub async fn end_session(&self, session: &str, account: &str, why: &str) -> Result<bool, AccessError> {
        let ended = self.database().end_session(session, Some(account), time::utc_us(), why).await?;
        self.look().await?;
        Ok(ended)
    }

    /// Ends all sessions of an account.
    pub async fn end_sessions(&self, account: &Account, why: &str) -> Result<Changed, AccessError> {
        self.change(&row_of(account), None, Some(("", time::utc_us(), why))).await
    }

    /// Lets the team `with_team` see what is `what` of `team`.
    pub async fn add_share(
        &self,
        (team, with_team): (&str, &str),
        what: &str,
        until_us: i64,
    ) -> Result<String, AccessError> {
        let row = ShareRow {
            share: tokens::name("g"),
            team: team.to_owned(),
            with_team: with_team.to_owned(),
            what: what.to_owned(),
            made_us: time::utc_us(),
            until_us,
            ended_us: None,
            revision: 0,
        };
        self.database().add_share(&row).await?;
        self.look().await?;
        Ok(row.share)
    }

    /// Ends a share of `team`; whether it was in force.
    pub async fn end_share(&self, team: &str, share: &str) -> Result<bool, AccessError> {
        let own = self.standing().shares.iter().any(|held| held.share == share && held.team == team);
        let ended = own && self.database().end_share(share, time::utc_us()).await?;
        self.look().await?;
        Ok(ended)
    }
}

fn row_of(account: &Account) -> AccountRow {
    AccountRow {
        account: account.account.clone(),
        name: account.name.clone(),
        roles: serde_json::to_string(&account.roles).expect("roles are words"),
        made_us: account.made_us,
        ended_us: account.ended_us,
        revision: account.revision,
    }
}
