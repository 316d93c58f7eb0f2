//! Accounts, kept in few pieces of memory: there may be a million of them.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;
use sightline_core::{Account, AccountStatus, Names, Observed, SnapshotNumber, Time};

use crate::AccountIx;
use crate::adjacency::Bits;

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
    /// The department in the profile's own words.
    pub department: Option<&'g str>,
    /// What kind of account it is, in the profile's own words.
    pub account_type: Option<&'g str>,
}

/// Accounts in their order for people.
#[derive(Debug)]
pub(crate) struct Accounts {
    taken: TakenAccounts,
    /// Rows by the ids in them.
    ids: HashTable<u32>,
    /// For each account its status: asked for of very many at once.
    statuses: Vec<AccountStatus>,
    /// For each account its row.
    order: Vec<u32>,
    /// For each row its account.
    places: Vec<u32>,
}

/// Accounts as they came: numbers of accounts are those of rows.
#[derive(Debug, Default)]
pub(crate) struct TakenAccounts {
    rows: Vec<AccountRow>,
    /// Of each row the id, the login, the name, and the manager, which is empty where the profile names nobody.
    texts: Texts,
    /// E-mail addresses that are not the login.
    addresses: Texts,
    /// Where the addresses of each row end.
    address_ends: Vec<u32>,
    raw_statuses: Names,
    /// Departments and types of accounts, the empty one where the profile tells none.
    departments: Names,
    account_types: Names,
    /// Why last sign-ins are not known.
    reasons: Names,
}

#[derive(Debug, Clone, Copy)]
struct AccountRow {
    status: AccountStatus,
    seen: u32,
    raw_status: u32,
    department: u32,
    account_type: u32,
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
        self.order.len()
    }

    pub(crate) fn get(&self, account: AccountIx) -> AccountSummary<'_> {
        let at = self.order[account.index()];
        let row = self.row(account);
        let text = |which| self.taken.text(at, which);
        AccountSummary {
            id: text(Text::Id),
            login: text(Text::Login),
            name: text(Text::Name),
            status: row.status,
            raw_status: self.taken.raw_statuses.get(row.raw_status),
            created: row.created,
            manager: told(text(Text::Manager)),
            department: told(self.taken.departments.get(row.department)),
            account_type: told(self.taken.account_types.get(row.account_type)),
        }
    }

    pub(crate) fn id(&self, account: AccountIx) -> &str {
        self.taken.text(self.order[account.index()], Text::Id)
    }

    pub(crate) fn status(&self, account: AccountIx) -> AccountStatus {
        self.statuses[account.index()]
    }

    /// Those whose status fits.
    pub(crate) fn with_status(&self, fits: impl Fn(AccountStatus) -> bool) -> Bits {
        let mut found = Bits::new(self.len());
        for (account, _) in self.statuses.iter().enumerate().filter(|(_, status)| fits(**status)) {
            found.insert(account as u32);
        }
        found
    }

    pub(crate) fn created(&self, account: AccountIx) -> Option<Time> {
        self.row(account).created
    }

    /// Index of its provenance.
    pub(crate) fn seen(&self, account: AccountIx) -> u32 {
        self.row(account).seen
    }

    pub(crate) fn last_sign_in(&self, account: AccountIx) -> Observed<Option<Time>> {
        match self.row(account).last_sign_in {
            SignIn::Never => Observed::Known(None),
            SignIn::At(time) => Observed::Known(Some(time)),
            SignIn::Unknown(reason) => Observed::Unknown(self.taken.reasons.get(reason).to_owned()),
        }
    }

    /// E-mail addresses other than the login.
    pub(crate) fn addresses(&self, account: AccountIx) -> impl Iterator<Item = &str> {
        let at = self.order[account.index()] as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.taken.address_ends[before]);
        (start..self.taken.address_ends[at]).map(|at| self.taken.addresses.get(at as usize))
    }

    pub(crate) fn with_id(&self, id: &str) -> Option<AccountIx> {
        let found = self.ids.find(hash(id), |&at| self.taken.text(at, Text::Id) == id);
        found.map(|&at| AccountIx(self.places[at as usize]))
    }

    /// For each id its account, or what stands for none, added to the others.
    ///
    /// Looking one up waits for memory at every turn: each turn is made for all of them before the next one.
    pub(crate) fn add_with_ids(&self, ids: &[&str], nobody: u32, found: &mut Vec<u32>) {
        let hashes: Vec<u64> = ids.iter().map(|id| hash(id)).collect();
        let likely: Vec<Option<&u32>> = hashes.iter().map(|&hash| self.ids.find(hash, |_| true)).collect();
        found.extend(ids.iter().zip(hashes).zip(likely).map(|((id, hash), likely)| {
            let is_it = |at: &u32| self.taken.text(*at, Text::Id) == *id;
            let at = likely.and_then(|at| if is_it(at) { Some(at) } else { self.ids.find(hash, is_it) });
            at.map_or(nobody, |&at| self.places[at as usize])
        }));
    }

    /// For each account the one with the same id among others.
    pub(crate) fn among(&self, others: &Self) -> Vec<Option<AccountIx>> {
        let mut found = vec![None; self.len()];
        // Two readings come in nearly the same order: most are where the one before leads to expect them.
        let mut expected = 0;
        for (row, &place) in self.places.iter().enumerate().filter(|(_, place)| **place != NOT_KEPT) {
            let id = self.taken.text(row as u32, Text::Id);
            let is_there = |at: u32| others.taken.text(at, Text::Id) == id;
            let as_expected = others.places.get(expected).is_some_and(|&place| place != NOT_KEPT)
                && is_there(expected as u32);
            let there = if as_expected {
                Some(expected as u32)
            } else {
                others.ids.find(hash(id), |&at| is_there(at)).copied()
            };
            if let Some(at) = there {
                found[place as usize] = Some(AccountIx(others.places[at as usize]));
                expected = at as usize + 1;
            }
        }
        found
    }

    /// Those with this login in small letters.
    pub(crate) fn with_login(&self, lower: &str) -> Range<usize> {
        same_name(self.len(), |at| self.taken.text(self.order[at], Text::Login), lower)
    }

    fn row(&self, account: AccountIx) -> &AccountRow {
        &self.taken.rows[self.order[account.index()] as usize]
    }
}

/// What a profile tells; the empty text stands for nothing.
fn told(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The account of a row that another reading has taken the place of.
const NOT_KEPT: u32 = u32::MAX;

impl TakenAccounts {
    pub(crate) fn take(&mut self, account: &Account, seen: u32) {
        self.rows.push(AccountRow {
            status: account.status,
            seen,
            raw_status: self.raw_statuses.intern(&account.raw_status),
            department: self.departments.intern(account.department.as_deref().unwrap_or_default()),
            account_type: self.account_types.intern(account.account_type.as_deref().unwrap_or_default()),
            created: account.created,
            last_sign_in: match &account.last_sign_in {
                Observed::Known(None) => SignIn::Never,
                Observed::Known(Some(time)) => SignIn::At(*time),
                Observed::Unknown(reason) => SignIn::Unknown(self.reasons.intern(reason)),
            },
        });
        let manager = account.manager.as_deref().unwrap_or_default();
        for text in [&account.id, &account.login, &account.name, manager] {
            self.texts.push(text);
        }
        for email in account.emails.iter().filter(|email| **email != account.login) {
            self.addresses.push(email);
        }
        self.address_ends.push(self.addresses.len() as u32);
    }

    /// In the order of the logins; of two readings of one id the one that was seen last counts.
    pub(crate) fn in_order(mut self, last_seen: impl Fn(u32) -> SnapshotNumber) -> Accounts {
        let mut ids: HashTable<u32> = HashTable::with_capacity(self.rows.len());
        let mut places = vec![NOT_KEPT; self.rows.len()];
        let mut lower = Texts::default();
        for at in 0..self.rows.len() as u32 {
            lower.push_lower(self.text(at, Text::Login));
            let id = self.text(at, Text::Id);
            let is_same = |&other: &u32| self.text(other, Text::Id) == id;
            match ids.entry(hash(id), is_same, |&other| hash(self.text(other, Text::Id))) {
                Entry::Occupied(mut known) => {
                    let seen = |at: u32| last_seen(self.rows[at as usize].seen);
                    if seen(*known.get()) <= seen(at) {
                        *known.get_mut() = at;
                    }
                }
                Entry::Vacant(free) => {
                    free.insert(at);
                }
            }
        }
        for &at in &ids {
            places[at as usize] = 0;
        }
        let kept = (0..self.rows.len() as u32).filter(|&at| places[at as usize] != NOT_KEPT);
        let mut order: Vec<(u128, u32)> = kept.map(|at| (beginning(lower.get(at as usize)), at)).collect();
        order.sort_unstable_by(|(one, a), (other, b)| {
            let names = || lower.get(*a as usize).cmp(lower.get(*b as usize));
            one.cmp(other).then_with(names).then_with(|| self.text(*a, Text::Id).cmp(self.text(*b, Text::Id)))
        });
        for (place, &(_, at)) in order.iter().enumerate() {
            places[at as usize] = place as u32;
        }
        self.texts.shrink_to_fit();
        self.addresses.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.address_ends.shrink_to_fit();
        let order: Vec<u32> = order.into_iter().map(|(_, at)| at).collect();
        let statuses = order.iter().map(|&at| self.rows[at as usize].status).collect();
        Accounts { taken: self, ids, statuses, order, places }
    }

    fn text(&self, at: u32, which: Text) -> &str {
        self.texts.get(at as usize * 4 + which as usize)
    }
}

/// Texts of a row, in their order.
#[derive(Clone, Copy)]
enum Text {
    Id,
    Login,
    Name,
    Manager,
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
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
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
