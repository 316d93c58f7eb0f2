//! Edges between what a scope is read under and accounts, in columns.
//!
//! Nearly all facts of a large organisation are members of groups and assignments of accounts to applications. Where
//! the group or the application is the parent of their scope they are kept as columns of small numbers instead of
//! records: accounts are numbers of the data source's dictionary, and what many edges have in common is written once.

use std::cmp::Ordering;
use std::hash::BuildHasher as _;

use redb::ReadableTable;
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::Deserialize;
use sightline_core::{
    Absent, Assignment, AssignmentOrigin, AssignmentTerms, Membership, Names, Principal, RawJson, Record,
    Sighting, Time,
};

use crate::bytes::{Malformed, Reader, put_bytes, put_number, put_signed, to_signed};
use crate::codec::{self, Packer, Unpacker};
use crate::dictionary::{Dictionary, NONE};
use crate::error::Result;
use crate::kind::Kind;

/// No time.
const NO_TIME: i64 = i64::MIN;

/// What the edges of a block are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// The parent is a group, the accounts are its members.
    Member,
    /// The parent is a resource, the accounts are assigned to it.
    Assignment,
}

impl EdgeKind {
    pub(crate) const BOTH: [Self; 2] = [Self::Member, Self::Assignment];

    /// The kind of its records.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Member => Kind(5),
            Self::Assignment => Kind(6),
        }
    }
}

/// What a block says about an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// It is there, like this.
    Put,
    /// It was seen again.
    Touch,
    /// It is gone.
    Remove,
}

impl Op {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Put),
            1 => Some(Self::Touch),
            2 => Some(Self::Remove),
            _ => None,
        }
    }
}

/// An edge; what is not about its kind is [`NONE`] or [`NO_TIME`], and numbers but the account's refer to [`Tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) account: u32,
    pub(crate) op: Op,
    pub(crate) seen: u32,
    pub(crate) terms: u32,
    /// A number of the dictionary.
    pub(crate) user_name: u32,
    pub(crate) external_id: u32,
    pub(crate) since: i64,
    pub(crate) last_updated: i64,
}

impl Edge {
    /// Whether it says the same, whoever saw it when.
    pub(crate) fn says_what(&self, other: &Self, tables: &Tables) -> bool {
        (self.terms, self.user_name, self.since) == (other.terms, other.user_name, other.since)
            && self.last_updated == other.last_updated
            && tables.external_ids.get(self.external_id) == tables.external_ids.get(other.external_id)
    }

    pub(crate) fn since(&self) -> Option<Time> {
        time(self.since)
    }
}

fn time(millis: i64) -> Option<Time> {
    (millis != NO_TIME).then(|| Time::from_millis(millis))
}

/// What the edges of a scope have in common, each once.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) sightings: Vec<Sighting>,
    sighting_numbers: FxHashMap<Sighting, u32>,
    pub(crate) terms: Vec<AssignmentTerms>,
    /// Numbers of terms by the hash of the terms, or by the next that is free: where everybody's differ, to keep them twice
    /// would double the memory.
    term_numbers: FxHashMap<u64, u32>,
    external_ids: Texts,
    /// Whether what the resource is told about each account is left out: most of what there is, different for everybody,
    /// and nothing that access depends on.
    leaves_profiles: bool,
}

/// The terms of an assignment as they are written down, read without being copied.
#[derive(Deserialize)]
struct WrittenTerms<'a> {
    #[serde(borrow)]
    origin: WrittenOrigin<'a>,
    #[serde(borrow)]
    raw_status: Option<&'a str>,
    #[serde(borrow)]
    sync_state: Option<&'a str>,
    priority: Option<i64>,
    /// JSON text.
    #[expect(dead_code, reason = "it has to be passed over")]
    profile: &'a str,
}

/// [`AssignmentOrigin`], likewise.
#[derive(Deserialize)]
enum WrittenOrigin<'a> {
    Direct,
    #[serde(borrow)]
    Group(Option<&'a str>),
    Unknown(&'a str),
}

impl WrittenOrigin<'_> {
    fn is(&self, origin: &AssignmentOrigin) -> bool {
        match (self, origin) {
            (Self::Direct, AssignmentOrigin::Direct) => true,
            (Self::Group(written), AssignmentOrigin::Group(group)) => *written == group.as_deref(),
            (Self::Unknown(written), AssignmentOrigin::Unknown(word)) => *written == word,
            _ => false,
        }
    }

    fn to_origin(&self) -> AssignmentOrigin {
        match self {
            Self::Direct => AssignmentOrigin::Direct,
            Self::Group(group) => AssignmentOrigin::Group(group.map(str::to_owned)),
            Self::Unknown(word) => AssignmentOrigin::Unknown((*word).to_owned()),
        }
    }
}

/// Texts by number, in one piece of memory; nearly all are different, so that to find out which are not is not worth it.
#[derive(Debug, Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    fn add(&mut self, text: &str) -> u32 {
        self.all.push_str(text);
        self.ends.push(self.all.len());
        self.ends.len() as u32 - 1
    }

    fn get(&self, number: u32) -> Option<&str> {
        let at = number as usize;
        let start = if at == 0 { 0 } else { *self.ends.get(at - 1)? };
        self.all.get(start..*self.ends.get(at)?)
    }
}

impl Tables {
    pub(crate) fn sighting(&mut self, sighting: Sighting) -> u32 {
        if self.sightings.last() == Some(&sighting) {
            return self.sightings.len() as u32 - 1;
        }
        *self.sighting_numbers.entry(sighting).or_insert_with(|| {
            self.sightings.push(sighting);
            self.sightings.len() as u32 - 1
        })
    }

    fn terms(&mut self, terms: AssignmentTerms) -> u32 {
        let Self { terms: all, term_numbers, .. } = self;
        let mut hash = FxBuildHasher.hash_one(&terms);
        while let Some(&number) = term_numbers.get(&hash) {
            if all[number as usize] == terms {
                return number;
            }
            hash = hash.wrapping_add(1);
        }
        let number = all.len() as u32;
        term_numbers.insert(hash, number);
        all.push(terms);
        number
    }

    /// Tables of edges that are read without their profiles.
    pub(crate) fn without_profiles() -> Self {
        Self { leaves_profiles: true, ..Self::default() }
    }

    /// The number of terms as they are written down, their profile left out; most are like one of the last few.
    fn written(&mut self, written: &WrittenTerms<'_>) -> u32 {
        let is_same = |terms: &AssignmentTerms| {
            written.origin.is(&terms.origin)
                && terms.raw_status.as_deref() == written.raw_status
                && terms.sync_state.as_deref() == written.sync_state
                && terms.priority == written.priority
        };
        if let Some(at) = self.terms.iter().rev().take(4).position(is_same) {
            return (self.terms.len() - 1 - at) as u32;
        }
        self.terms(AssignmentTerms {
            origin: written.origin.to_origin(),
            raw_status: written.raw_status.map(str::to_owned),
            sync_state: written.sync_state.map(str::to_owned),
            priority: written.priority,
            profile: RawJson::default(),
        })
    }

    /// The number of an assignment's terms; most are like one of the last few.
    fn terms_of(&mut self, edge: &Assignment) -> u32 {
        let is_same = |terms: &AssignmentTerms| {
            terms.origin == edge.origin
                && terms.raw_status == edge.raw_status
                && terms.sync_state == edge.sync_state
                && terms.priority == edge.priority
                && terms.profile == edge.profile
        };
        if let Some(at) = self.terms.iter().rev().take(4).position(is_same) {
            return (self.terms.len() - 1 - at) as u32;
        }
        self.terms(AssignmentTerms {
            origin: edge.origin.clone(),
            raw_status: edge.raw_status.clone(),
            sync_state: edge.sync_state.clone(),
            priority: edge.priority,
            profile: edge.profile.clone(),
        })
    }

    pub(crate) fn seen(&self, edge: &Edge) -> Sighting {
        self.sightings[edge.seen as usize]
    }
}

/// The edges of a scope: members and assignments.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    pub(crate) members: Vec<Edge>,
    pub(crate) assignments: Vec<Edge>,
}

impl Edges {
    pub(crate) const fn of(&self, kind: EdgeKind) -> &Vec<Edge> {
        match kind {
            EdgeKind::Member => &self.members,
            EdgeKind::Assignment => &self.assignments,
        }
    }

    pub(crate) const fn of_mut(&mut self, kind: EdgeKind) -> &mut Vec<Edge> {
        match kind {
            EdgeKind::Member => &mut self.members,
            EdgeKind::Assignment => &mut self.assignments,
        }
    }

    /// How many of each kind.
    pub(crate) const fn counts(&self) -> [u64; 2] {
        [self.members.len() as u64, self.assignments.len() as u64]
    }

    /// Puts the edges of both kinds into a blob, empty when there are none.
    pub(crate) fn pack(
        &self,
        packer: &mut Packer,
        tables: &Tables,
        dictionary: &Dictionary,
    ) -> Result<Vec<u8>> {
        for kind in EdgeKind::BOTH {
            let edges = self.of(kind);
            if !edges.is_empty() {
                packer.push(|bytes| encode(kind, edges, tables, dictionary, bytes))?;
                packer.close_frame()?;
            }
        }
        packer.finish()
    }

    /// Adds the edges of a blob to these.
    pub(crate) fn unpack(
        &mut self,
        unpacker: &Unpacker,
        blob: Vec<u8>,
        tables: &mut Tables,
        dictionary: &Dictionary,
    ) -> Result<()> {
        let mut frames = unpacker.frames(blob);
        while frames.open()? {
            decode(frames.get(), tables, dictionary, self)?;
        }
        Ok(())
    }

    /// Makes one of what several blobs said one after the other.
    pub(crate) fn settle(&mut self, tables: &mut Tables) {
        for kind in EdgeKind::BOTH {
            let said = std::mem::take(self.of_mut(kind));
            *self.of_mut(kind) = in_order(said, tables);
        }
    }

    /// Adds what a step read of a scope; gives what is no edge under the scope's parent.
    pub(crate) fn take<'r>(
        &mut self,
        parent: &str,
        records: &'r [Record],
        tables: &mut Tables,
        dictionary: &mut Dictionary,
    ) -> Vec<&'r Record> {
        let (mut members, mut assignments, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            match record {
                Record::Membership(edge) if edge.group == parent => members.push(edge.account.as_str()),
                Record::Assignment(edge) if edge.resource == parent => match &edge.principal {
                    Principal::Account(id) => assignments.push((id.as_str(), edge)),
                    _ => others.push(record),
                },
                _ => others.push(record),
            }
        }
        let members = dictionary.names.intern_all(&members);
        self.members.extend(members.into_iter().map(|account| bare(account, Op::Put)));
        let (ids, assignments): (Vec<&str>, Vec<&Assignment>) = assignments.into_iter().unzip();
        let accounts = dictionary.names.intern_all(&ids);
        let names = assignments.iter().map(|edge| edge.user_name.as_deref());
        let user_names = dictionary.user_names(&accounts, names);
        for ((edge, account), user_name) in assignments.into_iter().zip(accounts).zip(user_names) {
            let external_id = edge.external_id.as_deref().map(|id| tables.external_ids.add(id));
            self.assignments.push(Edge {
                terms: tables.terms_of(edge),
                user_name,
                external_id: external_id.unwrap_or(NONE),
                since: edge.since.map_or(NO_TIME, Time::millis),
                last_updated: edge.last_updated.map_or(NO_TIME, Time::millis),
                ..bare(account, Op::Put)
            });
        }
        others
    }

    /// Notes that a fact was found absent; false for what is no edge under the scope's parent.
    pub(crate) fn take_absent(&mut self, parent: &str, absent: &Absent, dictionary: &mut Dictionary) -> bool {
        let Absent::Fact(key) = absent else { return false };
        for kind in EdgeKind::BOTH {
            if let Some(account) = key.strip_prefix(key_prefix(kind, parent).as_str()) {
                let account = dictionary.names.intern(account);
                self.of_mut(kind).push(bare(account, Op::Remove));
                return true;
            }
        }
        false
    }
}

/// An edge of which nothing more is said.
pub(crate) const fn bare(account: u32, op: Op) -> Edge {
    Edge {
        account,
        op,
        seen: 0,
        terms: NONE,
        user_name: NONE,
        external_id: NONE,
        since: NO_TIME,
        last_updated: NO_TIME,
    }
}

/// What the keys of such edges under a parent begin with; the account's id follows.
fn key_prefix(kind: EdgeKind, parent: &str) -> String {
    match kind {
        EdgeKind::Member => format!("membership/{parent}/"),
        EdgeKind::Assignment => format!("assignment/{parent}/account/"),
    }
}

/// The record of an edge.
pub(crate) fn record(kind: EdgeKind, parent: &str, edge: &Edge, tables: &Tables, names: &Names) -> Record {
    let account = names.get(edge.account).to_owned();
    match kind {
        EdgeKind::Member => Record::Membership(Membership { group: parent.to_owned(), account }),
        EdgeKind::Assignment => {
            let terms = &tables.terms[edge.terms as usize];
            let external_id = tables.external_ids.get(edge.external_id);
            Record::Assignment(Assignment {
                resource: parent.to_owned(),
                principal: Principal::Account(account),
                origin: terms.origin.clone(),
                raw_status: terms.raw_status.clone(),
                user_name: (edge.user_name != NONE).then(|| names.get(edge.user_name).to_owned()),
                external_id: external_id.map(str::to_owned),
                sync_state: terms.sync_state.clone(),
                priority: terms.priority,
                since: time(edge.since),
                last_updated: time(edge.last_updated),
                profile: terms.profile.clone(),
            })
        }
    }
}

/// The edges of a scope at a state: those of the base, and what the later blobs change of them, sorted by account.
pub(crate) fn edges_at(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    unpacker: &Unpacker,
    dictionary: &Dictionary,
    scope_key: &[u8],
    (base, newest): (u64, u64),
    tables: &mut Tables,
) -> Result<Edges> {
    let mut edges = Edges::default();
    let mut changes = Edges::default();
    for (number, blob) in codec::get_blobs(table, scope_key, base..=newest)? {
        let into = if number == base { &mut edges } else { &mut changes };
        into.unpack(unpacker, blob, tables, dictionary)?;
    }
    for kind in EdgeKind::BOTH {
        let changes = in_order(std::mem::take(changes.of_mut(kind)), tables);
        let before = std::mem::take(edges.of_mut(kind));
        *edges.of_mut(kind) = applied(before, &changes, tables);
    }
    Ok(edges)
}

/// Sorts by account what was said one after the other; what was said of one account becomes one.
pub(crate) fn in_order(said: Vec<Edge>, tables: &mut Tables) -> Vec<Edge> {
    if said.is_sorted_by(|a, b| a.account < b.account) {
        return said;
    }
    // Numbers are sorted instead of edges, which are larger.
    let mut order: Vec<u64> =
        (0..).zip(&said).map(|(at, edge): (u64, _)| u64::from(edge.account) << 32 | at).collect();
    order.sort_unstable();
    let mut said: Vec<Edge> =
        order.into_iter().map(|key| said[(key & u64::from(u32::MAX)) as usize]).collect();
    said.dedup_by(|later, earlier| {
        if later.account != earlier.account {
            return false;
        }
        *earlier = over(*later, earlier, tables);
        true
    });
    said
}

/// What is known of an edge when something was said of it after something else.
fn over(later: Edge, earlier: &Edge, tables: &mut Tables) -> Edge {
    match (later.op, earlier.op) {
        (Op::Touch, Op::Put) => {
            let (first_seen, last_seen) = (tables.seen(earlier).first_seen, tables.seen(&later).last_seen);
            Edge { seen: tables.sighting(Sighting { first_seen, last_seen }), ..*earlier }
        }
        // What is gone cannot be seen again without being put.
        (Op::Touch, Op::Remove) => *earlier,
        _ => later,
    }
}

/// Lays changes over edges; both are sorted.
pub(crate) fn applied(before: Vec<Edge>, changes: &[Edge], tables: &mut Tables) -> Vec<Edge> {
    if changes.is_empty() {
        return before;
    }
    let mut after = Vec::with_capacity(before.len() + changes.len());
    merge(&before, changes, |old, change| match (old, change) {
        (Some(old), None) => after.push(*old),
        (old, Some(change)) => {
            let now = match old {
                Some(old) => over(*change, old, tables),
                None => *change,
            };
            if now.op == Op::Put {
                after.push(now);
            }
        }
        (None, None) => {}
    });
    after
}

/// Walks two sorted lists side by side.
pub(crate) fn merge(old: &[Edge], new: &[Edge], mut each: impl FnMut(Option<&Edge>, Option<&Edge>)) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.account.cmp(&new.account),
        };
        match order {
            Ordering::Less => each(old.next(), None),
            Ordering::Equal => each(old.next(), new.next()),
            Ordering::Greater => each(None, new.next()),
        }
    }
}

const ALL_PUT: u8 = 0;
const SECONDS: u8 = 0;
const MILLISECONDS: u8 = 1;

fn encode(kind: EdgeKind, edges: &[Edge], tables: &Tables, dictionary: &Dictionary, out: &mut Vec<u8>) {
    out.push(match kind {
        EdgeKind::Member => 0,
        EdgeKind::Assignment => 1,
    });
    put_number(out, edges.len() as u64);
    if edges.iter().all(|edge| edge.op == Op::Put) {
        out.push(ALL_PUT);
    } else {
        out.push(1);
        out.extend(edges.iter().map(|edge| edge.op as u8));
    }
    let mut last = 0;
    for edge in edges {
        put_signed(out, i64::from(edge.account) - last);
        last = i64::from(edge.account);
    }
    put_table(
        out,
        edges,
        |edge| edge.seen,
        tables.sightings.len(),
        |out, number| {
            let sighting = tables.sightings.get(number as usize);
            put_number(out, sighting.map_or(0, |seen| seen.first_seen));
            put_number(out, sighting.map_or(0, |seen| seen.last_seen));
        },
    );
    if kind == EdgeKind::Member {
        return;
    }
    put_table(
        out,
        edges,
        |edge| edge.terms,
        tables.terms.len(),
        |out, number| {
            match tables.terms.get(number as usize) {
                Some(terms) => {
                    out.push(1);
                    // Appending to memory cannot fail, and the types hold nothing that has no encoding.
                    *out = postcard::to_extend(terms, std::mem::take(out)).unwrap_or_default();
                }
                None => out.push(0),
            }
        },
    );
    put_times(out, edges);
    for edge in edges {
        put_number(
            out,
            match edge.user_name {
                NONE => 0,
                name if name == dictionary.handle(edge.account) => 1,
                name => u64::from(name) + 2,
            },
        );
    }
    if edges.iter().all(|edge| edge.external_id == NONE) {
        out.push(0);
        return;
    }
    out.push(1);
    for edge in edges {
        match tables.external_ids.get(edge.external_id) {
            None => out.push(0),
            Some(id) => {
                out.push(1);
                put_bytes(out, id.as_bytes());
            }
        }
    }
}

/// Writes what the edges refer to, each once, and for each edge which one, unless all are the same.
fn put_table(
    out: &mut Vec<u8>,
    edges: &[Edge],
    of: impl Fn(&Edge) -> u32,
    len: usize,
    mut put: impl FnMut(&mut Vec<u8>, u32),
) {
    // The last place is for `NONE`.
    let mut local = vec![NONE; len + 1];
    let mut used = Vec::new();
    let place = |number: u32| (number as usize).min(len);
    for edge in edges {
        let number = of(edge);
        if local[place(number)] == NONE {
            local[place(number)] = used.len() as u32;
            used.push(number);
        }
    }
    put_number(out, used.len() as u64);
    for &number in &used {
        put(out, number);
    }
    if used.len() > 1 {
        for edge in edges {
            put_number(out, u64::from(local[place(of(edge))]));
        }
    }
}

fn put_times(out: &mut Vec<u8>, edges: &[Edge]) {
    let whole = |time: i64| time == NO_TIME || time % 1000 == 0;
    let in_seconds = edges.iter().all(|edge| whole(edge.since) && whole(edge.last_updated));
    let unit = if in_seconds { 1000 } else { 1 };
    out.push(if in_seconds { SECONDS } else { MILLISECONDS });
    let mut last = 0;
    for edge in edges {
        if edge.since == NO_TIME {
            out.push(0);
        } else {
            let since = edge.since / unit;
            put_number(out, 1 + crate::bytes::from_signed(since.wrapping_sub(last)));
            last = since;
        }
    }
    for edge in edges {
        match edge.last_updated {
            NO_TIME => out.push(0),
            updated if updated == edge.since => out.push(1),
            updated => {
                let since = if edge.since == NO_TIME { 0 } else { edge.since / unit };
                put_number(out, 2 + crate::bytes::from_signed((updated / unit).wrapping_sub(since)));
            }
        }
    }
}

fn decode(
    plain: &[u8],
    tables: &mut Tables,
    dictionary: &Dictionary,
    into: &mut Edges,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(plain, 0);
    let kind = match reader.byte()? {
        0 => EdgeKind::Member,
        1 => EdgeKind::Assignment,
        _ => return Err("an unknown kind of edge"),
    };
    let count = reader.count()?;
    let into = into.of_mut(kind);
    let start = into.len();
    into.resize(start + count, bare(0, Op::Put));
    let edges = &mut into[start..];
    if reader.byte()? != ALL_PUT {
        for edge in &mut *edges {
            edge.op = Op::from_byte(reader.byte()?).ok_or("an unknown change")?;
        }
    }
    let mut last = 0_i64;
    for edge in &mut *edges {
        last = last.wrapping_add(reader.signed()?);
        let known = u32::try_from(last).ok().filter(|&number| (number as usize) < dictionary.names.len());
        edge.account = known.ok_or("a number without a name")?;
    }
    let sightings = take_table(&mut reader, |reader| {
        let (first_seen, last_seen) = (reader.number()?, reader.number()?);
        Ok(tables.sighting(Sighting { first_seen, last_seen }))
    })?;
    take_places(&mut reader, edges, &sightings, |edge, number| edge.seen = number)?;
    if kind == EdgeKind::Member {
        return Ok(());
    }
    let terms = take_table(&mut reader, |reader| match reader.byte()? {
        0 => Ok(NONE),
        _ if tables.leaves_profiles => Ok(tables.written(&reader.value()?)),
        _ => Ok(tables.terms(reader.value()?)),
    })?;
    take_places(&mut reader, edges, &terms, |edge, number| edge.terms = number)?;
    if edges.iter().any(|edge| edge.op == Op::Put && edge.terms == NONE) {
        return Err("an assignment without terms");
    }
    take_times(&mut reader, edges)?;
    for edge in &mut *edges {
        edge.user_name = match reader.number()? {
            0 => NONE,
            1 => dictionary.handle(edge.account),
            number => u32::try_from(number - 2).map_err(|_| "a number without a name")?,
        };
    }
    if reader.byte()? != 0 {
        for edge in &mut *edges {
            if reader.byte()? != 0 {
                let id = std::str::from_utf8(reader.bytes()?).map_err(|_| "an id that is no text")?;
                edge.external_id = tables.external_ids.add(id);
            }
        }
    }
    Ok(())
}

fn take_table(
    reader: &mut Reader<'_>,
    mut take: impl FnMut(&mut Reader<'_>) -> Result<u32, Malformed>,
) -> Result<Vec<u32>, Malformed> {
    let count = reader.count()?;
    let mut table = Vec::with_capacity(count);
    for _ in 0..count {
        table.push(take(reader)?);
    }
    Ok(table)
}

fn take_places(
    reader: &mut Reader<'_>,
    edges: &mut [Edge],
    table: &[u32],
    mut set: impl FnMut(&mut Edge, u32),
) -> Result<(), Malformed> {
    let missing = "a number that refers to nothing";
    for edge in edges {
        let place = if table.len() > 1 { reader.number()? as usize } else { 0 };
        set(edge, *table.get(place).ok_or(missing)?);
    }
    Ok(())
}

fn take_times(reader: &mut Reader<'_>, edges: &mut [Edge]) -> Result<(), Malformed> {
    let unit = if reader.byte()? == SECONDS { 1000 } else { 1 };
    let mut last = 0_i64;
    for edge in &mut *edges {
        let number = reader.number()?;
        if number > 0 {
            last = last.wrapping_add(to_signed(number - 1));
            edge.since = last.wrapping_mul(unit);
        }
    }
    for edge in edges {
        edge.last_updated = match reader.number()? {
            0 => NO_TIME,
            1 => edge.since,
            number => {
                let since = if edge.since == NO_TIME { 0 } else { edge.since / unit };
                since.wrapping_add(to_signed(number - 2)).wrapping_mul(unit)
            }
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sightline_core::{AssignmentOrigin, RawJson};

    use super::*;
    use crate::codec::FOR_LONG;

    /// More than fits in one frame, with names that are the same for everybody, the account's own, or others.
    #[test]
    fn edges_of_any_number_are_read_back() {
        for count in [0_u32, 1, 100, 40_000] {
            let mut dictionary = Dictionary::default();
            let mut tables = Tables::default();
            let mut edges = Edges::default();
            let assignments: Vec<Record> = (0..count)
                .map(|n| {
                    Record::Assignment(Assignment {
                        resource: "a".to_owned(),
                        principal: Principal::Account(format!("account {}", n * 7919 % 40_009)),
                        origin: AssignmentOrigin::Direct,
                        raw_status: Some(format!("STATUS {}", n % 3)),
                        user_name: (n % 5 > 0).then(|| format!("user {}", n % 10_007)),
                        external_id: (n % 2 > 0).then(|| format!("external {n}")),
                        sync_state: None,
                        priority: None,
                        since: (n % 7 > 0).then(|| Time::from_millis(i64::from(n) * 1001)),
                        last_updated: (n % 3 > 0).then(|| Time::from_millis(i64::from(n % 11) * 1001)),
                        profile: RawJson::default(),
                    })
                })
                .collect();
            let others = edges.take("a", &assignments, &mut tables, &mut dictionary);
            assert_eq!(others, Vec::<&Record>::new());
            let blob = edges.pack(&mut Packer::new(FOR_LONG).unwrap(), &tables, &dictionary).unwrap();
            let mut read = Edges::default();
            let mut read_tables = Tables::default();
            read.unpack(&Unpacker::new().unwrap(), blob, &mut read_tables, &dictionary).unwrap();
            let of = |edge| record(EdgeKind::Assignment, "a", edge, &read_tables, &dictionary.names);
            assert_eq!(read.assignments.iter().map(of).collect::<Vec<_>>(), assignments);
        }
    }
}
