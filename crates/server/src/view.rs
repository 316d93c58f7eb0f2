//! One sealed snapshot, ready for every question: its graph, and lists of what is in it.

use std::collections::HashMap;

use sightline_answer::{AdminLine, AnswerError, Chosen, Known, SealTimes};
use sightline_core::{AccountStatus, Gap, GroupOrigin, LastUse, Observed, ResourceStatus, SnapshotNumber};
use sightline_graph::{
    Access, AccountIx, AccountSummary, AdminHolding, Graph, GroupIx, Holder, Reach, ResourceIx, Summary, Via,
};
use sightline_store::{Figures, SnapshotMeta, Store, StoreError};

use crate::catalog::Catalog;
use crate::devices::Devices;
use crate::problem::Problem;

/// One sealed snapshot of one data source.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) known: Known,
    pub(crate) meta: SnapshotMeta,
    pub(crate) reach: Reach,
    pub(crate) summary: Summary,
    /// In the order of the admins catalog.
    pub(crate) admins: Vec<AdminHolding>,
    /// How many roles in force each account holds, of those that hold any.
    roles: HashMap<AccountIx, u64>,
    pub(crate) devices: Devices,
    pub(crate) accounts: Catalog,
    pub(crate) groups: Catalog,
    pub(crate) apps: Catalog,
    pub(crate) holdings: Catalog,
}

impl View {
    /// Loads a snapshot: about a second for each hundred thousand accounts.
    pub(crate) fn load(store: &Store, source_id: u64, number: SnapshotNumber) -> Result<Self, AnswerError> {
        let record = store.source(source_id)?;
        let snapshots = store.all_snapshots(source_id)?;
        let times = SealTimes::of(&snapshots);
        let meta = snapshots.into_iter().find(|meta| meta.number == number);
        let meta = meta.ok_or(StoreError::NoSuchSnapshot { number })?;
        let known = Known::load(store, Chosen { record, meta: meta.clone(), times })?;
        let graph = &known.graph;
        let reach = graph.reach();
        let admins = graph.admins();
        let roles = roles_in_force(&admins);
        Ok(Self {
            summary: graph.summary(),
            accounts: accounts(graph, &reach, &roles),
            groups: groups(graph),
            apps: apps(graph, &reach),
            holdings: holdings(graph, &admins),
            devices: Devices::load(store, source_id, graph)?,
            known,
            meta,
            reach,
            admins,
            roles,
        })
    }

    /// Who can reach what.
    pub(crate) fn graph(&self) -> &Graph {
        &self.known.graph
    }

    fn gone(&self, kind: &str) -> Problem {
        let about = self.graph().about();
        Problem::not_found(format!("snapshot {} of {} has no such {kind}", about.number, about.source))
            .hint("it may be gone, or not have been there yet: the changes tell")
    }

    /// The account with an id.
    pub(crate) fn account(&self, id: &str) -> Result<AccountIx, Problem> {
        self.graph().account_with_id(id).ok_or_else(|| self.gone("account"))
    }

    /// The group with an id.
    pub(crate) fn group(&self, id: &str) -> Result<GroupIx, Problem> {
        self.graph().group_with_id(id).ok_or_else(|| self.gone("group"))
    }

    /// The application with an id.
    pub(crate) fn app(&self, id: &str) -> Result<ResourceIx, Problem> {
        self.graph().resource_with_id(id).ok_or_else(|| self.gone("application"))
    }

    /// Who has a path to an application; or only who can reach it and is known not to have used it.
    pub(crate) fn who(&self, app: ResourceIx, only_unused: bool) -> Vec<Access> {
        let mut access = self.graph().who(app);
        if only_unused {
            access.retain(|access| {
                let last = self.graph().last_use(access.account, app);
                access.can_reach() && matches!(last, LastUse::NotSince(_) | LastUse::Never(_))
            });
        }
        access
    }

    /// Admin roles that a group gives to its members, each once.
    pub(crate) fn roles_given(&self, group: GroupIx) -> Vec<&AdminHolding> {
        let mut held: Vec<_> = self.admins.iter().filter(|held| held.via == Via::Group(group)).collect();
        held.sort_by(|a, b| (&a.role, &a.scope).cmp(&(&b.role, &b.scope)));
        held.dedup_by(|a, b| (&a.role, &a.scope) == (&b.role, &b.scope));
        held
    }

    /// Admin roles that an application holds itself.
    pub(crate) fn roles_of_app(&self, app: ResourceIx) -> Vec<AdminLine> {
        let held = self.admins.iter().filter(|held| held.holder == Holder::Resource(app));
        held.map(|held| AdminLine::of(&self.known, held)).collect()
    }

    /// What could not be read under something.
    pub(crate) fn gaps_under(&self, id: &str) -> impl Iterator<Item = &Gap> {
        self.graph().gaps().filter(move |gap| gap.scope.parent.as_deref() == Some(id))
    }

    /// Its data source.
    pub(crate) fn source_id(&self) -> u64 {
        self.known.source_id
    }

    /// Number of the snapshot.
    pub(crate) fn number(&self) -> SnapshotNumber {
        self.meta.number
    }

    /// How many admin roles in force an account holds.
    pub(crate) fn role_count(&self, account: AccountIx) -> u64 {
        self.roles.get(&account).copied().unwrap_or(0)
    }

    /// Which snapshot it is, of all data sources.
    pub(crate) fn which(&self) -> (u64, u64) {
        (self.source_id(), self.number())
    }

    /// What is counted of it, to tell how numbers went.
    pub(crate) fn figures(&self) -> Figures {
        let summary = &self.summary;
        let mut figures = Figures::from([
            ("accounts".to_owned(), summary.accounts),
            ("groups".to_owned(), summary.groups),
            ("apps".to_owned(), summary.resources),
            ("accesses".to_owned(), summary.effective_pairs),
            ("leavers".to_owned(), summary.leavers_with_assignments),
            ("gaps".to_owned(), summary.gaps),
        ]);
        // What is not known is no figure.
        if let Observed::Known(unused) = &summary.unused_access {
            figures.insert("unused".to_owned(), *unused);
        }
        if self.graph().gaps_hiding_admins().is_empty() {
            figures.insert("admins".to_owned(), summary.admins);
        }
        figures
    }

    /// Why it cannot be said what is not used; none where it can.
    pub(crate) fn usage_unread(&self) -> Option<&str> {
        match &self.summary.unused_access {
            Observed::Known(_) => None,
            Observed::Unknown(why) => Some(why),
        }
    }
}

/// The department or type of an account whose profile tells none.
const NOT_TOLD: &str = "(not told)";

/// What an account has of what it could use.
pub(crate) const ACCESS_VALUES: [&str; 4] = ["some unused", "all used", "none", "unknown"];

/// How many roles in force each account holds.
fn roles_in_force(admins: &[AdminHolding]) -> HashMap<AccountIx, u64> {
    let mut roles = HashMap::new();
    for held in admins.iter().filter(|held| held.active) {
        if let Holder::Account(account) = held.holder {
            *roles.entry(account).or_default() += 1;
        }
    }
    roles
}

fn accounts(graph: &Graph, reach: &Reach, held: &HashMap<AccountIx, u64>) -> Catalog {
    let mut catalog = Catalog::default();
    let count = graph.accounts().len();
    let (mut statuses, mut access, mut roles, mut leavers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut apps, mut unused, mut signed_in, mut created) = (
        Vec::with_capacity(count),
        Vec::with_capacity(count),
        Vec::with_capacity(count),
        Vec::with_capacity(count),
    );
    let knows_usage = graph.activity_window().known().is_some();
    for (ix, account) in graph.accounts() {
        catalog.push(&[account.login, account.name, account.id]);
        statuses.push(status_code(account.status));
        let reached = reach.of_account(ix);
        access.push(match (reached.all, knows_usage) {
            (0, _) => 2,
            (_, false) => 3,
            (_, true) => u32::from(reached.unused() == 0),
        });
        roles.push(u32::from(!held.contains_key(&ix)));
        leavers.push(u32::from(!graph.is_leaver_with_access(ix)));
        apps.push(i64::from(reached.all));
        unused.push(if knows_usage { i64::from(reached.unused()) } else { 0 });
        signed_in.push(match graph.last_sign_in(ix) {
            Observed::Known(Some(time)) => time.millis(),
            Observed::Known(None) => i64::MIN + 1,
            Observed::Unknown(_) => i64::MIN,
        });
        created.push(account.created.map_or(i64::MIN, sightline_core::Time::millis));
    }
    let words = STATUSES.map(|status| status.word().to_owned()).to_vec();
    catalog.facet("status", "Status", words, statuses);
    catalog.facet("access", "Access", ACCESS_VALUES.map(str::to_owned).to_vec(), access);
    let yes_or_no = || vec!["yes".to_owned(), "no".to_owned()];
    catalog.facet("admin", "Admin", yes_or_no(), roles);
    catalog.facet("leaver", "Leaver with access", yes_or_no(), leavers);
    let texts = |text: for<'g> fn(&AccountSummary<'g>) -> Option<&'g str>| {
        graph.accounts().map(|(_, account)| text(&account).unwrap_or(NOT_TOLD)).collect::<Vec<_>>()
    };
    let departments = texts(|account| account.department);
    catalog.facet_of_texts("department", "Department", departments.into_iter());
    catalog.facet_of_texts("type", "Type", texts(|account| account.account_type).into_iter());
    catalog.sort("apps", apps);
    catalog.sort("unused", unused);
    catalog.sort("last_sign_in", signed_in);
    catalog.sort("created", created);
    catalog
}

const STATUSES: [AccountStatus; 6] = [
    AccountStatus::Active,
    AccountStatus::Pending,
    AccountStatus::Locked,
    AccountStatus::Suspended,
    AccountStatus::Deactivated,
    AccountStatus::Unknown,
];

fn status_code(status: AccountStatus) -> u32 {
    STATUSES.iter().position(|known| *known == status).unwrap_or_default() as u32
}

/// Where a group is kept, in a word.
pub(crate) fn origin_word(origin: &GroupOrigin) -> &str {
    match origin {
        GroupOrigin::Native => "native",
        GroupOrigin::Imported => "imported",
        GroupOrigin::BuiltIn => "built-in",
        GroupOrigin::Unknown(word) => word,
    }
}

fn groups(graph: &Graph) -> Catalog {
    let mut catalog = Catalog::default();
    let (mut members, mut apps, mut ruled) = (Vec::new(), Vec::new(), Vec::new());
    for (ix, group) in graph.groups() {
        catalog.push(&[&group.name, group.description.as_deref().unwrap_or_default(), &group.id]);
        members.push(graph.member_count(ix) as i64);
        apps.push(graph.resources_of_group(ix).len() as i64);
        ruled.push(u32::from(graph.rules_into(ix).next().is_none()));
    }
    catalog.facet_of_texts(
        "origin",
        "Origin",
        graph.groups().map(|(_, group)| origin_word(&group.origin)).collect::<Vec<_>>().into_iter(),
    );
    catalog.facet("rule", "Filled by a rule", vec!["yes".to_owned(), "no".to_owned()], ruled);
    catalog.sort("members", members);
    catalog.sort("apps", apps);
    catalog
}

/// Whether an application is in use, in a word.
pub(crate) const fn resource_status(status: ResourceStatus) -> &'static str {
    match status {
        ResourceStatus::Active => "active",
        ResourceStatus::Inactive => "inactive",
        ResourceStatus::Unknown => "unknown",
    }
}

fn apps(graph: &Graph, reach: &Reach) -> Catalog {
    let mut catalog = Catalog::default();
    let (mut people, mut unused) = (Vec::new(), Vec::new());
    for (ix, app) in graph.resources() {
        catalog.push(&[&app.label, app.catalog_name.as_deref().unwrap_or_default(), &app.id]);
        let reached = reach.of_resource(ix);
        people.push(i64::from(reached.all));
        unused.push(i64::from(reached.unused()));
    }
    let texts = |text: fn(&sightline_core::Resource) -> &str| {
        graph.resources().map(|(_, app)| text(app)).collect::<Vec<_>>()
    };
    catalog.facet_of_texts("status", "Status", texts(|app| resource_status(app.status)).into_iter());
    catalog.facet_of_texts(
        "sign_on",
        "Sign-on",
        texts(|app| app.sign_on_mode.as_deref().unwrap_or("none")).into_iter(),
    );
    catalog.sort("accounts", people);
    catalog.sort("unused", unused);
    catalog
}

/// How somebody comes to a role, in a word.
pub(crate) const fn via_word(via: Via) -> &'static str {
    match via {
        Via::Direct => "direct",
        Via::Group(_) => "group",
        Via::InheritedUnseen => "unseen group",
    }
}

/// What a role reaches, in a word.
pub(crate) const fn scope_word(scope: &sightline_core::HoldingScope) -> &'static str {
    use sightline_core::HoldingScope;
    match scope {
        HoldingScope::Org => "whole organisation",
        HoldingScope::Set(_) => "resource set",
        HoldingScope::Targets(_) => "targets",
        HoldingScope::Unknown(_) => "unknown",
    }
}

fn holdings(graph: &Graph, admins: &[AdminHolding]) -> Catalog {
    let mut catalog = Catalog::default();
    for held in admins {
        let (name, other) = holder_names(graph, held.holder);
        catalog.push(&[name, other, &held.label, &held.role]);
    }
    catalog.facet_of_texts("role", "Role", admins.iter().map(|held| held.label.as_str()));
    catalog.facet_of_texts("via", "Held", admins.iter().map(|held| via_word(held.via)));
    catalog.facet_of_texts("reach", "Reach", admins.iter().map(|held| scope_word(&held.scope)));
    let status = |held: &AdminHolding| match held.holder {
        _ if !held.active => "role not in force",
        Holder::Account(account) => graph.account(account).status.word(),
        Holder::Resource(resource) => resource_status(graph.resource(resource).status),
    };
    catalog.facet_of_texts("status", "Status", admins.iter().map(status));
    catalog.sort(
        "since",
        admins.iter().map(|held| held.since.map_or(i64::MIN, sightline_core::Time::millis)).collect(),
    );
    catalog
}

/// What a holder of a role is called.
pub(crate) fn holder_names(graph: &Graph, holder: Holder) -> (&str, &str) {
    match holder {
        Holder::Account(account) => {
            let account = graph.account(account);
            (account.login, account.name)
        }
        Holder::Resource(resource) => (&graph.resource(resource).label, "service application"),
    }
}
