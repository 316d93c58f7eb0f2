//! One normalized fact, as a connector reads it.

use serde::{Deserialize, Serialize};

use crate::{
    Account, ActivityWindow, Assignment, EntityKind, Group, Holding, Membership, Resource, Role, Rule, Usage,
};

/// One normalized fact.
///
/// The order of the variants is part of the stored format: new ones go at the end. Large ones are boxed, because there
/// are far more edges than entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An account exists.
    Account(Box<Account>),
    /// A group exists.
    Group(Box<Group>),
    /// A rule exists.
    Rule(Box<Rule>),
    /// A resource exists.
    Resource(Box<Resource>),
    /// A role exists.
    Role(Role),
    /// An account is in a group.
    Membership(Membership),
    /// A principal may use a resource.
    Assignment(Assignment),
    /// A principal holds a role.
    Holding(Holding),
    /// What an account did.
    Usage(Usage),
    /// The span that activity was read for.
    ActivityWindow(ActivityWindow),
}

impl Record {
    /// What identifies the fact inside its data source: `account/ID`, `membership/GROUP/ACCOUNT`.
    ///
    /// Two records with the same key are two readings of one fact.
    pub fn key(&self) -> String {
        match self {
            Self::Account(account) => format!("account/{}", account.id),
            Self::Group(group) => format!("group/{}", group.id),
            Self::Rule(rule) => format!("rule/{}", rule.id),
            Self::Resource(resource) => format!("resource/{}", resource.id),
            Self::Role(role) => format!("role/{}", role.id),
            Self::Membership(edge) => format!("membership/{}/{}", edge.group, edge.account),
            Self::Assignment(edge) => format!("assignment/{}/{}", edge.resource, edge.principal),
            // The provider's own assignment id is not unique: who, what and how far is.
            Self::Holding(edge) => {
                let how = if edge.inherited { "inherited" } else { "direct" };
                format!("holding/{}/{}/{how}/{}", edge.principal, edge.role, edge.scope)
            }
            Self::Usage(usage) => match &usage.resource {
                Some(resource) => format!("usage/{}/{resource}", usage.account),
                None => format!("usage/{}", usage.account),
            },
            Self::ActivityWindow(_) => "activity_window".to_owned(),
        }
    }

    /// The kind and id of the entity that this record describes; none for relations.
    pub fn entity(&self) -> Option<(EntityKind, &str)> {
        match self {
            Self::Account(account) => Some((EntityKind::Account, &account.id)),
            Self::Group(group) => Some((EntityKind::Group, &group.id)),
            Self::Rule(rule) => Some((EntityKind::Rule, &rule.id)),
            Self::Resource(resource) => Some((EntityKind::Resource, &resource.id)),
            Self::Role(role) => Some((EntityKind::Role, &role.id)),
            _ => None,
        }
    }

    /// Combines a new reading of a fact with the older one of the same key.
    ///
    /// Roll-ups of the log add up; everything else is replaced.
    #[must_use]
    pub fn over(self, older: &Self) -> Self {
        match (self, older) {
            (Self::Usage(mut usage), Self::Usage(before)) => {
                usage.merge(before);
                Self::Usage(usage)
            }
            // Two spans with a hole between them are not one: the older is given up.
            (Self::ActivityWindow(new), Self::ActivityWindow(before))
                if new.since <= before.until && before.since <= new.until =>
            {
                let (since, until) = (new.since.min(before.since), new.until.max(before.until));
                Self::ActivityWindow(ActivityWindow { since, until })
            }
            (new, _) => new,
        }
    }
}
