//! Which of a machine's toolchains is asked for: a test of guests is one of their C library, too.

use std::ffi::OsStr;

use crate::error::Error;

use super::Route;

/// The variable that chooses a toolchain: `rustup`, `debian`, or `auto`, which it is when it is not set.
pub const GUEST_TOOLCHAIN: &str = "EWH_GUEST_TOOLCHAIN";

/// What may be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Choice {
    /// Whatever is there, the installed target first.
    #[default]
    Auto,
    /// This and no other.
    Only(Route),
}

impl Choice {
    /// What the variable asks for.
    pub(super) fn of_environment() -> Result<Self, Error> {
        Self::parse(std::env::var_os(GUEST_TOOLCHAIN).as_deref())
    }

    fn parse(value: Option<&OsStr>) -> Result<Self, Error> {
        match value.map(OsStr::to_string_lossy).as_deref() {
            None | Some("" | "auto") => Ok(Self::Auto),
            Some("rustup") => Ok(Self::Only(Route::Installed)),
            Some("debian") => Ok(Self::Only(Route::BuildStd)),
            Some(other) => Err(Error::NoSuchToolchain {
                asked: other.to_owned(),
            }),
        }
    }

    /// Whether `route` may be taken.
    pub(super) fn allows(self, route: Route) -> bool {
        match self {
            Self::Auto => true,
            Self::Only(only) => only == route,
        }
    }

    /// What to say where the other route was not looked at.
    pub(super) fn narrows(self) -> Option<String> {
        let value = match self {
            Self::Auto => return None,
            Self::Only(Route::Installed) => "rustup",
            Self::Only(Route::BuildStd) => "debian",
        };
        Some(format!(
            "nothing else was looked at, because {GUEST_TOOLCHAIN} is `{value}`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_one_choice() {
        let parse = |value: &str| Choice::parse(Some(value.as_ref()));
        assert_eq!(Choice::parse(None).unwrap(), Choice::Auto);
        assert_eq!(parse("").unwrap(), Choice::Auto);
        assert_eq!(parse("auto").unwrap(), Choice::Auto);
        assert_eq!(parse("rustup").unwrap(), Choice::Only(Route::Installed));
        assert_eq!(parse("debian").unwrap(), Choice::Only(Route::BuildStd));
        let error = parse("Debian").unwrap_err().to_string();
        assert!(error.contains("`Debian`"), "{error}");
        assert!(error.contains("rustup, debian or auto"), "{error}");
    }
}
