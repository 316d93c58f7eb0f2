//! What the program itself keeps in a data source's settings, beside those of the connector.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sightline_core::source::DatasetInfo;
use sightline_core::{Info, Time};

use crate::cli::DatasetFlags;
use crate::failure::Failure;

const DATASETS: &str = "datasets";
const FORECAST: &str = "forecast";

/// The settings as the connector knows them.
pub(crate) fn connector_settings(settings: &Value) -> Value {
    let mut settings = settings.clone();
    if let Some(fields) = settings.as_object_mut() {
        fields.remove(DATASETS);
        fields.remove(FORECAST);
    }
    settings
}

/// Datasets that a person switched on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Datasets {
    #[serde(default)]
    with: BTreeSet<String>,
    #[serde(default)]
    without: BTreeSet<String>,
}

impl Datasets {
    pub(crate) fn of(settings: &Value) -> Self {
        settings.get(DATASETS).and_then(|kept| Self::deserialize(kept).ok()).unwrap_or_default()
    }

    pub(crate) fn keep(&self, settings: &mut Value) {
        keep(settings, DATASETS, (*self != Self::default()).then_some(self));
    }

    /// Switches datasets on and off; fails for one that the connector does not have or cannot do without.
    pub(crate) fn switch(&mut self, flags: &DatasetFlags, info: &Info) -> Result<(), Failure> {
        for id in flags.with.iter().chain(&flags.without) {
            let known = || info.datasets.iter().map(|dataset| dataset.id).collect::<Vec<_>>().join(", ");
            let dataset = info.dataset(id).ok_or_else(|| {
                Failure::usage(format!("{} has no dataset {id:?}", info.title))
                    .hint(format!("datasets: {}", known()))
            })?;
            let is_off = flags.without.contains(id);
            if is_off && flags.with.contains(id) {
                return Err(Failure::usage(format!("{id} cannot be both --with and --without")));
            }
            if is_off && dataset.required {
                return Err(Failure::usage(format!("{id} cannot be switched off"))
                    .hint(format!("without it {}", dataset.lost)));
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
    pub(crate) fn is_on(&self, dataset: &DatasetInfo) -> bool {
        dataset.required
            || self.with.contains(dataset.id)
            || (dataset.on && !self.without.contains(dataset.id))
    }

    /// Datasets that are not read.
    pub(crate) fn off(&self, info: &Info) -> BTreeSet<String> {
        info.datasets
            .iter()
            .filter(|dataset| !self.is_on(dataset))
            .map(|dataset| dataset.id.to_owned())
            .collect()
    }
}

/// How many requests a full sync is expected to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// By rate-limit bucket.
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) from: ExpectedFrom,
    /// When it was counted.
    pub(crate) counted: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExpectedFrom {
    /// `sync --plan`.
    Plan,
    /// What the last full sync made.
    LastFullSync,
}

impl Expected {
    pub(crate) fn of(settings: &Value) -> Option<Self> {
        Self::deserialize(settings.get(FORECAST)?).ok()
    }

    pub(crate) fn keep(&self, settings: &mut Value) {
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
        Info { id: "acme", title: "Acme", summary: "", datasets: Box::leak(Box::new(datasets)) }
    }

    fn flags(with: &[&str], without: &[&str]) -> DatasetFlags {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        DatasetFlags { with: own(with), without: own(without) }
    }

    #[test]
    fn what_is_off_follows_the_last_word() {
        let info = info();
        let mut settings = json!({"domain": "d"});
        let mut switch = |with: &[&str], without: &[&str]| {
            let mut datasets = Datasets::of(&settings);
            datasets.switch(&flags(with, without), &info).unwrap();
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
            let failure = Datasets::default().switch(&flags(with, without), &info()).unwrap_err();
            format!("{failure:?}")
        };
        assert!(refused(&["factor"], &[]).contains("users, rules, factors"));
        assert!(refused(&[], &["factor"]).contains("no dataset"));
        assert!(refused(&[], &["users"]).contains("cannot be switched off"));
        assert!(refused(&["rules"], &["rules"]).contains("both"));
    }
}
