//! Lists of accounts, groups, applications and admin roles.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::Viewer;
use crate::layout::Frame;
use crate::lists::{Found, Kind, ListQuery};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::rows::{Page, Row};
use crate::table::{Cell, Column, Table};
use crate::words;

/// A chip that narrows a list down.
pub(super) struct Chip {
    pub(super) text: String,
    pub(super) count: String,
    pub(super) address: String,
    pub(super) is_chosen: bool,
}

/// The values of a filter.
struct Filter {
    title: &'static str,
    name: &'static str,
    /// What is chosen, if anything is.
    value: Option<String>,
    chips: Vec<Chip>,
    /// The same as choices of a form, where there are too many for chips.
    is_long: bool,
    /// How many more values there are than the menu holds.
    more: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    title: &'static str,
    lead: &'static str,
    path: String,
    q: String,
    as_of: String,
    sort: String,
    placeholder: &'static str,
    filters: Vec<Filter>,
    table: Table,
    range: String,
    previous: Option<String>,
    next: Option<String>,
    exports: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    sources: Vec<(u64, String, bool)>,
    is_narrowed: bool,
}

/// Filters with more values than this are a menu.
const MOST_CHIPS: usize = 8;
/// A menu holds so many, the most frequent ones.
const MOST_OPTIONS: usize = 200;

const fn words_of(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Accounts => (
            "Accounts",
            "Everyone and everything that can sign in, and what each can reach.",
            "Login, name or id",
        ),
        Kind::Groups => {
            ("Groups", "What gives access to many at once, and what fills it.", "Name, description or id")
        }
        Kind::Apps => {
            ("Applications", "What is reached, by how many, and how many of them use it.", "Name or id")
        }
        Kind::Admins => (
            "Admins",
            "Who administers what: roles held directly, through groups, and by service applications.",
            "Holder or role",
        ),
    }
}

/// A list as a page; with `format=csv` or `format=json` exactly that list as a file, all its pages.
pub(crate) async fn page<R: Row + Send + 'static>(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let format = parameters.text("format");
    let query = ListQuery::of(R::KIND, parameters)?;
    let found = Found::of(&app, R::KIND, &query).await?;
    let frame = Frame::new(&identity, &headers, &uri);
    match format.as_deref() {
        None => show::<R>(&app, &frame, &query, &found),
        Some(format @ ("csv" | "json")) => {
            let name = R::KIND.word();
            app.audit(&identity, "list.export", format!("{name} ({} rows)", found.total()))?;
            let as_csv = format == "csv";
            let body = app
                .blocking("making a file", move |_| if as_csv { csv::<R>(&found) } else { json::<R>(&found) })
                .await?;
            Ok(file(
                &format!("{name}.{format}"),
                if as_csv { "text/csv; charset=utf-8" } else { "application/json" },
                body,
            ))
        }
        Some(other) => Err(Problem::wrong(format!("there is no format {other:?}")).field("format")),
    }
}

fn file(name: &str, kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// All rows as programs get them.
fn json<R: Row>(found: &Found) -> Result<Vec<u8>, Problem> {
    let rows: Vec<R> = found.all().map(|(view, at)| R::at(view, at)).collect();
    serde_json::to_vec_pretty(&rows).map_err(|_| Problem::internal("making a file"))
}

/// All rows as spreadsheets get them.
fn csv<R: Row>(found: &Found) -> Result<Vec<u8>, Problem> {
    let failed = |_| Problem::internal("making a file");
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = R::columns();
    writer.write_record(columns.iter().map(|column| column.title)).map_err(failed)?;
    for (view, at) in found.all() {
        let cells = R::at(view, at).cells();
        writer.write_record(cells.iter().map(plain)).map_err(failed)?;
    }
    writer.into_inner().map_err(|_| Problem::internal("making a file"))
}

/// A cell as text; what a spreadsheet would take for a formula is marked as text.
fn plain(cell: &Cell) -> String {
    let text = match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) | Cell::Link { text, .. } => text.clone(),
        Cell::Number(number) => return number.to_string(),
        Cell::Detail { text, sub } => format!("{text} ({sub})"),
        Cell::Badges(badges) => badges.iter().map(|badge| badge.text.as_str()).collect::<Vec<_>>().join(", "),
        Cell::Links(links) => links.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", "),
        Cell::Time(time) => return time.to_string(),
        Cell::Unknown(why) => format!("unknown: {why}"),
    };
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

/// The columns of a list, with what a click on their heads leads to.
fn columns<R: Row>(query: &ListQuery, path: &str) -> Vec<Column> {
    let mut columns = R::columns();
    for (column, sort) in columns.iter_mut().zip(R::sorts()) {
        let Some(sort) = sort else { continue };
        let is_sorted = query.sort.unwrap_or("name") == *sort;
        // Names begin at their start, numbers and times at the largest.
        let first_descends = *sort != "name";
        let descends = if is_sorted { !query.descending } else { first_descends };
        let next = format!("{}{sort}", if descends { "-" } else { "" });
        column.address = Some(query.address(path, &[("sort", &next)]));
        if is_sorted {
            column.order = Some(if query.descending { "descending" } else { "ascending" });
        }
    }
    columns
}

fn filters(query: &ListQuery, found: &Found, path: &str) -> Vec<Filter> {
    let mut filters = Vec::new();
    for facet in found.facets() {
        let value = query.filters.get(facet.name).cloned();
        let chip = |(text, count): &(String, u64)| {
            let is_chosen = value.as_ref() == Some(text);
            Chip {
                address: query.address(path, &[(facet.name, if is_chosen { "" } else { text })]),
                text: text.clone(),
                count: words::number(*count),
                is_chosen,
            }
        };
        let mut values: Vec<&(String, u64)> =
            facet.values.iter().filter(|(text, count)| *count > 0 || value.as_ref() == Some(text)).collect();
        if values.len() < 2 && value.is_none() {
            continue;
        }
        let more = values.len().saturating_sub(MOST_OPTIONS);
        if more > 0 {
            values.sort_by_key(|(text, count)| (value.as_ref() != Some(text), Reverse(*count)));
            values.truncate(MOST_OPTIONS);
            values.sort();
        }
        let chips: Vec<Chip> = values.into_iter().map(chip).collect();
        filters.push(Filter {
            title: facet.title,
            name: facet.name,
            is_long: chips.len() > MOST_CHIPS,
            more: if more > 0 { words::number(more) } else { String::new() },
            value,
            chips,
        });
    }
    filters
}

fn show<R: Row>(app: &App, frame: &Frame, query: &ListQuery, found: &Found) -> Answer {
    let kind = R::KIND;
    let path = format!("/{}", kind.word());
    let (title, lead, placeholder) = words_of(kind);
    let rows = found.rows().map(|(view, at)| R::at(view, at).cells()).collect();
    let is_narrowed = !query.q.is_empty() || !query.filters.is_empty();
    let empty = match (found.views.is_empty(), is_narrowed) {
        (true, _) => "Nothing has been read yet.".to_owned(),
        (false, true) => "Nothing fits. Try fewer words or filters.".to_owned(),
        (false, false) => "None were seen. See the gaps for what could not be read.".to_owned(),
    };
    let (first, last) = found.range();
    let total = found.total() as u64;
    let range = match total {
        0 => String::new(),
        _ => format!(
            "{}–{} of {}",
            words::number(first as u64),
            words::number(last as u64),
            words::number(total)
        ),
    };
    let exports = if total > 0 {
        ["csv", "json"].map(|format| (format, query.address(&path, &[("format", format)]))).to_vec()
    } else {
        Vec::new()
    };
    let names = app.source_names()?;
    let sources = if names.len() > 1 {
        names.into_iter().map(|(id, name)| (id, name, query.at.source == Some(id))).collect()
    } else {
        Vec::new()
    };
    let sort = query
        .sort
        .map_or_else(String::new, |sort| format!("{}{sort}", if query.descending { "-" } else { "" }));
    let page = ListPage {
        title,
        lead,
        q: query.q.clone(),
        as_of: query.at.as_of_text.clone().unwrap_or_default(),
        sort,
        placeholder,
        filters: filters(query, found, &path),
        table: Table { name: title.to_owned(), columns: columns::<R>(query, &path), rows, empty },
        range,
        previous: found.previous().map(|cursor| query.address(&path, &[("cursor", &cursor)])),
        next: found.next().map(|cursor| query.address(&path, &[("cursor", &cursor)])),
        exports,
        warnings: warnings(kind, found),
        sources,
        is_narrowed,
        path,
    };
    frame.page(app, title, &page)
}

/// What makes a list less than complete.
fn warnings(kind: Kind, found: &Found) -> Vec<String> {
    let mut warnings = Vec::new();
    for view in &found.views {
        let graph = view.graph();
        let about = graph.about();
        let listing = match kind {
            Kind::Accounts => "users",
            Kind::Groups => "groups",
            Kind::Apps => "apps",
            Kind::Admins => {
                let gaps = graph.gaps_hiding_admins();
                if let [gap, more @ ..] = gaps.as_slice() {
                    let more =
                        if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
                    warnings.push(format!(
                        "{}: not every admin role could be read: {}{more}. Who is not listed here may still hold one.",
                        about.source, gap.detail
                    ));
                }
                continue;
            }
        };
        for gap in graph.gaps().filter(|gap| gap.scope.dataset == listing) {
            warnings.push(format!("{}: the list is not complete: {}", about.source, gap.detail));
        }
    }
    warnings
}

/// A page of rows as programs get it.
pub(crate) fn as_page<R: Row>(found: &Found) -> Page<R> {
    let facets = found.facets().iter().map(|facet| {
        let values = facet.values.iter().map(|(value, count)| (value.clone(), *count)).collect();
        (facet.name.to_owned(), values)
    });
    Page {
        items: found.rows().map(|(view, at)| R::at(view, at)).collect(),
        total: found.total() as u64,
        next: found.next(),
        facets: facets.collect(),
        snapshots: found.views.iter().map(|view| sightline_answer::SnapshotRef::of(view.graph())).collect(),
    }
}
