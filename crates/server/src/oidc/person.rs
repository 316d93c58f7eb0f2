//! From an account at the provider to a user: who is known, who is linked, who becomes a user, and who does not.

use openidconnect::RedirectUrl;
use sightline_store::{Actor, AuditNote, NewUser, OidcSubject, StoreError, UserRecord, UserRole};
use sightline_sync::check_email;

use super::provider::Account;
use super::refusal::Refusal;
use super::{Oidc, Stopped};
use crate::app::App;
use crate::auth::From;

/// The user of an account: the one that is linked to it, or that is linked now.
///
/// `sub` is the only thing of which a provider promises that it is never given to anybody else, so it alone is what a
/// user is known by. An address is believed once, to find out whose account it is, and only
///
/// - where an administrator has allowed it: the address of a local user was not typed in as a key to the account;
/// - where the provider says that it has verified it: at many providers people type in what they like;
/// - where exactly one user has it, who is linked to nothing else.
///
/// Names are never compared: people choose them.
pub(super) async fn user_of(
    app: &App,
    oidc: &Oidc,
    from: &From,
    account: &Account,
    redirect: RedirectUrl,
) -> Result<UserRecord, Stopped> {
    if let Some(user) = app.store().find_user_by_subject(&account.subject)? {
        return if user.disabled { Err(Refusal::Disabled { name: user.name }.into()) } else { Ok(user) };
    }
    let (email, is_verified) = oidc.provider.email(account, redirect).await?.ok_or(Refusal::NoEmail)?;
    if check_email(&email).is_err() {
        return Err(Refusal::NoEmail.into());
    }
    if !is_verified {
        return Err(Refusal::NotVerified { email }.into());
    }
    if !is_of(&email, &oidc.options.email_domains) {
        return Err(Refusal::OtherDomain { email }.into());
    }
    let mut users = app.store().users()?;
    users.retain(|user| user.email.as_deref().is_some_and(|own| is_same(own, &email)));
    match users.len() {
        0 => create(app, oidc, from, &account.subject, email),
        1 => link(app, oidc, from, &account.subject, users.remove(0), email),
        _ => Err(Refusal::Several { email }.into()),
    }
}

/// Whether two addresses are the same but for upper and lower case, of ASCII alone: beyond it there are letters that
/// only look the same in the other case.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

fn is_of(email: &str, domains: &[String]) -> bool {
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    domains.is_empty() || domains.iter().any(|allowed| is_same(allowed.trim_start_matches('@'), domain))
}

fn link(
    app: &App,
    oidc: &Oidc,
    from: &From,
    subject: &OidcSubject,
    user: UserRecord,
    email: String,
) -> Result<UserRecord, Stopped> {
    if user.disabled {
        return Err(Refusal::Disabled { name: user.name }.into());
    }
    if user.oidc_subject.is_some() {
        return Err(Refusal::LinkedElsewhere { email }.into());
    }
    if !oidc.options.link_by_email {
        return Err(Refusal::NotLinked { email }.into());
    }
    let actor = Actor::User { id: user.id, name: user.name.clone() };
    let note = AuditNote {
        target: Some(user.name),
        detail: Some(format!("{}, by the verified address", words(subject))),
        address: from.0.clone(),
        ..AuditNote::done(app.now(), actor, "user.link_oidc")
    };
    let linked = app.store().update_user(user.id, &note, |user| {
        // Somebody may have been faster.
        user.oidc_subject.get_or_insert_with(|| subject.clone());
    })?;
    if linked.oidc_subject.as_ref() == Some(subject) {
        return Ok(linked);
    }
    Err(Refusal::LinkedElsewhere { email }.into())
}

/// The new user is called by the address: it is what the provider has verified, while other names are what people chose.
fn create(
    app: &App,
    oidc: &Oidc,
    from: &From,
    subject: &OidcSubject,
    email: String,
) -> Result<UserRecord, Stopped> {
    let Some(role) = oidc.options.create_users.filter(|role| *role != UserRole::Admin) else {
        return Err(Refusal::NoUser { email }.into());
    };
    let note = AuditNote {
        target: Some(email.clone()),
        detail: Some(format!("{role}, at the first sign-in with {}, {}", oidc.name(), words(subject))),
        address: from.0.clone(),
        ..AuditNote::done(app.now(), Actor::System, "user.add")
    };
    let new = NewUser {
        name: email.clone(),
        email: Some(email.clone()),
        role,
        password: None,
        oidc_subject: Some(subject.clone()),
        created: app.now(),
    };
    match app.store().add_user(new, &note) {
        Ok(user) => Ok(user),
        // The same person may have been faster in another window.
        Err(StoreError::UserNameTaken { .. } | StoreError::SubjectTaken { .. }) => {
            let user = app.store().find_user_by_subject(subject)?.filter(|user| !user.disabled);
            user.ok_or_else(|| Refusal::NameTaken { email }.into())
        }
        Err(StoreError::NotAName { .. }) => Err(Refusal::NoUser { email }.into()),
        Err(error) => Err(error.into()),
    }
}

/// An account, for the audit log.
pub(super) fn words(subject: &OidcSubject) -> String {
    format!("subject {} at {}", subject.subject, subject.issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_differ_in_case_only_and_domains_are_whole() {
        assert!(is_same("Ada@Acme.com", "ada@acme.COM"));
        // The sign for kelvin becomes a k in lower case.
        assert!(!is_same("\u{212a}im@acme.com", "kim@acme.com"));
        let domains = ["acme.com".to_owned(), "@acme.org".to_owned()];
        for (email, allowed) in [
            ("ada@acme.com", true),
            ("ada@ACME.com", true),
            ("ada@acme.org", true),
            ("ada@evil.acme.com", false),
            ("ada@evilacme.com", false),
            ("ada@acme.com@evil.example", false),
            ("acme.com", false),
        ] {
            assert_eq!(is_of(email, &domains), allowed, "{email}");
        }
        assert!(is_of("ada@anything.example", &[]));
    }
}
