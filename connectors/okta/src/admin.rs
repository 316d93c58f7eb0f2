//! Administration: roles, what they allow, what limits them, and who holds them.

use serde::Deserialize;
use serde_json::value::RawValue;
use sightline_core::{
    Holding, HoldingScope, Ownership, Permission, Principal, Record, Role, ScopeSet, SetMember, Time,
};

use crate::decode::{kept, lenient, lenient_object, time};
use crate::map::{Href, filled, id_at_end, is_plain};
use crate::task::TargetKind;

/// Standard admin roles; custom ones are listed by Okta, these are not.
const STANDARD_ROLES: [(&str, &str); 13] = [
    ("ACCESS_CERTIFICATIONS_ADMIN", "Access Certifications Administrator"),
    ("ACCESS_REQUESTS_ADMIN", "Access Requests Administrator"),
    ("API_ACCESS_MANAGEMENT_ADMIN", "API Access Management Administrator"),
    ("APP_ADMIN", "Application Administrator"),
    ("GROUP_MEMBERSHIP_ADMIN", "Group Membership Administrator"),
    ("HELP_DESK_ADMIN", "Help Desk Administrator"),
    ("MOBILE_ADMIN", "Mobile Administrator"),
    ("ORG_ADMIN", "Organization Administrator"),
    ("READ_ONLY_ADMIN", "Read-only Administrator"),
    ("REPORT_ADMIN", "Report Administrator"),
    ("SUPER_ADMIN", "Super Administrator"),
    ("USER_ADMIN", "Group Administrator"),
    ("WORKFLOWS_ADMIN", "Workflows Administrator"),
];

/// The standard roles as facts.
pub(crate) fn standard_roles() -> impl Iterator<Item = Record> {
    STANDARD_ROLES.iter().map(|(id, label)| {
        Record::Role(Role {
            id: (*id).to_owned(),
            label: (*label).to_owned(),
            description: None,
            custom: false,
        })
    })
}

#[derive(Deserialize)]
pub(crate) struct CustomRole {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
}

impl CustomRole {
    pub(crate) fn into_record(self) -> Record {
        Record::Role(Role {
            label: filled(self.label).unwrap_or_else(|| self.id.clone()),
            description: filled(self.description),
            custom: true,
            id: self.id,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleAssignment {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "lenient")]
    assignment_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    role: Option<String>,
    #[serde(default, rename = "resource-set", deserialize_with = "lenient")]
    resource_set: Option<String>,
    #[serde(default, rename = "_embedded", deserialize_with = "lenient_object")]
    embedded: Option<RoleEmbedded>,
}

#[derive(Deserialize)]
struct RoleEmbedded {
    #[serde(default, deserialize_with = "lenient_object")]
    targets: Option<Targets>,
}

/// Kept as they came: a list that is missing and one that is empty mean different things.
#[derive(Deserialize)]
struct Targets {
    #[serde(default)]
    groups: serde_json::Value,
    #[serde(default)]
    catalog: serde_json::Value,
}

/// An assignment of a role, and which targets still have to be asked for.
pub(crate) struct RoleHeld {
    pub(crate) holding: Holding,
    /// Where Okta did not send the targets of a role that may be limited: what limits it, and the assignment's id.
    pub(crate) ask: Option<(TargetKind, String)>,
}

impl RoleAssignment {
    /// None where the object names neither a type nor a role.
    pub(crate) fn into_held(self, principal: Principal) -> Option<RoleHeld> {
        let kind = self.kind.unwrap_or_default();
        let is_custom = kind == "CUSTOM" || kind.is_empty();
        let role = if is_custom { self.role.clone() } else { Some(kind.clone()) };
        let role = role.or_else(|| filled(Some(kind.clone())))?;
        // On a group its own roles say GROUP too; on a user it means that a group brought them.
        let inherited =
            matches!(principal, Principal::Account(_)) && self.assignment_type.as_deref() == Some("GROUP");
        let embedded = self.embedded.and_then(|embedded| embedded.targets);
        let (scope, limited_by) = match (self.resource_set, TargetKind::of(&kind)) {
            (Some(set), _) => (HoldingScope::Set(set), None),
            (None, Some(limited_by)) => match embedded.and_then(|targets| limited_by.pick(&targets)) {
                Some(targets) => (scope_of(targets), None),
                // The group that brings it tells; asking for every member would be a call for each.
                None if inherited => {
                    (HoldingScope::Unknown("it is that of the group's role".to_owned()), None)
                }
                None => (HoldingScope::Unknown("Okta did not send the targets".to_owned()), Some(limited_by)),
            },
            (None, None) if is_custom => {
                (HoldingScope::Unknown("Okta did not name the resource set".to_owned()), None)
            }
            (None, None) if STANDARD_ROLES.iter().any(|(id, _)| *id == kind) => (HoldingScope::Org, None),
            (None, None) => {
                (HoldingScope::Unknown(format!("{kind} is not a role that this version knows")), None)
            }
        };
        let holding = Holding {
            principal,
            label: filled(self.label).unwrap_or_else(|| role.clone()),
            scope,
            role,
            inherited,
            active: self.status.as_deref().is_none_or(|status| status == "ACTIVE"),
            since: self.created,
        };
        Some(RoleHeld { holding, ask: limited_by.zip(filled(self.id)) })
    }
}

impl TargetKind {
    /// What may limit a standard role of this type; none where it always reaches the whole org.
    fn of(role_type: &str) -> Option<Self> {
        match role_type {
            "APP_ADMIN" => Some(Self::Apps),
            "USER_ADMIN" | "HELP_DESK_ADMIN" | "GROUP_MEMBERSHIP_ADMIN" => Some(Self::Groups),
            _ => None,
        }
    }

    fn pick(self, targets: &Targets) -> Option<Vec<String>> {
        match self {
            Self::Groups => group_targets(&targets.groups),
            Self::Apps => app_targets(&targets.catalog["apps"]),
        }
    }

    /// The targets in an answer that lists only them.
    pub(crate) fn listed(self, list: &serde_json::Value) -> Option<Vec<String>> {
        match self {
            Self::Groups => group_targets(list),
            Self::Apps => app_targets(list),
        }
    }
}

/// Groups, `group/ID`; none where it is no list, or holds something else too.
fn group_targets(list: &serde_json::Value) -> Option<Vec<String>> {
    let name = |group: &serde_json::Value| group["id"].as_str().map(|id| format!("group/{id}"));
    list.as_array()?.iter().map(name).collect()
}

/// Applications: one instance (with an id) or every instance of a catalogue entry (with a name only); none where it is
/// no list, or holds something else too.
fn app_targets(list: &serde_json::Value) -> Option<Vec<String>> {
    let name = |app: &serde_json::Value| match (app["id"].as_str(), app["name"].as_str()) {
        (Some(id), _) => Some(format!("resource/{id}")),
        (None, Some(name)) => Some(format!("catalog/{name}")),
        (None, None) => None,
    };
    list.as_array()?.iter().map(name).collect()
}

/// No targets mean no limits: the empty list is the wide case.
pub(crate) fn scope_of(mut targets: Vec<String>) -> HoldingScope {
    targets.sort();
    targets.dedup();
    if targets.is_empty() { HoldingScope::Org } else { HoldingScope::Targets(targets) }
}

/// A set of resources that roles are limited to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceSet {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
}

impl ResourceSet {
    pub(crate) fn into_record(self) -> Record {
        Record::ScopeSet(Box::new(ScopeSet {
            label: filled(self.label).unwrap_or_else(|| self.id.clone()),
            description: filled(self.description),
            created: self.created,
            last_updated: self.last_updated,
            id: self.id,
        }))
    }
}

#[derive(Default, Deserialize)]
struct SelfLink {
    #[serde(default, rename = "self", deserialize_with = "lenient_object")]
    this: Option<Href>,
}

/// Something in a resource set.
#[derive(Deserialize)]
pub(crate) struct SetResource {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    orn: Option<String>,
    #[serde(default)]
    conditions: Option<Box<RawValue>>,
    #[serde(default, rename = "_links", deserialize_with = "lenient_object")]
    links: Option<SelfLink>,
}

/// Okta's name for what an object contains, and not the object itself, ends like this.
const CONTENTS: &str = ":contained_resources";

impl SetResource {
    /// None where it names nothing.
    pub(crate) fn into_record(self, set: &str) -> Option<Record> {
        let link = self.links.and_then(|links| links.this);
        let linked = link.as_ref().map(Href::segments).unwrap_or_default();
        let orn = self.orn.unwrap_or_default();
        let (bare, has_contents) = match orn.strip_suffix(CONTENTS) {
            Some(bare) => (bare, true),
            None => (orn.as_str(), false),
        };
        let contents = has_contents || matches!(linked[..], ["groups", _, "users"]);
        let object = match linked[..] {
            ["groups", id] | ["groups", id, "users"] if is_plain(id) => Some(format!("group/{id}")),
            ["users", id] if is_plain(id) => Some(format!("account/{id}")),
            ["apps", id] if is_plain(id) => Some(format!("resource/{id}")),
            _ => None,
        };
        let object = object.or_else(|| named_by_orn(bare)).or_else(|| filled(Some(orn.clone())));
        // All of a kind: Okta links to their listing.
        let object = object.or_else(|| (!linked.is_empty()).then(|| linked.join("/")))?;
        let conditions = kept(self.conditions);
        Some(Record::SetMember(Box::new(SetMember {
            set: set.to_owned(),
            id: self.id,
            object,
            contents,
            conditions,
        })))
    }
}

/// The object at the end of one of Okta's resource names; none where it names a whole kind, or one that we do not know.
fn named_by_orn(orn: &str) -> Option<String> {
    let parts: Vec<&str> = orn.split(':').collect();
    let id = parts.last().filter(|id| is_plain(id))?;
    let is_of = |kind: &str, prefix: &str| parts[..parts.len() - 1].contains(&kind) && id.starts_with(prefix);
    if is_of("groups", "00g") {
        Some(format!("group/{id}"))
    } else if is_of("users", "00u") {
        Some(format!("account/{id}"))
    } else if is_of("apps", "0oa") {
        Some(format!("resource/{id}"))
    } else {
        None
    }
}

/// Somebody who holds a role on a resource set.
#[derive(Deserialize)]
pub(crate) struct BindingMember {
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, rename = "_links", deserialize_with = "lenient_object")]
    links: Option<SelfLink>,
}

impl BindingMember {
    /// None where it does not tell who it is: only the link does.
    pub(crate) fn into_record(self, set: &str, role: &str) -> Option<Record> {
        let link = self.links?.this?;
        let principal: fn(String) -> Principal = match link.segments()[..] {
            ["users", id] if is_plain(id) => Principal::Account,
            ["groups", id] if is_plain(id) => Principal::Group,
            ["clients", id] if is_plain(id) => Principal::Resource,
            _ => return None,
        };
        let label = STANDARD_ROLES.iter().find(|(id, _)| *id == role).map_or(role, |(_, label)| label);
        Some(Record::Holding(Holding {
            principal: principal(id_at_end(link.href.as_deref()?)?),
            role: role.to_owned(),
            label: label.to_owned(),
            scope: HoldingScope::Set(set.to_owned()),
            inherited: false,
            active: true,
            since: self.created,
        }))
    }
}

/// Something that a custom role allows.
#[derive(Deserialize)]
pub(crate) struct RolePermission {
    label: String,
    #[serde(default)]
    conditions: Option<Box<RawValue>>,
}

impl RolePermission {
    pub(crate) fn into_record(self, role: &str) -> Record {
        let conditions = kept(self.conditions);
        Record::Permission(Permission { role: role.to_owned(), name: self.label, conditions })
    }
}

/// Somebody who decides about a group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupOwner {
    id: String,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    origin_type: Option<String>,
}

impl GroupOwner {
    /// None where it is neither a user nor a group.
    pub(crate) fn into_record(self, group: &str) -> Option<Record> {
        let owner = match self.kind.as_deref() {
            Some("USER") => Principal::Account(self.id),
            Some("GROUP") => Principal::Group(self.id),
            _ => return None,
        };
        let (name, origin) = (filled(self.display_name), filled(self.origin_type));
        Some(Record::Ownership(Ownership { group: group.to_owned(), owner, name, origin }))
    }
}
