//! A look as lines of a terminal.

use super::look::{Look, Used};
use crate::cli::output::Style;
use crate::cli::remote::table::Table;
use crate::cli::shown::size;

const RESET: &str = "\x1b[0m";

/// The line above the table.
pub fn head(look: &Look) -> String {
    let instances: usize = look
        .tenants
        .iter()
        .map(|tenant| tenant.instances.len())
        .sum();
    let tenants = look.tenants.len();
    format!(
        "{}: {tenants} tenants, {instances} external workers; q ends",
        look.host
    )
}

/// The tenants, each with its external workers below it.
pub fn table(look: &Look) -> Table<6> {
    let mut table = Table::new(["NAME", "CPU %", "MEMORY", "CALLS/S", "ERRORS", "STATE"]);
    for tenant in &look.tenants {
        let style = (tenant.state == "down").then_some(Style::Red);
        let cells = cells(tenant.name.clone(), &tenant.used, &tenant.state);
        table.styled(cells, style.or(Some(Style::Bold)));
        for instance in &tenant.instances {
            let style = (instance.state == "down").then_some(Style::Red);
            let name = format!("  {}", instance.name);
            table.styled(self::cells(name, &instance.used, &instance.state), style);
        }
    }
    table
}

fn cells(name: String, used: &Used, state: &str) -> [String; 6] {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    [
        name,
        rate(used.cpu_percent),
        size(used.memory),
        rate(used.calls_per_second),
        used.errors.to_string(),
        state.to_owned(),
    ]
}

/// The beginning of a line that a terminal of so many columns shows; colours take no column.
pub fn cut(line: &str, columns: usize) -> String {
    let (mut shown, mut width, mut in_colour) = (String::new(), 0_usize, false);
    for c in line.chars() {
        if c == '\x1b' {
            in_colour = true;
        } else if in_colour {
            in_colour = c != 'm';
        } else if width == columns {
            return match line.contains('\x1b') {
                true => shown + RESET,
                false => shown,
            };
        } else {
            width = width.saturating_add(1);
        }
        shown.push(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::look::{InstanceLook, TenantLook};
    use super::*;
    use crate::cli::output::Painter;

    #[test]
    fn a_tenant_stands_above_its_external_workers() {
        let used = Used {
            cpu_percent: Some(12.34),
            memory: 2048,
            calls_per_second: None,
            errors: 1,
        };
        let instance = InstanceLook {
            uuid: "1".to_owned(),
            name: "pump".to_owned(),
            state: "running".to_owned(),
            used,
        };
        let tenant = TenantLook {
            name: "lab".to_owned(),
            state: "serving".to_owned(),
            used,
            instances: vec![instance],
        };
        let look = Look {
            host: "h:1".to_owned(),
            tenants: vec![tenant],
        };
        let lines = table(&look).lines(Painter::plain());
        assert!(lines[1].starts_with("lab     12.3"), "{lines:?}");
        assert!(lines[2].starts_with("  pump  12.3"), "{lines:?}");
        assert_eq!(head(&look), "h:1: 1 tenants, 1 external workers; q ends");
    }

    #[test]
    fn a_line_ends_where_the_terminal_does_and_its_colour_too() {
        assert_eq!(cut("abc", 2), "ab");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("\x1b[31mabc\x1b[0m", 2), "\x1b[31mab\x1b[0m");
        assert_eq!(cut("\x1b[31mab\x1b[0m", 2), "\x1b[31mab\x1b[0m");
    }
}
