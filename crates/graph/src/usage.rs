//! When something was last used, and what it means that no use is known.

use sightline_core::{ActivityWindow, LastUse, Observed, Time};

use crate::{AccountIx, Graph, ResourceIx};

impl Graph {
    /// When the account last used the resource, as far as it is known.
    ///
    /// That it never did is said only where the account or the resource itself is younger than the start of what was read.
    /// A young assignment proves nothing: there may have been an earlier one.
    pub fn last_use(&self, account: AccountIx, resource: ResourceIx) -> LastUse {
        match (self.used_at(account, resource), &self.usage.window) {
            (Some(time), _) => LastUse::At(time),
            (None, None) => LastUse::Unknown(self.usage.unread.clone()),
            (None, Some(window)) => {
                let began = self.accounts.created(account).max(self.resource(resource).created);
                match began.filter(|&began| began >= window.since) {
                    Some(began) => LastUse::Never(began),
                    None => LastUse::NotSince(window.since),
                }
            }
        }
    }

    /// When the account last signed in to the provider, by its own word or by the log; `Known(None)` means never.
    pub fn last_sign_in(&self, account: AccountIx) -> Observed<Option<Time>> {
        let logged = self.usage.sign_ins.get(&account.0).copied();
        match (self.accounts.last_sign_in(account), logged) {
            (Observed::Known(told), logged) => Observed::Known(told.max(logged)),
            (Observed::Unknown(_), Some(time)) => Observed::Known(Some(time)),
            (Observed::Unknown(reason), None) => Observed::Unknown(reason),
        }
    }

    /// The span of time that activity is known for, or why it is not known up to now.
    pub fn activity_window(&self) -> Observed<&ActivityWindow> {
        match &self.usage.window {
            Some(window) => Observed::Known(window),
            None => Observed::Unknown(self.usage.unread.clone()),
        }
    }

    fn used_at(&self, account: AccountIx, resource: ResourceIx) -> Option<Time> {
        let range = self.usage.by_resource.range(resource.0);
        let at = self.usage.accounts[range.clone()].binary_search(&account.0).ok()?;
        Some(self.usage.last[range.start + at])
    }
}
