//! Drawings: paths of access, and how numbers went. Colours and fonts come from the style sheet.

use sightline_answer::{PathAnswer, WhyAnswer};
use svg::Document;
use svg::node::element::path::Data;
use svg::node::element::{Group, Line, Path, Rectangle, Text, Title};

/// Width of a drawing of paths.
const WIDTH: i32 = 860;
const NODE_WIDTH: i32 = 210;
const NODE_HEIGHT: i32 = 46;
const STEP: i32 = 62;
const MARGIN: i32 = 10;
/// Paths that are drawn; all of them are told below the drawing.
const MOST_PATHS: usize = 12;

/// Shortens a text to what fits in a node.
fn fitted(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

fn node(class: &str, x: i32, y: i32, title: &str, minor: &str) -> Group {
    let rectangle = Rectangle::new()
        .set("class", format!("node {class}"))
        .set("x", x)
        .set("y", y - NODE_HEIGHT / 2)
        .set("width", NODE_WIDTH)
        .set("height", NODE_HEIGHT)
        .set("rx", 8);
    let label = |text: &str, dy: i32, class: &str, most: usize| {
        Text::new(fitted(text, most))
            .set("class", class)
            .set("x", x + NODE_WIDTH / 2)
            .set("y", y + dy)
            .set("text-anchor", "middle")
    };
    let group = Group::new().add(Title::new(format!("{title} {minor}").trim())).add(rectangle);
    if minor.is_empty() {
        group.add(label(title, 5, "", 27))
    } else {
        group.add(label(title, -2, "", 27)).add(label(minor, 14, "minor", 32))
    }
}

fn edge(from: (i32, i32), to: (i32, i32), is_on: bool) -> Path {
    let bend = (to.0 - from.0) / 2;
    let data =
        Data::new().move_to(from).cubic_curve_to((from.0 + bend, from.1, to.0 - bend, to.1, to.0, to.1));
    Path::new().set("class", if is_on { "edge" } else { "edge off" }).set("d", data)
}

/// How an account comes to an application: the account on the left, what leads on in the middle, the application on the
/// right.
pub(crate) fn paths(why: &WhyAnswer) -> String {
    let shown = why.paths.len().clamp(1, MOST_PATHS);
    let height = shown as i32 * STEP + 2 * MARGIN;
    let middle = height / 2;
    let (left, centre, right) = (MARGIN, (WIDTH - NODE_WIDTH) / 2, WIDTH - NODE_WIDTH - MARGIN);
    let class = if why.can_reach { "account" } else { "account blocked" };
    let mut drawing = Document::new()
        .set("class", "drawing")
        .set("viewBox", (0, 0, WIDTH, height))
        .set("role", "img")
        .set("aria-label", why.verdict());
    for (at, path) in why.paths.iter().take(MOST_PATHS).enumerate() {
        let y = MARGIN + STEP / 2 + at as i32 * STEP;
        let is_on = path.line.in_force;
        let (title, minor) = match &path.line.path {
            PathAnswer::Direct => ("direct assignment".to_owned(), String::new()),
            PathAnswer::Group { group } => (group.name.clone(), how_in_group(path)),
            PathAnswer::Implicit => ("everyone".to_owned(), "no assignment needed".to_owned()),
            PathAnswer::UnseenGroup { group_id } => {
                ("a group not seen".to_owned(), group_id.clone().unwrap_or_default())
            }
            PathAnswer::UnknownOrigin { word } => (word.clone(), "not known to this version".to_owned()),
        };
        drawing = drawing
            .add(edge((left + NODE_WIDTH, middle), (centre, y), true))
            .add(edge((centre + NODE_WIDTH, y), (right, middle), is_on))
            .add(node(if is_on { "" } else { "blocked" }, centre, y, &title, &minor));
    }
    if why.paths.is_empty() {
        drawing = drawing.add(edge((left + NODE_WIDTH, middle), (right, middle), false)).add(
            Text::new("no path is known")
                .set("class", "minor")
                .set("x", WIDTH / 2)
                .set("y", middle - 8)
                .set("text-anchor", "middle"),
        );
    }
    let blocked = if why.blocked.is_empty() { String::new() } else { why.blocked.join(", ") };
    drawing
        .add(node(class, left, middle, &why.account.login, &why.account.name))
        .add(node(if why.can_reach { "app" } else { "app blocked" }, right, middle, &why.app.name, &blocked))
        .to_string()
}

/// How the account is in the group of a path.
fn how_in_group(path: &sightline_answer::ExplainedPathAnswer) -> String {
    for hop in &path.hops {
        if let sightline_answer::HopFact::Membership { rules, cannot_leave, .. } = &hop.fact {
            return match rules.as_slice() {
                _ if *cannot_leave => "everyone is in it".to_owned(),
                [] => "member".to_owned(),
                [rule] => format!("by rule {}", rule.name),
                many => format!("by {} rules", many.len()),
            };
        }
    }
    String::new()
}

/// How a number went, small: the newest on the right.
pub(crate) fn trend(values: &[u64], told: &str) -> String {
    const WIDE: f32 = 200.0;
    const HIGH: f32 = 34.0;
    let (Some(&first), Some(&least), Some(&most)) =
        (values.first(), values.iter().min(), values.iter().max())
    else {
        return String::new();
    };
    if values.len() < 2 {
        return String::new();
    }
    let span = (most - least).max(1) as f32;
    let place = |(at, value): (usize, &u64)| {
        let x = at as f32 * (WIDE - 4.0) / (values.len() - 1) as f32 + 2.0;
        let y = if most == least {
            HIGH / 2.0
        } else {
            HIGH - 4.0 - (value - least) as f32 / span * (HIGH - 8.0)
        };
        (x, y)
    };
    let points: Vec<(f32, f32)> = values.iter().enumerate().map(place).collect();
    let mut line = Data::new().move_to(points[0]);
    let mut area = Data::new().move_to((points[0].0, HIGH)).line_to(points[0]);
    for point in &points[1..] {
        line = line.line_to(*point);
        area = area.line_to(*point);
    }
    let end = points[points.len() - 1];
    area = area.line_to((end.0, HIGH)).close();
    Document::new()
        .set("viewBox", (0, 0, WIDE as i32, HIGH as i32))
        .set("preserveAspectRatio", "none")
        .set("role", "img")
        .set(
            "aria-label",
            format!("{told}: from {first} to {} over {} snapshots", values[values.len() - 1], values.len()),
        )
        .add(Path::new().set("class", "area").set("d", area))
        .add(Path::new().set("class", "series").set("d", line).set("vector-effect", "non-scaling-stroke"))
        .to_string()
}

/// A column of a chart.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// What stands below it, where anything does.
    pub(crate) label: String,
    /// What it is, for those who point at it or do not see it.
    pub(crate) told: String,
    pub(crate) value: u64,
}

/// Numbers side by side.
pub(crate) fn columns(bars: &[Bar], told: &str) -> String {
    const HIGH: i32 = 190;
    const FLOOR: i32 = HIGH - 26;
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let step = f64::from(WIDTH - 50) / bars.len().max(1) as f64;
    let mut drawing = Document::new()
        .set("class", "drawing")
        .set("viewBox", (0, 0, WIDTH, HIGH))
        .set("role", "img")
        .set("aria-label", told);
    for (part, value) in [(0, 0), (1, most / 2), (2, most)] {
        let y = FLOOR - (FLOOR - 14) * part / 2;
        drawing = drawing
            .add(
                Line::new().set("class", "axis").set("x1", 44).set("x2", WIDTH - 4).set("y1", y).set("y2", y),
            )
            .add(
                Text::new(crate::words::number(value))
                    .set("class", "minor")
                    .set("x", 38)
                    .set("y", y + 4)
                    .set("text-anchor", "end"),
            );
    }
    for (at, bar) in bars.iter().enumerate() {
        let height = (bar.value as f64 / most as f64 * f64::from(FLOOR - 14)).round();
        let x = 46.0 + at as f64 * step;
        let width = (step * 0.72).max(2.0);
        drawing = drawing.add(
            Group::new().add(Title::new(bar.told.clone())).add(
                Rectangle::new()
                    .set("class", "column")
                    .set("x", format!("{x:.1}"))
                    .set("y", format!("{:.1}", f64::from(FLOOR) - height))
                    .set("width", format!("{width:.1}"))
                    .set("height", format!("{height:.1}"))
                    .set("rx", 2),
            ),
        );
        if !bar.label.is_empty() {
            drawing = drawing.add(
                Text::new(bar.label.clone())
                    .set("class", "minor")
                    .set("x", format!("{:.1}", x + width / 2.0))
                    .set("y", HIGH - 8)
                    .set("text-anchor", "middle"),
            );
        }
    }
    drawing.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_escaped_and_stays_inside() {
        let bars = [
            Bar { label: "<b>".to_owned(), told: "a & b".to_owned(), value: 3 },
            Bar { label: String::new(), told: "\"".to_owned(), value: 0 },
        ];
        let drawn = columns(&bars, "two \"bars\"");
        assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("<b>"), "{drawn}");
        assert!(drawn.contains("a &amp; b"), "{drawn}");
        assert!(trend(&[5], "one").is_empty());
        assert!(trend(&[5, 5, 5], "flat").contains("M2,17"), "{}", trend(&[5, 5, 5], "flat"));
        assert_eq!(fitted("abcdef", 4), "abc…");
    }
}
