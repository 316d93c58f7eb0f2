//! What happens to machine clients, API tokens and pushed groups.

use super::{
    EventKind, Object, Round, Subject, What, apps::FIRST_ORDINARY, leftovers::take_out, whole_second,
};
use crate::{
    clock::stamp_without_millis,
    company::{
        ApiToken, EVERYONE, Grant, Group, GroupKind, PushMapping, SettingKind, clients::SERVICE_SCOPES,
        settings::rate_limit,
    },
    id::Id,
};

/// The tokens before this one belong to special people.
const FIRST_ORDINARY_TOKEN: usize = 3;

impl Round<'_> {
    pub(super) fn grant_scope(&mut self) {
        let scope = *self.rng.pick(&SERVICE_SCOPES);
        let app = self.find(FIRST_ORDINARY, self.company.apps.len(), |round, app| {
            let record = &round.company.apps[app as usize];
            let granted = |grant: &Grant| grant.app == app && grant.scope == scope;
            !record.deleted && record.is_oidc_client() && !round.company.grants.iter().any(granted)
        });
        let Some(app) = app else { return };
        let grant = Grant {
            id: Id::new(self.company.spec.seed, "oag", self.fresh()),
            app,
            scope,
            source: "ADMIN",
            created_by: self.actor,
            created: self.stamp(),
        };
        let place = self.company.grants.partition_point(|other| other.app <= app);
        self.company.grants.insert(place, grant);
        let event = self.tell(EventKind::ScopeGranted, Subject::Scope { app, scope });
        self.note(Object::Grant { app, grant: grant.id }, What::Added, event);
    }

    pub(super) fn revoke_scope(&mut self) {
        let start = whole_second(self.start);
        let place = self.find(0, self.company.grants.len(), |round, place| {
            let grant = &round.company.grants[place as usize];
            grant.app as usize >= FIRST_ORDINARY && grant.created < start
        });
        let Some(place) = place else { return };
        let Grant { id, app, scope, .. } = self.company.grants.remove(place as usize);
        let event = self.tell(EventKind::ScopeRevoked, Subject::Scope { app, scope });
        self.note(Object::Grant { app, grant: id }, What::Removed, event);
    }

    /// An administrator makes a token, which has that administrator's rights.
    pub(super) fn create_token(&mut self) {
        let (seed, number, stamp) = (self.company.spec.seed, self.fresh(), self.stamp());
        let id = Id::new(seed, "00T", number);
        self.company.api_tokens.push(ApiToken {
            id: id.to_string(),
            name: format!("script of round {}", self.number),
            user: self.actor,
            client_name: "Okta API",
            token_window: Some("P30D"),
            network: Some("ANYWHERE"),
            expires: Some(stamp + 30 * crate::clock::DAY),
            created: stamp,
            last_updated: stamp,
        });
        let event = self.tell(EventKind::TokenCreated, Subject::ApiToken(id));
        self.note(Object::ApiToken(id), What::Added, event);
        let limit = rate_limit(seed, number, id.to_string(), "SSWS_TOKEN", &stamp_without_millis(stamp));
        let settings = &mut self.company.settings;
        let last = settings.iter().rposition(|setting| setting.kind == SettingKind::PrincipalRateLimit);
        let setting = Id::parse(&limit.id);
        settings.insert(last.map_or(settings.len(), |last| last + 1), limit);
        if let Some(setting) = setting {
            self.note(Object::Setting(setting), What::Added, event);
        }
    }

    pub(super) fn revoke_token(&mut self) {
        let start = whole_second(self.start);
        let token = self.find(FIRST_ORDINARY_TOKEN, self.company.api_tokens.len(), |round, token| {
            round.company.api_tokens[token as usize].created < start
        });
        let Some(token) = token else { return };
        let id = self.company.api_tokens[token as usize].id.clone();
        let Some(subject) = Id::parse(&id) else { return };
        let event = self.tell(EventKind::TokenRevoked, Subject::ApiToken(subject));
        self.revoke_tokens(|token| token.id == id, event);
    }

    /// Ends tokens, with their shares in the rate limits.
    pub(super) fn revoke_tokens(&mut self, gone: impl Fn(&ApiToken) -> bool, event: u32) {
        for token in take_out(&mut self.company.api_tokens, gone) {
            if let Some(id) = Id::parse(&token.id) {
                self.note(Object::ApiToken(id), What::Removed, event);
            }
            self.drop_rate_limit(&token.id, event);
            self.company.revoked_tokens.push(token);
        }
    }

    /// A group is pushed to an application, where it becomes a group of its own.
    pub(super) fn push_group(&mut self) {
        let app = self.find(0, self.company.apps.len(), |round, app| {
            let record = &round.company.apps[app as usize];
            record.active && !record.deleted && record.gets_groups()
        });
        let source = self.find(1, self.company.groups.len(), |round, group| {
            let record = &round.company.groups[group as usize];
            group != EVERYONE && !record.deleted && record.kind == GroupKind::Native
        });
        let (Some(app), Some(source)) = (app, source) else { return };
        let stamp = self.stamp();
        let target = self.company.groups.len() as u32;
        self.add_group(Group {
            id: Id::new(self.company.spec.seed, "00g", target),
            name: format!("pushed-{target}"),
            description: None,
            kind: GroupKind::Imported(app),
            members: Vec::new(),
            former_members: Vec::new(),
            created: stamp,
            last_updated: stamp,
            last_membership_updated: stamp,
            deleted: false,
        });
        let mapping = PushMapping {
            id: Id::new(self.company.spec.seed, "gPm", target),
            app,
            source,
            target,
            status: "ACTIVE",
            created: stamp,
        };
        let place = self.company.push_mappings.partition_point(|other| other.app <= app);
        self.company.push_mappings.insert(place, mapping);
        let event = self.tell(EventKind::PushCreated, Subject::AppGroup { app, group: source });
        self.note(Object::Push { app, mapping: mapping.id }, What::Added, event);
    }
}
