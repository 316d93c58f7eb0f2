//! What a round leaves behind: events in the log, and notes of what is different.

use super::{Event, EventKind, Fate, FxHashMap, Noted, Object, Round, Subject, What};
use crate::rng::Rng;

impl Round<'_> {
    /// Adds an event of the act that is under way; its number.
    pub(super) fn tell(&mut self, kind: EventKind, subject: Subject) -> u32 {
        self.event(kind, subject, true)
    }

    pub(super) fn tell_failure(&mut self, kind: EventKind, subject: Subject) {
        self.event(kind, subject, false);
    }

    fn event(&mut self, kind: EventKind, subject: Subject, success: bool) -> u32 {
        let number = self.next_event();
        let (time, actor, transaction) = (self.moment, self.actor, self.transaction);
        self.events.push(Event { time, kind, actor, subject, success, number, transaction });
        number
    }

    /// Notes a change of which this event tells.
    pub(super) fn note(&mut self, object: Object, what: What, event: u32) {
        let kind = self.events[(event - self.first_event) as usize].kind;
        self.note_as(object, what, Some((event, kind)));
    }

    /// Notes a change of which no event tells.
    pub(super) fn note_untold(&mut self, object: Object, what: What) {
        self.note_as(object, what, None);
    }

    fn note_as(&mut self, object: Object, what: What, event: Option<(u32, EventKind)>) {
        self.noted.push(Noted { round: self.number, object, what, moment: self.moment, event });
    }

    /// Writes the round's events into the log, after them those of the last round that come late. Returns its own late
    /// events.
    pub(super) fn finish(self, late_before: Vec<Event>) -> Vec<Event> {
        let changes = net(self.noted);
        let fates = self.company.spec;
        let mut telling: Vec<u32> =
            changes.iter().filter_map(|noted| noted.event.map(|(number, _)| number)).collect();
        telling.sort_unstable();
        telling.dedup();
        let mut rng = Rng::new(fates.seed, &format!("fates of round {}", self.number));
        for (fate, count) in [
            (Fate::Lost, fates.lost_events),
            (Fate::Late, fates.late_events),
            (Fate::Repeated, fates.duplicate_events),
        ] {
            for _ in 0..count.min(telling.len() as u32) {
                let number = telling.swap_remove(rng.index(telling.len()));
                self.company.fates.insert(number, fate);
            }
        }
        let mut late = Vec::new();
        let mut repeated = Vec::new();
        for event in self.events {
            match self.company.fates.get(&event.number) {
                Some(Fate::Lost) => continue,
                Some(Fate::Late) => {
                    late.push(event);
                    continue;
                }
                Some(Fate::Repeated) => repeated.push(event),
                None => {}
            }
            self.company.events.push(event);
        }
        self.company.events.extend(repeated);
        self.company.events.extend(late_before);
        self.company.changes.extend(changes);
        late
    }
}

/// What is different after the round, each thing once and in the order in which it was touched first.
fn net(noted: Vec<Noted>) -> Vec<Noted> {
    let mut places: FxHashMap<Object, usize> = FxHashMap::default();
    let mut changes: Vec<Option<Noted>> = Vec::with_capacity(noted.len());
    for next in noted {
        let place = *places.entry(next.object).or_insert(changes.len());
        if place == changes.len() {
            changes.push(Some(next));
            continue;
        }
        let before = changes[place].map(|before| before.what);
        let what = match (before, next.what) {
            (Some(What::Added), What::Removed) => None,
            (Some(What::Added), _) | (None, What::Added) => Some(What::Added),
            (_, What::Removed) => Some(What::Removed),
            _ => Some(What::Changed),
        };
        changes[place] = what.map(|what| Noted { what, ..next });
    }
    changes.into_iter().flatten().collect()
}
