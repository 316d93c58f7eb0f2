//! What the command line answers, as JSON: the shapes that programs rely on.

mod admins;
mod changes;

use serde::Serialize;
use sightline_core::{AccountStatus, Gap, LastUse, Scope, Time};
use sightline_graph::{
    Access, AccountIx, Act, Block, Collateral, ExplainedPath, Explanation, Graph, GroupIx, Hindrance, Hop,
    HopKind, NeededGroup, Path, PathKind, Provenance, Removal, RemovalStep, ResourceIx,
};

pub(crate) use admins::*;
pub(crate) use changes::*;

use crate::seen::FactsSeen;
use crate::when::SealTimes;
use crate::world::Known;

/// Which snapshot an answer rests on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SnapshotRef {
    pub(crate) source: String,
    pub(crate) number: u64,
    pub(crate) sealed: Time,
}

impl SnapshotRef {
    pub(crate) fn of(graph: &Graph) -> Self {
        let about = graph.about();
        Self { source: about.source.clone(), number: about.number, sealed: about.sealed }
    }
}

/// Which snapshot a line of a list rests on.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SnapshotStamp {
    pub(crate) snapshot: u64,
    pub(crate) sealed: Time,
}

impl SnapshotStamp {
    pub(crate) fn of(graph: &Graph) -> Self {
        Self { snapshot: graph.about().number, sealed: graph.about().sealed }
    }
}

/// Between which syncs something was seen.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SeenAnswer {
    /// The first one, without an interruption since.
    pub(crate) first_seen: u64,
    /// When that was sealed; null where it is no longer kept.
    pub(crate) first_seen_at: Option<Time>,
    pub(crate) last_seen: u64,
    pub(crate) last_seen_at: Option<Time>,
    /// Whether it could not be read again since.
    pub(crate) stale: bool,
}

impl SeenAnswer {
    pub(crate) fn of(first_seen: u64, last_seen: u64, stale: bool, times: &SealTimes) -> Self {
        let (first_seen_at, last_seen_at) = (times.get(first_seen), times.get(last_seen));
        Self { first_seen, first_seen_at, last_seen, last_seen_at, stale }
    }

    /// Since when it was seen: what the first sync found may have been there before.
    pub(crate) fn since_phrase(&self) -> String {
        match (self.first_seen, self.first_seen_at) {
            (1, _) => "before the first sync".to_owned(),
            (_, Some(at)) => at.date(),
            (number, None) => format!("sync {number}"),
        }
    }

    /// When it was last seen.
    pub(crate) fn last_phrase(&self) -> String {
        self.last_seen_at.map_or_else(|| format!("sync {}", self.last_seen), Time::date)
    }

    /// How old it is, if it is stale.
    pub(crate) fn stale_phrase(&self) -> String {
        if self.stale { format!(" (stale, last seen {})", self.last_phrase()) } else { String::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AccountRef {
    pub(crate) id: String,
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) status: AccountStatus,
    pub(crate) raw_status: String,
}

pub(crate) fn account_ref(graph: &Graph, account: AccountIx) -> AccountRef {
    let account = graph.account(account);
    AccountRef {
        id: account.id.to_owned(),
        login: account.login.to_owned(),
        name: account.name.to_owned(),
        status: account.status,
        raw_status: account.raw_status.to_owned(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NamedRef {
    pub(crate) id: String,
    pub(crate) name: String,
}

pub(crate) fn group_ref(graph: &Graph, group: GroupIx) -> NamedRef {
    let group = graph.group(group);
    NamedRef { id: group.id.clone(), name: group.name.clone() }
}

pub(crate) fn resource_ref(graph: &Graph, resource: ResourceIx) -> NamedRef {
    let resource = graph.resource(resource);
    NamedRef { id: resource.id.clone(), name: resource.label.clone() }
}

/// How a path goes.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PathAnswer {
    Direct,
    Group { group: NamedRef },
    Implicit,
    UnseenGroup { group_id: Option<String> },
    UnknownOrigin { word: String },
}

impl PathAnswer {
    fn of(graph: &Graph, kind: &PathKind) -> Self {
        match kind {
            PathKind::Direct => Self::Direct,
            PathKind::ThroughGroup { group } => Self::Group { group: group_ref(graph, *group) },
            PathKind::Implicit => Self::Implicit,
            PathKind::ThroughUnseenGroup { group } => {
                Self::UnseenGroup { group_id: group.as_deref().map(str::to_owned) }
            }
            PathKind::UnknownOrigin { word } => Self::UnknownOrigin { word: word.to_string() },
        }
    }

    /// The path in a few words.
    pub(crate) fn phrase(&self) -> String {
        match self {
            Self::Direct => "direct".to_owned(),
            Self::Group { group } => group.name.clone(),
            Self::Implicit => "everyone (no assignment needed)".to_owned(),
            Self::UnseenGroup { group_id: Some(id) } => format!("group {id} (not seen)"),
            Self::UnseenGroup { group_id: None } => "a group that was not seen".to_owned(),
            Self::UnknownOrigin { word } => format!("{word} (not known to this version)"),
        }
    }
}

/// One way to a resource.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PathLine {
    #[serde(flatten)]
    pub(crate) path: PathAnswer,
    pub(crate) in_force: bool,
    pub(crate) stale: bool,
    pub(crate) assignment_status: Option<String>,
    /// Between which syncs all facts that it rests on were seen; null where that is not known.
    pub(crate) seen: Option<SeenAnswer>,
}

impl PathLine {
    pub(crate) fn of(graph: &Graph, path: &Path, seen: Option<SeenAnswer>) -> Self {
        Self {
            path: PathAnswer::of(graph, &path.kind),
            in_force: path.in_force,
            stale: path.stale,
            assignment_status: path.assignment_status.as_deref().map(str::to_owned),
            seen,
        }
    }

    pub(crate) fn phrase(&self) -> String {
        let mut phrase = self.path.phrase();
        if !self.in_force {
            phrase.push_str(&format!(
                " ({})",
                self.assignment_status.as_deref().unwrap_or("not in force").to_lowercase()
            ));
        }
        match &self.seen {
            Some(seen) => phrase.push_str(&seen.stale_phrase()),
            None if self.stale => phrase.push_str(" (stale)"),
            None => {}
        }
        phrase
    }
}

/// Why an access does not work, in a few words.
pub(crate) fn block_phrase(block: Block) -> String {
    match block {
        Block::Account(status) => format!("account {}", status.word()),
        Block::ResourceInactive => "application inactive".to_owned(),
        Block::AssignmentNotInForce => "assignment not in force".to_owned(),
    }
}

/// When something was last used, in a few words.
pub(crate) fn last_use_phrase(last: &LastUse) -> String {
    match last {
        LastUse::At(time) => time.date(),
        LastUse::NotSince(since) => format!("not since {}", since.date()),
        LastUse::Never(since) => format!("never, since {}", since.date()),
        LastUse::Unknown(why) => format!("unknown: {why}"),
    }
}

/// An account and a resource it has a path to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccessLine {
    pub(crate) account: AccountRef,
    pub(crate) app: NamedRef,
    pub(crate) can_reach: bool,
    pub(crate) blocked: Option<String>,
    pub(crate) paths: Vec<PathLine>,
    pub(crate) since: Option<Time>,
    pub(crate) last_use: LastUse,
}

impl AccessLine {
    pub(crate) fn of(graph: &Graph, access: &Access, seen: &FactsSeen<'_>) -> Self {
        let line =
            |path: &Path| PathLine::of(graph, path, seen.of_path(access.account, access.resource, path));
        Self {
            account: account_ref(graph, access.account),
            app: resource_ref(graph, access.resource),
            can_reach: access.can_reach(),
            blocked: access.blocked.map(block_phrase),
            paths: access.paths.iter().map(line).collect(),
            since: access.since,
            last_use: graph.last_use(access.account, access.resource),
        }
    }

    /// Since when the oldest path was seen.
    pub(crate) fn seen_since(&self) -> String {
        let seen = self.paths.iter().filter_map(|path| path.seen.as_ref());
        seen.min_by_key(|seen| seen.first_seen).map(SeenAnswer::since_phrase).unwrap_or_default()
    }

    pub(crate) fn path_phrases(&self) -> String {
        self.paths.iter().map(PathLine::phrase).collect::<Vec<_>>().join(", ")
    }
}

/// The answer to `who` and `what`.
#[derive(Debug, Serialize)]
pub(crate) struct AccessAnswer<'a> {
    pub(crate) snapshot: SnapshotRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<NamedRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<AccountRef>,
    /// Whom the account reports to, where its profile names somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manager: Option<ManagerAnswer>,
    pub(crate) access: Vec<AccessLine>,
    /// Admin roles of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<AdminLine>>,
    /// What else makes the answer less than certain, for people.
    pub(crate) notes: Vec<String>,
    /// What could not be read and may hide more.
    pub(crate) gaps: Vec<&'a Gap>,
}

/// Which syncs saw a fact, and where.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProvenanceAnswer {
    pub(crate) scope: Option<Scope>,
    #[serde(flatten)]
    pub(crate) seen: SeenAnswer,
}

impl ProvenanceAnswer {
    pub(crate) fn of(provenance: &Provenance, times: &SealTimes) -> Self {
        let Provenance { first_seen, last_seen, stale, scope } = provenance;
        Self { scope: scope.clone(), seen: SeenAnswer::of(*first_seen, *last_seen, *stale, times) }
    }

    /// Where it is known from, in a few words.
    pub(crate) fn phrase(&self) -> String {
        let read = self.scope.as_ref().map_or_else(String::new, |scope| format!("read in {scope}, "));
        let SeenAnswer { first_seen, last_seen, stale, .. } = &self.seen;
        let stale =
            if *stale { format!(", stale, last seen {}", self.seen.last_phrase()) } else { String::new() };
        if first_seen == last_seen {
            format!("{read}sync {first_seen}{stale}")
        } else {
            format!("{read}syncs {first_seen} to {last_seen}{stale}")
        }
    }
}

/// One fact of a path.
#[derive(Debug, Serialize)]
pub(crate) struct HopAnswer {
    #[serde(flatten)]
    pub(crate) fact: HopFact,
    pub(crate) since: Option<Time>,
    pub(crate) provenance: ProvenanceAnswer,
}

#[derive(Debug, Serialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub(crate) enum HopFact {
    Membership { group: NamedRef, rules: Vec<RuleRef>, cannot_leave: bool },
    GroupAssignment { group: NamedRef, priority: Option<i64>, status: Option<String> },
    Assignment { status: Option<String> },
    ImplicitSetting,
}

#[derive(Debug, Serialize)]
pub(crate) struct RuleRef {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) expression: Option<String>,
}

impl HopAnswer {
    fn of(known: &Known, hop: &Hop) -> Self {
        let graph = &known.graph;
        let status = |status: &Option<std::sync::Arc<str>>| status.as_deref().map(str::to_owned);
        let fact = match &hop.kind {
            HopKind::Membership { group, rules, cannot_leave } => HopFact::Membership {
                group: group_ref(graph, *group),
                rules: rules
                    .iter()
                    .map(|rule| RuleRef {
                        id: rule.id.clone(),
                        name: rule.name.clone(),
                        expression: rule.expression.clone(),
                    })
                    .collect(),
                cannot_leave: *cannot_leave,
            },
            HopKind::GroupAssignment { group, priority, status: word } => HopFact::GroupAssignment {
                group: group_ref(graph, *group),
                priority: *priority,
                status: status(word),
            },
            HopKind::Assignment { status: word } => HopFact::Assignment { status: status(word) },
            HopKind::ImplicitSetting => HopFact::ImplicitSetting,
        };
        Self { fact, since: hop.since, provenance: ProvenanceAnswer::of(&hop.provenance, &known.times) }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ExplainedPathAnswer {
    #[serde(flatten)]
    pub(crate) line: PathLine,
    pub(crate) hops: Vec<HopAnswer>,
}

impl ExplainedPathAnswer {
    fn of(known: &Known, explained: &ExplainedPath) -> Self {
        let facts = || explained.hops.iter().map(|hop| &hop.provenance);
        let first = facts().map(|fact| fact.first_seen).max();
        let last = facts().map(|fact| fact.last_seen).min();
        // A setting may be younger than what it is a setting of.
        let seen = first.zip(last).filter(|_| explained.path.kind != PathKind::Implicit);
        let seen = seen.map(|(first, last)| SeenAnswer::of(first, last, explained.path.stale, &known.times));
        Self {
            line: PathLine::of(&known.graph, &explained.path, seen),
            hops: explained.hops.iter().map(|hop| HopAnswer::of(known, hop)).collect(),
        }
    }
}

/// What else an act takes away.
#[derive(Debug, Serialize)]
pub(crate) struct CollateralAnswer {
    pub(crate) apps: Vec<NamedRef>,
    pub(crate) roles: Vec<String>,
    pub(crate) accounts: u64,
    pub(crate) unknown: bool,
}

impl CollateralAnswer {
    fn of(graph: &Graph, collateral: &Collateral) -> Self {
        Self {
            apps: collateral.resources.iter().map(|resource| resource_ref(graph, *resource)).collect(),
            roles: collateral.roles.clone(),
            accounts: collateral.accounts,
            unknown: collateral.unknown,
        }
    }
}

/// One act that ends a path.
#[derive(Debug, Serialize)]
pub(crate) struct StepAnswer {
    pub(crate) act: &'static str,
    pub(crate) group: Option<NamedRef>,
    pub(crate) collateral: CollateralAnswer,
    /// What would stop it or undo it, for people.
    pub(crate) hindrances: Vec<String>,
}

impl StepAnswer {
    fn of(graph: &Graph, step: &RemovalStep) -> Self {
        let (act, group) = match &step.act {
            Act::UnassignAccount => ("unassign_account", None),
            Act::LeaveGroup { group } => ("leave_group", Some(group_ref(graph, *group))),
            Act::UnassignGroup { group } => ("unassign_group", Some(group_ref(graph, *group))),
            Act::LeaveUnseenGroup { group } => {
                let id = group.as_deref().unwrap_or("(not named)").to_owned();
                ("leave_unseen_group", Some(NamedRef { name: id.clone(), id }))
            }
            Act::EndImplicit => ("end_implicit_assignment", None),
        };
        let hindrances = step.hindrances.iter().map(|hindrance| match hindrance {
            Hindrance::Rule(rule) => {
                format!("rule {:?} would put the account back: change it or exclude the account", rule.name)
            }
            Hindrance::Imported { source: Some(source) } => {
                format!("the group is kept in {:?} and must be changed there", graph.resource(*source).label)
            }
            Hindrance::Imported { source: None } => {
                "the group is imported and must be changed at its source".to_owned()
            }
            Hindrance::UnknownOrigin => "its origin is not known, so it may not be possible here".to_owned(),
        });
        Self {
            act,
            group,
            collateral: CollateralAnswer::of(graph, &step.collateral),
            hindrances: hindrances.collect(),
        }
    }

    /// The act in a few words.
    pub(crate) fn phrase(&self, app: &str, account: &str) -> String {
        let group = self.group.as_ref().map_or("", |group| group.name.as_str());
        match self.act {
            "unassign_account" => format!("end the direct assignment of {account} to {app}"),
            "leave_group" => format!("take {account} out of group {group}"),
            "unassign_group" => format!("take {app} away from group {group}"),
            "leave_unseen_group" => {
                format!("find group {group}, which was not seen, and take {account} out of it")
            }
            _ => format!("stop giving {app} to everyone without assignment"),
        }
    }
}

/// What would end an access.
#[derive(Debug, Serialize)]
pub(crate) struct RemovalAnswer {
    pub(crate) steps: Vec<StepAnswer>,
    pub(crate) collateral: CollateralAnswer,
    pub(crate) choices: Vec<Vec<StepAnswer>>,
    /// Accesses that deactivating the account would end.
    pub(crate) deactivate_account: Option<u64>,
    /// Accounts whose access deactivating the application would end.
    pub(crate) deactivate_app: Option<u64>,
}

impl RemovalAnswer {
    fn of(graph: &Graph, removal: &Removal) -> Self {
        let steps =
            |steps: &[RemovalStep]| steps.iter().map(|step| StepAnswer::of(graph, step)).collect::<Vec<_>>();
        Self {
            steps: steps(&removal.steps),
            collateral: CollateralAnswer::of(graph, &removal.collateral),
            choices: removal.choices.iter().map(|choice| steps(choice)).collect(),
            deactivate_account: removal.alternatives.deactivate_account,
            deactivate_app: removal.alternatives.deactivate_resource,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct NeededGroupAnswer {
    pub(crate) group: NamedRef,
    pub(crate) members: u64,
}

/// The answer to `why`.
#[derive(Debug, Serialize)]
pub(crate) struct WhyAnswer {
    pub(crate) snapshot: SnapshotRef,
    pub(crate) account: AccountRef,
    pub(crate) app: NamedRef,
    pub(crate) can_reach: bool,
    pub(crate) blocked: Vec<String>,
    pub(crate) paths: Vec<ExplainedPathAnswer>,
    pub(crate) since: Option<Time>,
    pub(crate) last_use: LastUse,
    pub(crate) removal: Option<RemovalAnswer>,
    pub(crate) groups_that_would_give_it: Vec<NeededGroupAnswer>,
    /// What else makes the answer less than certain, for people.
    pub(crate) notes: Vec<String>,
    pub(crate) gaps: Vec<Gap>,
}

/// That everyone may reach an application, where its setting was not readable.
pub(crate) fn implicit_note(graph: &Graph, resource: ResourceIx) -> Option<String> {
    let why = graph.may_be_for_everyone(resource)?;
    let label = &graph.resource(resource).label;
    Some(format!("everyone might reach {label}: whether it needs an assignment at all is not known ({why})"))
}

impl WhyAnswer {
    pub(crate) fn of(known: &Known, explanation: &Explanation) -> Self {
        let graph = &known.graph;
        let needed = |needed: &NeededGroup| NeededGroupAnswer {
            group: group_ref(graph, needed.group),
            members: needed.members,
        };
        Self {
            snapshot: SnapshotRef::of(graph),
            account: account_ref(graph, explanation.account),
            app: resource_ref(graph, explanation.resource),
            can_reach: explanation.can_reach(),
            blocked: explanation.blocks.iter().map(|block| block_phrase(*block)).collect(),
            paths: explanation.paths.iter().map(|path| ExplainedPathAnswer::of(known, path)).collect(),
            since: explanation.access.as_ref().and_then(|access| access.since),
            last_use: graph.last_use(explanation.account, explanation.resource),
            removal: explanation.removal.as_ref().map(|removal| RemovalAnswer::of(graph, removal)),
            groups_that_would_give_it: explanation.groups_that_would_give_it.iter().map(needed).collect(),
            notes: implicit_note(graph, explanation.resource).into_iter().collect(),
            gaps: explanation.gaps.clone(),
        }
    }
}
