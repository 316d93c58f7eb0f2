//! The frame around every page: navigation, who is signed in, which time is looked at.

use askama::Template;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use crate::app::App;
use crate::auth::Identity;
use crate::problem::Problem;
use crate::table::Tone;
use sightline_store::UserRole;

/// The cookie that holds the theme that somebody has chosen.
pub(crate) const THEME_COOKIE: &str = "sightline_theme";

/// A line above a page.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// An entry of the navigation.
#[derive(Debug)]
struct NavItem {
    title: &'static str,
    address: String,
    is_current: bool,
    count: Option<String>,
    /// The heading that it begins, if it does.
    begins: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "layout.html")]
struct LayoutPage<'a> {
    title: &'a str,
    theme: Option<&'static str>,
    csrf: &'a str,
    here: &'a str,
    user_name: &'a str,
    user_role: &'static str,
    nav: Vec<NavItem>,
    notices: &'a [Notice],
    reload_after: Option<u32>,
    main: &'a str,
}

#[derive(Template)]
#[template(path = "gate.html")]
struct GatePage<'a> {
    title: &'a str,
    theme: Option<&'static str>,
    main: &'a str,
}

/// What frames need to know of a request.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    identity: Identity,
    theme: Option<&'static str>,
    here: String,
    path: String,
    as_of: Option<String>,
    pub(crate) notices: Vec<Notice>,
    /// Seconds after which a browser asks for the page again, where something is still being made.
    pub(crate) reload_after: Option<u32>,
}

/// The theme that somebody has chosen.
pub(crate) fn theme(headers: &HeaderMap) -> Option<&'static str> {
    match crate::auth::cookie(headers, THEME_COOKIE)?.as_str() {
        "dark" => Some("dark"),
        "light" => Some("light"),
        _ => None,
    }
}

impl Frame {
    pub(crate) fn new(identity: &Identity, headers: &HeaderMap, uri: &Uri) -> Self {
        let here = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let query = uri.query().unwrap_or_default();
        let as_of = url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, value)| name == "as_of" && !value.trim().is_empty())
            .map(|(_, value)| value.into_owned());
        Self {
            identity: identity.clone(),
            theme: theme(headers),
            here,
            path: uri.path().to_owned(),
            as_of,
            notices: Vec::new(),
            reload_after: None,
        }
    }

    /// The token that forms of this page carry.
    pub(crate) fn csrf(&self) -> &str {
        self.identity.csrf()
    }

    /// Whether who looks at the page may do what a role may.
    pub(crate) fn may(&self, role: UserRole) -> bool {
        self.identity.is_at_least(role)
    }

    /// Says something above the page.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.notices.push(Notice { tone, text: text.into() });
    }

    /// The page, with the frame around it.
    pub(crate) fn page(&self, app: &App, title: &str, main: &impl Template) -> Result<Response, Problem> {
        self.page_with(app, StatusCode::OK, title, main)
    }

    pub(crate) fn page_with(
        &self,
        app: &App,
        status: StatusCode,
        title: &str,
        main: &impl Template,
    ) -> Result<Response, Problem> {
        let main = main.render().map_err(|_| Problem::internal("making the page"))?;
        let page = LayoutPage {
            title,
            theme: self.theme,
            csrf: self.csrf(),
            here: &self.here,
            user_name: &self.identity.user.name,
            user_role: self.identity.user.role.word(),
            nav: self.nav(app),
            notices: &self.notices,
            reload_after: self.reload_after,
            main: &main,
        };
        let html = page.render().map_err(|_| Problem::internal("making the page"))?;
        Ok((status, Html(html)).into_response())
    }

    fn nav(&self, app: &App) -> Vec<NavItem> {
        let gaps: u64 = app.snapshots().newest().iter().map(|view| view.summary.gaps).sum();
        let mut items = Vec::new();
        let mut add = |title: &'static str, path: &'static str, begins: Option<&'static str>, timed: bool| {
            let address = match &self.as_of {
                Some(as_of) if timed => {
                    let query = url::form_urlencoded::Serializer::new(String::new())
                        .append_pair("as_of", as_of)
                        .finish();
                    format!("{path}?{query}")
                }
                _ => path.to_owned(),
            };
            let is_current = if path == "/" {
                self.path == "/"
            } else {
                self.path == path || self.path.starts_with(&format!("{path}/"))
            };
            let count = (path == "/gaps" && gaps > 0).then(|| crate::words::number(gaps));
            items.push(NavItem { title, address, is_current, count, begins });
        };
        add("Overview", "/", None, true);
        add("Access", "/access", Some("Who can reach what"), true);
        add("Accounts", "/accounts", None, true);
        add("Groups", "/groups", None, true);
        add("Applications", "/apps", None, true);
        add("Admins", "/admins", None, true);
        add("Activity", "/activity", Some("What happens"), true);
        add("Changes", "/changes", None, false);
        add("Gaps", "/gaps", Some("How it is known"), true);
        add("Data sources", "/sources", None, false);
        if self.may(UserRole::Auditor) {
            add("Audit log", "/settings/audit", Some("Settings"), false);
        }
        if self.may(UserRole::Admin) {
            add("Users", "/settings/users", None, false);
        }
        if self.may(UserRole::Auditor) {
            add("API tokens", "/settings/tokens", None, false);
        } else {
            add("API tokens", "/settings/tokens", Some("Settings"), false);
        }
        items
    }
}

/// A page for somebody who is not signed in.
pub(crate) fn gate(
    headers: &HeaderMap,
    status: StatusCode,
    title: &str,
    main: &impl Template,
) -> Result<Response, Problem> {
    let main = main.render().map_err(|_| Problem::internal("making the page"))?;
    let page = GatePage { title, theme: theme(headers), main: &main };
    let html = page.render().map_err(|_| Problem::internal("making the page"))?;
    Ok((status, Html(html)).into_response())
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    problem: &'a Problem,
}

/// The page that says why something was not done.
pub(crate) fn problem_page(
    app: &App,
    identity: Option<&Identity>,
    headers: &HeaderMap,
    uri: &Uri,
    problem: &Problem,
) -> Result<Response, Problem> {
    let page = ProblemPage { problem };
    match identity {
        Some(identity) => {
            Frame::new(identity, headers, uri).page_with(app, problem.status(), problem.title, &page)
        }
        None => gate(headers, problem.status(), problem.title, &page),
    }
}
