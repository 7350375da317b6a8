//! A copy of all that a host keeps, as its API gives it.

use std::io::Write;

use super::client::Request;
use super::route::Route;
use super::{ContextArgs, Remote};
use crate::cli::CacheOptions;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Takes a copy of all that the host keeps.
///
/// # Errors
/// When the host gives none, or it cannot be kept.
pub fn download(
    at: &ContextArgs,
    to: &mut impl Write,
    output: &Output,
    cache: &CacheOptions,
) -> Result<(), CliError> {
    let remote = Remote::open(at, output, cache)?;
    let what = "make a backup";
    let request = Request::get(what, Route::to(&["backup"]));
    Ok(remote.wait(Some(what), remote.client.download(&request, to))?)
}
