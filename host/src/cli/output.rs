//! Where a command writes: results to standard output, everything else to standard error, both with
//! colours only where somebody looks, and with nothing of a guest that could move the cursor.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::error::{CliError, Exit};
use super::progress::Progress;
use super::screen::Screen;
use crate::{limits, text};

/// The variable that overrides which messages of the host are shown.
const LOG_VARIABLE: &str = "EWH_LOG";

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On terminals, unless NO_COLOR is set
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl ColorWhen {
    fn applies(self, is_terminal: bool) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Auto => is_terminal && !is_set("NO_COLOR"),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// How a piece of text looks, where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A heading.
    Bold,
    /// Not so important.
    Dim,
    /// Failed.
    Red,
    /// Went well.
    Green,
    /// Worth a look.
    Yellow,
    /// A name.
    Cyan,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Cyan => "36",
        }
    }
}

/// Whether one stream has colours.
#[derive(Debug, Clone, Copy)]
pub struct Painter {
    colors: bool,
}

impl Painter {
    /// One without colours.
    #[cfg(test)]
    pub const fn plain() -> Self {
        Self { colors: false }
    }

    /// `text` in `style`, or as it is.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.colors {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_owned()
        }
    }
}

/// The output of one command.
#[derive(Debug, Clone)]
pub struct Output {
    screen: Arc<Screen>,
    stdout: Painter,
    stderr: Painter,
    json: bool,
    verbose: u8,
}

impl Output {
    /// Looks at the terminal, and starts to show the host's own messages.
    pub fn new(color: ColorWhen, json: bool, verbose: u8) -> Self {
        let stderr_is_terminal = io::stderr().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let painter = |is_terminal: bool| Painter {
            colors: color.applies(is_terminal && !is_dumb),
        };
        let output = Self {
            screen: Arc::new(Screen::new(stderr_is_terminal && !is_dumb)),
            stdout: painter(io::stdout().is_terminal()),
            stderr: painter(stderr_is_terminal),
            json,
            verbose,
        };
        output.show_messages(verbose);
        output
    }

    /// Denials are left out by default: `run` shows them, with everything else that a worker does. What
    /// workers log under `serve` has the target `guest`: their warnings are shown, more with `--verbose`.
    fn show_messages(&self, verbose: u8) {
        let default = match verbose {
            0 => "external_worker_host=warn,guest=warn",
            1 => "external_worker_host=info,audit=info,guest=info,warn",
            2 => "external_worker_host=debug,audit=info,info",
            _ => "external_worker_host=trace,debug",
        };
        let wanted = std::env::var(LOG_VARIABLE)
            .ok()
            .filter(|wanted| !wanted.is_empty());
        let wanted =
            wanted.map(|wanted| EnvFilter::try_new(&wanted).map_err(|error| (wanted, error)));
        let (filter, wrong) = match wanted {
            Some(Ok(filter)) => (filter, None),
            Some(Err(wrong)) => (EnvFilter::new(default), Some(wrong)),
            None => (EnvFilter::new(default), None),
        };
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(self.stderr.colors)
            .with_writer(Messages(Arc::clone(&self.screen)))
            .finish();
        // A second command in one process keeps what the first one set.
        let _ = tracing::subscriber::set_global_default(subscriber);
        if let Some((wanted, error)) = wrong {
            self.note(&format!(
                "{LOG_VARIABLE}={wanted} is ignored, because it cannot be read: {error}"
            ));
        }
    }

    /// Whether a machine reads standard output.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How much more of what the host does is shown.
    pub fn verbose(&self) -> u8 {
        self.verbose
    }

    /// Whether standard error can show a line that changes.
    pub fn is_live(&self) -> bool {
        self.screen.is_terminal()
    }

    /// Sets the changing line; empty: none.
    pub fn live(&self, line: &str) {
        self.screen.live(line);
    }

    /// The colours of standard output.
    pub fn stdout(&self) -> Painter {
        self.stdout
    }

    /// The colours of standard error.
    pub fn stderr(&self) -> Painter {
        self.stderr
    }

    /// A line for the person who waits.
    pub fn note(&self, line: &str) {
        self.screen.to_stderr(format!("{line}\n").as_bytes());
    }

    /// Text as it is, for the person who waits.
    pub fn raw(&self, text: &str) {
        self.screen.to_stderr(text.as_bytes());
    }

    /// A result, for people.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn print(&self, text: &str) -> Result<(), CliError> {
        Ok(self
            .screen
            .to_stdout(format!("{}\n", text.trim_end_matches('\n')).as_bytes())?)
    }

    /// A result for machines, over several lines.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), CliError> {
        self.print(&text::harmless_json(
            &serde_json::to_string_pretty(value).map_err(io::Error::from)?,
        ))
    }

    /// One of several results for machines, on one line.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn print_json_line(&self, value: &impl Serialize) -> Result<(), CliError> {
        self.print(&text::harmless_json(
            &serde_json::to_string(value).map_err(io::Error::from)?,
        ))
    }

    /// Says that `what` is under way, if it takes more than a second, until the answer is dropped.
    pub fn progress(&self, what: impl Into<String>) -> Progress {
        let what = what.into();
        self.progress_of(move || what.clone())
    }

    /// The same of work whose state `what` says, whenever it is asked.
    pub fn progress_of(&self, what: impl Fn() -> String + Send + 'static) -> Progress {
        Progress::start(self.clone(), what)
    }

    /// Shows why a command failed, and says how to exit.
    pub fn failed(&self, error: &CliError) -> Exit {
        if error.is_reader_gone() {
            return Exit::Ok;
        }
        let exit = error.exit();
        let message = text::clean(&error.to_string(), limits::MAX_DESCRIPTION_JSON_BYTES);
        if self.json {
            let error = json!({"error": {
                "kind": exit.label(), "exit_code": exit.code(), "message": message,
            }});
            self.note(&text::harmless_json(&error.to_string()));
        } else {
            self.note(&format!(
                "{} {message}",
                self.stderr.paint(Style::Red, "error:")
            ));
        }
        exit
    }
}

/// Brings the host's own messages to the screen.
#[derive(Debug)]
struct Messages(Arc<Screen>);

impl<'a> MakeWriter<'a> for Messages {
    type Writer = MessageWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        MessageWriter(&self.0)
    }
}

/// One message on its way.
#[derive(Debug)]
struct MessageWriter<'a>(&'a Screen);

impl io::Write for MessageWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.to_stderr(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_output_stays_the_same_and_cannot_move_a_cursor() {
        let text = "a\u{9b}2J\u{202e}é\n";
        let safe = text::harmless_json(&json!({ "a": text }).to_string());
        assert!(
            safe.is_ascii() || !safe.contains(['\u{9b}', '\u{202e}']),
            "{safe}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap()["a"],
            text
        );
    }

    #[test]
    fn colours_are_asked_for() {
        assert!(ColorWhen::Always.applies(false));
        assert!(!ColorWhen::Never.applies(true));
        assert!(!ColorWhen::Auto.applies(false));
        let plain = Painter { colors: false };
        assert_eq!(plain.paint(Style::Red, "x"), "x");
    }
}
