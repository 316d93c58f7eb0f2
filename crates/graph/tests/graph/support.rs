//! Snapshots made by hand.

use sightline_core::{
    Account, AccountStatus, ActivityWindow, Assignment, AssignmentOrigin, Fact, Gap, GapReason, Group,
    GroupOrigin, Holding, HoldingScope, Membership, Observed, Principal, RawJson, Record, Resource,
    ResourceStatus, Rule, Scope, ScopeState, Snapshot, SnapshotNumber, Tenant, Time, Usage,
};

pub(crate) const NUMBER: SnapshotNumber = 7;

pub(crate) fn day(number: i64) -> Time {
    Time::from_secs(1_767_225_600 + number * 86_400)
}

pub(crate) fn account(id: &str, status: AccountStatus) -> Record {
    Record::Account(Box::new(Account {
        id: id.into(),
        login: format!("{id}@acme.test"),
        status,
        raw_status: status.word().into(),
        name: format!("Person {id}"),
        emails: vec![format!("{id}.mail@acme.test")],
        created: None,
        activated: None,
        status_changed: None,
        last_sign_in: Observed::Known(None),
        password_changed: None,
        last_updated: None,
        manager: None,
        department: None,
        title: None,
        account_type: None,
        type_id: None,
        realm: None,
        credential_provider: None,
        profile: RawJson::default(),
    }))
}

pub(crate) fn group(id: &str, origin: GroupOrigin, everyone: bool) -> Record {
    Record::Group(Box::new(Group {
        id: id.into(),
        name: format!("Group {id}"),
        description: None,
        origin,
        source_resource: None,
        everyone,
        member_count: Observed::Unknown("not asked".into()),
        resource_count: Observed::Unknown("not asked".into()),
        created: None,
        last_updated: None,
        last_membership_updated: None,
        profile: RawJson::default(),
    }))
}

pub(crate) fn resource(id: &str, status: ResourceStatus, implicit: bool) -> Record {
    Record::Resource(Box::new(Resource {
        id: id.into(),
        label: format!("App {id}"),
        catalog_name: Some(format!("catalog_{id}")),
        status,
        raw_status: "ACTIVE".into(),
        sign_on_mode: None,
        features: Vec::new(),
        implicit_assignment: Observed::Known(implicit),
        client_id: None,
        service: false,
        created: None,
        last_updated: None,
        raw: RawJson::default(),
    }))
}

pub(crate) fn rule(id: &str, active: bool, target: &str) -> Rule {
    Rule {
        id: id.into(),
        name: format!("Rule {id}"),
        active,
        raw_status: "ACTIVE".into(),
        expression: None,
        target_groups: vec![target.into()],
        excluded_accounts: Vec::new(),
        excluded_groups: Vec::new(),
    }
}

pub(crate) fn member(account: &str, group: &str) -> Record {
    Record::Membership(Membership { group: group.into(), account: account.into() })
}

pub(crate) fn assigned(
    principal: Principal,
    resource: &str,
    origin: AssignmentOrigin,
    status: Option<&str>,
) -> Record {
    Record::Assignment(Assignment {
        resource: resource.into(),
        principal,
        origin,
        raw_status: status.map(Into::into),
        user_name: None,
        external_id: None,
        sync_state: None,
        priority: None,
        since: Some(day(-30)),
        last_updated: None,
        profile: RawJson::default(),
    })
}

pub(crate) fn to_account(account: &str, resource: &str) -> Record {
    assigned(Principal::Account(account.into()), resource, AssignmentOrigin::Direct, Some("ACTIVE"))
}

pub(crate) fn to_group(group: &str, resource: &str) -> Record {
    assigned(Principal::Group(group.into()), resource, AssignmentOrigin::Direct, None)
}

pub(crate) fn holds(principal: Principal, role: &str, inherited: bool, active: bool) -> Record {
    Record::Holding(Holding {
        principal,
        role: role.into(),
        label: format!("Role {role}"),
        scope: HoldingScope::Org,
        inherited,
        active,
        since: None,
    })
}

pub(crate) fn used(account: &str, resource: Option<&str>, last: Time) -> Record {
    Record::Usage(Usage {
        account: account.into(),
        resource: resource.map(Into::into),
        first: last,
        last,
        count: 1,
    })
}

pub(crate) fn window() -> Record {
    Record::ActivityWindow(ActivityWindow { since: day(-90), until: day(0) })
}

pub(crate) fn scope_of(record: &Record) -> Scope {
    match record {
        Record::Account(_) => Scope::listing("users"),
        Record::Group(_) => Scope::listing("groups"),
        Record::Rule(_) => Scope::listing("group_rules"),
        Record::Resource(_) | Record::Credential(_) => Scope::listing("apps"),
        Record::Role(_) => Scope::listing("roles"),
        Record::Membership(edge) => Scope::under("group_members", &edge.group),
        Record::Assignment(edge) => match edge.principal {
            Principal::Account(_) => Scope::under("app_users", &edge.resource),
            Principal::Group(_) | Principal::Resource(_) => Scope::under("app_groups", &edge.resource),
        },
        // As a scope set's list of holders tells it.
        Record::Holding(Holding { scope: HoldingScope::Set(set), since: None, .. }) => {
            Scope::under("binding_members", set)
        }
        Record::Holding(edge) => Scope::under("user_roles", edge.principal.id()),
        Record::Usage(_) | Record::ActivityWindow(_) => Scope::listing("activity"),
        Record::ScopeSet(_) => Scope::listing("scope_sets"),
        Record::SetMember(member) => Scope::under("set_resources", &member.set),
        Record::Permission(permission) => Scope::under("role_permissions", &permission.role),
        Record::ApiGrant(grant) => Scope::under("app_grants", &grant.resource),
        other => panic!("no scope for {other:?}"),
    }
}

/// A snapshot of these records, all seen by its own sync and before, with these scopes not read again.
pub(crate) fn snapshot(records: &[Record], gaps: &[(Scope, GapReason)]) -> Snapshot {
    snapshot_with(records, gaps, &[])
}

/// The same with further scopes that were read and hold nothing.
pub(crate) fn snapshot_with(records: &[Record], gaps: &[(Scope, GapReason)], empty: &[Scope]) -> Snapshot {
    let mut scopes: Vec<Scope> = records.iter().map(scope_of).chain(empty.iter().cloned()).collect();
    scopes.extend(gaps.iter().map(|(scope, _)| scope.clone()));
    scopes.sort();
    scopes.dedup();
    let gap_of = |scope: &Scope| gaps.iter().find(|(gap, _)| gap == scope);
    let mut facts: Vec<Fact> = records
        .iter()
        .map(|record| {
            let scope = scope_of(record);
            Fact {
                record: record.clone(),
                first_seen: 3,
                last_seen: if gap_of(&scope).is_some() { NUMBER - 2 } else { NUMBER },
                scope: scopes.binary_search(&scope).expect("a listed scope") as u32,
            }
        })
        .collect();
    facts.sort_by_key(|fact| (fact.scope, fact.record.key()));
    Snapshot {
        source: "acme".into(),
        tenant: Tenant { id: "t1".into(), name: "acme.test".into() },
        number: NUMBER,
        started: day(0),
        sealed: day(0),
        scopes: scopes
            .iter()
            .map(|scope| ScopeState {
                scope: scope.clone(),
                complete: Some(NUMBER),
                gap: gap_of(scope).map(|(scope, reason)| Gap {
                    scope: scope.clone(),
                    reason: reason.clone(),
                    detail: String::new(),
                    consequence: String::new(),
                }),
                facts: 0,
            })
            .collect(),
        facts,
        dangling: std::collections::BTreeMap::new(),
    }
}
