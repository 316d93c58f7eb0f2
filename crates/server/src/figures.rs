//! The figures that matter, of a data source and of all together, and how they went.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use sightline_answer::schema;
use sightline_core::{Observed, Time};
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Problem;
use crate::view::View;

/// Points that a trend has at most.
const TREND: usize = 40;

/// What was counted of the snapshots of a data source, the oldest first.
type History = Vec<(Time, BTreeMap<String, u64>)>;

/// A figure at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TrendPoint {
    /// When a snapshot was sealed.
    #[schema(value_type = schema::Instant)]
    pub(crate) at: Time,
    /// What the figure was then.
    pub(crate) value: u64,
}

/// The figures that matter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FiguresAnswer {
    /// Accounts of any status.
    pub(crate) accounts: u64,
    /// Accounts that can sign in.
    pub(crate) able_accounts: u64,
    /// Groups.
    pub(crate) groups: u64,
    /// Memberships that were read; those in an everyone group are not listed.
    pub(crate) memberships: u64,
    /// Applications of any status.
    pub(crate) apps: u64,
    /// Pairs of an account and an application that it can reach.
    pub(crate) accesses: u64,
    /// Those of them that were not used inside the window that activity was read for.
    #[schema(value_type = schema::Observed<u64>)]
    pub(crate) unused_accesses: Observed<u64>,
    /// Accounts that can sign in and hold an admin role in force, as far as could be read.
    pub(crate) admins: u64,
    /// Parts that were not read and may hide further admin roles: where there are any, `admins` is the least that it can be.
    pub(crate) gaps_hiding_admins: u64,
    /// Deactivated accounts that still have a path to an application.
    pub(crate) leavers: u64,
    /// Those of them with a path whose assignment is in force.
    pub(crate) leavers_in_force: u64,
    /// Parts that were not read completely.
    pub(crate) gaps: u64,
    /// Edges that lead to something that was not seen, and take part in no answer.
    pub(crate) skipped_edges: u64,
    /// How figures went, the oldest first, by name: `accounts`, `groups`, `apps`, `accesses`, `unused`, `admins`, `leavers`,
    /// `gaps`. A snapshot in which one was not known is left out.
    pub(crate) trends: BTreeMap<&'static str, Vec<TrendPoint>>,
}

/// Names of what is counted of a snapshot.
const COUNTED: [&str; 8] = ["accounts", "groups", "apps", "accesses", "unused", "admins", "leavers", "gaps"];

impl FiguresAnswer {
    /// The figures of these snapshots together.
    pub(crate) fn of(app: &App, views: &[Arc<View>]) -> Result<Self, Problem> {
        let histories = histories(app, views)?;
        let sum = |of: fn(&View) -> u64| views.iter().map(|view| of(view)).sum::<u64>();
        let unread = views.iter().find_map(|view| view.usage_unread());
        let trends = COUNTED.into_iter().map(|name| (name, trend_of(&histories, name)));
        Ok(Self {
            accounts: sum(|view| view.summary.accounts),
            able_accounts: sum(|view| view.summary.accounts_able_to_sign_in),
            groups: sum(|view| view.summary.groups),
            memberships: sum(|view| view.summary.memberships),
            apps: sum(|view| view.summary.resources),
            accesses: sum(|view| view.summary.effective_pairs),
            unused_accesses: match unread {
                Some(why) => Observed::Unknown(why.to_owned()),
                None => Observed::Known(sum(|view| {
                    view.summary.unused_access.known().copied().unwrap_or_default()
                })),
            },
            admins: sum(|view| view.summary.admins),
            gaps_hiding_admins: sum(|view| view.graph().gaps_hiding_admins().len() as u64),
            leavers: sum(|view| view.summary.leavers_with_assignments),
            leavers_in_force: sum(|view| view.summary.leavers_with_assignments_in_force),
            gaps: sum(|view| view.summary.gaps),
            skipped_edges: sum(|view| view.summary.skipped.total()),
            trends: trends.filter(|(_, points)| !points.is_empty()).collect(),
        })
    }
}

/// How the sums of a figure over all data sources went: at each snapshot of any of them the newest of each.
fn trend_of(histories: &[History], name: &str) -> Vec<TrendPoint> {
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
    for (at, source, value) in steps {
        newest.insert(source, value);
        sums.push(TrendPoint { at, value: newest.values().sum() });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_over_several_sources_sums_the_newest_of_each() {
        let at = |hour: i64| Time::from_secs(hour * 3600);
        let figures = |value: u64| BTreeMap::from([("accounts".to_owned(), value)]);
        let one = vec![(at(1), figures(10)), (at(3), figures(12))];
        let other = vec![(at(2), figures(5)), (at(4), BTreeMap::new())];
        let points = [(1, 10), (2, 15), (3, 17)].map(|(hour, value)| TrendPoint { at: at(hour), value });
        assert_eq!(trend_of(&[one, other], "accounts"), points);
        assert!(trend_of(&[], "accounts").is_empty());
    }
}
