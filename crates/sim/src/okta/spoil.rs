//! What faults make of answers.

use std::time::Duration;

use super::{
    answer::{Answer, Problem},
    connection::Cut,
    faults::Action,
    limits::Standing,
    routes::Api,
};

impl Api {
    /// Makes of an answer what a fault wants.
    pub(super) async fn spoil(
        &self,
        action: Option<&Action>,
        answer: Result<Answer, Problem>,
        standing: Standing,
        cut: &Cut,
    ) -> (Result<Answer, Problem>, Standing) {
        let Some(action) = action else { return (answer, standing) };
        let answer = match action {
            Action::RateLimit => {
                return (Err(Problem::rate_limited()), self.governor.used_up(standing.limit));
            }
            Action::TooManyAtOnce => return (Err(Problem::rate_limited()), self.governor.too_many_at_once()),
            Action::Status { code, body: Some(body), .. } => {
                Ok(instead(*code, "application/json", body.as_bytes()))
            }
            Action::Status { code, error_code, body: None } => {
                let error_code = error_code.as_deref().unwrap_or("E0000009");
                Err(Problem::new(*code, error_code, "A fault was injected here"))
            }
            Action::Html => Ok(instead(
                200,
                "text/html;charset=utf-8",
                b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body></body></html>",
            )),
            Action::NotJson => Ok(instead(200, "application/json", b"Internal error")),
            Action::Hang(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
                answer
            }
            Action::CloseConnection => {
                cut.after(0);
                answer
            }
            Action::RevokeToken => Err(Problem::invalid_token()),
            Action::Gone => Err(Problem::not_found("the object", "Resource")),
            Action::OddObject(object) => answer.map(|answer| with_first(answer, object)),
            Action::EmptyFirstPage => answer.map(|answer| with_next(answer, &|_| None)),
            Action::NextLinkElsewhere => answer.map(|answer| {
                with_next(answer, &|next| {
                    let path = next.strip_prefix(self.origin.as_str())?;
                    Some(format!("https://evil.example{path}"))
                })
            }),
            Action::NextLinkWithoutParameters => answer.map(|answer| {
                with_next(answer, &|next| {
                    let (path, query) = next.split_once('?')?;
                    let after = query.split('&').find(|parameter| parameter.starts_with("after="))?;
                    Some(format!("{path}?{after}"))
                })
            }),
            Action::NextLinkWrongPath => answer.map(|answer| {
                with_next(answer, &|next| {
                    let (path, query) = next.split_once('?')?;
                    let other = if path.ends_with("/users") { "groups" } else { "users" };
                    Some(format!("{}/api/v1/{other}?{query}", self.origin))
                })
            }),
            Action::EmptyPage | Action::RepeatCursor | Action::Truncate | Action::Vanish { .. } => answer,
        };
        (answer, standing)
    }
}

/// The error for an object that is gone: the path parameter at this position.
pub(super) fn vanished(template: &str, parameters: &[String], position: usize) -> Problem {
    let mut collection = "";
    let mut parameters_left = position + 1;
    for segment in template.split('/') {
        if segment.starts_with('{') {
            parameters_left -= 1;
            if parameters_left == 0 {
                break;
            }
        } else {
            collection = segment;
        }
    }
    let kind = match collection {
        "users" => "User",
        "groups" => "UserGroup",
        "apps" => "AppInstance",
        _ => "Resource",
    };
    Problem::not_found(&parameters[position], kind)
}

fn instead(status: u16, content_type: &'static str, body: &[u8]) -> Answer {
    Answer { status, body: body.to_vec(), content_type, links: Vec::new() }
}

/// Puts a value in front of the objects of a list.
fn with_first(mut answer: Answer, object: &serde_json::Value) -> Answer {
    if let Some(bracket) = answer.body.iter().position(|&byte| byte == b'[') {
        let rest = answer.body.split_off(bracket + 1);
        let alone = rest.first() == Some(&b']');
        answer.body.extend(object.to_string().into_bytes());
        answer.body.extend((!alone).then_some(b','));
        answer.body.extend(rest);
    }
    answer
}

/// Changes the address of the next page, in the header or in the body; `None` removes it.
fn with_next(mut answer: Answer, change: &dyn Fn(&str) -> Option<String>) -> Answer {
    let links = std::mem::take(&mut answer.links);
    answer.links = links
        .into_iter()
        .filter_map(|link| match link.strip_prefix('<').and_then(|rest| rest.strip_suffix(NEXT_RELATION)) {
            None => Some(link),
            Some(next) => change(next).map(|next| format!("<{next}{NEXT_RELATION}")),
        })
        .collect();
    // In a text there would be backslashes before the quotes.
    let found = answer.body.windows(NEXT_MEMBER.len()).rposition(|bytes| bytes == NEXT_MEMBER.as_bytes());
    if let Some(start) = found {
        let address = start + NEXT_MEMBER.len();
        let length = answer.body[address..].iter().position(|&byte| byte == b'"').unwrap_or(0);
        let next = String::from_utf8_lossy(&answer.body[address..address + length]);
        let replacement = change(&next).map_or(String::new(), |next| format!("{NEXT_MEMBER}{next}\"}}"));
        answer.body.splice(start..address + length + 2, replacement.into_bytes());
    }
    answer
}

const NEXT_RELATION: &str = ">; rel=\"next\"";
const NEXT_MEMBER: &str = r#","next":{"href":""#;
