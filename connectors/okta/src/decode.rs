//! Lenient decoding: one odd field costs that field, one odd object costs that object.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::value::RawValue;
use sightline_core::{Error, ErrorKind, RawJson, Result, Time};

/// Objects of a list: those that could be understood, and how many could not.
#[derive(Debug)]
pub(crate) struct Objects<T> {
    pub(crate) understood: Vec<T>,
    pub(crate) odd: u64,
    /// The first object of the list as it came, to look for new fields in.
    pub(crate) sample: Option<serde_json::Value>,
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn protocol(error: serde_json::Error) -> Error {
    let what = if error.is_eof() {
        "the answer ends in the middle"
    } else {
        "the answer is not the JSON that was expected"
    };
    // The cause is kept as its position only: its text could quote the body.
    Error::new(ErrorKind::Protocol, format!("{what} (line {}, column {})", error.line(), error.column()))
}

/// Decodes a list.
pub(crate) fn list<T: DeserializeOwned>(body: &[u8]) -> Result<Objects<T>> {
    let raw: Vec<&RawValue> = serde_json::from_slice(body).map_err(protocol)?;
    Ok(objects(&raw))
}

/// Decodes an object, such as an envelope.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(protocol)
}

/// Decodes the objects of a list that is already split.
pub(crate) fn objects<T: DeserializeOwned>(raw: &[&RawValue]) -> Objects<T> {
    let mut odd = 0;
    let understood =
        raw.iter().filter_map(|raw| serde_json::from_str(raw.get()).map_err(|_| odd += 1).ok()).collect();
    let sample = raw.first().and_then(|raw| serde_json::from_str(raw.get()).ok());
    Objects { understood, odd, sample }
}

/// A field that is missing, null or of another type than expected is none.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Elements of another type than expected are left out.
pub(crate) fn lenient_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    Ok(elements.into_iter().filter_map(|element| serde_json::from_str(element.get()).ok()).collect())
}

/// A time in any of Okta's formats.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    Ok(lenient::<D, String>(deserializer)?.and_then(|text| Time::parse(&text)))
}

/// Words in a field's name that make its text a secret.
fn names_a_secret(field: &str) -> bool {
    let name = field.to_ascii_lowercase().replace(['_', '-'], "");
    ["secret", "password", "passwd", "apikey", "privatekey", "accesskey"]
        .iter()
        .any(|word| name.contains(word))
        || name.ends_with("token")
}

/// Removes secrets and links from an object that is kept as it came.
pub(crate) fn redact(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("_links");
            for (name, value) in fields {
                if value.is_string() && names_a_secret(name) {
                    *value = "[redacted]".into();
                } else {
                    redact(value);
                }
            }
        }
        serde_json::Value::Array(elements) => elements.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Keeps an object whole, without secrets and links; it is parsed only where its text may hold one.
pub(crate) fn kept(raw: Option<Box<RawValue>>) -> RawJson {
    let Some(raw) = raw else { return RawJson::default() };
    let lower = raw.get().to_ascii_lowercase();
    let suspicious = ["secret", "passw", "key", "token", "_links"].iter().any(|word| lower.contains(word));
    if !suspicious {
        return RawJson::new(&raw);
    }
    let mut value: serde_json::Value = serde_json::from_str(raw.get()).unwrap_or_default();
    redact(&mut value);
    RawJson::from_value(&value)
}

/// Fields of an object that this version does not know: worth a look, never a failure.
pub(crate) fn drift(endpoint: &str, sample: Option<&serde_json::Value>, known: &[&str]) -> Vec<String> {
    let fields = sample.and_then(serde_json::Value::as_object);
    let unknown =
        fields.into_iter().flat_map(|fields| fields.keys()).filter(|name| !known.contains(&name.as_str()));
    unknown.map(|name| format!("{endpoint} {}", name.chars().take(60).collect::<String>())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        id: String,
        #[serde(default, deserialize_with = "lenient")]
        count: Option<u64>,
        #[serde(default, deserialize_with = "time")]
        at: Option<Time>,
        #[serde(default, deserialize_with = "lenient_list")]
        words: Vec<String>,
    }

    #[test]
    fn one_odd_field_costs_that_field_and_one_odd_object_that_object() {
        let body = br#"[{"id":"a","count":"many","at":"2026-01-01 00:00:00.0","words":["x",1,null]},
                        {"id":7}, "nonsense", {"id":"b","count":null,"at":5,"words":{}}, {"id":"c","count":3}]"#;
        let found: Objects<Thing> = list(body).unwrap();
        assert_eq!(found.odd, 2);
        let ids: Vec<_> = found.understood.iter().map(|thing| thing.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert_eq!(found.understood[0].count, None);
        assert_eq!(found.understood[0].at, Some(Time::from_secs(1_767_225_600)));
        assert_eq!(found.understood[0].words, ["x"]);
        assert_eq!((found.understood[1].count, found.understood[1].at), (None, None));
        assert_eq!(found.understood[2].count, Some(3));
    }

    #[test]
    fn a_cut_or_foreign_answer_is_an_error_that_quotes_nothing() {
        for body in [&br#"[{"id":"private"#[..], br#"{"id":"private"}"#, b"", b"private"] {
            let error = list::<Thing>(body).unwrap_err();
            assert!(!format!("{error:?}").contains("private"), "{error:?}");
            assert_eq!(*error.kind(), ErrorKind::Protocol);
        }
    }

    #[test]
    fn secrets_are_removed_wherever_they_stand() {
        let mut value = serde_json::json!({
            "client_secret": "s1", "clientSecret": "s2", "nested": [{"apiKey": "s3", "privateKey": "s4", "refresh_token": "s5"}],
            "token_endpoint_auth_method": "client_secret_basic", "_links": {"x": 1}, "label": "keep"
        });
        redact(&mut value);
        let text = value.to_string();
        for secret in ["s1", "s2", "s3", "s4", "s5", "_links"] {
            assert!(!text.contains(&format!("\"{secret}\"")), "{text}");
        }
        assert!(text.contains("keep") && text.contains("client_secret_basic"));
    }
}
