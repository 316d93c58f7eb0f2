//! What the program itself keeps in a data source's settings, beside those of the connector.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sightline_core::source::DatasetInfo;
use sightline_core::{Info, Time};

const DATASETS: &str = "datasets";
const FORECAST: &str = "forecast";
const PAUSED: &str = "paused";
const DISCONNECTED: &str = "disconnected";
const OURS: [&str; 4] = [DATASETS, FORECAST, PAUSED, DISCONNECTED];

/// The settings as the connector knows them.
pub fn connector_settings(settings: &Value) -> Value {
    let mut settings = settings.clone();
    if let Some(fields) = settings.as_object_mut() {
        fields.retain(|name, _| !OURS.contains(&name.as_str()));
    }
    settings
}

/// These settings of the connector with what the program keeps in the others.
pub(crate) fn with_kept(connector_settings: &Value, kept: &Value) -> Value {
    let mut settings = self::connector_settings(connector_settings);
    if let (Some(fields), Some(kept)) = (settings.as_object_mut(), kept.as_object()) {
        let ours = kept.iter().filter(|(name, _)| OURS.contains(&name.as_str()));
        fields.extend(ours.map(|(name, value)| (name.clone(), value.clone())));
    }
    settings
}

/// Whether a data source is read on its interval, and whether it can be read at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// A person paused it: it is read only when somebody asks for it.
    pub paused: bool,
    /// Its credential was erased: what was read from it still answers.
    pub disconnected: bool,
}

impl Standing {
    /// What the settings of a data source say.
    pub fn of(settings: &Value) -> Self {
        let is_set = |name| settings.get(name).and_then(Value::as_bool).unwrap_or(false);
        Self { paused: is_set(PAUSED), disconnected: is_set(DISCONNECTED) }
    }

    /// Writes it into the settings of a data source.
    pub fn keep(self, settings: &mut Value) {
        keep(settings, PAUSED, self.paused.then_some(&true));
        keep(settings, DISCONNECTED, self.disconnected.then_some(&true));
    }
}

/// A dataset that cannot be switched on or off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// The connector does not have it.
    #[error("{connector} has no dataset {dataset:?}")]
    Unknown {
        /// Name of the connector for people.
        connector: &'static str,
        /// The dataset's id.
        dataset: String,
        /// Ids of the datasets that there are.
        known: Vec<&'static str>,
    },
    /// It was to be switched on and off at once.
    #[error("{dataset} cannot be switched both on and off")]
    Both {
        /// The dataset's id.
        dataset: String,
    },
    /// Nothing is seen without it.
    #[error("{dataset} cannot be switched off")]
    Required {
        /// The dataset's id.
        dataset: String,
        /// What nobody can see without it.
        lost: &'static str,
    },
}

impl SwitchError {
    /// What a person should do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } => Some(format!("datasets: {}", known.join(", "))),
            Self::Both { .. } => None,
            Self::Required { lost, .. } => Some(format!("without it {lost}")),
        }
    }
}

/// Datasets that a person switched on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datasets {
    #[serde(default)]
    with: BTreeSet<String>,
    #[serde(default)]
    without: BTreeSet<String>,
}

impl Datasets {
    /// What the settings of a data source say.
    pub fn of(settings: &Value) -> Self {
        settings.get(DATASETS).and_then(|kept| Self::deserialize(kept).ok()).unwrap_or_default()
    }

    /// Writes it into the settings of a data source.
    pub fn keep(&self, settings: &mut Value) {
        keep(settings, DATASETS, (*self != Self::default()).then_some(self));
    }

    /// Switches datasets on and off; fails for one that the connector does not have or cannot do without.
    pub fn switch(&mut self, with: &[String], without: &[String], info: &Info) -> Result<(), SwitchError> {
        for id in with.iter().chain(without) {
            let dataset = info.dataset(id).ok_or_else(|| SwitchError::Unknown {
                connector: info.title,
                dataset: id.clone(),
                known: info.datasets.iter().map(|dataset| dataset.id).collect(),
            })?;
            let is_off = without.contains(id);
            if is_off && with.contains(id) {
                return Err(SwitchError::Both { dataset: id.clone() });
            }
            if is_off && dataset.required {
                return Err(SwitchError::Required { dataset: id.clone(), lost: dataset.lost });
            }
            let (add, remove) = if is_off {
                (&mut self.without, &mut self.with)
            } else {
                (&mut self.with, &mut self.without)
            };
            add.insert(id.clone());
            remove.remove(id);
        }
        Ok(())
    }

    /// Whether the dataset is read.
    pub fn is_on(&self, dataset: &DatasetInfo) -> bool {
        dataset.required
            || self.with.contains(dataset.id)
            || (dataset.on && !self.without.contains(dataset.id))
    }

    /// Datasets that are not read.
    pub fn off(&self, info: &Info) -> BTreeSet<String> {
        info.datasets
            .iter()
            .filter(|dataset| !self.is_on(dataset))
            .map(|dataset| dataset.id.to_owned())
            .collect()
    }
}

/// How many requests a full sync is expected to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// By rate-limit bucket.
    pub requests: BTreeMap<String, u64>,
    /// What it follows from.
    pub from: ExpectedFrom,
    /// When it was counted.
    pub counted: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
/// What an expectation follows from.
pub enum ExpectedFrom {
    /// `sync --plan`.
    Plan,
    /// What the last full sync made.
    LastFullSync,
}

impl Expected {
    /// What the settings of a data source say; none before anything was counted.
    pub fn of(settings: &Value) -> Option<Self> {
        Self::deserialize(settings.get(FORECAST)?).ok()
    }

    /// Writes it into the settings of a data source.
    pub fn keep(&self, settings: &mut Value) {
        keep(settings, FORECAST, Some(self));
    }
}

fn keep(settings: &mut Value, name: &str, value: Option<&impl Serialize>) {
    let Some(fields) = settings.as_object_mut() else { return };
    match value.and_then(|value| serde_json::to_value(value).ok()) {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dataset(id: &'static str, required: bool, on: bool) -> DatasetInfo {
        DatasetInfo {
            id,
            title: id,
            parent: None,
            listed_by: None,
            lists: None,
            required,
            on,
            follows: false,
            reads: &[],
            permission: "",
            lost: "nothing is seen",
        }
    }

    fn info() -> Info {
        let datasets =
            [dataset("users", true, true), dataset("rules", false, true), dataset("factors", false, false)];
        Info {
            id: "acme",
            title: "Acme",
            summary: "",
            unused_days: None,
            datasets: Box::leak(Box::new(datasets)),
        }
    }

    fn own(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_is_off_follows_the_last_word() {
        let info = info();
        let mut settings = json!({"domain": "d"});
        let mut switch = |with: &[&str], without: &[&str]| {
            let mut datasets = Datasets::of(&settings);
            datasets.switch(&own(with), &own(without), &info).unwrap();
            datasets.keep(&mut settings);
            let off: Vec<String> = Datasets::of(&settings).off(&info).into_iter().collect();
            assert_eq!(connector_settings(&settings), json!({"domain": "d"}));
            off.join(" ")
        };
        assert_eq!(switch(&[], &[]), "factors");
        assert_eq!(switch(&["factors"], &["rules"]), "rules");
        assert_eq!(switch(&["rules"], &[]), "");
        assert_eq!(switch(&[], &["factors"]), "factors");
        assert_eq!(switch(&["users"], &[]), "factors");
    }

    #[test]
    fn what_cannot_be_switched_is_told() {
        let refused = |with: &[&str], without: &[&str]| {
            let error = Datasets::default().switch(&own(with), &own(without), &info()).unwrap_err();
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        assert!(refused(&["factor"], &[]).contains("users, rules, factors"));
        assert!(refused(&[], &["factor"]).contains("no dataset"));
        assert!(refused(&[], &["users"]).contains("cannot be switched off"));
        assert!(refused(&["rules"], &["rules"]).contains("both"));
    }

    #[test]
    fn new_settings_of_the_connector_leave_what_the_program_keeps() {
        let mut kept = json!({"domain": "d", "key_id": "k"});
        Standing { paused: true, disconnected: false }.keep(&mut kept);
        assert_eq!(kept, json!({"domain": "d", "key_id": "k", "paused": true}));
        // Whatever the new ones say of what is ours is not theirs to say.
        let new = with_kept(&json!({"domain": "e", "disconnected": true}), &kept);
        assert_eq!(new, json!({"domain": "e", "paused": true}));
        assert_eq!(connector_settings(&new), json!({"domain": "e"}));
        Standing::default().keep(&mut kept);
        assert_eq!(kept, json!({"domain": "d", "key_id": "k"}));
    }
}
