//! Who did it, as far as the log tells.

use std::collections::HashMap;

use sightline_core::{Assignment, AssignmentOrigin, Change, Holding, Principal, Record};

use super::{Delta, What};

/// Events of the log between two snapshots, by what they were done to.
#[derive(Debug)]
pub struct Log<'e> {
    by_target: HashMap<&'e str, Vec<&'e Change>>,
}

/// What the log tells of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'e> {
    /// The event.
    pub event: &'e Change,
    /// Whether it tells of just this; otherwise of what led to it.
    pub exact: bool,
}

/// Events that would explain a change: their types begin with one of these and they name all of these ids.
struct Clue<'d> {
    kinds: &'static [&'static str],
    targets: Vec<&'d str>,
    exact: bool,
}

impl<'e> Log<'e> {
    /// Attempts that failed are left out: they changed nothing.
    pub fn new(events: impl IntoIterator<Item = &'e Change>) -> Self {
        let mut by_target: HashMap<&str, Vec<&Change>> = HashMap::new();
        for event in events.into_iter().filter(|event| event.succeeded) {
            for target in &event.targets {
                let of_target = by_target.entry(target.id.as_str()).or_default();
                // One event may name the same thing twice.
                if of_target.last().is_none_or(|last| last.id != event.id) {
                    of_target.push(event);
                }
            }
        }
        Self { by_target }
    }

    /// The event that tells of the change: the last one of just this. Otherwise what led to it: of several, the first
    /// that took something away, and the last that gave it, because all of them were needed then. None where the log does
    /// not tell.
    pub fn told(&self, delta: &Delta) -> Option<Told<'e>> {
        let found: Vec<Told<'e>> = clues(delta).iter().filter_map(|clue| self.last(clue)).collect();
        if let Some(told) = found.iter().find(|told| told.exact) {
            return Some(*told);
        }
        let time = |told: &Told<'e>| told.event.time;
        let causes = found.into_iter();
        if delta.what == What::Removed { causes.min_by_key(time) } else { causes.max_by_key(time) }
    }

    fn last(&self, clue: &Clue<'_>) -> Option<Told<'e>> {
        let fits = |event: &&&'e Change| {
            clue.kinds.iter().any(|kind| event.kind.starts_with(kind))
                && clue.targets.iter().all(|id| event.targets.iter().any(|target| target.id == *id))
        };
        let events = self.by_target.get(clue.targets.first()?)?.iter().filter(fits);
        let event = events.max_by_key(|event| (event.time, &event.id))?;
        Some(Told { event, exact: clue.exact })
    }
}

fn exact<'d>(kinds: &'static [&'static str], targets: &[&'d str]) -> Clue<'d> {
    Clue { kinds, targets: targets.to_vec(), exact: true }
}

fn cause<'d>(kinds: &'static [&'static str], targets: &[&'d str]) -> Clue<'d> {
    Clue { kinds, targets: targets.to_vec(), exact: false }
}

/// The kinds that tell of a gain, or else those that tell of a loss.
fn either(
    delta: &Delta,
    gain: &'static [&'static str],
    loss: &'static [&'static str],
) -> &'static [&'static str] {
    if delta.what == What::Added { gain } else { loss }
}

/// Deactivated accounts are in no list of members, and what is deleted takes its relations along.
fn account_fate<'d>(delta: &Delta, account: &'d str) -> Clue<'d> {
    let gain = &[
        "user.lifecycle.create",
        "user.lifecycle.activate",
        "user.lifecycle.reactivate",
        "system.import.user",
    ];
    let loss = &["user.lifecycle.delete", "user.lifecycle.deactivate", "system.import.user"];
    cause(either(delta, gain, loss), &[account])
}

fn joined(delta: &Delta) -> &'static [&'static str] {
    either(delta, &["group.user_membership.add"], &["group.user_membership.remove", "group.lifecycle.delete"])
}

/// What would explain a change, the best explanation first. The words are those of the provider's log.
fn clues(delta: &Delta) -> Vec<Clue<'_>> {
    match delta.record() {
        Record::Membership(edge) => vec![
            exact(
                either(delta, &["group.user_membership.add"], &["group.user_membership.remove"]),
                &[&edge.account, &edge.group],
            ),
            cause(either(delta, &[], &["group.lifecycle.delete", "system.import.group"]), &[&edge.group]),
            account_fate(delta, edge.account.as_str()),
        ],
        Record::Assignment(edge) => of_assignment(delta, edge),
        Record::Holding(edge) => of_holding(delta, edge),
        Record::Account(account) => {
            let id = account.id.as_str();
            match delta.what {
                What::Added => vec![exact(&["user.lifecycle.create", "system.import.user.create"], &[id])],
                What::Removed => vec![exact(&["user.lifecycle.delete", "system.import.user.delete"], &[id])],
                _ if delta.fields.iter().any(|field| field.name == "status") => vec![
                    exact(&["user.lifecycle.", "user.account.lock", "user.account.unlock"], &[id]),
                    cause(&["user."], &[id]),
                ],
                _ => vec![
                    exact(&["user.account.update", "user.account.reset", "system.import.user"], &[id]),
                    cause(&["user.account.update", "user.lifecycle."], &[id]),
                ],
            }
        }
        Record::Group(group) => vec![exact(
            match delta.what {
                What::Added => &["group.lifecycle.create", "system.import.group.create"],
                What::Removed => &["group.lifecycle.delete", "system.import.group.delete"],
                _ => &["group.profile.", "group.lifecycle.", "system.import.group"],
            },
            &[group.id.as_str()],
        )],
        Record::Resource(app) => vec![exact(
            match delta.what {
                What::Added => &["application.lifecycle.create"],
                What::Removed => &["application.lifecycle.delete"],
                _ => &["application.lifecycle.", "application.configuration."],
            },
            &[app.id.as_str()],
        )],
        other => others(other),
    }
}

/// Somebody's row in a resource, or a group that has it.
fn of_assignment<'d>(delta: &'d Delta, edge: &'d Assignment) -> Vec<Clue<'d>> {
    let app = edge.resource.as_str();
    match &edge.principal {
        Principal::Account(account) => {
            let row: &[&str] = match delta.what {
                What::Added => &["application.user_membership.add", "application.user_membership.provision"],
                What::Removed => {
                    &["application.user_membership.remove", "application.user_membership.deprovision"]
                }
                _ => &["application.user_membership."],
            };
            let mut clues = vec![exact(row, &[account.as_str(), app])];
            for group in origins(delta) {
                clues.push(cause(joined(delta), &[account.as_str(), group]));
                clues.push(cause(
                    either(delta, &["group.application_assignment.add"], &["group.application_assignment."]),
                    &[group, app],
                ));
                clues.push(cause(either(delta, &[], &["group.lifecycle.delete"]), &[group]));
            }
            clues.push(cause(either(delta, &[], &["application.lifecycle.delete"]), &[app]));
            clues.push(account_fate(delta, account.as_str()));
            clues
        }
        Principal::Group(group) => vec![
            exact(
                match delta.what {
                    What::Added => &["group.application_assignment.add"],
                    What::Removed => &["group.application_assignment.remove"],
                    _ => &["group.application_assignment."],
                },
                &[group.as_str(), app],
            ),
            cause(either(delta, &[], &["group.lifecycle.delete"]), &[group.as_str()]),
            cause(either(delta, &[], &["application.lifecycle.delete"]), &[app]),
        ],
        Principal::Resource(_) => Vec::new(),
    }
}

fn of_holding<'d>(delta: &'d Delta, edge: &'d Holding) -> Vec<Clue<'d>> {
    let is_gain = delta.what == What::Added;
    let kinds: &[&str] = match (&edge.principal, is_gain) {
        (Principal::Account(_), true) => &["user.account.privilege.grant"],
        (Principal::Account(_), false) => &["user.account.privilege."],
        (Principal::Group(_), true) => &["group.privilege.grant"],
        (Principal::Group(_), false) => &["group.privilege."],
        (Principal::Resource(_), _) => &["app.oauth2.client.privilege."],
    };
    let holder = edge.principal.id();
    let mut clues = Vec::new();
    if !edge.inherited {
        clues.push(exact(kinds, &[holder]));
    }
    if let Principal::Account(account) = &edge.principal {
        if edge.inherited {
            clues.push(cause(joined(delta), &[account.as_str()]));
        }
        clues.push(account_fate(delta, account.as_str()));
    }
    clues
}

/// Groups that an account's row in a resource comes or came from.
fn origins(delta: &Delta) -> Vec<&str> {
    [delta.after(), delta.before()]
        .into_iter()
        .flatten()
        .filter_map(|(_, fact)| match &fact.record {
            Record::Assignment(edge) => match &edge.origin {
                AssignmentOrigin::Group(Some(group)) => Some(group.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// What is told of by one kind of event, whatever became of it.
fn others(record: &Record) -> Vec<Clue<'_>> {
    let (kinds, targets): (&'static [&'static str], Vec<&str>) = match record {
        Record::Rule(rule) => (&["group.user_membership.rule.", "policy.rule."], vec![&rule.id]),
        Record::Role(role) => (&["iam.role."], vec![&role.id]),
        Record::Permission(permission) => (&["iam.role.permissions."], vec![&permission.role]),
        Record::ScopeSet(set) => (&["iam.resourceset."], vec![&set.id]),
        Record::SetMember(member) => (&["iam.resourceset.resources."], vec![&member.set]),
        Record::Credential(credential) => {
            (&["system.api_token.", "app.oauth2.credentials.", "app.oauth2.client."], vec![&credential.id])
        }
        Record::ApiGrant(grant) => (&["app.oauth2.admin.consent."], vec![&grant.resource, &grant.scope]),
        Record::Policy(policy) => (&["policy.lifecycle.", "application.policy."], vec![&policy.id]),
        Record::PolicyRule(rule) => (&["policy.rule."], vec![&rule.id]),
        Record::Governance(edge) => (&["policy.mapping.", "application.policy."], vec![&edge.resource]),
        Record::Trust(trust) => (&["system.idp."], vec![&trust.id]),
        Record::Device(device) => (&["device."], vec![&device.id]),
        Record::DeviceUse(edge) => {
            (&["device.user.", "device.enrollment."], vec![&edge.device, &edge.account])
        }
        Record::Factor(factor) => (&["user.mfa.factor."], vec![&factor.account]),
        Record::Push(push) => (&["application.provision.group_push."], vec![&push.resource]),
        Record::Ownership(edge) => (&["group."], vec![&edge.group, edge.owner.id()]),
        Record::Setting(setting) => (
            &[
                "zone.",
                "system.log_stream.",
                "event_hook.",
                "inline_hook.",
                "security.",
                "oauth2.",
                "device.assurance.",
                "directory.",
            ],
            vec![&setting.id],
        ),
        _ => return Vec::new(),
    };
    vec![Clue { kinds, targets, exact: true }]
}
