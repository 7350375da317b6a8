//! A folder of the worker's own, under the grant `data`: what each instance keeps there is there again after
//! a restart, a trap, new code and a restart of the host, and goes with the instance. No other instance sees
//! it.
//!
//! It is at [`FOLDER`], for [`files`](crate::files) and for `std::fs`; [`read`] and [`write`] are for small
//! things that have to be whole, such as settings and counters.
//!
//! ```
//! use external_worker::prelude::*;
//! use external_worker::{data, files};
//!
//! /// Counts how often it was started, and keeps a log of what it saw.
//! async fn note(seen: f64) -> Result<u64> {
//!     let before = data::read("starts").await?.unwrap_or_default();
//!     let starts = String::from_utf8_lossy(&before).parse().unwrap_or(0) + 1;
//!     data::write("starts", starts.to_string()).await?;
//!     files::append(&data::path("seen.csv"), format!("{starts},{seen}\n")).await?;
//!     Ok(starts)
//! }
//! ```

use crate::error::{Error, Result};
use crate::{ErrorCode, files};

/// Where it is.
pub const FOLDER: &str = "/data";

/// The path of `name` in it.
pub fn path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// The whole file `name`; `None`: it was never written.
///
/// # Errors
/// When it cannot be read.
pub async fn read(name: &str) -> Result<Option<Vec<u8>>> {
    match files::read(&path(name)).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.code() == ErrorCode::Unavailable => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file `name`: whatever happens meanwhile, it has either all of what it had or all of `data`.
/// Written twice at the same time, it is one of the two or an error.
///
/// # Errors
/// When there is no room for both, or it cannot be written.
pub async fn write(name: &str, data: impl AsRef<[u8]>) -> Result<()> {
    let path = path(name);
    let aside = format!("{path}.new");
    files::write(&aside, data).await?;
    let renamed = files::rename(&aside, &path).await;
    renamed.map_err(|error: Error| error.context("replacing it"))
}
