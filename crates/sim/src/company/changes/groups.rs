//! What happens to groups, their members and the rules that fill them.

use super::{EventKind, Holder, Object, Round, Subject, What, renamed, whole_second};
use crate::{
    clock::SECOND,
    company::{
        DEPARTMENTS, EVERYONE, FEWEST_GROUPS, Group, GroupKind, LOCATIONS, RoleScope, Rule, UserKind,
        cast::{self, GROUPS, PROJECTS},
    },
    id::Id,
};

impl Round<'_> {
    /// Adds a live user to a group, with everything that follows. Nothing happens to a member.
    pub(super) fn add_member(&mut self, group: u32, user: u32) {
        let Err(place) = self.company.groups[group as usize].members.binary_search(&user) else { return };
        let had_roles = self.roles_of(Holder::User(user));
        self.company.groups[group as usize].members.insert(place, user);
        self.stamp_membership(group);
        let event = self.tell(EventKind::GroupMemberAdded, Subject::Member { group, user });
        self.note(Object::Member { group, user }, What::Added, event);
        for app in self.apps_of_group[group as usize].clone() {
            self.settle_row(app, user, event);
        }
        self.roles_through(group, user, had_roles);
    }

    /// Takes a user out of a group, with everything that follows. Nothing happens to others.
    pub(super) fn remove_member(&mut self, group: u32, user: u32) {
        let Ok(place) = self.company.groups[group as usize].members.binary_search(&user) else { return };
        let had_roles = self.roles_of(Holder::User(user));
        self.company.groups[group as usize].members.remove(place);
        self.stamp_membership(group);
        let event = self.tell(EventKind::GroupMemberRemoved, Subject::Member { group, user });
        self.note(Object::Member { group, user }, What::Removed, event);
        for app in self.apps_of_group[group as usize].clone() {
            self.settle_row(app, user, event);
        }
        self.roles_through(group, user, had_roles);
    }

    /// The stamp of a group's members may be up to two seconds older than the change.
    fn stamp_membership(&mut self, group: u32) {
        let lag = self.rng.between(0, 2 * SECOND);
        let stamp = whole_second(self.moment - lag).max(whole_second(self.moment) - SECOND);
        let group = &mut self.company.groups[group as usize];
        group.last_membership_updated = group.last_membership_updated.max(stamp);
    }

    pub(super) fn join(&mut self) {
        self.join_one(self.actor, |kind| kind == GroupKind::Native);
    }

    /// The directory adds a member to one of its groups.
    pub(super) fn import_member(&mut self) {
        self.by_the_system();
        self.join_one(self.actor, |kind| matches!(kind, GroupKind::Imported(_)));
    }

    fn join_one(&mut self, actor: u32, wanted: impl Fn(GroupKind) -> bool) {
        self.actor = actor;
        let group = self.find(1, self.company.groups.len(), |round, group| {
            wanted(round.company.groups[group as usize].kind) && round.takes_single_members(group)
        });
        let Some(group) = group else { return };
        let members = self.company.groups[group as usize].members.clone();
        let live = self.company.live.clone();
        let user = self.find(0, live.len(), |round, at| {
            round.is_ordinary(live[at as usize]) && members.binary_search(&live[at as usize]).is_err()
        });
        let Some(user) = user.map(|at| live[at as usize]) else { return };
        self.used_users.insert(user);
        self.add_member(group, user);
    }

    pub(super) fn leave(&mut self) {
        let group = self.find(1, self.company.groups.len(), |round, group| {
            let record = &round.company.groups[group as usize];
            record.kind == GroupKind::Native
                && round.takes_single_members(group)
                && record.members.iter().any(|&user| round.is_ordinary(user))
        });
        let Some(group) = group else { return };
        let members = self.company.groups[group as usize].members.clone();
        if let Some(user) = self.take_one_of(&members) {
            self.remove_member(group, user);
        }
    }

    /// Neither filled by a rule nor giving a role nor known for who is in it, and not changed as a whole in this round.
    fn takes_single_members(&self, group: u32) -> bool {
        let record = &self.company.groups[group as usize];
        let known = [cast::IT_ADMINS, cast::EMPTY_GROUP, cast::ENG, cast::SALES, cast::FINANCE]
            .into_iter()
            .chain([cast::CONTRACTORS, cast::ALL_STAFF]);
        !record.deleted
            && group != EVERYONE
            && !self.used_groups.contains(&group)
            && !self.company.rules.iter().any(|rule| rule.groups.contains(&group))
            && self.roles_of(Holder::Group(group)) == 0
            && ((group as usize) >= GROUPS.len() || !known.into_iter().any(|name| record.name == name))
    }

    /// An ordinary group that was there when the round began and that nothing but applications refers to. This is its
    /// turn.
    pub(super) fn take_group(&mut self, wanted: impl Fn(&Group) -> bool) -> Option<u32> {
        let group = self.find(FEWEST_GROUPS as usize, self.company.groups.len(), |round, group| {
            let record = &round.company.groups[group as usize];
            record.kind == GroupKind::Native
                && record.created < whole_second(round.start)
                && round.takes_single_members(group)
                && wanted(record)
        })?;
        self.used_groups.insert(group);
        Some(group)
    }

    pub(super) fn empty_group(&mut self) {
        let most = self.most_members();
        let group = self.take_group(|group| (2..=most).contains(&group.members.len()));
        let Some(group) = group else { return };
        for user in self.company.groups[group as usize].members.clone() {
            self.remove_member(group, user);
        }
    }

    pub(super) fn fill_group(&mut self) {
        let Some(group) = self.take_group(|group| group.members.is_empty()) else { return };
        let live = self.company.live.clone();
        for _ in 0..3 + self.size / 20 {
            if let Some(user) = self.take_one_of(&live) {
                self.add_member(group, user);
            }
        }
    }

    pub(super) fn rename_group(&mut self) {
        let Some(group) = self.take_group(|_| true) else { return };
        let stamp = self.stamp();
        let record = &mut self.company.groups[group as usize];
        let name = renamed(&record.name, self.number);
        let former = std::mem::replace(&mut record.name, name);
        record.last_updated = stamp;
        let id = record.id;
        self.had_name(id, former);
        let event = self.tell(EventKind::GroupUpdated, Subject::GroupAlone(group));
        self.note(Object::Group(group), What::Changed, event);
    }

    pub(super) fn create_group(&mut self) {
        self.new_group();
    }

    fn new_group(&mut self) -> u32 {
        let index = self.company.groups.len() as u32;
        let stamp = self.stamp();
        let name = format!("proj-{}-new-{index}", self.rng.pick(&PROJECTS));
        self.add_group(Group {
            id: Id::new(self.company.spec.seed, "00g", index),
            description: Some(format!("Members of {name}")),
            name,
            kind: GroupKind::Native,
            members: Vec::new(),
            former_members: Vec::new(),
            created: stamp,
            last_updated: stamp,
            last_membership_updated: stamp,
            deleted: false,
        });
        index
    }

    pub(super) fn add_group(&mut self, group: Group) {
        let index = self.company.groups.len() as u32;
        self.company.groups.push(group);
        self.apps_of_group.push(Vec::new());
        let event = self.tell(EventKind::GroupCreated, Subject::GroupAlone(index));
        self.note(Object::Group(index), What::Added, event);
    }

    pub(super) fn delete_group(&mut self) {
        let most = self.most_members();
        let targets: Vec<u32> = self
            .company
            .role_assignments
            .iter()
            .filter_map(|assignment| match &assignment.scope {
                RoleScope::Groups(groups) => Some(groups.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let ids: Vec<Id> = targets.iter().map(|&group| self.company.groups[group as usize].id).collect();
        let group = self.take_group(|group| group.members.len() <= most && !ids.contains(&group.id));
        let Some(group) = group else { return };
        let event = self.tell(EventKind::GroupDeleted, Subject::GroupAlone(group));
        let record = &mut self.company.groups[group as usize];
        record.deleted = true;
        record.former_members.clear();
        let members = std::mem::take(&mut record.members);
        self.note(Object::Group(group), What::Removed, event);
        for &user in &members {
            self.note(Object::Member { group, user }, What::Removed, event);
        }
        for app in std::mem::take(&mut self.apps_of_group[group as usize]) {
            self.company.apps[app as usize].groups.retain(|assigned| assigned.group != group);
            self.note(Object::AppGroup { app, group }, What::Removed, event);
            for &user in &members {
                self.settle_row(app, user, event);
            }
        }
        self.forget_group(group, event);
    }

    /// The groups into which active rules put somebody, sorted.
    pub(super) fn groups_by_rule(&self, user: u32) -> Vec<u32> {
        let mut groups: Vec<u32> = self
            .company
            .rules
            .iter()
            .filter(|rule| rule.status == "ACTIVE" && !rule.excluded.contains(&user))
            .filter(|rule| self.fits(user, &rule.expression))
            .flat_map(|rule| rule.groups.iter().copied())
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Whether an expression of comparisons joined by `AND` holds; any other one does not.
    fn fits(&self, user: u32, expression: &str) -> bool {
        let user = &self.company.users[user as usize];
        expression.split(" AND ").all(|comparison| {
            let Some((attribute, value)) = comparison.split_once("==") else { return false };
            let actual = match attribute {
                "user.department" => DEPARTMENTS[user.department as usize].name,
                "user.city" => LOCATIONS[user.location as usize].0,
                "user.userType" => user.kind.as_str(),
                _ => return false,
            };
            value.trim_matches('"') == actual
        })
    }

    /// A new rule fills a new group. No event tells of the rule itself but that it was triggered.
    pub(super) fn create_rule(&mut self) {
        let group = self.new_group();
        let stamp = self.stamp();
        let department = self.rng.pick(&DEPARTMENTS).name;
        let city = self.rng.pick(&LOCATIONS).0;
        let kind = UserKind::Contractor.as_str();
        let index = self.company.rules.len() as u32;
        let expression = format!(
            "user.department==\"{department}\" AND user.city==\"{city}\" AND user.userType==\"{kind}\""
        );
        self.company.rules.push(Rule {
            id: Id::new(self.company.spec.seed, "0pr", index),
            name: format!("{} members", self.company.groups[group as usize].name),
            status: "ACTIVE",
            expression,
            groups: vec![group],
            excluded: Vec::new(),
            created: stamp,
            last_updated: stamp,
        });
        self.used_groups.insert(group);
        let event = self.tell(EventKind::RuleTriggered, Subject::Rule(index));
        self.note(Object::Rule(index), What::Added, event);
        self.by_the_system();
        for user in self.company.live.clone() {
            if self.fits(user, &self.company.rules[index as usize].expression) {
                self.add_member(group, user);
            }
        }
    }

    /// No event tells that a rule has another name.
    pub(super) fn edit_rule(&mut self) {
        let start = whole_second(self.start);
        let rule = self.find(0, self.company.rules.len(), |round, rule| {
            round.company.rules[rule as usize].last_updated < start
        });
        let Some(rule) = rule else { return };
        let (number, stamp) = (self.number, self.stamp());
        let record = &mut self.company.rules[rule as usize];
        let name = renamed(&record.name, number);
        let former = std::mem::replace(&mut record.name, name);
        record.last_updated = stamp;
        let id = record.id;
        self.had_name(id, former);
        self.note_untold(Object::Rule(rule), What::Changed);
    }

    /// Whoever is in the groups of a rule stays there.
    pub(super) fn deactivate_rule(&mut self) {
        let start = whole_second(self.start);
        let rule = self.find(0, self.company.rules.len(), |round, rule| {
            let rule = &round.company.rules[rule as usize];
            rule.status == "ACTIVE"
                && rule.last_updated < start
                && rule.groups.iter().all(|&group| group as usize >= GROUPS.len())
        });
        let Some(rule) = rule else { return };
        let stamp = self.stamp();
        let record = &mut self.company.rules[rule as usize];
        record.status = "INACTIVE";
        record.last_updated = stamp;
        let event = self.tell(EventKind::RuleDeactivated, Subject::Rule(rule));
        self.note(Object::Rule(rule), What::Changed, event);
    }
}
