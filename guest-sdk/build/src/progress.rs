//! Where a build says what it does: a terminal, a log or a test.

/// Hears what a search or a build is doing.
pub trait Progress {
    /// A command is about to run; `line` can be typed as it stands.
    fn command(&mut self, line: &str);
    /// Something worth a line happened.
    fn note(&mut self, line: &str);
    /// One message of the compiler, rendered, with its line breaks.
    fn diagnostic(&mut self, rendered: &str);
}

/// Says everything on standard error.
#[derive(Debug, Default)]
pub struct Stderr {
    _private: (),
}

impl Progress for Stderr {
    fn command(&mut self, line: &str) {
        eprintln!("+ {line}");
    }

    fn note(&mut self, line: &str) {
        eprintln!("{line}");
    }

    fn diagnostic(&mut self, rendered: &str) {
        eprint!("{rendered}");
    }
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent {
    _private: (),
}

impl Progress for Silent {
    fn command(&mut self, _: &str) {}
    fn note(&mut self, _: &str) {}
    fn diagnostic(&mut self, _: &str) {}
}
