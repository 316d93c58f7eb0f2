//! Figures and their tables.

/// The middle, the least and the most of several measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The mean of the two in the middle, where there are two.
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// None of no measurement.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, least, most })
    }
}

/// Lines with aligned columns: the first column stands left, the others right.
pub(crate) fn table(names: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let lines = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..names.len())
        .map(|at| lines().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines() {
        let mut shown = String::new();
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            shown.push_str(&if at == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") });
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// What a figure may be at most.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound {
    pub(crate) most: f64,
    pub(crate) shown: String,
}

impl Bound {
    /// Shown with so many digits.
    pub(crate) fn of(most: f64, digits: usize) -> Self {
        Self { most, shown: number(most, digits) }
    }
}

/// A line of a table: what was measured beside its bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    name: String,
    measured: String,
    bound: String,
    is_title: bool,
}

impl Row {
    /// A line that names the kind of the following ones.
    pub(crate) fn title(name: impl Into<String>) -> Self {
        Self { name: name.into(), measured: String::new(), bound: String::new(), is_title: true }
    }

    /// A line with a text instead of a figure.
    pub(crate) fn new(name: &str, measured: &str, bound: Option<Bound>) -> Self {
        let bound = bound.map(|bound| bound.shown).unwrap_or_default();
        Self { name: name.to_owned(), measured: measured.to_owned(), bound, is_title: false }
    }

    /// A figure; of several, the median decides whether the bound is kept.
    pub(crate) fn measured(name: &str, spread: Spread, digits: usize, bound: Option<Bound>) -> Self {
        let Spread { median, least, most } = spread;
        let mut shown = number(median, digits);
        if least < most {
            shown = format!("{shown} ({} to {})", number(least, digits), number(most, digits));
        }
        if bound.as_ref().is_some_and(|bound| median > bound.most) {
            shown = format!("**{shown}: over**");
        }
        Self::new(name, &shown, bound)
    }

    /// A figure that may have been measured several times; unknown where it was not.
    pub(crate) fn of(
        name: &str,
        values: impl IntoIterator<Item = f64>,
        digits: usize,
        most: Option<f64>,
    ) -> Self {
        let bound = most.map(|most| Bound::of(most, usize::from(most.fract() > 0.0)));
        match Spread::of(values) {
            Some(spread) => Self::measured(name, spread, digits, bound),
            None => Self::new(name, "unknown", bound),
        }
    }
}

/// A table in Markdown for each title.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let Row { name, measured, bound, is_title } = row;
        if *is_title {
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}| {name} | measured | bound |\n|---|--:|--:|\n"));
        } else {
            let bound = if bound.is_empty() { String::new() } else { format!("{bound} ") };
            text.push_str(&format!("| {name} | {measured} | {bound}|\n"));
        }
    }
    text
}

/// A number with so many digits after the point, its thousands set apart.
pub(crate) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut shown = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_does_not_depend_on_the_order() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([2.0]), Some(Spread { median: 2.0, least: 2.0, most: 2.0 }));
        assert_eq!(Spread::of([10.0, 1.0, 3.0]), Some(Spread { median: 3.0, least: 1.0, most: 10.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 10.0]), Some(Spread { median: 3.0, least: 1.0, most: 10.0 }));
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let rows = [["seconds", "1.5", "2"], ["é", "10.25", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&["", "median", "bound"], &rows),
            "         median  bound\nseconds     1.5      2\né         10.25\n"
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        for (value, digits, shown) in
            [(0.0, 0, "0"), (999.5, 1, "999.5"), (1000.0, 0, "1,000"), (1_234_567.891, 2, "1,234,567.89")]
        {
            assert_eq!(number(value, digits), shown);
        }
    }

    #[test]
    fn a_figure_over_its_bound_stands_out_and_each_title_begins_a_table() {
        let spread = |median: f64| Spread { median, least: 1.0, most: 4.0 };
        let rows = [
            Row::title("first"),
            Row::measured("seconds", spread(2.0), 1, Some(Bound::of(2.0, 0))),
            Row::measured("seconds", spread(2.1), 1, Some(Bound::of(2.0, 0))),
            Row::title("second"),
            Row::new("memory", "unknown", None),
        ];
        let expected = "\
| first | measured | bound |
|---|--:|--:|
| seconds | 2.0 (1.0 to 4.0) | 2 |
| seconds | **2.1 (1.0 to 4.0): over** | 2 |

| second | measured | bound |
|---|--:|--:|
| memory | unknown | |
";
        assert_eq!(markdown(&rows), expected);
    }
}
