//! Who reaches what in one snapshot and not in another of the same data source.

use sightline_core::ResourceStatus;

use crate::adjacency::Bits;
use crate::{AccountIx, Graph, ResourceIx};

/// An account can reach a resource in one of two graphs and not in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachChange<'g> {
    /// The account's id.
    pub account_id: &'g str,
    /// The resource's id.
    pub resource_id: &'g str,
    /// The account, in the graph where it can reach the resource: the later one if that was gained.
    pub account: AccountIx,
    /// The resource, in the same graph.
    pub resource: ResourceIx,
    /// Whether the later graph has it; otherwise the earlier one does.
    pub gained: bool,
    /// What made the difference.
    pub reason: ReachReason,
}

/// What made the difference between reaching and not: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReachReason {
    /// The account exists only in one of the two.
    Account,
    /// The resource exists only in one of the two.
    Resource,
    /// A path in force was added, or the last one ended.
    Path,
    /// There is a path in both; the account can sign in only in one of them.
    AccountStatus,
    /// There is a path in both; the resource is switched on only in one of them.
    ResourceStatus,
}

impl Graph {
    /// Every pair of account and resource that is reached in one graph and not in the other, matched by id.
    ///
    /// By resource in the order of `after`, those that exist no more last; for each first what was gained, then what was
    /// lost, the accounts in the same order.
    pub fn gained_and_lost<'g>(before: &'g Self, after: &'g Self) -> Vec<ReachChange<'g>> {
        let mut changes = Vec::new();
        let earlier = Renumbered::of(before, after);
        let gone = before
            .resources()
            .filter(|(_, resource)| after.resource_with_id(&resource.id).is_none())
            .map(|(resource, _)| (Some(resource), None));
        let there =
            after.resources().map(|(resource, entity)| (before.resource_with_id(&entity.id), Some(resource)));
        let mut sets = Sets::new(&earlier, before, after);
        for (was, is) in there.chain(gone) {
            sets.fill(&earlier, before, after, was, is);
            let resource = (was, is);
            for gained in [true, false] {
                sets.each_change(gained, |number, reason| {
                    changes.extend(earlier.change(before, after, resource, number, gained, reason));
                });
            }
        }
        changes
    }
}

/// Numbers for the accounts of two graphs: those of the later one, then those that only the earlier one has.
struct Renumbered {
    later: usize,
    /// Where the two graphs number their accounts differently.
    differ: Option<Numbers>,
}

struct Numbers {
    /// For each account of the earlier graph its number.
    of_earlier: Vec<u32>,
    /// For each number the account of the earlier graph.
    earlier: Vec<Option<AccountIx>>,
}

impl Renumbered {
    fn of(before: &Graph, after: &Graph) -> Self {
        let later = after.accounts.len();
        let found = before.accounts.among(&after.accounts);
        let same = found.len() == later
            && found.iter().enumerate().all(|(at, found)| found.is_some_and(|found| found.index() == at));
        if same {
            return Self { later, differ: None };
        }
        let mut earlier = vec![None; later];
        let mut of_earlier = Vec::with_capacity(found.len());
        for (at, found) in found.into_iter().enumerate() {
            let account = AccountIx(at as u32);
            let number = found.map_or_else(
                || {
                    earlier.push(None);
                    earlier.len() - 1
                },
                AccountIx::index,
            );
            earlier[number] = Some(account);
            of_earlier.push(number as u32);
        }
        Self { later, differ: Some(Numbers { of_earlier, earlier }) }
    }

    fn size(&self) -> usize {
        self.differ.as_ref().map_or(self.later, |differ| differ.earlier.len())
    }

    /// A set of accounts of the earlier graph in these numbers.
    fn translate(&self, set: &Bits, into: &mut Bits) {
        match &self.differ {
            None => into.union_with(set),
            Some(differ) => {
                set.iter().for_each(|account| into.insert(differ.of_earlier[account as usize]));
            }
        }
    }

    fn change<'g>(
        &self,
        before: &'g Graph,
        after: &'g Graph,
        (was, is): (Option<ResourceIx>, Option<ResourceIx>),
        number: u32,
        gained: bool,
        reason: ReachReason,
    ) -> Option<ReachChange<'g>> {
        let (graph, account, resource) = if gained {
            (after, AccountIx(number), is?)
        } else {
            let account = match &self.differ {
                None => AccountIx(number),
                Some(differ) => differ.earlier[number as usize]?,
            };
            (before, account, was?)
        };
        Some(ReachChange {
            account_id: graph.accounts.id(account),
            resource_id: &graph.resource(resource).id,
            account,
            resource,
            gained,
            reason,
        })
    }
}

/// Sets of accounts of one graph, in the numbers of both.
struct Side {
    known: Bits,
    able: Bits,
    /// Those with a path in force to the resource in question, whatever their status.
    with_path: Bits,
    /// Whether the resource exists, and whether it is switched on.
    resource: Option<bool>,
}

impl Side {
    fn can_reach(&self, reach: &mut Bits) {
        reach.clear();
        if self.resource == Some(true) {
            reach.union_with(&self.with_path);
            reach.intersect_with(&self.able);
        }
    }

    /// Why an account does not reach the resource that it reaches on the other side.
    fn lacks(&self, number: u32) -> ReachReason {
        if !self.known.contains(number) {
            ReachReason::Account
        } else if self.resource.is_none() {
            ReachReason::Resource
        } else if !self.with_path.contains(number) {
            ReachReason::Path
        } else if !self.able.contains(number) {
            ReachReason::AccountStatus
        } else {
            ReachReason::ResourceStatus
        }
    }
}

struct Sets {
    before: Side,
    after: Side,
    /// Accounts of the earlier graph in its own numbers.
    own: Bits,
    own_known: Bits,
    reached: Bits,
    reached_before: Bits,
}

impl Sets {
    fn new(earlier: &Renumbered, before: &Graph, after: &Graph) -> Self {
        let empty = || Bits::new(earlier.size());
        let side = || Side { known: empty(), able: empty(), with_path: empty(), resource: None };
        let (mut one, mut other) = (side(), side());
        let own_known = Bits::full(before.accounts.len());
        earlier.translate(&own_known, &mut one.known);
        earlier.translate(&before.able, &mut one.able);
        other.known.union_with(&Bits::full(earlier.later));
        other.able.union_with(&after.able);
        Self {
            before: one,
            after: other,
            own: Bits::new(before.accounts.len()),
            own_known,
            reached: empty(),
            reached_before: empty(),
        }
    }

    fn fill(
        &mut self,
        earlier: &Renumbered,
        before: &Graph,
        after: &Graph,
        was: Option<ResourceIx>,
        is: Option<ResourceIx>,
    ) {
        let is_on = |graph: &Graph, resource| graph.resource(resource).status != ResourceStatus::Inactive;
        self.before.with_path.clear();
        self.before.resource = was.map(|resource| is_on(before, resource));
        if let Some(resource) = was {
            self.own.clear();
            before.collect_paths(resource, &self.own_known, &mut self.own);
            earlier.translate(&self.own, &mut self.before.with_path);
        }
        self.after.with_path.clear();
        self.after.resource = is.map(|resource| is_on(after, resource));
        if let Some(resource) = is {
            after.collect_paths(resource, &self.after.known, &mut self.after.with_path);
        }
    }

    /// Calls back for every account that reaches the resource on one side only, and says why not on the other.
    fn each_change(&mut self, gained: bool, mut each: impl FnMut(u32, ReachReason)) {
        self.before.can_reach(&mut self.reached_before);
        self.after.can_reach(&mut self.reached);
        let (with, without, lacking) = if gained {
            (&mut self.reached, &self.reached_before, &self.before)
        } else {
            (&mut self.reached_before, &self.reached, &self.after)
        };
        with.subtract(without);
        with.iter().for_each(|number| each(number, lacking.lacks(number)));
    }
}
