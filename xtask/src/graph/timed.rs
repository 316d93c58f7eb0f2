//! How long facts are being taken in, without their making.

use std::time::{Duration, Instant};

use sightline_core::{AssignmentBlock, Fact, FactSink, MemberBlock, Names};

pub(super) struct Timed<S> {
    pub(super) sink: S,
    pub(super) spent: Duration,
}

impl<S> Timed<S> {
    pub(super) fn new(sink: S) -> Self {
        Self { sink, spent: Duration::ZERO }
    }

    fn timed(&mut self, take: impl FnOnce(&mut S)) {
        let begun = Instant::now();
        take(&mut self.sink);
        self.spent += begun.elapsed();
    }
}

impl<S: FactSink> FactSink for Timed<S> {
    fn fact(&mut self, fact: Fact) {
        self.timed(|sink| sink.fact(fact));
    }

    fn names(&mut self, names: Names) {
        self.timed(|sink| sink.names(names));
    }

    fn members(&mut self, members: MemberBlock<'_>) {
        self.timed(|sink| sink.members(members));
    }

    fn assignments(&mut self, assignments: AssignmentBlock<'_>) {
        self.timed(|sink| sink.assignments(assignments));
    }
}
