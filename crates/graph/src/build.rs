//! From the facts of a snapshot to rows of small numbers.

mod edges;
mod kinds;
mod seen;

use std::cmp::Reverse as Descending;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use sightline_core::{
    AccountStatus, ActivityWindow, Assignment, AssignmentBlock, Fact, FactSink, Group, Holding, MemberBlock,
    Names, Observed, Principal, Record, Resource, Role, Rule, ScopeState, Sighting, Time, Usage,
};

use self::edges::{Ends, NOBODY, TakenAssignment, TakenAssignments, TakenMemberships};
use self::kinds::{Kinds, in_force};
use self::seen::SeenTable;
use crate::accounts::{Accounts, TakenAccounts};
use crate::adjacency::{Bits, Reverse, Rows, Spans};
use crate::administration::Administration;
use crate::admins::{HeldBy, Holdings, KeptHolding};
use crate::gaps::{Bearing, Bearings};
use crate::graph::{About, Graph, GroupAssignment, GroupAssignments, Row, Skipped, Table, UsageTable};
use crate::{GroupIx, ResourceIx};

/// Names whose accounts are looked up together: as many as stay in the nearest memory meanwhile.
const NAMES_TOGETHER: usize = 1024;

/// Takes the facts of a snapshot in, one by one or in blocks, and makes a [`Graph`] of them.
///
/// The graph is the same however the facts come.
pub struct Builder {
    about: About,
    scopes: Vec<ScopeState>,
    bearings: Bearings,
    seen: SeenTable,
    accounts: TakenAccounts,
    groups: Vec<Row<Group>>,
    resources: Vec<Row<Resource>>,
    rules: Vec<Row<Rule>>,
    roles: Vec<Row<Role>>,
    /// Of the blocks.
    names: Names,
    /// Of groups, of resources, and of accounts in single facts.
    own_names: Names,
    memberships: TakenMemberships,
    assignments: TakenAssignments,
    kinds: Kinds,
    single: SingleEdges,
    group_assignments: Vec<(Assignment, u32)>,
    holdings: Vec<(Holding, u32)>,
    administration: Administration,
    windows: Vec<(ActivityWindow, u32)>,
}

/// Edges that came as single facts, by own names.
#[derive(Default)]
struct SingleEdges {
    /// Group, account and provenance.
    memberships: Vec<(u32, u32, u32)>,
    /// By resource.
    assignments: Vec<(u32, TakenAssignment)>,
    /// Resource, account and last use.
    usage: Vec<(u32, u32, Time)>,
    /// Account and last sign-in.
    sign_ins: Vec<(u32, Time)>,
    /// Assignments to what no assignment leads to.
    skipped: u64,
}

impl FactSink for Builder {
    fn fact(&mut self, fact: Fact) {
        self.bearings.observe(&fact);
        let seen = self.seen.intern(fact.first_seen, fact.last_seen, fact.scope);
        match fact.record {
            Record::Account(entity) => self.accounts.take(&entity, seen),
            Record::Group(entity) => self.groups.push(Row { entity: *entity, seen }),
            Record::Resource(entity) => self.resources.push(Row { entity: *entity, seen }),
            Record::Rule(entity) => self.rules.push(Row { entity: *entity, seen }),
            Record::Role(entity) => self.roles.push(Row { entity, seen }),
            Record::Membership(edge) => {
                let group = self.own_names.intern(&edge.group);
                self.single.memberships.push((group, self.own_names.intern(&edge.account), seen));
            }
            Record::Assignment(edge) => self.assignment(edge, seen),
            Record::Holding(holding) => self.holdings.push((holding, seen)),
            Record::Usage(usage) => self.usage(&usage),
            Record::ActivityWindow(window) => self.windows.push((window, seen)),
            other => self.administration.take(other),
        }
    }

    fn names(&mut self, names: Names) {
        self.names = names;
    }

    fn members(&mut self, block: MemberBlock<'_>) {
        let group = self.own_names.intern(block.group);
        self.bearings.observe_kind(block.scope, Bearing::Access);
        let sightings = self.sightings(block.scope, block.sightings);
        let seen = block.seen.iter().map(|&at| sightings[at as usize]).collect();
        self.memberships.take(group, block.accounts.iter().copied(), seen);
    }

    fn assignments(&mut self, block: AssignmentBlock<'_>) {
        /// Combinations of terms and sightings that are looked up by place; there are hardly ever more.
        const FEW: usize = 1 << 16;
        let resource = self.own_names.intern(block.resource);
        self.bearings.observe_kind(block.scope, Bearing::Access);
        let sightings = self.sightings(block.scope, block.sightings);
        let Self { kinds, assignments, .. } = self;
        let manners: Vec<u32> = block
            .terms
            .iter()
            .map(|terms| kinds.manner(&terms.origin, terms.raw_status.as_deref()))
            .collect();
        let combinations = manners.len() * sightings.len();
        let mut known: Vec<Option<u32>> = vec![None; if combinations <= FEW { combinations } else { 0 }];
        let edges = block.accounts.iter().enumerate().map(|(at, &account)| {
            let (agreed, seen) = (block.agreed[at] as usize, block.seen[at] as usize);
            let mut kind = || kinds.kind(manners[agreed], sightings[seen]);
            let kind = match known.get_mut(agreed * sightings.len() + seen) {
                Some(known) => *known.get_or_insert_with(kind),
                None => kind(),
            };
            TakenAssignment { account, kind, since: block.since[at] }
        });
        assignments.take(resource, edges);
    }
}

impl Builder {
    pub(crate) fn new(about: About, scopes: Vec<ScopeState>) -> Self {
        Self {
            bearings: Bearings::new(&scopes),
            seen: SeenTable::new(about.number, &scopes),
            about,
            scopes,
            accounts: TakenAccounts::default(),
            groups: Vec::new(),
            resources: Vec::new(),
            rules: Vec::new(),
            roles: Vec::new(),
            names: Names::default(),
            own_names: Names::default(),
            memberships: TakenMemberships::default(),
            assignments: TakenAssignments::default(),
            kinds: Kinds::default(),
            single: SingleEdges::default(),
            group_assignments: Vec::new(),
            holdings: Vec::new(),
            administration: Administration::default(),
            windows: Vec::new(),
        }
    }

    /// The graph of everything that was taken in.
    pub fn finish(mut self) -> Graph {
        self.take_single_edges();
        let Self { about, scopes, mut bearings, seen, accounts, names, own_names, .. } = self;
        bearings.settle(&scopes);
        let accounts = accounts.in_order(|id| seen.last_seen(id));
        let groups = table(self.groups, &seen, |group| &group.id, |group| group.name.to_lowercase());
        let resources =
            table(self.resources, &seen, |resource| &resource.id, |resource| resource.label.to_lowercase());
        let group_rules = table(self.rules, &seen, |rule| &rule.id, |rule| rule.name.to_lowercase());
        let roles = table(self.roles, &seen, |role| &role.id, |role| role.label.to_lowercase());

        let present = accounts.with_status(|status| status != AccountStatus::Deactivated);
        let able = accounts.with_status(AccountStatus::can_sign_in);
        let mut is_everyone = Bits::new(groups.rows.len());
        for (at, row) in groups.rows.iter().enumerate() {
            if row.entity.everyone {
                is_everyone.insert(at as u32);
            }
        }
        let is_implicit = |row: &Row<Resource>| row.entity.implicit_assignment == Observed::Known(true);
        let implicit = resources.rows.iter().enumerate().filter(|(_, row)| is_implicit(row));

        let of_names = accounts_named(&accounts, &names, &own_names);
        drop(names);
        let in_table = |ids: &FxHashMap<Box<str>, u32>| -> Vec<u32> {
            own_names.iter().map(|name| ids.get(name).copied().unwrap_or(NOBODY)).collect()
        };
        let (of_groups, of_resources) = (in_table(&groups.ids), in_table(&resources.ids));
        let own = &of_names[of_names.len() - own_names.len()..];
        let own_resources = (of_resources.as_slice(), own);
        let ends = |parents, parent_count| Ends {
            accounts: &of_names,
            account_count: accounts.len(),
            parents,
            parent_count,
        };
        let group_ends = ends(&of_groups, groups.rows.len());
        let resource_ends = ends(&of_resources, resources.rows.len());
        // Neither needs the other, and each takes as long.
        let ((memberships, no_members), (assignments, no_assignments)) = {
            let (memberships, assignments, kinds) = (self.memberships, self.assignments, self.kinds);
            side_by_side(
                || memberships.into_rows(&group_ends, &is_everyone, &present, &seen),
                || assignments.into_rows(&resource_ends, kinds, &seen),
            )
        };
        let (group_assignments, no_group_assignments) =
            group_assignments(self.group_assignments, &groups, &resources, &seen);
        let (holdings, no_holdings) = holdings(self.holdings, &accounts, &groups, &resources);
        let unread = bearings.why_activity_is_unread(&scopes, &self.windows, seen.table());
        let window = if unread.is_some() { None } else { narrowest(&self.windows) };
        let (usage, no_usage) =
            usage(&self.single, own_resources, resources.rows.len(), window, unread.unwrap_or_default());
        self.administration.settle();
        let stale_groups = stale_groups(&memberships, seen.table());
        Graph {
            about,
            scopes,
            bearings,
            skipped: Skipped {
                memberships: no_members,
                assignments: no_assignments + no_group_assignments + self.single.skipped,
                holdings: no_holdings,
                usage: no_usage,
            },
            rules_by_group: rules_by_group(&group_rules, &groups.ids),
            everyone: is_everyone.iter().map(GroupIx).collect(),
            implicit: implicit.map(|(at, _)| ResourceIx(at as u32)).collect(),
            accounts,
            groups,
            resources,
            rules: group_rules,
            roles,
            present,
            able,
            memberships,
            stale_groups,
            assignments,
            group_assignments,
            holdings: Holdings::new(holdings),
            administration: self.administration,
            usage,
            seen: seen.into_table(),
            addresses: OnceLock::new(),
        }
    }

    fn sightings(&mut self, scope: u32, sightings: &[Sighting]) -> Vec<u32> {
        sightings.iter().map(|seen| self.seen.intern(seen.first_seen, seen.last_seen, scope)).collect()
    }

    fn assignment(&mut self, edge: Assignment, seen: u32) {
        match &edge.principal {
            Principal::Account(id) => {
                let resource = self.own_names.intern(&edge.resource);
                let account = self.own_names.intern(id);
                let manner = self.kinds.manner(&edge.origin, edge.raw_status.as_deref());
                let kind = self.kinds.kind(manner, seen);
                let taken = TakenAssignment { account, kind, since: edge.since };
                self.single.assignments.push((resource, taken));
            }
            Principal::Group(_) => self.group_assignments.push((edge, seen)),
            // No provider assigns an application to an application.
            Principal::Resource(_) => self.single.skipped += 1,
        }
    }

    fn usage(&mut self, usage: &Usage) {
        let account = self.own_names.intern(&usage.account);
        match &usage.resource {
            Some(resource) => {
                // Those that follow each other often name the same one.
                let last = self.single.usage.last().map(|&(last, ..)| last);
                let known = last.filter(|&last| self.own_names.get(last) == resource);
                let resource = known.unwrap_or_else(|| self.own_names.intern(resource));
                self.single.usage.push((resource, account, usage.last));
            }
            None => self.single.sign_ins.push((account, usage.last)),
        }
    }

    /// Makes blocks of edges that came one by one; own names come after those of the blocks.
    fn take_single_edges(&mut self) {
        let first_own = self.names.len() as u32;
        let mut memberships = std::mem::take(&mut self.single.memberships);
        memberships.sort_unstable();
        memberships.dedup();
        for members in memberships.chunk_by(|one, other| one.0 == other.0) {
            let accounts = members.iter().map(|&(_, account, _)| account + first_own);
            self.memberships.take(members[0].0, accounts, members.iter().map(|member| member.2).collect());
        }
        let mut assignments = std::mem::take(&mut self.single.assignments);
        assignments.sort_unstable_by_key(|&(resource, edge)| (resource, edge.account));
        for edges in assignments.chunk_by(|one, other| one.0 == other.0) {
            let edges = edges.iter().map(|&(resource, edge)| {
                (resource, TakenAssignment { account: edge.account + first_own, ..edge })
            });
            let resource = edges.clone().next().map_or(0, |(resource, _)| resource);
            self.assignments.take(resource, edges.map(|(_, edge)| edge));
        }
    }
}

/// Does two things at the same time.
fn side_by_side<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    std::thread::scope(|threads| {
        let other = threads.spawn(other);
        let one = one();
        match other.join() {
            Ok(other) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// For each name the account with this id, or [`NOBODY`]; own names come after those of the blocks.
fn accounts_named(accounts: &Accounts, names: &Names, own_names: &Names) -> Vec<u32> {
    let mut found = Vec::with_capacity(names.len() + own_names.len());
    let mut all = names.iter().chain(own_names.iter());
    loop {
        let together: Vec<&str> = all.by_ref().take(NAMES_TOGETHER).collect();
        if together.is_empty() {
            return found;
        }
        accounts.add_with_ids(&together, NOBODY, &mut found);
    }
}

/// Groups with a membership that could not be read again.
fn stale_groups(memberships: &crate::graph::Memberships, seen: &[crate::graph::Seen]) -> Bits {
    let mut stale = Bits::new(memberships.by_group.count());
    if seen.iter().any(|seen| seen.stale) {
        for group in 0..memberships.by_group.count() as u32 {
            let members = memberships.by_group.range(group);
            if memberships.seen.any_in(members, |id| seen[id as usize].stale) {
                stale.insert(group);
            }
        }
    }
    stale
}

/// Active rules by each group that they put accounts into.
fn rules_by_group(rules: &Table<Rule>, groups: &FxHashMap<Box<str>, u32>) -> FxHashMap<u32, Vec<u32>> {
    let mut by_group: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (at, row) in rules.rows.iter().enumerate().filter(|(_, row)| row.entity.active) {
        let known = row.entity.target_groups.iter().filter_map(|id| groups.get(id.as_str()));
        for &group in known {
            let into = by_group.entry(group).or_default();
            if into.last() != Some(&(at as u32)) {
                into.push(at as u32);
            }
        }
    }
    by_group
}

fn narrowest(windows: &[(ActivityWindow, u32)]) -> Option<ActivityWindow> {
    windows.iter().map(|(window, _)| window).max_by_key(|window| window.since).cloned()
}

/// Sorts entities for people; of two readings of one id the one that was seen last counts.
fn table<T>(
    mut rows: Vec<Row<T>>,
    seen: &SeenTable,
    id: impl Fn(&T) -> &str,
    name: impl Fn(&T) -> String,
) -> Table<T> {
    let mut latest: FxHashMap<Box<str>, u32> = FxHashMap::default();
    for (at, row) in rows.iter().enumerate() {
        match latest.get_mut(id(&row.entity)) {
            Some(other) => {
                if seen.last_seen(rows[*other as usize].seen) <= seen.last_seen(row.seen) {
                    *other = at as u32;
                }
            }
            None => {
                latest.insert(id(&row.entity).into(), at as u32);
            }
        }
    }
    if latest.len() < rows.len() {
        let mut at = 0;
        rows.retain(|row| {
            at += 1;
            latest.get(id(&row.entity)) == Some(&(at - 1))
        });
    }
    rows.sort_by_cached_key(|row| (name(&row.entity), id(&row.entity).to_owned()));
    for (at, row) in rows.iter().enumerate() {
        if let Some(place) = latest.get_mut(id(&row.entity)) {
            *place = at as u32;
        }
    }
    Table { rows, ids: latest }
}

fn group_assignments(
    edges: Vec<(Assignment, u32)>,
    groups: &Table<Group>,
    resources: &Table<Resource>,
    seen: &SeenTable,
) -> (GroupAssignments, u64) {
    let all = edges.len();
    let mut edges: Vec<GroupAssignment> = edges
        .into_iter()
        .filter_map(|(edge, seen)| {
            Some(GroupAssignment {
                resource: *resources.ids.get(edge.resource.as_str())?,
                group: *groups.ids.get(edge.principal.id())?,
                priority: edge.priority,
                since: edge.since,
                in_force: in_force(edge.raw_status.as_deref()),
                status: edge.raw_status.map(Arc::from),
                seen,
            })
        })
        .collect();
    let skipped = (all - edges.len()) as u64;
    edges.sort_by_key(|edge| {
        (edge.resource, edge.group, Descending(seen.last_seen(edge.seen)), !edge.in_force)
    });
    edges.dedup_by_key(|edge| (edge.resource, edge.group));
    let by_resource = Rows::over(resources.rows.len(), edges.iter().map(|edge| edge.resource));
    let mut spans = Spans::new(resources.rows.len());
    (0..resources.rows.len() as u32).for_each(|resource| spans.set(resource, by_resource.range(resource)));
    let targets: Vec<u32> = edges.iter().map(|edge| edge.group).collect();
    let by_group = Reverse::of(&spans, &targets, groups.rows.len());
    (GroupAssignments { by_resource, edges, by_group }, skipped)
}

fn holdings(
    holdings: Vec<(Holding, u32)>,
    accounts: &Accounts,
    groups: &Table<Group>,
    resources: &Table<Resource>,
) -> (Vec<KeptHolding>, u64) {
    let all = holdings.len();
    let known = |(holding, seen): (Holding, u32)| {
        let by = match &holding.principal {
            Principal::Account(id) => HeldBy::Account(accounts.with_id(id)?),
            Principal::Group(id) => HeldBy::Group(GroupIx(*groups.ids.get(id.as_str())?)),
            Principal::Resource(id) => HeldBy::Resource(ResourceIx(*resources.ids.get(id.as_str())?)),
        };
        Some(KeptHolding { by, holding, seen })
    };
    let kept: Vec<KeptHolding> = holdings.into_iter().filter_map(known).collect();
    let skipped = (all - kept.len()) as u64;
    (kept, skipped)
}

/// Last use, of names that stand for these resources and accounts, and how much leads nowhere.
fn usage(
    single: &SingleEdges,
    (resources, accounts): (&[u32], &[u32]),
    resource_count: usize,
    window: Option<ActivityWindow>,
    unread: String,
) -> (UsageTable, u64) {
    let mut usage: Vec<(u32, u32, Time)> = single
        .usage
        .iter()
        .map(|&(resource, account, last)| (resources[resource as usize], accounts[account as usize], last))
        .filter(|&(resource, account, _)| resource != NOBODY && account != NOBODY)
        .collect();
    let mut skipped = (single.usage.len() - usage.len()) as u64;
    usage.sort_unstable_by_key(|&(resource, account, last)| (resource, account, Descending(last)));
    usage.dedup_by_key(|&mut (resource, account, _)| (resource, account));
    let mut sign_ins: FxHashMap<u32, Time> = FxHashMap::default();
    for &(account, time) in &single.sign_ins {
        match accounts[account as usize] {
            NOBODY => skipped += 1,
            account => {
                let last = sign_ins.entry(account).or_insert(time);
                *last = time.max(*last);
            }
        }
    }
    let table = UsageTable {
        by_resource: Rows::over(resource_count, usage.iter().map(|&(resource, ..)| resource)),
        accounts: usage.iter().map(|&(_, account, _)| account).collect(),
        last: usage.iter().map(|&(.., last)| last).collect(),
        sign_ins,
        window,
        unread,
    };
    (table, skipped)
}
