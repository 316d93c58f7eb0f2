//! Answers that take seconds: made once, in the background, for everybody who asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{Semaphore, watch};

use crate::app::{App, Shared};
use crate::problem::Problem;

/// What an answer will be: nothing while it is being made.
type Coming<V> = watch::Receiver<Option<Result<Arc<V>, Problem>>>;

/// The last answers to questions of one kind, and those that are being made.
#[derive(Debug)]
pub(crate) struct Slow<K, V> {
    kept: Mutex<VecDeque<(K, Coming<V>)>>,
    most: usize,
    /// So many are made at once, of all kinds: who makes one occupies a core.
    at_once: Arc<Semaphore>,
}

impl<K: Clone + PartialEq, V: Send + Sync + 'static> Slow<K, V> {
    pub(crate) fn new(most: usize, at_once: Arc<Semaphore>) -> Self {
        Self { kept: Mutex::default(), most, at_once }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(K, Coming<V>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer, where it has been made.
    pub(crate) fn made(&self, key: &K) -> Option<Arc<V>> {
        let kept = self.lock();
        let (_, coming) = kept.iter().find(|(known, _)| known == key)?;
        let made = coming.borrow();
        made.as_ref()?.as_ref().ok().cloned()
    }

    /// Sees to it that the answer is made.
    pub(crate) fn prepare(
        &self,
        app: &Shared,
        doing: &'static str,
        key: &K,
        make: impl FnOnce(&App) -> Result<V, Problem> + Send + 'static,
    ) -> Result<(), Problem> {
        self.coming(app, doing, key, make).map(drop)
    }

    /// The answer, made if need be; none where it takes longer than somebody wants to wait.
    pub(crate) async fn within(
        &self,
        patience: Duration,
        app: &Shared,
        doing: &'static str,
        key: &K,
        make: impl FnOnce(&App) -> Result<V, Problem> + Send + 'static,
    ) -> Result<Option<Arc<V>>, Problem> {
        let mut coming = self.coming(app, doing, key, make)?;
        let answered = match tokio::time::timeout(patience, coming.wait_for(Option::is_some)).await {
            Err(_) => return Ok(None),
            Ok(Ok(answer)) => answer.clone(),
            Ok(Err(_)) => None,
        };
        match answered {
            Some(Ok(answer)) => Ok(Some(answer)),
            failed => {
                // Whoever asks next may have more luck.
                self.lock().retain(|(known, _)| known != key);
                Err(failed.and_then(Result::err).unwrap_or_else(|| Problem::internal(doing)))
            }
        }
    }

    fn coming(
        &self,
        app: &Shared,
        doing: &'static str,
        key: &K,
        make: impl FnOnce(&App) -> Result<V, Problem> + Send + 'static,
    ) -> Result<Coming<V>, Problem> {
        let mut kept = self.lock();
        if let Some(at) = kept.iter().position(|(known, _)| known == key)
            && let Some(entry) = kept.remove(at)
        {
            // What was asked for last is kept longest.
            let coming = entry.1.clone();
            kept.push_back(entry);
            return Ok(coming);
        }
        if kept.len() >= self.most {
            let done = kept.iter().position(|(_, coming)| coming.borrow().is_some());
            let Some(done) = done else {
                let mut busy = Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("{doing} has to wait: too many are asked for at once"),
                );
                busy.retry_after = Some(5);
                return Err(busy);
            };
            kept.remove(done);
        }
        let (sender, coming) = watch::channel(None);
        kept.push_back((key.clone(), coming.clone()));
        let (app, at_once) = (app.clone(), self.at_once.clone());
        tokio::spawn(async move {
            let _permit = at_once.acquire_owned().await;
            sender.send_replace(Some(app.blocking(doing, make).await.map(Arc::new)));
        });
        Ok(coming)
    }

    /// Lets go of the answers that are about something.
    pub(crate) fn forget(&self, is_about: impl Fn(&K) -> bool) {
        self.lock().retain(|(key, _)| !is_about(key));
    }
}
