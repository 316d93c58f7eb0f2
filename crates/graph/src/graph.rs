//! The [`Graph`]: entities of one snapshot and how they are connected.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use sightline_core::{
    AccountStatus, ActivityWindow, EntityKind, FactSink, Group, GroupOrigin, Resource, Role, Rule, Scope,
    ScopeState, Snapshot, SnapshotNumber, Tenant, Time,
};

use crate::accounts::Accounts;
use crate::adjacency::{Bits, Reverse, Rows, Runs, Spans};
use crate::administration::Administration;
use crate::admins::Holdings;
use crate::gaps::Bearings;
use crate::reporting::Addresses;
use crate::{AccountIx, AccountSummary, Builder, GroupIx, ResourceIx};

/// Who can reach what in one sealed snapshot of one data source; immutable, to be shared by its readers.
#[derive(Debug)]
pub struct Graph {
    pub(crate) about: About,
    pub(crate) scopes: Vec<ScopeState>,
    pub(crate) bearings: Bearings,
    pub(crate) seen: Vec<Seen>,
    pub(crate) skipped: Skipped,

    pub(crate) accounts: Accounts,
    pub(crate) groups: Table<Group>,
    pub(crate) resources: Table<Resource>,
    pub(crate) rules: Table<Rule>,
    pub(crate) roles: Table<Role>,
    /// Active rules by the group they put accounts into.
    pub(crate) rules_by_group: FxHashMap<u32, Vec<u32>>,

    /// Accounts that are not deactivated.
    pub(crate) present: Bits,
    /// Accounts that can sign in.
    pub(crate) able: Bits,
    /// Groups that every present account is in.
    pub(crate) everyone: Vec<GroupIx>,
    /// Resources that every present account reaches without an assignment.
    pub(crate) implicit: Vec<ResourceIx>,

    pub(crate) memberships: Memberships,
    /// Groups with a membership that could not be read again.
    pub(crate) stale_groups: Bits,
    pub(crate) assignments: Assignments,
    pub(crate) group_assignments: GroupAssignments,
    pub(crate) holdings: Holdings,
    pub(crate) administration: Administration,
    pub(crate) usage: UsageTable,
    /// Made when somebody's manager is first asked for.
    pub(crate) addresses: OnceLock<Addresses>,
}

/// Which snapshot a graph was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Name of the data source.
    pub source: String,
    /// Whose system it is.
    pub tenant: Tenant,
    /// Number of the snapshot.
    pub number: SnapshotNumber,
    /// When its sync began to read.
    pub started: Time,
    /// When it was sealed.
    pub sealed: Time,
}

/// Edges that lead to something unknown and take no part in any answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Memberships of an unknown account or in an unknown group.
    pub memberships: u64,
    /// Assignments of an unknown principal or to an unknown resource.
    pub assignments: u64,
    /// Roles held by an unknown principal.
    pub holdings: u64,
    /// Use by an unknown account or of an unknown resource.
    pub usage: u64,
}

impl Skipped {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.memberships + self.assignments + self.holdings + self.usage
    }
}

/// Which syncs saw a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The sync that first saw it, without an interruption since.
    pub first_seen: SnapshotNumber,
    /// The sync that last saw it.
    pub last_seen: SnapshotNumber,
    /// Whether its scope could not be read again since.
    pub stale: bool,
    /// The scope it was read in; none where the snapshot does not list it.
    pub scope: Option<Scope>,
}

impl Graph {
    /// Builds the graph of a snapshot; nothing of the snapshot is kept twice.
    pub fn build(snapshot: Snapshot) -> Self {
        let Snapshot { source, tenant, number, started, sealed, scopes, facts, dangling: _ } = snapshot;
        let mut builder = Self::builder(About { source, tenant, number, started, sealed }, scopes);
        for fact in facts {
            builder.fact(fact);
        }
        builder.finish()
    }

    /// Takes the facts of a snapshot with these scopes in, to make a graph of them.
    pub fn builder(about: About, scopes: Vec<ScopeState>) -> Builder {
        Builder::new(about, scopes)
    }

    /// Which snapshot it was built from.
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// Edges that lead to something unknown.
    pub const fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// All accounts, by login.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (AccountIx, AccountSummary<'_>)> {
        (0..self.accounts.len()).map(|at| {
            let account = AccountIx(at as u32);
            (account, self.accounts.get(account))
        })
    }

    /// All groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (GroupIx, &Group)> {
        self.groups.rows.iter().enumerate().map(|(at, row)| (GroupIx(at as u32), &row.entity))
    }

    /// All resources, by label.
    pub fn resources(&self) -> impl ExactSizeIterator<Item = (ResourceIx, &Resource)> {
        self.resources.rows.iter().enumerate().map(|(at, row)| (ResourceIx(at as u32), &row.entity))
    }

    /// All rules, by name.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.rows.iter().map(|row| &row.entity)
    }

    /// All roles that the provider describes, by label.
    pub fn roles(&self) -> impl ExactSizeIterator<Item = &Role> {
        self.roles.rows.iter().map(|row| &row.entity)
    }

    /// The role with this id, where the provider describes it.
    pub fn role(&self, id: &str) -> Option<&Role> {
        self.roles.ids.get(id).map(|&at| &self.roles.rows[at as usize].entity)
    }

    /// What is kept of the account.
    pub fn account(&self, account: AccountIx) -> AccountSummary<'_> {
        self.accounts.get(account)
    }

    /// The group itself.
    pub fn group(&self, group: GroupIx) -> &Group {
        &self.groups.rows[group.index()].entity
    }

    /// The resource itself.
    pub fn resource(&self, resource: ResourceIx) -> &Resource {
        &self.resources.rows[resource.index()].entity
    }

    /// The account with this id.
    pub fn account_with_id(&self, id: &str) -> Option<AccountIx> {
        self.accounts.with_id(id)
    }

    /// The group with this id.
    pub fn group_with_id(&self, id: &str) -> Option<GroupIx> {
        self.groups.ids.get(id).copied().map(GroupIx)
    }

    /// The resource with this id.
    pub fn resource_with_id(&self, id: &str) -> Option<ResourceIx> {
        self.resources.ids.get(id).copied().map(ResourceIx)
    }

    /// Which syncs saw the account.
    pub fn account_provenance(&self, account: AccountIx) -> Provenance {
        self.provenance(self.accounts.seen(account))
    }

    /// Which syncs saw the group.
    pub fn group_provenance(&self, group: GroupIx) -> Provenance {
        self.provenance(self.groups.rows[group.index()].seen)
    }

    /// Which syncs saw the resource.
    pub fn resource_provenance(&self, resource: ResourceIx) -> Provenance {
        self.provenance(self.resources.rows[resource.index()].seen)
    }

    /// Whether the account is in the group.
    pub fn is_member(&self, account: AccountIx, group: GroupIx) -> bool {
        self.membership(account, group).is_some()
    }

    /// The groups that the account is in, by name.
    pub fn groups_of(&self, account: AccountIx) -> Vec<GroupIx> {
        let listed = self.memberships.by_account.sources(account.0).iter();
        let mut groups: Vec<_> = listed.copied().map(GroupIx).collect();
        if self.present.contains(account.0) {
            groups.extend(&self.everyone);
            groups.sort_unstable();
        }
        groups
    }

    /// The members of the group, by login.
    pub fn members(&self, group: GroupIx) -> Vec<AccountIx> {
        let mut members: Vec<_> = self.memberships.of_group(group).iter().copied().map(AccountIx).collect();
        if self.group(group).everyone {
            members.extend(self.present.iter().map(AccountIx));
            members.sort_unstable();
        }
        members
    }

    /// How many accounts are in the group, as far as its members could be read.
    pub fn member_count(&self, group: GroupIx) -> u64 {
        let listed = self.memberships.of_group(group).len() as u64;
        if self.group(group).everyone { listed + self.present.count() } else { listed }
    }

    /// The active rules that put accounts into the group, by name.
    pub fn rules_into(&self, group: GroupIx) -> impl Iterator<Item = &Rule> {
        let rules = self.rules_by_group.get(&group.0).into_iter().flatten();
        rules.map(|&rule| &self.rules.rows[rule as usize].entity)
    }

    /// How the account is in the group, if it is.
    pub(crate) fn membership(&self, account: AccountIx, group: GroupIx) -> Option<Member> {
        let range = self.memberships.by_group.range(group.0);
        if let Ok(at) = self.memberships.accounts[range.clone()].binary_search(&account.0) {
            return Some(Member::Listed { seen: self.memberships.seen.get(range.start + at) });
        }
        (self.group(group).everyone && self.present.contains(account.0)).then_some(Member::Everyone)
    }

    /// Whether members of the group cannot be taken out of it.
    pub(crate) fn cannot_be_left(&self, group: GroupIx) -> bool {
        let group = self.group(group);
        group.everyone || group.origin == GroupOrigin::BuiltIn
    }

    pub(crate) fn status(&self, account: AccountIx) -> AccountStatus {
        self.accounts.status(account)
    }

    pub(crate) fn provenance(&self, seen: u32) -> Provenance {
        let seen = &self.seen[seen as usize];
        Provenance {
            first_seen: seen.first,
            last_seen: seen.last,
            stale: seen.stale,
            scope: self.scopes.get(seen.scope as usize).map(|state| state.scope.clone()),
        }
    }

    pub(crate) fn is_stale(&self, seen: u32) -> bool {
        self.seen[seen as usize].stale
    }

    /// What an id names, if it is known.
    pub(crate) fn kind_of(&self, id: &str) -> Option<EntityKind> {
        if self.account_with_id(id).is_some() {
            Some(EntityKind::Account)
        } else if self.group_with_id(id).is_some() {
            Some(EntityKind::Group)
        } else if self.resource_with_id(id).is_some() {
            Some(EntityKind::Resource)
        } else if self.rules.ids.contains_key(id) {
            Some(EntityKind::Rule)
        } else if self.roles.ids.contains_key(id) {
            Some(EntityKind::Role)
        } else if self.scope_set(id).is_some() {
            Some(EntityKind::ScopeSet)
        } else {
            None
        }
    }
}

/// Entities of one kind, in their order for people.
#[derive(Debug)]
pub(crate) struct Table<T> {
    pub(crate) rows: Vec<Row<T>>,
    pub(crate) ids: FxHashMap<Box<str>, u32>,
}

/// An entity and its provenance.
#[derive(Debug)]
pub(crate) struct Row<T> {
    pub(crate) entity: T,
    pub(crate) seen: u32,
}

/// Provenance; facts share it, so that an edge holds one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) first: SnapshotNumber,
    pub(crate) last: SnapshotNumber,
    pub(crate) scope: u32,
    pub(crate) stale: bool,
}

/// How an account is in a group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Member {
    Listed { seen: u32 },
    Everyone,
}

/// Columns of the memberships, sorted by account inside each group; none of present accounts in an everyone group.
#[derive(Debug)]
pub(crate) struct Memberships {
    pub(crate) by_group: Spans,
    pub(crate) accounts: Vec<u32>,
    pub(crate) seen: Runs,
    pub(crate) by_account: Reverse,
}

impl Memberships {
    pub(crate) fn of_group(&self, group: GroupIx) -> &[u32] {
        &self.accounts[self.by_group.range(group.0)]
    }
}

/// Columns of the assignments of accounts, sorted by account inside each resource.
#[derive(Debug)]
pub(crate) struct Assignments {
    pub(crate) by_resource: Spans,
    pub(crate) accounts: Vec<u32>,
    pub(crate) kinds: Vec<u32>,
    /// Milliseconds; `i64::MIN` where not known.
    pub(crate) since: Vec<i64>,
    pub(crate) by_account: Reverse,
    /// What many assignments have in common.
    pub(crate) kind_table: Vec<AssignmentKind>,
}

/// What many assignments have in common.
#[derive(Debug)]
pub(crate) struct AssignmentKind {
    pub(crate) origin: Origin,
    pub(crate) status: Option<Arc<str>>,
    pub(crate) in_force: bool,
    pub(crate) seen: u32,
}

/// Where an assignment comes from; texts are shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    Direct,
    Group(Option<Arc<str>>),
    Unknown(Arc<str>),
}

impl Assignments {
    pub(crate) fn kind(&self, at: usize) -> &AssignmentKind {
        &self.kind_table[self.kinds[at] as usize]
    }

    pub(crate) fn since(&self, at: usize) -> Option<Time> {
        (self.since[at] != i64::MIN).then(|| Time::from_millis(self.since[at]))
    }
}

/// Assignments of groups, sorted by resource and group.
#[derive(Debug)]
pub(crate) struct GroupAssignments {
    pub(crate) by_resource: Rows,
    pub(crate) edges: Vec<GroupAssignment>,
    pub(crate) by_group: Reverse,
}

#[derive(Debug)]
pub(crate) struct GroupAssignment {
    pub(crate) resource: u32,
    pub(crate) group: u32,
    pub(crate) priority: Option<i64>,
    pub(crate) since: Option<Time>,
    pub(crate) status: Option<Arc<str>>,
    pub(crate) in_force: bool,
    pub(crate) seen: u32,
}

impl GroupAssignments {
    pub(crate) fn of_resource(&self, resource: ResourceIx) -> &[GroupAssignment] {
        &self.edges[self.by_resource.range(resource.0)]
    }

    pub(crate) fn of_group(&self, group: GroupIx) -> impl Iterator<Item = &GroupAssignment> {
        self.by_group
            .sources(group.0)
            .iter()
            .filter_map(move |&resource| self.find(ResourceIx(resource), group))
    }

    /// The assignment of the resource to the group.
    pub(crate) fn find(&self, resource: ResourceIx, group: GroupIx) -> Option<&GroupAssignment> {
        let assigned = self.of_resource(resource);
        assigned.binary_search_by_key(&group.0, |edge| edge.group).ok().map(|at| &assigned[at])
    }
}

/// Last use, sorted by resource and account, and what an absence means.
#[derive(Debug)]
pub(crate) struct UsageTable {
    pub(crate) by_resource: Rows,
    pub(crate) accounts: Vec<u32>,
    pub(crate) last: Vec<Time>,
    pub(crate) sign_ins: FxHashMap<u32, Time>,
    pub(crate) window: Option<ActivityWindow>,
    /// Why activity is not known; used where the window is none.
    pub(crate) unread: String,
}
