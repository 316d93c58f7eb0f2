//! What was gained and lost between two snapshots.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sightline_core::*;
use sightline_graph::{Graph, ReachReason};

use crate::naive::Model;
use crate::properties::{build, company};
use crate::support::{account, member, resource, to_account, to_group};

/// The model without some of its accounts and resources; edges to them dangle.
fn without(model: &Model, accounts: &[usize], resources: &[usize]) -> Model {
    let is_gone = |record: &Record| match record {
        Record::Account(entity) => accounts.iter().any(|number| entity.id == format!("a{number}")),
        Record::Resource(entity) => resources.iter().any(|number| entity.id == format!("r{number}")),
        _ => false,
    };
    Model { records: model.records.iter().filter(|record| !is_gone(record)).cloned().collect() }
}

/// Whether there would be access if every status allowed it.
fn has_path(model: &Model, account: &str, resource: &str) -> bool {
    let mut model = model.clone();
    for record in &mut model.records {
        if let Record::Account(entity) = record {
            entity.status = AccountStatus::Active;
        }
    }
    model.paths(account, resource).iter().any(|(_, in_force)| *in_force)
}

/// What is missing in a model for the access that another one has.
fn lacking(model: &Model, account: &str, resource: &str) -> ReachReason {
    match (model.accounts().get(account), model.resources().get(resource)) {
        (None, _) => ReachReason::Account,
        (_, None) => ReachReason::Resource,
        _ if !has_path(model, account, resource) => ReachReason::Path,
        (Some(account), _) if !account.status.can_sign_in() => ReachReason::AccountStatus,
        _ => ReachReason::ResourceStatus,
    }
}

type Told = BTreeSet<(String, String, bool, ReachReason)>;

fn told(before: &Graph, after: &Graph) -> Told {
    let changes = Graph::gained_and_lost(before, after);
    for change in &changes {
        let graph = if change.gained { after } else { before };
        assert_eq!(graph.account(change.account).id, change.account_id);
        assert_eq!(graph.resource(change.resource).id, change.resource_id);
    }
    let told: Told = changes
        .iter()
        .map(|change| {
            (change.account_id.to_owned(), change.resource_id.to_owned(), change.gained, change.reason)
        })
        .collect();
    assert_eq!(told.len(), changes.len(), "a change is told twice");
    told
}

fn expected(before: &Model, after: &Model) -> Told {
    let (had, has) = (before.reach(), after.reach());
    let gained = has.difference(&had).map(|(account, resource)| {
        (account.clone(), resource.clone(), true, lacking(before, account, resource))
    });
    let lost = had.difference(&has).map(|(account, resource)| {
        (account.clone(), resource.clone(), false, lacking(after, account, resource))
    });
    gained.chain(lost).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_pair_that_differs_is_told_with_its_reason(
        one in company(),
        other in company(),
        edges_differ in any::<bool>(),
        gone in prop::collection::vec((any::<bool>(), any::<bool>(), 0_usize..5), 0..4),
    ) {
        let picked = |later: bool, account: bool| -> Vec<usize> {
            gone.iter().filter(|it| (it.0, it.1) == (later, account)).map(|it| it.2).collect()
        };
        let before = without(&one, &picked(false, true), &picked(false, false));
        // With the same edges only what the statuses decide is left.
        let mut after = if edges_differ { other.clone() } else { one.clone() };
        if !edges_differ {
            for record in &mut after.records {
                let key = record.key();
                if let Some(changed) = other.records.iter().find(|other| other.key() == key)
                    && matches!(record, Record::Account(_) | Record::Resource(_))
                {
                    *record = changed.clone();
                }
            }
        }
        let after = without(&after, &picked(true, true), &picked(true, false));
        prop_assert_eq!(told(&build(&before), &build(&after)), expected(&before, &after));
    }
}

#[test]
fn a_leaver_loses_by_status_what_everyone_has() {
    let company = |status| {
        build(&Model {
            records: vec![
                account("ada", status),
                account("bob", AccountStatus::Active),
                crate::support::group("all", GroupOrigin::BuiltIn, true),
                crate::support::group("some", GroupOrigin::Native, false),
                resource("mail", ResourceStatus::Active, false),
                resource("wiki", ResourceStatus::Active, true),
                resource("shop", ResourceStatus::Active, false),
                to_group("all", "mail"),
                member("ada", "some"),
                to_group("some", "shop"),
                to_account("bob", "shop"),
            ],
        })
    };
    let (before, after) = (company(AccountStatus::Active), company(AccountStatus::Deactivated));
    let lost = |app: &str| ("ada".to_owned(), app.to_owned(), false, ReachReason::AccountStatus);
    assert_eq!(told(&before, &after), BTreeSet::from([lost("mail"), lost("wiki"), lost("shop")]));
    assert_eq!(told(&after, &after), BTreeSet::new());
}
