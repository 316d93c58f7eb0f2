//! Data sources: connecting, reading, changing and removing them.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sightline_sync::{Details, SyncOptions};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, body, tagged};
use crate::app::Shared;
use crate::auth::{Admin, Identity, Viewer};
use crate::connected::{
    DatasetAnswer, FailureAnswer, PreflightAnswer, SnapshotAnswer, SourceAnswer, datasets,
};
use crate::connecting::{connection, settings};
use crate::parameters::{NoParameters, Parameters, Path};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(connectors))
        .routes(routes!(list, add))
        .routes(routes!(check))
        .routes(routes!(get, change, remove))
        .routes(routes!(recheck))
        .routes(routes!(rotate))
        .routes(routes!(sync))
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(snapshots))
        .routes(routes!(failed_syncs))
}

/// A setting of a connector.
#[derive(Debug, Serialize, ToSchema)]
struct SettingAnswer {
    /// Its name.
    name: String,
    /// Its name for people.
    title: String,
    /// What it is.
    help: String,
    /// Whether it is part of the credential: it is taken and never given back.
    secret: bool,
    /// Whether it has to be given.
    required: bool,
    /// The way to connect that it belongs to; null where it belongs to all of them.
    #[schema(required = true)]
    way: Option<String>,
}

/// A connector: code that can read one kind of system.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorAnswer {
    /// Its id.
    id: &'static str,
    /// Its name.
    title: &'static str,
    /// What it reads, in a sentence.
    summary: &'static str,
    /// What it has to be told.
    settings: Vec<SettingAnswer>,
    /// How many kinds of things it reads.
    datasets: u64,
}

/// The connectors of this program.
#[utoipa::path(get, path = "/connectors", tag = "Data sources", responses(
    (status = 200, body = Vec<ConnectorAnswer>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn connectors(app: App, _: Viewer, _: NoParameters, headers: HeaderMap) -> Result<Response, Problem> {
    let all = app.host().options().registry.iter().map(|registration| ConnectorAnswer {
        id: registration.info.id,
        title: registration.info.title,
        summary: registration.info.summary,
        settings: settings(registration)
            .into_iter()
            .map(|setting| SettingAnswer {
                name: setting.name,
                title: setting.title,
                help: setting.help,
                secret: setting.is_secret,
                required: setting.is_required,
                way: setting.way,
            })
            .collect(),
        datasets: registration.info.datasets.len() as u64,
    });
    tagged(&headers, &all.collect::<Vec<_>>())
}

/// Every data source, in the order in which they were added.
#[utoipa::path(get, path = "/sources", tag = "Data sources", responses(
    (status = 200, body = Vec<SourceAnswer>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn list(app: App, _: Viewer, _: NoParameters, headers: HeaderMap) -> Result<Response, Problem> {
    tagged(&headers, &SourceAnswer::all(&app)?)
}

/// A system that is to be connected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSourceBody {
    /// The connector's id.
    connector: String,
    /// Its settings by name, the credential among them: see `/connectors`.
    settings: BTreeMap<String, String>,
    /// Its name; it is called after its connector where none is given.
    #[serde(default)]
    name: Option<String>,
    /// The e-mail address of who answers for it.
    #[serde(default)]
    owner_email: Option<String>,
    /// Datasets to switch on.
    #[serde(default)]
    with: Vec<String>,
    /// Datasets to switch off.
    #[serde(default)]
    without: Vec<String>,
}

/// A data source that was connected.
#[derive(Debug, Serialize, ToSchema)]
struct AddedAnswer {
    /// The data source.
    source: SourceAnswer,
    /// What its credential may read.
    preflight: PreflightAnswer,
}

/// Connects a system: checks the credential, keeps both, and begins to read.
///
/// Nothing is kept when anything is wrong.
#[utoipa::path(post, path = "/sources", tag = "Data sources", request_body = NewSourceBody, responses(
    (status = 201, body = AddedAnswer, headers(("location" = String, description = "Where it is."))),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it was not connected."),
))]
async fn add(app: App, Admin(identity): Admin, _: NoParameters, sent: Bytes) -> Result<Response, Problem> {
    let sent: NewSourceBody = body(&sent)?;
    let new = connection(&app, &sent.connector, sent.settings)?;
    let details =
        Details { name: sent.name, email: sent.owner_email, with: sent.with, without: sent.without };
    let (record, checked) = app.supervisor().connect(new, details).await?;
    app.audit_checked(&identity, "source.add", &record.name, &checked)?;
    let answer =
        AddedAnswer { source: SourceAnswer::of(&app, &record)?, preflight: PreflightAnswer::of(&checked) };
    let location = format!("/api/v1/sources/{}", record.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// What is to be checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckBody {
    /// The connector's id.
    connector: String,
    /// Its settings by name, the credential among them.
    settings: BTreeMap<String, String>,
}

/// Says what a credential may read, and keeps nothing.
#[utoipa::path(post, path = "/sources/check", tag = "Data sources", request_body = CheckBody, responses(
    (status = 200, body = PreflightAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it could not be checked."),
))]
async fn check(app: App, _: Admin, _: NoParameters, sent: Bytes) -> Result<Json<PreflightAnswer>, Problem> {
    let sent: CheckBody = body(&sent)?;
    let new = connection(&app, &sent.connector, sent.settings)?;
    Ok(Json(PreflightAnswer::of(&app.host().check(&new).await?)))
}

/// A data source with what is read of it.
#[derive(Debug, Serialize, ToSchema)]
struct SourceDetails {
    /// The data source.
    #[serde(flatten)]
    source: SourceAnswer,
    /// What is read of it.
    datasets: Vec<DatasetAnswer>,
}

/// A data source.
#[utoipa::path(get, path = "/sources/{id}", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 200, body = SourceDetails),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn get(
    app: App,
    _: Viewer,
    Path(id): Path<u64>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let record = app.source(id)?;
    app.snapshots().ready().await;
    let view = app.snapshots().newest().into_iter().find(|view| view.source_id() == id);
    let answer = SourceDetails {
        source: SourceAnswer::of(&app, &record)?,
        datasets: datasets(&app, &record, view.as_deref().map(crate::view::View::graph))?,
    };
    tagged(&headers, &answer)
}

/// What is to be changed; what is not given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    /// Its name.
    #[serde(default)]
    name: Option<String>,
    /// The e-mail address of who answers for it.
    #[serde(default)]
    owner_email: Option<String>,
    /// Datasets to switch on.
    #[serde(default)]
    with: Vec<String>,
    /// Datasets to switch off.
    #[serde(default)]
    without: Vec<String>,
}

/// Changes the name of a data source, who answers for it, or what is read of it.
#[utoipa::path(patch, path = "/sources/{id}", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), request_body = ChangeBody, responses(
    (status = 200, body = SourceAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why nothing was changed."),
))]
async fn change(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
    sent: Bytes,
) -> Result<Json<SourceAnswer>, Problem> {
    let ChangeBody { name, owner_email, with, without } = body(&sent)?;
    let details = Details { name, email: owner_email, with, without };
    let record = app.host().change(id, details).await?;
    app.audit(&identity, "source.change", &record.name)?;
    Ok(Json(SourceAnswer::of(&app, &record)?))
}

/// Removes a data source with its credential, and everything that was read from it unless that is to be kept.
#[utoipa::path(delete, path = "/sources/{id}", tag = "Data sources", params(("id" = u64, Path, description = "Its id."), ("keep_history" = Option<bool>, Query, description = "Whether what was read stays, and still answers; only the credential is erased then. It goes as well where nothing is given.")), responses(
    (status = 204, description = "It was removed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it was not removed."),
))]
async fn remove(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    mut parameters: Parameters,
) -> Result<StatusCode, Problem> {
    let keep_history = parameters.word("keep_history", &[("true", true), ("false", false)])?;
    parameters.done()?;
    remove_source(&app, &identity, id, keep_history.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a data source, and says so in the audit log.
pub(crate) async fn remove_source(
    app: &Shared,
    identity: &Identity,
    id: u64,
    keep_history: bool,
) -> Result<(), Problem> {
    let record = app.source(id)?;
    app.supervisor().remove(id, keep_history).await?;
    if !keep_history {
        app.forget(id);
    }
    app.audit(identity, if keep_history { "source.disconnect" } else { "source.erase" }, &record.name)
}

/// Asks again what the stored credential may read.
#[utoipa::path(post, path = "/sources/{id}/check", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 200, body = PreflightAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it could not be checked."),
))]
async fn recheck(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<Json<PreflightAnswer>, Problem> {
    let record = app.source(id)?;
    let checked = app.host().recheck(id).await?;
    app.audit_checked(&identity, "source.check", &record.name, &checked)?;
    Ok(Json(PreflightAnswer::of(&checked)))
}

/// A new credential.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CredentialBody {
    /// The settings that belong to it, by name, the credential among them: those of `/connectors`.
    settings: BTreeMap<String, String>,
}

/// Replaces the credential, if the new one works and is of the same organisation; the old one works until then.
#[utoipa::path(put, path = "/sources/{id}/credential", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), request_body = CredentialBody, responses(
    (status = 200, body = PreflightAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why the old one was kept."),
))]
async fn rotate(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
    sent: Bytes,
) -> Result<Json<PreflightAnswer>, Problem> {
    let CredentialBody { settings } = body(&sent)?;
    Ok(Json(replace_credential(&app, &identity, id, settings).await?))
}

/// Replaces a credential, and says so in the audit log; settings that are not given stay as they are.
pub(crate) async fn replace_credential(
    app: &Shared,
    identity: &Identity,
    id: u64,
    typed: BTreeMap<String, String>,
) -> Result<PreflightAnswer, Problem> {
    let record = app.source(id)?;
    let new = connection(app, &record.connector, typed)?;
    if new.credential.is_empty() {
        return Err(Problem::wrong("there is no new credential").field("settings"));
    }
    // What only goes with the old way to connect does not go with the new one.
    let registration =
        app.host().options().registry.get(&record.connector).map_err(sightline_sync::HostError::from)?;
    let ways: BTreeMap<String, Option<String>> =
        settings(registration).into_iter().map(|setting| (setting.name, setting.way)).collect();
    let mut kept = sightline_sync::kept::connector_settings(&record.settings);
    if let (Some(kept), Some(given)) = (kept.as_object_mut(), new.settings.as_object()) {
        kept.retain(|name, _| ways.get(name).is_none_or(Option::is_none));
        kept.extend(given.clone());
    }
    let checked = app.host().replace_credential(id, Some(kept), new.credential).await?;
    app.supervisor().added(id).await?;
    app.audit_checked(identity, "source.rotate", &record.name, &checked)?;
    Ok(PreflightAnswer::of(&checked))
}

/// How a sync is to be run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncBody {
    /// Whether everything is read anew, and not only what has changed.
    #[serde(default)]
    full: bool,
    /// Whether it is confirmed that far fewer objects are there than before.
    #[serde(default)]
    accept_drop: bool,
}

/// Reads a data source now.
#[utoipa::path(post, path = "/sources/{id}/sync", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), request_body = Option<SyncBody>, responses(
    (status = 202, body = SourceAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it is not read."),
))]
async fn sync(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
    sent: Bytes,
) -> Result<Response, Problem> {
    let SyncBody { full, accept_drop } = if sent.is_empty() {
        SyncBody::default()
    } else {
        body::<Option<SyncBody>>(&sent)?.unwrap_or_default()
    };
    let record = app.source(id)?;
    app.supervisor().sync_now(id, SyncOptions { full, accept_drop, ..SyncOptions::default() })?;
    app.audit(&identity, if accept_drop { "source.accept_drop" } else { "source.sync" }, &record.name)?;
    Ok((StatusCode::ACCEPTED, Json(SourceAnswer::of(&app, &record)?)).into_response())
}

/// Stops the sync that runs, if one does; the next one goes on from there.
#[utoipa::path(post, path = "/sources/{id}/cancel", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 202, body = SourceAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why nothing was stopped."),
))]
async fn cancel(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<Response, Problem> {
    let record = app.source(id)?;
    app.supervisor().cancel(id)?;
    app.audit(&identity, "source.cancel", &record.name)?;
    Ok((StatusCode::ACCEPTED, Json(SourceAnswer::of(&app, &record)?)).into_response())
}

/// Stops reading a data source until it is resumed.
#[utoipa::path(post, path = "/sources/{id}/pause", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 200, body = SourceAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it was not paused."),
))]
async fn pause(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<Json<SourceAnswer>, Problem> {
    app.supervisor().pause(id).await?;
    let record = app.source(id)?;
    app.audit(&identity, "source.pause", &record.name)?;
    Ok(Json(SourceAnswer::of(&app, &record)?))
}

/// Reads a data source that was paused on its interval again.
#[utoipa::path(post, path = "/sources/{id}/resume", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 200, body = SourceAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it was not resumed."),
))]
async fn resume(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<Json<SourceAnswer>, Problem> {
    app.supervisor().resume(id).await?;
    let record = app.source(id)?;
    app.audit(&identity, "source.resume", &record.name)?;
    Ok(Json(SourceAnswer::of(&app, &record)?))
}

/// Every snapshot of a data source that was ever sealed, the newest first.
#[utoipa::path(get, path = "/sources/{id}/snapshots", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 200, body = Vec<SnapshotAnswer>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn snapshots(
    app: App,
    _: Viewer,
    Path(id): Path<u64>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.source(id)?;
    let all = app.store().all_snapshots(id)?;
    tagged(&headers, &all.iter().rev().map(SnapshotAnswer::of).collect::<Vec<_>>())
}

/// Syncs of a data source that sealed no snapshot, as far as they are kept, the newest first.
#[utoipa::path(get, path = "/sources/{id}/failed-syncs", tag = "Data sources", params(("id" = u64, Path, description = "Its id.")), responses(
    (status = 200, body = Vec<FailureAnswer>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn failed_syncs(
    app: App,
    _: Viewer,
    Path(id): Path<u64>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.source(id)?;
    let all = app.store().failed_syncs(id)?;
    tagged(&headers, &all.into_iter().rev().map(FailureAnswer::of).collect::<Vec<_>>())
}
