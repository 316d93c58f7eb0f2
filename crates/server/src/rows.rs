//! The rows of lists: as programs get them, and as pages show them.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_answer::{AccountRef, AdminLine, SeenAnswer, schema};
use sightline_core::{AccountStatus, Observed, ResourceStatus, Time};
use sightline_graph::{AccountIx, GroupIx, Provenance, ResourceIx};
use utoipa::ToSchema;

use crate::lists::{Kind, segment};
use crate::table::{Badge, Cell, Column, Tone};
use crate::view::{View, origin_word, resource_status};

/// How many things are named in a cell.
const NAMED: usize = 5;

/// A data source by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SourceRef {
    /// Its id.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
}

impl SourceRef {
    pub(crate) fn of(view: &View) -> Self {
        Self { id: view.source_id(), name: view.graph().about().source.clone() }
    }
}

/// An account of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountRow {
    /// Its data source.
    source: SourceRef,
    #[serde(flatten)]
    account: AccountRef,
    /// When it was created.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    created: Option<Time>,
    /// When it last signed in; known to be null where it never did.
    #[schema(value_type = schema::Observed<Option<schema::Instant>>)]
    last_sign_in: Observed<Option<Time>>,
    /// Groups that it is in.
    groups: u64,
    /// Applications that it can reach.
    apps: u64,
    /// Those of them that it did not use inside the window that activity was read for.
    #[schema(value_type = schema::Observed<u64>)]
    unused_apps: Observed<u64>,
    /// Admin roles in force that it holds.
    admin_roles: u64,
    /// Between which syncs it was seen.
    seen: SeenAnswer,
}

/// A group of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupRow {
    /// Its data source.
    source: SourceRef,
    /// The provider's id.
    id: String,
    /// Its name.
    name: String,
    /// What it is for.
    #[schema(required = true)]
    description: Option<String>,
    /// Where it is kept: `native`, `imported`, `built-in`, or the provider's own word.
    origin: String,
    /// Whether every account that is not deactivated is in it.
    everyone: bool,
    /// Members that were seen.
    members: u64,
    /// Members by the provider's own count.
    #[schema(value_type = schema::Observed<u64>)]
    counted_members: Observed<u64>,
    /// Applications that it is assigned.
    apps: u64,
    /// Rules that put accounts into it.
    rules: u64,
    /// Between which syncs it was seen.
    seen: SeenAnswer,
}

/// An application of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppRow {
    /// Its data source.
    source: SourceRef,
    /// The provider's id.
    id: String,
    /// Its name.
    name: String,
    /// Its name in the provider's catalogue.
    #[schema(required = true)]
    catalog_name: Option<String>,
    /// Whether it is in use: `active`, `inactive` or `unknown`.
    status: &'static str,
    /// How people sign on.
    #[schema(required = true)]
    sign_on_mode: Option<String>,
    /// Whether everyone may use it without any assignment.
    #[schema(value_type = schema::Observed<bool>)]
    for_everyone: Observed<bool>,
    /// Accounts that can reach it.
    accounts: u64,
    /// Those of them that did not use it inside the window that activity was read for.
    #[schema(value_type = schema::Observed<u64>)]
    unused: Observed<u64>,
    /// Groups that are assigned it.
    groups: u64,
    /// Between which syncs it was seen.
    seen: SeenAnswer,
}

/// An admin role that somebody holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdminRow {
    /// The data source.
    source_id: u64,
    #[serde(flatten)]
    held: AdminLine,
    /// What the role reaches, for people.
    reaches: String,
}

fn seen(view: &View, provenance: &Provenance) -> SeenAnswer {
    let Provenance { first_seen, last_seen, stale, .. } = provenance;
    SeenAnswer::of(*first_seen, *last_seen, *stale, &view.known.times)
}

/// What is not used, where it can be said.
fn unused(view: &View, count: u32) -> Observed<u64> {
    match view.usage_unread() {
        None => Observed::Known(u64::from(count)),
        Some(why) => Observed::Unknown(why.to_owned()),
    }
}

/// A row of a list.
pub(crate) trait Row: Serialize + Sized {
    /// Which list it is a row of.
    const KIND: Kind;

    /// The row at a position of the catalog.
    fn at(view: &View, at: usize) -> Self;

    /// The columns that pages and CSV show.
    fn columns() -> Vec<Column>;

    /// What the list is sorted by with each column, where it can be.
    fn sorts() -> &'static [Option<&'static str>];

    /// Its cells.
    fn cells(&self) -> Vec<Cell>;
}

/// Where an entity is shown.
pub(crate) fn entity_address(kind: &str, source: u64, id: &str) -> String {
    format!("/{kind}/{source}/{}", segment(id))
}

/// A status of an account.
pub(crate) fn status_badge(status: AccountStatus) -> Badge {
    let tone = match status {
        AccountStatus::Active => Tone::Good,
        AccountStatus::Pending => Tone::Info,
        AccountStatus::Locked | AccountStatus::Suspended => Tone::Warn,
        AccountStatus::Deactivated => Tone::Bad,
        AccountStatus::Unknown => Tone::Unknown,
    };
    Badge::new(status.word(), tone)
}

/// A status of an application.
pub(crate) fn app_status_badge(status: ResourceStatus) -> Badge {
    let tone = match status {
        ResourceStatus::Active => Tone::Good,
        ResourceStatus::Inactive => Tone::Plain,
        ResourceStatus::Unknown => Tone::Unknown,
    };
    Badge::new(resource_status(status), tone)
}

/// When somebody last signed in.
pub(crate) fn sign_in_cell(value: &Observed<Option<Time>>) -> Cell {
    match value {
        Observed::Known(Some(time)) => Cell::Time(*time),
        Observed::Known(None) => Cell::text("never"),
        Observed::Unknown(why) => Cell::Unknown(why.clone()),
    }
}

impl Row for AccountRow {
    const KIND: Kind = Kind::Accounts;

    fn at(view: &View, at: usize) -> Self {
        let (graph, ix) = (view.graph(), AccountIx::at(at));
        let reached = view.reach.of_account(ix);
        Self {
            source: SourceRef::of(view),
            account: AccountRef::of(graph, ix),
            created: graph.account(ix).created,
            last_sign_in: graph.last_sign_in(ix),
            groups: graph.groups_of(ix).len() as u64,
            apps: u64::from(reached.all),
            unused_apps: unused(view, reached.unused()),
            admin_roles: view.role_count(ix),
            seen: seen(view, &graph.account_provenance(ix)),
        }
    }

    fn columns() -> Vec<Column> {
        vec![
            Column::new("Account"),
            Column::new("Status"),
            Column::number("Applications"),
            Column::number("Unused"),
            Column::number("Groups"),
            Column::new("Last sign-in"),
            Column::new("Source"),
        ]
    }

    fn sorts() -> &'static [Option<&'static str>] {
        &[Some("name"), None, Some("apps"), Some("unused"), None, Some("last_sign_in"), None]
    }

    fn cells(&self) -> Vec<Cell> {
        let mut badges = vec![status_badge(self.account.status)];
        if self.admin_roles > 0 {
            badges.push(Badge::new("admin", Tone::Info));
        }
        if self.seen.stale {
            badges.push(Badge::new(format!("last seen {}", self.seen.last_phrase()), Tone::Unknown));
        }
        vec![
            Cell::Link {
                address: entity_address("accounts", self.source.id, &self.account.id),
                text: self.account.login.clone(),
                sub: Some(self.account.name.clone()).filter(|name| !name.is_empty()),
            },
            Cell::Badges(badges),
            Cell::Number(self.apps),
            Cell::observed(&self.unused_apps),
            Cell::Number(self.groups),
            sign_in_cell(&self.last_sign_in),
            Cell::text(&self.source.name),
        ]
    }
}

impl Row for GroupRow {
    const KIND: Kind = Kind::Groups;

    fn at(view: &View, at: usize) -> Self {
        let (graph, ix) = (view.graph(), GroupIx::at(at));
        let group = graph.group(ix);
        Self {
            source: SourceRef::of(view),
            id: group.id.clone(),
            name: group.name.clone(),
            description: group.description.clone(),
            origin: origin_word(&group.origin).to_owned(),
            everyone: group.everyone,
            members: graph.member_count(ix),
            counted_members: group.member_count.clone(),
            apps: graph.resources_of_group(ix).len() as u64,
            rules: graph.rules_into(ix).count() as u64,
            seen: seen(view, &graph.group_provenance(ix)),
        }
    }

    fn columns() -> Vec<Column> {
        vec![
            Column::new("Group"),
            Column::new("Origin"),
            Column::number("Members"),
            Column::number("Applications"),
            Column::number("Rules"),
            Column::new("Source"),
        ]
    }

    fn sorts() -> &'static [Option<&'static str>] {
        &[Some("name"), None, Some("members"), Some("apps"), None, None]
    }

    fn cells(&self) -> Vec<Cell> {
        let members = match &self.counted_members {
            // What the provider counts and what was seen may differ, where members could not be read.
            Observed::Known(counted) if *counted > self.members => {
                Cell::Unknown(format!("{} of {} seen", self.members, counted))
            }
            _ => Cell::Number(self.members),
        };
        let mut badges = vec![Badge::new(self.origin.clone(), Tone::Plain)];
        if self.everyone {
            badges.push(Badge::new("everyone", Tone::Info));
        }
        if self.seen.stale {
            badges.push(Badge::new(format!("last seen {}", self.seen.last_phrase()), Tone::Unknown));
        }
        vec![
            Cell::Link {
                address: entity_address("groups", self.source.id, &self.id),
                text: self.name.clone(),
                sub: self.description.clone(),
            },
            Cell::Badges(badges),
            members,
            Cell::Number(self.apps),
            Cell::Number(self.rules),
            Cell::text(&self.source.name),
        ]
    }
}

impl Row for AppRow {
    const KIND: Kind = Kind::Apps;

    fn at(view: &View, at: usize) -> Self {
        let (graph, ix) = (view.graph(), ResourceIx::at(at));
        let app = graph.resource(ix);
        let reached = view.reach.of_resource(ix);
        Self {
            source: SourceRef::of(view),
            id: app.id.clone(),
            name: app.label.clone(),
            catalog_name: app.catalog_name.clone(),
            status: resource_status(app.status),
            sign_on_mode: app.sign_on_mode.clone(),
            for_everyone: app.implicit_assignment.clone(),
            accounts: u64::from(reached.all),
            unused: unused(view, reached.unused()),
            groups: graph.groups_of_resource(ix).len() as u64,
            seen: seen(view, &graph.resource_provenance(ix)),
        }
    }

    fn columns() -> Vec<Column> {
        vec![
            Column::new("Application"),
            Column::new("Status"),
            Column::new("Sign-on"),
            Column::number("Accounts"),
            Column::number("Unused"),
            Column::number("Groups"),
            Column::new("Source"),
        ]
    }

    fn sorts() -> &'static [Option<&'static str>] {
        &[Some("name"), None, None, Some("accounts"), Some("unused"), None, None]
    }

    fn cells(&self) -> Vec<Cell> {
        let tone = match self.status {
            "active" => Tone::Good,
            "unknown" => Tone::Unknown,
            _ => Tone::Plain,
        };
        let mut badges = vec![Badge::new(self.status, tone)];
        match &self.for_everyone {
            Observed::Known(true) => badges.push(Badge::new("for everyone", Tone::Info)),
            Observed::Unknown(_) => badges.push(Badge::new("for everyone: unknown", Tone::Unknown)),
            Observed::Known(false) => {}
        }
        vec![
            Cell::Link {
                address: entity_address("apps", self.source.id, &self.id),
                text: self.name.clone(),
                sub: self.catalog_name.clone().filter(|name| *name != self.name),
            },
            Cell::Badges(badges),
            Cell::optional(self.sign_on_mode.as_deref()),
            Cell::Number(self.accounts),
            Cell::observed(&self.unused),
            Cell::Number(self.groups),
            Cell::text(&self.source.name),
        ]
    }
}

impl Row for AdminRow {
    const KIND: Kind = Kind::Admins;

    fn at(view: &View, at: usize) -> Self {
        let held = &view.admins[at];
        Self {
            source_id: view.source_id(),
            held: AdminLine::of(&view.known, held),
            reaches: sightline_answer::reaches(view.graph(), &held.scope, NAMED),
        }
    }

    fn columns() -> Vec<Column> {
        vec![
            Column::new("Holder"),
            Column::new("Status"),
            Column::new("Role"),
            Column::new("Reach"),
            Column::new("Held"),
            Column::new("Since"),
            Column::new("Source"),
        ]
    }

    fn sorts() -> &'static [Option<&'static str>] {
        &[Some("name"), None, None, None, None, Some("since"), None]
    }

    fn cells(&self) -> Vec<Cell> {
        let held = &self.held;
        let holder = match (&held.account, &held.service_app) {
            (Some(account), _) => Cell::Link {
                address: entity_address("accounts", self.source_id, &account.id),
                text: account.login.clone(),
                sub: Some(account.name.clone()),
            },
            (None, Some(app)) => Cell::Link {
                address: entity_address("apps", self.source_id, &app.id),
                text: app.name.clone(),
                sub: Some("service application".to_owned()),
            },
            (None, None) => Cell::Unknown("not seen".to_owned()),
        };
        let status = match &held.account {
            _ if !held.active => Cell::badge("not in force", Tone::Plain),
            Some(account) => Cell::Badges(vec![status_badge(account.status)]),
            None => Cell::Empty,
        };
        vec![
            holder,
            status,
            Cell::text(&held.label),
            Cell::text(&self.reaches),
            Cell::text(held.via.phrase()),
            Cell::time(held.since),
            Cell::text(&held.source),
        ]
    }
}

/// A page of rows as programs get it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// How many there are in all.
    pub(crate) total: u64,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    pub(crate) next: Option<String>,
    /// How many there would be with each value of each filter, the other filters left as they are.
    pub(crate) facets: BTreeMap<String, BTreeMap<String, u64>>,
    /// The snapshots that the answer rests on.
    pub(crate) snapshots: Vec<sightline_answer::SnapshotRef>,
}
