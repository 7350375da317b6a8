//! The guests that are written in WebAssembly's text format: mostly what no compiler would make.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::guest::{Guest, Kind, identifier};

/// Assembles every `.wat` under `guests` into `out_dir`.
pub fn build(guests: &Path, out_dir: &Path) -> Result<Vec<Guest>, Box<dyn Error>> {
    let mut files = Vec::new();
    find(guests, &mut files)?;
    if !files.is_empty() {
        fs::create_dir_all(out_dir)?;
    }
    files
        .into_iter()
        .map(|file| assemble(&file, out_dir))
        .collect()
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        // A guest that was built where it lies has a target directory, and links may lead anywhere.
        if entry.file_type()?.is_dir() && entry.file_name() != "target" {
            find(&path, files)?;
        } else if path.extension().is_some_and(|ext| ext == "wat") {
            files.push(path);
        }
    }
    Ok(())
}

fn assemble(file: &Path, out_dir: &Path) -> Result<Guest, Box<dyn Error>> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let name = identifier(stem.ok_or_else(|| format!("{} has no name", file.display()))?);
    let path = out_dir.join(&name).with_extension("wasm");
    fs::write(&path, wat::parse_file(file)?)?;
    Ok(Guest {
        name,
        path,
        kind: Kind::Wat,
    })
}
