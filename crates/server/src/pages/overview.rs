//! The overview: the figures that matter, each a link to the list behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use sightline_core::{Observed, Time};
use sightline_store::UserRole;

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::Viewer;
use crate::connected::{SourceAnswer, State as SourceState};
use crate::drawing;
use crate::layout::Frame;
use crate::lists::{At, address, pairs};
use crate::problem::Problem;
use crate::view::View;
use crate::words;

/// Snapshots that a trend is drawn of.
const TREND: usize = 40;

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
    comparisons: Vec<(&'static str, String)>,
    unused: Vec<(String, String, u64, u64)>,
    usage_unknown: Option<String>,
    as_of: String,
    is_empty: bool,
    may_manage: bool,
    now: Time,
    degraded: Vec<SourceAnswer>,
}

/// What was counted of the snapshots of a data source, the oldest first.
type History = Vec<(Time, BTreeMap<String, u64>)>;

/// How the sums of a figure over all data sources went: at each snapshot of any of them the newest of each.
fn trend_of(histories: &[History], name: &str) -> Vec<u64> {
    let mut steps: Vec<(Time, usize, u64)> = Vec::new();
    for (source, history) in histories.iter().enumerate() {
        for (time, figures) in history {
            if let Some(value) = figures.get(name) {
                steps.push((*time, source, *value));
            }
        }
    }
    steps.sort_unstable();
    let mut newest: BTreeMap<usize, u64> = BTreeMap::new();
    let mut sums = Vec::with_capacity(steps.len());
    for (_, source, value) in steps {
        newest.insert(source, value);
        sums.push(newest.values().sum());
    }
    sums.split_off(sums.len().saturating_sub(TREND))
}

/// What was counted of the snapshots of the data sources that are shown, the oldest first.
fn histories(app: &App, views: &[Arc<View>]) -> Result<Vec<History>, Problem> {
    views
        .iter()
        .map(|view| {
            let figures = app.store().figures(view.source_id())?;
            let known = figures.into_iter().filter(|(number, _)| *number <= view.number());
            Ok(known.filter_map(|(number, figures)| Some((view.known.times.get(number)?, figures))).collect())
        })
        .collect()
}

/// The figures, over all data sources.
fn figures(views: &[Arc<View>], histories: &[History], as_of: &str) -> Vec<Figure> {
    let linked = |path: &str, more: &[(&str, &str)]| {
        let mut all: Vec<(&str, &str)> = more.to_vec();
        if !as_of.is_empty() {
            all.push(("as_of", as_of));
        }
        address(path, &all)
    };
    let sum = |of: fn(&View) -> u64| views.iter().map(|view| of(view)).sum::<u64>();
    let figure = |label, name: &str, value: u64, note: String, address: String| Figure {
        label,
        value: words::number(value),
        is_word: false,
        note,
        address,
        trend: drawing::trend(&trend_of(histories, name), label),
    };
    let able = sum(|view| view.summary.accounts_able_to_sign_in);
    let mut figures = vec![
        figure(
            "Accounts",
            "accounts",
            sum(|view| view.summary.accounts),
            format!("{} can sign in", words::number(able)),
            linked("/accounts", &[]),
        ),
        figure("Groups", "groups", sum(|view| view.summary.groups), String::new(), linked("/groups", &[])),
        figure(
            "Applications",
            "apps",
            sum(|view| view.summary.resources),
            String::new(),
            linked("/apps", &[]),
        ),
        figure(
            "Accesses",
            "accesses",
            sum(|view| view.summary.effective_pairs),
            "accounts that can reach an application".to_owned(),
            linked("/access", &[]),
        ),
    ];
    let hiding: usize = views.iter().map(|view| view.graph().gaps_hiding_admins().len()).sum();
    let admins = sum(|view| view.summary.admins);
    figures.push(if hiding == 0 {
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
    let unread = views.iter().find_map(|view| view.usage_unread().map(str::to_owned));
    figures.push(match &unread {
        None => {
            let unused = sum(|view| match view.summary.unused_access {
                Observed::Known(unused) => unused,
                Observed::Unknown(_) => 0,
            });
            figure(
                "Unused access",
                "unused",
                unused,
                "not used in the window that was read".to_owned(),
                linked("/activity", &[]),
            )
        }
        Some(why) => Figure {
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
        sum(|view| view.summary.leavers_with_assignments),
        format!(
            "deactivated, {} with an assignment in force",
            words::number(sum(|view| view.summary.leavers_with_assignments_in_force))
        ),
        linked("/accounts", &[("leaver", "yes")]),
    ));
    figures.push(figure(
        "Gaps",
        "gaps",
        sum(|view| view.summary.gaps),
        "parts that could not be read".to_owned(),
        linked("/gaps", &[]),
    ));
    figures
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
    let mut at = At::default();
    for (name, value) in pairs(uri.query()) {
        if !at.take(&name, &value)? {
            return Err(Problem::wrong(format!("there is no parameter {name:?}")).field(name));
        }
    }
    let views = at.views(&app).await?;
    let as_of = at.as_of_text.clone().unwrap_or_default();
    let figures = figures(&views, &histories(&app, &views)?, &as_of);
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
        comparisons: vec![
            ("Since the last snapshot", "/changes".to_owned()),
            ("Since yesterday", "/changes?from=1d".to_owned()),
            ("Since last week", "/changes?from=7d".to_owned()),
        ],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_over_several_sources_sums_the_newest_of_each() {
        let at = |hour: i64| Time::from_secs(hour * 3600);
        let figures = |value: u64| BTreeMap::from([("accounts".to_owned(), value)]);
        let one = vec![(at(1), figures(10)), (at(3), figures(12))];
        let other = vec![(at(2), figures(5)), (at(4), BTreeMap::new())];
        assert_eq!(trend_of(&[one, other], "accounts"), [10, 15, 17]);
        assert!(trend_of(&[], "accounts").is_empty());
    }
}
