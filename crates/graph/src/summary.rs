//! Totals over everything, counted with one set of bits per resource.

use sightline_core::{Observed, ResourceStatus};

use crate::adjacency::Bits;
use crate::{AccountIx, Graph, GroupIx, Holder, ResourceIx, Skipped};

/// Totals of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Accounts of any status.
    pub accounts: u64,
    /// Accounts that can sign in.
    pub accounts_able_to_sign_in: u64,
    /// Groups.
    pub groups: u64,
    /// Memberships that were read; those in an everyone group are not listed.
    pub memberships: u64,
    /// Resources of any status.
    pub resources: u64,
    /// Different pairs of account and resource where the account can reach the resource.
    pub effective_pairs: u64,
    /// Deactivated accounts that still have a path to a resource, in force or not.
    pub leavers_with_assignments: u64,
    /// Deactivated accounts that still have a path whose assignment is in force.
    pub leavers_with_assignments_in_force: u64,
    /// Effective pairs without use inside the window that activity was read for.
    pub unused_access: Observed<u64>,
    /// Accounts that hold an active role and can sign in.
    pub admins: u64,
    /// Scopes that were not read completely.
    pub gaps: u64,
    /// Edges that lead to something unknown.
    pub skipped: Skipped,
}

impl Graph {
    /// The totals.
    pub fn summary(&self) -> Summary {
        let mut effective_pairs = 0;
        let mut used_pairs = 0;
        self.each_reach(|resource, reach| {
            effective_pairs += reach.count();
            let users = &self.usage.accounts[self.usage.by_resource.range(resource.0)];
            used_pairs += users.iter().filter(|&&account| reach.contains(account)).count() as u64;
        });
        let leavers = (0..self.accounts.len() as u32)
            .filter(|&account| !self.present.contains(account))
            .map(|leaver| self.leaver_paths(AccountIx(leaver)));
        let (mut lingering, mut lingering_in_force) = (0, 0);
        for (any, in_force) in leavers {
            lingering += u64::from(any);
            lingering_in_force += u64::from(in_force);
        }
        let mut admins = Bits::new(self.accounts.len());
        for holding in self.admins() {
            if let Holder::Account(account) = holding.holder
                && holding.active
                && self.status(account).can_sign_in()
            {
                admins.insert(account.0);
            }
        }
        Summary {
            accounts: self.accounts.len() as u64,
            accounts_able_to_sign_in: self.able.count(),
            groups: self.groups.rows.len() as u64,
            memberships: self.memberships.by_group.entries(),
            resources: self.resources.rows.len() as u64,
            effective_pairs,
            leavers_with_assignments: lingering,
            leavers_with_assignments_in_force: lingering_in_force,
            unused_access: match &self.usage.window {
                Some(_) => Observed::Known(effective_pairs - used_pairs),
                None => Observed::Unknown(self.usage.unread.clone()),
            },
            admins: admins.count(),
            gaps: self.gaps().count() as u64,
            skipped: self.skipped,
        }
    }

    /// How many different pairs of account and resource there are where the account can reach the resource.
    pub fn effective_pairs(&self) -> u64 {
        let mut pairs = 0;
        self.each_reach(|_, reach| pairs += reach.count());
        pairs
    }

    /// How many accounts can reach each resource, in the order of the resources.
    pub fn reach_counts(&self) -> Vec<u64> {
        let mut counts = Vec::with_capacity(self.resources.rows.len());
        self.each_reach(|_, reach| counts.push(reach.count()));
        counts
    }

    /// How many accounts can reach the resource.
    pub fn reach_count(&self, resource: ResourceIx) -> u64 {
        let mut reach = Bits::new(self.accounts.len());
        if self.resource(resource).status != ResourceStatus::Inactive {
            self.collect_reach(resource, &mut reach);
        }
        reach.count()
    }

    /// Calls back for every resource with the accounts that can reach it.
    pub(crate) fn each_reach(&self, mut each: impl FnMut(ResourceIx, &Bits)) {
        let mut reach = Bits::new(self.accounts.len());
        for (resource, entity) in self.resources() {
            reach.clear();
            if entity.status != ResourceStatus::Inactive {
                self.collect_reach(resource, &mut reach);
            }
            each(resource, &reach);
        }
    }

    fn collect_reach(&self, resource: ResourceIx, reach: &mut Bits) {
        // Who can sign in is no leaver: it does not matter that leavers are in no everyone group.
        self.collect_paths(resource, &self.able, reach);
        reach.intersect_with(&self.able);
    }

    /// Adds every account with a path in force, those of `everyone` where the path is for everyone.
    pub(crate) fn collect_paths(&self, resource: ResourceIx, everyone: &Bits, reach: &mut Bits) {
        if self.implicit.binary_search(&resource).is_ok() {
            reach.union_with(everyone);
        }
        let range = self.assignments.by_resource.range(resource.0);
        let columns = self.assignments.accounts[range.clone()].iter().zip(&self.assignments.kinds[range]);
        for (&account, &kind) in columns {
            if self.assignments.kind_table[kind as usize].in_force {
                reach.insert(account);
            }
        }
        for edge in self.group_assignments.of_resource(resource).iter().filter(|edge| edge.in_force) {
            if self.group(GroupIx(edge.group)).everyone {
                reach.union_with(everyone);
            }
            for &account in self.memberships.of_group(GroupIx(edge.group)) {
                reach.insert(account);
            }
        }
    }

    /// Whether an account has any path although it is deactivated.
    pub fn is_leaver_with_access(&self, account: AccountIx) -> bool {
        !self.present.contains(account.0) && self.leaver_paths(account).0
    }

    /// Whether a deactivated account has any path, and whether one that is in force.
    fn leaver_paths(&self, leaver: AccountIx) -> (bool, bool) {
        let resources = self.assignments.by_account.sources(leaver.0);
        let mut any = !resources.is_empty();
        let mut in_force = resources.iter().any(|&resource| {
            self.rows(leaver, ResourceIx(resource)).any(|at| self.assignments.kind(at).in_force)
        });
        for &group in self.memberships.by_account.sources(leaver.0) {
            for edge in self.group_assignments.of_group(GroupIx(group)) {
                any = true;
                in_force |= edge.in_force;
            }
        }
        (any, in_force)
    }
}
