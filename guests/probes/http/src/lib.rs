//! Probes the grant `http`: one class through WASI 0.3, which the SDK uses, and one through
//! WASI 0.2, which older components use.

mod memory;
mod p2;

use std::time::Duration;

use external_worker::http::{self, Request};
use external_worker::prelude::*;

/// See the crate.
#[derive(Default)]
pub struct Http;

/// What a secret may be given in.
#[config]
pub struct HttpConfig {
    /// Anybody may know it.
    #[config(default = "")]
    host: String,
    /// Not for others.
    #[config(default = "", export = false)]
    token: String,
}

#[external_worker(id = "http", config = HttpConfig)]
impl Http {
    /// Sends a request and gives back status and body.
    #[node(trigger_on_call = false)]
    async fn ask(&self, method: String, url: String) -> Result<String> {
        answer(http::request(&method, url)).await
    }

    /// Sends bytes and gives back status and body.
    #[node(trigger_on_call = false)]
    async fn send(&self, url: String, body: Bytes) -> Result<String> {
        answer(http::post(url).body(body.to_vec())).await
    }

    /// Follows up to ten redirects and gives back the last status and body.
    #[node(trigger_on_call = false)]
    async fn follow(&self, url: String) -> Result<String> {
        let mut url = url;
        for _ in 0..10 {
            let response = http::get(&url).send().await?;
            match response.header("location") {
                Some(location) if (300..400).contains(&response.status()) => {
                    url = location.to_owned();
                }
                _ => return Ok(format!("{} {}", response.status(), response.text()?)),
            }
        }
        Err(Error::unavailable("the redirects do not end"))
    }

    /// Waits only so long for an answer.
    #[node(trigger_on_call = false)]
    async fn hurry(&self, url: String, ms: u32) -> Result<String> {
        answer(http::get(url).timeout(Duration::from_millis(ms.into()))).await
    }

    /// Tells the server another host than the one that is asked.
    #[node(trigger_on_call = false)]
    async fn disguise(&self, url: String, host: String) -> Result<String> {
        answer(http::get(url).header("host", host)).await
    }

    /// Sends a header and gives back everything that comes: status, headers and body.
    #[node(trigger_on_call = false)]
    async fn present(&self, url: String, header: String, value: String) -> Result<String> {
        let response = http::get(url).header(header, value).send().await?;
        let mut all = format!("{}\n", response.status());
        for (name, value) in response.headers() {
            all.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value)));
        }
        all.push_str(&String::from_utf8_lossy(response.body()));
        Ok(all)
    }

    /// Whether a text is anywhere in its memory; see [`memory::holds`].
    #[node(trigger_on_call = false)]
    fn holds(&self, turned: String) -> bool {
        memory::holds(turned.as_bytes())
    }

    /// How many bytes a server sends.
    #[node(trigger_on_call = false)]
    async fn weigh(&self, url: String, most: u32) -> Result<i64> {
        let response = http::get(url).max_body(most as usize).send().await?;
        Ok(response.body().len() as i64)
    }
}

async fn answer(request: Request) -> Result<String> {
    let response = request.send().await?;
    Ok(format!("{} {}", response.status(), response.text()?))
}

export!(Http, p2::Http2; requests: { http: "it probes it" });
