//! What a route is: a method, a path, the role that it takes, what it does, and what is said of it in the document.

use std::borrow::Cow;

use futures_util::future::BoxFuture;
use utoipa::ToSchema;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{RefOr, Schema};

use super::answer::Answer;
use super::asked::Asked;
use crate::model::{Code, Problem};
use crate::role::Role;

/// A method of HTTP that is used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// As it is sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a handler does: it is asked, and answers or says why not.
pub(crate) type Handler = fn(Asked) -> BoxFuture<'static, Result<Answer, Problem>>;

/// What a route takes as a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// None.
    Nothing,
    /// JSON.
    Json(Kind),
    /// A file.
    File,
    /// The value of a secret.
    Secret,
}

/// What a route answers if it is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gives {
    /// No body.
    Nothing,
    /// JSON of one kind.
    Json(Kind),
    /// A page of a list of one kind.
    Page(Kind),
    /// Events for as long as somebody listens.
    Stream,
    /// A tar archive, as it is made.
    Archive,
}

/// A type of the API, as the document names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub name: fn() -> Cow<'static, str>,
    pub schema: fn() -> RefOr<Schema>,
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

/// The kind of a type.
pub(crate) const fn kind<T: ToSchema>() -> Kind {
    Kind {
        name: T::name,
        schema: T::schema,
        parts: T::schemas,
    }
}

/// One route.
pub(crate) struct Route {
    pub verb: Verb,
    /// Below the base, with parameters in braces.
    pub path: &'static str,
    /// The role that it takes; none: anybody.
    pub needs: Option<Role>,
    pub run: Handler,
    /// One sentence on it.
    pub says: &'static str,
    pub takes: Takes,
    /// The status of what is done.
    pub status: u16,
    pub gives: Gives,
    pub query: fn() -> Vec<Parameter>,
    /// Reasons not to do it, besides those that every route has.
    pub problems: &'static [Code],
}

impl Route {
    /// Whether it is one of a tenant.
    pub fn is_of_tenant(&self) -> bool {
        self.path.contains("{tenant}")
    }

    /// Whether it may change something.
    pub fn may_change(&self) -> bool {
        self.verb != Verb::Get
    }

    /// Whether what was answered is kept by the key of the request. To set a secret again does no harm, and a digest of it
    /// would say whether a guess is right.
    pub fn is_kept(&self) -> bool {
        self.may_change() && !matches!(self.takes, Takes::Secret)
    }
}

/// A route that takes nothing and gives nothing; the rest is added.
pub(crate) const fn route(verb: Verb, path: &'static str, needs: Role, run: Handler) -> Route {
    Route {
        verb,
        path,
        needs: Some(needs),
        run,
        says: "",
        takes: Takes::Nothing,
        status: 204,
        gives: Gives::Nothing,
        query: Vec::new,
        problems: &[],
    }
}

impl Route {
    /// What the document says of it.
    pub const fn says(mut self, says: &'static str) -> Self {
        self.says = says;
        self
    }

    /// It takes no token.
    pub const fn open(mut self) -> Self {
        self.needs = None;
        self
    }

    /// It takes JSON.
    pub const fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Takes::Json(kind::<T>());
        self
    }

    /// It takes a file.
    pub const fn takes_file(mut self) -> Self {
        self.takes = Takes::File;
        self
    }

    /// It takes a secret: nothing that comes of its body is kept for a request that is sent again.
    pub const fn takes_secret(mut self) -> Self {
        self.takes = Takes::Secret;
        self
    }

    /// It gives JSON.
    pub const fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.gives = Gives::Json(kind::<T>());
        self
    }

    /// It gives a page of a list.
    pub const fn lists<T: ToSchema>(mut self) -> Self {
        self.status = 200;
        self.gives = Gives::Page(kind::<T>());
        self
    }

    /// It gives a stream of events.
    pub const fn streams(mut self) -> Self {
        self.status = 200;
        self.gives = Gives::Stream;
        self
    }

    /// It gives a tar archive.
    pub const fn archives(mut self) -> Self {
        self.status = 200;
        self.gives = Gives::Archive;
        self
    }

    /// It has these parameters in its query.
    pub const fn query(mut self, query: fn() -> Vec<Parameter>) -> Self {
        self.query = query;
        self
    }

    /// It is refused for these reasons, too.
    pub const fn problems(mut self, problems: &'static [Code]) -> Self {
        self.problems = problems;
        self
    }
}
