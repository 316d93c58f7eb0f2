//! From what somebody typed to a connection: the settings of a connector, its credential among them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sightline_core::{Registration, Secret};
use sightline_sync::NewConnection;
use zeroize::Zeroize as _;

use crate::app::App;
use crate::problem::Problem;

/// The longest value of a setting: keys are long.
const LONGEST: usize = 64 * 1024;

/// A setting of a connector, as its form draws it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of a field")]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// Name for people.
    pub(crate) title: String,
    pub(crate) help: String,
    pub(crate) is_secret: bool,
    pub(crate) is_required: bool,
    /// Whether it takes several words.
    pub(crate) is_list: bool,
    /// Whether it takes several lines.
    pub(crate) is_long: bool,
    pub(crate) example: String,
    /// The way to connect that it belongs to; none for all of them.
    pub(crate) way: Option<String>,
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The settings of a connector, in the order in which they are asked for, read from the schema of its configuration.
///
/// A connector says with `x-order`, `x-way` and `x-long` what a schema has no words for.
pub(crate) fn settings(registration: &Registration) -> Vec<Setting> {
    let schema = registration.schema();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut settings: Vec<(i64, Setting)> = Vec::new();
    for (name, property) in properties.into_iter().flatten() {
        let types = property.get("type");
        let is_list = types.is_some_and(|kind| {
            kind == "array" || kind.as_array().is_some_and(|all| all.iter().any(|one| one == "array"))
        });
        let is_secret = property.get("writeOnly") == Some(&Value::Bool(true)) || holds_secret(property);
        let title = match text(property, "title") {
            "" => name.replace('_', " "),
            title => title.to_owned(),
        };
        let example =
            property.get("examples").and_then(|all| all.get(0)).and_then(Value::as_str).unwrap_or_default();
        let setting = Setting {
            title,
            // Comments of code mark what is typed; people are not shown the marks.
            help: text(property, "description").replace('`', ""),
            is_secret,
            is_required: required.contains(&name.as_str()),
            is_list,
            is_long: property.get("x-long") == Some(&Value::Bool(true)),
            example: example.to_owned(),
            way: Some(text(property, "x-way").to_owned()).filter(|way| !way.is_empty()),
            name: name.clone(),
        };
        settings.push((property.get("x-order").and_then(Value::as_i64).unwrap_or(i64::MAX), setting));
    }
    settings.sort_by(|(order, a), (other, b)| {
        (order, !a.is_required, &a.name).cmp(&(other, !b.is_required, &b.name))
    });
    settings.into_iter().map(|(_, setting)| setting).collect()
}

fn holds_secret(property: &Value) -> bool {
    let any = property.get("anyOf").and_then(Value::as_array);
    any.into_iter().flatten().any(|one| one.get("writeOnly") == Some(&Value::Bool(true)))
}

/// What was typed for a connector: settings and credential apart. Names that it does not have are refused.
pub(crate) fn connection(
    app: &App,
    connector: &str,
    mut typed: BTreeMap<String, String>,
) -> Result<NewConnection, Problem> {
    let registration = app.host().options().registry.get(connector).map_err(|error| {
        Problem::not_found(error.message().to_owned())
            .field("connector")
            .hint_if(error.hint_text().map(str::to_owned))
    })?;
    let mut kept = Map::new();
    let mut credential = BTreeMap::new();
    for setting in settings(registration) {
        let Some(mut value) = typed.remove(&setting.name) else { continue };
        if value.len() > LONGEST {
            return Err(Problem::wrong(format!("{} is too long", setting.title)).field(setting.name));
        }
        if value.trim().is_empty() {
            continue;
        }
        if setting.is_secret {
            credential.insert(setting.name, Secret::new(value.trim()));
            value.zeroize();
        } else if setting.is_list {
            let words: Vec<Value> = value
                .split([',', ' ', '\n'])
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(Value::from)
                .collect();
            kept.insert(setting.name, Value::Array(words));
        } else {
            kept.insert(setting.name, value.trim().into());
        }
    }
    if let Some(name) = typed.keys().next() {
        return Err(Problem::wrong(format!("{} has no setting {name:?}", registration.info.title))
            .field(name.clone()));
    }
    Ok(NewConnection {
        connector: registration.info.id.to_owned(),
        settings: Value::Object(kept),
        credential,
        allow_loopback_http: app.options().offer_loopback,
    })
}

/// The field that a connector complains about, from its words.
pub(crate) fn field_of(settings: &[Setting], text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let named = |setting: &&Setting| {
        text.contains(&setting.title.to_lowercase()) || text.contains(&setting.name.replace('_', " "))
    };
    settings.iter().find(named).map(|setting| setting.name.clone())
}
