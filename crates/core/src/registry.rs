//! Which connectors are linked into this program.

use std::collections::BTreeMap;

use schemars::Schema;
use serde::Deserialize as _;
use zeroize::Zeroize as _;

use crate::{Context, DataSource, DynSource, Error, ErrorKind, Info, Result};

/// A connector, as [`register!`](crate::register) submits it.
#[derive(Debug)]
pub struct Registration {
    /// What it is and reads.
    pub info: &'static Info,
    schema: fn() -> Schema,
    open: fn(serde_json::Value, &Context) -> Result<Box<dyn DynSource>>,
}

inventory::collect!(Registration);

impl Registration {
    /// Describes a connector.
    pub const fn of<S: DataSource>() -> Self {
        Self { info: S::INFO, schema: schema::<S>, open: open::<S> }
    }

    /// The JSON Schema of its settings; credentials are marked `writeOnly`.
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }

    /// Names of the settings that are credentials, sorted.
    pub fn secret_fields(&self) -> Vec<String> {
        let schema = self.schema();
        let properties = schema.get("properties").and_then(serde_json::Value::as_object);
        let is_secret =
            |property: &serde_json::Value| property.get("writeOnly") == Some(&serde_json::Value::Bool(true));
        properties
            .into_iter()
            .flatten()
            .filter(|(_, property)| is_secret(property))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Opens a data source with its settings and credential; no I/O.
    pub fn open(&self, config: serde_json::Value, cx: &Context) -> Result<Box<dyn DynSource>> {
        (self.open)(config, cx)
    }
}

fn schema<S: DataSource>() -> Schema {
    schemars::schema_for!(S::Config)
}

fn open<S: DataSource>(mut given: serde_json::Value, cx: &Context) -> Result<Box<dyn DynSource>> {
    let config = S::Config::deserialize(&given);
    // The credential was among them; from here on only the connector holds it.
    wipe(&mut given);
    let config = config.map_err(|error| {
        // The text of a serde error can quote the value, and the value can be a credential.
        let line = error.to_string();
        let text =
            if line.contains("missing field") { line } else { "a setting has the wrong type".to_owned() };
        Error::new(ErrorKind::Config, format!("the settings of {} are not valid: {text}", S::INFO.title))
    })?;
    Ok(Box::new(S::open(config, cx)?))
}

/// Overwrites every text in a value.
fn wipe(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => text.zeroize(),
        serde_json::Value::Array(values) => values.iter_mut().for_each(wipe),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(wipe),
        _ => {}
    }
}

/// The connectors of a program, by id.
#[derive(Debug, Clone, Default)]
pub struct Registry(BTreeMap<&'static str, &'static Registration>);

impl Registry {
    /// Everything that is linked into this program; read once, in `main`.
    pub fn linked() -> Self {
        inventory::iter::<Registration>.into_iter().collect()
    }

    /// The connector with this id.
    pub fn get(&self, id: &str) -> Result<&'static Registration> {
        self.0.get(id).copied().ok_or_else(|| {
            let known: Vec<_> = self.0.keys().copied().collect();
            Error::new(ErrorKind::Config, format!("there is no connector {id:?}"))
                .hint(format!("connectors in this program: {}", known.join(", ")))
        })
    }

    /// All connectors, by id.
    pub fn iter(&self) -> impl Iterator<Item = &'static Registration> {
        self.0.values().copied()
    }
}

impl FromIterator<&'static Registration> for Registry {
    fn from_iter<I: IntoIterator<Item = &'static Registration>>(registrations: I) -> Self {
        Self(registrations.into_iter().map(|registration| (registration.info.id, registration)).collect())
    }
}

/// Makes a connector known to the programs that link its crate: `sightline_core::register!(Okta);`.
#[macro_export]
macro_rules! register {
    ($source:ty) => {
        $crate::private::inventory::submit! { $crate::Registration::of::<$source>() }
    };
}
