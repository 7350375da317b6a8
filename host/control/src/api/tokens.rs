//! The routes of tokens: those of a tenant, which its owners make, and those of operators.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::asked::Asked;
use super::page::Paging;
use crate::limits::MAX_LASTING_SECONDS;
use crate::model::{Code, Problem};
use crate::role::Role;
use crate::token::Key;

/// A role in a tenant.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum RoleInTenant {
    /// Sees.
    Viewer,
    /// Changes the graph, its external workers and their modules.
    Author,
    /// Says who else may.
    Owner,
}

/// What a token of a tenant is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "author", "lasting": 86400}))]
pub(super) struct NewToken {
    /// What it allows.
    role: RoleInTenant,
    /// For how many seconds; until it is revoked if nothing is said.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[schema(minimum = 1, maximum = 3153600000_u64)]
    lasting: Option<u64>,
}

/// What a token of an operator is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"lasting": 86400}))]
pub(super) struct NewOperatorToken {
    /// For how many seconds; until it is revoked if nothing is said.
    #[serde(default, deserialize_with = "crate::numbers::whole_or_none")]
    #[schema(minimum = 1, maximum = 3153600000_u64)]
    lasting: Option<u64>,
}

/// What is known of a token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenState {
    /// The part of it that is no secret.
    id: String,
    /// What it allows.
    role: Role,
    /// In which tenant; none: in all of them.
    tenant: Option<String>,
    /// When it ends, in seconds since 1970.
    expires: Option<u64>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeToken {
    /// The part of it that is no secret.
    id: String,
    /// What it allows.
    role: Role,
    /// In which tenant; none: in all of them.
    tenant: Option<String>,
    /// When it ends, in seconds since 1970.
    expires: Option<u64>,
    /// The token, which is shown this once.
    token: String,
}

pub(super) async fn list(asked: Asked) -> Result<Answer, Problem> {
    list_of(&asked, Some(asked.tenant()?))
}

pub(super) async fn list_operators(asked: Asked) -> Result<Answer, Problem> {
    list_of(&asked, None)
}

pub(super) async fn make(asked: Asked) -> Result<Answer, Problem> {
    let NewToken { role, lasting } = asked.json()?;
    let role = match role {
        RoleInTenant::Viewer => Role::Viewer,
        RoleInTenant::Author => Role::Author,
        RoleInTenant::Owner => Role::Owner,
    };
    make_of(&asked, role, Some(asked.tenant()?), lasting).await
}

pub(super) async fn make_operator(asked: Asked) -> Result<Answer, Problem> {
    let NewOperatorToken { lasting } = asked.json()?;
    make_of(&asked, Role::Operator, None, lasting).await
}

pub(super) async fn revoke(asked: Asked) -> Result<Answer, Problem> {
    revoke_of(&asked, Some(asked.tenant()?)).await
}

pub(super) async fn revoke_operator(asked: Asked) -> Result<Answer, Problem> {
    revoke_of(&asked, None).await
}

fn list_of(asked: &Asked, tenant: Option<&str>) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let registry = asked.control.registry();
    let page = paging.page(registry.keys_of(tenant), |key| &key.id)?;
    Answer::json(&page.map(state))
}

async fn make_of(
    asked: &Asked,
    role: Role,
    tenant: Option<&str>,
    lasting: Option<u64>,
) -> Result<Answer, Problem> {
    if lasting.is_some_and(|lasting| !(1..=MAX_LASTING_SECONDS).contains(&lasting)) {
        let problem = format!("`lasting` has to be 1 to {MAX_LASTING_SECONDS}");
        return Err(Problem::new(Code::Invalid, problem));
    }
    let lasting = lasting.map(Duration::from_secs);
    let making = asked.control.make_token(&asked.who, role, tenant, lasting);
    let (token, key) = making.await?;
    let made = MadeToken {
        id: key.id,
        role: key.role,
        tenant: key.tenant,
        expires: key.expires,
        token: token.reveal().to_owned(),
    };
    Ok(Answer::made(&made)?.secret())
}

async fn revoke_of(asked: &Asked, tenant: Option<&str>) -> Result<Answer, Problem> {
    let revoking = asked.control.revoke_token(&asked.who, tenant, asked.id()?);
    revoking.await?;
    Ok(Answer::nothing())
}

fn state(key: &Key) -> TokenState {
    TokenState {
        id: key.id.clone(),
        role: key.role,
        tenant: key.tenant.clone(),
        expires: key.expires,
    }
}
