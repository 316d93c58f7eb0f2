//! The company: the same every time, as large as asked, and with everything that documentation names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sightline_sim::{
    Company, CompanySpec,
    company::{
        self, ADA, ADMIN_CONSOLE, ALL_STAFF, APP_ADMIN, AUDITOR, AWS, CHIEF, CLEAN_LEAVER, CONTRACTOR,
        CUSTOM_ADMIN, DORMANT, EMPTY_GROUP, ENG, ENG_PLATFORM, EVERYONE, EventKind, GITHUB, GROUP_ADMIN,
        GroupKind, HANDBOOK, HELP_DESK, Holder, IT_ADMINS, LEAVER, NEW_HIRE, ODD_NAME, OLD_WIKI, PAYROLL_API,
        RoleScope, SERVICE_ACCOUNT, SLACK, SetResource, SettingKind, SignOnMode, Status, Subject,
        UNDESCRIBED_GROUP, UserKind,
    },
    expect::{AdminScope, PathKind},
};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn spec(people: u32, seed: u64) -> CompanySpec {
    CompanySpec::for_people(people, seed, now())
}

/// FNV-1a over everything that is in the company: a hash that no release of the standard library changes.
fn fingerprint(company: &Company) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{company:?}").bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn same_seed_same_company() {
    let first = fingerprint(&Company::generate(spec(300, 7)));
    assert_eq!(first, fingerprint(&Company::generate(spec(300, 7))));
    assert_ne!(first, fingerprint(&Company::generate(spec(300, 8))));
}

/// Pins what a seed means across processes and builds. Change the numbers only together with the generator.
#[test]
fn a_seed_means_the_same_company_for_ever() {
    let company = Company::generate(spec(300, 7));
    let summary = format!("{:016x}", fingerprint(&company));
    assert_eq!(summary, "70f721f939f5aabe");
}

#[test]
fn totals_are_as_asked() {
    for (people, seed) in [(40, 1), (60, 2), (250, 3), (1000, 4), (3000, 5)] {
        let spec = spec(people, seed);
        let company = Company::generate(spec);
        assert_eq!(company.users.len(), spec.people as usize);
        assert_eq!(company.groups.len(), spec.groups as usize);
        assert_eq!(company.apps.len(), spec.apps as usize);
        let memberships: usize = company.groups.iter().map(|group| group.members.len()).sum();
        let rows: usize = company.apps.iter().map(|app| app.users.len()).sum();
        assert_eq!(memberships as u64, spec.memberships, "{people} people");
        assert_eq!(rows as u64, spec.assignments, "{people} people");
    }
}

#[test]
fn odd_sizes_do_not_break() {
    for (people, groups, apps, memberships, assignments) in [
        (0, 0, 0, 0, 0),
        (20, 12, 12, 1, 1),
        (20, 12, 12, 1_000_000, 1_000_000),
        (50, 300, 12, 100, 90_000),
        (1500, 12, 200, 200, 1700),
        (2000, 40, 12, 40_000, 12_000),
    ] {
        let spec = CompanySpec { people, groups, apps, memberships, assignments, ..spec(20, 9) };
        let company = Company::generate(spec);
        well_formed(&company);
    }
}

#[test]
fn companies_are_well_formed() {
    for seed in 0..8 {
        well_formed(&Company::generate(spec(400, seed)));
    }
}

#[test]
fn changed_companies_are_well_formed() {
    for (people, seed) in [(20, 1), (60, 2), (60, 3), (400, 4), (1500, 5)] {
        for rounds in [1, 2, 7, 20] {
            let company = Company::generate(CompanySpec { rounds, permille: 40, ..spec(people, seed) });
            well_formed(&company);
            nothing_names_what_is_deleted(&company);
        }
    }
}

fn nothing_names_what_is_deleted(company: &Company) {
    let deleted_users: BTreeSet<u32> =
        (0..).zip(&company.users).filter(|(_, user)| user.deleted).map(|(index, _)| index).collect();
    let group_is_there = |group: u32| !company.groups[group as usize].deleted;
    let app_is_there = |app: u32| !company.apps[app as usize].deleted;
    assert!(deleted_users.iter().all(|&user| !company.users[user as usize].is_live()));
    for group in &company.groups {
        assert!(group.former_members.iter().all(|user| !deleted_users.contains(user)));
        assert!(!group.deleted || (group.members.is_empty() && group.former_members.is_empty()));
        assert!(group.deleted || !matches!(group.kind, GroupKind::Imported(app) if !app_is_there(app)));
    }
    for app in &company.apps {
        assert!(!app.deleted || (app.users.is_empty() && app.groups.is_empty()));
        assert!(app.users.iter().all(|row| !deleted_users.contains(&row.user)));
        assert!(app.groups.iter().all(|assigned| group_is_there(assigned.group)));
        let priorities: BTreeSet<u32> = app.groups.iter().map(|assigned| assigned.priority).collect();
        assert_eq!(priorities.len(), app.groups.len());
    }
    for rule in &company.rules {
        assert!(rule.groups.iter().all(|&group| group_is_there(group)));
        assert!(rule.excluded.iter().all(|user| !deleted_users.contains(user)));
    }
    for assignment in &company.role_assignments {
        match assignment.holder {
            Holder::User(user) => assert!(company.users[user as usize].is_live()),
            Holder::Group(group) => assert!(group_is_there(group)),
        }
        match &assignment.scope {
            RoleScope::Groups(groups) => assert!(groups.iter().all(|&group| group_is_there(group))),
            RoleScope::Apps(apps) => assert!(apps.iter().all(|&app| app_is_there(app))),
            RoleScope::Org | RoleScope::ResourceSet(_) => {}
        }
    }
    let user_is_there = |user: u32| !deleted_users.contains(&user);
    for owner in &company.owners {
        let there = match owner.owner {
            Holder::User(user) => user_is_there(user),
            Holder::Group(group) => group_is_there(group),
        };
        assert!(there && group_is_there(owner.group));
    }
    for mapping in &company.push_mappings {
        assert!(
            app_is_there(mapping.app) && group_is_there(mapping.source) && group_is_there(mapping.target)
        );
    }
    let of_apps = company.grants.iter().map(|it| it.app).chain(company.credentials.iter().map(|it| it.app));
    assert!(of_apps.chain(company.client_roles.iter().map(|it| it.app)).all(app_is_there));
    assert!(company.factors.iter().all(|factor| company.users[factor.user as usize].is_live()));
    assert!(company.api_tokens.iter().all(|token| user_is_there(token.user)));
    assert!(company.devices.iter().flat_map(|device| &device.users).all(|&(user, _)| user_is_there(user)));
    let rules = company.policies.iter().flat_map(|policy| &policy.rules).flat_map(|rule| &rule.groups);
    let for_groups = company.policies.iter().flat_map(|policy| &policy.groups).chain(rules);
    assert!(for_groups.copied().all(group_is_there));
    let settings: String = company.settings.iter().map(|setting| setting.body.to_string()).collect();
    let gone_users = company.users.iter().filter(|user| user.deleted).map(|user| user.id);
    let gone_groups = company.groups.iter().filter(|group| group.deleted).map(|group| group.id);
    let gone_apps = company.apps.iter().filter(|app| app.deleted).map(|app| app.id);
    for id in gone_users.chain(gone_groups).chain(gone_apps) {
        assert!(!settings.contains(id.as_str()), "{id} is in a setting");
    }
    let tokens: BTreeSet<&str> = company.api_tokens.iter().map(|token| token.id.as_str()).collect();
    let apps: BTreeSet<&str> = company.apps.iter().map(|app| app.id.as_str()).collect();
    for limit in company.settings_of(SettingKind::PrincipalRateLimit) {
        assert!(tokens.contains(&*limit.name) || apps.contains(&*limit.name));
    }
    for set in &company.resource_sets {
        let entries: BTreeSet<String> = set.resources.iter().map(|it| format!("{it:?}")).collect();
        assert_eq!(entries.len(), set.resources.len(), "nothing is in a set twice");
    }
    for resource in company.resource_sets.iter().flat_map(|set| &set.resources) {
        match *resource {
            SetResource::Group(group) | SetResource::MembersOf(group) => assert!(group_is_there(group)),
            SetResource::App(app) => assert!(app_is_there(app)),
        }
    }
    assert!(company.users.iter().filter_map(|user| user.manager).all(|boss| !deleted_users.contains(&boss)));
}

/// What must hold in every company, recomputed the slow way.
fn well_formed(company: &Company) {
    let ids: Vec<_> = company
        .users
        .iter()
        .map(|user| user.id)
        .chain(company.groups.iter().map(|group| group.id))
        .chain(company.apps.iter().map(|app| app.id))
        .chain(company.rules.iter().map(|rule| rule.id))
        .collect();
    assert!(ids.iter().all(|id| id.as_str().len() == 20));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids are unique");
    let logins: BTreeSet<_> = company.users.iter().map(|user| &user.login).collect();
    assert_eq!(logins.len(), company.users.len(), "logins are unique");
    let names: BTreeSet<_> = company.groups.iter().map(|group| &group.name).collect();
    assert_eq!(names.len(), company.groups.len(), "group names are unique");
    let labels: BTreeSet<_> = company.apps.iter().map(|app| &app.label).collect();
    assert_eq!(labels.len(), company.apps.len(), "labels are unique");

    let live: Vec<u32> = (0..company.users.len() as u32)
        .filter(|&user| company.users[user as usize].status != Status::Deprovisioned)
        .collect();
    assert_eq!(company.members(EVERYONE), live);
    for group in &company.groups {
        assert!(group.members.is_sorted_by(|left, right| left < right), "{}", group.name);
        assert!(group.members.iter().all(|user| company.users[*user as usize].is_live()), "{}", group.name);
        assert!(
            group.former_members.iter().all(|user| !company.users[*user as usize].is_live()),
            "{}",
            group.name
        );
    }
    for app in &company.apps {
        assert!(app.users.is_sorted_by(|left, right| left.user < right.user), "{}", app.label);
        let direct: BTreeSet<u32> =
            app.users.iter().filter(|row| row.via.is_none()).map(|row| row.user).collect();
        // The winning group is the first one in the order of priorities that the person is in.
        let mut expected = BTreeMap::new();
        let mut groups = app.groups.clone();
        groups.sort_by_key(|assigned| assigned.priority);
        for assigned in groups {
            for &user in company.members(assigned.group) {
                if !direct.contains(&user) {
                    expected.entry(user).or_insert(assigned.group);
                }
            }
        }
        let through_groups: BTreeMap<u32, u32> =
            app.users.iter().filter_map(|row| Some((row.user, row.via?))).collect();
        assert_eq!(through_groups, expected, "{}", app.label);
        assert!(
            app.users.iter().all(|row| row.via.is_none() || company.users[row.user as usize].is_live()),
            "only direct rows of leavers stay behind"
        );
    }
    assert!(company.events.is_sorted_by_key(|event| event.time));
    for (index, user) in company.users.iter().enumerate() {
        let chain =
            std::iter::successors(Some(index as u32), |&person| company.users[person as usize].manager);
        assert!(chain.take(10).count() < 10, "managers of {} go round in circles", user.login);
        assert!(user.created < company.now() && user.last_updated < company.now());
        assert!(user.created <= user.last_updated);
        let last = company
            .served_events()
            .iter()
            .filter(|event| {
                event.actor as usize == index && event.kind == EventKind::SessionStart && event.success
            })
            .map(|event| event.time / 1000)
            .max();
        if last.is_some() {
            assert_eq!(user.last_login.map(|time| time / 1000), last, "{}", user.login);
        }
    }
}

#[test]
fn special_people_exist_in_the_smallest_company() {
    for (people, seed) in [(20, 1), (20, 2), (250, 42)] {
        let company = Company::generate(spec(people, seed));
        let truth = company.truth();
        let person = |name: &str| company.person(name).unwrap_or_else(|| panic!("{name} is missing"));
        let app_id = |label: &str| company.app(label).unwrap().id.to_string();
        let reach = |name: &str, label: &str| {
            let login = company::login(name);
            truth.who(&app_id(label)).into_iter().find(|reach| reach.login == login)
        };
        let group_path =
            |name: &str| PathKind::Group { group_id: company.group(name).unwrap().id.to_string() };

        let ada = reach(ADA, GITHUB).unwrap();
        assert!(ada.can_sign_in);
        assert_eq!(
            ada.paths.into_iter().collect::<BTreeSet<_>>(),
            BTreeSet::from([PathKind::Direct, group_path(ENG), group_path(ENG_PLATFORM)])
        );

        for leaver in [LEAVER, CLEAN_LEAVER] {
            assert_eq!(person(leaver).status, Status::Deprovisioned);
            let reach = reach(leaver, GITHUB).unwrap();
            assert!(!reach.can_sign_in);
            assert_eq!(reach.paths, [PathKind::Direct]);
        }
        let leaver =
            company.users.iter().position(|user| user.login == company::login(LEAVER)).unwrap() as u32;
        assert!(company.group(ENG).unwrap().former_members.contains(&leaver));

        let contractor = person(CONTRACTOR);
        assert_eq!(contractor.kind, UserKind::Contractor);
        assert!(reach(CONTRACTOR, AWS).unwrap().can_sign_in);
        assert!(reach(CONTRACTOR, ADMIN_CONSOLE).unwrap().can_sign_in);
        let aws = company.apps.iter().position(|app| app.label == AWS).unwrap() as u32;
        let attempts: Vec<bool> = company
            .served_events()
            .iter()
            .filter(|event| {
                company.users[event.actor as usize].id == contractor.id && event.subject == Subject::App(aws)
            })
            .map(|event| event.success)
            .collect();
        assert_eq!(attempts, [false], "one attempt, failed");
        assert!(!truth.last_uses().iter().any(|used| used.user_id == contractor.id.as_str()));

        assert!(person(NEW_HIRE).last_login.is_none());
        assert!(person(CHIEF).manager.is_none());
        assert!(person(ODD_NAME).last_name.contains('\'') && person(ODD_NAME).first_name.contains('"'));
        assert!(person(DORMANT).last_login.unwrap() < company.now() - 90 * 86_400_000);
        assert!(company.group(EMPTY_GROUP).unwrap().members.is_empty());
        assert!(company.group(UNDESCRIBED_GROUP).unwrap().description.is_none());
        assert!(company.groups.iter().any(|group| matches!(group.kind, GroupKind::Imported(_))));
        assert!(!company.app(OLD_WIKI).unwrap().active);
        assert!(company.app(HANDBOOK).unwrap().implicit && company.app(HANDBOOK).unwrap().users.is_empty());
        assert!(company.app(PAYROLL_API).unwrap().service);
        assert_eq!(company.app(SLACK).unwrap().users.len(), company.live.len());
        let statuses: BTreeSet<&str> = company.users.iter().map(|user| user.status.as_str()).collect();
        assert_eq!(statuses.len(), 8, "every status occurs");
        let modes: BTreeSet<Option<&str>> =
            company.apps.iter().map(|app| app.sign_on_mode.map(SignOnMode::as_str)).collect();
        assert_eq!(modes.len(), 7, "every sign-on mode occurs, and none");
    }
}

#[test]
fn administrators_are_as_documented() {
    let company = Company::generate(spec(100, 5));
    let admins = company.truth().admins();
    let of = |name: &str| {
        let id = company.person(name).unwrap().id.to_string();
        admins.iter().filter(move |admin| admin.user_id == id).collect::<Vec<_>>()
    };
    assert!(
        of(SERVICE_ACCOUNT).iter().any(|admin| admin.role == "SUPER_ADMIN" && admin.scope == AdminScope::Org)
    );
    assert!(of(AUDITOR).iter().any(|admin| admin.role == "READ_ONLY_ADMIN"));
    let it_admins = company.group(IT_ADMINS).unwrap().id.to_string();
    let help_desk = of(HELP_DESK);
    assert!(
        help_desk.iter().any(|admin| admin.role == "HELP_DESK_ADMIN"
            && admin.via_group_id.as_deref() == Some(it_admins.as_str()))
    );
    let eng = company.group(ENG).unwrap().id.to_string();
    assert!(of(GROUP_ADMIN).iter().any(
        |admin| matches!(&admin.scope, AdminScope::Targets(targets) if admin.role == "USER_ADMIN" && targets.contains(&eng))
    ));
    let github = company.app(GITHUB).unwrap().id.to_string();
    assert!(of(APP_ADMIN).iter().any(|admin| admin.scope == AdminScope::Targets(vec![github.clone()])));
    let custom = company.custom_roles[0].id.to_string();
    assert!(
        of(CUSTOM_ADMIN)
            .iter()
            .any(|admin| admin.role == custom && matches!(admin.scope, AdminScope::ResourceSet(_)))
    );
}

#[test]
fn truth_agrees_with_itself_and_with_the_totals() {
    let company = Company::generate(spec(500, 11));
    let truth = company.truth();
    let counts = truth.counts();
    assert_eq!(counts.accounts_by_status.values().sum::<u64>(), counts.accounts);
    assert_eq!(counts.app_users_by_scope.values().sum::<u64>(), counts.app_users);
    // The same pairs, once from the side of applications and once from the side of people.
    let by_app: BTreeSet<_> = company
        .apps
        .iter()
        .flat_map(|app| {
            truth
                .who(app.id.as_str())
                .into_iter()
                .map(|reach| (reach.user_id, app.id.to_string(), reach.paths))
        })
        .collect();
    let by_user: BTreeSet<_> = company
        .users
        .iter()
        .flat_map(|user| {
            truth
                .what(user.id.as_str())
                .into_iter()
                .map(|reached| (user.id.to_string(), reached.app_id, reached.paths))
        })
        .collect();
    assert_eq!(by_app, by_user);
    let implicit = company.live.len();
    assert_eq!(
        by_app.len(),
        counts.app_users as usize + implicit,
        "one row per pair, except where none is needed"
    );
    let effective = company
        .users
        .iter()
        .flat_map(|user| truth.what(user.id.as_str()))
        .filter(|reached| reached.can_sign_in)
        .count();
    assert_eq!(effective as u64, truth.effective_pairs());
    // Unused access exists, and so does used access.
    let used = truth.last_uses().len();
    assert!(used > 500 && used * 10 < effective * 9, "{used} of {effective}");
    let oldest = company.now() - 90 * 86_400_000;
    assert!(truth.last_uses().iter().all(|last| last.last_use_ms >= oldest));
    assert!(company.events.len() > company.served_events().len(), "some events are too old to be served");
}

#[test]
fn large_companies_have_large_groups() {
    let company = Company::generate(spec(2000, 3));
    assert!(company.group(ALL_STAFF).unwrap().members.len() > 1000);
}

#[test]
fn assignments_of_groups_are_read_from_the_cheaper_side() {
    let many_apps = CompanySpec { apps: 300, groups: 14, memberships: 900, ..spec(300, 5) };
    let many_groups = CompanySpec { apps: 20, groups: 400, ..spec(900, 5) };
    for (spec, cheaper) in [(many_apps, "groups"), (many_groups, "apps")] {
        let company = Company::generate(spec);
        let least = company.truth().requests_minimum();
        let assigned: BTreeSet<u32> =
            company.apps.iter().flat_map(|app| app.groups.iter().map(|assigned| assigned.group)).collect();
        let by_group: u64 = assigned
            .iter()
            .map(|group| {
                let apps = company.apps.iter().filter(|app| app.groups.iter().any(|it| it.group == *group));
                apps.count().div_ceil(200) as u64
            })
            .sum();
        assert_eq!(least.app_groups, company.apps.len() as u64);
        assert_eq!(least.app_groups_cheapest, by_group.min(least.app_groups));
        assert_eq!(by_group < least.app_groups, cheaper == "groups");
    }
}
