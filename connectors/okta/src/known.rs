//! Fields of each object that this version knows; others are reported as drift.

pub(crate) const USER: &[&str] = &[
    "id",
    "status",
    "created",
    "activated",
    "statusChanged",
    "lastLogin",
    "lastUpdated",
    "passwordChanged",
    "type",
    "realmId",
    "transitioningToStatus",
    "profile",
    "credentials",
    "_links",
    "_embedded",
];
pub(crate) const GROUP: &[&str] = &[
    "id",
    "created",
    "lastUpdated",
    "lastMembershipUpdated",
    "objectClass",
    "type",
    "profile",
    "source",
    "_links",
    "_embedded",
];
pub(crate) const RULE: &[&str] = &[
    "id",
    "type",
    "status",
    "name",
    "created",
    "lastUpdated",
    "conditions",
    "actions",
    "allGroupsValid",
    "_embedded",
];
pub(crate) const APP: &[&str] = &[
    "id",
    "orn",
    "name",
    "label",
    "status",
    "lastUpdated",
    "created",
    "accessibility",
    "visibility",
    "features",
    "signOnMode",
    "credentials",
    "settings",
    "profile",
    "licensing",
    "universalLogout",
    "_links",
    "_embedded",
];
pub(crate) const APP_USER: &[&str] = &[
    "id",
    "externalId",
    "created",
    "lastUpdated",
    "scope",
    "status",
    "statusChanged",
    "passwordChanged",
    "syncState",
    "lastSync",
    "credentials",
    "profile",
    "_links",
    "_embedded",
];
pub(crate) const APP_GROUP: &[&str] = &["id", "lastUpdated", "priority", "profile", "_links", "_embedded"];
pub(crate) const ROLE_ASSIGNMENT: &[&str] = &[
    "id",
    "label",
    "type",
    "status",
    "created",
    "lastUpdated",
    "assignmentType",
    "role",
    "resource-set",
    "_links",
    "_embedded",
];
pub(crate) const ROLE: &[&str] =
    &["id", "label", "description", "created", "lastUpdated", "isCloneable", "_links", "permissions"];
pub(crate) const ASSIGNEE: &[&str] = &["id", "orn", "_links"];
/// Of objects that are kept whole, nothing new can be lost.
pub(crate) const KEPT: &[&str] = &[];
pub(crate) const PERMISSION: &[&str] = &["label", "created", "lastUpdated", "conditions", "_links"];
pub(crate) const SCOPE_SET: &[&str] = &["id", "label", "description", "created", "lastUpdated", "_links"];
pub(crate) const SET_RESOURCE: &[&str] = &["id", "orn", "created", "lastUpdated", "conditions", "_links"];
pub(crate) const BINDING: &[&str] = &["id", "_links"];
pub(crate) const BINDING_MEMBER: &[&str] = &["id", "created", "lastUpdated", "_links"];
/// Whether the owner was found in its directory, and its id there, are left out: the owner's own id says who it is.
pub(crate) const OWNER: &[&str] =
    &["id", "type", "resolved", "originId", "originType", "displayName", "lastUpdated"];
/// A grant is known by its application and its scope; the rest repeats them.
pub(crate) const GRANT: &[&str] = &[
    "id",
    "status",
    "created",
    "createdBy",
    "lastUpdated",
    "issuer",
    "clientId",
    "scopeId",
    "source",
    "userId",
    "_links",
    "_embedded",
];
pub(crate) const PUSH: &[&str] = &[
    "id",
    "created",
    "lastUpdated",
    "sourceGroupId",
    "targetGroupId",
    "status",
    "errorSummary",
    "lastPush",
    "_links",
];
/// What a factor is proved with (numbers, devices) is left out on purpose.
pub(crate) const FACTOR: &[&str] = &[
    "id",
    "factorType",
    "provider",
    "vendorName",
    "status",
    "created",
    "lastUpdated",
    "profile",
    "enrollment",
    "_links",
    "_embedded",
];
pub(crate) const IDP_USER: &[&str] =
    &["id", "externalId", "created", "lastUpdated", "profile", "_links", "_embedded"];
pub(crate) const DEVICE_USER: &[&str] = &["created", "managementStatus", "screenLockType", "user"];
pub(crate) const LINKED_USER: &[&str] = &["_links"];
