//! Why an account reaches an application, or why not, and what would end it.

use std::sync::Arc;

use serde::Serialize;
use sightline_core::{Gap, LastUse, Time};
use sightline_graph::{
    AccountIx, Act, Collateral, ExplainedPath, Explanation, Graph, Hindrance, Hop, HopKind, NeededGroup,
    PathKind, Removal, RemovalStep, ResourceIx,
};
use utoipa::ToSchema;

use crate::{
    AccountRef, Known, NamedRef, PathLine, ProvenanceAnswer, SeenAnswer, SnapshotRef, block_phrase, count,
    implicit_note, schema,
};

/// One fact of a path.
#[derive(Debug, Serialize, ToSchema)]
pub struct HopAnswer {
    /// What it says.
    #[serde(flatten)]
    pub fact: HopFact,
    /// Since when, where the provider says so.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub since: Option<Time>,
    /// Which syncs saw it, and where.
    pub provenance: ProvenanceAnswer,
}

/// What a fact of a path says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum HopFact {
    /// The account is in a group.
    Membership {
        /// Which group.
        group: NamedRef,
        /// Active rules that may have put it there.
        rules: Vec<RuleRef>,
        /// Whether it cannot be taken out: everyone is in it, or the provider keeps it.
        cannot_leave: bool,
    },
    /// The application is assigned to a group.
    GroupAssignment {
        /// Which group.
        group: NamedRef,
        /// Rank among several groups: the lowest decides.
        #[schema(required = true)]
        priority: Option<i64>,
        /// Status in the provider's word, where it has one.
        #[schema(required = true)]
        status: Option<String>,
    },
    /// The provider lists the account on the application.
    Assignment {
        /// Status in the provider's word, where it has one.
        #[schema(required = true)]
        status: Option<String>,
    },
    /// Everyone may use the application without an assignment.
    ImplicitSetting,
}

/// A rule that puts accounts into groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleRef {
    /// The provider's id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The condition, in the provider's expression language.
    #[schema(required = true)]
    pub expression: Option<String>,
}

impl HopAnswer {
    fn of(known: &Known, hop: &Hop) -> Self {
        let graph = &known.graph;
        let status = |status: &Option<Arc<str>>| status.as_deref().map(str::to_owned);
        let fact = match &hop.kind {
            HopKind::Membership { group, rules, cannot_leave } => HopFact::Membership {
                group: NamedRef::group(graph, *group),
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
                group: NamedRef::group(graph, *group),
                priority: *priority,
                status: status(word),
            },
            HopKind::Assignment { status: word } => HopFact::Assignment { status: status(word) },
            HopKind::ImplicitSetting => HopFact::ImplicitSetting,
        };
        Self { fact, since: hop.since, provenance: ProvenanceAnswer::of(&hop.provenance, &known.times) }
    }

    /// What it says of an application, in a sentence without its end.
    pub fn phrase(&self, app: &str) -> String {
        let fact = match &self.fact {
            HopFact::Membership { group, rules, cannot_leave } => {
                let how = match rules.as_slice() {
                    _ if *cannot_leave => " (everyone is)".to_owned(),
                    [] => String::new(),
                    [rule] => {
                        let expression =
                            rule.expression.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
                        format!(" (rule {:?}{expression})", rule.name)
                    }
                    many => format!(
                        " (rules {})",
                        many.iter().map(|rule| format!("{:?}", rule.name)).collect::<Vec<_>>().join(", ")
                    ),
                };
                format!("member of {}{how}", group.name)
            }
            HopFact::GroupAssignment { group, priority, .. } => {
                let priority = priority.map(|priority| format!(" (priority {priority})")).unwrap_or_default();
                format!("{} is assigned {app}{priority}", group.name)
            }
            HopFact::Assignment { status } => {
                let status = status
                    .as_deref()
                    .map(|status| format!(" ({})", status.to_lowercase()))
                    .unwrap_or_default();
                format!("listed on {app}{status}")
            }
            HopFact::ImplicitSetting => format!("{app} needs no assignment"),
        };
        let since = self.since.map(|since| format!(", since {}", since.date())).unwrap_or_default();
        format!("{fact}{since}")
    }
}

/// A path with the facts that it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedPathAnswer {
    /// The path.
    #[serde(flatten)]
    pub line: PathLine,
    /// The facts, from the account to the application.
    pub hops: Vec<HopAnswer>,
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
#[derive(Debug, Serialize, ToSchema)]
pub struct CollateralAnswer {
    /// Other applications that the account could not reach any more.
    pub apps: Vec<NamedRef>,
    /// Admin roles that it would hold no more, by name.
    pub roles: Vec<String>,
    /// Other accounts that could not reach the application any more.
    pub accounts: u64,
    /// Whether there may be more that was not seen.
    pub unknown: bool,
}

impl CollateralAnswer {
    /// How many applications a phrase names.
    const NAMED: usize = 4;

    fn of(graph: &Graph, collateral: &Collateral) -> Self {
        Self {
            apps: collateral.resources.iter().map(|resource| NamedRef::app(graph, *resource)).collect(),
            roles: collateral.roles.clone(),
            accounts: collateral.accounts,
            unknown: collateral.unknown,
        }
    }

    /// All of it in a few words; none where it is nothing.
    pub fn phrase(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.apps.is_empty() {
            let names: Vec<_> = self.apps.iter().take(Self::NAMED).map(|app| app.name.as_str()).collect();
            let more = if self.apps.len() > Self::NAMED { ", …" } else { "" };
            parts.push(format!(
                "{} ({}{more})",
                count(self.apps.len() as u64, "other application", "other applications"),
                names.join(", ")
            ));
        }
        if !self.roles.is_empty() {
            parts.push(format!("the roles {}", self.roles.join(", ")));
        }
        if self.accounts > 0 {
            parts.push(format!("the access of {}", count(self.accounts, "other account", "other accounts")));
        }
        if self.unknown {
            parts.push("perhaps more that was not seen".to_owned());
        }
        if parts.is_empty() { None } else { Some(parts.join(", ")) }
    }
}

/// What is done to end a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActAnswer {
    /// End the direct assignment of the account.
    UnassignAccount,
    /// Take the account out of the group.
    LeaveGroup,
    /// Take the application away from the group.
    UnassignGroup,
    /// Find the group, which was not seen, and take the account out of it.
    LeaveUnseenGroup,
    /// Stop giving the application to everyone without an assignment.
    EndImplicitAssignment,
}

/// One act that ends a path.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepAnswer {
    /// What is done.
    pub act: ActAnswer,
    /// With which group, where it is about one.
    #[schema(required = true)]
    pub group: Option<NamedRef>,
    /// What else it takes away.
    pub collateral: CollateralAnswer,
    /// What would stop it or undo it, for people.
    pub hindrances: Vec<String>,
}

impl StepAnswer {
    fn of(graph: &Graph, step: &RemovalStep) -> Self {
        let (act, group) = match &step.act {
            Act::UnassignAccount => (ActAnswer::UnassignAccount, None),
            Act::LeaveGroup { group } => (ActAnswer::LeaveGroup, Some(NamedRef::group(graph, *group))),
            Act::UnassignGroup { group } => (ActAnswer::UnassignGroup, Some(NamedRef::group(graph, *group))),
            Act::LeaveUnseenGroup { group } => {
                let id = group.as_deref().unwrap_or("(not named)").to_owned();
                (ActAnswer::LeaveUnseenGroup, Some(NamedRef { name: id.clone(), id }))
            }
            Act::EndImplicit => (ActAnswer::EndImplicitAssignment, None),
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
    pub fn phrase(&self, app: &str, account: &str) -> String {
        let group = self.group.as_ref().map_or("", |group| group.name.as_str());
        match self.act {
            ActAnswer::UnassignAccount => format!("end the direct assignment of {account} to {app}"),
            ActAnswer::LeaveGroup => format!("take {account} out of group {group}"),
            ActAnswer::UnassignGroup => format!("take {app} away from group {group}"),
            ActAnswer::LeaveUnseenGroup => {
                format!("find group {group}, which was not seen, and take {account} out of it")
            }
            ActAnswer::EndImplicitAssignment => {
                format!("stop giving {app} to everyone without assignment")
            }
        }
    }
}

/// What would end an access.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovalAnswer {
    /// The fewest acts that together end every path in force; where none is, they clear away those that are left.
    pub steps: Vec<StepAnswer>,
    /// What all of them together take away besides.
    pub collateral: CollateralAnswer,
    /// For each path that must end, every single act that ends it.
    pub choices: Vec<Vec<StepAnswer>>,
    /// Accesses that deactivating the account would end; null where it is deactivated.
    #[schema(required = true)]
    pub deactivate_account: Option<u64>,
    /// Accounts whose access deactivating the application would end; null where it is inactive.
    #[schema(required = true)]
    pub deactivate_app: Option<u64>,
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

    /// The acts that could be done instead of one of the steps.
    pub fn others(&self) -> impl Iterator<Item = &StepAnswer> {
        self.choices.iter().flatten().filter(|choice| {
            !self.steps.iter().any(|step| step.act == choice.act && step.group == choice.group)
        })
    }
}

/// A group that would give an access.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeededGroupAnswer {
    /// Which group.
    pub group: NamedRef,
    /// How many accounts are in it, as far as could be read.
    pub members: u64,
}

/// Why an account reaches an application, or why not, and what would change it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WhyAnswer {
    /// Which snapshot it rests on.
    pub snapshot: SnapshotRef,
    /// Who.
    pub account: AccountRef,
    /// What.
    pub app: NamedRef,
    /// Whether one of the paths works today.
    pub can_reach: bool,
    /// Everything that stands in the way of using the paths, or would stand in the way of new ones.
    pub blocked: Vec<String>,
    /// Every known path, fact by fact.
    pub paths: Vec<ExplainedPathAnswer>,
    /// Since when the provider has the account on the application, where it says so.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub since: Option<Time>,
    /// When the account last used the application, and what an absence means.
    #[schema(value_type = schema::LastUse)]
    pub last_use: LastUse,
    /// What would end the access; null where no path is known.
    #[schema(required = true)]
    pub removal: Option<RemovalAnswer>,
    /// Groups that would give the access, the smallest first; empty where a path is in force.
    pub groups_that_would_give_it: Vec<NeededGroupAnswer>,
    /// What else makes the answer less than certain, for people.
    pub notes: Vec<String>,
    /// What could not be read and may hide further paths.
    #[schema(value_type = Vec<schema::Gap>)]
    pub gaps: Vec<Gap>,
}

impl WhyAnswer {
    /// Why the account reaches the application, or why not.
    pub fn of(known: &Known, account: AccountIx, resource: ResourceIx) -> Self {
        Self::explaining(known, &known.graph.why(account, resource))
    }

    fn explaining(known: &Known, explanation: &Explanation) -> Self {
        let graph = &known.graph;
        let needed = |needed: &NeededGroup| NeededGroupAnswer {
            group: NamedRef::group(graph, needed.group),
            members: needed.members,
        };
        Self {
            snapshot: SnapshotRef::of(graph),
            account: AccountRef::of(graph, explanation.account),
            app: NamedRef::app(graph, explanation.resource),
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

    /// Whether the account can reach the application, in a sentence without its end.
    pub fn verdict(&self) -> String {
        let (login, app) = (&self.account.login, &self.app.name);
        match (self.can_reach, self.paths.is_empty()) {
            (true, _) => {
                format!("{login} can reach {app} by {}", count(self.paths.len() as u64, "path", "paths"))
            }
            (false, false) => {
                format!("{login} is assigned to {app} but cannot reach it: {}", self.blocked.join(", "))
            }
            (false, true) => format!("{login} cannot reach {app}: no path is known"),
        }
    }
}
