//! From the facts of a snapshot to rows of small numbers.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use sightline_core::{
    AccountStatus, ActivityWindow, Assignment, AssignmentOrigin, Fact, Holding, Observed, Principal, Record,
    Rule, Snapshot, SnapshotNumber, Time,
};

use crate::adjacency::{Bits, Reverse, Rows};
use crate::administration::Administration;
use crate::admins::{HeldBy, Holdings, KeptHolding};
use crate::gaps::Bearings;
use crate::graph::{
    About, AssignmentKind, Assignments, Graph, GroupAssignment, GroupAssignments, Memberships, Origin, Row,
    Seen, Skipped, Table, UsageTable,
};
use crate::{AccountIx, GroupIx, ResourceIx};

pub(crate) fn build(snapshot: Snapshot) -> Graph {
    let Snapshot { source, tenant, number, started, sealed, scopes, facts, dangling: _ } = snapshot;
    let gaps = scopes.iter().map(|state| state.gap.is_some()).collect();
    let mut seen = SeenTable::new(number, gaps);
    let mut bearings = Bearings::new(&scopes);

    let mut entities = Entities::default();
    // Keeps the allocation of the facts: edges move to its front.
    let edges: Vec<Fact> = facts
        .into_iter()
        .filter_map(|fact| {
            bearings.observe(&fact);
            let at = seen.intern(&fact);
            entities.take(fact, at)
        })
        .collect();
    bearings.settle(&scopes);
    let accounts =
        table(entities.accounts, &seen, |account| &account.id, |account| account.login.to_lowercase());
    let groups = table(entities.groups, &seen, |group| &group.id, |group| group.name.to_lowercase());
    let resources =
        table(entities.resources, &seen, |resource| &resource.id, |resource| resource.label.to_lowercase());
    let group_rules = table(entities.rules, &seen, |rule| &rule.id, |rule| rule.name.to_lowercase());
    let roles = table(entities.roles, &seen, |role| &role.id, |role| role.label.to_lowercase());

    let mut present = Bits::new(accounts.rows.len());
    let mut able = Bits::new(accounts.rows.len());
    for (at, row) in accounts.rows.iter().enumerate() {
        if row.entity.status != AccountStatus::Deactivated {
            present.insert(at as u32);
        }
        if row.entity.status.can_sign_in() {
            able.insert(at as u32);
        }
    }
    let everyone =
        positions(&groups.rows, |row| row.entity.everyone).into_iter().map(GroupIx).collect::<Vec<_>>();
    let implicit = positions(&resources.rows, |row| row.entity.implicit_assignment == Observed::Known(true));
    let rules_by_group = rules_by_group(&group_rules, &groups.ids);

    let mut collected = Edges {
        accounts: Lookup::new(&accounts.ids),
        groups: Lookup::new(&groups.ids),
        resources: Lookup::new(&resources.ids),
        skipped: Skipped::default(),
        memberships: Vec::new(),
        assignments: Vec::new(),
        kinds: Kinds::default(),
        group_assignments: Vec::new(),
        holdings: Vec::new(),
        administration: Administration::default(),
        usage: Vec::new(),
        sign_ins: FxHashMap::default(),
        windows: Vec::new(),
    };
    for fact in edges {
        let at = seen.intern(&fact);
        collected.take(fact.record, at);
    }
    let Edges {
        skipped,
        mut memberships,
        assignments,
        kinds,
        group_assignments,
        holdings,
        mut administration,
        usage,
        sign_ins,
        windows,
        ..
    } = collected;
    administration.settle();
    let is_everyone = |group: u32| groups.rows[group as usize].entity.everyone;
    // What the flag on the group says already is not said again by an edge.
    memberships.retain(|edge| !(is_everyone(edge.group) && present.contains(edge.account)));

    let counts =
        Counts { accounts: accounts.rows.len(), groups: groups.rows.len(), resources: resources.rows.len() };
    let unread = bearings.why_activity_is_unread(&scopes, &windows, &seen.table);
    let window = if unread.is_some() { None } else { narrowest(&windows) };
    Graph {
        about: About { source, tenant, number, started, sealed },
        scopes,
        bearings,
        skipped,
        accounts,
        groups,
        resources,
        rules: group_rules,
        roles,
        rules_by_group,
        present,
        able,
        everyone,
        implicit: implicit.into_iter().map(ResourceIx).collect(),
        memberships: memberships_table(memberships, &counts, &seen),
        assignments: assignments_table(assignments, kinds, &counts, &seen),
        group_assignments: group_assignments_table(group_assignments, &counts, &seen),
        holdings: Holdings::new(holdings),
        administration,
        usage: usage_table(usage, sign_ins, &counts, window, unread),
        seen: seen.table,
        addresses: OnceLock::new(),
    }
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

struct Counts {
    accounts: usize,
    groups: usize,
    resources: usize,
}

fn positions<T>(rows: &[T], wanted: impl Fn(&T) -> bool) -> Vec<u32> {
    rows.iter().enumerate().filter(|(_, row)| wanted(row)).map(|(at, _)| at as u32).collect()
}

fn narrowest(windows: &[(ActivityWindow, u32)]) -> Option<ActivityWindow> {
    windows.iter().map(|(window, _)| window).max_by_key(|window| window.since).cloned()
}

/// Provenance of all facts, each once.
struct SeenTable {
    number: SnapshotNumber,
    gaps: Vec<bool>,
    table: Vec<Seen>,
    ids: FxHashMap<Seen, u32>,
    last: Option<(Seen, u32)>,
}

impl SeenTable {
    fn new(number: SnapshotNumber, gaps: Vec<bool>) -> Self {
        Self { number, gaps, table: Vec::new(), ids: FxHashMap::default(), last: None }
    }

    fn intern(&mut self, fact: &Fact) -> u32 {
        let gap = self.gaps.get(fact.scope as usize).copied().unwrap_or(false);
        let seen = Seen {
            first: fact.first_seen,
            last: fact.last_seen,
            scope: fact.scope,
            stale: fact.last_seen < self.number && gap,
        };
        // Facts come in the order of their scopes: most have the provenance of the one before.
        if let Some((last, id)) = self.last
            && last == seen
        {
            return id;
        }
        let id = *self.ids.entry(seen).or_insert_with(|| {
            self.table.push(seen);
            self.table.len() as u32 - 1
        });
        self.last = Some((seen, id));
        id
    }

    fn last_seen(&self, id: u32) -> SnapshotNumber {
        self.table[id as usize].last
    }
}

#[derive(Default)]
struct Entities {
    accounts: Vec<Row<sightline_core::Account>>,
    groups: Vec<Row<sightline_core::Group>>,
    resources: Vec<Row<sightline_core::Resource>>,
    rules: Vec<Row<sightline_core::Rule>>,
    roles: Vec<Row<sightline_core::Role>>,
}

impl Entities {
    /// Keeps an entity, gives back anything else.
    fn take(&mut self, fact: Fact, seen: u32) -> Option<Fact> {
        match fact.record {
            Record::Account(entity) => self.accounts.push(Row { entity: *entity, seen }),
            Record::Group(entity) => self.groups.push(Row { entity: *entity, seen }),
            Record::Resource(entity) => self.resources.push(Row { entity: *entity, seen }),
            Record::Rule(entity) => self.rules.push(Row { entity: *entity, seen }),
            Record::Role(entity) => self.roles.push(Row { entity, seen }),
            _ => return Some(fact),
        }
        None
    }
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

/// Ids to numbers; facts that follow each other often name the same parent.
struct Lookup<'a> {
    ids: &'a FxHashMap<Box<str>, u32>,
    last: Option<(&'a str, u32)>,
}

impl<'a> Lookup<'a> {
    fn new(ids: &'a FxHashMap<Box<str>, u32>) -> Self {
        Self { ids, last: None }
    }

    fn get(&mut self, id: &str) -> Option<u32> {
        if let Some((last, number)) = self.last
            && last == id
        {
            return Some(number);
        }
        let (key, &number) = self.ids.get_key_value(id)?;
        self.last = Some((key, number));
        Some(number)
    }
}

struct MembershipEdge {
    account: u32,
    group: u32,
    seen: u32,
}

struct AssignmentEdge {
    resource: u32,
    account: u32,
    kind: u32,
    since: i64,
}

struct Edges<'a> {
    accounts: Lookup<'a>,
    groups: Lookup<'a>,
    resources: Lookup<'a>,
    skipped: Skipped,
    memberships: Vec<MembershipEdge>,
    assignments: Vec<AssignmentEdge>,
    kinds: Kinds,
    group_assignments: Vec<GroupAssignment>,
    holdings: Vec<KeptHolding>,
    administration: Administration,
    usage: Vec<(u32, u32, Time)>,
    sign_ins: FxHashMap<u32, Time>,
    windows: Vec<(ActivityWindow, u32)>,
}

impl Edges<'_> {
    fn take(&mut self, record: Record, seen: u32) {
        match record {
            Record::Membership(edge) => {
                match (self.accounts.get(&edge.account), self.groups.get(&edge.group)) {
                    (Some(account), Some(group)) => {
                        self.memberships.push(MembershipEdge { account, group, seen });
                    }
                    _ => self.skipped.memberships += 1,
                }
            }
            Record::Assignment(edge) => self.take_assignment(edge, seen),
            Record::Holding(holding) => self.take_holding(holding, seen),
            Record::Usage(usage) => {
                let account = self.accounts.get(&usage.account);
                match (account, &usage.resource) {
                    (Some(account), Some(resource)) => match self.resources.get(resource) {
                        Some(resource) => self.usage.push((resource, account, usage.last)),
                        None => self.skipped.usage += 1,
                    },
                    (Some(account), None) => {
                        let last = self.sign_ins.entry(account).or_insert(usage.last);
                        *last = usage.last.max(*last);
                    }
                    (None, _) => self.skipped.usage += 1,
                }
            }
            Record::ActivityWindow(window) => self.windows.push((window, seen)),
            // Entities were taken out before.
            other => self.administration.take(other),
        }
    }

    fn take_assignment(&mut self, edge: Assignment, seen: u32) {
        let Some(resource) = self.resources.get(&edge.resource) else {
            self.skipped.assignments += 1;
            return;
        };
        match edge.principal {
            Principal::Account(id) => match self.accounts.get(&id) {
                Some(account) => {
                    let kind = self.kinds.intern(&edge.origin, edge.raw_status.as_deref(), seen);
                    let since = edge.since.map_or(i64::MIN, Time::millis);
                    self.assignments.push(AssignmentEdge { resource, account, kind, since });
                }
                None => self.skipped.assignments += 1,
            },
            Principal::Group(id) => match self.groups.get(&id) {
                Some(group) => self.group_assignments.push(GroupAssignment {
                    resource,
                    group,
                    priority: edge.priority,
                    since: edge.since,
                    in_force: in_force(edge.raw_status.as_deref()),
                    status: edge.raw_status.map(Arc::from),
                    seen,
                }),
                None => self.skipped.assignments += 1,
            },
            // No provider assigns an application to an application.
            Principal::Resource(_) => self.skipped.assignments += 1,
        }
    }

    fn take_holding(&mut self, holding: Holding, seen: u32) {
        let by = match &holding.principal {
            Principal::Account(id) => self.accounts.get(id).map(|at| HeldBy::Account(AccountIx(at))),
            Principal::Group(id) => self.groups.get(id).map(|at| HeldBy::Group(GroupIx(at))),
            Principal::Resource(id) => self.resources.get(id).map(|at| HeldBy::Resource(ResourceIx(at))),
        };
        match by {
            Some(by) => self.holdings.push(KeptHolding { by, holding, seen }),
            None => self.skipped.holdings += 1,
        }
    }
}

/// Whether an assignment counts, by the provider's word for its status.
fn in_force(raw_status: Option<&str>) -> bool {
    !raw_status.is_some_and(|status| {
        ["DEPROVISIONED", "INACTIVE"].iter().any(|word| status.eq_ignore_ascii_case(word))
    })
}

/// What assignments have in common, each combination once.
#[derive(Default)]
struct Kinds {
    table: Vec<AssignmentKind>,
    ids: FxHashMap<(u32, u32, u32), u32>,
    origins: Vec<Origin>,
    named_groups: FxHashMap<Arc<str>, u32>,
    words: FxHashMap<Arc<str>, u32>,
    statuses: FxHashMap<Arc<str>, u32>,
    status_words: Vec<Arc<str>>,
}

impl Kinds {
    fn intern(&mut self, origin: &AssignmentOrigin, status: Option<&str>, seen: u32) -> u32 {
        if self.origins.is_empty() {
            self.origins.extend([Origin::Direct, Origin::Group(None)]);
        }
        let origin = match origin {
            AssignmentOrigin::Direct => 0,
            AssignmentOrigin::Group(None) => 1,
            AssignmentOrigin::Group(Some(id)) => {
                intern(&mut self.named_groups, id, &mut self.origins, |id| Origin::Group(Some(id)))
            }
            AssignmentOrigin::Unknown(word) => {
                intern(&mut self.words, word, &mut self.origins, Origin::Unknown)
            }
        };
        let status_id = status.map_or(0, |word| self.status(word));
        if let Some(&id) = self.ids.get(&(origin, status_id, seen)) {
            return id;
        }
        let id = self.table.len() as u32;
        self.table.push(AssignmentKind {
            origin: self.origins[origin as usize].clone(),
            status: status_id.checked_sub(1).map(|at| self.status_words[at as usize].clone()),
            in_force: in_force(status),
            seen,
        });
        self.ids.insert((origin, status_id, seen), id);
        id
    }

    /// The number of a status, from 1.
    fn status(&mut self, word: &str) -> u32 {
        if let Some(&id) = self.statuses.get(word) {
            return id;
        }
        let shared: Arc<str> = word.into();
        self.status_words.push(shared.clone());
        let id = self.status_words.len() as u32;
        self.statuses.insert(shared, id);
        id
    }
}

fn intern(
    ids: &mut FxHashMap<Arc<str>, u32>,
    text: &str,
    origins: &mut Vec<Origin>,
    origin: impl Fn(Arc<str>) -> Origin,
) -> u32 {
    if let Some(&id) = ids.get(text) {
        return id;
    }
    let id = origins.len() as u32;
    let shared: Arc<str> = text.into();
    origins.push(origin(shared.clone()));
    ids.insert(shared, id);
    id
}

fn memberships_table(mut edges: Vec<MembershipEdge>, counts: &Counts, seen: &SeenTable) -> Memberships {
    edges.sort_unstable_by_key(|edge| {
        (edge.account, edge.group, std::cmp::Reverse(seen.last_seen(edge.seen)), edge.seen)
    });
    edges.dedup_by_key(|edge| (edge.account, edge.group));
    let by_account = Rows::over(counts.accounts, edges.iter().map(|edge| edge.account));
    let groups: Vec<u32> = edges.iter().map(|edge| edge.group).collect();
    let by_group = Reverse::of(&by_account, &groups, counts.groups, false);
    Memberships { by_account, groups, seen: edges.iter().map(|edge| edge.seen).collect(), by_group }
}

fn assignments_table(
    mut edges: Vec<AssignmentEdge>,
    kinds: Kinds,
    counts: &Counts,
    seen: &SeenTable,
) -> Assignments {
    let kind_table = kinds.table;
    edges.sort_unstable_by(|a, b| {
        (a.resource, a.account).cmp(&(b.resource, b.account)).then_with(|| {
            if a.kind == b.kind {
                return a.since.cmp(&b.since);
            }
            let (one, other) = (&kind_table[a.kind as usize], &kind_table[b.kind as usize]);
            let key = |kind: &AssignmentKind, id: u32| {
                (std::cmp::Reverse(seen.last_seen(kind.seen)), !kind.in_force, id)
            };
            key(one, a.kind).cmp(&key(other, b.kind))
        })
    });
    // Two readings of one assignment are one, as it was seen last; two origins are two ways.
    let mut kept: Vec<AssignmentEdge> = Vec::with_capacity(edges.len());
    for edge in edges {
        let origin = |kind: u32| &kind_table[kind as usize].origin;
        let known = kept
            .iter()
            .rev()
            .take_while(|other| other.resource == edge.resource && other.account == edge.account);
        if !known.into_iter().any(|other| origin(other.kind) == origin(edge.kind)) {
            kept.push(edge);
        }
    }
    let by_resource = Rows::over(counts.resources, kept.iter().map(|edge| edge.resource));
    let accounts: Vec<u32> = kept.iter().map(|edge| edge.account).collect();
    let by_account = Reverse::of(&by_resource, &accounts, counts.accounts, true);
    Assignments {
        by_resource,
        accounts,
        kinds: kept.iter().map(|edge| edge.kind).collect(),
        since: kept.iter().map(|edge| edge.since).collect(),
        by_account,
        kind_table,
    }
}

fn group_assignments_table(
    mut edges: Vec<GroupAssignment>,
    counts: &Counts,
    seen: &SeenTable,
) -> GroupAssignments {
    edges.sort_by_key(|edge| {
        (edge.resource, edge.group, std::cmp::Reverse(seen.last_seen(edge.seen)), !edge.in_force)
    });
    edges.dedup_by_key(|edge| (edge.resource, edge.group));
    let by_resource = Rows::over(counts.resources, edges.iter().map(|edge| edge.resource));
    let groups: Vec<u32> = edges.iter().map(|edge| edge.group).collect();
    let by_group = Reverse::of(&by_resource, &groups, counts.groups, true);
    GroupAssignments { by_resource, edges, by_group }
}

fn usage_table(
    mut usage: Vec<(u32, u32, Time)>,
    sign_ins: FxHashMap<u32, Time>,
    counts: &Counts,
    window: Option<ActivityWindow>,
    unread: Option<String>,
) -> UsageTable {
    usage.sort_unstable_by_key(|&(resource, account, last)| (resource, account, std::cmp::Reverse(last)));
    usage.dedup_by_key(|&mut (resource, account, _)| (resource, account));
    UsageTable {
        by_resource: Rows::over(counts.resources, usage.iter().map(|&(resource, ..)| resource)),
        accounts: usage.iter().map(|&(_, account, _)| account).collect(),
        last: usage.iter().map(|&(.., last)| last).collect(),
        sign_ins,
        window,
        unread: unread.unwrap_or_default(),
    }
}
