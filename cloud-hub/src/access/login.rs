//! Logging in: a name, a password, a code; and proving it once more.
//!
//! Comes in: what was typed, and from where. Goes out: a session, or why not. Whoever is wrong is told the same, after the
//! same time, whether the name, the password or the account was. Only who knows the password learns that a code is asked
//! for. Never: a session that was there before the login.

use super::{
    Access, AccessError, Who,
    ladder::Ladder,
    second_factor::Secrets,
    standing::{Account, SessionKind},
    tokens,
};
use crate::{
    storage::{
        accounts::{AccountRow, Confidences, Written},
        sessions::SessionRow,
    },
    time,
    trust::secret_digest,
};
use std::{net::IpAddr, sync::Arc};

/// Ended sessions are shown this long, microseconds.
const SHOWN_US: i64 = 30 * 24 * 3_600 * 1_000_000;

/// What was typed.
#[derive(Clone)]
pub struct Login {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
    /// A code of the authenticator, or one on paper.
    pub code: Option<String>,
}

/// A session that began.
#[derive(Clone)]
pub struct Begun {
    /// Whose.
    pub account: Arc<Account>,
    /// Its id.
    pub session: String,
    /// What shows it: of a page, for the cookie.
    pub secret: String,
    /// Ends at the latest, microseconds UTC.
    pub until_us: i64,
}

/// What a program shows.
#[derive(Clone)]
pub struct Tokens {
    /// For some minutes.
    pub access: String,
    /// For the next ones.
    pub refresh: String,
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginFault {
    /// Something typed is wrong.
    #[error("name, password or code is wrong")]
    Wrong,
    /// The password is right; a code is needed.
    #[error("a code is needed: of the authenticator, or one on paper")]
    CodeNeeded,
    /// Too many guesses.
    #[error("too many tries: the next in {0} s")]
    Wait(u32),
    /// It cannot be looked up now.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<crate::storage::StorageError> for LoginFault {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Access(error.into())
    }
}

impl Access {
    /// Lets somebody in.
    pub async fn log_in(&self, login: Login, kind: SessionKind, from: IpAddr) -> Result<Begun, LoginFault> {
        let (account, factors) = self.prove(login, from, "log_in").await?;
        let begun = self.begin(account, kind, factors, None).await?;
        let on = format!("session/{}", begun.session);
        let told = super::journal::Told {
            account: Some(begun.account.account.clone()),
            session: Some(begun.session.clone()),
            from: Some(from),
            what: "login",
            operation: "log_in",
            on,
            outcome: "let in",
        };
        self.tell(told).await?;
        Ok(begun)
    }

    /// Proves once more who a session is, or with more than before.
    pub async fn prove_again(&self, who: &Who, mut login: Login, from: IpAddr) -> Result<(), LoginFault> {
        let Who::Known(known) = who else { return Err(LoginFault::Wrong) };
        login.name.clone_from(&known.account.name);
        let (_, factors) = self.prove(login, from, "prove").await?;
        self.shared.database.prove_session(&known.session.session, factors, time::utc_us()).await?;
        self.look().await?;
        Ok(())
    }

    /// Counts a try of something else that `name` is to know, as one to log in is counted.
    pub async fn try_once(&self, name: &str, from: IpAddr) -> Result<(), LoginFault> {
        match Ladder::new(name, from).climb(&self.shared.database, time::utc_us()).await? {
            Some(wait_us) => Err(LoginFault::Wait((wait_us as u64).div_ceil(1_000_000) as u32)),
            None => Ok(()),
        }
    }

    /// It was them.
    pub async fn came_down(&self, name: &str, from: IpAddr) -> Result<(), LoginFault> {
        Ok(Ladder::new(name, from).down(&self.shared.database, time::utc_us()).await?)
    }

    /// What is kept secret of an account.
    pub async fn secrets_of(&self, account: &str) -> Result<Secrets, AccessError> {
        let confidences = self.shared.database.confidences(account).await?;
        Ok(confidences.as_ref().map(Secrets::of).unwrap_or_default())
    }

    /// Checks what was typed; answers whose it is, and in how many ways it was shown.
    async fn prove(
        &self,
        login: Login,
        from: IpAddr,
        operation: &'static str,
    ) -> Result<(Arc<Account>, u32), LoginFault> {
        let now_us = time::utc_us();
        let database = &self.shared.database;
        let ladder = Ladder::new(&login.name, from);
        if let Some(wait_us) = ladder.climb(database, now_us).await? {
            self.tell_login(None, from, operation, "too many tries").await?;
            return Err(LoginFault::Wait((wait_us as u64).div_ceil(1_000_000) as u32));
        }
        let found = database.account_named(&login.name).await?.filter(|row| row.ended_us.is_none());
        let confidences = match &found {
            Some(row) => database.confidences(&row.account).await?,
            // As much work as for somebody known.
            None => database.confidences("nobody").await?,
        };
        let mut secrets = confidences.as_ref().map(Secrets::of).unwrap_or_default();
        let right = self.shared.passwords.is(login.password, secrets.password.clone()).await;
        let (Some(row), Some(confidences), true) = (found, confidences, right) else {
            self.tell_login(None, from, operation, "wrong").await?;
            return Err(LoginFault::Wrong);
        };
        let account = row.account.clone();
        let factors = match (secrets.has_second(), login.code) {
            (false, _) => 1,
            (true, None) => {
                // The password was right: that is no guess.
                ladder.down(database, now_us).await?;
                return Err(LoginFault::CodeNeeded);
            }
            (true, Some(code)) => {
                if !secrets.use_up(&code, now_us) || !self.keep_secrets(&row, confidences, &secrets).await? {
                    self.tell_login(Some(account), from, operation, "wrong code").await?;
                    return Err(LoginFault::Wrong);
                }
                2
            }
        };
        ladder.down(database, now_us).await?;
        self.look().await?;
        let account = self.standing().accounts.get(&account).cloned();
        Ok((account.ok_or(LoginFault::Wrong)?, factors))
    }

    async fn tell_login(
        &self,
        account: Option<String>,
        from: IpAddr,
        operation: &'static str,
        outcome: &'static str,
    ) -> Result<(), AccessError> {
        metrics::counter!("access_logins_total", "outcome" => outcome).increment(1);
        let (session, from, on) = (None, Some(from), "account".to_owned());
        self.tell(super::journal::Told { account, session, from, what: "login", operation, on, outcome }).await
    }

    /// Keeps `secrets` of the account that stands as `row` says; whether nobody was first.
    pub(super) async fn keep_secrets(
        &self,
        row: &AccountRow,
        confidences: Confidences,
        secrets: &Secrets,
    ) -> Result<bool, AccessError> {
        let confidences = Confidences { secrets: secrets.text(), ..confidences };
        let written = self.shared.database.change_account(row, Some(&confidences), None).await?;
        Ok(written != Written::Conflict)
    }

    /// Begins a session; of a program's key, until `until_us`.
    pub(super) async fn begin(
        &self,
        account: Arc<Account>,
        kind: SessionKind,
        factors: u32,
        until_us: Option<i64>,
    ) -> Result<Begun, AccessError> {
        let (now_us, secret) = (time::utc_us(), tokens::secret());
        let config = &self.shared.config;
        let row = SessionRow {
            session: tokens::name("s"),
            account: account.account.clone(),
            kind: kind.word().to_owned(),
            digest: secret_digest(&secret),
            refreshes: 0,
            made_us: now_us,
            used_us: now_us,
            until_us: until_us.unwrap_or(now_us + i64::from(config.session_h) * 3_600_000_000),
            proved_us: now_us,
            factors,
            ended_us: None,
            revision: 0,
        };
        self.shared.database.begin_session(&row, config.sessions_max, now_us - SHOWN_US).await?;
        self.look().await?;
        metrics::counter!("access_sessions_begun_total").increment(1);
        Ok(Begun { account, session: row.session, secret, until_us: row.until_us })
    }

    /// What a program shows for the session `session`, whose refresh token in force has `number`.
    pub fn tokens(&self, account: &str, session: &str, number: u64) -> Option<Tokens> {
        let standing = self.standing();
        let key = standing.key()?;
        let access = tokens::sign(key, (account, session), time::utc_us(), self.shared.config.token_s);
        Some(Tokens { access, refresh: tokens::refresh(key, session, number) })
    }
}

impl Secrets {
    /// Those in what is kept; what cannot be read is none, and lets nobody in.
    pub fn of(confidences: &Confidences) -> Self {
        serde_json::from_str(&confidences.secrets).unwrap_or_default()
    }

    /// As they are kept.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("secrets are words and numbers")
    }
}
