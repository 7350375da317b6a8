//! One look at the console: who looks, at which page, and how it answers.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};

use super::assets::{ADDRESSES, Addresses};
use super::client::{Client, part};
use super::flash::{Flash, Note};
use super::posted::Posted;
use super::session::{Me, Session, Sessions};
use super::trouble::Trouble;
use crate::role::Role;

/// Where people sign in.
pub const LOGIN: &str = "/console/login";
/// The query of a page that a browser without script loads again by itself.
pub const AGAIN: &str = "again";
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// Somebody who is signed in looks at a page.
#[derive(Clone)]
pub struct Visit {
    /// Asks the API for them.
    pub client: Client,
    /// Their session.
    pub session: Session,
    /// All sessions.
    pub sessions: Sessions,
    /// The path of the page.
    pub path: String,
    /// Whether only a part of the page is wanted.
    pub is_htmx: bool,
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let visit = parts.extensions.get().cloned();
        visit.ok_or_else(|| Trouble::broken("Nobody is known to look at this page."))
    }
}

impl Visit {
    /// Who looks.
    pub const fn me(&self) -> &Me {
        &self.session.me
    }

    /// Answers a form of the page at `to`: what was done is said at the top of that page, why it was not beside the
    /// form `form`.
    pub fn answer(
        &self,
        to: &str,
        form: &str,
        posted: &Posted,
        done: Result<Note, Trouble>,
    ) -> Response {
        match done {
            Ok(note) if self.is_htmx => note.fragment(),
            Ok(note) => {
                self.sessions.leave(&self.session, to, Flash::top(note));
                Redirect::to(to).into_response()
            }
            Err(trouble) if self.is_htmx || trouble.status == StatusCode::UNAUTHORIZED => {
                trouble.into_response()
            }
            Err(trouble) => {
                let flash = Flash::beside(form, (&trouble).into(), &posted.fields);
                self.sessions.leave(&self.session, to, flash);
                Redirect::to(&format!("{to}#{form}")).into_response()
            }
        }
    }

    /// What is around a page of the tenant `tenant`, or of all.
    pub fn frame(&self, title: &str, tenant: Option<&str>, tab: &'static str) -> Frame {
        Frame {
            title: title.to_owned(),
            me: Some(self.me().clone()),
            csrf: self.session.csrf.clone(),
            tenant: tenant.map(str::to_owned),
            tab,
            flash: self.sessions.take(&self.session, &self.path),
        }
    }
}

/// To where people sign in, from a page or from a part of one.
pub fn to_login(is_htmx: bool) -> Response {
    if is_htmx {
        let headers = [(HX_REDIRECT, HeaderValue::from_static(LOGIN))];
        return (StatusCode::UNAUTHORIZED, headers).into_response();
    }
    Redirect::to(LOGIN).into_response()
}

/// What is around every page.
pub struct Frame {
    /// What it is called.
    pub title: String,
    /// Who looks, if they are signed in.
    pub me: Option<Me>,
    /// What every form has in it.
    pub csrf: String,
    /// Of which tenant it is.
    pub tenant: Option<String>,
    /// Which of the links above is that of this page.
    pub tab: &'static str,
    /// What it says about what was done.
    pub flash: Option<Flash>,
}

impl Frame {
    /// Around a page for who is not signed in.
    pub fn outside(title: &str, flash: Option<Flash>) -> Self {
        Self {
            title: title.to_owned(),
            me: None,
            csrf: String::new(),
            tenant: None,
            tab: "",
            flash,
        }
    }

    /// Where the files are that the page needs.
    pub fn assets(&self) -> &'static Addresses {
        &ADDRESSES
    }

    /// Whether who looks may do what takes that role. The API decides; this says only what is worth showing.
    pub fn may(&self, role: &str) -> bool {
        let needed = role.parse::<Role>();
        self.me
            .as_ref()
            .is_some_and(|me| needed.is_ok_and(|needed| me.role.may(needed)))
    }

    /// Where the pages of its tenant begin.
    pub fn base(&self) -> String {
        format!(
            "/console/tenants/{}",
            part(self.tenant.as_deref().unwrap_or_default())
        )
    }

    /// `page` for the link of that page, nothing for others.
    pub fn current(&self, tab: &str) -> bool {
        self.tab == tab
    }

    /// What is said beside the form `form`, or at the top.
    pub fn note_at(&self, form: &str) -> Option<&Note> {
        let flash = self.flash.as_ref().filter(|flash| flash.form == form);
        flash.map(|flash| &flash.note)
    }

    /// Whether something was just typed into the form `form`.
    pub fn is_open(&self, form: &str) -> bool {
        self.note_at(form).is_some()
    }

    /// What was just typed into a field of the form `form`, or `otherwise`.
    pub fn entered<'a>(&'a self, form: &str, field: &str, otherwise: &'a str) -> &'a str {
        let flash = self.flash.as_ref().filter(|flash| flash.form == form);
        let mut typed = flash.into_iter().flat_map(|flash| &flash.entered);
        typed
            .find(|(name, _)| name == field)
            .map_or(otherwise, |(_, value)| value)
    }

    /// Whether that was just chosen in the form `form`.
    pub fn is_chosen(&self, form: &str, field: &str, value: &str) -> bool {
        self.entered(form, field, "") == value
    }
}
