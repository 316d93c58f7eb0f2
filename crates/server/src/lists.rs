//! Lists of accounts, groups, applications and admin roles: searched, filtered, sorted and paged.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sightline_answer::When;
use utoipa::IntoParams;

use crate::app::App;
use crate::catalog::{Catalog, FacetCounts, Selection, Wanted, select, words};
use crate::parameters::{AsOf, LARGEST, Parameters};
use crate::problem::Problem;
use crate::view::{View, holder_names};

/// Rows of a page unless something else is asked for, and at most.
const LIMIT: usize = 50;
const MOST: usize = 500;
/// Longer searches find nothing that shorter ones do not.
const LONGEST_SEARCH: usize = 200;

/// A kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Accounts,
    Groups,
    Apps,
    Admins,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Groups => "groups",
            Self::Apps => "apps",
            Self::Admins => "admins",
        }
    }

    fn catalog(self, view: &View) -> &Catalog {
        match self {
            Self::Accounts => &view.accounts,
            Self::Groups => &view.groups,
            Self::Apps => &view.apps,
            Self::Admins => &view.holdings,
        }
    }

    /// What it can be narrowed down by.
    pub(crate) const fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &["status", "access", "admin", "leaver", "department", "type"],
            Self::Groups => &["origin", "rule"],
            Self::Apps => &["status", "sign_on"],
            Self::Admins => &["role", "via", "reach", "status"],
        }
    }

    /// What it can be sorted by, besides the name.
    pub(crate) const fn sorts(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &["apps", "unused", "last_sign_in", "created"],
            Self::Groups => &["members", "apps"],
            Self::Apps => &["accounts", "unused"],
            Self::Admins => &["since"],
        }
    }

    fn name(self, view: &View, at: u32) -> &str {
        let graph = view.graph();
        let at = at as usize;
        match self {
            Self::Accounts => graph.account(sightline_graph::AccountIx::at(at)).login,
            Self::Groups => &graph.group(sightline_graph::GroupIx::at(at)).name,
            Self::Apps => &graph.resource(sightline_graph::ResourceIx::at(at)).label,
            Self::Admins => holder_names(graph, view.admins[at].holder).0,
        }
    }
}

/// What is asked of a list.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameters that `ListQuery::parse` reads")]
pub(crate) struct ListParams {
    /// Words that all have to be found in a name or an id.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Where to go on: `next` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// Only this data source, by id.
    #[param(minimum = 1)]
    source: Option<u64>,
    /// The answer of then: a date, an instant, an age such as `3d`, or the number of a snapshot.
    #[param(value_type = Option<AsOf>, inline)]
    as_of: Option<When>,
}

/// What is asked of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    pub(crate) q: String,
    pub(crate) filters: BTreeMap<&'static str, String>,
    pub(crate) sort: Option<&'static str>,
    pub(crate) descending: bool,
    pub(crate) at: At,
    limit: usize,
    cursor: Option<Cursor>,
}

/// Which snapshots are asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct At {
    pub(crate) source: Option<u64>,
    pub(crate) as_of: Option<When>,
    /// As it was typed.
    pub(crate) as_of_text: Option<String>,
}

/// Where a list goes on: in which snapshots, and after how many rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) snapshots: Vec<(u64, u64)>,
    pub(crate) after: usize,
}

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let pins: Vec<String> =
            self.snapshots.iter().map(|(source, number)| format!("{source}.{number}")).collect();
        URL_SAFE_NO_PAD.encode(format!("{};{}", pins.join(","), self.after))
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (pins, after) = text.split_once(';')?;
        let pin = |pin: &str| {
            let (source, number) = pin.split_once('.')?;
            Some((source.parse().ok()?, number.parse().ok()?))
        };
        let snapshots = pins.split(',').map(pin).collect::<Option<Vec<_>>>()?;
        (snapshots.len() <= 64).then_some(Self { snapshots, after: after.parse().ok()? })
    }
}

impl At {
    /// Takes the parameters that say which snapshots are asked.
    pub(crate) fn of(parameters: &mut Parameters) -> Result<Self, Problem> {
        let source = parameters.number("source", 1..=LARGEST)?;
        let (as_of, as_of_text) = parameters.when_typed("as_of")?.unzip();
        Ok(Self { source, as_of, as_of_text })
    }

    /// The one snapshot that is asked of one data source.
    pub(crate) async fn view(&self, app: &App) -> Result<Arc<View>, Problem> {
        let views = self.views(app).await?;
        views.into_iter().next().ok_or_else(|| Problem::not_found("this data source has not been read yet"))
    }

    /// The snapshots that are asked, loaded: the newest, or those that were in force then. Empty while nothing was read.
    pub(crate) async fn views(&self, app: &App) -> Result<Vec<Arc<View>>, Problem> {
        app.snapshots().ready().await;
        let name = match self.source {
            Some(id) => Some(app.source(id)?.name),
            None => None,
        };
        let Some(when) = &self.as_of else {
            let mut views = app.snapshots().newest();
            views.retain(|view| self.source.is_none_or(|source| view.source_id() == source));
            return Ok(views);
        };
        let choice = sightline_answer::chosen(app.store(), name.as_deref(), Some(when), app.now());
        let choice = choice.map_err(|error| Problem::from(error).field("as_of"))?;
        let mut views = Vec::new();
        for chosen in choice.chosen {
            views.push(app.snapshots().get(chosen.record.id, chosen.meta.number).await?);
        }
        Ok(views)
    }
}

/// Takes how many rows a page has, and where it begins.
pub(crate) fn paging(parameters: &mut Parameters) -> Result<(usize, Option<Cursor>), Problem> {
    let limit = parameters.number("limit", 1..=MOST)?.unwrap_or(LIMIT);
    let cursor = match parameters.text("cursor") {
        None => None,
        Some(text) => {
            // Whoever made one up asks for a page that there is not.
            let none = || Problem::not_found("no list goes on there").field("cursor");
            Some(Cursor::decode(&text).ok_or_else(none)?)
        }
    };
    Ok((limit, cursor))
}

impl ListQuery {
    /// Takes the parameters of a list; one that it does not have or that is wrong is named.
    pub(crate) fn of(kind: Kind, mut parameters: Parameters) -> Result<Self, Problem> {
        let mut query = Self { at: At::of(&mut parameters)?, ..Self::default() };
        query.q = parameters.text("q").map(|words| words.trim().to_owned()).unwrap_or_default();
        if query.q.chars().count() > LONGEST_SEARCH {
            return Err(Problem::wrong("the search is too long").field("q"));
        }
        if let Some(sort) = parameters.text("sort") {
            query.take_sort(kind, &sort)?;
        }
        (query.limit, query.cursor) = paging(&mut parameters)?;
        for filter in kind.filters() {
            if let Some(value) = parameters.text(filter) {
                query.filters.insert(filter, value);
            }
        }
        parameters.done()?;
        Ok(query)
    }

    fn take_sort(&mut self, kind: Kind, value: &str) -> Result<(), Problem> {
        let (name, descending) = match value.strip_prefix('-') {
            Some(name) => (name, true),
            None => (value, false),
        };
        self.descending = descending;
        self.sort = None;
        if name != "name" {
            let known = kind.sorts().iter().find(|sort| **sort == name);
            self.sort = Some(*known.ok_or_else(|| {
                Problem::wrong(format!("{} are not sorted by {name:?}", kind.word()))
                    .field("sort")
                    .hint(format!("they are sorted by name, {}", kind.sorts().join(", ")))
            })?);
        }
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            words: words(&self.q),
            filters: self.filters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            sort: self.sort.map(str::to_owned),
            descending: self.descending,
        }
    }

    /// What is asked for, as parameters, with some of them replaced; an empty value leaves one out.
    pub(crate) fn address(&self, path: &str, replaced: &[(&str, &str)]) -> String {
        let sort = self.sort.map(|sort| format!("{}{sort}", if self.descending { "-" } else { "" }));
        let sort = sort.or_else(|| self.descending.then(|| "-name".to_owned()));
        let source = self.at.source.map(|id| id.to_string());
        let mut all: Vec<(&str, String)> = vec![("q", self.q.clone())];
        all.extend(self.filters.iter().map(|(name, value)| (*name, value.clone())));
        all.push(("sort", sort.unwrap_or_default()));
        all.push(("source", source.unwrap_or_default()));
        all.push(("as_of", self.at.as_of_text.clone().unwrap_or_default()));
        for (name, value) in replaced {
            all.retain(|(other, _)| other != name);
            all.push((name, (*value).to_owned()));
        }
        all.retain(|(_, value)| !value.is_empty());
        address(path, &all)
    }
}

/// A path with parameters.
pub(crate) fn address<N: AsRef<str>, V: AsRef<str>>(path: &str, pairs: &[(N, V)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
    format!("{path}?{}", query.finish())
}

/// A part of a path that is somebody else's text.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) views: Vec<Arc<View>>,
    selection: Arc<Selection>,
    from: usize,
    limit: usize,
}

impl Found {
    /// Answers a query.
    pub(crate) async fn of(app: &App, kind: Kind, query: &ListQuery) -> Result<Self, Problem> {
        let (views, from) = match &query.cursor {
            None => (query.at.views(app).await?, 0),
            // The next page is of the same snapshots, whatever was sealed meanwhile.
            Some(cursor) => {
                let mut views = Vec::new();
                for (source, number) in &cursor.snapshots {
                    views.push(app.snapshots().get(*source, *number).await?);
                }
                (views, cursor.after)
            }
        };
        let which = views.iter().map(|view| view.which()).collect();
        let selection = app.selection((kind.word(), which, query.wanted()), |wanted| {
            let catalogs: Vec<&Catalog> = views.iter().map(|view| kind.catalog(view)).collect();
            select(&catalogs, wanted, |view, at| kind.name(&views[view], at))
        });
        Ok(Self { views, selection, from, limit: query.limit })
    }

    /// The rows of this page: in which snapshot, and the position in its catalog.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&View, usize)> {
        self.items(self.from, self.limit)
    }

    /// All rows, whatever the page.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&View, usize)> {
        self.items(0, usize::MAX)
    }

    fn items(&self, from: usize, limit: usize) -> impl Iterator<Item = (&View, usize)> {
        let items = self.selection.items.iter().skip(from).take(limit);
        items.map(|(view, at)| (&*self.views[usize::from(*view)], *at as usize))
    }

    pub(crate) fn total(&self) -> usize {
        self.selection.items.len()
    }

    /// The first and the last row of the page, counted from 1.
    pub(crate) fn range(&self) -> (usize, usize) {
        let end = self.from.saturating_add(self.limit).min(self.total());
        ((self.from + 1).min(end), end)
    }

    pub(crate) fn facets(&self) -> &[FacetCounts] {
        &self.selection.facets
    }

    /// Where the list goes on, if it does.
    pub(crate) fn next(&self) -> Option<String> {
        let after = self.from.saturating_add(self.limit);
        (after < self.total()).then(|| self.cursor(after))
    }

    /// Where the page before begins, if there is one.
    pub(crate) fn previous(&self) -> Option<String> {
        (self.from > 0).then(|| self.cursor(self.from.saturating_sub(self.limit)))
    }

    fn cursor(&self, after: usize) -> String {
        let snapshots = self.views.iter().map(|view| view.which()).collect();
        Cursor { snapshots, after }.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nonsense_is_none() {
        let cursor = Cursor { snapshots: vec![(1, 12), (7, 3)], after: 150 };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for text in ["", "x", "!!!", &URL_SAFE_NO_PAD.encode("1.2;x"), &URL_SAFE_NO_PAD.encode("1;2")] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_list_does_not_have_is_named() {
        let parse = |query: &str| {
            Parameters::typed(Some(query)).and_then(|given| ListQuery::of(Kind::Accounts, given))
        };
        for (query, field) in [
            ("stauts=active", "stauts"),
            ("sort=size", "sort"),
            ("limit=0", "limit"),
            ("limit=9999", "limit"),
            ("cursor=abc", "cursor"),
            ("source=x", "source"),
            ("as_of=yesterday", "as_of"),
        ] {
            assert_eq!(parse(query).unwrap_err().field.as_deref(), Some(field), "{query}");
        }
        let query = parse("q=+ada+&status=active&sort=-apps&limit=&as_of=2026-06-30").unwrap();
        assert_eq!((query.q.as_str(), query.sort, query.descending), ("ada", Some("apps"), true));
        assert_eq!(
            query.address("/accounts", &[("status", ""), ("cursor", "x y")]),
            "/accounts?q=ada&sort=-apps&as_of=2026-06-30&cursor=x+y"
        );
    }
}
