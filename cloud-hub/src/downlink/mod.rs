//! Commands to boxes: they ask, and get what waits for them, signed.
//!
//! ```text
//!  cloud-hub command ─► database ─► desk ◄═ Zenoh, MQTT ═► box: verifies, carries out once, reports ─► database, audit
//! ```
//!
//! Comes in: [`Report`]s of boxes at their commands' place. Goes out: [`Orders`]. An order is handed over again and again
//! until its box reports what became of it; the box knows by the number what it has done. Signed at the moment it is
//! handed over, for the enrolment in force then, so that an order for a box that was replaced means nothing to either.
//! Never: answers a box that is not on the roster, or one box about another.

use crate::{
    storage::Database,
    time,
    trust::{Authority, Certificates, Roster, TrustError, audit},
};
use firmware_protocol::network::{
    self, Order, Orders, Outcome, Report, Reported, SignedOrder, command::SIGNED, enrolment::certificate_name, topic,
};
use std::sync::Arc;

/// Orders in one answer; the rest comes with the next.
const ORDERS_MAX: u32 = 8;
/// Longest answer of a box that is kept, characters: its newest log.
const ANSWER_MAX: usize = 1 << 20;

/// Where boxes ask for orders. Clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    database: Database,
    authority: Arc<Authority>,
    roster: Option<Roster>,
}

impl Desk {
    /// The desk of the hub with `certificates`; with a `roster`, for those on it alone.
    pub fn open(database: Database, certificates: &Certificates, roster: Option<Roster>) -> Result<Self, TrustError> {
        Ok(Self { database, authority: Arc::new(Authority::open(certificates)?), roster })
    }

    /// The bytes of the answer to the bytes said at `key`; `None` for whoever gets none, who asks again.
    pub async fn answer(&self, key: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let (venue, edge) = topic::speaker(key)?;
        let Some(name) = self.name(venue, edge) else {
            metrics::counter!("downlink_refused_total").increment(1);
            return None;
        };
        let report = match network::decode::<Report>(payload) {
            Ok(report) if report.edge == edge => report,
            _ => {
                metrics::counter!("downlink_refused_total").increment(1);
                tracing::warn!(key, "a report that does not decode or speaks for another box");
                return None;
            }
        };
        let answered = async {
            let mut settled = Vec::with_capacity(report.outcomes.len());
            for reported in &report.outcomes {
                self.settle(edge, reported).await?;
                settled.push(reported.number);
            }
            let waiting = self.database.waiting_commands(edge, time::utc_us(), ORDERS_MAX).await?;
            let orders = waiting.into_iter().filter_map(|order| self.signed(&name, order.number, &order.command));
            Ok::<_, crate::storage::StorageError>(Orders { orders: orders.collect(), settled })
        };
        match answered.await {
            Ok(orders) => Some(network::encode(&orders)),
            Err(error) => {
                tracing::error!(%error, key, "downlink: a box could not be answered");
                None
            }
        }
    }

    /// The box as its certificate names it; `None` when it may not ask.
    fn name(&self, venue: &str, edge: &str) -> Option<String> {
        let Some(roster) = &self.roster else { return Some(certificate_name(venue, edge, 0)) };
        let members = roster.follow();
        let members = members.borrow();
        let member = members.get(edge).filter(|member| member.venue == venue)?;
        Some(certificate_name(venue, edge, member.enrolment))
    }

    fn signed(&self, name: &str, number: u64, command: &[u8]) -> Option<SignedOrder> {
        let order = network::encode(&Order { name: name.to_owned(), number, command: command.to_vec() });
        let signature = self.authority.sign(&[SIGNED, &order].concat());
        let signature = signature.inspect_err(|error| tracing::error!(error, "downlink: an order cannot be signed"));
        Some(SignedOrder { order, signature: signature.ok()? })
    }

    async fn settle(
        &self,
        edge: &str,
        Reported { number, outcome }: &Reported,
    ) -> Result<(), crate::storage::StorageError> {
        let (state, answer) = match outcome {
            Outcome::Done { answer } => ("done", answer),
            Outcome::Refused { reason } => ("refused", reason),
            Outcome::Failed { reason } => ("failed", reason),
        };
        let answer: String = answer.chars().take(ANSWER_MAX).collect();
        let now_us = time::utc_us();
        let is_new = self.database.settle_command(edge, *number, state, &answer, now_us).await?;
        if is_new || *number == 0 {
            metrics::counter!("downlink_settled_total", "state" => state).increment(1);
            // What was asked for may be long and personal; why it was refused belongs into the audit.
            let detail = if state == "done" { String::new() } else { answer };
            audit(&self.database, now_us, &format!("command {state}"), edge, &format!("number {number} {detail}"))
                .await;
        }
        Ok(())
    }
}
