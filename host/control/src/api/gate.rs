//! What every request goes through, in this order: whose page sends it, whose token it shows, whether the tenant is
//! theirs, whether the role is enough, whether there is room; only then is its body read.
//!
//! Before the tenant is known to be theirs nothing depends on what there is: a tenant that is another's, one that there
//! never was, a method or a path that is none are one answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::answer::{Answer, Refusal, RequestId, done, options, refused};
use super::asked::Asked;
use super::idempotent::{self, Known};
use super::places::{For, Place};
use super::route::{Gives, Route, Takes};
use crate::access::{self, Denied};
use crate::control::{Control, Who, not_found};
use crate::limits;
use crate::model::{Code, Happened, Problem};
use crate::role::Role;
use crate::token::Login;

/// What a request is for, as far as its path and method say.
pub(super) enum Target {
    /// A route.
    Route(&'static Route),
    /// A path that has other methods.
    Path(Vec<&'static Route>),
    /// Nothing that there is.
    Nothing,
}

/// Somebody who was let in.
struct Visitor {
    login: Option<Login>,
    who: Who,
}

/// Answers one request.
pub(super) async fn enter(
    control: Arc<Control>,
    target: Target,
    params: Vec<(String, String)>,
    request: Request,
) -> Response {
    let id = RequestId::new();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = pass(control, target, params, request, id).await;
    let response = response.unwrap_or_else(|refusal| refused(&refusal, id));
    tracing::debug!(request = %id, %method, path, status = response.status().as_u16());
    response
}

async fn pass(
    control: Arc<Control>,
    target: Target,
    params: Vec<(String, String)>,
    request: Request,
    id: RequestId,
) -> Result<Response, Refusal> {
    control.access.check_page(&request).map_err(denied)?;
    let visitor = let_in(&control, &target, &request)?;
    check_tenant(&control, &target, &params, &visitor, &request)?;
    let route = match target {
        Target::Route(route) => route,
        Target::Path(siblings) => return no_method(&siblings, request.method(), id),
        Target::Nothing => return Err(not_found().into()),
    };
    check_role(&control, route, &visitor, &request)?;
    let (places, place) = take_places(&control, route, &visitor)?;
    let (parts, body) = request.into_parts();
    let key = match idempotent::key(&parts.headers)? {
        Some(key) if route.is_kept() => Some(key.to_owned()),
        _ => None,
    };
    let body = read(route, &control, &parts.headers, body).await?;
    let first = match (&visitor.login, key) {
        (Some(login), Some(key)) => {
            let target = parts.uri.path_and_query().map_or("", |it| it.as_str());
            let digest = idempotent::digest(parts.method.as_str(), target, &body);
            match idempotent::begin(&control, login, &key, digest, id).await? {
                Known::First(first) => Some(first),
                Known::Answered(response) => return Ok(response),
            }
        }
        _ => None,
    };
    let asked = asked(Arc::clone(&control), visitor, params, parts, body, place);
    let work = async move {
        let outcome = (route.run)(asked).await;
        if let Some(first) = first {
            let given = idempotent::given(&outcome, id);
            idempotent::settle(&control, first, given).await;
        }
        drop(places);
        outcome
    };
    Ok(done(run(route, work).await?, id))
}

/// What may change something is finished even if the client goes meanwhile.
async fn run(
    route: &Route,
    work: impl Future<Output = Result<Answer, Problem>> + Send + 'static,
) -> Result<Answer, Problem> {
    if !route.may_change() {
        return work.await;
    }
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request was not finished");
        let problem = "the host failed; its log says why";
        Err(Problem::new(Code::Internal, problem))
    })
}

fn asked(
    control: Arc<Control>,
    visitor: Visitor,
    params: Vec<(String, String)>,
    parts: Parts,
    body: Bytes,
    place: Option<Place>,
) -> Asked {
    Asked {
        control,
        login: visitor.login,
        who: visitor.who,
        uri: parts.uri,
        params,
        body,
        place,
    }
}

fn denied(denied: Denied) -> Refusal {
    let code = match denied {
        Denied::Host | Denied::Twice => Code::BadRequest,
        Denied::Page => Code::Forbidden,
        Denied::NoToken | Denied::WrongToken => Code::Unauthenticated,
        Denied::TooMany(_) => Code::TooMany,
    };
    let retry_after = match denied {
        Denied::TooMany(wait) => Some(wait),
        _ => None,
    };
    Refusal {
        retry_after,
        ..Problem::new(code, denied.sentence()).into()
    }
}

/// Whose token the request shows, where it takes one.
fn let_in(control: &Control, target: &Target, request: &Request) -> Result<Visitor, Refusal> {
    let peer = access::peer(request);
    let is_open = match target {
        Target::Route(route) => route.needs.is_none(),
        Target::Path(siblings) => siblings.iter().all(|route| route.needs.is_none()),
        Target::Nothing => false,
    };
    if is_open {
        let who = Who(peer.to_string());
        return Ok(Visitor { login: None, who });
    }
    let registry = control.registry();
    let keys = registry.keys.values();
    let checked = control
        .access
        .check_token(request.headers(), peer, keys, SystemTime::now());
    match checked {
        Ok(login) => Ok(known(control, login, peer)),
        Err(reason) => {
            if reason == Denied::WrongToken {
                note_failure(control, request, peer);
            }
            Err(denied(reason))
        }
    }
}

fn known(control: &Control, login: Login, peer: IpAddr) -> Visitor {
    let who = Who(format!("{} at {peer}", login.id));
    if control.is_first_use(&login.id) {
        let what = format!("a token of the role {}", login.role);
        let tenant = login.tenant.as_deref();
        control.note(&who, Happened::TokenUsed, tenant, &what);
    }
    let login = Some(login);
    Visitor { login, who }
}

fn note_failure(control: &Control, request: &Request, peer: IpAddr) {
    let what = named(request);
    let (who, reason) = (Who(peer.to_string()), Denied::WrongToken.sentence());
    control.note_reason(&who, Happened::LoginFailed, None, &what, Some(reason));
}

fn named(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

/// Whether the tenant is theirs; one that is not there is nobody's.
fn check_tenant(
    control: &Control,
    target: &Target,
    params: &[(String, String)],
    visitor: &Visitor,
    request: &Request,
) -> Result<(), Refusal> {
    let is_of_tenant = match target {
        Target::Route(route) => route.is_of_tenant(),
        Target::Path(siblings) => siblings.iter().any(|route| route.is_of_tenant()),
        Target::Nothing => false,
    };
    let Some(login) = visitor.login.as_ref().filter(|_| is_of_tenant) else {
        return Ok(());
    };
    let tenant = params.iter().find(|(name, _)| name == "tenant");
    let tenant = tenant.map_or("", |(_, value)| value);
    let is_theirs = match &login.tenant {
        Some(own) => own == tenant,
        None => control.registry().tenants.contains_key(tenant),
    };
    if is_theirs {
        return Ok(());
    }
    if login.tenant.is_some() {
        control.note_denial(
            login,
            &visitor.who,
            &named(request),
            "the tenant is not theirs",
        );
    }
    Err(not_found().into())
}

fn check_role(
    control: &Control,
    route: &Route,
    visitor: &Visitor,
    request: &Request,
) -> Result<(), Refusal> {
    let (Some(needs), Some(login)) = (route.needs, &visitor.login) else {
        return Ok(());
    };
    if login.role.may(needs) {
        return Ok(());
    }
    let reason = format!(
        "this takes the role {needs}, and the token has {}",
        login.role
    );
    control.note_denial(login, &visitor.who, &named(request), &reason);
    Err(Problem::new(Code::Forbidden, reason).into())
}

/// The answer where a path has no such method.
fn no_method(siblings: &[&Route], method: &Method, id: RequestId) -> Result<Response, Refusal> {
    let mut allow = vec!["OPTIONS"];
    for route in siblings {
        allow.push(route.verb.name());
        if !route.may_change() {
            allow.push("HEAD");
        }
    }
    let allow = allow.join(", ");
    if method == Method::OPTIONS {
        return Ok(options(&allow, id));
    }
    let problem = format!("there is no such method here, but {allow}");
    Err(Refusal {
        allow: Some(allow),
        ..Problem::new(Code::MethodNotAllowed, problem).into()
    })
}

/// The places that a request takes while it is done, and the one that it keeps as a stream.
fn take_places(
    control: &Control,
    route: &Route,
    visitor: &Visitor,
) -> Result<(Vec<Place>, Option<Place>), Refusal> {
    let Some(login) = &visitor.login else {
        return Ok((Vec::new(), None));
    };
    let take = |what| {
        let place = control.places.take(what, login.tenant.as_deref());
        let full = || Problem::new(Code::TooMany, "too much is asked at once; try again later");
        place.ok_or_else(full)
    };
    if matches!(route.gives, Gives::Stream | Gives::Archive) {
        return Ok((Vec::new(), Some(take(For::Stream)?)));
    }
    let mut places = vec![take(For::Request)?];
    if matches!(route.takes, Takes::File) {
        places.push(take(For::Upload)?);
    }
    Ok((places, None))
}

/// The body, if it is what the route takes, in time, and not too long.
async fn read(
    route: &Route,
    control: &Control,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Problem> {
    let (most, time) = match route.takes {
        Takes::Nothing => (0, limits::BODY_TIMEOUT),
        Takes::Json(_) => (limits::MAX_BODY_BYTES, limits::BODY_TIMEOUT),
        Takes::File => (control.upload_bytes, limits::UPLOAD_TIMEOUT),
        Takes::Secret => (limits::MAX_SECRET_BYTES, limits::BODY_TIMEOUT),
    };
    check_kind(route.takes, headers)?;
    let too_large = || match most {
        0 => Problem::new(Code::BadRequest, "this takes no body"),
        most => Problem::new(
            Code::TooLarge,
            format!("the body has more than {most} bytes"),
        ),
    };
    let said = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    let said = said.and_then(|length| length.parse::<u64>().ok());
    if said.is_some_and(|said| said > most as u64) {
        return Err(too_large());
    }
    let reading = tokio::time::timeout(time, Limited::new(body, most).collect());
    match reading.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::BadRequest, "the body broke off")),
        Err(_) => Err(Problem::new(
            Code::BadRequest,
            "the body did not come in time",
        )),
    }
}

fn check_kind(takes: Takes, headers: &HeaderMap) -> Result<(), Problem> {
    let wanted = match takes {
        Takes::Nothing => return Ok(()),
        Takes::Json(_) => "application/json",
        Takes::File | Takes::Secret => "application/octet-stream",
    };
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or("");
    if kind.trim().eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let problem = format!("this takes a body with `Content-Type: {wanted}`");
    Err(Problem::new(Code::BadRequest, problem))
}

impl Control {
    /// Writes down that somebody may not do what they asked for, unless they ask all the time.
    fn note_denial(&self, login: &Login, who: &Who, what: &str, reason: &str) {
        if login.role != Role::Operator && self.denials.count(login.id.clone()).is_ok() {
            let tenant = login.tenant.as_deref();
            self.note_reason(who, Happened::Denied, tenant, what, Some(reason));
        }
    }
}
