//! From Okta's words to the normalized schema.

use serde::Deserialize;
use serde_json::value::RawValue;
use sightline_core::{Account, AccountStatus, Group, GroupOrigin, Membership, Observed, Record, Rule, Time};

use crate::decode::{kept, lenient, lenient_object, lenient_texts, time};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OktaUser {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    activated: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    status_changed: Option<Time>,
    /// Left out by some answers, null for "never".
    #[serde(default)]
    last_login: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    password_changed: Option<Time>,
    #[serde(default, rename = "type", deserialize_with = "lenient_object")]
    kind: Option<UserType>,
    #[serde(default, deserialize_with = "lenient")]
    realm_id: Option<String>,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient_object")]
    credentials: Option<Credentials>,
}

#[derive(Deserialize)]
struct UserType {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default, deserialize_with = "lenient_object")]
    provider: Option<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(default, deserialize_with = "lenient")]
    login: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    second_email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    manager: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    manager_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    department: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    user_type: Option<String>,
}

pub(crate) fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn account_status(raw: &str) -> AccountStatus {
    match raw {
        "ACTIVE" | "PASSWORD_EXPIRED" | "RECOVERY" => AccountStatus::Active,
        "STAGED" | "PROVISIONED" | "ACTIVATING" => AccountStatus::Pending,
        "LOCKED_OUT" => AccountStatus::Locked,
        "SUSPENDED" => AccountStatus::Suspended,
        "DEPROVISIONED" => AccountStatus::Deactivated,
        _ => AccountStatus::Unknown,
    }
}

impl OktaUser {
    pub(crate) fn is_deactivated(&self) -> bool {
        self.status.as_deref() == Some("DEPROVISIONED")
    }

    pub(crate) fn into_record(self) -> Record {
        let profile: Profile =
            self.profile.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let raw_status = self.status.unwrap_or_else(|| "(none)".to_owned());
        let login = filled(profile.login).unwrap_or_else(|| self.id.clone());
        let whole_name =
            [filled(profile.first_name), filled(profile.last_name)].into_iter().flatten().collect::<Vec<_>>();
        let name = filled(profile.display_name)
            .or_else(|| if whole_name.is_empty() { None } else { Some(whole_name.join(" ")) })
            .unwrap_or_else(|| login.clone());
        let last_sign_in = match self.last_login.as_deref().map(RawValue::get) {
            None => Observed::Known(None),
            Some(text) => match serde_json::from_str::<String>(text).ok().and_then(|text| Time::parse(&text))
            {
                Some(time) => Observed::Known(Some(time)),
                None => Observed::Unknown("Okta sent a last sign-in that is no time".to_owned()),
            },
        };
        Record::Account(Box::new(Account {
            status: account_status(&raw_status),
            raw_status,
            name,
            emails: [filled(profile.email), filled(profile.second_email)].into_iter().flatten().collect(),
            created: self.created,
            activated: self.activated,
            status_changed: self.status_changed,
            last_sign_in,
            password_changed: self.password_changed,
            last_updated: self.last_updated,
            manager: filled(profile.manager_id).or_else(|| filled(profile.manager)),
            department: filled(profile.department),
            title: filled(profile.title),
            account_type: filled(profile.user_type),
            type_id: self.kind.and_then(|kind| kind.id),
            realm: self.realm_id,
            credential_provider: self.credentials.and_then(|c| c.provider).and_then(|provider| provider.kind),
            profile: kept(self.profile),
            login,
            id: self.id,
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OktaGroup {
    pub(crate) id: String,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_membership_updated: Option<Time>,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient_object")]
    source: Option<GroupSource>,
    #[serde(default, rename = "_embedded", deserialize_with = "lenient_object")]
    embedded: Option<GroupEmbedded>,
    #[serde(default, rename = "_links", deserialize_with = "lenient_object")]
    links: Option<GroupLinks>,
}

#[derive(Deserialize)]
struct GroupLinks {
    #[serde(default, deserialize_with = "lenient_object")]
    source: Option<Href>,
}

#[derive(Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct GroupSource {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct GroupEmbedded {
    #[serde(default, deserialize_with = "lenient_object")]
    stats: Option<Stats>,
}

/// Counts of a group.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) users_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) apps_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    has_admin_privilege: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    has_admin_privlege: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    has_admin_privileges: Option<bool>,
}

impl Stats {
    /// Whether the group carries an admin role; Okta's answers, its reference and its release notes each spell the
    /// field in another way.
    pub(crate) fn is_admin(&self) -> Option<bool> {
        self.has_admin_privilege.or(self.has_admin_privlege).or(self.has_admin_privileges)
    }
}

#[derive(Default, Deserialize)]
struct GroupProfile {
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
}

impl OktaGroup {
    pub(crate) fn stats(&self) -> Option<Stats> {
        self.embedded.as_ref().and_then(|embedded| embedded.stats)
    }

    /// When it or its members were last changed, where Okta says so.
    pub(crate) fn changed(&self) -> Option<Time> {
        self.last_updated.max(self.last_membership_updated)
    }

    fn profile(&self) -> GroupProfile {
        self.profile.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// *Everyone* holds every user that is not deactivated; Okta has other built-in groups too.
    pub(crate) fn is_everyone(&self) -> bool {
        self.kind.as_deref() == Some("BUILT_IN") && self.profile().name.as_deref() == Some("Everyone")
    }

    pub(crate) fn into_record(self) -> Record {
        let everyone = self.is_everyone();
        let profile = self.profile();
        let stats = self.stats();
        let count = |count: Option<u64>| {
            count.map_or_else(|| Observed::Unknown("Okta did not send its count".to_owned()), Observed::Known)
        };
        Record::Group(Box::new(Group {
            name: filled(profile.name).unwrap_or_else(|| self.id.clone()),
            description: filled(profile.description),
            origin: match self.kind.as_deref() {
                Some("OKTA_GROUP") => GroupOrigin::Native,
                Some("APP_GROUP") => GroupOrigin::Imported,
                Some("BUILT_IN") => GroupOrigin::BuiltIn,
                other => GroupOrigin::Unknown(other.unwrap_or("(none)").to_owned()),
            },
            // Named in one of two ways, depending on the age of the group.
            source_resource: self.source.and_then(|source| source.id).or_else(|| {
                let link = self.links?.source?;
                id_at_end(link.href.as_deref()?)
            }),
            everyone,
            member_count: count(stats.and_then(|stats| stats.users_count)),
            resource_count: count(stats.and_then(|stats| stats.apps_count)),
            created: self.created,
            last_updated: self.last_updated,
            last_membership_updated: self.last_membership_updated,
            profile: kept(self.profile),
            id: self.id,
        }))
    }
}

/// A member of a group: a whole user, of which only the id is news.
#[derive(Deserialize)]
pub(crate) struct Member {
    id: String,
}

impl Member {
    pub(crate) fn into_record(self, group: &str) -> Record {
        Record::Membership(Membership { group: group.to_owned(), account: self.id })
    }
}

#[derive(Deserialize)]
pub(crate) struct OktaRule {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient_object")]
    conditions: Option<RuleConditions>,
    #[serde(default, deserialize_with = "lenient_object")]
    actions: Option<RuleActions>,
}

#[derive(Default, Deserialize)]
struct RuleConditions {
    #[serde(default, deserialize_with = "lenient_object")]
    expression: Option<RuleExpression>,
    #[serde(default, deserialize_with = "lenient_object")]
    people: Option<RulePeople>,
}

#[derive(Deserialize)]
struct RuleExpression {
    #[serde(default, deserialize_with = "lenient")]
    value: Option<String>,
}

#[derive(Default, Deserialize)]
struct RulePeople {
    #[serde(default, deserialize_with = "lenient_object")]
    users: Option<Excluded>,
    #[serde(default, deserialize_with = "lenient_object")]
    groups: Option<Excluded>,
}

#[derive(Deserialize)]
struct Excluded {
    #[serde(default, deserialize_with = "lenient_texts")]
    exclude: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleActions {
    #[serde(default, deserialize_with = "lenient_object")]
    assign_user_to_groups: Option<RuleTargets>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleTargets {
    #[serde(default, deserialize_with = "lenient_texts")]
    group_ids: Vec<String>,
}

impl OktaRule {
    pub(crate) fn into_record(self) -> Record {
        let raw_status = self.status.unwrap_or_else(|| "(none)".to_owned());
        let conditions = self.conditions.unwrap_or_default();
        let people = conditions.people.unwrap_or_default();
        Record::Rule(Box::new(Rule {
            name: filled(self.name).unwrap_or_else(|| self.id.clone()),
            active: raw_status == "ACTIVE",
            raw_status,
            expression: conditions.expression.and_then(|expression| expression.value),
            target_groups: self
                .actions
                .and_then(|actions| actions.assign_user_to_groups)
                .map(|targets| targets.group_ids)
                .unwrap_or_default(),
            excluded_accounts: people.users.map(|users| users.exclude).unwrap_or_default(),
            excluded_groups: people.groups.map(|groups| groups.exclude).unwrap_or_default(),
            id: self.id,
        }))
    }
}

/// A link: a source of ids, never followed.
#[derive(Deserialize)]
pub(crate) struct Href {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) href: Option<String>,
}

impl Href {
    /// The segments of its path behind the version of the interface: `groups`, `00g…`, `users`.
    pub(crate) fn segments(&self) -> Vec<&str> {
        let link = self.href.as_deref().unwrap_or_default();
        let path = link.split(['?', '#']).next().unwrap_or_default();
        let from = path.find("/v1/").map_or(path, |at| &path[at + 4..]);
        from.split('/').filter(|segment| !segment.is_empty()).collect()
    }
}

/// Whether a text can be an id: one plain segment of a path.
pub(crate) fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The last segment of a link's path is an id; the link itself is never followed.
pub(crate) fn id_at_end(href: &str) -> Option<String> {
    let path = href.split(['?', '#']).next()?;
    let id = path.trim_end_matches('/').rsplit('/').next()?;
    is_plain(id).then(|| id.to_owned())
}
