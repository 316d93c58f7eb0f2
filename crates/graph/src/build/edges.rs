//! Memberships and assignments of accounts, from names by number to sorted rows.
//!
//! What is taken in is kept as it came, one piece for each block. Only when all accounts are known are names turned into
//! accounts and pieces into rows.

use std::ops::Range;

use sightline_core::Time;

use super::kinds::{Kinds, preference};
use super::seen::SeenTable;
use crate::adjacency::{Bits, Reverse, Runs, Spans};
use crate::graph::{AssignmentKind, Assignments, Memberships};

/// Stands for what is not known by a name: an edge of it leads nowhere.
pub(super) const NOBODY: u32 = u32::MAX;

/// Edges of one parent, at a place in the columns; the parent by number of its name.
struct Piece<T> {
    parent: u32,
    range: Range<usize>,
    /// What its edges differ in, beside the columns.
    more: T,
}

/// The provenance of the memberships of a piece.
enum PieceSeen {
    All(u32),
    Each(Vec<u32>),
}

/// Memberships as they came.
#[derive(Default)]
pub(super) struct TakenMemberships {
    accounts: Vec<u32>,
    pieces: Vec<Piece<PieceSeen>>,
}

impl TakenMemberships {
    /// Members of a group; one provenance for all of them, or one for each.
    pub(super) fn take(&mut self, group: u32, accounts: impl Iterator<Item = u32>, seen: Vec<u32>) {
        let start = self.accounts.len();
        self.accounts.extend(accounts);
        let more = match seen[..] {
            [first, ref rest @ ..] if rest.iter().all(|other| *other == first) => PieceSeen::All(first),
            _ => PieceSeen::Each(seen),
        };
        if self.accounts.len() > start {
            self.pieces.push(Piece { parent: group, range: start..self.accounts.len(), more });
        }
    }

    /// Rows of groups and of accounts, and how many edges lead nowhere.
    pub(super) fn into_rows(
        self,
        ends: &Ends<'_>,
        everyone: &Bits,
        present: &Bits,
        seen: &SeenTable,
    ) -> (Memberships, u64) {
        let Self { mut accounts, mut pieces } = self;
        let (ranks, by_rank) = seen.ranks();
        let kept = in_turn(&mut pieces, &mut accounts, |piece, column| {
            let Some(group) = ends.parent(piece.parent) else {
                piece.range.end = piece.range.start;
                return column.len() as u64;
            };
            // What the flag on the group says already is not said again by an edge.
            let is_said = |account: u32| everyone.contains(group) && present.contains(account);
            let mut unknown = 0;
            let mut keep = |name: u32| {
                let account = ends.accounts[name as usize];
                unknown += u64::from(account == NOBODY);
                (account != NOBODY && !is_said(account)).then_some(account)
            };
            let mut length = 0;
            match &mut piece.more {
                // Put in order below, all of them at once.
                PieceSeen::All(_) => {
                    for at in 0..column.len() {
                        if let Some(account) = keep(column[at]) {
                            column[length] = account;
                            length += 1;
                        }
                    }
                }
                PieceSeen::Each(each) => {
                    let mut keys: Vec<u64> = column
                        .iter()
                        .zip(each.iter())
                        .filter_map(|(&name, &seen)| {
                            Some(u64::from(keep(name)?) << 32 | u64::from(ranks[seen as usize]))
                        })
                        .collect();
                    keys.sort_unstable();
                    keys.dedup_by_key(|key| *key >> 32);
                    length = keys.len();
                    each.truncate(length);
                    for (at, key) in keys.into_iter().enumerate() {
                        column[at] = (key >> 32) as u32;
                        each[at] = by_rank[(key & u64::from(u32::MAX)) as usize];
                    }
                }
            }
            piece.range.end = piece.range.start + length;
            unknown
        });
        let skipped = kept.iter().sum();
        merge_members(&mut accounts, &mut pieces, ends, &ranks, &by_rank);
        accounts.shrink_to_fit();

        let mut by_group = Spans::new(ends.parent_count);
        let mut runs = Runs::default();
        for piece in pieces {
            let Some(group) = ends.parent(piece.parent) else { continue };
            by_group.set(group, piece.range.clone());
            match piece.more {
                PieceSeen::All(seen) => runs.push(piece.range.start, seen),
                PieceSeen::Each(each) => {
                    for (at, seen) in piece.range.zip(each) {
                        runs.push(at, seen);
                    }
                }
            }
        }
        runs.shrink_to_fit();
        let by_account = Reverse::of(&by_group, &accounts, ends.account_count);
        by_account.sort_forward(&by_group, &mut accounts);
        (Memberships { by_group, accounts, seen: runs, by_account }, skipped)
    }
}

/// Makes one piece of several of the same group, behind all others.
fn merge_members(
    accounts: &mut Vec<u32>,
    pieces: &mut Vec<Piece<PieceSeen>>,
    ends: &Ends<'_>,
    ranks: &[u32],
    by_rank: &[u32],
) {
    for same in several_of_one(pieces, ends) {
        let mut keys = Vec::new();
        for piece in same.iter().map(|&at| &pieces[at]) {
            for (at, place) in piece.range.clone().enumerate() {
                let seen = match &piece.more {
                    PieceSeen::All(seen) => *seen,
                    PieceSeen::Each(each) => each[at],
                };
                keys.push((accounts[place], ranks[seen as usize]));
            }
        }
        keys.sort_unstable();
        keys.dedup_by_key(|key| key.0);
        let start = accounts.len();
        accounts.extend(keys.iter().map(|key| key.0));
        let parent = pieces[same[0]].parent;
        for at in same {
            pieces[at].range.end = pieces[at].range.start;
        }
        let more = PieceSeen::Each(keys.iter().map(|key| by_rank[key.1 as usize]).collect());
        pieces.push(Piece { parent, range: start..accounts.len(), more });
    }
    pieces.retain(|piece| !piece.range.is_empty());
}

/// Assignments as they came.
#[derive(Default)]
pub(super) struct TakenAssignments {
    columns: Columns,
    pieces: Vec<Piece<()>>,
}

#[derive(Default)]
struct Columns {
    accounts: Vec<u32>,
    kinds: Vec<u32>,
    /// Milliseconds; `i64::MIN` where not known.
    since: Vec<i64>,
}

/// An assignment of an account to the resource of its piece, by the number of the account's name.
#[derive(Clone, Copy)]
pub(super) struct TakenAssignment {
    pub(super) account: u32,
    pub(super) kind: u32,
    pub(super) since: Option<Time>,
}

impl TakenAssignments {
    pub(super) fn take(&mut self, resource: u32, edges: impl Iterator<Item = TakenAssignment>) {
        let start = self.columns.accounts.len();
        for edge in edges {
            self.columns.accounts.push(edge.account);
            self.columns.kinds.push(edge.kind);
            self.columns.since.push(edge.since.map_or(i64::MIN, Time::millis));
        }
        let range = start..self.columns.accounts.len();
        if !range.is_empty() {
            self.pieces.push(Piece { parent: resource, range, more: () });
        }
    }

    /// Rows of resources and of accounts, and how many edges lead nowhere.
    pub(super) fn into_rows(self, ends: &Ends<'_>, kinds: Kinds, seen: &SeenTable) -> (Assignments, u64) {
        let Self { mut columns, mut pieces } = self;
        let kind_table = kinds.into_table();
        let mut skipped = 0;
        let mut order: Vec<u64> = Vec::new();
        let mut sorted: Vec<(u32, u32, i64)> = Vec::new();
        for piece in &mut pieces {
            let length = piece.range.len();
            let known = ends.parent(piece.parent).is_some();
            order.clear();
            if known {
                order.extend(piece.range.clone().filter_map(|at| {
                    let account = ends.accounts[columns.accounts[at] as usize];
                    (account != NOBODY).then_some(u64::from(account) << 32 | (at - piece.range.start) as u64)
                }));
            }
            skipped += (length - order.len()) as u64;
            order.sort_unstable();
            sorted.clear();
            sorted.extend(order.iter().map(|key| {
                let at = piece.range.start + (key & u64::from(u32::MAX)) as usize;
                ((key >> 32) as u32, columns.kinds[at], columns.since[at])
            }));
            piece.range.end = piece.range.start + sorted.len();
            for (at, &(account, kind, since)) in piece.range.clone().zip(&sorted) {
                columns.accounts[at] = account;
                columns.kinds[at] = kind;
                columns.since[at] = since;
            }
        }
        merge_assignments(&mut columns, &mut pieces, ends, &kind_table, seen);
        let Columns { mut accounts, mut kinds, mut since } = columns;
        accounts.shrink_to_fit();
        kinds.shrink_to_fit();
        since.shrink_to_fit();

        let mut by_resource = Spans::new(ends.parent_count);
        for piece in pieces {
            if let Some(resource) = ends.parent(piece.parent) {
                by_resource.set(resource, piece.range);
            }
        }
        let by_account = Reverse::of(&by_resource, &accounts, ends.account_count);
        (Assignments { by_resource, accounts, kinds, since, by_account, kind_table }, skipped)
    }
}

/// Makes one piece of several of the same resource, behind all others: two readings of one assignment are one, as it was
/// seen last; two origins are two ways.
fn merge_assignments(
    columns: &mut Columns,
    pieces: &mut Vec<Piece<()>>,
    ends: &Ends<'_>,
    kind_table: &[AssignmentKind],
    seen: &SeenTable,
) {
    let mut again = several_of_one(pieces, ends);
    // A piece made of single facts may name an account twice.
    let twice =
        |piece: &Piece<()>| columns.accounts[piece.range.clone()].windows(2).any(|pair| pair[0] == pair[1]);
    let alone = |at: &usize| !again.iter().any(|same| same.contains(at));
    let repeating: Vec<usize> = (0..pieces.len()).filter(|&at| twice(&pieces[at])).filter(alone).collect();
    again.extend(repeating.into_iter().map(|at| vec![at]));
    for same in again {
        let mut edges: Vec<(u32, u32, i64)> = Vec::new();
        for place in same.iter().flat_map(|&at| pieces[at].range.clone()) {
            edges.push((columns.accounts[place], columns.kinds[place], columns.since[place]));
        }
        edges.sort_unstable_by(|a, b| {
            let kinds = || preference(&kind_table[a.1 as usize], &kind_table[b.1 as usize], seen);
            a.0.cmp(&b.0).then_with(kinds).then_with(|| a.2.cmp(&b.2))
        });
        let start = columns.accounts.len();
        for (account, kind, since) in edges {
            let origin = |kind: u32| &kind_table[kind as usize].origin;
            let known = (start..columns.accounts.len())
                .rev()
                .take_while(|&at| columns.accounts[at] == account)
                .any(|at| origin(columns.kinds[at]) == origin(kind));
            if !known {
                columns.accounts.push(account);
                columns.kinds.push(kind);
                columns.since.push(since);
            }
        }
        let parent = pieces[same[0]].parent;
        for at in same {
            pieces[at].range.end = pieces[at].range.start;
        }
        pieces.push(Piece { parent, range: start..columns.accounts.len(), more: () });
    }
    pieces.retain(|piece| !piece.range.is_empty());
}

/// What the numbers of names mean.
pub(super) struct Ends<'a> {
    /// For each name the account, or [`NOBODY`].
    pub(super) accounts: &'a [u32],
    pub(super) account_count: usize,
    /// For each name the group or resource, or [`NOBODY`].
    pub(super) parents: &'a [u32],
    pub(super) parent_count: usize,
}

impl Ends<'_> {
    fn parent(&self, name: u32) -> Option<u32> {
        Some(self.parents[name as usize]).filter(|&parent| parent != NOBODY)
    }
}

/// Places of the pieces of each parent that has more than one.
fn several_of_one<T>(pieces: &[Piece<T>], ends: &Ends<'_>) -> Vec<Vec<usize>> {
    let mut places: Vec<(u32, usize)> = pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| !piece.range.is_empty())
        .filter_map(|(at, piece)| Some((ends.parent(piece.parent)?, at)))
        .collect();
    places.sort_unstable();
    let same = places.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1);
    same.map(|same| same.iter().map(|place| place.1).collect()).collect()
}

/// Works on each piece with its part of the column.
fn in_turn<T, R>(
    pieces: &mut [Piece<T>],
    mut column: &mut [u32],
    work: impl Fn(&mut Piece<T>, &mut [u32]) -> R,
) -> Vec<R> {
    let one = |piece: &mut Piece<T>| {
        let (own, rest) = std::mem::take(&mut column).split_at_mut(piece.range.len());
        column = rest;
        work(piece, own)
    };
    pieces.iter_mut().map(one).collect()
}
