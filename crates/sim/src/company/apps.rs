//! Which applications there are and who is assigned to them.

use super::{
    ADA, ADMIN_CONSOLE, AWS, App, AppGroup, AppUser, CLEAN_LEAVER, CONTRACTOR, CompanySpec, DORMANT,
    EMPTY_GROUP, ENG, ENG_PLATFORM, EVERYONE, GITHUB, Group, HANDBOOK, Holder, LEAVER, Marks, OLD_WIKI,
    PAYROLL_API, RoleAssignment, SLACK, SignOnMode, User,
    cast::{APPS, CATALOGUE, PROJECTS},
    indices, login, moment,
};
use crate::{
    clock::{DAY, HOUR},
    id::Id,
    rng::{Rng, apportion},
};

/// All applications with their assignments.
pub(super) fn generate(
    spec: &CompanySpec,
    users: &[User],
    live: &[u32],
    groups: &[Group],
    roles: &[RoleAssignment],
) -> Vec<App> {
    let mut rng = Rng::new(spec.seed, "apps");
    let mut apps: Vec<App> = (0..spec.apps).map(|index| application(spec, &mut rng, index)).collect();
    let mut assigner = Assigner { users, live, groups, marks: Marks::new(users.len()) };
    for app in &mut apps {
        assigner.assign_special(app, roles);
    }
    let fixed: u64 = apps.iter().map(|app| app.users.len() as u64).sum();
    let weights: Vec<u64> = apps
        .iter()
        .map(|app| if app.implicit || app.service || app.name == "saasure" { 0 } else { rng.skewed_weight() })
        .collect();
    let caps: Vec<u64> =
        apps.iter().map(|app| if app.users.is_empty() { live.len() as u64 } else { 0 }).collect();
    let room = apportion(spec.assignments.saturating_sub(fixed), &weights, &caps);
    let missing = spec.assignments.saturating_sub(fixed) - room.iter().sum::<u64>();
    for (app, size) in apps.iter_mut().zip(room) {
        if size > 0 {
            assigner.assign_by_chance(&mut rng, app, size as usize);
        }
    }
    if missing > 0 {
        assigner.top_up(&mut apps, missing);
    }
    assigner.lingering(&mut rng, &mut apps, spec.assignments);
    apps
}

fn application(spec: &CompanySpec, rng: &mut Rng, index: u32) -> App {
    let now = spec.now.as_millisecond();
    let created = moment(rng, now - 2000 * DAY, now - 150 * DAY);
    let number = index as usize;
    let (name, label, sign_on_mode, provisioning) = if let Some(&(name, label, mode)) = APPS.get(number) {
        (name.to_owned(), label.to_owned(), mode, label == GITHUB || label == SLACK)
    } else if let Some(&(name, label, mode, provisioning)) = CATALOGUE.get(number - APPS.len()) {
        (name.to_owned(), label.to_owned(), Some(mode), provisioning)
    } else {
        let project = PROJECTS[number % PROJECTS.len()];
        let label = format!("{}{} {}", project[..1].to_uppercase(), &project[1..], number / PROJECTS.len());
        match rng.below(5) {
            0 | 1 => ("oidc_client".to_owned(), label, Some(SignOnMode::OpenIdConnect), false),
            2 => ("bookmark".to_owned(), label, Some(SignOnMode::Bookmark), false),
            _ => (format!("alderfinch_{project}_{number}"), label, Some(SignOnMode::Saml), rng.chance(300)),
        }
    };
    App {
        id: Id::new(spec.seed, "0oa", index),
        active: label != OLD_WIKI && (number < APPS.len() || !rng.chance(30)),
        implicit: label == HANDBOOK,
        service: label == PAYROLL_API,
        name,
        label,
        sign_on_mode,
        provisioning,
        groups: Vec::new(),
        users: Vec::new(),
        created,
        last_updated: moment(rng, created, now - HOUR),
        deleted: false,
    }
}

struct Assigner<'a> {
    users: &'a [User],
    live: &'a [u32],
    groups: &'a [Group],
    marks: Marks,
}

impl Assigner<'_> {
    fn members(&self, group: u32) -> &[u32] {
        if group == EVERYONE { self.live } else { &self.groups[group as usize].members }
    }

    fn group(&self, name: &str) -> u32 {
        self.groups.iter().position(|group| group.name == name).unwrap_or_default() as u32
    }

    fn user(&self, local_part: &str) -> u32 {
        let login = login(local_part);
        self.users.iter().position(|user| user.login == login).unwrap_or_default() as u32
    }

    fn assign_special(&mut self, app: &mut App, roles: &[RoleAssignment]) {
        match app.label.as_str() {
            GITHUB => {
                let groups = [ENG_PLATFORM, ENG, EMPTY_GROUP].map(|name| self.group(name));
                let direct = [ADA, CONTRACTOR].map(|name| self.user(name));
                self.assign(app, &groups, &direct);
                for (leaver, deprovisioned) in [(LEAVER, false), (CLEAN_LEAVER, true)] {
                    app.users.push(AppUser { user: self.user(leaver), via: None, deprovisioned });
                }
                app.users.sort_unstable_by_key(|row| row.user);
            }
            SLACK => self.assign(app, &[EVERYONE], &[]),
            AWS => {
                let groups = [self.group(ENG_PLATFORM)];
                let direct = [CONTRACTOR, DORMANT].map(|name| self.user(name));
                self.assign(app, &groups, &direct);
            }
            ADMIN_CONSOLE => {
                let mut direct: Vec<u32> = roles
                    .iter()
                    .flat_map(|role| match role.holder {
                        Holder::User(user) => vec![user],
                        Holder::Group(group) => self.members(group).to_vec(),
                    })
                    .collect();
                direct.sort_unstable();
                direct.dedup();
                self.assign(app, &[], &direct);
            }
            _ => {}
        }
    }

    /// Sets the groups (in the order of their priority) and the direct assignments, and derives the rows.
    fn assign(&mut self, app: &mut App, groups: &[u32], direct: &[u32]) {
        let last_updated = app.last_updated;
        let assigned = groups.iter().zip(0..);
        app.groups = assigned.map(|(&group, priority)| AppGroup { group, priority, last_updated }).collect();
        self.marks.clear();
        let mut rows = Vec::new();
        for &user in direct {
            if self.marks.add(user) {
                rows.push(AppUser { user, via: None, deprovisioned: false });
            }
        }
        for &group in groups {
            let members = if group == EVERYONE { self.live } else { &self.groups[group as usize].members };
            for &user in members {
                if self.marks.add(user) {
                    rows.push(AppUser { user, via: Some(group), deprovisioned: false });
                }
            }
        }
        rows.sort_unstable_by_key(|row| row.user);
        app.users = rows;
    }

    /// Exactly `size` rows: some groups while they fit, then people directly, a few of them members anyway.
    fn assign_by_chance(&mut self, rng: &mut Rng, app: &mut App, size: usize) {
        let mut chosen: Vec<u32> = Vec::new();
        let mut union: Vec<u32> = Vec::new();
        self.marks.clear();
        let most = 1 + rng.index(7);
        while chosen.len() < most {
            // The largest of a few that fit: most people get what they have through groups.
            let mut best = None;
            for _ in 0..8 {
                let group = 1 + rng.index(self.groups.len() - 1) as u32;
                let members = &self.groups[group as usize].members;
                let fresh = members.iter().filter(|&&user| !self.marks.has(user)).count();
                if !chosen.contains(&group) && union.len() + fresh <= size - size / 16 {
                    best = best.max(Some((fresh, group)));
                }
            }
            let Some((_, group)) = best else { break };
            for &user in &self.groups[group as usize].members {
                if self.marks.add(user) {
                    union.push(user);
                }
            }
            chosen.push(group);
        }
        let mut direct: Vec<u32> = (0..union.len().min(size / 40)).map(|_| *rng.pick(&union)).collect();
        let mut missing = size - union.len();
        if missing * 3 > self.live.len() - union.len() {
            let outside: Vec<u32> = self.live.iter().copied().filter(|&user| !self.marks.has(user)).collect();
            for (position, &user) in outside.iter().enumerate() {
                if rng.below((outside.len() - position) as u64) < missing as u64 {
                    direct.push(user);
                    missing -= 1;
                }
            }
        } else {
            while missing > 0 {
                let user = *rng.pick(self.live);
                if self.marks.add(user) {
                    direct.push(user);
                    missing -= 1;
                }
            }
        }
        self.assign(app, &chosen, &direct);
    }

    /// Direct assignments in the special applications when all others are full.
    fn top_up(&mut self, apps: &mut [App], mut missing: u64) {
        for app in apps
            .iter_mut()
            .filter(|app| app.label == GITHUB || app.label == AWS || app.label == ADMIN_CONSOLE)
        {
            self.marks.clear();
            for row in &app.users {
                self.marks.add(row.user);
            }
            for &user in self.live {
                if missing > 0 && self.marks.add(user) {
                    app.users.push(AppUser { user, via: None, deprovisioned: false });
                    missing -= 1;
                }
            }
            app.users.sort_unstable_by_key(|row| row.user);
        }
    }

    /// Now and then a direct row of somebody who left stays behind, in the place of another direct row.
    fn lingering(&mut self, rng: &mut Rng, apps: &mut [App], wanted: u64) {
        let gone: Vec<u32> =
            indices(self.users).filter(|&user| !self.users[user as usize].is_live()).collect();
        let candidates: Vec<usize> =
            (APPS.len()..apps.len()).filter(|&app| !apps[app].users.is_empty()).collect();
        if candidates.is_empty() || wanted == 0 {
            return;
        }
        for &user in gone.iter().skip(2).filter(|user| *user % 9 == 0).take(50) {
            let app = &mut apps[candidates[rng.index(candidates.len())]];
            let Some(place) =
                app.users.iter().position(|row| row.via.is_none() && self.is_only_direct(app, row.user))
            else {
                continue;
            };
            if app.users.iter().any(|row| row.user == user) {
                continue;
            }
            app.users[place] = AppUser { user, via: None, deprovisioned: rng.chance(500) };
            app.users.sort_unstable_by_key(|row| row.user);
        }
    }

    fn is_only_direct(&self, app: &App, user: u32) -> bool {
        !app.groups.iter().any(|group| self.members(group.group).binary_search(&user).is_ok())
    }
}
