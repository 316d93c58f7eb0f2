//! Provider JSON that is kept as it came.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON text that Sightline keeps whole without understanding it, such as an account's profile.
///
/// JSON output embeds it as a value, binary formats hold its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Keeps the text of a value that was already parsed.
    pub fn new(raw: &RawValue) -> Self {
        Self(raw.get().into())
    }

    /// Keeps a value that was built or redacted.
    pub fn from_value(value: &serde_json::Value) -> Self {
        Self(value.to_string().into_boxed_str())
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// The parsed value; `Null` where the text is no JSON, which only a damaged store can cause.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Default for RawJson {
    fn default() -> Self {
        Self("null".into())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            match serde_json::from_str::<&RawValue>(&self.0) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_none(),
            }
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Box::<RawValue>::deserialize(deserializer).map(|raw| Self::new(&raw))
        } else {
            String::deserialize(deserializer).map(|text| Self(text.into_boxed_str()))
        }
    }
}
