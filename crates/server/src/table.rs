//! Tables as pages show them: cells are data, and one template draws them all.

use askama::Template;
use sightline_core::{Observed, Time};

use crate::words;

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
    Info,
    /// It could not be read.
    Unknown,
}

impl Tone {
    /// Its class in the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Unknown => "unknown",
        }
    }
}

/// A word with what it means.
#[derive(Debug, Clone)]
pub(crate) struct Badge {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Badge {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// What a cell shows.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Number(u64),
    Link {
        address: String,
        text: String,
        sub: Option<String>,
    },
    Detail {
        text: String,
        sub: String,
    },
    Badges(Vec<Badge>),
    /// Several things, each of which may be shown somewhere.
    Links(Vec<(String, Option<String>)>),
    Time(Time),
    /// It could not be read, and why: never a zero, never an empty cell.
    Unknown(String),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    pub(crate) fn optional(text: Option<&str>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    pub(crate) fn link(address: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Link { address: address.into(), text: text.into(), sub: None }
    }

    pub(crate) fn badge(text: impl Into<String>, tone: Tone) -> Self {
        Self::Badges(vec![Badge::new(text, tone)])
    }

    pub(crate) fn time(time: Option<Time>) -> Self {
        time.map_or(Self::Empty, Self::Time)
    }

    pub(crate) fn observed(value: &Observed<u64>) -> Self {
        match value {
            Observed::Known(number) => Self::Number(*number),
            Observed::Unknown(why) => Self::Unknown(why.clone()),
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) is_number: bool,
    /// Where a click on its head leads.
    pub(crate) address: Option<String>,
    /// How the table is sorted by it, in the words of ARIA.
    pub(crate) order: Option<&'static str>,
}

impl Column {
    pub(crate) const fn new(title: &'static str) -> Self {
        Self { title, is_number: false, address: None, order: None }
    }

    pub(crate) const fn number(title: &'static str) -> Self {
        Self { title, is_number: true, address: None, order: None }
    }
}

/// A table.
#[derive(Debug, Clone, Template)]
#[template(path = "table.html")]
pub(crate) struct Table {
    /// What it is a table of, for those who do not see it.
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What is said where it has no rows.
    pub(crate) empty: String,
}

/// A part of a page: a table with its heading.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) note: Option<String>,
    pub(crate) table: Table,
    /// Where the rows before and after are.
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) range: String,
    /// Where all rows are, where only the first are shown.
    pub(crate) all: Option<String>,
    /// Links that narrow it down.
    pub(crate) chips: Vec<(String, String, bool)>,
}

impl Part {
    pub(crate) fn new(id: impl Into<String>, title: impl Into<String>, table: Table) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            note: None,
            table,
            previous: None,
            next: None,
            range: String::new(),
            all: None,
            chips: Vec::new(),
        }
    }

    /// Cuts out the rows of a page from a row on, and says where the others are.
    pub(crate) fn cut<'r, T>(
        &mut self,
        rows: &'r [T],
        from: usize,
        most: usize,
        address: impl Fn(usize) -> String,
    ) -> &'r [T] {
        let from = from.min(rows.len());
        let end = from.saturating_add(most).min(rows.len());
        self.previous = (from > 0).then(|| address(from.saturating_sub(most)));
        self.next = (end < rows.len()).then(|| address(end));
        if rows.len() > most {
            self.range = format!(
                "{}–{} of {}",
                words::number((from + 1).min(end)),
                words::number(end),
                words::number(rows.len())
            );
        }
        &rows[from..end]
    }
}
