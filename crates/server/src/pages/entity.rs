//! One account, group or application.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use sightline_answer::{AccessAnswer, ManagerAnswer, ProvenanceAnswer, RecordAnswer, SnapshotRef, reaches};
use sightline_core::{Account, Credential, CredentialKind, EntityKind, Factor, Observed, Record};
use sightline_graph::{AccountIx, Graph, GroupIx, ResourceIx};
use sightline_store::UserRole;
use sightline_sync::kept::Datasets;

use super::Answer;
use super::access::{gap_lines, what_table, who_table};
use crate::app::{App, Shared};
use crate::auth::Viewer;
use crate::devices::DeviceOf;
use crate::layout::Frame;
use crate::lists::{At, address};
use crate::parameters::{Parameters, Path};
use crate::problem::Problem;
use crate::rows::{app_status_badge, entity_address, sign_in_cell, status_badge};
use crate::table::{Badge, Cell, Column, Part, Table, Tone};
use crate::view::{View, origin_word};
use crate::words;

/// Rows of a page of members or of who reaches an application.
const ROWS: usize = 50;
/// How many things are named in a line.
const NAMED: usize = 5;

/// A fact in a few words.
struct FactLine {
    name: &'static str,
    value: Cell,
}

#[derive(Template)]
#[template(path = "entity.html")]
struct EntityPage {
    kind: &'static str,
    list: &'static str,
    title: String,
    lead: String,
    badges: Vec<Badge>,
    facts: Vec<FactLine>,
    parts: Vec<Part>,
    notes: Vec<String>,
    gaps: Vec<String>,
    snapshot: String,
    path: String,
    as_of: String,
    links: Vec<(&'static str, String)>,
    /// All that was read of it as JSON, and where that is known from.
    raw: Option<(String, String)>,
}

/// What is asked about an entity.
#[derive(Debug)]
struct Asked {
    at: At,
    from: usize,
    unused: bool,
}

impl Asked {
    fn parse(source: u64, query: Option<&str>) -> Result<Self, Problem> {
        let mut parameters = Parameters::typed(query)?;
        let (as_of, as_of_text) = parameters.when_typed("as_of")?.unzip();
        let asked = Self {
            at: At { source: Some(source), as_of, as_of_text },
            from: parameters.number("from", 0..=usize::MAX)?.unwrap_or_default(),
            unused: parameters.word("use", &[("unused", true)])?.unwrap_or_default(),
        };
        parameters.done()?;
        Ok(asked)
    }

    fn as_of(&self) -> String {
        self.at.as_of_text.clone().unwrap_or_default()
    }

    /// The address of the same page from another row on.
    fn address(&self, path: &str, from: usize, unused: bool) -> String {
        let from = from.to_string();
        let as_of = self.as_of();
        let mut all = vec![
            ("as_of", as_of.as_str()),
            ("from", from.as_str()),
            ("use", if unused { "unused" } else { "" }),
        ];
        all.retain(|(name, value)| !(value.is_empty() || *name == "from" && *value == "0"));
        address(path, &all)
    }

    /// Cuts out the rows of this page, and says where the others are.
    fn page<'r, T>(&self, part: &mut Part, rows: &'r [T], path: &str) -> &'r [T] {
        part.cut(rows, self.from, ROWS, |from| self.address(path, from, self.unused))
    }
}

fn provenance(view: &View, provenance: &sightline_graph::Provenance) -> FactLine {
    let answer = ProvenanceAnswer::of(provenance, &view.known.times);
    let text = format!("seen since {} ({})", answer.seen.since_phrase(), answer.phrase());
    FactLine { name: "Known from", value: Cell::text(text) }
}

fn fact(name: &'static str, value: Cell) -> FactLine {
    FactLine { name, value }
}

/// All that was read of something, for those who may see it.
fn raw(frame: &Frame, record: Option<&RecordAnswer>) -> Option<(String, String)> {
    let record = record.filter(|_| frame.may(UserRole::Auditor))?;
    let json = serde_json::to_string_pretty(&record.record).ok()?;
    Some((json, record.provenance.phrase()))
}

/// What only the record of an account tells.
fn profile_facts(account: &Account) -> impl Iterator<Item = FactLine> {
    let facts = [
        fact("E-mail", Cell::text(account.emails.join(", "))),
        fact("Title", Cell::optional(account.title.as_deref())),
        fact("Department", Cell::optional(account.department.as_deref())),
        fact("Type", Cell::optional(account.account_type.as_deref())),
        fact("Password checked by", Cell::optional(account.credential_provider.as_deref())),
        fact("Password changed", Cell::time(account.password_changed)),
        fact("Status changed", Cell::time(account.status_changed)),
        fact("Activated", Cell::time(account.activated)),
    ];
    facts.into_iter().filter(|fact| !matches!(fact.value, Cell::Empty))
}

/// The dataset that second factors are read in, account by account.
const FACTORS: &str = "factors";

/// The dataset that devices and those who use them are read in.
const DEVICES: &str = "devices";

/// Why nothing was read of a dataset; an empty cell where the data source has no such thing.
fn unread(app: &App, view: &View, dataset: &str) -> Result<Cell, Problem> {
    let record = app.source(view.source_id())?;
    let Some(info) = app.host().info(&record.connector)?.dataset(dataset) else { return Ok(Cell::Empty) };
    let listing =
        view.graph().scopes().iter().find(|state| state.scope == sightline_core::Scope::listing(dataset));
    let why = match listing.and_then(|state| state.gap.as_ref()) {
        Some(gap) => gap.reason.phrase(),
        None if Datasets::of(&record.settings).is_on(info) => "not read yet",
        None => "switched off",
    };
    Ok(Cell::Unknown(why.to_owned()))
}

/// How many of something an account has, where some of it may not have been read.
fn counted(count: usize, gap: Option<&sightline_core::Gap>, none: Cell) -> Cell {
    match gap {
        Some(gap) if count == 0 => Cell::Unknown(gap.reason.phrase().to_owned()),
        Some(gap) => {
            Cell::Detail { text: words::number(count), sub: format!("as last seen: {}", gap.reason.phrase()) }
        }
        None if count == 0 => none,
        None => Cell::Number(count as u64),
    }
}

/// How many devices an account has, or why that is not known.
fn devices_told(app: &App, view: &View, account: AccountIx) -> Result<Cell, Problem> {
    let mut read = view.graph().scopes().iter().filter(|state| state.scope.dataset == DEVICES).peekable();
    let count = view.devices.of(account).len();
    if read.peek().is_none() {
        return unread(app, view, DEVICES);
    }
    let gap = read.find_map(|state| state.gap.as_ref());
    Ok(counted(count, gap, Cell::text("none")))
}

fn devices_table(devices: &[DeviceOf]) -> Table {
    let row = |device: &DeviceOf| {
        let name = if device.name.is_empty() { "not seen" } else { &device.name };
        vec![
            Cell::Detail { text: name.to_owned(), sub: device.id.clone() },
            Cell::optional(device.platform.as_deref()),
            Cell::text(&device.raw_status),
            Cell::optional(device.management.as_deref()),
            Cell::time(device.since),
        ]
    };
    Table {
        name: "Devices".to_owned(),
        columns: ["Device", "Platform", "Status", "Management", "Since"].map(Column::new).to_vec(),
        rows: devices.iter().map(row).collect(),
        empty: String::new(),
    }
}

/// The second factors of an account, and how many there are or why that is not known; no word of that where the data source
/// has no such thing.
fn factors(app: &App, view: &View, id: &str) -> Result<(Vec<Factor>, Cell), Problem> {
    let mut of_factors = view.graph().scopes().iter().filter(|state| state.scope.dataset == FACTORS);
    let Some(own) = of_factors.find(|state| state.scope.parent.as_deref() == Some(id)) else {
        return Ok((Vec::new(), unread(app, view, FACTORS)?));
    };
    let mut factors = Vec::new();
    app.store().visit_scope(view.source_id(), view.number(), &own.scope, |fact| {
        if let Record::Factor(factor) = fact.record {
            factors.push(*factor);
        }
    })?;
    let told = counted(factors.len(), own.gap.as_ref(), Cell::badge("none", Tone::Warn));
    Ok((factors, told))
}

fn factors_table(factors: &[Factor]) -> Table {
    let row = |factor: &Factor| {
        vec![
            Cell::text(&factor.kind),
            Cell::optional(factor.provider.as_deref()),
            Cell::text(&factor.raw_status),
            Cell::time(factor.created),
            Cell::time(factor.last_updated),
        ]
    };
    Table {
        name: "Second factors".to_owned(),
        columns: ["Kind", "Checked by", "Status", "Enrolled", "Changed"].map(Column::new).to_vec(),
        rows: factors.iter().map(row).collect(),
        empty: String::new(),
    }
}

const fn credential_kind(kind: &CredentialKind) -> &'static str {
    match kind {
        CredentialKind::ApiToken => "API token",
        CredentialKind::ClientSecret => "client secret",
        CredentialKind::Key => "key",
        CredentialKind::ApiIntegration => "API integration",
    }
}

/// What an account or an application proves to be itself with besides; none where nothing was seen.
fn credentials(graph: &Graph, owner: &str) -> Option<Part> {
    let found = graph.credentials_of(owner);
    let row = |credential: &Credential| {
        vec![
            Cell::Detail { text: credential.name.clone(), sub: credential.id.clone() },
            Cell::text(credential_kind(&credential.kind)),
            Cell::optional(credential.raw_status.as_deref()),
            Cell::text(credential.scopes.join(", ")),
            Cell::time(credential.created),
            Cell::time(credential.last_updated),
            Cell::time(credential.expires),
        ]
    };
    let columns = ["Name", "Kind", "Status", "Scopes", "Made", "Used or changed", "Ends"];
    let table = Table {
        name: "Credentials".to_owned(),
        columns: columns.map(Column::new).to_vec(),
        rows: found.iter().map(row).collect(),
        empty: String::new(),
    };
    let title = words::count(found.len(), "credential", "credentials");
    (!found.is_empty()).then(|| Part::new("credentials", title, table))
}

pub(crate) async fn account(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let asked = Asked::parse(source, uri.query())?;
    let view = asked.at.view(&app).await?;
    let graph = view.graph();
    let ix = view.account(&id)?;
    let account = graph.account(ix);
    let mut answer = AccessAnswer::what(&view.known, ix, &view.admins);
    let path = entity_address("accounts", source, &id);
    let mut facts = vec![
        fact("Login", Cell::text(account.login)),
        fact(
            "Status",
            Cell::Detail { text: account.status.word().to_owned(), sub: account.raw_status.to_owned() },
        ),
        fact("Last sign-in", sign_in_cell(&graph.last_sign_in(ix))),
    ];
    let record = RecordAnswer::of(app.store(), &view.known, EntityKind::Account, &id)?;
    if let Some(Record::Account(account)) = record.as_ref().map(|record| &record.record) {
        facts.extend(profile_facts(account));
    }
    facts.push(fact("Created", Cell::time(account.created)));
    if let Some(manager) = ManagerAnswer::of(graph, ix) {
        let cell = match &manager.account {
            Some(account) => Cell::link(entity_address("accounts", source, &account.id), &account.login),
            None => Cell::text(manager.phrase()),
        };
        facts.push(fact("Manager", cell));
    }
    let (factors, told) = factors(&app, &view, &id)?;
    if !matches!(told, Cell::Empty) {
        facts.push(fact("Second factors", told));
    }
    let told = devices_told(&app, &view, ix)?;
    if !matches!(told, Cell::Empty) {
        facts.push(fact("Devices", told));
    }
    facts.push(provenance(&view, &graph.account_provenance(ix)));
    let reached = view.reach.of_account(ix);
    let mut access = Part::new(
        "access",
        format!("Can reach {}", words::count(u64::from(reached.all), "application", "applications")),
        what_table(&view, &answer.access),
    );
    if let (None, unused @ 1..) = (view.usage_unread(), reached.unused()) {
        access.note = Some(format!(
            "{} of them not used in the window that was read",
            words::number(u64::from(unused))
        ));
    }
    let mut parts = vec![access];
    let roles = answer.roles.take().unwrap_or_default();
    if !roles.is_empty() {
        parts.push(Part::new("roles", "Admin roles", roles_table(&view, &roles)));
    }
    let groups = graph.groups_of(ix);
    parts.push(Part::new(
        "groups",
        format!("In {}", words::count(groups.len() as u64, "group", "groups")),
        groups_table(&view, &groups),
    ));
    if !factors.is_empty() {
        parts.push(Part::new("factors", "Second factors", factors_table(&factors)));
    }
    let devices = view.devices.of(ix);
    if !devices.is_empty() {
        parts.push(Part::new("devices", "Devices", devices_table(devices)));
    }
    parts.extend(credentials(graph, &format!("account/{id}")));
    let frame = Frame::new(&identity, &headers, &uri);
    let page = EntityPage {
        kind: "Accounts",
        list: "/accounts",
        title: if account.name.is_empty() { account.login.to_owned() } else { account.name.to_owned() },
        lead: account.login.to_owned(),
        badges: vec![status_badge(account.status)],
        facts,
        parts,
        notes: answer.notes,
        gaps: gap_lines(&view, &answer.gaps),
        snapshot: SnapshotRef::of(graph).phrase(),
        as_of: asked.as_of(),
        links: vec![
            ("Time line", format!("{path}/history")),
            ("Explain an access", address("/access", &[("account", account.login)])),
        ],
        raw: raw(&frame, record.as_ref()),
        path,
    };
    let title = page.title.clone();
    frame.page(&app, &title, &page)
}

fn roles_table(view: &View, roles: &[sightline_answer::AdminLine]) -> Table {
    let row = |role: &sightline_answer::AdminLine| {
        let state = if role.active {
            Badge::new("in force", Tone::Good)
        } else {
            Badge::new("not in force", Tone::Plain)
        };
        vec![
            Cell::text(&role.label),
            Cell::Badges(vec![state]),
            Cell::text(reaches(view.graph(), &role.scope, NAMED)),
            Cell::text(role.via.phrase()),
            Cell::time(role.since),
            Cell::text(role.provenance.phrase()),
        ]
    };
    Table {
        name: "Admin roles".to_owned(),
        columns: ["Role", "State", "Reach", "Held", "Since", "Known from"].map(Column::new).to_vec(),
        rows: roles.iter().map(row).collect(),
        empty: String::new(),
    }
}

/// Rules that put somebody into a group, in words.
fn rules_cell(graph: &Graph, group: GroupIx) -> Cell {
    let rules: Vec<String> = graph
        .rules_into(group)
        .map(|rule| match &rule.expression {
            Some(expression) => format!("{}: {expression}", rule.name),
            None => rule.name.clone(),
        })
        .collect();
    Cell::text(rules.join("; "))
}

fn groups_table(view: &View, groups: &[GroupIx]) -> Table {
    let graph = view.graph();
    let row = |&ix: &GroupIx| {
        let group = graph.group(ix);
        vec![
            Cell::Link {
                address: entity_address("groups", view.source_id(), &group.id),
                text: group.name.clone(),
                sub: group.description.clone(),
            },
            Cell::text(origin_word(&group.origin)),
            Cell::Number(graph.member_count(ix)),
            Cell::Number(graph.resources_of_group(ix).len() as u64),
            rules_cell(graph, ix),
        ]
    };
    Table {
        name: "Groups".to_owned(),
        columns: vec![
            Column::new("Group"),
            Column::new("Origin"),
            Column::number("Members"),
            Column::number("Applications"),
            Column::new("Filled by rules"),
        ],
        rows: groups.iter().map(row).collect(),
        empty: "It was seen in no group.".to_owned(),
    }
}

fn apps_table(view: &View, apps: &[ResourceIx]) -> Table {
    let graph = view.graph();
    let row = |&ix: &ResourceIx| {
        let app = graph.resource(ix);
        vec![
            Cell::link(entity_address("apps", view.source_id(), &app.id), &app.label),
            Cell::Badges(vec![app_status_badge(app.status)]),
            Cell::Number(u64::from(view.reach.of_resource(ix).all)),
        ]
    };
    Table {
        name: "Applications".to_owned(),
        columns: vec![
            Column::new("Application"),
            Column::new("Status"),
            Column::number("Accounts that reach it"),
        ],
        rows: apps.iter().map(row).collect(),
        empty: "No application is assigned to it.".to_owned(),
    }
}

fn members_table(view: &View, members: &[AccountIx]) -> Table {
    let graph = view.graph();
    let row = |&ix: &AccountIx| {
        let account = graph.account(ix);
        vec![
            Cell::Link {
                address: entity_address("accounts", view.source_id(), account.id),
                text: account.login.to_owned(),
                sub: Some(account.name.to_owned()),
            },
            Cell::Badges(vec![status_badge(account.status)]),
            sign_in_cell(&graph.last_sign_in(ix)),
        ]
    };
    Table {
        name: "Members".to_owned(),
        columns: ["Account", "Status", "Last sign-in"].map(Column::new).to_vec(),
        rows: members.iter().map(row).collect(),
        empty: "No members were seen.".to_owned(),
    }
}

pub(crate) async fn group(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let asked = Asked::parse(source, uri.query())?;
    let view = asked.at.view(&app).await?;
    let graph = view.graph();
    let ix = view.group(&id)?;
    let group = graph.group(ix);
    let path = entity_address("groups", source, &id);
    let mut facts = vec![
        fact("Origin", Cell::text(origin_word(&group.origin))),
        fact("Created", Cell::time(group.created)),
        fact("Members changed", Cell::time(group.last_membership_updated)),
        fact("Members by the provider's count", Cell::observed(&group.member_count)),
    ];
    if let Some(app) = group.source_resource.as_deref() {
        let cell = match graph.resource_with_id(app) {
            Some(ix) => Cell::link(entity_address("apps", source, app), &graph.resource(ix).label),
            None => Cell::text(app),
        };
        facts.push(fact("Imported from", cell));
    }
    let rules = rules_cell(graph, ix);
    if !matches!(rules, Cell::Empty) {
        facts.push(fact("Filled by", rules));
    }
    facts.push(provenance(&view, &graph.group_provenance(ix)));
    let members = graph.members(ix);
    let mut listed = Part::new(
        "members",
        words::count(members.len() as u64, "member", "members"),
        members_table(&view, &[]),
    );
    let shown = asked.page(&mut listed, &members, &path);
    listed.table = members_table(&view, shown);
    let apps = graph.resources_of_group(ix);
    let mut parts = vec![
        Part::new(
            "apps",
            format!("Gives {}", words::count(apps.len() as u64, "application", "applications")),
            apps_table(&view, &apps),
        ),
        listed,
    ];
    let held_roles = view.roles_given(ix);
    if !held_roles.is_empty() {
        let rows = held_roles
            .iter()
            .map(|held| vec![Cell::text(&held.label), Cell::text(reaches(graph, &held.scope, NAMED))])
            .collect();
        let table = Table {
            name: "Admin roles".to_owned(),
            columns: ["Role", "Reach"].map(Column::new).to_vec(),
            rows,
            empty: String::new(),
        };
        parts.insert(0, Part::new("roles", "Gives admin roles", table));
    }
    let mut badges = vec![Badge::new(origin_word(&group.origin), Tone::Plain)];
    if group.everyone {
        badges.push(Badge::new("everyone is in it", Tone::Info));
    }
    let frame = Frame::new(&identity, &headers, &uri);
    let record = RecordAnswer::of(app.store(), &view.known, EntityKind::Group, &id)?;
    let page = EntityPage {
        kind: "Groups",
        list: "/groups",
        title: group.name.clone(),
        lead: group.description.clone().unwrap_or_default(),
        badges,
        facts,
        parts,
        notes: Vec::new(),
        gaps: gap_lines(&view, view.gaps_under(&id)),
        snapshot: SnapshotRef::of(graph).phrase(),
        as_of: asked.as_of(),
        links: vec![("Time line", format!("{path}/history"))],
        raw: raw(&frame, record.as_ref()),
        path,
    };
    let title = page.title.clone();
    frame.page(&app, &title, &page)
}

/// What is told about an application.
fn app_facts(view: &View, ix: ResourceIx) -> Vec<FactLine> {
    let graph = view.graph();
    let resource = graph.resource(ix);
    let everyone = match &resource.implicit_assignment {
        Observed::Known(true) => Cell::text("yes, without an assignment"),
        Observed::Known(false) => Cell::text("no"),
        Observed::Unknown(why) => Cell::Unknown(why.clone()),
    };
    let mut facts = vec![
        fact(
            "Status",
            Cell::Detail {
                text: crate::view::resource_status(resource.status).to_owned(),
                sub: resource.raw_status.clone(),
            },
        ),
        fact("Catalogue name", Cell::optional(resource.catalog_name.as_deref())),
        fact("Sign-on", Cell::optional(resource.sign_on_mode.as_deref())),
        fact("For everyone", everyone),
        fact("Provisioning", Cell::text(resource.features.join(", "))),
        fact("Created", Cell::time(resource.created)),
        fact("Changed", Cell::time(resource.last_updated)),
    ];
    facts.push(provenance(view, &graph.resource_provenance(ix)));
    facts.retain(|fact| !matches!(fact.value, Cell::Empty));
    facts
}

/// A page of who reaches an application, with what makes the answer less than certain.
fn who_part(view: &View, ix: ResourceIx, asked: &Asked, path: &str) -> (Part, AccessAnswer) {
    let access = view.who(ix, asked.unused);
    let able = u64::from(view.reach.of_resource(ix).all);
    let mut who = Part::new(
        "who",
        format!("{} can reach it", words::count(able, "account", "accounts")),
        who_table(view, &[], ""),
    );
    let shown = asked.page(&mut who, &access, path);
    let answer = AccessAnswer::of_app(&view.known, ix, shown);
    who.table = who_table(
        view,
        &answer.access,
        if asked.unused {
            "All who can reach it have used it."
        } else {
            "Nobody has a path to it that was seen."
        },
    );
    let reached = view.reach.of_resource(ix);
    match view.usage_unread() {
        None => {
            who.note = Some(format!(
                "{} used it in the window that was read",
                words::number(u64::from(reached.used))
            ));
            who.chips = vec![
                ("all".to_owned(), asked.address(path, 0, false), !asked.unused),
                (
                    format!("unused {}", words::number(u64::from(reached.unused()))),
                    asked.address(path, 0, true),
                    asked.unused,
                ),
            ];
        }
        Some(why) => who.note = Some(format!("whether it is used is not known: {why}")),
    }
    (who, answer)
}

pub(crate) async fn app(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let asked = Asked::parse(source, uri.query())?;
    let view = asked.at.view(&app).await?;
    let graph = view.graph();
    let ix = view.app(&id)?;
    let resource = graph.resource(ix);
    let path = entity_address("apps", source, &id);
    let (who, answer) = who_part(&view, ix, &asked, &path);
    let groups = graph.groups_of_resource(ix);
    let facts = app_facts(&view, ix);
    let mut badges = vec![app_status_badge(resource.status)];
    if resource.service {
        badges.push(Badge::new("service application", Tone::Info));
    }
    let mut parts = vec![
        who,
        Part::new(
            "groups",
            format!("Given by {}", words::count(groups.len() as u64, "group", "groups")),
            groups_table(&view, &groups),
        ),
    ];
    let roles = view.roles_of_app(ix);
    if !roles.is_empty() {
        parts.insert(0, Part::new("roles", "Admin roles that it holds itself", roles_table(&view, &roles)));
    }
    parts.extend(credentials(graph, &format!("resource/{id}")));
    let frame = Frame::new(&identity, &headers, &uri);
    let record = RecordAnswer::of(app.store(), &view.known, EntityKind::Resource, &id)?;
    let page = EntityPage {
        kind: "Applications",
        list: "/apps",
        title: resource.label.clone(),
        lead: resource.catalog_name.clone().filter(|name| *name != resource.label).unwrap_or_default(),
        badges,
        facts,
        parts,
        notes: answer.notes,
        gaps: gap_lines(&view, &answer.gaps),
        snapshot: SnapshotRef::of(graph).phrase(),
        as_of: asked.as_of(),
        links: vec![
            ("Time line", format!("{path}/history")),
            ("Explain an access", address("/access", &[("app", resource.label.as_str())])),
        ],
        raw: raw(&frame, record.as_ref()),
        path,
    };
    let title = page.title.clone();
    frame.page(&app, &title, &page)
}
