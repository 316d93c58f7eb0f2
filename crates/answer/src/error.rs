//! Why there is no answer.

use sightline_core::SnapshotNumber;
use sightline_store::StoreError;

/// Why there is no answer; each text is a whole sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no snapshot at all to answer from.
    #[error("no data source has been read yet")]
    NothingRead,
    /// No data source has this name.
    #[error("there is no data source {name:?}")]
    NoSuchSource {
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        sources: Vec<String>,
    },
    /// No data source has such a snapshot, and which ones they have.
    #[error("{0}")]
    NoSuchSnapshot(String),
    /// Nothing is called that.
    #[error("{text}")]
    NoneFits {
        /// What there is not.
        text: String,
        /// What has a similar name.
        near: Vec<String>,
    },
    /// The name fits more than one thing.
    #[error("{0}")]
    SeveralFit(String),
    /// Snapshots are numbered for each data source, and none was named.
    #[error("{text}")]
    WhichSource {
        /// What would have to be told.
        text: String,
        /// The data sources that could be meant.
        sources: Vec<String>,
    },
    /// The point in time lies in the future or is out of range.
    #[error("{0}")]
    NoSuchTime(String),
    /// The two snapshots are the wrong way round.
    #[error("snapshot {from} is later than snapshot {to}, so that nothing leads from the one to the other")]
    WrongOrder {
        /// Where the comparison was to begin.
        from: SnapshotNumber,
        /// Where it was to end.
        to: SnapshotNumber,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AnswerError {
    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NothingRead => Some("connect a data source and read it".to_owned()),
            Self::NoSuchSource { sources, .. } if sources.is_empty() => {
                Some("there are no data sources yet; connect one".to_owned())
            }
            Self::NoSuchSource { sources, .. } => Some(format!("data sources: {}", sources.join(", "))),
            Self::NoneFits { near, .. } if near.is_empty() => None,
            Self::NoneFits { near, .. } => Some(format!("did you mean {}?", near.join(", "))),
            Self::SeveralFit(_) => Some("give more of the name, the id, or the data source".to_owned()),
            Self::WhichSource { sources, .. } => Some(format!("say whose: {}", sources.join(", "))),
            Self::WrongOrder { .. } => Some("give the earlier one first".to_owned()),
            Self::Store(error) => error.hint(),
            Self::NoSuchSnapshot(_) | Self::NoSuchTime(_) => None,
        }
    }

    /// Whether what was asked for does not exist; otherwise the question is wrong or the store failed.
    pub const fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::NothingRead
                | Self::NoSuchSource { .. }
                | Self::NoSuchSnapshot(_)
                | Self::NoneFits { .. }
                | Self::Store(StoreError::NoSuchSource { .. } | StoreError::Missing { .. })
        )
    }
}
