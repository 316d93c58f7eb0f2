//! What is in `connectors/` is what the program has, and each connector describes itself properly.

use std::collections::BTreeSet;
use std::fs;

// Without a mention the linker leaves the connectors out, silently.
use sightline_connectors as _;
use sightline_core::Registry;

use crate::layering::root;

#[test]
fn folders_manifest_and_program_have_the_same_connectors() {
    let dir = root().join("connectors");
    let folders: BTreeSet<String> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]\n").nth(1).unwrap();
    let listed: BTreeSet<String> = dependencies
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.strip_prefix("sightline-")?.split(['.', ' ']).next()?.to_owned()))
        .collect();
    let linked: BTreeSet<String> =
        Registry::linked().iter().map(|connector| connector.info.id.to_owned()).collect();
    assert!(linked.contains("okta"));
    assert_eq!(folders, listed);
    assert_eq!(folders, linked);
}

#[test]
fn every_connector_says_what_it_reads_and_what_is_lost_without_it() {
    for connector in Registry::linked().iter() {
        let info = connector.info;
        assert!(!info.title.is_empty() && info.summary.ends_with('.'), "{info:?}");
        let mut ids = BTreeSet::new();
        for dataset in info.datasets {
            assert!(ids.insert(dataset.id), "{} twice", dataset.id);
            let word = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(!dataset.id.is_empty() && dataset.id.chars().all(word), "{dataset:?}");
            assert!(!dataset.title.is_empty() && !dataset.permission.is_empty(), "{dataset:?}");
            assert!(!dataset.lost.is_empty() && !dataset.lost.ends_with('.'), "{dataset:?}");
            assert!(!dataset.required || dataset.parent.is_none(), "a part cannot be required: {dataset:?}");
        }
        for dataset in info.datasets {
            if let Some(listing) = dataset.listed_by {
                let listing = info.dataset(listing).unwrap_or_else(|| panic!("no dataset {listing}"));
                assert!(listing.parent.is_none(), "{} is no listing", listing.id);
                assert!(dataset.parent.is_some(), "{} has no parts", dataset.id);
            }
        }
        assert!(info.datasets.iter().any(|dataset| dataset.required), "{} requires nothing", info.id);
    }
}

#[test]
fn credentials_are_marked_in_the_schema() {
    let registry = Registry::linked();
    let okta = registry.get("okta").unwrap();
    assert_eq!(okta.secret_fields(), ["private_key", "token"]);
    let schema = serde_json::to_value(okta.schema()).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    for (name, property) in properties {
        let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(described, "{name} has no description");
        let secret = ["private_key", "token"].contains(&name.as_str());
        assert_eq!(property["writeOnly"] == true, secret, "{name}");
    }
}
