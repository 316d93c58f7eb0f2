//! Every dataset against a company whose truth is known: each fact that the company's truth names is told, no other one
//! is, and no secret is told at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use sightline_sim::company::{CredentialKind, EventKind, SettingKind};
use sightline_sim::expect::{AdminScope, Assignee};
use sightline_sim::{Company, CompanySpec};

use crate::harness::{Facts, Home, SimSetup, list, millis, now, text};

/// Datasets that are read only when they are asked for.
const ASKED_FOR: [&str; 3] = ["group_owners", "factors", "linked_objects"];

pub(crate) fn company() -> CompanySpec {
    CompanySpec { groups: 24, apps: 20, memberships: 300, ..CompanySpec::for_people(70, 19, now()) }
}

/// A home in which all of this company is read, what costs a licence included.
fn read_whole() -> (Company, Home) {
    let setup = SimSetup::of(company()).flags(&["--licensed"]);
    let sim = setup.start();
    let home = Home::connected_with(&sim, &ASKED_FOR.map(|dataset| ["--with", dataset]).concat());
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!(list(&report["gaps"]), &[] as &[Value]);
    assert_eq!(home.run(&["gaps", "--json"]).json(), json!([]));
    let served = sim.stop();
    assert!(
        served.requests.keys().all(|path| !path.contains("secrets")),
        "secrets were asked for: {served:?}"
    );
    assert!(served.requests.keys().all(|path| path.starts_with("GET ")), "{served:?}");
    (setup.company(), home)
}

/// What the facts of this kind say, each in a line; two of one line fail.
#[track_caller]
fn told(facts: &Facts, kind: &str, line: impl Fn(&Value) -> String) -> BTreeSet<String> {
    told_where(facts, kind, |_| true, line)
}

#[track_caller]
fn told_where(
    facts: &Facts,
    kind: &str,
    fits: impl Fn(&Value) -> bool,
    line: impl Fn(&Value) -> String,
) -> BTreeSet<String> {
    let records = facts.values().filter(|fact| fits(fact)).filter_map(|fact| fact["record"].get(kind));
    let lines: Vec<String> = records.map(line).collect();
    let distinct: BTreeSet<String> = lines.iter().cloned().collect();
    assert_eq!(distinct.len(), lines.len(), "two facts of {kind} say the same");
    distinct
}

#[track_caller]
fn is_true(what: &str, found: &BTreeSet<String>, expected: impl IntoIterator<Item = String>) {
    let expected: BTreeSet<String> = expected.into_iter().collect();
    let missing: Vec<_> = expected.difference(found).take(3).collect();
    let made_up: Vec<_> = found.difference(&expected).take(3).collect();
    assert!(missing.is_empty() && made_up.is_empty(), "{what}: missing {missing:#?}, made up {made_up:#?}");
    assert!(!expected.is_empty(), "the company has no {what}");
}

/// A principal of a fact in the words of the truth.
fn principal(value: &Value) -> String {
    let (kind, id) = value.as_object().unwrap().iter().next().unwrap();
    format!("{kind} {}", id.as_str().unwrap())
}

fn assignee(assignee: &Assignee) -> String {
    match assignee {
        Assignee::User(id) => format!("account {id}"),
        Assignee::Group(id) => format!("group {id}"),
        Assignee::Client(id) => format!("resource {id}"),
    }
}

/// The scope of a held role in the words of the truth.
fn reach(scope: &Value) -> String {
    match scope {
        Value::String(word) => word.clone(),
        _ if scope["set"].is_string() => format!("set {}", text(scope, "set")),
        _ => {
            let ids: BTreeSet<&str> = list(&scope["targets"])
                .iter()
                .map(|target| target.as_str().unwrap().split_once('/').unwrap().1)
                .collect();
            format!("targets {ids:?}")
        }
    }
}

fn true_reach(scope: &AdminScope) -> String {
    match scope {
        AdminScope::Org => "org".to_owned(),
        AdminScope::ResourceSet(set) => format!("set {set}"),
        AdminScope::Targets(ids) => format!("targets {:?}", ids.iter().collect::<BTreeSet<_>>()),
    }
}

fn optional(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

#[test]
fn every_fact_of_every_dataset_is_told_and_no_other() {
    let (company, home) = read_whole();
    let facts = home.facts();
    structure(&company, &facts);
    administration(&company, &facts);
    credentials(&company, &facts);
    posture(&company, &facts);
    settings(&company, &facts);
    log(&company, &facts);
    no_secret_is_told(&company, &home);
}

/// Memberships, rules, rows of applications, owners, pushed groups.
fn structure(company: &Company, facts: &Facts) {
    let truth = company.truth();
    let found =
        told(facts, "membership", |edge| format!("{} {}", text(edge, "group"), text(edge, "account")));
    let members = company.groups.iter().flat_map(|group| {
        group.members.iter().map(move |&user| format!("{} {}", group.id, company.users[user as usize].id))
    });
    is_true("memberships", &found, members);

    let found = told(facts, "rule", |rule| {
        let targets: BTreeSet<&str> =
            list(&rule["target_groups"]).iter().map(|id| id.as_str().unwrap()).collect();
        format!(
            "{} {} {} {} {targets:?}",
            text(rule, "id"),
            text(rule, "name"),
            text(rule, "raw_status"),
            optional(&rule["expression"])
        )
    });
    let rules = company.rules.iter().map(|rule| {
        let targets: BTreeSet<&str> =
            rule.groups.iter().map(|&group| company.groups[group as usize].id.as_str()).collect();
        format!("{} {} {} {} {targets:?}", rule.id, rule.name, rule.status, rule.expression)
    });
    is_true("rules", &found, rules);

    let found = told_where(
        facts,
        "assignment",
        |fact| fact["scope"]["dataset"] == "app_users",
        |row| {
            let via = match &row["origin"] {
                Value::String(word) => word.clone(),
                origin => format!("group {}", text(origin, "group")),
            };
            format!(
                "{} {} {via} {} {} {} {} {:?}",
                text(row, "resource"),
                principal(&row["principal"]),
                optional(&row["raw_status"]),
                optional(&row["sync_state"]),
                optional(&row["external_id"]),
                optional(&row["user_name"]),
                millis(&row["since"])
            )
        },
    );
    let rows = company.apps.iter().flat_map(|app| {
        let rows = truth.app_rows(app.id.as_str()).into_iter();
        rows.map(move |row| {
            let via = row.group_id.map_or_else(|| "direct".to_owned(), |group| format!("group {group}"));
            let external = row.external_id.unwrap_or_else(|| "-".to_owned());
            format!(
                "{} account {} {via} {} {} {external} {} {:?}",
                app.id,
                row.user_id,
                row.status,
                row.sync_state,
                row.user_name,
                Some(row.created_ms)
            )
        })
    });
    is_true("rows of applications", &found, rows);

    let found = told_where(
        facts,
        "assignment",
        |fact| fact["scope"]["dataset"] == "app_groups",
        |edge| format!("{} {} {}", text(edge, "resource"), principal(&edge["principal"]), edge["priority"]),
    );
    let app_groups = company.apps.iter().flat_map(|app| {
        app.groups.iter().zip(0..).map(move |(assigned, priority)| {
            format!("{} group {} {priority}", app.id, company.groups[assigned.group as usize].id)
        })
    });
    is_true("groups of applications", &found, app_groups);

    let found =
        told(facts, "ownership", |edge| format!("{} {}", text(edge, "group"), principal(&edge["owner"])));
    let owners = truth.owners();
    is_true(
        "owners",
        &found,
        owners.iter().map(|owner| format!("{} {}", owner.group_id, assignee(&owner.owner))),
    );

    let found = told(facts, "push", |push| {
        ["resource", "id", "group", "target_group", "raw_status"].map(|name| text(push, name)).join(" ")
    });
    let pushes = truth.push_mappings().into_iter().map(|push| {
        [push.app_id, push.mapping_id, push.source_group_id, push.target_group_id, push.status].join(" ")
    });
    is_true("pushed groups", &found, pushes);
}

/// Roles and what they allow, sets and what they hold, who holds what.
fn administration(company: &Company, facts: &Facts) {
    let truth = company.truth();
    let found = told(facts, "permission", |permission| {
        format!("{} {} {}", text(permission, "role"), text(permission, "name"), permission["conditions"])
    });
    let permissions = truth.permissions().into_iter().map(|given| {
        let conditions = given.condition.map_or(Value::Null, |(include, attributes)| {
            let which = if include { "include" } else { "exclude" };
            json!({ which: { "okta:ResourceAttribute/User/Profile": attributes } })
        });
        format!("{} {} {conditions}", given.role_id, given.label)
    });
    is_true("permissions", &found, permissions);

    let found = told(facts, "scope_set", |set| format!("{} {}", text(set, "id"), text(set, "label")));
    is_true("sets", &found, company.resource_sets.iter().map(|set| format!("{} {}", set.id, set.label)));

    let found = told(facts, "set_member", |member| {
        format!("{} {} {}", text(member, "set"), text(member, "object"), member["contents"])
    });
    let entries = truth.set_resources().into_iter().map(|entry| {
        let kind = if entry.kind == "app" { "resource" } else { "group" };
        format!("{} {kind}/{} {}", entry.set_id, entry.resource_id, entry.kind == "members_of")
    });
    is_true("entries of sets", &found, entries);

    let of = |dataset: &'static str| move |fact: &Value| fact["scope"]["dataset"] == dataset;
    let held = |holding: &Value| {
        format!("{} {} {}", principal(&holding["principal"]), text(holding, "role"), reach(&holding["scope"]))
    };
    let found = told_where(facts, "holding", of("binding_members"), held);
    let bindings = truth
        .bindings()
        .into_iter()
        .map(|binding| format!("{} {} set {}", assignee(&binding.assignee), binding.role_id, binding.set_id));
    is_true("bindings", &found, bindings);

    let found = told_where(facts, "holding", of("client_roles"), held);
    let roles = truth
        .client_roles()
        .into_iter()
        .map(|held| format!("resource {} {} {}", held.client_id, held.role, true_reach(&held.scope)));
    is_true("roles of service applications", &found, roles);

    let direct = |fact: &Value| {
        fact["scope"]["dataset"] == "user_roles" && fact["record"]["holding"]["inherited"] == false
    };
    let found = told_where(facts, "holding", direct, held);
    let admins = truth.admins().into_iter().filter(|admin| admin.via_group_id.is_none());
    is_true(
        "roles of users",
        &found,
        admins.map(|admin| format!("account {} {} {}", admin.user_id, admin.role, true_reach(&admin.scope))),
    );
}

/// Keys, secrets, tokens and integrations, and what may be done with them.
fn credentials(company: &Company, facts: &Facts) {
    let truth = company.truth();
    let of = |kind: &'static str| move |fact: &Value| fact["record"]["credential"]["kind"] == kind;
    let found = told_where(facts, "credential", of("api_token"), |token| {
        let times = ["created", "last_updated", "expires"].map(|name| millis(&token[name]));
        format!("{} {} {} {times:?}", text(token, "id"), text(token, "name"), text(token, "owner"))
    });
    let tokens = truth.api_tokens().into_iter().map(|token| {
        let times = [Some(token.created_ms), Some(token.last_updated_ms), token.expires_ms];
        format!("{} {} account/{} {times:?}", token.token_id, token.name, token.user_id)
    });
    is_true("API tokens", &found, tokens);

    let found = told_where(facts, "credential", of("api_integration"), |integration| {
        format!("{} {} {}", text(integration, "id"), text(integration, "name"), integration["scopes"])
    });
    let integrations = truth
        .api_services()
        .into_iter()
        .map(|service| format!("{} {} {}", service.service_id, service.name, json!(service.granted_scopes)));
    is_true("API integrations", &found, integrations);

    let owner = |credential: &Value| text(credential, "owner").to_owned();
    let found = told_where(facts, "credential", of("client_secret"), owner);
    let with_secret: BTreeSet<String> = truth
        .credentials()
        .into_iter()
        .filter(|credential| credential.kind == CredentialKind::Secret)
        .map(|credential| format!("resource/{}", credential.app_id))
        .collect();
    is_true("applications with a secret", &found, with_secret);

    let key = |key: &Value| format!("{} {}", text(key, "owner"), text(key, "name"));
    let found = told_where(facts, "credential", of("key"), key);
    let signing = truth
        .credentials()
        .into_iter()
        .filter(|credential| credential.kind == CredentialKind::SigningKey && credential.active);
    is_true("keys", &found, signing.map(|key| format!("resource/{} {}", key.app_id, key.credential_id)));

    let found =
        told(facts, "api_grant", |grant| format!("{} {}", text(grant, "resource"), text(grant, "scope")));
    let services: BTreeSet<&str> =
        company.apps.iter().filter(|app| app.service).map(|app| app.id.as_str()).collect();
    // Only applications that act by themselves are asked for.
    let grants = truth.grants().into_iter().filter(|grant| services.contains(grant.app_id.as_str()));
    is_true("grants", &found, grants.map(|grant| format!("{} {}", grant.app_id, grant.scope)));
}

/// Policies, second factors, devices.
fn posture(company: &Company, facts: &Facts) {
    let truth = company.truth();
    let status = |active: bool| if active { "ACTIVE" } else { "INACTIVE" };
    let found = told(facts, "policy", |policy| {
        let groups = &policy["raw"]["conditions"]["people"]["groups"]["include"];
        let groups: BTreeSet<&str> =
            groups.as_array().into_iter().flatten().map(|id| id.as_str().unwrap()).collect();
        format!(
            "{} {} {} {} {} {groups:?}",
            text(policy, "id"),
            text(policy, "kind"),
            text(policy, "name"),
            text(policy, "raw_status"),
            policy["priority"]
        )
    });
    let policies = truth.policies();
    is_true(
        "policies",
        &found,
        policies.iter().map(|policy| {
            let groups: BTreeSet<&str> = policy.group_ids.iter().map(String::as_str).collect();
            let (id, kind, name) = (&policy.policy_id, &policy.kind, &policy.name);
            format!("{id} {kind} {name} {} {} {groups:?}", status(policy.active), policy.priority)
        }),
    );

    let found = told(facts, "policy_rule", |rule| {
        ["policy", "id", "name", "raw_status"].map(|name| text(rule, name)).join(" ")
    });
    let rules = policies.iter().flat_map(|policy| {
        let rules = policy.rules.iter();
        rules.map(|(id, name, active)| format!("{} {id} {name} {}", policy.policy_id, status(*active)))
    });
    is_true("rules of policies", &found, rules);

    let found =
        told(facts, "governance", |edge| format!("{} {}", text(edge, "resource"), text(edge, "policy")));
    let governed = truth.app_policies();
    is_true(
        "policies of applications",
        &found,
        governed.iter().map(|it| format!("{} {}", it.app_id, it.policy_id)),
    );

    let found = told(facts, "factor", |factor| {
        ["account", "id", "kind", "provider", "raw_status"].map(|name| text(factor, name)).join(" ")
    });
    // Those who hold any role are asked for.
    let admins: BTreeSet<String> = truth.admins().into_iter().map(|admin| admin.user_id).collect();
    let factors = truth.factors().into_iter().filter(|factor| admins.contains(&factor.user_id));
    let factors = factors.map(|factor| {
        let status = if factor.active { "ACTIVE" } else { "PENDING_ACTIVATION" };
        [&*factor.user_id, &factor.factor_id, &factor.factor_type, &factor.provider, status].join(" ")
    });
    is_true("second factors of admins", &found, factors);

    let found = told(facts, "device", |device| {
        ["id", "name", "platform", "raw_status"].map(|name| text(device, name)).join(" ")
    });
    let devices = truth.devices();
    is_true(
        "devices",
        &found,
        devices.iter().map(|it| [&*it.device_id, &it.display_name, &it.platform, &it.status].join(" ")),
    );
    let found = told(facts, "device_use", |edge| {
        format!("{} {} {}", text(edge, "device"), text(edge, "account"), text(edge, "management"))
    });
    let uses = devices.iter().flat_map(|device| {
        device.users.iter().map(|(user, managed)| {
            format!("{} {user} {}", device.device_id, if *managed { "MANAGED" } else { "NOT_MANAGED" })
        })
    });
    is_true("users of devices", &found, uses);

    let found = told(facts, "link", |link| ["name", "account", "to"].map(|name| text(link, name)).join(" "));
    let live: BTreeSet<&str> =
        company.users.iter().filter(|user| user.is_live()).map(|user| user.id.as_str()).collect();
    let linked = truth.linked().into_iter().filter(|linked| live.contains(linked.of.as_str()));
    is_true("managers", &found, linked.map(|it| [it.relation, it.of, it.user_id].join(" ")));

    let found = told_where(
        facts,
        "account",
        |_| true,
        |account| format!("{} {}", text(account, "id"), text(account, "realm")),
    );
    is_true(
        "realms of users",
        &found,
        truth.realms().into_iter().map(|(user, realm)| format!("{user} {realm}")),
    );
}

/// Settings that are there once, without an id of their own.
const ONCE: [&str; 4] = ["credential_reach", "threat_insight", "org_support", "third_party_admins"];

/// Everything else that is set up.
fn settings(company: &Company, facts: &Facts) {
    let kind_of = |kind: SettingKind| match kind {
        SettingKind::Authenticator => Some("authenticator"),
        SettingKind::Zone => Some("network_zone"),
        SettingKind::TrustedOrigin => Some("trusted_origin"),
        SettingKind::IdentityProvider => Some("identity provider"),
        SettingKind::EventHook => Some("event_hook"),
        SettingKind::InlineHook => Some("inline_hook"),
        SettingKind::LogStream => Some("log_stream"),
        SettingKind::Behavior => Some("behavior"),
        SettingKind::DeviceAssurance => Some("device_assurance"),
        SettingKind::AgentPool => Some("agent_pool"),
        SettingKind::UserType => Some("user_type"),
        SettingKind::LinkedObject => Some("linked_object"),
        SettingKind::Realm => Some("realm"),
        SettingKind::AuthorizationServer => Some("authorization_server"),
        // What the provider has switched on, and its limits, are no setting of the organisation.
        SettingKind::Feature | SettingKind::PrincipalRateLimit => None,
    };
    let once: BTreeSet<&str> = facts
        .values()
        .filter_map(|fact| fact["record"]["setting"]["kind"].as_str())
        .filter(|kind| ONCE.contains(kind))
        .collect();
    assert_eq!(once, BTreeSet::from(ONCE));

    let of_list =
        |fact: &Value| !ONCE.contains(&fact["record"]["setting"]["kind"].as_str().unwrap_or_default());
    let mut found = told_where(facts, "setting", of_list, |setting| {
        format!("{} {} {}", text(setting, "kind"), text(setting, "id"), optional(&setting["raw_status"]))
    });
    found.extend(told(facts, "trust", |trust| {
        format!("identity provider {} {}", text(trust, "id"), text(trust, "raw_status"))
    }));
    let expected = company.truth().settings().into_iter().filter_map(|setting| {
        let status = setting.status.unwrap_or_else(|| "-".to_owned());
        Some(format!("{} {} {status}", kind_of(setting.kind)?, setting.id))
    });
    is_true("settings", &found, expected);

    let names: BTreeMap<&str, &str> = facts
        .values()
        .filter_map(|fact| fact["record"].get("setting"))
        .map(|setting| (text(setting, "id"), text(setting, "name")))
        .collect();
    for setting in company.truth().settings() {
        // Types and relations are called by their titles.
        let titled = matches!(setting.kind, SettingKind::LinkedObject | SettingKind::UserType);
        if let Some(name) = names.get(setting.id.as_str()).filter(|_| !titled) {
            assert_eq!(*name, setting.name, "{setting:?}");
        }
    }
}

/// What was used and what was changed.
fn log(company: &Company, facts: &Facts) {
    let found = told(facts, "usage", |usage| {
        format!(
            "{} {} {:?} {}",
            text(usage, "account"),
            optional(&usage["resource"]),
            millis(&usage["last"]),
            usage["count"]
        )
    });
    let used = company.truth().last_uses().into_iter();
    let used = used.map(|it| format!("{} {} {:?} {}", it.user_id, it.app_id, Some(it.last_use_ms), it.uses));
    let mut starts: BTreeMap<String, u64> = BTreeMap::new();
    for event in company.served_events() {
        if event.kind == EventKind::SessionStart && event.success {
            *starts.entry(company.users[event.actor as usize].id.to_string()).or_default() += 1;
        }
    }
    let sessions = company.truth().last_sessions().into_iter();
    let sessions =
        sessions.map(|it| format!("{} - {:?} {}", it.user_id, Some(it.last_start_ms), starts[&it.user_id]));
    is_true("use", &found, used.chain(sessions));

    let found = told(facts, "change", |change| {
        format!(
            "{} {} {:?} {}",
            text(change, "id"),
            text(change, "kind"),
            millis(&change["time"]),
            change["succeeded"]
        )
    });
    let changes = company.served_events().iter().filter(|event| is_change(event.kind)).map(|event| {
        let uuid = event.uuid(company.spec.seed);
        format!("{uuid} {} {:?} {}", event.kind.as_str(), Some(event.time), event.success)
    });
    is_true("changes", &found, changes);
}

/// Whether an event tells of more than use.
pub(crate) fn is_change(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::SessionStart
            | EventKind::SessionEnd
            | EventKind::Sso
            | EventKind::Mfa
            | EventKind::SignOnPolicy
    )
}

/// No command shows a secret, and no file holds one.
fn no_secret_is_told(company: &Company, home: &Home) {
    let secrets = company.truth().secrets();
    assert!(secrets.len() > 5, "the company has hardly any secrets: {}", secrets.len());
    let mut shown = String::new();
    for what in [
        "accounts",
        "groups",
        "apps",
        "rules",
        "owners",
        "pushes",
        "roles",
        "admins",
        "scope-sets",
        "service-apps",
        "credentials",
        "factors",
        "policies",
        "devices",
        "identity-providers",
        "settings",
        "changes",
    ] {
        for format in ["--json", "--csv"] {
            shown.push_str(&home.run(&["list", what, format]).ok().stdout);
        }
        shown.push_str(&home.run(&["list", what]).ok().stdout);
    }
    let app = company.apps.iter().find(|app| app.service).unwrap();
    for args in [&["export"][..], &["gaps"], &["who", app.id.as_str()], &["source", "show", "Okta", "--json"]]
    {
        shown.push_str(&home.run(args).ok().stdout);
    }
    let files: Vec<Vec<u8>> =
        fs::read_dir(home.data()).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    for (secret, turn) in secrets.iter().zip(1..) {
        assert!(secret.len() >= 8, "secret {turn} is too short to be looked for");
        assert!(!shown.contains(secret.as_str()), "secret {turn} is shown");
        for bytes in &files {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "secret {turn} is stored");
        }
    }
}
