//! Files that the command line names: read with care, refused with a sentence that helps.

use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::error::CliError;
use crate::error::HostError;

/// Checks that `path` is a file that can be read. `what` it should be is for the sentence.
///
/// # Errors
/// [`CliError::Usage`] with what to name instead.
pub fn check(path: &Path, what: &str) -> Result<Metadata, CliError> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => CliError::Usage(format!(
            "there is no file `{shown}`; check the path of the {what}"
        )),
        _ => cannot_read(path, error),
    })?;
    if metadata.is_dir() {
        return Err(CliError::Usage(if path.join("Cargo.toml").is_file() {
            format!(
                "`{shown}` is a directory with a Cargo.toml, not a {what}; run `ewh build {shown}` \
                 and name the file that it prints"
            )
        } else {
            format!("`{shown}` is a directory, not a {what}; name a file")
        }));
    }
    if !metadata.is_file() {
        let problem = format!("`{shown}` is a device or a pipe, not a {what}; name a regular file");
        return Err(CliError::Usage(problem));
    }
    Ok(metadata)
}

/// All of the file at `path`, at most `limit` bytes.
///
/// # Errors
/// As [`check`], and when it is too large or cannot be read.
pub fn read(path: &Path, what: &str, limit: u64) -> Result<Vec<u8>, CliError> {
    check(path, what)?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| cannot_read(path, error))?;
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| cannot_read(path, error))?;
    if bytes.len() as u64 > limit {
        let shown = path.display();
        let problem =
            format!("the {what} `{shown}` is larger than the {limit} bytes that are read");
        return Err(CliError::Usage(problem));
    }
    Ok(bytes)
}

/// All of the text at `path`, at most `limit` bytes.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, what: &str, limit: u64) -> Result<String, CliError> {
    String::from_utf8(read(path, what, limit)?).map_err(|_not_utf8| {
        CliError::Usage(format!(
            "the {what} `{}` is not text in UTF-8",
            path.display()
        ))
    })
}

fn cannot_read(path: &Path, source: std::io::Error) -> CliError {
    HostError::File {
        action: "read",
        path: path.to_owned(),
        source,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        for (path, part) in [
            ("/nowhere/x.wasm", "there is no file"),
            ("/", "is a directory, not a component"),
            (env!("CARGO_MANIFEST_DIR"), "ewh build"),
            ("/dev/zero", "is a device or a pipe"),
        ] {
            let problem = read(Path::new(path), "component", 10)
                .unwrap_err()
                .to_string();
            assert!(problem.contains(part), "{problem}");
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let problem = read(&here, "policy", 10).unwrap_err().to_string();
        assert!(problem.contains("larger than the 10 bytes"), "{problem}");
    }
}
