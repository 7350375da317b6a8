//! Answers to requests that carried an idempotency key, so that one that is sent again is not done again.
//!
//! A request is written down before it runs. So if the host ends meanwhile, the same key later finds a request without
//! an answer, and whoever sent it hears that nobody knows whether it was done, instead of having it done twice.

use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreError;
use super::database::Database;
use crate::limits::{KEEP_ANSWERS, MAX_KEPT};

/// A request that carries an idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The id of the token that sends it.
    pub token: String,
    /// The idempotency key.
    pub name: String,
    /// The tenant of the token; empty for those of operators.
    pub tenant: String,
    /// Of what is asked for.
    pub digest: [u8; 32],
    /// When, in seconds since 1970.
    pub at: u64,
}

/// What is known of a request that carries an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// It is the first.
    First,
    /// The key was used with something else.
    Other,
    /// It ran before, and the host ended before it had an answer.
    Unknown,
    /// It was answered.
    Answered(Given),
    /// Too many answers are kept already.
    Full,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// Its status.
    pub status: u16,
    /// Its body; `None` if it is not kept, because it is long or secret.
    pub body: Option<String>,
}

impl Database {
    /// See [`super::Store::claim`].
    pub(super) fn claim(&mut self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.write(|transaction| {
            let oldest = signed(claim.at.saturating_sub(KEEP_ANSWERS.as_secs()));
            transaction
                .prepare_cached("DELETE FROM answer WHERE at <= ?")?
                .execute(params![oldest])?;
            match found(transaction, claim)? {
                Some(known) => Ok(known),
                None => insert(transaction, claim),
            }
        })
    }

    /// See [`super::Store::settle`].
    pub(super) fn settle(
        &mut self,
        claim: &Claim,
        given: Option<&Given>,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            match given {
                Some(given) => transaction
                    .prepare_cached(
                        "UPDATE answer SET status = ?, body = ? WHERE token = ? AND name = ?",
                    )?
                    .execute(params![given.status, given.body, claim.token, claim.name]),
                None => transaction
                    .prepare_cached("DELETE FROM answer WHERE token = ? AND name = ?")?
                    .execute(params![claim.token, claim.name]),
            }
            .map(|_rows| ())
        })
    }
}

fn found(transaction: &Transaction<'_>, claim: &Claim) -> rusqlite::Result<Option<Claimed>> {
    let mut statement = transaction
        .prepare_cached("SELECT digest, status, body FROM answer WHERE token = ? AND name = ?")?;
    let read = |row: &rusqlite::Row<'_>| {
        let digest: Vec<u8> = row.get(0)?;
        let status: Option<u16> = row.get(1)?;
        let body = row.get(2)?;
        if digest != claim.digest {
            return Ok(Claimed::Other);
        }
        Ok(status.map_or(Claimed::Unknown, |status| {
            Claimed::Answered(Given { status, body })
        }))
    };
    statement
        .query_row(params![claim.token, claim.name], read)
        .optional()
}

fn insert(transaction: &Transaction<'_>, claim: &Claim) -> rusqlite::Result<Claimed> {
    let kept: i64 = transaction
        .prepare_cached("SELECT count(*) FROM answer WHERE tenant = ?")?
        .query_row(params![claim.tenant], |row| row.get(0))?;
    if kept >= i64::try_from(MAX_KEPT).unwrap_or(i64::MAX) {
        return Ok(Claimed::Full);
    }
    transaction
        .prepare_cached(
            "INSERT INTO answer(token, name, tenant, digest, at) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            claim.token,
            claim.name,
            claim.tenant,
            claim.digest,
            signed(claim.at)
        ])?;
    Ok(Claimed::First)
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
