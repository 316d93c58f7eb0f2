//! What could not be seen, why, and what that hides.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_core::{Gap, GapReason, Scope, Time};
use sightline_graph::Graph;
use utoipa::ToSchema;

use crate::{number, schema};

/// How many parents a phrase names.
const NAMED: usize = 5;

/// A gap, with the snapshot that has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapLine {
    /// Name of the data source.
    pub source: String,
    /// Number of the snapshot within its data source.
    pub snapshot: u64,
    /// When the snapshot was sealed.
    #[schema(value_type = schema::Instant)]
    pub sealed: Time,
    /// What was not read completely, why, and what that hides.
    #[serde(flatten)]
    #[schema(value_type = schema::Gap)]
    pub gap: Gap,
}

impl GapLine {
    /// All gaps of a snapshot.
    pub fn all(graph: &Graph) -> Vec<Self> {
        let about = graph.about();
        let line = |gap: &Gap| Self {
            source: about.source.clone(),
            snapshot: about.number,
            sealed: about.sealed,
            gap: gap.clone(),
        };
        graph.gaps().map(line).collect()
    }
}

/// Gaps of one dataset and reason together, so that a thousand denied groups don't bury the rest.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapGroup {
    /// What was not read, in a few words.
    pub what: String,
    /// The dataset's id.
    pub dataset: String,
    /// Why, in a few words.
    pub reason: String,
    /// What happened, for people.
    pub detail: String,
    /// What it hides.
    pub consequence: String,
    /// The permission that would allow it, where that is known.
    #[schema(required = true)]
    pub needs: Option<String>,
    /// How many gaps these are.
    pub count: u64,
    /// Names of what they were to be read under, where they are several; some of them.
    pub named: Vec<String>,
}

impl GapGroup {
    /// The gaps of a snapshot by dataset and reason.
    pub fn all(graph: &Graph) -> Vec<Self> {
        let mut grouped: BTreeMap<(&str, &str, &str), Vec<&Gap>> = BTreeMap::new();
        for gap in graph.gaps() {
            let needs = match &gap.reason {
                GapReason::Denied { permission } => permission.as_deref().unwrap_or_default(),
                _ => "",
            };
            grouped.entry((&gap.scope.dataset, gap.reason.phrase(), needs)).or_default().push(gap);
        }
        let group = |((dataset, reason, needs), gaps): ((&str, &str, &str), Vec<&Gap>)| {
            let parents = gaps.iter().filter_map(|gap| gap.scope.parent.as_deref());
            Self {
                what: match gaps.as_slice() {
                    [gap] => scope_phrase(&gap.scope, graph),
                    many => format!("{} of {}", dataset.replace('_', " "), number(many.len() as u64)),
                },
                dataset: dataset.to_owned(),
                reason: reason.to_owned(),
                detail: gaps[0].detail.clone(),
                consequence: gaps[0].consequence.clone(),
                needs: Some(needs.to_owned()).filter(|needs| !needs.is_empty()),
                count: gaps.len() as u64,
                named: if gaps.len() > 1 {
                    parents.take(NAMED).map(|id| name(id, graph)).collect()
                } else {
                    Vec::new()
                },
            }
        };
        grouped.into_iter().map(group).collect()
    }
}

/// What a scope is, with the name of its parent where that is known: `group members of it-admins`.
pub fn scope_phrase(scope: &Scope, graph: &Graph) -> String {
    let dataset = scope.dataset.replace('_', " ");
    match &scope.parent {
        None => dataset,
        Some(id) => format!("{dataset} of {}", name(id, graph)),
    }
}

/// The name of a group, resource, account, role or scope set; its id where it is not known.
fn name(id: &str, graph: &Graph) -> String {
    let group = || graph.group_with_id(id).map(|group| graph.group(group).name.clone());
    let resource = || graph.resource_with_id(id).map(|resource| graph.resource(resource).label.clone());
    let account = || graph.account_with_id(id).map(|account| graph.account(account).login.to_owned());
    let role = || graph.role(id).map(|role| role.label.clone());
    let set = || graph.scope_set(id).map(|set| set.label.clone());
    group().or_else(resource).or_else(account).or_else(role).or_else(set).unwrap_or_else(|| id.to_owned())
}
