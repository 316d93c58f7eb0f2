//! Records, sources and syncs for the tests.

use std::collections::BTreeMap;

use sightline_core::{
    Account, AccountStatus, Assignment, AssignmentOrigin, Device, DeviceUse, EntityKind, Gap, GapReason,
    Group, GroupOrigin, Holding, HoldingScope, Membership, Observed, Principal, RawJson, Record, Role, Scope,
    Secret, Tenant, Time, Usage,
};
use sightline_store::{
    Actor, ApiToken, AuditNote, FailedSync, Mark, NewApiToken, NewSource, NewUser, OpenMode, PasswordHash,
    SealRules, SecretHash, Session, SourceRecord, StepOutcome, Store, TokenScope, UserRecord, UserRole,
};
use tempfile::TempDir;

/// A store in a directory of its own, with one data source.
pub(crate) struct Made {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
    pub(crate) source: u64,
}

pub(crate) fn made() -> Made {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), OpenMode::Write).unwrap();
    let source = add_source(&store, "acme").id;
    Made { dir, store, source }
}

impl Made {
    /// Closes the store and opens it again.
    pub(crate) fn reopened(self) -> Self {
        let Self { dir, store, source } = self;
        drop(store);
        let store = Store::open(dir.path(), OpenMode::Write).unwrap();
        Self { dir, store, source }
    }
}

pub(crate) fn new_source(name: &str) -> NewSource {
    NewSource {
        name: name.to_owned(),
        connector: "okta".to_owned(),
        tenant: Tenant { id: "00o1".to_owned(), name: "acme.example.com".to_owned() },
        address: "https://acme.example.com".to_owned(),
        settings: serde_json::json!({ "domain": "acme.example.com", "depth": 3, "extra": [1, null, { "a": 1.5 }] }),
        owner_email: Some("owner@example.com".to_owned()),
        added: time(1),
        allow_loopback_http: false,
    }
}

pub(crate) fn credential(token: &str) -> BTreeMap<String, Secret> {
    BTreeMap::from([("token".to_owned(), Secret::new(token))])
}

pub(crate) fn add_source(store: &Store, name: &str) -> SourceRecord {
    let vault = store.unlock(None).unwrap();
    store.add_source(&vault, new_source(name), &credential("00secret")).unwrap()
}

pub(crate) fn failed_sync(ended: i64) -> FailedSync {
    FailedSync {
        started: time(0),
        ended: time(ended),
        kind: "unavailable".to_owned(),
        text: format!("nobody answers, {ended}"),
        hint: None,
    }
}

/// What goes to the audit log with a change.
pub(crate) fn note(action: &str) -> AuditNote {
    AuditNote::done(time(7), Actor::System, action)
}

pub(crate) fn new_user(name: &str, role: UserRole) -> NewUser {
    let password = Some(PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"));
    NewUser { name: name.to_owned(), email: None, role, password, oidc_subject: None, created: time(1) }
}

pub(crate) fn add_user(store: &Store, name: &str, role: UserRole) -> UserRecord {
    store.add_user(new_user(name, role), &note("user.add")).unwrap()
}

/// The hash of a secret that is named by a number.
pub(crate) fn secret(number: u64) -> SecretHash {
    SecretHash::of(format!("secret {number}"))
}

pub(crate) fn add_session(store: &Store, user_id: u64, number: u64, expires: i64) -> Session {
    let hash = secret(number);
    let session = Session { hash, user_id, created: time(0), last_used: time(0), expires: time(expires) };
    store.add_session(&session, &note("session.begin")).unwrap();
    session
}

pub(crate) fn new_token(user_id: u64, number: u64) -> NewApiToken {
    NewApiToken {
        hash: secret(number),
        user_id,
        name: format!("token {number}"),
        scopes: [TokenScope::Read, TokenScope::Manage].into(),
        created: time(2),
        expires: None,
        prefix: "sl_abc".to_owned(),
    }
}

pub(crate) fn add_token(store: &Store, user_id: u64, number: u64) -> ApiToken {
    store.add_api_token(new_token(user_id, number), &note("token.add")).unwrap()
}

pub(crate) fn time(secs: i64) -> Time {
    Time::from_secs(1_767_225_600 + secs)
}

pub(crate) fn rules() -> SealRules {
    let parents = [
        ("members", EntityKind::Group),
        ("assigned", EntityKind::Resource),
        ("group_roles", EntityKind::Group),
        ("holders", EntityKind::Role),
        ("nested", EntityKind::Group),
        ("device_users", EntityKind::Device),
    ];
    let parents = parents.map(|(dataset, kind)| (dataset.to_owned(), kind));
    SealRules { parents: BTreeMap::from(parents), listings: BTreeMap::new(), max_drop: None }
}

/// One step of a sync, and how scopes are marked with it.
pub(crate) struct Read(pub(crate) Scope, pub(crate) Vec<Record>, pub(crate) Vec<(Scope, Mark)>);

/// Reads a whole scope in one step.
pub(crate) fn whole(scope: Scope, records: Vec<Record>) -> Read {
    Read(scope.clone(), records, vec![(scope, Mark::Complete)])
}

/// Reads the changes of a scope in one step.
pub(crate) fn part(scope: Scope, records: Vec<Record>) -> Read {
    Read(scope.clone(), records, vec![(scope, Mark::Part)])
}

/// Reads something of a scope, then fails.
pub(crate) fn failed(scope: Scope, records: Vec<Record>) -> Read {
    let mark = Mark::Gap(gap(&scope));
    Read(scope.clone(), records, vec![(scope, mark)])
}

/// Finds that what a scope is read under has vanished.
pub(crate) fn gone(scope: Scope) -> Read {
    Read(scope.clone(), Vec::new(), vec![(scope, Mark::Gone)])
}

pub(crate) fn gap(scope: &Scope) -> Gap {
    Gap {
        scope: scope.clone(),
        reason: GapReason::Unavailable,
        detail: "503 four times".to_owned(),
        consequence: "some may be missing".to_owned(),
    }
}

pub(crate) fn outcome(task_id: u64, scope: Scope) -> StepOutcome {
    StepOutcome {
        task_id,
        scope,
        records: Vec::new(),
        then: Vec::new(),
        later: Vec::new(),
        absent: Vec::new(),
        full: false,
        marks: Vec::new(),
        tallies: Vec::new(),
        drift: Vec::new(),
    }
}

/// Runs a sync up to the point where it can be sealed, one task per step; gives its number.
pub(crate) fn read_all(store: &Store, source: u64, reads: Vec<Read>) -> u64 {
    let tasks: Vec<String> = (0..reads.len()).map(|n| format!("{{\"task\":{n}}}")).collect();
    let row = store.begin_sync(source, time(100), true, &tasks).unwrap();
    let outcomes: Vec<StepOutcome> = reads
        .into_iter()
        .enumerate()
        .map(|(id, Read(scope, records, marks))| StepOutcome { records, marks, ..outcome(id as u64, scope) })
        .collect();
    store.commit_steps(source, &outcomes).unwrap();
    row.number
}

/// Runs a sync and seals it, whatever is dropped.
pub(crate) fn sync(store: &Store, source: u64, reads: Vec<Read>) -> sightline_store::SealReport {
    let number = read_all(store, source, reads);
    store.seal(source, number, time(200), &rules()).unwrap()
}

pub(crate) fn account(id: &str, name: &str) -> Record {
    Record::Account(Box::new(Account {
        id: id.to_owned(),
        login: format!("{id}@example.com"),
        status: AccountStatus::Active,
        raw_status: "ACTIVE".to_owned(),
        name: name.to_owned(),
        emails: vec![format!("{id}@example.com")],
        created: Some(time(0)),
        activated: None,
        status_changed: None,
        last_sign_in: Observed::Known(None),
        password_changed: None,
        last_updated: None,
        manager: None,
        department: Some("Engineering".to_owned()),
        title: None,
        account_type: None,
        type_id: None,
        realm: None,
        credential_provider: None,
        profile: RawJson::from_value(&serde_json::json!({ "login": id, "displayName": name })),
    }))
}

pub(crate) fn group(id: &str, name: &str) -> Record {
    Record::Group(Box::new(Group {
        id: id.to_owned(),
        name: name.to_owned(),
        description: None,
        origin: GroupOrigin::Native,
        source_resource: None,
        everyone: false,
        member_count: Observed::Unknown("not asked".to_owned()),
        resource_count: Observed::Known(3),
        created: None,
        last_updated: None,
        last_membership_updated: None,
        profile: RawJson::default(),
    }))
}

pub(crate) fn role(id: &str, label: &str) -> Record {
    Record::Role(Role { id: id.to_owned(), label: label.to_owned(), description: None, custom: true })
}

pub(crate) fn device(id: &str, name: &str) -> Record {
    Record::Device(Box::new(Device {
        id: id.to_owned(),
        name: name.to_owned(),
        platform: Some("MACOS".to_owned()),
        raw_status: "ACTIVE".to_owned(),
        created: None,
        last_updated: None,
        raw: RawJson::default(),
    }))
}

pub(crate) fn uses(device: &str, account: &str) -> Record {
    let (device, account) = (device.to_owned(), account.to_owned());
    Record::DeviceUse(DeviceUse { device, account, management: None, since: None })
}

pub(crate) fn member(group: &str, account: &str) -> Record {
    Record::Membership(Membership { group: group.to_owned(), account: account.to_owned() })
}

/// An assignment to a resource; the version decides what is said about it.
pub(crate) fn assigned(resource: &str, principal: Principal, version: u8) -> Record {
    let bit = |bit: u8| version & (1 << bit) != 0;
    let name = principal.id().to_owned();
    Record::Assignment(Assignment {
        resource: resource.to_owned(),
        origin: match version % 3 {
            0 => AssignmentOrigin::Direct,
            1 => AssignmentOrigin::Group(Some(format!("g{}", version / 3 % 2))),
            _ => AssignmentOrigin::Unknown("IMPORT".to_owned()),
        },
        raw_status: bit(0).then(|| "ACTIVE".to_owned()),
        user_name: match version % 4 {
            0 => None,
            1 => Some(format!("{name}@acme.example")),
            2 => Some(String::new()),
            _ => Some("shared".to_owned()),
        },
        external_id: bit(1).then(|| format!("ext-{name}-{}", version / 4)),
        sync_state: bit(2).then(|| "SYNCHRONIZED".to_owned()),
        priority: bit(3).then_some(i64::from(version) - 5),
        since: bit(1).then(|| Time::from_millis(1_700_000_000_000 + i64::from(version) * 999)),
        last_updated: bit(2).then(|| Time::from_millis(1_700_000_000_000 + i64::from(version / 2) * 1998)),
        profile: RawJson::from_value(&serde_json::json!({ "n": version / 8 })),
        principal,
    })
}

pub(crate) fn holds(role: &str, account: &str) -> Record {
    Record::Holding(Holding {
        principal: Principal::Account(account.to_owned()),
        role: role.to_owned(),
        label: "Administrator".to_owned(),
        scope: HoldingScope::Org,
        inherited: false,
        active: true,
        since: None,
    })
}

pub(crate) fn used(account: &str, resource: &str, first: i64, last: i64, count: u64) -> Record {
    Record::Usage(Usage {
        account: account.to_owned(),
        resource: Some(resource.to_owned()),
        first: time(first),
        last: time(last),
        count,
    })
}

pub(crate) fn listing(dataset: &str) -> Scope {
    Scope::listing(dataset)
}

pub(crate) fn under(dataset: &str, parent: &str) -> Scope {
    Scope::under(dataset, parent)
}
