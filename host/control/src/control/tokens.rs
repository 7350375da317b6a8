//! Tokens: made, revoked, and let in where they are good.

use std::time::{Duration, SystemTime};

use super::registry::is_valid;
use super::{Changing, Control, Who, internal_random, not_found};
use crate::limits::MAX_TOKENS;
use crate::model::{Code, Happened, Problem};
use crate::role::Role;
use crate::store::Change;
use crate::token::{self, Key, Login, Token};

impl Control {
    /// A token of an operator, if no operator can come in: the first one, which makes all others.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn first_token(&self) -> Result<Option<Token>, Problem> {
        let changing = self.change().await;
        if self
            .registry()
            .has_operator_besides(None, SystemTime::now())
        {
            return Ok(None);
        }
        let (token, _) = changing
            .make_token(&Who::host(), Role::Operator, None, None)
            .await?;
        Ok(Some(token))
    }

    /// One more token of an operator, for whoever runs the host and has none any more.
    ///
    /// # Errors
    /// When it cannot be kept, or there are as many as there may be.
    pub async fn one_more_token(&self) -> Result<Token, Problem> {
        let host = Who::host();
        let made = self.make_token(&host, Role::Operator, None, None);
        Ok(made.await?.0)
    }

    /// Makes a token of a tenant, or of an operator.
    pub(crate) async fn make_token(
        &self,
        who: &Who,
        role: Role,
        tenant: Option<&str>,
        lasting: Option<Duration>,
    ) -> Result<(Token, Key), Problem> {
        let changing = self.change().await;
        if let Some(tenant) = tenant {
            changing.tenant(tenant)?;
        }
        changing.make_token(who, role, tenant, lasting).await
    }

    /// Revokes a token of a tenant, or of an operator.
    pub(crate) async fn revoke_token(
        &self,
        who: &Who,
        tenant: Option<&str>,
        id: &str,
    ) -> Result<(), Problem> {
        let changing = self.change().await;
        let registry = self.registry();
        let key = registry.keys.get(id);
        let key = key.filter(|key| key.tenant.as_deref() == tenant);
        let key = key.ok_or_else(not_found)?;
        let now = SystemTime::now();
        let is_last = tenant.is_none() && is_valid(key, now);
        if is_last && !registry.has_operator_besides(Some(id), now) {
            let problem = "this is the last token of an operator; make another one first";
            return Err(Problem::new(Code::Conflict, problem));
        }
        changing
            .commit(vec![Change::DropKey(id.to_owned())])
            .await?;
        self.forget_use(id);
        let what = format!("token {id} of the role {}", key.role);
        self.note(who, Happened::TokenRevoked, tenant, &what);
        if let Some(tenant) = tenant {
            self.let_in(tenant);
        }
        Ok(())
    }

    /// Whether a login that was good still is.
    pub(crate) fn is_still_good(&self, login: &Login) -> bool {
        let registry = self.registry();
        let key = registry.keys.get(&login.id);
        key.is_some_and(|key| is_valid(key, SystemTime::now()))
    }

    /// Tells the supervisor who may come in to a tenant.
    pub(super) fn let_in(&self, tenant: &str) {
        let registry = self.registry();
        let is_served = |spec: &crate::model::TenantSpec| !spec.suspended;
        if registry.tenants.get(tenant).is_some_and(is_served) {
            let keys = registry.let_in(tenant, SystemTime::now());
            self.supervisor.let_in(tenant, keys);
        }
    }
}

impl Changing<'_> {
    async fn make_token(
        &self,
        who: &Who,
        role: Role,
        tenant: Option<&str>,
        lasting: Option<Duration>,
    ) -> Result<(Token, Key), Problem> {
        let control = self.control;
        let is_full = control.registry().keys_of(tenant).count() >= MAX_TOKENS;
        if is_full {
            let problem = format!("there are {MAX_TOKENS} tokens already; revoke one first");
            return Err(Problem::new(Code::OverQuota, problem));
        }
        let made = token::make(role, tenant, lasting, SystemTime::now());
        let (token, key) = made.map_err(internal_random)?;
        self.commit(vec![Change::PutKey(key.clone())]).await?;
        let what = format!("token {} of the role {role}", key.id);
        control.note(who, Happened::TokenMade, tenant, &what);
        if let Some(tenant) = tenant {
            control.let_in(tenant);
        }
        Ok((token, key))
    }
}
