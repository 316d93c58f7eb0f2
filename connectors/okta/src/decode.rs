//! Lenient decoding: one odd field costs that field, one odd object costs that object.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{
    BoolDeserializer, Error as ValueError, I64Deserializer, MapAccessDeserializer, SeqAccessDeserializer,
    StrDeserializer, U64Deserializer,
};
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
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
    // In one pass where every object can be understood, which is nearly always.
    // Checked as a whole, text need not be checked string by string.
    if let Some(understood) = std::str::from_utf8(body).ok().and_then(|text| serde_json::from_str(text).ok())
    {
        return Ok(Objects { understood, odd: 0, sample: first_of(body) });
    }
    let raw: Vec<&RawValue> = serde_json::from_slice(body).map_err(protocol)?;
    Ok(objects(&raw))
}

/// The first object of a list that is known to be one.
fn first_of(body: &[u8]) -> Option<serde_json::Value> {
    let inside = body.trim_ascii_start().strip_prefix(b"[")?;
    serde_json::Deserializer::from_slice(inside).into_iter().next()?.ok()
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

/// A text, number or yes-or-no; none where it is missing, null or of another type than expected.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct AnyPlain<T>(PhantomData<T>);
    impl<T: DeserializeOwned> Wanted<'_> for AnyPlain<T> {
        type Value = Option<T>;
        fn plain(plain: Plain<'_>) -> Self::Value {
            match plain {
                Plain::Text(text) => T::deserialize(StrDeserializer::<ValueError>::new(text)).ok(),
                Plain::Whole(number) => T::deserialize(U64Deserializer::<ValueError>::new(number)).ok(),
                Plain::Negative(number) => T::deserialize(I64Deserializer::<ValueError>::new(number)).ok(),
                Plain::Flag(flag) => T::deserialize(BoolDeserializer::<ValueError>::new(flag)).ok(),
            }
        }
    }
    deserializer.deserialize_any(Lenient(PhantomData::<AnyPlain<T>>))
}

/// A time in any of Okta's formats.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    struct AnyTime;
    impl Wanted<'_> for AnyTime {
        type Value = Option<Time>;
        fn plain(plain: Plain<'_>) -> Self::Value {
            if let Plain::Text(text) = plain { Time::parse(text) } else { None }
        }
    }
    deserializer.deserialize_any(Lenient(PhantomData::<AnyTime>))
}

/// An object; none where it is missing, null or no object.
///
/// Every field of `T` must be lenient itself: an object that is refused half-way cannot be stepped over.
pub(crate) fn lenient_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct AnyObject<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Wanted<'de> for AnyObject<T> {
        type Value = Option<T>;
        fn object<A: MapAccess<'de>>(object: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(object)).map(Some)
        }
    }
    deserializer.deserialize_any(Lenient(PhantomData::<AnyObject<T>>))
}

/// Texts of a list; elements of another type are left out.
pub(crate) fn lenient_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Text(Option<String>);
    impl<'de> Deserialize<'de> for Text {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            lenient(deserializer).map(Text)
        }
    }
    let texts: Vec<Text> = lenient_list(deserializer)?;
    Ok(texts.into_iter().filter_map(|Text(text)| text).collect())
}

/// Objects of a list; elements of another type are left out, and a list that is none is empty.
pub(crate) fn lenient_objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Element<T>(Option<T>);
    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Element<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            lenient_object(deserializer).map(Element)
        }
    }
    let elements: Vec<Element<T>> = lenient_list(deserializer)?;
    Ok(elements.into_iter().filter_map(|Element(element)| element).collect())
}

fn lenient_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct AnyList<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Wanted<'de> for AnyList<T> {
        type Value = Vec<T>;
        fn list<A: SeqAccess<'de>>(list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(Lenient(PhantomData::<AnyList<T>>))
}

/// A value that is neither a list nor an object.
enum Plain<'a> {
    Text(&'a str),
    Whole(u64),
    Negative(i64),
    Flag(bool),
}

/// What is wanted of a value; all that is not is stepped over and leaves the default.
trait Wanted<'de> {
    type Value: Default;

    fn plain(_: Plain<'_>) -> Self::Value {
        Self::Value::default()
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
}

struct Lenient<W>(PhantomData<W>);

impl<'de, W: Wanted<'de>> Visitor<'de> for Lenient<W> {
    type Value = W::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(W::plain(Plain::Text(text)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(W::plain(Plain::Whole(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(W::plain(Plain::Negative(number)))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(W::plain(Plain::Flag(flag)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(W::Value::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(W::Value::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        W::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        W::object(object)
    }
}

/// Words in a field's name that make its text a secret.
fn names_a_secret(field: &str) -> bool {
    let name = field.to_ascii_lowercase().replace(['_', '-'], "");
    ["secret", "password", "passwd", "apikey", "privatekey", "accesskey"]
        .iter()
        .any(|word| name.contains(word))
        || name.ends_with("token")
}

/// Members of a key that make it a private one.
const PRIVATE_PARTS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Fields that hold what is sent along with a call, by name and value: often a secret, whatever its name.
const HEADERS: [&str; 2] = ["authScheme", "headers"];

fn redact_headers(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(headers) => headers.iter_mut().for_each(redact_headers),
        serde_json::Value::Object(header) => {
            if let Some(value) = header.get_mut("value").filter(|value| !value.is_null()) {
                *value = "[redacted]".into();
            }
        }
        _ => {}
    }
}

/// Removes secrets and links from an object that is kept as it came.
pub(crate) fn redact(value: &mut serde_json::Value) {
    redact_in(value, true);
}

/// The same for an object that tells how secrets are dealt with and holds none itself, such as a policy about
/// passwords: only texts are taken for secrets, and what stands under their names stays.
pub(crate) fn redact_texts(value: &mut serde_json::Value) {
    redact_in(value, false);
}

fn redact_in(value: &mut serde_json::Value, whole: bool) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("_links");
            if fields.contains_key("kty") {
                for part in PRIVATE_PARTS {
                    fields.remove(part);
                }
            }
            for (name, value) in fields {
                if HEADERS.contains(&name.as_str()) {
                    redact_headers(value);
                }
                let holds_text = match value {
                    serde_json::Value::String(_) => true,
                    serde_json::Value::Array(elements) => whole && !elements.is_empty(),
                    serde_json::Value::Object(fields) => whole && !fields.is_empty(),
                    _ => false,
                };
                if holds_text && names_a_secret(name) {
                    *value = "[redacted]".into();
                } else {
                    redact_in(value, whole);
                }
            }
        }
        serde_json::Value::Array(elements) => {
            for element in elements {
                redact_in(element, whole);
            }
        }
        _ => {}
    }
}

/// Keeps an object whole, without secrets and links; it is parsed only where its text may hold one.
pub(crate) fn kept(raw: Option<Box<RawValue>>) -> RawJson {
    let Some(raw) = raw else { return RawJson::default() };
    let lower = raw.get().to_ascii_lowercase();
    let suspicious = ["secret", "passw", "key", "kty", "token", "authscheme", "headers", "_links"]
        .iter()
        .any(|word| lower.contains(word));
    if !suspicious {
        return RawJson::new(&raw);
    }
    let mut value: serde_json::Value = serde_json::from_str(raw.get()).unwrap_or_default();
    redact(&mut value);
    RawJson::from_value(&value)
}

/// Fields of an object that this version does not know: worth a look, never a failure; none of objects that are kept
/// whole, for which none are said to be known.
pub(crate) fn drift(endpoint: &str, sample: Option<&serde_json::Value>, known: &[&str]) -> Vec<String> {
    if known.is_empty() {
        return Vec::new();
    }
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
        #[serde(default, deserialize_with = "lenient_texts")]
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
            "apiKeys": ["s6"], "password": {"value": "s7"}, "token_endpoint_auth_method": "client_secret_basic", "_links": {"x": 1}, "label": "keep"
        });
        redact(&mut value);
        let text = value.to_string();
        for secret in ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "_links"] {
            assert!(!text.contains(&format!("\"{secret}\"")), "{text}");
        }
        assert!(text.contains("keep") && text.contains("client_secret_basic"));
    }
}
