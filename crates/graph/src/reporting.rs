//! Who reports to whom, by what the profiles say.

use rustc_hash::FxHashMap;

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
        let named = self.account(account).manager.as_deref().map(str::trim).unwrap_or_default();
        if named.is_empty() {
            return Manager::NotNamed;
        }
        if let Some(manager) = self.account_with_id(named) {
            return Manager::Account(manager);
        }
        let addresses = self.addresses.get_or_init(|| Addresses::of(self));
        let wanted = named.to_lowercase();
        let by_login = addresses.logins.get(&wanted);
        match by_login.or_else(|| addresses.emails.get(&wanted)).map(Vec::as_slice) {
            Some([one]) => Manager::Account(*one),
            Some(fitting) => Manager::Ambiguous { named: named.to_owned(), fitting: fitting.to_vec() },
            None => Manager::NotFound { named: named.to_owned() },
        }
    }
}

/// Accounts by what people are called by, in small letters.
#[derive(Debug)]
pub(crate) struct Addresses {
    logins: FxHashMap<String, Vec<AccountIx>>,
    emails: FxHashMap<String, Vec<AccountIx>>,
}

impl Addresses {
    fn of(graph: &Graph) -> Self {
        let mut addresses = Self { logins: FxHashMap::default(), emails: FxHashMap::default() };
        for (ix, account) in graph.accounts() {
            addresses.logins.entry(account.login.to_lowercase()).or_default().push(ix);
            for email in &account.emails {
                let owners = addresses.emails.entry(email.to_lowercase()).or_default();
                if owners.last() != Some(&ix) {
                    owners.push(ix);
                }
            }
        }
        addresses
    }
}
