//! What an address says besides its path: parameters, taken one by one, and the parts of the path itself.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use sightline_answer::When;
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Problem;

/// The largest id or number of anything: that of a signed 64-bit integer, as the document says.
pub(crate) const LARGEST: u64 = i64::MAX as u64;

/// The parameters of a request. Each is taken by its name; one that is left over is refused, because whoever gave it
/// expects something of it.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

/// The parameters of a query, by name; none twice.
pub(crate) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned() {
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(Problem::wrong(format!("the parameter {name:?} is given twice")).field(name));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// The same of a form: a field that nothing was typed into asks for nothing.
pub(crate) fn typed(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs = pairs(query)?;
    pairs.retain(|(_, value)| !value.trim().is_empty());
    Ok(pairs)
}

impl Parameters {
    /// What the form of a page has sent.
    pub(crate) fn typed(query: Option<&str>) -> Result<Self, Problem> {
        Ok(Self { given: typed(query)?, known: Vec::new() })
    }

    /// A parameter as it was given.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let at = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.remove(at).1)
    }

    /// A number in a range.
    pub(crate) fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let wrong = || {
            let (least, most) = range.into_inner();
            Problem::wrong(format!("{name} is a number from {least} to {most}")).field(name)
        };
        number.map(Some).ok_or_else(wrong)
    }

    /// A point in time.
    pub(crate) fn when(&mut self, name: &'static str) -> Result<Option<When>, Problem> {
        Ok(self.when_typed(name)?.map(|(when, _)| when))
    }

    /// The same, and how it was typed.
    pub(crate) fn when_typed(&mut self, name: &'static str) -> Result<Option<(When, String)>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let when = text.parse().map_err(|why: String| Problem::wrong(why).field(name))?;
        Ok(Some((when, text.trim().to_owned())))
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Problem::wrong(format!("{name} is one of {}", words.join(", "))).field(name)
        };
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| Some(*value)).ok_or_else(wrong)
    }

    /// Fails where something is left that nobody has taken.
    pub(crate) fn done(self) -> Result<(), Problem> {
        let Some((name, _)) = self.given.into_iter().next() else { return Ok(()) };
        let known = if self.known.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", self.known.join(", "))
        };
        Err(Problem::wrong(format!("there is no parameter {name:?} here")).field(name).hint(known))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self { given: pairs(parts.uri.query())?, known: Vec::new() })
    }
}

/// Where an address has no parameters at all.
#[derive(Debug)]
pub(crate) struct NoParameters;

impl<S: Send + Sync> FromRequestParts<S> for NoParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Parameters::from_request_parts(parts, state).await?.done()?;
        Ok(Self)
    }
}

/// The parts of a path. Where one cannot be what it has to be, there is nothing at the address.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(parts)) => Ok(Self(parts)),
            Err(error) => {
                let text = error.body_text();
                let why = text.split_once(": ").map_or(text.as_str(), |(_, why)| why);
                Err(Problem::not_found(format!("there is nothing at this address: {why}")))
            }
        }
    }
}

/// A point in time as it is given to the API: describes what [`When`] reads.
pub(crate) struct AsOf;

impl PartialSchema for AsOf {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let format = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
        let any = AnyOfBuilder::new()
            .item(format(KnownFormat::Date).description(Some("The end of this day, UTC.")))
            .item(format(KnownFormat::DateTime).description(Some("This instant.")))
            .item(
                text()
                    .pattern(Some("^[1-9][0-9]{0,2}[hdw]$"))
                    .description(Some("So many hours, days or weeks ago.")),
            )
            .item(text().pattern(Some("^[1-9][0-9]{0,8}$")).description(Some("The number of a snapshot.")));
        RefOr::T(Schema::AnyOf(any.build()))
    }
}

impl ToSchema for AsOf {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters {
        Parameters { given: pairs(Some(query)).unwrap(), known: Vec::new() }
    }

    #[test]
    fn what_is_not_taken_or_wrong_is_named() {
        let field = |problem: Problem| problem.field;
        let mut given = parameters("limit=7&of=x");
        assert_eq!(given.number("limit", 1..=9_u64).unwrap(), Some(7));
        assert_eq!(given.number("before", 1..=9_u64).unwrap(), None);
        assert_eq!(field(given.done().unwrap_err()).as_deref(), Some("of"));
        for text in ["limit=0", "limit=10", "limit=", "limit=a"] {
            let wrong = parameters(text).number("limit", 1..=9_u64).unwrap_err();
            assert_eq!(field(wrong).as_deref(), Some("limit"), "{text}");
        }
        assert_eq!(field(pairs(Some("a=1&a=1")).unwrap_err()).as_deref(), Some("a"));
        assert!(typed(Some("a=&b=+")).unwrap().is_empty());
        let words = [("yes", true), ("no", false)];
        assert_eq!(parameters("use=no").word("use", &words).unwrap(), Some(false));
        assert!(parameters("use=maybe").word("use", &words).is_err());
        assert!(parameters("since=yesterday").when("since").is_err());
    }
}
