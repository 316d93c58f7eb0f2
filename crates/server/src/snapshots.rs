//! Sealed snapshots, loaded once and shared by everybody who asks.
//!
//! The newest of every data source stays loaded, and is replaced when a sync has sealed another; a few older ones stay for
//! as long as they are asked for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sightline_core::SnapshotNumber;
use sightline_store::{SnapshotMeta, Store, StoreError};
use tokio::sync::{OnceCell, watch};

use crate::problem::Problem;
use crate::view::View;

/// Older snapshots that stay loaded: hundreds of megabytes each in a large organisation.
const OLDER: usize = 3;

/// Snapshots that are counted at the start where they were not when they were sealed.
const COUNTED: usize = 12;

/// A snapshot that somebody loads or has loaded.
type Loading = Arc<OnceCell<Arc<View>>>;
/// Data source and number.
type Which = (u64, SnapshotNumber);

/// The snapshots of a store, loaded when they are asked for.
#[derive(Debug)]
pub(crate) struct Snapshots {
    store: Arc<Store>,
    loaded: Mutex<Loaded>,
    /// Whether those that were there at the start are loaded.
    ready: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Loaded {
    /// The newest loaded snapshot of each data source.
    newest: BTreeMap<u64, Arc<View>>,
    /// Others, those that were asked for last at the end.
    others: VecDeque<(Which, Loading)>,
}

impl Snapshots {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, loaded: Mutex::default(), ready: watch::Sender::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that what was there at the start is loaded.
    pub(crate) fn set_ready(&self) {
        self.ready.send_replace(true);
    }

    /// Waits until what was there at the start is loaded: an answer from less would be wrong.
    pub(crate) async fn ready(&self) {
        // The sender lives as long as this does.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// The newest snapshot of every data source that is loaded: a moment after it was sealed.
    pub(crate) fn newest(&self) -> Vec<Arc<View>> {
        self.lock().newest.values().cloned().collect()
    }

    /// The snapshot with this number, loaded if it is not yet.
    pub(crate) async fn get(&self, source_id: u64, number: SnapshotNumber) -> Result<Arc<View>, Problem> {
        let which = (source_id, number);
        let loading = {
            let mut loaded = self.lock();
            if let Some(view) = loaded.newest.get(&source_id).filter(|view| view.number() == number) {
                return Ok(view.clone());
            }
            let at = loaded.others.iter().position(|(other, _)| *other == which);
            let entry =
                at.and_then(|at| loaded.others.remove(at)).unwrap_or_else(|| (which, Loading::default()));
            let loading = entry.1.clone();
            loaded.others.push_back(entry);
            while loaded.others.len() > OLDER {
                loaded.others.pop_front();
            }
            loading
        };
        // Whoever comes meanwhile waits for the same.
        let view = loading.get_or_try_init(|| load(self.store.clone(), which)).await;
        if view.is_err() {
            self.lock().others.retain(|(other, _)| *other != which);
        }
        view.cloned()
    }

    /// A snapshot, where it is loaded.
    pub(crate) fn loaded(&self, source_id: u64, number: SnapshotNumber) -> Option<Arc<View>> {
        let loaded = self.lock();
        let newest = loaded.newest.get(&source_id).filter(|view| view.number() == number);
        let other = || loaded.others.iter().find(|(which, _)| *which == (source_id, number));
        newest.cloned().or_else(|| other().and_then(|(_, loading)| loading.get().cloned()))
    }

    /// Loads the newest snapshot of a data source, if there is one that is not loaded; says whether it did.
    pub(crate) async fn refresh(&self, source_id: u64) -> Result<bool, Problem> {
        let Some(meta) = self.last(source_id)? else {
            self.forget(source_id);
            return Ok(false);
        };
        let is_loaded = self.lock().newest.get(&source_id).is_some_and(|view| view.number() == meta.number);
        if !is_loaded {
            let view = self.load_and_count((source_id, meta.number)).await?;
            self.lock().newest.insert(source_id, view);
        }
        Ok(!is_loaded)
    }

    /// Loads a snapshot, and keeps what is counted of it.
    async fn load_and_count(&self, (source_id, number): Which) -> Result<Arc<View>, Problem> {
        let view = load(self.store.clone(), (source_id, number)).await?;
        let (store, figures) = (self.store.clone(), view.figures());
        let kept = tokio::task::spawn_blocking(move || store.keep_figures(source_id, number, &figures)).await;
        kept.map_err(|_| Problem::internal("keeping figures"))??;
        Ok(view)
    }

    /// Counts the last snapshots of a data source that were never counted, because nobody was there when they were sealed.
    pub(crate) async fn count_missing(&self, source_id: u64) -> Result<(), Problem> {
        let counted: Vec<SnapshotNumber> =
            self.store.figures(source_id)?.into_iter().map(|(number, _)| number).collect();
        let snapshots = self.store.snapshots(source_id)?;
        let last = snapshots.iter().rev().take(COUNTED).map(|meta| meta.number);
        for number in last.filter(|number| !counted.contains(number)) {
            self.load_and_count((source_id, number)).await?;
        }
        Ok(())
    }

    /// The newest sealed snapshot of a data source, whether it is loaded or not.
    fn last(&self, source_id: u64) -> Result<Option<SnapshotMeta>, StoreError> {
        match self.store.latest(source_id) {
            Err(StoreError::NoSuchSource { .. }) => Ok(None),
            other => other,
        }
    }

    /// Lets go of all snapshots of a data source.
    pub(crate) fn forget(&self, source_id: u64) {
        let mut loaded = self.lock();
        loaded.newest.remove(&source_id);
        loaded.others.retain(|((source, _), _)| *source != source_id);
    }
}

async fn load(store: Arc<Store>, (source_id, number): Which) -> Result<Arc<View>, Problem> {
    let view = tokio::task::spawn_blocking(move || View::load(&store, source_id, number)).await;
    Ok(Arc::new(view.map_err(|_| Problem::internal("loading a snapshot"))??))
}
