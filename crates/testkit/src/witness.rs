//! A data source that is watched while it is read, and may be treated badly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sightline_core::{
    Absent, DynSource, Error, Forecast, Info, Preflight, RawTask, Result, Scope, SoFar, Step, Tallies,
};

use crate::Truth;

/// How the host treats a data source; none of this may make a difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// As usual.
    #[default]
    Plain,
    /// Every step is run twice, and the second one counts.
    Twice,
    /// Every step is run by an instance of its own.
    Anew,
}

/// Opens the data source.
pub(crate) type Opener = Box<dyn Fn() -> Result<Box<dyn DynSource>> + Send + Sync>;

/// Wraps a data source and notes what it does that no data source may do.
pub(crate) struct Witness {
    pub(crate) source: Box<dyn DynSource>,
    pub(crate) open: Opener,
    pub(crate) manner: Manner,
    pub(crate) truth: Truth,
    pub(crate) noted: Arc<Mutex<Noted>>,
}

/// What a witness saw.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// The clause that was broken, and how.
    pub(crate) broken: Vec<(u8, String)>,
    /// Tasks, errors and findings as text: nothing in it may be a secret.
    pub(crate) texts: Vec<String>,
    /// Steps that were run.
    pub(crate) steps: u64,
    scope_of: BTreeMap<String, Scope>,
}

impl Noted {
    fn breaks(&mut self, clause: u8, text: String) {
        // One example of each is enough; a broken connector breaks a rule in every step.
        if self.broken.iter().filter(|(number, _)| *number == clause).count() < 3 {
            self.broken.push((clause, text));
        }
    }
}

impl Witness {
    fn note(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A task says what it reads, and is the same after it was written down.
    fn look_at_task(&self, task: &RawTask) {
        self.note(|noted| {
            noted.texts.push(task.json.clone());
            noted.texts.push(task.label.clone());
        });
        let about = &task.about;
        let broken = match self.source.info().dataset(&about.scope.dataset) {
            None => Some(format!("{} is of a dataset that is not declared", task.label)),
            // The other way round it is a listing that leads to the parts.
            Some(dataset) if dataset.parent.is_none() && about.scope.parent.is_some() => {
                Some(format!("the scope of {} has a parent, and its dataset has none", task.label))
            }
            Some(_) => about
                .after
                .iter()
                .find(|dataset| self.source.info().dataset(dataset).is_none())
                .map(|dataset| format!("{} waits for {dataset}, which is no dataset", task.label)),
        };
        if let Some(broken) = broken {
            self.note(|noted| noted.breaks(1, broken));
        }
        match self.source.restore(&task.json) {
            Err(error) => self.note(|noted| {
                noted.breaks(1, format!("{} is not understood when read back: {error}", task.label));
            }),
            Ok(again)
                if (&again.json, &again.label, &again.about) != (&task.json, &task.label, &task.about) =>
            {
                self.note(|noted| noted.breaks(1, format!("{} is another one when read back", task.label)));
            }
            Ok(_) => {}
        }
        match self.source.anew(task) {
            Ok(anew) if anew.about.scope == about.scope => {}
            Ok(anew) => {
                let text = format!("{} begins anew as {}, in another scope", task.label, anew.label);
                self.note(|noted| noted.breaks(23, text));
            }
            Err(error) => {
                self.note(|noted| noted.breaks(23, format!("{} cannot begin anew: {error}", task.label)));
            }
        }
    }

    fn look_at_step(&self, task: &RawTask, step: &Step<RawTask>) {
        let scope = &task.about.scope;
        for next in step.then.iter().chain(&step.later) {
            self.look_at_task(next);
        }
        let dataset = self.source.info().dataset(&scope.dataset);
        let only_leads = scope.parent.is_none() && dataset.is_some_and(|dataset| dataset.parent.is_some());
        self.note(|noted| {
            if only_leads && !step.records.is_empty() {
                noted.breaks(1, format!("{} gives records, and the scope of none of them", task.label));
            }
            for record in &step.records {
                let key = record.key();
                let stated = self
                    .truth
                    .facts
                    .get(&key)
                    .is_none_or(|fact| fact.scope == *scope || fact.also.contains(scope));
                let kind = key.split('/').next().unwrap_or_default();
                let by_several = self.truth.told_by_several.contains(kind);
                let named =
                    scope.parent.as_ref().is_none_or(|parent| key.split('/').any(|part| part == parent));
                if !stated || !named {
                    noted.breaks(2, format!("{} gives {key}, which is not of its scope", task.label));
                }
                match noted.scope_of.get(&key) {
                    Some(before) if before != scope && !by_several => {
                        let text = format!("{key} is read in {before} and in {scope}");
                        noted.breaks(2, text);
                    }
                    Some(_) => {}
                    None => {
                        noted.scope_of.insert(key, scope.clone());
                    }
                }
            }
            for finding in &step.gaps {
                noted.texts.push(finding.detail.clone());
                if self.source.info().dataset(&finding.scope.dataset).is_none() {
                    noted.breaks(6, format!("{} has a finding of no dataset", task.label));
                }
            }
            for absent in &step.absent {
                let key = match absent {
                    Absent::Entity(kind, id) => format!("{kind}/{id}"),
                    Absent::Fact(key) => key.clone(),
                };
                if self.truth.facts.contains_key(&key) {
                    noted.breaks(20, format!("{} names {key} absent, and it is there", task.label));
                }
            }
            noted.texts.extend(step.drift.iter().cloned());
            noted.texts.extend(step.tallies.iter().map(|(name, _)| name.clone()));
        });
    }
}

/// An error with its hint and causes, as one text.
pub(crate) fn whole_text(error: &Error) -> String {
    let mut text = format!("{error} {} {error:?}", error.hint_text().unwrap_or_default());
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(&format!(" / {next}"));
        cause = next.source();
    }
    text
}

#[async_trait]
impl DynSource for Witness {
    fn info(&self) -> &'static Info {
        self.source.info()
    }

    async fn preflight(&self) -> Result<Preflight> {
        self.source.preflight().await
    }

    fn plan(&self, kept: &[String]) -> Result<Vec<RawTask>> {
        let tasks = self.source.plan(kept)?;
        for task in &tasks {
            self.look_at_task(task);
        }
        Ok(tasks)
    }

    fn verify(&self, share: u32, of: u32) -> Result<Vec<RawTask>> {
        let tasks = self.source.verify(share, of)?;
        for task in &tasks {
            self.look_at_task(task);
        }
        Ok(tasks)
    }

    fn anew(&self, task: &RawTask) -> Result<RawTask> {
        self.source.anew(task)
    }

    fn restore(&self, json: &str) -> Result<RawTask> {
        self.source.restore(json)
    }

    async fn step(&self, task: &RawTask, so_far: &SoFar) -> Result<Step<RawTask>> {
        self.note(|noted| noted.steps += 1);
        let step = match self.manner {
            Manner::Plain => self.source.step(task, so_far).await,
            Manner::Twice => {
                // What the first one says is forgotten, as after a crash.
                let _ = self.source.step(task, so_far).await;
                self.source.step(task, so_far).await
            }
            Manner::Anew => {
                let source = (self.open)()?;
                let task = source.restore(&task.json)?;
                source.step(&task, so_far).await
            }
        };
        match &step {
            Ok(step) => self.look_at_step(task, step),
            Err(error) => self.note(|noted| noted.texts.push(whole_text(error))),
        }
        step
    }

    async fn forecast(&self, last: Option<&Tallies>) -> Result<Forecast> {
        self.source.forecast(last).await
    }
}
