//! `--save`: an output of a call as a file that other programs read.

use std::path::Path;

use super::super::error::CliError;
use super::super::steps::SaveArg;
use super::super::{files, shown};
use crate::bindings::types::{Dtype, Ndarray, Value};
use crate::instance::exports::Ports;
use crate::{media, text};

/// The first bytes of a file of numpy's.
const MAGIC: &[u8] = b"\x93NUMPY";
/// What numpy aligns the numbers to.
const ALIGNMENT: usize = 64;

/// What was saved.
#[derive(Debug, PartialEq, Eq)]
pub struct Saved {
    /// The name of the output.
    pub output: String,
    /// How many bytes it became.
    pub bytes: usize,
    /// What is odd about the file.
    pub warning: Option<String>,
}

/// Checks that the file can be made, before anything runs.
///
/// # Errors
/// [`CliError::Usage`] when something is there that would be lost, or there is no such folder.
pub fn check(save: &SaveArg, force: bool) -> Result<(), CliError> {
    let (path, shown) = (&save.file, save.file.display());
    if let Ok(there) = std::fs::metadata(path) {
        if there.is_dir() {
            let problem = format!("`{shown}` is a directory; name a file to save to");
            return Err(CliError::Usage(problem));
        }
        if there.is_file() && !force {
            let problem = format!("`{shown}` is there already; name another file, or add --force");
            return Err(CliError::Usage(problem));
        }
    }
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|dir| !dir.is_dir()) {
        let folder = folder.display();
        let problem = format!("there is no directory `{folder}` to save `{shown}` in; make it");
        return Err(CliError::Usage(problem));
    }
    Ok(())
}

/// Checks that a call of `node`, which has these outputs, has the one that is to be saved.
///
/// # Errors
/// [`CliError::Usage`] with the outputs that there are.
pub fn check_output<'a>(
    save: &SaveArg,
    node: &str,
    outputs: impl Iterator<Item = &'a str>,
) -> Result<(), CliError> {
    let outputs: Vec<_> = outputs.collect();
    let shown = save.file.display();
    let wrong = |problem: String| Err(CliError::Usage(problem));
    match (&save.output, outputs.as_slice()) {
        (None, [_one]) => Ok(()),
        (_, []) => wrong(format!("`{node}` has no output to save to `{shown}`")),
        (None, [first, ..]) => wrong(format!(
            "`{node}` has several outputs; say which, such as --save {first}={shown}; it has: {}",
            outputs.join(", ")
        )),
        (Some(name), outputs) if outputs.contains(&name.as_str()) => Ok(()),
        (Some(name), outputs) => wrong(format!(
            "`{node}` has no output `{name}`; it has: {}",
            outputs.join(", ")
        )),
    }
}

/// Saves the output.
///
/// # Errors
/// When it is not there, cannot be a file of this kind, or the file cannot be written.
pub fn save(save: &SaveArg, node: &str, outputs: &Ports, force: bool) -> Result<Saved, CliError> {
    check_output(save, node, outputs.iter().map(|(name, _)| name.as_str()))?;
    let is_it = |(name, _): &&(String, Value)| save.output.as_ref().is_none_or(|it| it == name);
    let Some((name, value)) = outputs.iter().find(is_it) else {
        let shown = save.file.display();
        let problem = format!("`{node}` has no output to save to `{shown}`");
        return Err(CliError::Usage(problem));
    };
    let bytes = encoded(value, &save.file)?;
    if force {
        files::write(&save.file, &bytes)?;
    } else {
        files::write_new(&save.file, &bytes)?;
    }
    Ok(Saved {
        output: name.clone(),
        bytes: bytes.len(),
        warning: misnamed(value, &save.file),
    })
}

/// Media is saved as it is, whatever the file is called: a sentence, where its name says that it is another type.
fn misnamed(value: &Value, file: &Path) -> Option<String> {
    let Value::Media(media) = value else {
        return None;
    };
    let named = media::of_extension(file)?;
    let is = media::essence(&media.media_type);
    let fix = media::extension_of(is).map_or_else(String::new, |end| {
        format!("; a name that ends in .{end} fits")
    });
    let (file, is_shown) = (file.display(), text::clean_line(is, usize::MAX));
    (named != is).then(|| format!("`{file}` is called like {named}, and is {is_shown}{fix}"))
}

/// Bytes, media and texts as they are, arrays as numpy's files, and everything else as JSON.
fn encoded(value: &Value, file: &Path) -> Result<Vec<u8>, CliError> {
    let ends_in = |end: &str| {
        let extension = file.extension();
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case(end))
    };
    Ok(match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Media(media) => media.data.clone(),
        Value::Text(text) => text.clone().into_bytes(),
        Value::Array(array) if ends_in("npy") => npy(array),
        Value::Array(_) if !ends_in("json") => {
            let shown = file.display();
            return Err(CliError::Usage(format!(
                "the output is an array, which is no picture and no text: name a file that ends in .npy or \
                 .json instead of `{shown}`, or let the worker return the bytes of a PNG"
            )));
        }
        other => {
            let mut text = shown::to_json(other).to_string();
            text.push('\n');
            text.into_bytes()
        }
    })
}

/// The array in numpy's format: the header of version 1.0, of 2.0 where the shape is longer than that takes.
fn npy(array: &Ndarray) -> Vec<u8> {
    let axes: Vec<_> = array.shape.iter().map(ToString::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let mut header = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        descr(array.dtype),
        axes.join(", ")
    );
    let is_long = header.len() + ALIGNMENT > usize::from(u16::MAX);
    let before = MAGIC.len() + 2 + if is_long { 4 } else { 2 };
    // A line's end is the last byte of the header.
    let filled = (before + header.len() + 1).next_multiple_of(ALIGNMENT);
    header.push_str(&" ".repeat(filled - before - header.len() - 1));
    header.push('\n');
    let mut file = MAGIC.to_vec();
    match u16::try_from(header.len()) {
        Ok(length) if !is_long => {
            file.extend([1, 0]);
            file.extend(length.to_le_bytes());
        }
        _ => {
            file.extend([2, 0]);
            file.extend(
                u32::try_from(header.len())
                    .unwrap_or(u32::MAX)
                    .to_le_bytes(),
            );
        }
    }
    file.extend(header.as_bytes());
    file.extend(&array.data);
    file
}

const fn descr(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Boolean => "|b1",
        Dtype::U8 => "|u1",
        Dtype::S8 => "|i1",
        Dtype::U16 => "<u2",
        Dtype::S16 => "<i2",
        Dtype::U32 => "<u4",
        Dtype::S32 => "<i4",
        Dtype::U64 => "<u8",
        Dtype::S64 => "<i8",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::Media;

    fn to(file: &str, output: Option<&str>) -> SaveArg {
        SaveArg {
            output: output.map(str::to_owned),
            file: file.into(),
        }
    }

    fn array(shape: &[u64]) -> Value {
        let data = vec![1; shape.iter().product::<u64>() as usize * 2];
        let (dtype, shape) = (Dtype::U16, shape.to_vec());
        Value::Array(Ndarray { dtype, shape, data })
    }

    #[test]
    fn an_array_is_a_file_of_numpy() {
        for (shape, written) in [
            (&[][..], "'shape': (), }"),
            (&[3], "'shape': (3,), }"),
            (
                &[2, 3],
                "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }",
            ),
        ] {
            let file = encoded(&array(shape), Path::new("a.NPY")).unwrap();
            assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
            let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
            assert_eq!((10 + length) % ALIGNMENT, 0);
            let header = std::str::from_utf8(&file[10..10 + length]).unwrap();
            assert!(
                header.contains(written) && header.ends_with('\n'),
                "{header}"
            );
            let numbers = shape.iter().product::<u64>() as usize;
            assert_eq!(file.len(), 10 + length + 2 * numbers);
        }
        let deep = vec![1; 40_000];
        let file = encoded(&array(&deep), Path::new("a.npy")).unwrap();
        assert_eq!(&file[..8], b"\x93NUMPY\x02\x00");
        assert_eq!((file.len() - 2) % ALIGNMENT, 0);
    }

    #[test]
    fn what_is_bytes_or_text_stays_as_it_is() {
        let as_file = |value: Value, file: &str| encoded(&value, Path::new(file)).unwrap();
        assert_eq!(as_file(Value::Bytes(vec![0, 255]), "a.png"), [0, 255]);
        assert_eq!(as_file(Value::Text("a".into()), "a.json"), b"a");
        assert_eq!(as_file(Value::Number(1.5), "a.txt"), b"1.5\n");
        assert_eq!(
            as_file(Value::Json("{\"a\":1}".into()), "a"),
            b"{\"a\":1}\n"
        );
        let problem = encoded(&array(&[1]), Path::new("a.png")).unwrap_err();
        assert!(problem.to_string().contains("ends in .npy"), "{problem}");
        assert!(as_file(array(&[1]), "a.json").starts_with(b"{"));
    }

    #[test]
    fn media_is_its_bytes_and_says_when_the_name_is_another_types() {
        let dir = tempfile::tempdir().unwrap();
        let media = Value::Media(Media {
            media_type: "image/jpeg; a=b".into(),
            data: vec![1, 2],
        });
        let outputs = vec![("a".to_owned(), media)];
        for (name, warning) in [
            ("a.jpeg", None),
            ("a.jpg", None),
            ("a.dat", None),
            (
                "a.png",
                Some("is called like image/png, and is image/jpeg; a name that ends in .jpg fits"),
            ),
        ] {
            let path = dir.path().join(name);
            let saved = save(&to(path.to_str().unwrap(), None), "n", &outputs, false).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), [1, 2]);
            match warning {
                None => assert_eq!(saved.warning, None),
                Some(part) => assert!(saved.warning.unwrap().ends_with(part)),
            }
        }
    }

    #[test]
    fn the_output_is_the_only_one_or_the_one_that_is_named() {
        let checked = |output: Option<&str>, outputs: &[&str]| {
            let problem = check_output(&to("f", output), "n", outputs.iter().copied());
            problem.map_err(|problem| problem.to_string())
        };
        checked(None, &["a"]).unwrap();
        checked(Some("b"), &["a", "b"]).unwrap();
        for (output, outputs, part) in [
            (None, &["a", "b"][..], "such as --save a=f"),
            (Some("c"), &["a", "b"], "no output `c`; it has: a, b"),
            (None, &[], "no output to save"),
        ] {
            let problem = checked(output, outputs).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
    }

    #[test]
    fn a_file_that_is_there_stays_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.txt");
        let save_to = to(path.to_str().unwrap(), None);
        check(&save_to, false).unwrap();
        let outputs = vec![("a".to_owned(), Value::Text("new".into()))];
        let saved = Saved {
            output: "a".into(),
            bytes: 3,
            warning: None,
        };
        assert_eq!(save(&save_to, "n", &outputs, false).unwrap(), saved);
        let problem = check(&save_to, false).unwrap_err();
        assert!(problem.to_string().contains("--force"), "{problem}");
        check(&save_to, true).unwrap();
        std::fs::write(&path, "old").unwrap();
        save(&save_to, "n", &outputs, false).unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        save(&save_to, "n", &outputs, true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        check(&to("/nowhere/x", None), false).unwrap_err();
        check(&to(dir.path().to_str().unwrap(), None), true).unwrap_err();
    }
}
