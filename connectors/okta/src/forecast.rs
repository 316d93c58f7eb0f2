//! How many calls a full sync needs, counted before it is run.

use std::collections::BTreeMap;

use sightline_core::source::ForecastLine;
use sightline_core::{Forecast, Record, Result, SoFar, Tallies, Task, Time};
use sightline_http::Client;

use crate::absorb::{Answer, absorb};
use crate::list::{Body, LATER, List};
use crate::task::{Feed, OktaTask, POLICY_TYPES, Page, Walk};
use crate::{LISTINGS, get};

/// Reads the listings whose counts decide, and computes the rest.
///
/// Groups tell their members; what no listing tells (users of an application, deactivated users, events) is taken
/// from the last snapshot, and without one is the least that it can be.
pub(crate) async fn run(client: &Client, last: Option<&Tallies>, now: Time) -> Result<Forecast> {
    let mut read = Reading { members_exact: true, ..Reading::default() };
    for first in [List::Groups, List::Apps, List::GroupRules, List::RoleAssignees, List::Roles] {
        read.list(client, Page::first(first, None)).await?;
    }
    // The limits of the buckets that the listings did not touch: one call each tells.
    for probe in [OktaTask::list(List::Users), OktaTask::Log(Walk::since(Feed::Usage, now))] {
        match get(client, &probe).await {
            Ok(_) => {}
            Err(error) if error.gap_reason().is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read.into_forecast(last))
}

/// The calls of a small listing, by how many objects it had last time; Okta may list fewer on a page than we ask for.
fn small(list: List, known: Option<u64>) -> (u64, bool) {
    let spec = list.spec();
    let size = spec.page.map_or(u64::MAX, u64::from);
    let requests = known.unwrap_or(0).div_ceil(size).max(1);
    (requests, spec.body == Body::Single || (known.is_some() && spec.page.is_some()))
}

#[derive(Default)]
struct Reading {
    /// Pages of each listing that was read.
    pages: BTreeMap<String, u64>,
    tallies: Tallies,
    everyone: Option<u64>,
    member_pages: u64,
    members_exact: bool,
    groups: u64,
    apps: Vec<String>,
    service_apps: u64,
    pushing_apps: u64,
    custom_roles: u64,
}

impl Reading {
    async fn list(&mut self, client: &Client, first: Page) -> Result<()> {
        let mut next = Some(first);
        while let Some(page) = next.take() {
            let answered = match get(client, &OktaTask::Page(page.clone())).await {
                Ok(answered) => answered,
                // A sync would make the same call, be refused and leave a gap.
                Err(error) if error.gap_reason().is_some() => {
                    *self.pages.entry(page.scope().dataset).or_default() += 1;
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let so_far = SoFar::default();
            let next_page = answered.next_after(&page.cursor)?;
            let now = Time::default();
            let answer = Answer { next: next_page, body: &answered.body, now, so_far: &so_far };
            let step = absorb(&page, answer)?;
            *self.pages.entry(page.scope().dataset).or_default() += 1;
            for (name, count) in &step.tallies {
                self.tallies.add(name, *count);
            }
            for record in &step.records {
                match record {
                    Record::Group(group) if group.everyone => {
                        self.everyone = group.member_count.known().copied();
                    }
                    Record::Group(group) => {
                        let count = group.member_count.known();
                        self.members_exact &= count.is_some();
                        self.member_pages += count.map_or(1, |count| count.div_ceil(1000));
                    }
                    Record::Resource(app) => {
                        self.apps.push(app.id.clone());
                        self.service_apps += u64::from(app.service);
                        self.pushing_apps +=
                            u64::from(app.features.iter().any(|feature| feature == "GROUP_PUSH"));
                    }
                    Record::Role(role) => self.custom_roles += u64::from(role.custom),
                    _ => {}
                }
                self.groups += u64::from(matches!(record, Record::Group(_)));
            }
            next = step.then.into_iter().find_map(|then| match then {
                OktaTask::Page(then) if then.list == page.list => Some(then),
                _ => None,
            });
        }
        Ok(())
    }

    fn into_forecast(self, last: Option<&Tallies>) -> Forecast {
        let mut lines = Vec::new();
        let mut add = |dataset: &str, bucket: &str, requests: u64, exact: bool| {
            lines.push(ForecastLine {
                dataset: dataset.to_owned(),
                bucket: bucket.to_owned(),
                requests,
                exact,
            });
        };
        let known = |name: &str| last.map(|last| last.get(name));
        let pages = |dataset: &str| self.pages.get(dataset).copied().unwrap_or(0);

        let current = self.everyone.map_or_else(|| known("users.current"), Some);
        let deactivated = known("users.deactivated");
        let user_pages = |count: Option<u64>| count.unwrap_or(0).div_ceil(200).max(1);
        add(
            "users",
            "users",
            user_pages(current) + user_pages(deactivated),
            current.is_some() && deactivated.is_some(),
        );
        add("groups", "groups", pages("groups"), true);
        add("group_members", "groups", self.member_pages, self.members_exact);
        add("group_rules", "groups", pages("group_rules"), true);
        add("apps", "apps", pages("apps"), true);

        let of_apps = |dataset: &str, size: u64| -> (u64, bool) {
            let counts: Vec<Option<u64>> = self
                .apps
                .iter()
                .map(|app| last.and_then(|last| last.0.get(&format!("{dataset}/{app}")).copied()))
                .collect();
            let requests = counts.iter().map(|count| count.unwrap_or(0).div_ceil(size).max(1)).sum();
            (requests, counts.iter().all(Option::is_some))
        };
        let (app_users, app_users_exact) = of_apps("app_users", 500);
        add("app_users", "apps", app_users, app_users_exact);
        let (app_groups, app_groups_exact) = of_apps("app_groups", 200);
        // No application can have more groups than there are, nor than all groups together say.
        let one_page = self.groups.min(self.tallies.get("groups.resource_edges")) <= 200;
        add("app_groups", "apps", app_groups, app_groups_exact || one_page);

        add("roles", "iam", pages("roles"), true);
        add("role_assignees", "iam", pages("role_assignees"), true);
        // A role whose targets are not sent with it costs a call more, which only the last snapshot can tell.
        for (dataset, bucket, holders) in [
            ("user_roles", "users", self.tallies.get("role_assignees.users")),
            ("group_roles", "groups", self.tallies.get("group_roles.groups")),
            ("client_roles", "clients", self.service_apps),
        ] {
            let targets = known(&format!("{dataset}.target_reads"));
            add(dataset, bucket, holders + targets.unwrap_or(0), targets.is_some() || holders == 0);
        }
        add("app_grants", "apps", self.service_apps, true);
        add("app_pushes", "apps", self.pushing_apps, true);
        add("role_permissions", "iam", self.custom_roles, true);
        // What no listing tells that is read here: how many there were last time, and at least none.
        let times = |dataset: &str, each: u64| (known(dataset).unwrap_or(0) * each, last.is_some());
        let (contents, is_known) = times("scope_sets", 1);
        add("set_resources", "iam", contents, is_known && contents == 0);
        // The roles that are held on a set, and who holds each.
        let (members, is_known) = times("scope_sets", 2);
        add("binding_members", "iam", members, is_known && members == 0);
        let (rules, is_known) = times("policies", 1);
        add("policy_rules", "other", rules, is_known);
        add("policies", "other", POLICY_TYPES.len() as u64, true);
        for list in LISTINGS.iter().filter(|list| list.spec().rank == LATER && **list != List::Policies) {
            // The records of the dataset are devices and their users.
            let count = if *list == List::Devices { "devices.listed" } else { list.spec().dataset };
            let (requests, exact) = small(*list, known(count));
            add(list.spec().dataset, OktaTask::list(*list).about().bucket, requests, exact);
        }
        let (sets, exact) = small(List::ScopeSets, known("scope_sets"));
        add("scope_sets", "iam", sets, exact);
        // The log tells nothing before it is read: a page of news and an empty one.
        for dataset in ["activity", "changes"] {
            add(dataset, "logs", if last.is_some() { 2 } else { 1 }, false);
        }
        add("reach", "user", 1, true);
        add("reach", "users", 1, true);
        Forecast { lines }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::datasets::INFO;

    #[test]
    fn every_dataset_that_is_on_has_a_line_in_the_bucket_of_its_calls() {
        let lines = Reading::default().into_forecast(None).lines;
        let forecast: BTreeSet<&str> = lines.iter().map(|line| line.dataset.as_str()).collect();
        let on: BTreeSet<&str> =
            INFO.datasets.iter().filter(|dataset| dataset.on).map(|dataset| dataset.id).collect();
        assert_eq!(forecast, on);
        for line in &lines {
            let of_dataset = List::ALL.iter().filter(|list| list.spec().dataset == line.dataset);
            let buckets: Vec<&str> =
                of_dataset.map(|list| OktaTask::list_of(*list, "ID").about().bucket).collect();
            assert!(buckets.is_empty() || buckets.contains(&line.bucket.as_str()), "{line:?}: {buckets:?}");
        }
    }

    #[test]
    fn what_was_counted_last_time_tells_the_calls_of_this_time() {
        let mut last = Tallies::default();
        for (name, count) in
            [("policies", 30), ("scope_sets", 4), ("devices.listed", 401), ("trusted_origins", 200)]
        {
            last.add(name, count);
        }
        let read = Reading { service_apps: 3, pushing_apps: 2, custom_roles: 5, ..Reading::default() };
        let lines = read.into_forecast(Some(&last)).lines;
        let check = |dataset: &str, requests: u64, exact: bool| {
            let line = lines.iter().find(|line| line.dataset == dataset).expect("a line");
            assert_eq!((line.requests, line.exact), (requests, exact), "{dataset}");
        };
        check("policy_rules", 30, true);
        check("set_resources", 4, false);
        check("binding_members", 8, false);
        check("devices", 3, true);
        check("trusted_origins", 1, true);
        check("behaviors", 1, false);
        check("org_support", 1, true);
        check("app_grants", 3, true);
        check("app_pushes", 2, true);
        check("role_permissions", 5, true);
    }
}
