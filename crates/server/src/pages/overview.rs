//! The overview: the figures that matter, each a link to the list behind it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use sightline_core::{Observed, Time};
use sightline_store::UserRole;

use super::Answer;
use crate::app::Shared;
use crate::auth::Viewer;
use crate::compared::{Comparison, pair, prepare};
use crate::connected::{SourceAnswer, State as SourceState};
use crate::drawing;
use crate::figures::FiguresAnswer;
use crate::layout::Frame;
use crate::lists::{At, address};
use crate::parameters::Parameters;
use crate::view::View;
use crate::words;

/// A figure, with where it leads and how it went.
struct Figure {
    label: &'static str,
    value: String,
    /// Whether the value is a word instead of a number.
    is_word: bool,
    note: String,
    address: String,
    trend: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    figures: Vec<Figure>,
    sources: Vec<SourceAnswer>,
    comparisons: Vec<Compared>,
    unused: Vec<(String, String, u64, u64)>,
    usage_unknown: Option<String>,
    as_of: String,
    is_empty: bool,
    may_manage: bool,
    now: Time,
    degraded: Vec<SourceAnswer>,
}

/// The figures, over all data sources.
fn figures(counted: &FiguresAnswer, as_of: &str) -> Vec<Figure> {
    let linked = |path: &str, more: &[(&str, &str)]| {
        let mut all: Vec<(&str, &str)> = more.to_vec();
        if !as_of.is_empty() {
            all.push(("as_of", as_of));
        }
        address(path, &all)
    };
    let trend = |name: &str, label: &str| {
        let points = counted.trends.get(name).map_or(&[][..], Vec::as_slice);
        drawing::trend(&points.iter().map(|point| point.value).collect::<Vec<_>>(), label)
    };
    let figure = |label, name: &str, value: u64, note: String, address: String| Figure {
        label,
        value: words::number(value),
        is_word: false,
        note,
        address,
        trend: trend(name, label),
    };
    let mut figures = vec![
        figure(
            "Accounts",
            "accounts",
            counted.accounts,
            format!("{} can sign in", words::number(counted.able_accounts)),
            linked("/accounts", &[]),
        ),
        figure("Groups", "groups", counted.groups, String::new(), linked("/groups", &[])),
        figure("Applications", "apps", counted.apps, String::new(), linked("/apps", &[])),
        figure(
            "Accesses",
            "accesses",
            counted.accesses,
            "accounts that can reach an application".to_owned(),
            linked("/access", &[]),
        ),
    ];
    let admins = counted.admins;
    figures.push(if counted.gaps_hiding_admins == 0 {
        figure("Admins", "admins", admins, "accounts with a role in force".to_owned(), linked("/admins", &[]))
    } else {
        Figure {
            label: "Admins",
            value: if admins == 0 { "unknown".to_owned() } else { format!("{}+", words::number(admins)) },
            is_word: admins == 0,
            note: "not every role could be read".to_owned(),
            address: linked("/admins", &[]),
            trend: String::new(),
        }
    });
    figures.push(match &counted.unused_accesses {
        Observed::Known(unused) => figure(
            "Unused access",
            "unused",
            *unused,
            "not used in the window that was read".to_owned(),
            linked("/activity", &[]),
        ),
        Observed::Unknown(why) => Figure {
            label: "Unused access",
            value: "unknown".to_owned(),
            is_word: true,
            note: why.clone(),
            address: linked("/gaps", &[]),
            trend: String::new(),
        },
    });
    figures.push(figure(
        "Leavers with access",
        "leavers",
        counted.leavers,
        format!("deactivated, {} with an assignment in force", words::number(counted.leavers_in_force)),
        linked("/accounts", &[("leaver", "yes")]),
    ));
    figures.push(figure(
        "Gaps",
        "gaps",
        counted.gaps,
        "parts that could not be read".to_owned(),
        linked("/gaps", &[]),
    ));
    figures
}

/// What changed since then, of one data source.
struct Compared {
    title: String,
    address: String,
    /// What changed, and where that is listed; or why there is nothing to tell, or not yet.
    counts: Result<Vec<(String, String)>, String>,
}

/// Periods that are compared: for people, as in an address, and what they are called where there is nothing to compare.
const PERIODS: [(&str, Option<&str>); 3] =
    [("Since the last snapshot", None), ("Since yesterday", Some("1d")), ("Since last week", Some("7d"))];

/// What changed until now. What has not been compared yet is, for whoever looks next.
fn comparisons(app: &Shared, views: &[Arc<View>]) -> Vec<Compared> {
    let mut all = Vec::new();
    for view in views {
        for (title, from) in PERIODS {
            let source = view.source_id().to_string();
            let there = |kind: &str| {
                let from = from.unwrap_or_default();
                let mut pairs = vec![("source", source.as_str()), ("from", from), ("kind", kind)];
                pairs.retain(|(_, value)| !value.is_empty());
                address("/changes", &pairs)
            };
            let when = from.and_then(|from| from.parse().ok());
            let found = pair(app, view.source_id(), when.as_ref(), None);
            let counts = found.and_then(|pair| match app.comparisons().made(&pair) {
                Some(comparison) => Ok(Ok(counts(&comparison, there))),
                None => prepare(app, pair).map(|()| Err("being compared".to_owned())),
            });
            all.push(Compared {
                title: if views.len() > 1 {
                    format!("{}: {}", view.graph().about().source, title.to_lowercase())
                } else {
                    title.to_owned()
                },
                address: there(""),
                counts: counts.unwrap_or_else(|problem| {
                    let is_young = problem.status() == StatusCode::NOT_FOUND;
                    Err(if is_young { "no snapshot is that old".to_owned() } else { problem.detail })
                }),
            });
        }
    }
    all
}

/// How much of what changed, and where it is listed.
fn counts(comparison: &Comparison, there: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let counted = [
        (comparison.access.0, "access-gained", "access gained", "accesses gained"),
        (comparison.access.1, "access-lost", "access lost", "accesses lost"),
        (comparison.roles.0, "roles-gained", "admin role gained", "admin roles gained"),
        (comparison.roles.1, "roles-lost", "admin role lost", "admin roles lost"),
        (comparison.count("account"), "account", "account changed", "accounts changed"),
        (comparison.count("membership"), "membership", "membership changed", "memberships changed"),
        (comparison.count("assignment"), "assignment", "assignment changed", "assignments changed"),
    ];
    let some = counted.into_iter().filter(|(count, ..)| *count > 0);
    some.map(|(count, kind, one, many)| (words::count(count, one, many), there(kind))).collect()
}

/// The applications with the most access that nobody uses: name, where it is shown, unused, all.
fn most_unused(views: &[Arc<View>]) -> Vec<(String, String, u64, u64)> {
    let mut apps: Vec<(String, String, u64, u64)> = Vec::new();
    for view in views.iter().filter(|view| view.usage_unread().is_none()) {
        for (ix, app) in view.graph().resources() {
            let reached = view.reach.of_resource(ix);
            if reached.unused() > 0 {
                apps.push((
                    app.label.clone(),
                    crate::rows::entity_address("apps", view.source_id(), &app.id),
                    u64::from(reached.unused()),
                    u64::from(reached.all),
                ));
            }
        }
    }
    apps.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    apps.truncate(8);
    apps
}

pub(crate) async fn show(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let at = At::of(&mut parameters)?;
    parameters.done()?;
    let views = at.views(&app).await?;
    let as_of = at.as_of_text.clone().unwrap_or_default();
    let figures = figures(&FiguresAnswer::of(&app, &views)?, &as_of);
    let unread = views.iter().find_map(|view| view.usage_unread().map(str::to_owned));
    let sources = SourceAnswer::all(&app)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let degraded = sources
        .iter()
        .filter(|source| {
            matches!(
                source.state,
                SourceState::CredentialFailing | SourceState::Failing | SourceState::NeedsConfirmation
            )
        })
        .cloned()
        .collect();
    let page = OverviewPage {
        figures,
        comparisons: comparisons(&app, &views),
        unused: most_unused(&views),
        usage_unknown: unread,
        is_empty: views.is_empty(),
        may_manage: frame.may(UserRole::Admin),
        now: app.now(),
        degraded,
        sources,
        as_of,
    };
    frame.page(&app, "Overview", &page)
}
