//! Who asks: the three checks before anything of a request is looked at.
//!
//! *Host*: on a loopback address only names of this machine, so that no foreign name that was made to point here (DNS
//! rebinding) gets through. *Page*: a browser says which page asks; one of another origin changes nothing here.
//! *Token*: a bearer's, compared in constant time.
//!
//! What is got wrong is counted, by network and by the id that the token names, and answered 429 beyond a rate. A
//! right token always passes: nobody guesses 256 bits at any rate, and a rate that shut out who knows the token would
//! let any stranger behind the same proxy, or with the id of a token, do so.

pub mod address;
mod failures;
mod page;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use axum::extract::ConnectInfo;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};

use crate::limits;
use crate::token::{self, Key, Login};
use address::network;
pub(crate) use failures::Failures;

/// Characters of the id of a token that are told apart.
const MAX_ID_BYTES: usize = 16;

/// Where the API is, and which pages are its own.
#[derive(Debug, Clone)]
pub struct Place {
    /// The address that is listened on.
    pub address: SocketAddr,
    /// Origins of pages that may ask besides those of this server, such as `https://lab.example.org` in front of it.
    pub origins: Vec<String>,
}

/// Why somebody is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The request names a host that is not this machine.
    Host,
    /// A page of another origin wants to change something.
    Page,
    /// A header that says who asks is there twice.
    Twice,
    /// No token is shown.
    NoToken,
    /// The token is none, or has ended.
    WrongToken,
    /// Too much was got wrong; for how long nothing more is listened to.
    TooMany(Duration),
}

impl Denied {
    /// The sentence for whoever was turned away.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Host => "this server does not have that name; ask for 127.0.0.1 or localhost",
            Self::Page => "pages of another origin change nothing here",
            Self::Twice => "a header that says who asks occurs twice; send it once",
            Self::NoToken => "show a token: `Authorization: Bearer ewh-…`",
            Self::WrongToken => {
                "this token is wrong or has ended; ask an owner or operator for one"
            }
            Self::TooMany(_) => "too many wrong tokens were shown; wait, and show the right one",
        }
    }
}

/// The checks of one server.
#[derive(Debug)]
pub(crate) struct Access {
    place: Place,
    of_network: Failures<IpAddr>,
    of_id: Failures<String>,
}

impl Access {
    /// Those of the server at `place`.
    pub fn new(place: Place) -> Self {
        let of_network = Failures::new(
            limits::FAILURES_OF_NETWORK,
            limits::FAILURE_PERIOD_OF_NETWORK,
        );
        let of_id = Failures::new(limits::FAILURES_OF_ID, limits::FAILURE_PERIOD_OF_ID);
        Self {
            place,
            of_network,
            of_id,
        }
    }

    /// Whether a request is for this server, and not of a page that may not ask.
    pub fn check_page<B>(&self, request: &Request<B>) -> Result<(), Denied> {
        page::check(&self.place, request)
    }

    /// Who shows one of `keys`.
    pub fn check_token<'a>(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
        keys: impl IntoIterator<Item = &'a Key>,
        now: SystemTime,
    ) -> Result<Login, Denied> {
        // What does not look like a token is none that somebody tries.
        let shown = bearer(headers).and_then(|token| Some((token, named_id(token)?)));
        let Some((token, id)) = shown else {
            return Err(Denied::NoToken);
        };
        if let Some(login) = token::check(token, keys, now) {
            return Ok(login);
        }
        let waits = [
            self.of_network.count(network(peer)).err(),
            self.of_id.count(id.to_owned()).err(),
        ];
        match waits.into_iter().flatten().max() {
            Some(wait) => Err(Denied::TooMany(wait)),
            None => Err(Denied::WrongToken),
        }
    }
}

/// Where a request comes from, as the listener says: it puts a [`ConnectInfo`] with the address into each request.
pub(crate) fn peer<B>(request: &Request<B>) -> IpAddr {
    let said = request.extensions().get::<ConnectInfo<SocketAddr>>();
    said.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
        peer.ip().to_canonical()
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The id that a token names, whether somebody has it or not: who asks is not to learn that from a rate.
fn named_id(token: &str) -> Option<&str> {
    let (id, _) = token.strip_prefix(token::PREFIX)?.split_once('-')?;
    (1..=MAX_ID_BYTES).contains(&id.len()).then_some(id)
}
