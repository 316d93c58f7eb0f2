//! Accounts, kept in few pieces of memory: there may be a million of them.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use sightline_core::{Account, AccountStatus, Names, Observed, SnapshotNumber, Time};

use crate::AccountIx;

/// What a graph keeps of an account.
///
/// What it does not need for its answers, such as the profile, is in the facts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSummary<'g> {
    /// The provider's id.
    pub id: &'g str,
    /// The name used to sign in.
    pub login: &'g str,
    /// Display name of the person or machine.
    pub name: &'g str,
    /// Status, over all providers.
    pub status: AccountStatus,
    /// Status in the provider's own word.
    pub raw_status: &'g str,
    /// When it was created.
    pub created: Option<Time>,
    /// The manager as the profile names them: an id, a login or an e-mail address.
    pub manager: Option<&'g str>,
}

/// Accounts: while they are being taken in, in any order; then in their order for people.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    rows: Vec<AccountRow>,
    /// Of each account the id, the login and the name.
    texts: Texts,
    /// E-mail addresses that are not the login.
    addresses: Texts,
    /// Where the addresses of each account end.
    address_ends: Vec<u32>,
    raw_statuses: Names,
    managers: Names,
    /// Why last sign-ins are not known.
    reasons: Names,
    ids: HashTable<u32>,
}

#[derive(Debug, Clone, Copy)]
struct AccountRow {
    status: AccountStatus,
    seen: u32,
    raw_status: u32,
    /// From 1; 0 where the profile names nobody.
    manager: u32,
    created: Option<Time>,
    last_sign_in: SignIn,
}

#[derive(Debug, Clone, Copy)]
enum SignIn {
    Never,
    At(Time),
    Unknown(u32),
}

impl Accounts {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, account: AccountIx) -> AccountSummary<'_> {
        let row = self.rows[account.index()];
        AccountSummary {
            id: self.id(account.0),
            login: self.login(account.0),
            name: self.texts.get(account.index() * 3 + 2),
            status: row.status,
            raw_status: self.raw_statuses.get(row.raw_status),
            created: row.created,
            manager: row.manager.checked_sub(1).map(|number| self.managers.get(number)),
        }
    }

    pub(crate) fn status(&self, account: AccountIx) -> AccountStatus {
        self.rows[account.index()].status
    }

    pub(crate) fn created(&self, account: AccountIx) -> Option<Time> {
        self.rows[account.index()].created
    }

    /// Index of its provenance.
    pub(crate) fn seen(&self, account: AccountIx) -> u32 {
        self.rows[account.index()].seen
    }

    pub(crate) fn last_sign_in(&self, account: AccountIx) -> Observed<Option<Time>> {
        match self.rows[account.index()].last_sign_in {
            SignIn::Never => Observed::Known(None),
            SignIn::At(time) => Observed::Known(Some(time)),
            SignIn::Unknown(reason) => Observed::Unknown(self.reasons.get(reason).to_owned()),
        }
    }

    /// E-mail addresses other than the login.
    pub(crate) fn addresses(&self, account: AccountIx) -> impl Iterator<Item = &str> {
        let start = account.index().checked_sub(1).map_or(0, |before| self.address_ends[before]);
        (start..self.address_ends[account.index()]).map(|at| self.addresses.get(at as usize))
    }

    pub(crate) fn with_id(&self, id: &str) -> Option<AccountIx> {
        self.ids.find(hash(id), |&at| self.id(at) == id).copied().map(AccountIx)
    }

    /// Those with this login in small letters.
    pub(crate) fn with_login(&self, lower: &str) -> Range<usize> {
        same_name(self.len(), |at| self.login(at as u32), lower)
    }

    /// Adds an account; of two readings of one id the one that was seen last counts.
    pub(crate) fn take(&mut self, account: &Account, seen: u32, last_seen: impl Fn(u32) -> SnapshotNumber) {
        let at = self.rows.len() as u32;
        let Self { rows, texts, ids, .. } = self;
        let id_of = |at: u32| texts.get(at as usize * 3);
        let entry =
            ids.entry(hash(&account.id), |&other| id_of(other) == account.id, |&other| hash(id_of(other)));
        match entry {
            hashbrown::hash_table::Entry::Occupied(mut known) => {
                if last_seen(rows[*known.get() as usize].seen) > last_seen(seen) {
                    return;
                }
                // The row of the older reading is left out when the accounts are put in order.
                *known.get_mut() = at;
            }
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert(at);
            }
        }
        rows.push(AccountRow {
            status: account.status,
            seen,
            raw_status: self.raw_statuses.intern(&account.raw_status),
            manager: account.manager.as_deref().map_or(0, |manager| self.managers.intern(manager) + 1),
            created: account.created,
            last_sign_in: match &account.last_sign_in {
                Observed::Known(None) => SignIn::Never,
                Observed::Known(Some(time)) => SignIn::At(*time),
                Observed::Unknown(reason) => SignIn::Unknown(self.reasons.intern(reason)),
            },
        });
        for text in [&account.id, &account.login, &account.name] {
            texts.push(text);
        }
        for email in account.emails.iter().filter(|email| **email != account.login) {
            self.addresses.push(email);
        }
        self.address_ends.push(self.addresses.len() as u32);
    }

    /// In the order of the logins.
    pub(crate) fn in_order(self) -> Self {
        let mut lower = Texts::default();
        let mut order: Vec<(u128, u32)> = Vec::with_capacity(self.ids.len());
        for at in 0..self.rows.len() {
            lower.push_lower(self.login(at as u32));
        }
        order.extend(self.ids.iter().map(|&at| (beginning(lower.get(at as usize)), at)));
        order.sort_unstable_by(|(one, a), (other, b)| {
            let names = || lower.get(*a as usize).cmp(lower.get(*b as usize));
            one.cmp(other).then_with(names).then_with(|| self.id(*a).cmp(self.id(*b)))
        });
        drop(lower);

        let mut sorted = Self {
            rows: Vec::with_capacity(order.len()),
            texts: Texts::with_capacity(self.texts.bytes(), order.len() * 3),
            addresses: Texts::with_capacity(self.addresses.bytes(), self.addresses.len()),
            address_ends: Vec::with_capacity(order.len()),
            raw_statuses: Names::default(),
            managers: Names::default(),
            reasons: Names::default(),
            ids: HashTable::new(),
        };
        let mut places = vec![0; self.rows.len()];
        for (place, &(_, at)) in order.iter().enumerate() {
            places[at as usize] = place as u32;
            sorted.rows.push(self.rows[at as usize]);
            for text in 0..3 {
                sorted.texts.push(self.texts.get(at as usize * 3 + text));
            }
            for address in self.addresses(AccountIx(at)) {
                sorted.addresses.push(address);
            }
            sorted.address_ends.push(sorted.addresses.len() as u32);
        }
        let Self { raw_statuses, managers, reasons, mut ids, .. } = self;
        for at in &mut ids {
            *at = places[*at as usize];
        }
        Self { raw_statuses, managers, reasons, ids, ..sorted }
    }

    fn id(&self, at: u32) -> &str {
        self.texts.get(at as usize * 3)
    }

    fn login(&self, at: u32) -> &str {
        self.texts.get(at as usize * 3 + 1)
    }
}

/// Those with this name in small letters, of things that are in the order of their names in small letters.
pub(crate) fn same_name<'a>(count: usize, name: impl Fn(usize) -> &'a str, lower: &str) -> Range<usize> {
    let first_that = |not_before: &dyn Fn(&str) -> bool| {
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if not_before(&name(middle).to_lowercase()) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    };
    first_that(&|name| name >= lower)..first_that(&|name| name > lower)
}

/// The first bytes as a number, in the order of the texts.
fn beginning(text: &str) -> u128 {
    let mut bytes = [0; 16];
    let length = text.len().min(16);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u128::from_be_bytes(bytes)
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

/// Texts in one piece of memory.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    /// Where each one ends.
    ends: Vec<usize>,
}

impl Texts {
    fn with_capacity(bytes: usize, count: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn get(&self, at: usize) -> &str {
        &self.text[at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]]
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    fn push_lower(&mut self, text: &str) {
        if text.is_ascii() {
            self.text.extend(text.chars().map(|letter| letter.to_ascii_lowercase()));
            self.ends.push(self.text.len());
        } else {
            self.push(&text.to_lowercase());
        }
    }
}
