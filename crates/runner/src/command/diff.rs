//! `sightline diff`: what changed between two snapshots, what access that gave or took, and who did it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Change, Gap, Record, ScopeState, Snapshot};
use sightline_graph::history::{Before, Delta, Log, Novelty, What, holdings_of, net};
use sightline_graph::{AdminHolding, Graph, Holder, PathKind, ReachChange, ReachReason, Via};
use sightline_store::{SnapshotMeta, SourceRecord, Store};

use crate::answer::{
    AccountRef, Called, ChangeAnswer, NamedRef, SnapshotStamp, account_ref, kind_word, resource_ref,
};
use crate::cli::Diff;
use crate::command::gaps;
use crate::failure::{Failure, NOT_FOUND};
use crate::output::{count, json, line, note};
use crate::when::When;
use crate::world::{World, info, none_then, nothing_read, selected};

/// How many lines of a part are shown unless everything is asked for.
const SHOWN: usize = 25;

pub(crate) fn run(world: &World, diff: &Diff) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let records = selected(&store, diff.source.as_deref())?;
    if records.is_empty() {
        return Err(nothing_read());
    }
    let is_number = |when: &Option<When>| matches!(when, Some(When::Number(_)));
    if records.len() > 1 && (is_number(&diff.from) || is_number(&diff.to)) {
        let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
        return Err(Failure::usage("each data source counts its own snapshots")
            .hint(format!("say whose with --source: {}", names.join(", "))));
    }
    let mut answers = Vec::new();
    let mut left_out = Vec::new();
    for record in &records {
        match ends(&store, record, diff)? {
            Ok((from, to)) => answers.push(compared(world, &store, record, &from, &to)?),
            Err(why) => left_out.push(why),
        }
    }
    if answers.is_empty() {
        return Err(Failure::new(left_out.join("; ")).code(NOT_FOUND));
    }
    for why in left_out {
        note(format!("not included: {why}"));
    }
    for answer in &mut answers {
        answer.keep_kinds(&diff.kinds);
    }
    if diff.json {
        return json(&answers);
    }
    let most = if diff.all { usize::MAX } else { SHOWN };
    answers.iter().try_for_each(|answer| answer.show(diff.all || !diff.kinds.is_empty(), most))
}

/// The two snapshots, or why there are not two.
fn ends(
    store: &Store,
    record: &SourceRecord,
    diff: &Diff,
) -> Result<Result<(SnapshotMeta, SnapshotMeta), String>, Failure> {
    let snapshots = store.snapshots(record.id)?;
    let now = SystemClock.now();
    let mut found = Vec::new();
    for when in [&diff.from, &diff.to].into_iter().flatten() {
        match when.among(&snapshots, now).map_err(Failure::usage)? {
            Some(meta) => found.push(meta.clone()),
            None => return Ok(Err(none_then(record, &snapshots, when))),
        }
    }
    let (from, to) = match (found.as_slice(), snapshots.as_slice()) {
        ([from, to], _) => (from.clone(), to.clone()),
        ([from], [.., last]) => (from.clone(), last.clone()),
        ([], [.., from, to]) => (from.clone(), to.clone()),
        (_, []) => return Ok(Err(format!("{} has not been read yet", record.name))),
        _ => {
            let why =
                format!("{} has only one snapshot, so there is nothing to compare it with", record.name);
            return Ok(Err(why));
        }
    };
    if from.number > to.number {
        return Err(Failure::usage(format!(
            "FROM is snapshot {}, which is later than TO, snapshot {}",
            from.number, to.number
        ))
        .hint("give the earlier one first"));
    }
    Ok(Ok((from, to)))
}

/// What differs between two snapshots of a data source.
#[derive(Debug, Serialize)]
pub(crate) struct DiffAnswer {
    source: String,
    from: SnapshotStamp,
    to: SnapshotStamp,
    changes: Vec<ChangeAnswer>,
    access: Vec<AccessChange>,
    roles: Vec<RoleChange>,
    /// What could not be read on one side, and what that hides here.
    gaps: Vec<GapAnswer>,
    /// Why the log may not tell who did something; null where it was read completely.
    log_unread: Option<String>,
    #[serde(skip)]
    gap_graphs: Option<Box<(Graph, Graph)>>,
}

/// An account that can reach an application on one side only.
#[derive(Debug, Serialize)]
struct AccessChange {
    what: &'static str,
    account: AccountRef,
    app: NamedRef,
    reason: &'static str,
    through: Vec<String>,
    /// Keys of the changes that led to it.
    because: Vec<String>,
    /// Whether it may be older: what it rests on was not read before.
    seen_for_the_first_time: bool,
    #[serde(skip)]
    by: Option<String>,
}

/// An admin role that is held on one side only.
#[derive(Debug, Serialize)]
struct RoleChange {
    what: &'static str,
    account: Option<AccountRef>,
    service_app: Option<NamedRef>,
    role: String,
    label: String,
    reach: String,
    through: Option<NamedRef>,
    because: Vec<String>,
    seen_for_the_first_time: bool,
    #[serde(skip)]
    by: Option<String>,
}

#[derive(Debug, Serialize)]
struct GapAnswer {
    before: bool,
    after: bool,
    #[serde(flatten)]
    gap: Gap,
}

/// What is kept of a snapshot when its graph is built.
struct Loaded {
    graph: Graph,
    scopes: Vec<ScopeState>,
    holdings: BTreeSet<String>,
    log: Vec<Change>,
}

impl Loaded {
    /// `since` bounds the log: the events that became known after it, or were done after it was begun.
    fn of(snapshot: Snapshot, since: &SnapshotMeta, called: &mut Called) -> Self {
        let mut log = Vec::new();
        for fact in &snapshot.facts {
            called.learn(&fact.record);
            if let Record::Change(change) = &fact.record
                && (fact.first_seen > since.number || change.time >= since.started)
            {
                log.push((**change).clone());
            }
        }
        Self {
            scopes: snapshot.scopes.clone(),
            holdings: holdings_of(&snapshot),
            log,
            graph: Graph::build(snapshot),
        }
    }
}

/// Compares two snapshots of a data source.
pub(crate) fn compared(
    world: &World,
    store: &Store,
    record: &SourceRecord,
    from: &SnapshotMeta,
    to: &SnapshotMeta,
) -> Result<DiffAnswer, Failure> {
    let info = info(world, record)?;
    let mut called = Called::default();
    // What things are called now comes first.
    let after = Loaded::of(store.snapshot(record.id, to.number)?, from, &mut called);
    let before = Loaded::of(store.snapshot(record.id, from.number)?, from, &mut called);
    let mut raw = Vec::new();
    store.diff(record.id, from.number, to.number, |change| {
        raw.push((change.scope, change.before, change.after));
    })?;
    let deltas = net(raw, &before.holdings, &after.holdings);
    let novelties = Before::new(&before.scopes)
        .novelties(&deltas, |dataset| info.dataset(dataset).and_then(|dataset| dataset.listed_by));
    let log = Log::new(&after.log);
    let log_unread = log_unread(&after.scopes);
    let silence = log_unread.as_deref().unwrap_or("no event of the log tells of it");
    let changes: Vec<ChangeAnswer> = deltas
        .iter()
        .zip(&novelties)
        .map(|(delta, novelty)| ChangeAnswer::of(delta, novelty, log.told(delta), silence, &called))
        .collect();
    let causes = Causes::of(&deltas, &novelties, &changes);
    let mut answer = DiffAnswer {
        source: record.name.clone(),
        from: SnapshotStamp { snapshot: from.number, sealed: from.sealed },
        to: SnapshotStamp { snapshot: to.number, sealed: to.sealed },
        access: access_changes(&before.graph, &after.graph, &causes),
        roles: role_changes(&before.graph, &after.graph, &causes, &called),
        gaps: gap_answers(&before.scopes, &after.scopes),
        changes,
        log_unread,
        gap_graphs: None,
    };
    answer.gap_graphs = Some(Box::new((before.graph, after.graph)));
    Ok(answer)
}

/// Why the log may not tell who did something; none where it was read.
pub(crate) fn log_unread(scopes: &[ScopeState]) -> Option<String> {
    match scopes.iter().find(|state| state.scope.dataset == "changes" && state.scope.parent.is_none()) {
        None => Some("the log was not read".to_owned()),
        Some(ScopeState { gap: Some(gap), .. }) => {
            Some(format!("the log is a gap ({}): {}", gap.reason.phrase(), gap.detail))
        }
        Some(_) => None,
    }
}

/// What could not be read on either side, whatever it is; both sides of one scope are one.
fn gap_answers(before: &[ScopeState], after: &[ScopeState]) -> Vec<GapAnswer> {
    let mut gaps: BTreeMap<&sightline_core::Scope, GapAnswer> = BTreeMap::new();
    for (states, is_after) in [(after, true), (before, false)] {
        for gap in states.iter().filter_map(|state| state.gap.as_ref()) {
            let known = gaps.entry(&gap.scope).or_insert_with(|| GapAnswer {
                before: false,
                after: false,
                gap: gap.clone(),
            });
            known.after |= is_after;
            known.before |= !is_after;
        }
    }
    gaps.into_values().collect()
}

/// Changes by the keys of their facts, to find what led to what.
struct Causes<'d>(HashMap<&'d str, (&'d Delta, bool, Option<String>)>);

impl<'d> Causes<'d> {
    fn of(deltas: &'d [Delta], novelties: &[Novelty], changes: &[ChangeAnswer]) -> Self {
        let mut by_key = HashMap::new();
        for ((delta, novelty), change) in deltas.iter().zip(novelties).zip(changes) {
            if !delta.told_again {
                let first_sight = novelty.is_first_sight() && change.seen_for_the_first_time.is_some();
                let by = change.by.as_ref().map(crate::answer::ByAnswer::phrase);
                by_key.insert(delta.key.as_str(), (delta, first_sight, by));
            }
        }
        Self(by_key)
    }

    /// Changes among these facts that matter: of an account or a resource only its coming, going, and status.
    fn among(&self, keys: &[String]) -> Vec<&(&'d Delta, bool, Option<String>)> {
        let matters = |delta: &Delta| {
            let is_entity = delta.record().entity().is_some();
            let names = ["status", "implicit_assignment"];
            !is_entity
                || delta.what != What::Changed
                || delta.fields.iter().any(|field| names.contains(&field.name.as_str()))
        };
        keys.iter().filter_map(|key| self.0.get(key.as_str())).filter(|cause| matters(cause.0)).collect()
    }

    /// What led to something that rests on any of these sets of facts: the keys of the changes, who did the first of
    /// them, and whether any of the sets was only seen for the first time.
    fn behind(&self, ways: &[Vec<String>]) -> (Vec<String>, Option<String>, bool) {
        let mut keys = Vec::new();
        let mut by = None;
        let mut first_sight = false;
        for way in ways {
            let causes = self.among(way);
            first_sight |= !causes.is_empty() && causes.iter().all(|cause| cause.1);
            for cause in causes {
                if !keys.contains(&cause.0.key) {
                    keys.push(cause.0.key.clone());
                }
                by = by.or_else(|| cause.2.clone());
            }
        }
        (keys, by, first_sight)
    }
}

fn access_changes(before: &Graph, after: &Graph, causes: &Causes<'_>) -> Vec<AccessChange> {
    let mut found: Vec<AccessChange> = Graph::gained_and_lost(before, after)
        .into_iter()
        .map(|change| {
            let ReachChange { account_id, resource_id, account, resource, gained, reason } = change;
            let graph = if gained { after } else { before };
            let access = graph.access(account, resource);
            let paths = access.iter().flat_map(|access| &access.paths).filter(|path| path.in_force);
            let paths: Vec<&PathKind> = paths.map(|path| &path.kind).collect();
            let ways: Vec<Vec<String>> = paths
                .iter()
                .map(|path| {
                    let mut keys = graph.path_evidence(account, resource, path);
                    keys.extend([format!("account/{account_id}"), format!("resource/{resource_id}")]);
                    keys
                })
                .collect();
            let (because, by, first_sight) = causes.behind(&ways);
            let through = |path: &&PathKind| match path {
                PathKind::ThroughGroup { group } => graph.group(*group).name.clone(),
                PathKind::Direct => "a direct assignment".to_owned(),
                PathKind::Implicit => "everyone's access".to_owned(),
                PathKind::ThroughUnseenGroup { .. } => "a group that was not seen".to_owned(),
                PathKind::UnknownOrigin { word } => word.to_string(),
            };
            AccessChange {
                what: if gained { "gained" } else { "lost" },
                account: account_ref(graph, account),
                app: resource_ref(graph, resource),
                reason: reason_word(reason),
                through: paths.iter().map(through).collect(),
                because,
                seen_for_the_first_time: gained && first_sight,
                by,
            }
        })
        .collect();
    found.sort_by(|a, b| {
        (a.what, &a.account.login, &a.app.name).cmp(&(b.what, &b.account.login, &b.app.name))
    });
    found
}

const fn reason_word(reason: ReachReason) -> &'static str {
    match reason {
        ReachReason::Account => "account",
        ReachReason::Resource => "app",
        ReachReason::Path => "path",
        ReachReason::AccountStatus => "account_status",
        ReachReason::ResourceStatus => "app_status",
    }
}

fn role_changes(before: &Graph, after: &Graph, causes: &Causes<'_>, called: &Called) -> Vec<RoleChange> {
    let held = |graph: &Graph| -> BTreeMap<(String, String, String, Option<String>), AdminHolding> {
        let active = graph.admins().into_iter().filter(|held| held.active);
        active.map(|held| (identity(graph, &held), held)).collect()
    };
    let (was, is) = (held(before), held(after));
    let gained = is.iter().filter(|(key, _)| !was.contains_key(*key)).map(|(_, held)| (after, true, held));
    let lost = was.iter().filter(|(key, _)| !is.contains_key(*key)).map(|(_, held)| (before, false, held));
    gained
        .chain(lost)
        .map(|(graph, gained, held)| {
            let (account, service_app) = match held.holder {
                Holder::Account(account) => (Some(account_ref(graph, account)), None),
                Holder::Resource(app) => (None, Some(resource_ref(graph, app))),
            };
            let mut keys = graph.role_evidence(held);
            let holder = account.as_ref().map(|account| format!("account/{}", account.id));
            keys.extend(holder);
            let (because, by, first_sight) = causes.behind(&[keys]);
            RoleChange {
                what: if gained { "gained" } else { "lost" },
                account,
                service_app,
                role: held.role.clone(),
                label: held.label.clone(),
                reach: called.reach(&held.scope),
                through: match held.via {
                    Via::Group(group) => Some(crate::answer::group_ref(graph, group)),
                    Via::Direct | Via::InheritedUnseen => None,
                },
                because,
                seen_for_the_first_time: gained && first_sight,
                by,
            }
        })
        .collect()
}

/// What makes a held role the same one in two graphs.
fn identity(graph: &Graph, held: &AdminHolding) -> (String, String, String, Option<String>) {
    let holder = match held.holder {
        Holder::Account(account) => format!("account/{}", graph.account(account).id),
        Holder::Resource(app) => format!("resource/{}", graph.resource(app).id),
    };
    let via = match held.via {
        Via::Group(group) => Some(graph.group(group).id.clone()),
        Via::Direct => None,
        Via::InheritedUnseen => Some(String::new()),
    };
    (holder, held.role.clone(), held.scope.to_string(), via)
}

impl DiffAnswer {
    /// Leaves only facts of these kinds, if any are named, without consequences.
    fn keep_kinds(&mut self, kinds: &[String]) {
        if kinds.is_empty() {
            return;
        }
        self.changes.retain(|change| kinds.contains(&kind_word(&change.kind)));
        self.access.clear();
        self.roles.clear();
    }

    /// For people; `all` lists churn as well, `most` bounds the lines of each part.
    pub(crate) fn show(&self, all: bool, most: usize) -> Result<(), Failure> {
        let Self { source, from, to, .. } = self;
        if from.snapshot == to.snapshot {
            return line(format!("{source}: both are snapshot {} of {}", from.snapshot, from.sealed));
        }
        line(format!(
            "{source}: from snapshot {} of {} to snapshot {} of {}",
            from.snapshot, from.sealed, to.snapshot, to.sealed
        ))?;
        let listed =
            |change: &&ChangeAnswer| change.what != "moved" && !change.told_again && (all || !change.churn);
        let mut by_kind: BTreeMap<usize, Vec<&ChangeAnswer>> = BTreeMap::new();
        for change in self.changes.iter().filter(listed) {
            let place = crate::cli::KINDS.iter().position(|kind| *kind == kind_word(&change.kind));
            by_kind.entry(place.unwrap_or(usize::MAX)).or_default().push(change);
        }
        if by_kind.is_empty() {
            line("Nothing changed.")?;
        }
        for changes in by_kind.values_mut() {
            changes.sort_by(|a, b| a.told.cmp(&b.told));
            line("")?;
            part(changes.iter().map(|change| change.line()), most)?;
        }
        for (what, heading) in [("gained", "Access gained"), ("lost", "Access lost")] {
            let changes = self.access.iter().filter(|access| access.what == what).collect();
            headed(heading, access_lines(changes, all).into_iter(), most)?;
        }
        for (what, heading) in [("gained", "Admin roles gained"), ("lost", "Admin roles lost")] {
            let lines = self.roles.iter().filter(|role| role.what == what).map(RoleChange::line);
            headed(heading, lines, most)?;
        }
        self.show_remarks(all)
    }

    /// What is not listed, and what may be hidden.
    fn show_remarks(&self, all: bool) -> Result<(), Failure> {
        let mut remarks = Vec::new();
        let churn = self.changes.iter().filter(|change| change.churn && !change.told_again);
        let (mut uses, mut events, mut stamps) = (0, 0, 0);
        for change in churn {
            match change.kind.as_str() {
                "usage" => uses += 1,
                "change" => events += 1,
                "activity_window" => {}
                _ => stamps += 1,
            }
        }
        if !all && uses + events + stamps > 0 {
            remarks.push(format!(
                "Not listed: {}, {}, {} (--all lists them).",
                count(uses, "use", "uses"),
                count(events, "event of the log", "events of the log"),
                count(
                    stamps,
                    "fact with another stamp or count only",
                    "facts with other stamps or counts only"
                )
            ));
        }
        if let Some(why) = &self.log_unread {
            remarks.push(format!("Who did it may not be known: {why}."));
        }
        if !remarks.is_empty() {
            line("")?;
        }
        remarks.iter().try_for_each(line)?;
        let Some(graphs) = &self.gap_graphs else { return Ok(()) };
        if !self.gaps.is_empty() {
            line(
                "\nCould not be read on one side or both, so that what was taken away there does not show:",
            )?;
            let mut grouped: BTreeMap<(&str, &str, &str), Vec<&GapAnswer>> = BTreeMap::new();
            for gap in &self.gaps {
                grouped
                    .entry((&gap.gap.scope.dataset, gap.gap.reason.phrase(), gap.sides()))
                    .or_default()
                    .push(gap);
            }
            for ((dataset, reason, sides), gaps) in grouped {
                let what = match gaps.as_slice() {
                    [gap] => {
                        let graph = if gap.after { &graphs.1 } else { &graphs.0 };
                        gaps::phrase(&gap.gap.scope, graph)
                    }
                    many => format!("{} of {}", dataset.replace('_', " "), many.len()),
                };
                line(format!("  {what}: {reason}, {sides}"))?;
            }
        }
        Ok(())
    }
}

fn headed(heading: &str, lines: impl Iterator<Item = String>, most: usize) -> Result<(), Failure> {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    line(format!("\n{heading}:"))?;
    part(lines, most)
}

/// Some lines, and how many more there are.
fn part(lines: impl Iterator<Item = String>, most: usize) -> Result<(), Failure> {
    let mut more: u64 = 0;
    for (at, text) in lines.enumerate() {
        if at < most {
            line(text)?;
        } else {
            more += 1;
        }
    }
    if more > 0 {
        line(format!("… and {} more (--all, or --json)", crate::output::number(more)))
    } else {
        Ok(())
    }
}

/// One line for each, but one for all that an application lost or gave at once.
fn access_lines(changes: Vec<&AccessChange>, all: bool) -> Vec<String> {
    let is_of_app = |access: &AccessChange| !all && ["app", "app_status"].contains(&access.reason);
    let mut by_app: BTreeMap<&str, Vec<&AccessChange>> = BTreeMap::new();
    for access in changes.iter().filter(|access| is_of_app(access)) {
        by_app.entry(&access.app.id).or_default().push(access);
    }
    let together = by_app.values().filter(|of_app| of_app.len() > 2).map(|of_app| {
        let first = of_app[0];
        let sign = if first.what == "gained" { '+' } else { '-' };
        let can = if first.what == "gained" { "can now reach" } else { "can no longer reach" };
        let by = of_app.iter().find_map(|access| access.by.as_ref());
        let accounts = count(of_app.len() as u64, "account", "accounts");
        format!("{sign} {accounts} {can} {} (application){}", first.app.name, ending(false, by))
    });
    let is_single = |access: &&&AccessChange| !is_of_app(access) || by_app[access.app.id.as_str()].len() <= 2;
    together.chain(changes.iter().filter(is_single).map(|access| access.line())).collect()
}

/// That something may be older than it looks, and who did it.
fn ending(first_sight: bool, by: Option<&String>) -> String {
    let first = if first_sight { "; seen for the first time" } else { "" };
    by.map_or_else(|| first.to_owned(), |by| format!("{first}   [{by}]"))
}

impl AccessChange {
    fn line(&self) -> String {
        let sign = match (self.what, self.seen_for_the_first_time) {
            ("gained", true) => '?',
            ("gained", false) => '+',
            _ => '-',
        };
        let can = if self.what == "gained" { "can now reach" } else { "can no longer reach" };
        let why = match self.reason {
            "account_status" | "account" if self.what == "lost" => " (account)".to_owned(),
            "app_status" | "app" if self.what == "lost" => " (application)".to_owned(),
            _ => format!(", through {}", self.through.join(", ")),
        };
        format!(
            "{sign} {} {can} {}{why}{}",
            self.account.login,
            self.app.name,
            ending(self.seen_for_the_first_time, self.by.as_ref())
        )
    }
}

impl RoleChange {
    fn line(&self) -> String {
        let sign = match (self.what, self.seen_for_the_first_time) {
            ("gained", true) => '?',
            ("gained", false) => '+',
            _ => '-',
        };
        let who = match (&self.account, &self.service_app) {
            (Some(account), _) => account.login.clone(),
            (None, Some(app)) => format!("service app {}", app.name),
            (None, None) => String::new(),
        };
        let through =
            self.through.as_ref().map(|group| format!(", through {}", group.name)).unwrap_or_default();
        format!(
            "{sign} {who}: {} over {}{through}{}",
            self.label,
            self.reach,
            ending(self.seen_for_the_first_time, self.by.as_ref())
        )
    }
}

impl GapAnswer {
    const fn sides(&self) -> &'static str {
        match (self.before, self.after) {
            (true, false) => "before",
            (false, _) => "after",
            (true, true) => "before and after",
        }
    }
}
