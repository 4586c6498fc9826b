//! Decides about a request by the roles its sender holds now, and tells the audit.
//!
//! Comes in: a [`Who`], an action, whose thing it is done to. Goes out: yes or no, once the audit's entry stands. Never: a
//! yes to nobody; who may come in at all is the business of the files around this one.

use super::{
    Access, AccessError, Action, Object, SecondFactor, Who, journal::Told, policy::Principal, roles::Membership,
};
use crate::time;
use std::net::IpAddr;

impl Access {
    /// Whether `who` may do `action` to `object` at `now_us`, by the roles they hold now.
    pub fn may(&self, who: &Who, action: Action, object: &Object, now_us: i64) -> bool {
        let known = match who {
            Who::Everybody => return true,
            Who::Nobody => return false,
            Who::Known(known) => known,
        };
        let standing = self.standing();
        let Some(account) = standing.accounts.get(&known.account.account) else { return false };
        if account.ended_us.is_some() {
            return false;
        }
        // Own things are not asked about here: who has no authenticator yet can set one up.
        if self.shared.config.second_factor == SecondFactor::Everybody && known.session.factors < 2 {
            return false;
        }
        let roles: Vec<&Membership> = account.roles.iter().filter(|held| held.holds(now_us)).collect();
        let tracking = standing.shared_with(&roles, false, now_us);
        let biometrics = standing.shared_with(&roles, true, now_us);
        let second_factor = !self.shared.config.asks_for_second() || known.session.factors >= 2;
        let asks = Principal {
            account: &account.account,
            roles: &roles,
            tracking: &tracking,
            biometrics: &biometrics,
            second_factor,
        };
        self.shared.policies.may(asks, action, object)
    }

    /// Decides, and tells the audit what it tells of; the answer counts once that stands.
    pub async fn decide(
        &self,
        who: &Who,
        (action, operation): (Action, &'static str),
        object: &Object,
        from: Option<IpAddr>,
    ) -> Result<bool, AccessError> {
        let may = self.may(who, action, object, time::utc_us());
        metrics::counter!("access_decisions_total", "outcome" => if may { "permitted" } else { "refused" })
            .increment(1);
        if matches!(who, Who::Everybody | Who::Nobody) || (may && !action.is_told()) {
            return Ok(may);
        }
        let outcome = if may { "permitted" } else { "refused" };
        let told = self.told(who, (action.name(), operation), object.name(), from, outcome);
        match action {
            // A look again and again is one look.
            Action::ViewLive
            | Action::ViewTracking
            | Action::ViewBiometrics
            | Action::ViewLeague
            | Action::ViewEdges => {
                self.shared.journal.tell_look(told).await?;
            }
            _ => self.shared.journal.tell(told).await?,
        }
        Ok(may)
    }

    /// An entry of the audit about `who`.
    pub fn told(
        &self,
        who: &Who,
        (what, operation): (&'static str, &'static str),
        on: String,
        from: Option<IpAddr>,
        outcome: &'static str,
    ) -> Told {
        let (account, session) = (who.account().map(str::to_owned), who.session().map(str::to_owned));
        Told { account, session, from, what, operation, on, outcome }
    }

    /// Tells the audit.
    pub async fn tell(&self, told: Told) -> Result<(), AccessError> {
        Ok(self.shared.journal.tell(told).await?)
    }
}
