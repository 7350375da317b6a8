//! The attacks: one file each, in a directory for what they attack.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An attack that was built.
pub struct Attack {
    /// What it attacks and what it is called, such as `cpu/spin_call`.
    pub name: String,
    /// What it tries: the sentence that its file begins with.
    pub tries: String,
    /// The component that it is in.
    pub component: PathBuf,
}

/// The attacks of a crate: the files in the directories of its sources. What they share lies beside
/// those.
pub fn of_crate(dir: &Path, component: &Path) -> io::Result<Vec<Attack>> {
    files(&dir.join("src"), "rs")?
        .into_iter()
        .map(|file| {
            Ok(Attack {
                name: name(&file),
                tries: first_sentence(&fs::read_to_string(&file)?, "//!"),
                component: component.to_owned(),
            })
        })
        .collect()
}

/// The files in the directories of `dir`.
pub fn files(dir: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for group in fs::read_dir(dir)? {
        let group = group?.path();
        if !group.is_dir() {
            continue;
        }
        for file in fs::read_dir(group)? {
            let file = file?.path();
            if file.extension().is_some_and(|ext| ext == extension) {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// `…/cpu/spin_call.rs` is `cpu/spin_call`.
pub fn name(file: &Path) -> String {
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let group = part(file.parent().and_then(Path::file_name));
    format!("{group}/{}", part(file.file_stem()))
}

/// The first sentence of the comment that `text` begins with.
pub fn first_sentence(text: &str, comment: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix(comment));
    let words = lines.collect::<Vec<_>>().concat();
    let sentence = words.split_once(". ").map_or(&*words, |(first, _)| first);
    sentence.trim().trim_end_matches('.').to_owned()
}
