//! One scope: what was there before and what the sync has read, by key.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sightline_core::{EntityKind, Sighting, SnapshotNumber};

use super::entities::Entities;
use super::runs::{RUN_BYTES, Staged};
use super::{Sealing, Tools, Work};
use crate::codec::{self, Packer};
use crate::edges::{self, Edge, EdgeKind, Edges, Op, Tables, bare};
use crate::error::Result;
use crate::kind::{Kind, Kinds};
use crate::read::Version;
use crate::rows::{self, PUT, REMOVE, Row, RowsAt, Said, TOUCH, UNSEEN};
use crate::state;

/// A scope that was changed so often is written anew.
const MOST_CHANGES: u32 = 64;

/// Changes that are no more than this are always added.
const FEW_BYTES: u64 = 256;

/// The new facts of a scope, and how they differ from those before.
#[derive(Default)]
pub(super) struct Merge {
    /// What is to be written, packed.
    pub(super) rows: Vec<u8>,
    pub(super) edges: Vec<u8>,
    /// Whether what is to be written is everything, and not only what differs.
    pub(super) anew: bool,
    /// The entities that came and went.
    pub(super) added_entities: Vec<(EntityKind, u32)>,
    pub(super) removed_entities: Vec<(EntityKind, u32)>,
    /// The sync that last saw the facts that do not tell themselves.
    pub(super) read: SnapshotNumber,
    /// Facts of each kind.
    pub(super) kinds: BTreeMap<u8, u64>,
    /// Facts that are kept as columns: members, assignments.
    pub(super) in_columns: [u64; 2],
    /// Edges whose ends are not there; counted only where no entities are in the scope.
    pub(super) dangling: u64,
    pub(super) added: u64,
    pub(super) removed: u64,
    pub(super) changed: u64,
}

impl Merge {
    /// Lays what was read of a scope over what was there before.
    pub(super) fn of(sealing: &Sealing<'_, '_>, work: &Work, tools: &mut Tools) -> Result<Self> {
        let Tools { packer, unpacker } = tools;
        let number = sealing.number;
        let whole = work.is_whole();
        let read_before = work.before.as_ref().map_or(0, |version| version.read);
        let read = if whole || work.before.is_none() { number } else { read_before };
        let mut merging = Merging {
            number,
            whole,
            last_seen: if number == read { 0 } else { number },
            count_dangling: !work.kinds().meets(Kinds::ENTITIES),
            met: &sealing.met,
            result: Self { read, ..Self::default() },
        };

        let facts = state::Facts {
            content: &sealing.content,
            edges: &sealing.edges,
            unpacker,
            dictionary: sealing.dictionary,
        };
        let mut tables = Tables::default();
        let mut old_edges = Edges::default();
        let mut edge_changes = Edges::default();
        if let Some(parent) = work.scope.parent.as_deref() {
            if let Some(before) = &work.before {
                old_edges = facts.edges(&work.scope, &work.key, before, &mut tables)?;
            }
            let mut fresh = Edges::default();
            for (_, blob) in codec::get_blobs(&sealing.staged_edges, &work.key, 0..=u64::MAX >> 8)? {
                let unpacked = fresh.unpack(unpacker, blob, &mut tables, sealing.dictionary);
                unpacked.map_err(|error| error.within(&read_of(work)))?;
            }
            for kind in EdgeKind::BOTH {
                let fresh = edges::in_order(std::mem::take(fresh.of_mut(kind)), &mut tables);
                let old = old_edges.of(kind);
                *edge_changes.of_mut(kind) = merging.edges(kind, parent, old, &fresh, &mut tables);
            }
        }
        merging.result.edges = edge_changes.pack(packer, &tables, sealing.dictionary)?;

        let mut old = match &work.before {
            Some(before) if before.rows() > 0 => Some(facts.rows(&work.scope, &work.key, before)?),
            _ => None,
        };
        let fresh = Staged::open(&sealing.staged, unpacker, &work.key, RUN_BYTES);
        let mut fresh = fresh.map_err(|error| error.within(&read_of(work)))?;
        let old_rows = work.before.as_ref().map_or(0, Version::rows);
        let merged = merging.rows(old.as_mut(), &mut fresh, packer);
        let found = merged.map_err(|error| error.within(&read_of(work)))?;
        if found != old_rows
            && let Some(before) = &work.before
        {
            return Err(state::count_differs(&work.scope, before, found, old_rows));
        }
        let mut result = merging.result;

        let Some(before) = &work.before else {
            result.anew = true;
            return Ok(result);
        };
        let bytes = (result.rows.len() + result.edges.len()) as u64;
        let too_much =
            before.changed_bytes + bytes > before.base_bytes.max(FEW_BYTES) || before.changes >= MOST_CHANGES;
        if bytes == 0 || !too_much {
            return Ok(result);
        }
        result.anew = true;
        for kind in EdgeKind::BOTH {
            let changes = std::mem::take(edge_changes.of_mut(kind));
            let old = std::mem::take(old_edges.of_mut(kind));
            *old_edges.of_mut(kind) = edges::applied(old, &changes, &mut tables);
        }
        result.edges = old_edges.pack(packer, &tables, sealing.dictionary)?;
        let mut blobs = if before.rows() > 0 {
            let (base, newest) = before.blobs();
            codec::get_blobs(&sealing.content, &work.key, base..=newest)?
        } else {
            Vec::new()
        };
        let base = match blobs.first() {
            Some((number, _)) if *number == before.base => blobs.remove(0).1,
            _ => Vec::new(),
        };
        let later =
            blobs.into_iter().map(|(_, blob)| blob).chain([std::mem::take(&mut result.rows)]).collect();
        let mut all = RowsAt::over(unpacker, base, later)?;
        while let Some(row) = all.row() {
            packer.push(|bytes| row.put(bytes))?;
            all.advance()?;
        }
        result.rows = packer.finish()?;
        Ok(result)
    }
}

fn read_of(work: &Work) -> String {
    format!("what the sync in progress has read of {}, or the facts that it is laid over", work.scope)
}

struct Merging<'a, 'd> {
    number: SnapshotNumber,
    whole: bool,
    /// What a fact that is read now keeps as the sync that last saw it; 0 when its scope tells.
    last_seen: SnapshotNumber,
    count_dangling: bool,
    met: &'a Entities<'d>,
    result: Merge,
}

impl Merging<'_, '_> {
    /// What the sync changes of the edges of one kind.
    fn edges(
        &mut self,
        kind: EdgeKind,
        parent: &str,
        old: &[Edge],
        fresh: &[Edge],
        tables: &mut Tables,
    ) -> Vec<Edge> {
        if old.is_empty() && fresh.is_empty() {
            return Vec::new();
        }
        let parent_kind = match kind {
            EdgeKind::Member => EntityKind::Group,
            EdgeKind::Assignment => EntityKind::Resource,
        };
        let parent_gone = self.met.is_gone(parent_kind, parent);
        let parent_there = !self.count_dangling || self.met.is(parent_kind, parent);
        let mut changes = Vec::new();
        let (mut count, mut dangling) = (0, 0);
        let new_seen = tables.sighting(Sighting { first_seen: self.number, last_seen: self.last_seen });
        let touched = tables.sighting(Sighting { first_seen: 0, last_seen: self.last_seen });
        let Self { whole, last_seen, met, result, count_dangling, .. } = self;
        edges::merge(old, fresh, |old, new| {
            let Some(account) = old.or(new).map(|edge| edge.account) else { return };
            let is_gone = parent_gone || met.is_gone_number(EntityKind::Account, account);
            let stays = match new {
                _ if is_gone => false,
                Some(new) => new.op == Op::Put,
                None => !*whole,
            };
            if !stays {
                if old.is_some() {
                    result.removed += 1;
                    changes.push(bare(account, Op::Remove));
                }
                return;
            }
            count += 1;
            dangling +=
                u64::from(*count_dangling && !(parent_there && met.is_number(EntityKind::Account, account)));
            match (old, new) {
                (None, Some(new)) => {
                    result.added += 1;
                    changes.push(Edge { seen: new_seen, ..*new });
                }
                (Some(old), Some(new)) if !old.says_what(new, tables) => {
                    result.changed += 1;
                    let first_seen = tables.seen(old).first_seen;
                    let seen = tables.sighting(Sighting { first_seen, last_seen: *last_seen });
                    changes.push(Edge { seen, ..*new });
                }
                (Some(_), Some(_)) if *last_seen != 0 => {
                    changes.push(Edge { seen: touched, ..bare(account, Op::Touch) });
                }
                _ => {}
            }
        });
        if count > 0 {
            let Kind(kind) = kind.kind();
            *result.kinds.entry(kind).or_default() += count;
        }
        result.in_columns[kind as usize] = count;
        result.dangling += dangling;
        changes
    }

    /// Writes what the sync changes of the rows; gives how many there were.
    fn rows(
        &mut self,
        mut old: Option<&mut RowsAt<'_>>,
        fresh: &mut Staged<'_>,
        packer: &mut Packer,
    ) -> Result<u64> {
        let mut found = 0;
        loop {
            let old_row = old.as_ref().and_then(|old| old.row());
            let new_row = fresh.row();
            let order = match (&old_row, &new_row) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.key.cmp(new.key),
            };
            let old_row = old_row.filter(|_| order != Ordering::Greater);
            let new_row = new_row.filter(|_| order != Ordering::Less);
            found += u64::from(old_row.is_some());
            self.row(old_row, new_row, packer)?;
            if order != Ordering::Greater
                && let Some(old) = &mut old
            {
                old.advance()?;
            }
            if order != Ordering::Less {
                fresh.advance()?;
            }
        }
        self.result.rows = packer.finish()?;
        Ok(found)
    }

    fn row(&mut self, old: Option<Row<'_>>, new: Option<Row<'_>>, packer: &mut Packer) -> Result<()> {
        // What the fact is now, if it is there.
        let added_up;
        let now = match (&old, &new) {
            (Some(old), None) => (!self.whole).then_some(old.value),
            (_, Some(new)) if new.said == REMOVE => None,
            (Some(old), Some(new)) if !self.whole && new.said != Said::Again => {
                added_up = rows::over(new.value, old.value)?;
                Some(added_up.as_deref().unwrap_or(new.value))
            }
            (_, Some(new)) => Some(new.value),
            (None, None) => None,
        };
        let now = match now {
            Some(value) if self.is_gone(old.as_ref().or(new.as_ref()), value)? => None,
            now => now,
        };
        let Some(value) = now else {
            if let Some(old) = old {
                self.result.removed += 1;
                if let Some((kind, id)) = old.entity() {
                    let number = self.number_of(id)?;
                    self.result.removed_entities.push((kind, number));
                }
                packer
                    .push(|bytes| Row { said: REMOVE, key: old.key, value: &[], seen: UNSEEN }.put(bytes))?;
            }
            return Ok(());
        };

        let kind = rows::kind_of(value);
        if self.count_dangling && Kinds::EDGES.contains(kind) {
            self.result.dangling += u64::from(self.met.leaves_dangling(&rows::decode(value)?));
        }
        *self.result.kinds.entry(kind.0).or_default() += 1;
        let last_seen = self.last_seen;
        match (old, new) {
            (Some(old), Some(_)) if old.value == value => {
                if last_seen != 0 {
                    let seen = Sighting { first_seen: 0, last_seen };
                    packer.push(|bytes| Row { said: TOUCH, key: old.key, value: &[], seen }.put(bytes))?;
                }
            }
            (Some(old), Some(_)) => {
                self.result.changed += 1;
                let seen = Sighting { first_seen: old.seen.first_seen, last_seen };
                packer.push(|bytes| Row { said: PUT, key: old.key, value, seen }.put(bytes))?;
            }
            (None, Some(new)) => {
                self.result.added += 1;
                if let Some((kind, id)) = new.entity() {
                    let number = self.number_of(id)?;
                    self.result.added_entities.push((kind, number));
                }
                let seen = Sighting { first_seen: self.number, last_seen };
                packer.push(|bytes| Row { said: PUT, key: new.key, value, seen }.put(bytes))?;
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn number_of(&self, id: &str) -> Result<u32> {
        Ok(self.met.number(id).ok_or("an entity whose id has no number")?)
    }

    /// Whether the fact is of something that was found to have vanished, or refers to it.
    fn is_gone(&self, row: Option<&Row<'_>>, value: &[u8]) -> Result<bool> {
        if self.met.gone_kinds() == Kinds::default() {
            return Ok(false);
        }
        match row.and_then(Row::entity) {
            Some((kind, id)) => Ok(self.met.is_gone_number(kind, self.number_of(id)?)),
            None if Kinds::EDGES.contains(rows::kind_of(value)) => Ok(self.met.goes(&rows::decode(value)?)),
            None => Ok(false),
        }
    }
}
