//! What attackers try, over plain requests to the real process: each attempt has a test.

mod audit;
mod forged;
mod guessing;
mod listening;
mod odd_requests;
mod private_addresses;
mod roles;
mod secrets;
mod sessions;

use crate::harness::{Ask, Home, Reply, Session, Web};

/// A new password, where one is changed.
const ANOTHER: &str = "a second long passphrase";

/// A server with a user of each role and no data source.
#[track_caller]
fn web() -> Web {
    Web::with_users(Home::new())
}

/// Makes an API token by the form of the page, which shows it once.
#[track_caller]
fn make_token(web: &Web, session: &Session, name: &str, scope: &str) -> String {
    let form = session.form("/settings/tokens", &[("name", name), ("scope", scope), ("days", "30")]);
    token_in(&web.send(&form).is(200)).unwrap()
}

/// The API token that a page shows.
fn token_in(page: &Reply) -> Option<String> {
    page.between("<code>sl_", "</code>").map(|rest| format!("sl_{rest}"))
}

/// Whether an API token is known.
#[track_caller]
fn is_known(web: &Web, token: &str) -> bool {
    match web.send(&Ask::get("/api/v1/sources").token(token)).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// The id of a user, from the page of users.
#[track_caller]
fn user_id(web: &Web, admin: &Session, name: &str) -> String {
    let page = web.send(&admin.get("/settings/users")).is(200);
    let label = format!("\">Role of {name}</label>");
    let end = page.body.find(&label).unwrap_or_else(|| panic!("{name} is not on the page: {page:?}"));
    let start = page.body[..end].rfind("role-").unwrap() + "role-".len();
    page.body[start..end].to_owned()
}

/// Does something to a user, as the buttons of the page do.
#[track_caller]
fn act_on_user(web: &Web, admin: &Session, name: &str, action: &str, fields: &[(&str, &str)]) -> Reply {
    let id = user_id(web, admin, name);
    web.send(&admin.form(&format!("/settings/users/{id}/{action}"), fields))
}
