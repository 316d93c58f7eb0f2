//! Printing: tables for people, JSON and CSV for programs.

use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// Whether a person looks at standard error.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes to standard output; a reader that has gone away, such as `head`, is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes lines for people to standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    print(&format!("{}\n", printable(text.as_ref())))
}

/// Writes a line to standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", printable(text.as_ref()));
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    print(&(text + "\n"))
}

/// Writes a value as JSON on a line of its own.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new(error.to_string()))?;
    print(&(text + "\n"))
}

/// Columns with their values.
pub(crate) struct Columns {
    pub(crate) names: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Columns {
    pub(crate) fn new(names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), rows: Vec::new() }
    }

    /// Writes them as CSV.
    pub(crate) fn csv(&self) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| Failure::new(error.to_string());
        writer.write_record(&self.names).map_err(failed)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| without_formula(cell))).map_err(failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| Failure::new(error.to_string()))?;
        print(&String::from_utf8_lossy(&bytes))
    }

    /// Writes them as a table that fits the terminal; columns of numbers stand right.
    pub(crate) fn table(&self) -> Result<(), Failure> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.names.iter().map(|name| name.to_uppercase()));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| printable(cell).replace('\n', " ")));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            let numeric = |row: &Vec<String>| {
                row[index].is_empty() || row[index].bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
            };
            if !self.rows.is_empty() && self.rows.iter().all(numeric) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        print(&text)
    }
}

/// Text without anything that a terminal would act on, except the end of a line.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// A cell that a spreadsheet would run is made plain text.
fn without_formula(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_act() {
        assert_eq!(printable("a\u{1b}[31mb\u{9b}\n"), "a [31mb \n");
        assert_eq!(without_formula("=1+1"), "'=1+1");
        assert_eq!(without_formula("plain"), "plain");
    }
}
