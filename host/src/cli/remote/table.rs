//! Lists for people: columns below each other. What stands in them is words of a host, and cannot move a cursor.

use super::word;
use crate::cli::output::{Painter, Style};

/// Characters of a cell but for that in the last column.
const MOST: usize = 48;

/// A table that is filled row by row.
pub struct Table<const COLUMNS: usize> {
    rows: Vec<Row<COLUMNS>>,
}

struct Row<const COLUMNS: usize> {
    cells: [String; COLUMNS],
    style: Option<Style>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// One with a heading.
    pub fn new(heading: [&str; COLUMNS]) -> Self {
        let mut table = Self { rows: Vec::new() };
        table.styled(heading.map(str::to_owned), Some(Style::Dim));
        table
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.styled(cells, None);
    }

    /// Adds a row that looks like that.
    pub fn styled(&mut self, cells: [String; COLUMNS], style: Option<Style>) {
        let cells = cells.map(|cell| word(&cell));
        self.rows.push(Row { cells, style });
    }

    /// Whether it has only its heading.
    pub fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// Its lines.
    pub fn lines(&self, painter: Painter) -> Vec<String> {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count().min(MOST));
            }
        }
        let rows = self.rows.iter();
        rows.map(|row| row.line(&widths, painter)).collect()
    }

    /// All of it.
    pub fn render(&self, painter: Painter) -> String {
        self.lines(painter).join("\n")
    }
}

impl<const COLUMNS: usize> Row<COLUMNS> {
    fn line(&self, widths: &[usize; COLUMNS], painter: Painter) -> String {
        let mut line = String::new();
        for (cell, width) in self.cells.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        let line = line.trim_end();
        match self.style {
            Some(style) => painter.paint(style, line),
            None => line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_move_no_cursor() {
        let mut table = Table::new(["NAME", "STATE"]);
        assert!(table.is_empty());
        table.row(["a\x1b[2J\nb".to_owned(), "ok".to_owned()]);
        table.row(["é".to_owned(), String::new()]);
        let shown = table.render(Painter::plain());
        assert_eq!(shown, "NAME     STATE\na\u{fffd}[2J b  ok\né");
    }
}
