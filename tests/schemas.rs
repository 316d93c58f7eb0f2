//! What the API's document says of an answer is what the program writes: every field of every answer is described, and no
//! description promises what is not there.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sightline_answer::lists::{
    AccountMore, CredentialMore, DeviceMore, FactorMore, Line, NoMore, OwnerMore, PolicyMore, PushMore,
    RoleMore, RuleMore, ScopeSetMore,
};
use sightline_answer::{
    AccessAnswer, AdminLine, DiffAnswer, GapLine, HistoryAnswer, ServiceAppLine, WhyAnswer,
};
use sightline_core::{
    Account, Change, Credential, Device, Factor, Group, Ownership, Policy, Push, Resource, Role, Rule,
    ScopeSet, Setting, Time, Trust,
};
use sightline_sim::company::{ADA, CONTRACTOR, GITHUB, IT_ADMINS};
use utoipa::ToSchema;

use crate::harness::{Home, SimSetup, fault, list, status};
use crate::incremental::company as changing;

/// The schema of a type, and those that it refers to.
struct Shape {
    root: Value,
    named: Map<String, Value>,
}

impl Shape {
    fn of<T: ToSchema>() -> Self {
        let mut all = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut all);
        let json = |schema| serde_json::to_value(schema).unwrap();
        let named: Map<String, Value> = all.into_iter().map(|(name, schema)| (name, json(schema))).collect();
        Self { root: json(T::schema()), named }
    }

    /// The schema itself, where it is only referred to.
    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str() {
            Some(path) => {
                let name = path.strip_prefix("#/components/schemas/").unwrap();
                self.named.get(name).unwrap_or_else(|| panic!("{name} is referred to and not described"))
            }
            None => schema,
        }
    }

    /// What is wrong with a value; the fields that the schema knows of it are added to `known`.
    fn check(&self, schema: &Value, value: &Value, known: &mut BTreeSet<String>) -> Result<(), String> {
        let schema = self.resolved(schema);
        for part in list_or_none(&schema["allOf"]) {
            self.check(part, value, known)?;
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits: Vec<_> = choices
                .iter()
                .map(|choice| {
                    let mut own = BTreeSet::new();
                    self.check(choice, value, &mut own).map(|()| own)
                })
                .collect();
            let mut fitting = fits.iter().filter_map(|fit| fit.as_ref().ok());
            let (Some(own), None) = (fitting.next(), fitting.next()) else {
                return Err(format!("{value} fits {} of {choices:?}: {fits:?}", fits.len()));
            };
            known.extend(own.iter().cloned());
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| is_of(name, value)) {
            return Err(format!("{value} is none of {types:?}"));
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            return Err(format!("{value} is none of {allowed:?}"));
        }
        if schema["format"] == "date-time"
            && let Some(text) = value.as_str()
            && (Time::parse(text).is_none() || !text.ends_with('Z'))
        {
            return Err(format!("{text} is no instant"));
        }
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for value in values {
                self.check_alone(items, value)?;
            }
        }
        let Some(fields) = value.as_object() else { return Ok(()) };
        for name in list_or_none(&schema["required"]) {
            let name = name.as_str().unwrap();
            if !fields.contains_key(name) {
                return Err(format!("{name} is missing in {value}"));
            }
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                known.insert(name.clone());
                if let Some(value) = fields.get(name) {
                    self.check_alone(property, value).map_err(|error| format!("{name}: {error}"))?;
                }
            }
        } else if types == ["object"]
            || types.is_empty() && schema.get("oneOf").is_none() && schema.get("allOf").is_none()
        {
            known.extend(fields.keys().cloned());
        }
        Ok(())
    }

    /// The same for a value of which everything must be known.
    fn check_alone(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut known = BTreeSet::new();
        self.check(schema, value, &mut known)?;
        match value.as_object().and_then(|fields| fields.keys().find(|name| !known.contains(*name))) {
            Some(name) => Err(format!("{name} is not described, of {value}")),
            None => Ok(()),
        }
    }
}

fn list_or_none(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

/// Compares answers with the schema of their type; there must be some.
fn check<T: ToSchema>(answers: &[Value]) {
    let shape = Shape::of::<T>();
    assert!(!answers.is_empty(), "no {} to look at", T::name());
    for answer in answers {
        if let Err(error) = shape.check_alone(&shape.root, answer) {
            panic!("{}: {error}\nin {}", T::name(), json!(shape.root));
        }
    }
}

/// A company that was read twice, the second time not completely.
fn home() -> Home {
    let mut setup = SimSetup::of(changing(131));
    let sim = setup.start();
    setup = setup.port(sim.port);
    let home = Home::connected_with(&sim, &["--with", "factors", "--with", "group_owners"]);
    home.run(&["sync", "--json"]).ok();
    drop(sim.stop());
    setup.spec.rounds = 2;
    let group = setup.company().group(IT_ADMINS).unwrap().id.to_string();
    let denied = fault(&format!("/api/v1/groups/{group}/users"), &status(403, "E0000006"));
    let sim = setup.faults(json!([denied])).start();
    home.run(&["sync", "--json", "--full", "--accept-drop"]).ok();
    drop(sim.stop());
    home
}

#[test]
fn every_answer_is_as_its_schema_says() {
    let home = home();
    let one = |args: &[&str]| vec![home.run(&[args, &["--json"]].concat()).json()];
    let many = |args: &[&str]| list(&one(args)[0]).to_vec();
    let lines = |what: &str| many(&["list", what]);
    check::<Line<Account, AccountMore>>(&lines("accounts"));
    check::<Line<Group, NoMore>>(&lines("groups"));
    check::<Line<Resource, NoMore>>(&lines("apps"));
    check::<Line<Rule, RuleMore>>(&lines("rules"));
    check::<Line<Ownership, OwnerMore>>(&lines("owners"));
    check::<Line<Push, PushMore>>(&lines("pushes"));
    check::<Line<Role, RoleMore>>(&lines("roles"));
    check::<Line<ScopeSet, ScopeSetMore>>(&lines("scope-sets"));
    check::<Line<Credential, CredentialMore>>(&lines("credentials"));
    check::<Line<Factor, FactorMore>>(&lines("factors"));
    check::<Line<Policy, PolicyMore>>(&lines("policies"));
    check::<Line<Device, DeviceMore>>(&lines("devices"));
    check::<Line<Trust, NoMore>>(&lines("identity-providers"));
    check::<Line<Setting, NoMore>>(&lines("settings"));
    check::<Line<Change, NoMore>>(&lines("changes"));
    check::<AdminLine>(&lines("admins"));
    check::<ServiceAppLine>(&lines("service-apps"));
    check::<GapLine>(&many(&["gaps"]));
    check::<DiffAnswer>(&many(&["diff"]));
    let apps = lines("apps");
    for app in &apps {
        check::<AccessAnswer>(&one(&["who", app["id"].as_str().unwrap()]));
    }
    for account in lines("accounts").iter().step_by(7) {
        let id = account["id"].as_str().unwrap();
        check::<AccessAnswer>(&one(&["what", id]));
        check::<HistoryAnswer>(&one(&["history", id]));
        for app in apps.iter().step_by(4) {
            check::<WhyAnswer>(&one(&["why", id, app["id"].as_str().unwrap()]));
        }
    }
    for person in [ADA, CONTRACTOR] {
        check::<WhyAnswer>(&one(&["why", person, GITHUB]));
        check::<HistoryAnswer>(&one(&["history", person]));
    }
}

#[test]
fn a_schema_refuses_what_is_not_as_it_says() {
    let shape = Shape::of::<GapLine>();
    let gap = json!({
        "source": "acme", "snapshot": 1, "sealed": "2026-01-01T00:00:00.000Z",
        "scope": { "dataset": "users", "parent": null }, "reason": { "denied": { "permission": null } },
        "detail": "", "consequence": "",
    });
    assert_eq!(shape.check_alone(&shape.root, &gap), Ok(()));
    for (field, wrong) in [
        ("sealed", json!("yesterday")),
        ("snapshot", json!("1")),
        ("scope", json!({ "dataset": "users" })),
        ("scope", json!({ "dataset": "users", "parent": null, "more": 1 })),
        ("reason", json!("denied")),
        ("reason", json!({ "denied": {} })),
        ("more", json!(null)),
    ] {
        let mut gap = gap.clone();
        gap[field] = wrong;
        assert!(shape.check_alone(&shape.root, &gap).is_err(), "{gap}");
    }
}
