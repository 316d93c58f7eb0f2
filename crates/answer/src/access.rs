//! Who can reach an application, and what an account can reach.

use serde::Serialize;
use sightline_core::{AccountStatus, Gap, LastUse, Time};
use sightline_graph::{Access, AccountIx, AdminHolding, Block, Graph, Holder, Path, PathKind, ResourceIx};
use utoipa::ToSchema;

use crate::{AccountRef, AdminLine, Known, ManagerAnswer, NamedRef, SeenAnswer, SnapshotRef, count, schema};

/// How many things are named where a line would get too long.
const NAMED: usize = 5;

/// How a path goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PathAnswer {
    /// Assigned to the account itself.
    Direct,
    /// Through a group that the application is assigned to.
    Group {
        /// Which group.
        group: NamedRef,
    },
    /// Everyone may use the application without an assignment.
    Implicit,
    /// Through a group that was not seen.
    UnseenGroup {
        /// Its id, where the provider names it.
        #[schema(required = true)]
        group_id: Option<String>,
    },
    /// In a way that this version does not know.
    UnknownOrigin {
        /// The provider's word for it.
        word: String,
    },
}

impl PathAnswer {
    fn of(graph: &Graph, kind: &PathKind) -> Self {
        match kind {
            PathKind::Direct => Self::Direct,
            PathKind::ThroughGroup { group } => Self::Group { group: NamedRef::group(graph, *group) },
            PathKind::Implicit => Self::Implicit,
            PathKind::ThroughUnseenGroup { group } => {
                Self::UnseenGroup { group_id: group.as_deref().map(str::to_owned) }
            }
            PathKind::UnknownOrigin { word } => Self::UnknownOrigin { word: word.to_string() },
        }
    }

    /// The path in a few words.
    pub fn phrase(&self) -> String {
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

/// One way to an application.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PathLine {
    /// How it goes.
    #[serde(flatten)]
    pub path: PathAnswer,
    /// Whether its assignment counts: the provider does not call it inactive.
    pub in_force: bool,
    /// Whether a fact that it rests on could not be read again since it was last seen.
    pub stale: bool,
    /// Status of its assignment in the provider's word, where it has one.
    #[schema(required = true)]
    pub assignment_status: Option<String>,
    /// Between which syncs all facts that it rests on were seen; null where that is not known.
    #[schema(required = true)]
    pub seen: Option<SeenAnswer>,
}

impl PathLine {
    /// A path, and between which syncs it was seen.
    pub fn of(graph: &Graph, path: &Path, seen: Option<SeenAnswer>) -> Self {
        Self {
            path: PathAnswer::of(graph, &path.kind),
            in_force: path.in_force,
            stale: path.stale,
            assignment_status: path.assignment_status.as_deref().map(str::to_owned),
            seen,
        }
    }

    /// The path in a few words, with what is wrong with it.
    pub fn phrase(&self) -> String {
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
pub fn block_phrase(block: Block) -> String {
    match block {
        Block::Account(status) => format!("account {}", status.word()),
        Block::ResourceInactive => "application inactive".to_owned(),
        Block::AssignmentNotInForce => "assignment not in force".to_owned(),
    }
}

/// When something was last used, in a few words.
pub fn last_use_phrase(last: &LastUse) -> String {
    match last {
        LastUse::At(time) => time.date(),
        LastUse::NotSince(since) => format!("not since {}", since.date()),
        LastUse::Never(since) => format!("never, since {}", since.date()),
        LastUse::Unknown(why) => format!("unknown: {why}"),
    }
}

/// An account and an application it has a path to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccessLine {
    /// Who.
    pub account: AccountRef,
    /// What.
    pub app: NamedRef,
    /// Whether one of the paths works today.
    pub can_reach: bool,
    /// Why none of the paths works; null when the account can reach the application.
    #[schema(required = true)]
    pub blocked: Option<String>,
    /// Every known path: direct first, then groups by priority; never empty.
    pub paths: Vec<PathLine>,
    /// Since when the provider has the account on the application, where it says so.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub since: Option<Time>,
    /// When the account last used the application, and what an absence means.
    #[schema(value_type = schema::LastUse)]
    pub last_use: LastUse,
}

impl AccessLine {
    /// An access that the graph found.
    pub fn of(known: &Known, access: &Access) -> Self {
        let graph = &known.graph;
        let Access { account, resource, .. } = *access;
        let line = |path: &Path| {
            let seen = graph.path_seen(account, resource, &path.kind);
            let seen = seen.map(|(first, last)| SeenAnswer::of(first, last, path.stale, &known.times));
            PathLine::of(graph, path, seen)
        };
        Self {
            account: AccountRef::of(graph, account),
            app: NamedRef::app(graph, resource),
            can_reach: access.can_reach(),
            blocked: access.blocked.map(block_phrase),
            paths: access.paths.iter().map(line).collect(),
            since: access.since,
            last_use: graph.last_use(account, resource),
        }
    }

    /// Several of them: all that [`Graph::who`] or [`Graph::what`] found, or the part of it that is shown.
    pub fn all(known: &Known, access: &[Access]) -> Vec<Self> {
        access.iter().map(|access| Self::of(known, access)).collect()
    }

    /// Since when the oldest path was seen.
    pub fn seen_since(&self) -> String {
        let seen = self.paths.iter().filter_map(|path| path.seen.as_ref());
        seen.min_by_key(|seen| seen.first_seen).map(SeenAnswer::since_phrase).unwrap_or_default()
    }

    /// Whether it works, in a few words.
    pub fn verdict_phrase(&self) -> String {
        self.blocked.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"))
    }

    /// All paths in a few words.
    pub fn path_phrases(&self) -> String {
        self.paths.iter().map(PathLine::phrase).collect::<Vec<_>>().join(", ")
    }
}

/// Who can reach an application, or what an account can reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessAnswer {
    /// Which snapshot it rests on.
    pub snapshot: SnapshotRef,
    /// The application, where the question was who can reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub app: Option<NamedRef>,
    /// The account, where the question was what it can reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub account: Option<AccountRef>,
    /// Whom the account reports to, where its profile names somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub manager: Option<ManagerAnswer>,
    /// Everyone and everything with a path, also where none of the paths works.
    pub access: Vec<AccessLine>,
    /// Admin roles of the account, where the question was what it can reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub roles: Option<Vec<AdminLine>>,
    /// What else makes the answer less than certain, for people.
    pub notes: Vec<String>,
    /// What could not be read and may hide more.
    #[schema(value_type = Vec<schema::Gap>)]
    pub gaps: Vec<Gap>,
}

impl AccessAnswer {
    /// Who can reach an application, by login.
    pub fn who(known: &Known, resource: ResourceIx) -> Self {
        Self::of_app(known, resource, &known.graph.who(resource))
    }

    /// What an account can reach, by label.
    ///
    /// `admins` are all of [`Graph::admins`], which whoever asks often keeps.
    pub fn what(known: &Known, account: AccountIx, admins: &[AdminHolding]) -> Self {
        Self::of_account(known, account, &known.graph.what(account), admins)
    }

    /// What [`Graph::who`] found for an application, or the part of it that is shown, with everything around it.
    pub fn of_app(known: &Known, resource: ResourceIx, access: &[Access]) -> Self {
        let graph = &known.graph;
        Self {
            snapshot: SnapshotRef::of(graph),
            app: Some(NamedRef::app(graph, resource)),
            account: None,
            manager: None,
            access: AccessLine::all(known, access),
            roles: None,
            notes: implicit_note(graph, resource).into_iter().collect(),
            gaps: graph.gaps_around_resource(resource).into_iter().cloned().collect(),
        }
    }

    /// What [`Graph::what`] found for an account, with everything around it.
    fn of_account(known: &Known, account: AccountIx, access: &[Access], admins: &[AdminHolding]) -> Self {
        let graph = &known.graph;
        Self {
            snapshot: SnapshotRef::of(graph),
            app: None,
            account: Some(AccountRef::of(graph, account)),
            manager: ManagerAnswer::of(graph, account),
            access: AccessLine::all(known, access),
            roles: Some(roles_of(known, account, admins)),
            notes: unclear_settings(graph, account, access),
            gaps: graph.gaps_around_account(account).into_iter().cloned().collect(),
        }
    }
}

/// The admin roles of an account, direct and through groups, among all of [`Graph::admins`].
pub fn roles_of(known: &Known, account: AccountIx, admins: &[AdminHolding]) -> Vec<AdminLine> {
    let holds = |holding: &&AdminHolding| holding.holder == Holder::Account(account);
    admins.iter().filter(holds).map(|holding| AdminLine::of(known, holding)).collect()
}

/// That everyone may reach an application, where its setting was not readable.
pub fn implicit_note(graph: &Graph, resource: ResourceIx) -> Option<String> {
    let why = graph.may_be_for_everyone(resource)?;
    let label = &graph.resource(resource).label;
    Some(format!("everyone might reach {label}: whether it needs an assignment at all is not known ({why})"))
}

/// That the account might reach further applications, because their settings were not readable.
fn unclear_settings(graph: &Graph, account: AccountIx, access: &[Access]) -> Vec<String> {
    if graph.account(account).status == AccountStatus::Deactivated {
        return Vec::new();
    }
    let unclear: Vec<&str> = graph
        .resources()
        .filter(|(resource, _)| graph.may_be_for_everyone(*resource).is_some())
        .filter(|(resource, _)| !access.iter().any(|line| line.resource == *resource && line.can_reach()))
        .map(|(_, resource)| resource.label.as_str())
        .collect();
    if unclear.is_empty() {
        return Vec::new();
    }
    let more = if unclear.len() > NAMED { ", …" } else { "" };
    let named = unclear.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    vec![format!(
        "everyone might reach {} ({named}{more}): whether an assignment is needed is not known",
        count(unclear.len() as u64, "further application", "further applications")
    )]
}
