//! The ways to prove who one is, as they are set and taken away: password, authenticator, codes on paper, reset code.
//!
//! Comes in: what was typed by whoever was let do this. Goes out: what stands after the commit. Of two who change the same
//! account at once one is told. Never: a secret kept as it is typed, or shown twice.

use super::{
    Access, AccessError, Who,
    accounts::Changed,
    second_factor::{self, Secrets},
    standing::Account,
    tokens,
};
use crate::{storage::accounts::Confidences, time, trust::secret_digest};

/// A code that sets a password holds for this long, microseconds.
pub(super) const RESET_US: i64 = 24 * 3_600 * 1_000_000;

impl Access {
    /// Changes the secrets of the account `name` by `edit`, which may refuse; other sessions than `keep` end when it says why.
    async fn edit_secrets(
        &self,
        name: &str,
        end: Option<(&str, &str)>,
        edit: impl FnOnce(&mut Secrets) -> bool,
    ) -> Result<Changed, AccessError> {
        // As the tables have it: the account may have been made at another process a moment ago.
        let Some(row) = self.database().account_named(name).await? else { return Ok(Changed::Conflict) };
        let Some(confidences) = self.database().confidences(&row.account).await? else { return Ok(Changed::Conflict) };
        let mut secrets = Secrets::of(&confidences);
        if row.ended_us.is_some() || !edit(&mut secrets) {
            return Ok(Changed::Wrong);
        }
        let confidences = Confidences { secrets: secrets.text(), ..confidences };
        let end = end.map(|(keep, why)| (keep, time::utc_us(), why));
        self.change(&row, Some(&confidences), end).await
    }

    /// A code that sets a password, and with `all` takes the second factor away; it ends all sessions when it is used. The
    /// one before it holds no more.
    pub async fn make_reset_code(&self, account: &Account, all: bool) -> Result<Option<String>, AccessError> {
        let (code, until_us) = (tokens::secret(), time::utc_us() + RESET_US);
        let digest = secret_digest(&code);
        let changed = self.edit_secrets(&account.name, None, |secrets| {
            (secrets.reset, secrets.reset_all) = (Some((digest, until_us)), all);
            true
        });
        Ok((changed.await? == Changed::Done).then_some(code))
    }

    /// Sets a password by such a code, which is then used up.
    pub async fn reset_password(&self, name: &str, code: &str, password: String) -> Result<Changed, AccessError> {
        // As much work for a name or a code that is none.
        let digest = self.shared.passwords.digest(password).await;
        let (shown, now_us) = (secret_digest(code), time::utc_us());
        self.edit_secrets(name, Some(("", "password reset")), |secrets| {
            let right =
                secrets.reset.take().is_some_and(|(kept, until_us)| tokens::same(&kept, &shown) && now_us < until_us);
            if secrets.reset_all {
                *secrets = Secrets::default();
            }
            (secrets.password, secrets.totp_offered) = (Some(digest), None);
            right
        })
        .await
    }

    /// Changes the password of somebody who knows it; their other sessions end.
    pub async fn change_password(&self, who: &Who, old: String, new: String) -> Result<Changed, AccessError> {
        let Who::Known(known) = who else { return Ok(Changed::Wrong) };
        let kept = self.database().confidences(&known.account.account).await?;
        let kept = kept.and_then(|confidences| Secrets::of(&confidences).password);
        if !self.shared.passwords.is(old, kept.clone()).await {
            return Ok(Changed::Wrong);
        }
        let digest = self.shared.passwords.digest(new).await;
        self.edit_secrets(&known.account.name, Some((&known.session.session, "password changed")), |secrets| {
            let same = secrets.password == kept;
            secrets.password = Some(digest);
            same
        })
        .await
    }

    /// Offers an authenticator: its secret, which counts once a code of it is shown.
    pub async fn offer_authenticator(&self, account: &Account) -> Result<Option<String>, AccessError> {
        let secret = second_factor::new_secret();
        let offered = secret.clone();
        let changed = self.edit_secrets(&account.name, None, |secrets| {
            secrets.totp_offered = Some(offered);
            true
        });
        Ok((changed.await? == Changed::Done).then_some(secret))
    }

    /// Takes the offered authenticator into use, with new codes on paper.
    pub async fn confirm_authenticator(
        &self,
        account: &Account,
        code: &str,
    ) -> Result<Option<Vec<String>>, AccessError> {
        let mut paper = Vec::new();
        let now_us = time::utc_us();
        let changed = self.edit_secrets(&account.name, None, |secrets| {
            let offered = secrets.totp_offered.clone();
            let Some(step) = offered.as_deref().and_then(|secret| second_factor::step_of(secret, code, now_us)) else {
                return false;
            };
            (secrets.totp, secrets.totp_offered, secrets.totp_step) = (offered, None, step);
            paper = secrets.new_paper();
            true
        });
        Ok((changed.await? == Changed::Done).then_some(paper))
    }

    /// Takes the authenticator and the codes on paper away.
    pub async fn remove_authenticator(&self, account: &Account) -> Result<Changed, AccessError> {
        self.edit_secrets(&account.name, None, |secrets| {
            let had = secrets.totp.take().is_some();
            secrets.paper.clear();
            had
        })
        .await
    }

    /// New codes on paper in place of the old ones; of somebody with an authenticator.
    pub async fn make_paper_codes(&self, account: &Account) -> Result<Option<Vec<String>>, AccessError> {
        let mut paper = Vec::new();
        let changed = self.edit_secrets(&account.name, None, |secrets| {
            paper = secrets.new_paper();
            secrets.has_second()
        });
        Ok((changed.await? == Changed::Done).then_some(paper))
    }
}
