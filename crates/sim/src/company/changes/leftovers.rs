//! What goes with an account, a group or an application that is gone. No event tells of it but the one of the end
//! itself, and no stamp moves.

use super::{Holder, Object, Round, What};
use crate::{
    company::{App, GroupOwner, SetResource, SettingKind},
    id::Id,
};

impl Round<'_> {
    /// Takes away what only an account that may sign in has: second factors and API tokens.
    pub(super) fn end_sign_in(&mut self, user: u32, event: u32) {
        for factor in take_out(&mut self.company.factors, |factor| factor.user == user) {
            self.note(Object::Factor { user, factor: factor.id }, What::Removed, event);
        }
        self.revoke_tokens(|token| token.user == user, event);
    }

    pub(super) fn forget_user(&mut self, user: u32, event: u32) {
        self.end_sign_in(user, event);
        self.drop_owners(|it| it.owner == Holder::User(user), event);
        for group in &mut self.company.groups {
            group.former_members.retain(|&member| member != user);
        }
        for rule in &mut self.company.rules {
            rule.excluded.retain(|&excluded| excluded != user);
        }
        for index in 0..self.company.devices.len() as u32 {
            let users = &mut self.company.devices[index as usize].users;
            let before = users.len();
            users.retain(|&(other, _)| other != user);
            if users.len() < before {
                self.note(Object::Device(index), What::Changed, event);
            }
        }
    }

    pub(super) fn forget_group(&mut self, group: u32, event: u32) {
        self.drop_owners(|it| it.group == group || it.owner == Holder::Group(group), event);
        let pushed = take_out(&mut self.company.push_mappings, |it| it.source == group || it.target == group);
        for mapping in pushed {
            self.note(Object::Push { app: mapping.app, mapping: mapping.id }, What::Removed, event);
        }
        self.drop_resources(
            |resource| [SetResource::Group(group), SetResource::MembersOf(group)].contains(&resource),
            event,
        );
    }

    pub(super) fn forget_app(&mut self, app: u32, event: u32) {
        for mapping in take_out(&mut self.company.push_mappings, |it| it.app == app) {
            self.note(Object::Push { app, mapping: mapping.id }, What::Removed, event);
        }
        for grant in take_out(&mut self.company.grants, |it| it.app == app) {
            self.note(Object::Grant { app, grant: grant.id }, What::Removed, event);
        }
        if !take_out(&mut self.company.credentials, |it| it.app == app).is_empty() {
            self.note(Object::Credentials(app), What::Removed, event);
        }
        if !take_out(&mut self.company.client_roles, |it| it.app == app).is_empty() {
            self.note(Object::ClientRoles(app), What::Removed, event);
        }
        self.drop_resources(|resource| resource == SetResource::App(app), event);
        let App { id, .. } = self.company.apps[app as usize];
        self.drop_rate_limit(id.as_str(), event);
    }

    /// Takes the share in the rate limits away from a token or client that is gone.
    pub(super) fn drop_rate_limit(&mut self, principal: &str, event: u32) {
        let gone = take_out(&mut self.company.settings, |setting| {
            setting.kind == SettingKind::PrincipalRateLimit && setting.name == principal
        });
        for id in gone.iter().filter_map(|setting| Id::parse(&setting.id)) {
            self.note(Object::Setting(id), What::Removed, event);
        }
    }

    fn drop_owners(&mut self, gone: impl Fn(&GroupOwner) -> bool, event: u32) {
        for GroupOwner { group, owner, .. } in take_out(&mut self.company.owners, gone) {
            self.note(Object::Owner { group, owner }, What::Removed, event);
        }
    }

    fn drop_resources(&mut self, gone: impl Fn(SetResource) -> bool, event: u32) {
        for index in 0..self.company.resource_sets.len() as u32 {
            let resources = &mut self.company.resource_sets[index as usize].resources;
            if !take_out(resources, |&resource| gone(resource)).is_empty() {
                self.note(Object::ResourceSet(index), What::Changed, event);
            }
        }
    }
}

pub(super) fn take_out<T>(items: &mut Vec<T>, gone: impl Fn(&T) -> bool) -> Vec<T> {
    items.extract_if(.., |item| gone(item)).collect()
}
