//! Which groups there are and who is in them.

use super::{
    ALL_STAFF, CONTRACTORS, CUSTOM_ADMIN, CompanySpec, DEPARTMENTS, DIRECTORY_GROUP, EMPTY_GROUP, ENG,
    ENG_PLATFORM, ENG_PLATFORM_ONCALL, EVERYONE, FINANCE, GROUP_ADMIN, Group, GroupKind, HELP_DESK,
    IT_ADMINS, LEAVER, LOCATIONS, Marks, Rule, SALES, UNDESCRIBED_GROUP, User, UserKind,
    cast::{GROUPS, PROJECTS},
    indices, login, moment, sample,
};
use crate::{
    clock::{DAY, HOUR},
    id::Id,
    rng::{Rng, apportion},
};

/// Index of the application from which groups are imported.
const DIRECTORY_APP: u32 = 5;

/// Who belongs to a group.
#[derive(Clone, Copy, PartialEq)]
enum Membership {
    Everyone,
    Nobody,
    Department(u8),
    Team(u8, u8),
    OnCall(u8, u8),
    Location(u8),
    Kind(UserKind),
    /// Everyone who was imported from the directory.
    Directory,
    People(&'static [&'static str]),
    /// Whoever happened to be added, mostly from one department, as many as the total asks for.
    Chance,
}

struct Plan {
    name: String,
    description: Option<String>,
    kind: GroupKind,
    membership: Membership,
}

/// All groups and the rules that fill some of them.
pub(super) fn generate(spec: &CompanySpec, users: &[User], live: &[u32]) -> (Vec<Group>, Vec<Rule>) {
    let mut rng = Rng::new(spec.seed, "groups");
    let mut plans = special_plans();
    more_plans(spec, &mut rng, &mut plans);
    let members = fill(spec, &mut rng, &mut plans, users, live);
    let rules = rules(spec, &mut rng, &plans, users);
    let now = spec.now.as_millisecond();
    let newest = users.iter().map(|user| user.created).max().unwrap_or(now);
    let leaver = users.iter().position(|user| user.login == login(LEAVER));
    let gone: Vec<u32> = indices(users).filter(|&user| !users[user as usize].is_live()).collect();
    let mut groups: Vec<Group> = plans
        .into_iter()
        .zip(members)
        .enumerate()
        .map(|(index, (plan, members))| {
            let created = moment(&mut rng, now - 2200 * DAY, now - 200 * DAY);
            Group {
                id: Id::new(spec.seed, "00g", index as u32),
                name: plan.name,
                description: plan.description,
                kind: plan.kind,
                members,
                former_members: Vec::new(),
                created,
                last_updated: moment(&mut rng, created, now - DAY),
                last_membership_updated: moment(&mut rng, created, now - HOUR),
                deleted: false,
            }
        })
        .collect();
    groups[EVERYONE as usize].last_membership_updated = newest;
    for &user in &gone {
        for _ in 0..rng.below(3) {
            let group = &mut groups[1 + rng.index(spec.groups as usize - 1)];
            if group.name != EMPTY_GROUP && !group.former_members.contains(&user) {
                group.former_members.push(user);
            }
        }
    }
    if let (Some(leaver), Some(eng)) = (leaver, groups.iter_mut().find(|group| group.name == ENG)) {
        eng.former_members.retain(|&user| user != leaver as u32);
        eng.former_members.push(leaver as u32);
    }
    (groups, rules)
}

fn special_plans() -> Vec<Plan> {
    GROUPS
        .iter()
        .map(|&name| {
            let (description, membership) = match name {
                ENG => ("Everyone in engineering", Membership::Department(0)),
                ENG_PLATFORM => ("Platform team", Membership::Team(0, 0)),
                ENG_PLATFORM_ONCALL => ("Platform team, on call", Membership::OnCall(0, 0)),
                IT_ADMINS => ("Help desk administrators", Membership::People(&[HELP_DESK, GROUP_ADMIN])),
                CONTRACTORS => ("All contractors", Membership::Kind(UserKind::Contractor)),
                EMPTY_GROUP => ("Users of the old VPN", Membership::Nobody),
                ALL_STAFF => ("All employees", Membership::Kind(UserKind::Employee)),
                SALES => ("Everyone in sales", Membership::Department(1)),
                FINANCE => ("Everyone in finance", Membership::Department(3)),
                DIRECTORY_GROUP => ("Imported from the directory", Membership::Directory),
                UNDESCRIBED_GROUP => ("", Membership::Chance),
                _ => ("All users in your organization", Membership::Everyone),
            };
            Plan {
                name: name.to_owned(),
                description: (name != UNDESCRIBED_GROUP).then(|| description.to_owned()),
                kind: match name {
                    DIRECTORY_GROUP => GroupKind::Imported(DIRECTORY_APP),
                    _ if membership == Membership::Everyone => GroupKind::BuiltIn,
                    _ => GroupKind::Native,
                },
                membership,
            }
        })
        .collect()
}

/// Groups beyond the special ones: departments, teams and offices alternate with groups that grew by chance.
fn more_plans(spec: &CompanySpec, rng: &mut Rng, plans: &mut Vec<Plan>) {
    let mut planned = structural_plans().into_iter();
    let mut number = 0;
    while plans.len() < spec.groups as usize {
        let structural = if number % 2 == 0 { None } else { planned.next() };
        number += 1;
        plans.push(structural.unwrap_or_else(|| chance_plan(rng, number)));
    }
}

fn structural_plans() -> Vec<Plan> {
    let native = |name: String, description: String, membership| Plan {
        name,
        description: Some(description),
        kind: GroupKind::Native,
        membership,
    };
    let departments = || (0_u8..).zip(&DEPARTMENTS);
    let mut plans = Vec::new();
    for (index, department) in
        departments().filter(|(_, department)| ![ENG, SALES, FINANCE].contains(&department.prefix))
    {
        let description = format!("Everyone in {}", department.name);
        plans.push(native(department.prefix.to_owned(), description, Membership::Department(index)));
    }
    for (index, (city, _)) in (0_u8..).zip(&LOCATIONS) {
        let name = format!("loc-{}", city.to_lowercase());
        plans.push(native(name, format!("People in {city}"), Membership::Location(index)));
    }
    for on_call in [false, true] {
        for (index, department) in departments() {
            for (team, team_name) in (0_u8..).zip(department.teams) {
                if (index, team) == (0, 0) {
                    continue;
                }
                let name = format!("{}-{team_name}", department.prefix);
                plans.push(if on_call {
                    native(
                        format!("{name}-oncall"),
                        format!("{name}, on call"),
                        Membership::OnCall(index, team),
                    )
                } else {
                    native(
                        name,
                        format!("{} team {team_name}", department.name),
                        Membership::Team(index, team),
                    )
                });
            }
        }
    }
    plans
}

fn chance_plan(rng: &mut Rng, number: u32) -> Plan {
    let project = *rng.pick(&PROJECTS);
    let imported = rng.chance(120);
    let name = match rng.below(4) {
        _ if imported => format!("CORP\\FS-{}-{number}-RW", project.to_uppercase()),
        0 => format!("proj-{project}-{number}"),
        1 => format!("app-{project}-users-{number}"),
        2 => format!("proj-{project}-{number}-reviewers"),
        _ => format!("list-{project}-{number}"),
    };
    Plan {
        description: (!rng.chance(80)).then(|| format!("Members of {name}")),
        name,
        kind: if imported { GroupKind::Imported(DIRECTORY_APP) } else { GroupKind::Native },
        // Some groups never had a member.
        membership: if rng.chance(60) { Membership::Nobody } else { Membership::Chance },
    }
}

/// The members of each group. Structural groups that no longer fit the total become groups of chance.
fn fill(
    spec: &CompanySpec,
    rng: &mut Rng,
    plans: &mut [Plan],
    users: &[User],
    live: &[u32],
) -> Vec<Vec<u32>> {
    let mut left = spec.memberships;
    let mut members = Vec::with_capacity(plans.len());
    for (index, plan) in plans.iter_mut().enumerate() {
        let mut structural = structural_members(plan.membership, users, live);
        if index >= GROUPS.len() && structural.len() as u64 > left {
            plan.membership = Membership::Chance;
            structural = Vec::new();
        }
        left = left.saturating_sub(structural.len() as u64);
        members.push(structural);
    }
    let by_chance: Vec<usize> =
        (0..plans.len()).filter(|&index| plans[index].membership == Membership::Chance).collect();
    let weights: Vec<u64> = by_chance.iter().map(|_| rng.skewed_weight()).collect();
    // Groups of chance hold at most a quarter of the people, unless the total cannot be reached otherwise.
    let everyone = live.len() as u64;
    let usual = apportion(left, &weights, &vec![everyone / 4; by_chance.len()]);
    let room: Vec<u64> = usual.iter().map(|size| everyone - size).collect();
    let extra = apportion(left - usual.iter().sum::<u64>(), &weights, &room);
    let sizes = usual.iter().zip(&extra).map(|(usual, extra)| usual + extra);
    let colleagues: Vec<Vec<u32>> = (0..DEPARTMENTS.len())
        .map(|department| {
            live.iter()
                .copied()
                .filter(|&user| users[user as usize].department as usize == department)
                .collect()
        })
        .collect();
    let mut marks = Marks::new(users.len());
    for (index, size) in by_chance.into_iter().zip(sizes) {
        let home = rng.pick(&colleagues);
        members[index] = gather(rng, home, live, size as usize, &mut marks);
    }
    members
}

/// Two thirds from the home department where it is large enough, the rest from anywhere.
fn gather(rng: &mut Rng, home: &[u32], live: &[u32], size: usize, marks: &mut Marks) -> Vec<u32> {
    if size > live.len() / 3 || size * 2 / 3 > home.len() {
        return sample(rng, live, size, marks);
    }
    let mut chosen = sample(rng, home, size * 2 / 3, marks);
    marks.clear();
    for &user in &chosen {
        marks.add(user);
    }
    while chosen.len() < size {
        let user = *rng.pick(live);
        if marks.add(user) {
            chosen.push(user);
        }
    }
    chosen.sort_unstable();
    chosen
}

fn structural_members(membership: Membership, users: &[User], live: &[u32]) -> Vec<u32> {
    let people = |wanted: &dyn Fn(&User) -> bool| -> Vec<u32> {
        live.iter().copied().filter(|&user| wanted(&users[user as usize])).collect()
    };
    match membership {
        Membership::Everyone | Membership::Nobody | Membership::Chance => Vec::new(),
        Membership::Department(department) => people(&|user| user.department == department),
        Membership::Team(department, team) => {
            people(&|user| user.department == department && user.team == team)
        }
        Membership::OnCall(department, team) => {
            let team = people(&|user| user.department == department && user.team == team);
            team.into_iter().step_by(3).collect()
        }
        Membership::Location(location) => people(&|user| user.location == location),
        Membership::Directory => people(&|user| user.imported_from_directory),
        Membership::Kind(kind) => people(&|user| user.kind == kind),
        Membership::People(names) => people(&|user| names.iter().any(|name| user.login == login(name))),
    }
}

fn rules(spec: &CompanySpec, rng: &mut Rng, plans: &[Plan], users: &[User]) -> Vec<Rule> {
    let now = spec.now.as_millisecond();
    let mut rules = Vec::new();
    let mut add = |name: String, status, expression: String, groups, excluded| {
        let created = moment(rng, now - 1500 * DAY, now - 200 * DAY);
        rules.push(Rule {
            id: Id::new(spec.seed, "0pr", rules.len() as u32),
            name,
            status,
            expression,
            groups,
            excluded,
            created,
            last_updated: created,
        });
    };
    for (index, plan) in (0_u32..).zip(plans) {
        let expression = match plan.membership {
            Membership::Department(department) => {
                format!("user.department==\"{}\"", DEPARTMENTS[department as usize].name)
            }
            Membership::Location(location) => format!("user.city==\"{}\"", LOCATIONS[location as usize].0),
            Membership::Kind(kind) => format!("user.userType==\"{}\"", kind.as_str()),
            _ => continue,
        };
        add(format!("{} members", plan.name), "ACTIVE", expression, vec![index], Vec::new());
    }
    let excluded: Vec<u32> = users
        .iter()
        .position(|user| user.login == login(CUSTOM_ADMIN))
        .map(|index| index as u32)
        .into_iter()
        .collect();
    let position =
        |name: &str| plans.iter().position(|plan| plan.name == name).map_or(EVERYONE, |index| index as u32);
    let engineers = "String.stringContains(user.title,\"Engineer\")".to_owned();
    add(
        "Engineers on call (retired)".to_owned(),
        "INACTIVE",
        engineers,
        vec![position(ENG_PLATFORM_ONCALL)],
        excluded,
    );
    let broken = "isMemberOfGroupName(\"a group that is gone\")".to_owned();
    add("Migrated VPN users".to_owned(), "INVALID", broken, vec![position(EMPTY_GROUP)], Vec::new());
    rules
}
