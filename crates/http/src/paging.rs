//! Following a list without trusting its links.

use serde::{Deserialize, Serialize};
use url::Url;

/// Where to go on in a list: query parameters of its next link, never its host or path.
///
/// The empty cursor is the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(Vec<(String, String)>);

impl Cursor {
    /// A cursor with this value of the parameter `after`.
    pub fn after(value: impl Into<String>) -> Self {
        Self(vec![("after".to_owned(), value.into())])
    }

    /// Whether this is the start of the list.
    pub fn is_start(&self) -> bool {
        self.0.is_empty()
    }

    /// What a next link adds to our own parameters: `after` always, others only where we set none ourselves.
    ///
    /// None where the link has no such parameter and so leads nowhere.
    pub fn from_link(link: &str, own: &[(&str, String)]) -> Option<Self> {
        // A relative link needs some base to be parsed; it is thrown away with the host and the path.
        let base = Url::parse("https://link.invalid/").ok()?;
        let url = base.join(link).ok()?;
        let mut pairs: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name == "after" || !own.iter().any(|(ours, _)| ours == name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        pairs.sort();
        if pairs.is_empty() { None } else { Some(Self(pairs)) }
    }

    /// Our own parameters with the cursor's laid over them.
    pub(crate) fn over<'a>(
        &'a self,
        own: &'a [(&'a str, String)],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let kept = own.iter().filter(|(name, _)| !self.0.iter().any(|(over, _)| over == name));
        let kept = kept.map(|(name, value)| (*name, value.as_str()));
        kept.chain(self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

/// The target of the first link with `rel="next"` among all values of the `Link` header.
pub fn next_link<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    values.into_iter().find_map(|value| {
        // Links are separated by commas, but a comma may also stand inside a target.
        let mut rest = value;
        while let Some(start) = rest.find('<') {
            let end = start + rest[start..].find('>')?;
            let target = &rest[start + 1..end];
            let parameters = rest[end + 1..].split(',').next().unwrap_or_default();
            let is_next = parameters.split(';').any(|parameter| {
                parameter.split_once('=').is_some_and(|(name, rel)| {
                    let mut relations = rel.trim().trim_matches('"').split_ascii_whitespace();
                    name.trim().eq_ignore_ascii_case("rel")
                        && relations.any(|rel| rel.eq_ignore_ascii_case("next"))
                })
            });
            if is_next {
                return Some(target);
            }
            rest = &rest[end + 1..];
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<(&'static str, String)> {
        vec![("limit", "200".to_owned()), ("expand", "stats".to_owned())]
    }

    #[test]
    fn the_next_link_is_found_in_any_header_line() {
        let two_lines =
            [r#"<https://a/x?limit=2>; rel="self""#, r#"<https://a/x?after=1&limit=2>; rel="next""#];
        assert_eq!(next_link(two_lines), Some("https://a/x?after=1&limit=2"));
        let one_line = [r#"<https://a/x?f=a,b>; rel="self", <https://a/x?f=a,b&after=1>; rel=next"#];
        assert_eq!(next_link(one_line), Some("https://a/x?f=a,b&after=1"));
        assert_eq!(next_link([r#"<https://a/x>; rel="self""#]), None);
        assert_eq!(next_link(["garbage < no end"]), None);
    }

    #[test]
    fn a_cursor_takes_only_parameters_that_we_did_not_set() {
        let cursor =
            Cursor::from_link("https://evil.example/other?after=a%2Bb%3D&limit=9999&expand=none", &own());
        let cursor = cursor.unwrap();
        assert_eq!(cursor, Cursor::after("a+b="));
        let own = own();
        let laid: Vec<_> = cursor.over(&own).collect();
        assert_eq!(laid, [("limit", "200"), ("expand", "stats"), ("after", "a+b=")]);
    }

    #[test]
    fn servers_that_page_by_number_are_followed() {
        let cursor = Cursor::from_link("/list?page=2&limit=200", &own()).unwrap();
        assert_eq!(cursor.over(&own()).last(), Some(("page", "2")));
    }

    #[test]
    fn a_link_that_adds_nothing_leads_nowhere() {
        assert_eq!(Cursor::from_link("https://a/authorizationServers?limit=-1", &own()), None);
        assert_eq!(Cursor::from_link("https://a/x", &own()), None);
    }
}
