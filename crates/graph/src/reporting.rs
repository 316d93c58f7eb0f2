//! Who reports to whom, by what the profiles say.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use crate::{AccountIx, Graph};

/// The manager of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manager {
    /// Its profile names nobody.
    NotNamed,
    /// This account.
    Account(AccountIx),
    /// The profile names somebody that no account fits.
    NotFound {
        /// What the profile says.
        named: String,
    },
    /// The profile names somebody that several accounts fit.
    Ambiguous {
        /// What the profile says.
        named: String,
        /// The accounts, by login.
        fitting: Vec<AccountIx>,
    },
}

impl Graph {
    /// The account that an account's profile names as its manager: by id, otherwise by login, otherwise by e-mail address,
    /// in any case of letters.
    pub fn manager_of(&self, account: AccountIx) -> Manager {
        let named = self.account(account).manager.map(str::trim).unwrap_or_default();
        if named.is_empty() {
            return Manager::NotNamed;
        }
        if let Some(manager) = self.account_with_id(named) {
            return Manager::Account(manager);
        }
        let wanted = named.to_lowercase();
        let mut fitting: Vec<AccountIx> =
            self.accounts.with_login(&wanted).map(|at| AccountIx(at as u32)).collect();
        if fitting.is_empty() {
            fitting = self.addresses.get_or_init(|| Addresses::of(self)).owners(self, &wanted);
        }
        match fitting[..] {
            [one] => Manager::Account(one),
            [] => Manager::NotFound { named: named.to_owned() },
            _ => Manager::Ambiguous { named: named.to_owned(), fitting },
        }
    }
}

/// Accounts by their e-mail addresses in small letters, as far as those are not their logins.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// Hashes of the addresses, sorted.
    owners: Vec<(u64, AccountIx)>,
}

impl Addresses {
    fn of(graph: &Graph) -> Self {
        let all = (0..graph.accounts.len() as u32).map(AccountIx);
        let mut owners: Vec<_> = all
            .flat_map(|account| {
                let addresses = graph.accounts.addresses(account);
                addresses.map(move |address| (FxBuildHasher.hash_one(address.to_lowercase()), account))
            })
            .collect();
        owners.sort_unstable();
        owners.dedup();
        Self { owners }
    }

    /// Everyone with this address, by login.
    fn owners(&self, graph: &Graph, lower: &str) -> Vec<AccountIx> {
        let hash = FxBuildHasher.hash_one(lower);
        let start = self.owners.partition_point(|owner| owner.0 < hash);
        let same = self.owners[start..].iter().take_while(|owner| owner.0 == hash).map(|owner| owner.1);
        same.filter(|owner| graph.accounts.addresses(*owner).any(|address| address.to_lowercase() == lower))
            .collect()
    }
}
