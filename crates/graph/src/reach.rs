//! How much every account can reach, and how much of it is used.

use crate::{AccountIx, Graph, GroupIx, ResourceIx};

/// How much of what can be reached is used, for each account and each resource.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    accounts: Vec<Reached>,
    resources: Vec<Reached>,
}

/// How many pairs of an account and a resource there are, on one side of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// Those where the account can reach the resource.
    pub all: u32,
    /// Those of them with use inside the window that activity was read for.
    pub used: u32,
}

impl Reached {
    /// Those without use inside the window; says nothing where activity was not read.
    pub const fn unused(self) -> u32 {
        self.all - self.used
    }
}

impl Reach {
    /// What the account can reach.
    pub fn of_account(&self, account: AccountIx) -> Reached {
        self.accounts[account.index()]
    }

    /// Who can reach the resource.
    pub fn of_resource(&self, resource: ResourceIx) -> Reached {
        self.resources[resource.index()]
    }
}

impl Graph {
    /// How much every account can reach and how many accounts every resource: all pairs are gone through once.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach {
            accounts: vec![Reached::default(); self.accounts.len()],
            resources: Vec::with_capacity(self.resources.rows.len()),
        };
        self.each_reach(|resource, reached| {
            for account in reached.iter() {
                reach.accounts[account as usize].all += 1;
            }
            let mut used = 0;
            for &account in &self.usage.accounts[self.usage.by_resource.range(resource.0)] {
                if reached.contains(account) {
                    reach.accounts[account as usize].used += 1;
                    used += 1;
                }
            }
            reach.resources.push(Reached { all: reached.count() as u32, used });
        });
        reach
    }
}

impl Graph {
    /// The resources that the group is assigned, by label.
    pub fn resources_of_group(&self, group: GroupIx) -> Vec<ResourceIx> {
        self.group_assignments.by_group.sources(group.0).iter().copied().map(ResourceIx).collect()
    }

    /// The groups that are assigned the resource, by name.
    pub fn groups_of_resource(&self, resource: ResourceIx) -> Vec<GroupIx> {
        let mut groups: Vec<GroupIx> =
            self.group_assignments.of_resource(resource).iter().map(|edge| GroupIx(edge.group)).collect();
        groups.sort_unstable();
        groups
    }
}
