//! What happens to administrators.

use super::{EventKind, Holder, Object, PEOPLE, Round, Subject, What};
use crate::company::{
    Permission, Role, RoleAssignment, RoleScope, SetResource, User,
    admins::{always, assignment_id},
    cast::{self, GROUPS},
    login,
};

/// A permission that no custom role has at first.
const EXTRA_PERMISSION: Permission = always("okta.devices.read");

impl Round<'_> {
    /// How many roles somebody holds, also through groups; of a group, how many it gives.
    pub(super) fn roles_of(&self, holder: Holder) -> usize {
        let holds = |assignment: &&RoleAssignment| match (assignment.holder, holder) {
            (Holder::Group(group), Holder::User(user)) => {
                self.company.members(group).binary_search(&user).is_ok()
            }
            (actual, wanted) => actual == wanted,
        };
        self.company.role_assignments.iter().filter(holds).count()
    }

    /// Tells what joining or leaving a group did to somebody's roles, if the group gives any.
    pub(super) fn roles_through(&mut self, group: u32, user: u32, before: usize) {
        let given = self.company.role_assignments.iter().find(|role| role.holder == Holder::Group(group));
        if let Some(role) = given.map(|assignment| assignment.role) {
            self.privileges_changed(user, role, before);
        }
    }

    /// Revoking is told only when nothing is left: losing one of several roles looks like a grant of the others.
    fn privileges_changed(&mut self, user: u32, role: Role, before: usize) {
        let left = self.roles_of(Holder::User(user));
        let kind = if left == 0 { EventKind::UserPrivilegeRevoked } else { EventKind::UserPrivilegeGranted };
        let event = self.tell(kind, Subject::UserRole { user, role });
        self.note(Object::Roles(Holder::User(user)), what(before, left), event);
    }

    fn give(&mut self, holder: Holder) -> Role {
        let (role, scope) = if self.rng.chance(500) {
            (Role::Standard("HELP_DESK_ADMIN"), RoleScope::Org)
        } else {
            (Role::Custom(0), RoleScope::ResourceSet(0))
        };
        self.company.role_assignments.push(RoleAssignment {
            id: assignment_id(self.company.spec.seed, self.fresh(), holder, role),
            holder,
            role,
            scope,
            created: self.stamp(),
        });
        if let Role::Custom(_) = role {
            self.tell(EventKind::SetBindingAdded, Subject::ResourceSet(0));
        }
        role
    }

    fn take_away(&mut self, position: usize) -> Role {
        let assignment = self.company.role_assignments.remove(position);
        if let RoleScope::ResourceSet(set) = assignment.scope {
            self.tell(EventKind::SetBindingDeleted, Subject::ResourceSet(set));
        }
        assignment.role
    }

    pub(super) fn grant_role(&mut self) {
        if let Some(user) = self.take_user(User::is_live) {
            let role = self.give(Holder::User(user));
            self.privileges_changed(user, role, 0);
        }
    }

    pub(super) fn revoke_role(&mut self) {
        let ada = login(cast::ADA);
        let count = self.company.role_assignments.len();
        let position = self.find(0, count, |round, position| {
            match round.company.role_assignments[position as usize].holder {
                Holder::User(user) => {
                    !round.used_users.contains(&user)
                        && (user as usize >= PEOPLE.len() || round.company.users[user as usize].login == ada)
                }
                Holder::Group(_) => false,
            }
        });
        let Some(position) = position else { return };
        let Holder::User(user) = self.company.role_assignments[position as usize].holder else { return };
        self.used_users.insert(user);
        let before = self.roles_of(Holder::User(user));
        let role = self.take_away(position as usize);
        self.privileges_changed(user, role, before);
    }

    pub(super) fn grant_role_to_group(&mut self) {
        let Some(group) = self.take_group(|group| (1..=10).contains(&group.members.len())) else { return };
        let members = self.company.groups[group as usize].members.clone();
        let had: Vec<usize> = members.iter().map(|&user| self.roles_of(Holder::User(user))).collect();
        let role = self.give(Holder::Group(group));
        self.group_privileges_changed(group, role, EventKind::GroupPrivilegeGranted, What::Added);
        for (user, before) in members.into_iter().zip(had) {
            self.used_users.insert(user);
            self.privileges_changed(user, role, before);
        }
    }

    /// An ordinary group loses a role; where there is none, the help desk loses the one that nobody knows it for.
    pub(super) fn revoke_role_of_group(&mut self) {
        let count = self.company.role_assignments.len();
        let position = self.find(0, count, |round, position| {
            let assignment = &round.company.role_assignments[position as usize];
            match assignment.holder {
                Holder::Group(group) => {
                    !round.used_groups.contains(&group)
                        && (group as usize >= GROUPS.len()
                            || assignment.role == Role::Standard("GROUP_MEMBERSHIP_ADMIN"))
                }
                Holder::User(_) => false,
            }
        });
        let Some(position) = position else { return };
        let Holder::Group(group) = self.company.role_assignments[position as usize].holder else { return };
        self.used_groups.insert(group);
        let members = self.company.members(group).to_vec();
        let had: Vec<usize> = members.iter().map(|&user| self.roles_of(Holder::User(user))).collect();
        let role = self.take_away(position as usize);
        let left = self.roles_of(Holder::Group(group));
        self.group_privileges_changed(group, role, EventKind::GroupPrivilegeRevoked, what(left + 1, left));
        for (user, before) in members.into_iter().zip(had) {
            self.used_users.insert(user);
            self.privileges_changed(user, role, before);
        }
    }

    fn group_privileges_changed(&mut self, group: u32, role: Role, kind: EventKind, what: What) {
        let event = self.tell(kind, Subject::GroupRole { group, role });
        self.note(Object::Roles(Holder::Group(group)), what, event);
    }

    /// Somebody joins a group that gives a role.
    pub(super) fn join_administrators(&mut self) {
        let group = self.find(1, self.company.groups.len(), |round, group| {
            !round.used_groups.contains(&group) && round.roles_of(Holder::Group(group)) > 0
        });
        let Some(group) = group else { return };
        self.used_groups.insert(group);
        if let Some(user) = self.take_user(User::is_live) {
            self.add_member(group, user);
        }
    }

    pub(super) fn edit_custom_role(&mut self) {
        let index = self.rng.index(self.company.custom_roles.len());
        let stamp = self.stamp();
        let role = &mut self.company.custom_roles[index];
        let kind = if let Some(place) = role.permissions.iter().position(|&it| it == EXTRA_PERMISSION) {
            role.permissions.remove(place);
            EventKind::RolePermissionsDeleted
        } else {
            role.permissions.push(EXTRA_PERMISSION);
            EventKind::RolePermissionsAdded
        };
        role.last_updated = stamp;
        let event = self.tell(kind, Subject::CustomRole(index as u32));
        self.note(Object::CustomRole(index as u32), What::Changed, event);
    }

    /// Resource sets grow and shrink at their end.
    pub(super) fn edit_resource_set(&mut self) {
        let index = self.rng.index(self.company.resource_sets.len());
        let group = self.find(1, self.company.groups.len(), |round, group| {
            !round.company.groups[group as usize].deleted
                && !round.company.resource_sets[index].resources.contains(&SetResource::Group(group))
        });
        let many = self.company.resource_sets[index].resources.len() > 4;
        let added = group.filter(|_| !(many && self.rng.chance(500)));
        if added.is_none() && !many {
            return;
        }
        let stamp = self.stamp();
        let set = &mut self.company.resource_sets[index];
        let kind = if let Some(group) = added {
            set.resources.push(SetResource::Group(group));
            EventKind::SetResourcesAdded
        } else {
            set.resources.pop();
            EventKind::SetResourcesDeleted
        };
        set.last_updated = stamp;
        let event = self.tell(kind, Subject::ResourceSet(index as u32));
        self.note(Object::ResourceSet(index as u32), What::Changed, event);
    }
}

fn what(before: usize, after: usize) -> What {
    match (before, after) {
        (0, _) => What::Added,
        (_, 0) => What::Removed,
        _ => What::Changed,
    }
}
