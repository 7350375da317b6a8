//! `ewh top`: what happens on a host at this moment, as a screen that is new each second. Where nobody looks it is one
//! table.

mod look;
mod paint;

use std::fmt::Write as _;

use clap::Args;
use rustix::termios::tcgetwinsize;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use self::look::{Look, Looks};
use super::keyboard::{self, INTERRUPT, Keys};
use super::{Remote, TenantArgs};
use crate::cli::CacheOptions;
use crate::cli::error::{CliError, Exit};
use crate::cli::output::{Output, Style};
use crate::cli::signals::Signals;
use crate::limits::LOOK_AGAIN;

/// Another page of the terminal, without a cursor; and the page that was there.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// From the upper left corner on; to the end of the line; to the end of the page.
const HOME: &str = "\x1b[H";
const TO_END_OF_LINE: &str = "\x1b[K";
const TO_END: &str = "\x1b[J";
/// What a terminal has that does not say.
const ORDINARY: (usize, usize) = (24, 80);

/// Watch what tenants and their external workers use
///
/// Each second the screen shows the processor time of the last second, memory, calls and errors. `q` or Ctrl-C ends it.
/// If the output goes elsewhere than to a terminal, one table is printed.
#[derive(Debug, Args)]
pub struct TopCommand {
    #[command(flatten)]
    of: TenantArgs,
}

impl TopCommand {
    pub(in crate::cli) fn execute(
        self,
        output: &Output,
        cache: &CacheOptions,
    ) -> Result<Exit, CliError> {
        let remote = Remote::open(&self.of.at, output, cache)?;
        let tenant = match self.of.tenant {
            Some(tenant) => Some(tenant),
            None => remote.me()?.tenant,
        };
        let mut looks = Looks::new(&remote.client, tenant);
        // Without one before it, nothing has a rate.
        remote.wait(Some("see what happens"), looks.next())?;
        if is_watched(output) {
            return remote.runtime.block_on(watch(looks, output));
        }
        let look = remote.wait(None, async {
            sleep(LOOK_AGAIN).await;
            looks.next().await
        })?;
        if output.is_json() {
            output.print_json(&look)?;
        } else {
            output.print(&paint::table(&look).render(output.stdout()))?;
        }
        Ok(Exit::Ok)
    }
}

fn is_watched(output: &Output) -> bool {
    use std::io::IsTerminal as _;
    keyboard::is_there(output) && std::io::stdout().is_terminal() && !output.is_json()
}

/// The other page of the terminal, until this is dropped.
struct Page<'a>(&'a Output);

impl<'a> Page<'a> {
    fn enter(output: &'a Output) -> Self {
        output.raw(ENTER);
        Self(output)
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        self.0.raw(LEAVE);
    }
}

async fn watch(mut looks: Looks<'_>, output: &Output) -> Result<Exit, CliError> {
    let mut signals = Signals::catch()?;
    let _keys = Keys::take()?;
    let mut pressed = keyboard::pressed();
    let page = Page::enter(output);
    let mut last = Look::default();
    loop {
        let next = async {
            sleep(LOOK_AGAIN).await;
            looks.next().await
        };
        let looked = tokio::select! {
            exit = ended(&mut signals, &mut pressed) => return Ok(exit),
            looked = next => looked,
        };
        // What a host does not say now it may say the next time.
        let problem = match looked {
            Ok(look) => {
                last = look;
                None
            }
            Err(problem) => Some(problem.to_string()),
        };
        page.draw(&last, problem.as_deref());
    }
}

/// When whoever looks wants to see no more.
async fn ended(signals: &mut Signals, pressed: &mut UnboundedReceiver<u8>) -> Exit {
    loop {
        tokio::select! {
            exit = signals.next() => return exit,
            Some(key) = pressed.recv() => match key {
                b'q' | b'Q' => return Exit::Ok,
                INTERRUPT => return Exit::Interrupted,
                _ => {}
            },
            else => return signals.next().await,
        }
    }
}

impl Page<'_> {
    fn draw(&self, look: &Look, problem: Option<&str>) {
        let painter = self.0.stderr();
        let (rows, columns) = size();
        let mut lines = vec![painter.paint(Style::Bold, &paint::head(look))];
        if let Some(problem) = problem {
            let problem = crate::text::clean_line(problem, columns);
            lines.push(painter.paint(Style::Red, &problem));
        }
        lines.push(String::new());
        lines.extend(paint::table(look).lines(painter));
        self.0.raw(&paged(&lines, rows, columns));
    }
}

/// What of `lines` fits, from the upper left corner on.
fn paged(lines: &[String], rows: usize, columns: usize) -> String {
    let fits = lines.len() <= rows;
    let shown = if fits { rows } else { rows.saturating_sub(1) };
    let mut page = HOME.to_owned();
    for (at, line) in lines.iter().take(shown).enumerate() {
        if at > 0 {
            page.push_str("\r\n");
        }
        // Writing into a text never fails.
        let _ = write!(page, "{}{TO_END_OF_LINE}", paint::cut(line, columns));
    }
    let hidden = lines.len().saturating_sub(shown);
    if hidden > 0 {
        let more = format!("… {hidden} more; --tenant NAME shows one tenant");
        let _ = write!(page, "\r\n{}{TO_END_OF_LINE}", paint::cut(&more, columns));
    }
    page.push_str(TO_END);
    page
}

/// Rows and columns of the terminal.
fn size() -> (usize, usize) {
    let Ok(size) = tcgetwinsize(std::io::stderr()) else {
        return ORDINARY;
    };
    match (usize::from(size.ws_row), usize::from(size.ws_col)) {
        (0, _) | (_, 0) => ORDINARY,
        known => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_longer_and_no_wider_than_the_terminal() {
        let lines: Vec<_> = (0..5).map(|at| format!("line {at}")).collect();
        let page = paged(&lines, 3, 6);
        assert_eq!(page.matches("\r\n").count(), 2, "{page:?}");
        assert!(
            page.contains("line 1") && !page.contains("line 2"),
            "{page:?}"
        );
        assert!(page.contains("… 3 mo"), "{page:?}");
        let page = paged(&lines, 5, 80);
        assert!(
            page.contains("line 4") && !page.contains("more"),
            "{page:?}"
        );
    }
}
