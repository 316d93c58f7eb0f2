//! Why somebody was not signed in: what happened, what to do, and how it stands in the logs.

use std::time::Duration;

use axum::http::StatusCode;
use sightline_store::Outcome;
use thiserror::Error;

use super::pending;
use super::wire::WireError;
use crate::words;

/// A difference of clocks that is told.
const NOTABLE_SKEW_SECS: u64 = 30;

/// Why somebody was not signed in, as sentences for whoever tried.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("Too many sign-ins from here went wrong.")]
    TooMany { wait: Duration },

    #[error("{0}.")]
    Wire(#[from] WireError),
    #[error("{host} does not describe itself as an OpenID Connect provider ({reason}).")]
    NoProvider { host: String, reason: String },
    #[error("The provider calls itself by another name than server.oidc.issuer.")]
    OtherName,

    #[error(
        "This sign-in is not known here: it was finished before, took more than {}, or began before this server was started again.",
        words::span(pending::KEPT)
    )]
    UnknownState,
    #[error("This sign-in was begun in another browser.")]
    OtherBrowser,
    #[error("The answer does not come from the provider that was asked.")]
    MixedUp,
    #[error("The provider came back without a code.")]
    NoCode,
    #[error("The provider did not sign you in: {code}{}", .description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
    ProviderSaid { code: String, description: Option<String> },

    #[error("The provider refuses this server: {code}.")]
    ServerRefused { code: String },
    #[error("The provider does not accept the code that it gave you: {code}.")]
    CodeRefused { code: String },
    #[error("The provider answered in a way that is not understood.")]
    NotUnderstood,
    #[error("The provider sent no ID token.")]
    NoIdToken,

    #[error("The ID token of the provider has expired already{}.", clocks(*.skew_secs))]
    Expired { skew_secs: Option<i64> },
    #[error("The ID token of the provider is from the future{}.", clocks(*.skew_secs))]
    FromTheFuture { skew_secs: Option<i64> },
    #[error("The ID token is not signed by the provider.")]
    Signature,
    #[error("The ID token belongs to another sign-in.")]
    Nonce,
    #[error("The ID token is for another application.")]
    Audience,
    #[error("The ID token is from another provider.")]
    Issuer,
    #[error("The ID token is not one that this server accepts.")]
    Token,

    #[error("The user {name} is disabled.")]
    Disabled { name: String },
    #[error(
        "The provider does not say which e-mail address is yours, and your account there is not linked to a user."
    )]
    NoEmail,
    #[error(
        "The provider has not verified that {email} is yours, and your account there is not linked to a user."
    )]
    NotVerified { email: String },
    #[error("Only addresses of certain domains are let in, and {email} is of another.")]
    OtherDomain { email: String },
    #[error("Nobody with the address {email} is a user here.")]
    NoUser { email: String },
    #[error("A user with the address {email} is here, but not linked to your account at the provider.")]
    NotLinked { email: String },
    #[error("The user with the address {email} is linked to another account.")]
    LinkedElsewhere { email: String },
    #[error("Several users have the address {email}.")]
    Several { email: String },
    #[error("A user is called {email}, but has another address.")]
    NameTaken { email: String },
}

/// How far the clocks are apart, where that is the reason.
fn clocks(skew_secs: Option<i64>) -> String {
    match skew_secs {
        Some(skew) if skew.unsigned_abs() >= NOTABLE_SKEW_SECS => {
            let direction = if skew < 0 { "ahead of" } else { "behind" };
            let span = words::span(Duration::from_secs(skew.unsigned_abs()));
            format!(": this machine's clock is {span} {direction} the provider's")
        }
        _ => String::new(),
    }
}

impl Refusal {
    /// What to do, as sentences.
    pub(super) fn todo(&self) -> String {
        let text = match self {
            Self::TooMany { wait } => return format!("Try again in {}.", words::span(*wait)),
            Self::Wire(error) => return error.todo(),
            Self::NoProvider { .. } => {
                "An administrator checks server.oidc.issuer: {issuer}/.well-known/openid-configuration has to be there."
            }
            Self::OtherName => {
                "An administrator sets server.oidc.issuer to the letter as the provider has it, with or without a slash \
                 at the end: it is `issuer` in {issuer}/.well-known/openid-configuration."
            }
            Self::UnknownState | Self::OtherBrowser => {
                "Sign in again, from the beginning and in one browser that accepts cookies."
            }
            Self::MixedUp | Self::NoCode | Self::Nonce => {
                "Sign in again. If it happens again, tell an administrator: somebody may have tampered with it."
            }
            Self::ProviderSaid { code, .. } => match code.as_str() {
                "access_denied" => {
                    "Sign in again and agree, or ask an administrator of the provider to assign this application to you."
                }
                "temporarily_unavailable" | "server_error" => "Try again in a while.",
                "invalid_scope" => {
                    "An administrator checks server.oidc.scopes against what the provider offers."
                }
                "unauthorized_client" | "unsupported_response_type" | "invalid_request" => {
                    "An administrator checks at the provider that this application may use the authorization code flow."
                }
                _ => "Sign in again. If it happens again, ask an administrator of the provider.",
            },
            Self::ServerRefused { .. } => {
                "An administrator checks server.oidc.client_id and the client secret against the provider."
            }
            Self::CodeRefused { .. } => {
                "Sign in again. If it happens again, an administrator checks the redirect address at the provider: it is \
                 server.public_url with /oidc/callback."
            }
            Self::NotUnderstood | Self::NoIdToken | Self::Token => {
                "An administrator checks that the provider speaks OpenID Connect, and how this application is set up there."
            }
            Self::Expired { .. } | Self::FromTheFuture { .. } => {
                "An administrator checks the clocks of this machine and of the provider. Then sign in again."
            }
            Self::Signature | Self::Audience | Self::Issuer => {
                "Nothing was accepted. An administrator checks server.oidc.issuer and server.oidc.client_id, and who \
                 answers in the provider's place."
            }
            Self::Disabled { .. } => "Ask an administrator to enable the user again.",
            Self::NoEmail => {
                "An administrator links your account with `sightline user set NAME --link SUBJECT` (the subject is in the \
                 audit log), or lets the provider send the claims email and email_verified."
            }
            Self::NotVerified { .. } => {
                "Verify the address at the provider, or ask an administrator to link your account with \
                 `sightline user set NAME --link SUBJECT` (the subject is in the audit log)."
            }
            Self::OtherDomain { .. } => "Use another account, or ask an administrator.",
            Self::NoUser { .. } => "Ask an administrator to add you as a user with this address.",
            Self::NotLinked { .. } => {
                "An administrator links your account with `sightline user set NAME --link SUBJECT` (the subject is in the \
                 audit log), or sets server.oidc.link_by_email."
            }
            Self::LinkedElsewhere { .. } => {
                "Use the account that you used before, or ask an administrator to unlink it under Users."
            }
            Self::Several { .. } => "Ask an administrator to give each user another address.",
            Self::NameTaken { .. } => "Ask an administrator to rename that user, or to give it this address.",
        };
        text.to_owned()
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UnknownState | Self::OtherBrowser | Self::MixedUp | Self::NoCode => StatusCode::BAD_REQUEST,
            _ if self.is_about_the_provider() => StatusCode::BAD_GATEWAY,
            _ => StatusCode::FORBIDDEN,
        }
    }

    /// Whether the provider, or how it was set up, is at fault, and not whoever signs in.
    pub(super) fn is_about_the_provider(&self) -> bool {
        matches!(
            self,
            Self::Wire(_)
                | Self::NoProvider { .. }
                | Self::OtherName
                | Self::ServerRefused { .. }
                | Self::NotUnderstood
                | Self::NoIdToken
                | Self::Expired { .. }
                | Self::FromTheFuture { .. }
                | Self::Signature
                | Self::Audience
                | Self::Issuer
                | Self::Token
        )
    }

    /// Whether another account of the provider may do better.
    pub(super) fn is_about_the_account(&self) -> bool {
        matches!(
            self,
            Self::Disabled { .. }
                | Self::NoEmail
                | Self::NotVerified { .. }
                | Self::OtherDomain { .. }
                | Self::NoUser { .. }
                | Self::NotLinked { .. }
                | Self::LinkedElsewhere { .. }
                | Self::Several { .. }
                | Self::NameTaken { .. }
        )
    }

    /// Whether it is written to the audit log: not what anybody can bring about at will, and not that nobody can sign in
    /// because the provider is out of reach or wrongly set up, which is in the log.
    pub(super) fn is_audited(&self) -> bool {
        !matches!(
            self,
            Self::TooMany { .. }
                | Self::UnknownState
                | Self::Wire(_)
                | Self::NoProvider { .. }
                | Self::OtherName
                | Self::ServerRefused { .. }
                | Self::NotUnderstood
        )
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.is_about_the_provider() { Outcome::Failed } else { Outcome::Refused }
    }
}
