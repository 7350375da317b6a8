//! How a host is asked: over TLS or on this machine, with an end to every wait and every answer, and following nobody.
//!
//! A request that changes something has a key, so that it can be sent again when the connection breaks and is done
//! once all the same.

use std::io::Write;
use std::time::Duration;

use external_worker_control::limits::{CALL_TIMEOUT, INSTALL_TIMEOUT, MAX_PAGE, UPLOAD_TIMEOUT};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::time::timeout;
use uuid::Uuid;

use super::error::RemoteError;
use super::route::{Address, Route};
use crate::cli::error::CliError;
use crate::engine::Trust;
use crate::limits::{
    API_ANSWER_TIMEOUT, API_CONNECT_TIMEOUT, API_PART_TIMEOUT, API_RETRY_PAUSE,
    MAX_API_ANSWER_BYTES, MAX_API_PAGES,
};
use crate::registry::sentence;

const USER_AGENT: &str = concat!("ewh/", env!("CARGO_PKG_VERSION"));
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Something that a host is asked.
pub struct Request {
    what: String,
    method: Method,
    route: Route,
    body: Body,
    patience: Duration,
}

enum Body {
    Nothing,
    Json(String),
    File(Vec<u8>),
}

impl Request {
    /// What there is; `what` it is for, as in "show the tenant `lab`".
    pub fn get(what: impl Into<String>, route: Route) -> Self {
        Self::new(Method::GET, what, route, Body::Nothing)
    }

    /// To do something.
    pub fn post(what: impl Into<String>, route: Route) -> Self {
        Self::new(Method::POST, what, route, Body::Nothing)
    }

    /// To change something.
    pub fn patch(what: impl Into<String>, route: Route) -> Self {
        Self::new(Method::PATCH, what, route, Body::Nothing)
    }

    /// To remove something.
    pub fn delete(what: impl Into<String>, route: Route) -> Self {
        Self::new(Method::DELETE, what, route, Body::Nothing)
    }

    /// To take a file.
    pub fn put(what: impl Into<String>, route: Route, file: Vec<u8>) -> Self {
        let patience = INSTALL_TIMEOUT.saturating_add(UPLOAD_TIMEOUT);
        Self::new(Method::PUT, what, route, Body::File(file)).within(patience)
    }

    fn new(method: Method, what: impl Into<String>, route: Route, body: Body) -> Self {
        Self {
            what: what.into(),
            method,
            route,
            body,
            patience: API_ANSWER_TIMEOUT,
        }
    }

    /// The same with these words.
    pub fn json(self, body: &Json) -> Self {
        let body = Body::Json(body.to_string());
        Self { body, ..self }
    }

    /// The same, which waits as long as a guest may take.
    pub fn of_guest(self) -> Self {
        self.within(CALL_TIMEOUT)
    }

    fn within(self, patience: Duration) -> Self {
        let patience = patience.saturating_add(API_ANSWER_TIMEOUT);
        Self { patience, ..self }
    }

    /// What is to be done.
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// Asks one host with one token.
pub struct Client {
    http: reqwest::Client,
    address: Address,
    bearer: HeaderValue,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Why an attempt came to nothing.
enum Broken {
    /// The connection broke, so it may be tried again.
    Off(String),
    /// It makes no sense to try again.
    Other(String),
}

impl Client {
    /// One that shows `token` at `address`.
    ///
    /// # Errors
    /// When the token is none, or the certificates of the machine cannot be used.
    pub fn new(address: Address, token: &str, trust: &Trust) -> Result<Self, CliError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            CliError::Usage("the token has characters that no token has; check it".to_owned())
        })?;
        bearer.set_sensitive(true);
        let machine = |problem: String| CliError::Usage(problem);
        let tls = trust
            .client()
            .map_err(|problem| machine(problem.to_owned()))?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(API_CONNECT_TIMEOUT)
            .referer(false)
            .user_agent(USER_AGENT);
        // A proxy is for what is elsewhere.
        let builder = if address.is_here() {
            builder.no_proxy()
        } else {
            builder
        };
        Ok(Self {
            http: builder.build().map_err(|error| machine(sentence(error)))?,
            address,
            bearer,
        })
    }

    /// Who is asked, for people.
    pub fn host(&self) -> String {
        self.address.host()
    }

    /// Has something done, and takes the answer.
    pub async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, RemoteError> {
        let body = self.answer(request).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let problem = format!(
                "this `ewh` does not understand the answer (line {line}, column {column}); the host may have \
                 another version"
            );
            self.strange(request, problem)
        })
    }

    /// Has something done whose answer says nothing more.
    pub async fn done(&self, request: &Request) -> Result<(), RemoteError> {
        self.answer(request).await.map(drop)
    }

    /// Takes a file, which may be of any length, for as long as something of it comes.
    pub async fn download(
        &self,
        request: &Request,
        to: &mut impl Write,
    ) -> Result<(), RemoteError> {
        let unreachable = |problem: String| RemoteError::Unreachable {
            what: request.what.clone(),
            host: self.host(),
            problem,
        };
        let url = self.address.url(&request.route).map_err(&unreachable)?;
        let asking = self
            .http
            .get(url)
            .header(AUTHORIZATION, self.bearer.clone())
            .send();
        let late = |_| unreachable("it takes too long".to_owned());
        let sent = timeout(request.patience, asking).await.map_err(late)?;
        let mut response = sent.map_err(|error| unreachable(sentence(error)))?;
        let status = response.status();
        if !status.is_success() {
            let body = body(response).await.unwrap_or_default();
            let status = status.as_u16();
            return Err(RemoteError::told(
                &request.what,
                &self.host(),
                status,
                &body,
                false,
            ));
        }
        loop {
            let part = timeout(API_PART_TIMEOUT, response.chunk())
                .await
                .map_err(late)?;
            let Some(part) = part.map_err(|error| unreachable(sentence(error)))? else {
                return Ok(());
            };
            to.write_all(&part).map_err(|source| RemoteError::Kept {
                what: request.what.clone(),
                source,
            })?;
        }
    }

    /// All of a list.
    pub async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &Route,
    ) -> Result<Vec<T>, RemoteError> {
        let mut items = Vec::new();
        let mut route = route.clone().with("limit", &MAX_PAGE.to_string());
        let first = route.clone();
        for _ in 0..MAX_API_PAGES {
            let page: Page<T> = self.ask(&Request::get(what, route)).await?;
            items.extend(page.items);
            let Some(next) = page.next else {
                return Ok(items);
            };
            route = first.clone().with("after", &next);
        }
        let problem = format!("the list has more than {MAX_API_PAGES} pages");
        Err(self.strange(&Request::get(what, first), problem))
    }

    /// The answer of who did it.
    async fn answer(&self, request: &Request) -> Result<Vec<u8>, RemoteError> {
        let key = Uuid::new_v4().simple().to_string();
        let mut tried = self.attempt(request, &key).await;
        let is_again = matches!(tried, Err(Broken::Off(_)));
        if is_again {
            tokio::time::sleep(API_RETRY_PAUSE).await;
            tried = self.attempt(request, &key).await;
        }
        let (status, body) = tried.map_err(|broken| {
            let (Broken::Off(problem) | Broken::Other(problem)) = broken;
            RemoteError::Unreachable {
                what: request.what.clone(),
                host: self.host(),
                problem,
            }
        })?;
        if status.is_success() {
            return Ok(body);
        }
        if status.is_redirection() {
            return Err(self.strange(request, "it sends elsewhere".to_owned()));
        }
        let (what, status) = (&request.what, status.as_u16());
        Err(RemoteError::told(
            what,
            &self.host(),
            status,
            &body,
            is_again,
        ))
    }

    async fn attempt(&self, request: &Request, key: &str) -> Result<(StatusCode, Vec<u8>), Broken> {
        let url = self.address.url(&request.route).map_err(Broken::Other)?;
        let mut asking = self
            .http
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, self.bearer.clone())
            .header(ACCEPT, "application/json")
            .timeout(request.patience);
        if request.method != Method::GET {
            asking = asking.header(IDEMPOTENCY_KEY, key);
        }
        asking = match &request.body {
            Body::Nothing => asking,
            Body::Json(text) => asking
                .header(CONTENT_TYPE, "application/json")
                .body(text.clone()),
            Body::File(bytes) => asking
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(bytes.clone()),
        };
        let response = asking.send().await.map_err(broken)?;
        let status = response.status();
        Ok((status, body(response).await?))
    }

    fn strange(&self, request: &Request, problem: String) -> RemoteError {
        RemoteError::Strange {
            what: request.what.clone(),
            host: self.host(),
            problem,
        }
    }
}

/// Who is not there does not come by asking again, and who takes too long has been asked.
fn broken(error: reqwest::Error) -> Broken {
    let is_over = error.is_timeout() || error.is_connect() || error.is_builder();
    let problem = sentence(error);
    if is_over {
        Broken::Other(problem)
    } else {
        Broken::Off(problem)
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, Broken> {
    let mut content = Vec::new();
    while let Some(part) = response.chunk().await.map_err(broken)? {
        if (content.len() as u64).saturating_add(part.len() as u64) > MAX_API_ANSWER_BYTES {
            let problem = format!("it sends more than {MAX_API_ANSWER_BYTES} bytes");
            return Err(Broken::Other(problem));
        }
        content.extend_from_slice(&part);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A host that answers each connection with the next of `answers`, and what it was asked.
    async fn host(answers: Vec<String>) -> (Client, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                asked.push(head(&mut stream).await);
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            asked
        });
        let address = address.parse().unwrap();
        (
            Client::new(address, "ewh-a-b", &Trust::default()).unwrap(),
            serving,
        )
    }

    async fn head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    fn key(head: &str) -> String {
        let (_, after) = head.split_once("idempotency-key: ").unwrap();
        after.lines().next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn what_changes_something_is_sent_once_more_with_the_same_key() {
        let (client, serving) = host(vec![String::new(), answer("200 OK", "{\"a\": 1}")]).await;
        let request = Request::post("do it", Route::to(&["x"]));
        let said: Json = client.ask(&request).await.unwrap();
        assert_eq!(said["a"], 1);
        let asked = serving.await.unwrap();
        assert!(asked[0].starts_with("post /api/v1/x "), "{}", asked[0]);
        assert!(asked[0].contains("authorization: bearer ewh-a-b"));
        assert_eq!(key(&asked[0]), key(&asked[1]));
        let (client, _serving) = host(vec![String::new(), String::new()]).await;
        let error = client.done(&request).await.unwrap_err();
        assert!(matches!(error, RemoteError::Unreachable { .. }), "{error}");
        assert!(!format!("{error:?}").contains("ewh-a-b"), "{error:?}");
    }

    #[tokio::test]
    async fn a_list_is_all_of_its_pages() {
        let pages = [
            r#"{"items":[1,2],"next":"Mg"}"#,
            r#"{"items":[3],"next":null}"#,
        ];
        let (client, serving) = host(pages.map(|page| answer("200 OK", page)).to_vec()).await;
        let all: Vec<u32> = client.list("list", &Route::to(&["x"])).await.unwrap();
        assert_eq!(all, [1, 2, 3]);
        let asked = serving.await.unwrap();
        assert!(
            asked[1].starts_with("get /api/v1/x?limit=200&after=mg "),
            "{}",
            asked[1]
        );
        assert!(!asked[0].contains("idempotency-key"));
    }

    #[tokio::test]
    async fn nobody_is_followed_and_no_answer_has_no_end() {
        let elsewhere =
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let (client, _serving) = host(vec![elsewhere.to_owned()]).await;
        let request = Request::get("see", Route::to(&["me"]));
        let error = client.done(&request).await.unwrap_err();
        assert!(error.to_string().contains("sends elsewhere"), "{error}");
        let long = " ".repeat(usize::try_from(MAX_API_ANSWER_BYTES).unwrap() + 1);
        let (client, _serving) = host(vec![answer("200 OK", &long)]).await;
        let error = client.done(&request).await.unwrap_err();
        assert!(error.to_string().contains("sends more than"), "{error}");
    }
}
