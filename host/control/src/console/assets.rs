//! The files that pages need: script of others, pinned, and our own style. Their address has a hash of what is in
//! them, so browsers keep them for good and never have an old one.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::trouble::Trouble;

const HASH_DIGITS: usize = 16;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const STYLE: Asset = Asset {
    name: "console.css",
    kind: "text/css; charset=utf-8",
    bytes: include_bytes!("../../assets/console.css"),
};
const HTMX: Asset = Asset {
    name: "htmx.min.js",
    kind: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../../assets/htmx.min.js"),
};
const EVENTS: Asset = Asset {
    name: "sse.min.js",
    kind: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../../assets/sse.min.js"),
};
const ALL: [&Asset; 3] = [&STYLE, &HTMX, &EVENTS];

/// Where the assets are.
#[derive(Debug)]
pub struct Addresses {
    /// The style.
    pub style: String,
    /// htmx.
    pub htmx: String,
    /// Its extension for server-sent events.
    pub events: String,
}

/// Where they are now.
pub static ADDRESSES: LazyLock<Addresses> = LazyLock::new(|| Addresses {
    style: STYLE.address(),
    htmx: HTMX.address(),
    events: EVENTS.address(),
});

impl Asset {
    fn hash(&self) -> String {
        let hash = blake3::hash(self.bytes).to_hex();
        hash.chars().take(HASH_DIGITS).collect()
    }

    fn address(&self) -> String {
        format!("/console/assets/{}/{}", self.hash(), self.name)
    }
}

/// One of them.
pub async fn show(Path((hash, name)): Path<(String, String)>) -> Response {
    let asset = ALL.into_iter().find(|asset| asset.name == name);
    match asset.filter(|asset| asset.hash() == hash) {
        Some(asset) => {
            let headers = [
                (CONTENT_TYPE, asset.kind),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => Trouble::missing().into_response(),
    }
}
