//! The devices of accounts, which no access depends on: only the page of an account shows them.

use std::collections::HashMap;

use sightline_core::{Device, DeviceUse, RawJson, Record};
use sightline_graph::{AccountIx, Graph};
use sightline_store::{Store, StoreError};

/// A device that an account uses.
#[derive(Debug)]
pub(crate) struct DeviceOf {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) platform: Option<String>,
    pub(crate) raw_status: String,
    /// Whether the organisation manages it, in the provider's word.
    pub(crate) management: Option<String>,
    pub(crate) since: Option<sightline_core::Time>,
}

/// The devices of every account of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Devices(HashMap<AccountIx, Vec<DeviceOf>>);

impl Devices {
    pub(crate) fn load(store: &Store, source_id: u64, graph: &Graph) -> Result<Self, StoreError> {
        let (mut devices, mut users): (HashMap<String, Device>, Vec<DeviceUse>) =
            (HashMap::new(), Vec::new());
        let number = graph.about().number;
        store.visit_kinds(source_id, number, &["device", "device_use"], |fact| match fact.record {
            Record::Device(device) => {
                devices.insert(device.id.clone(), Device { raw: RawJson::default(), ..*device });
            }
            Record::DeviceUse(used) => users.push(used),
            _ => {}
        })?;
        let mut of_accounts: HashMap<AccountIx, Vec<DeviceOf>> = HashMap::new();
        for used in users {
            // Who is not among the accounts has no page.
            let Some(account) = graph.account_with_id(&used.account) else { continue };
            let device = devices.get(&used.device);
            of_accounts.entry(account).or_default().push(DeviceOf {
                name: device.map_or_else(String::new, |device| device.name.clone()),
                platform: device.and_then(|device| device.platform.clone()),
                raw_status: device.map_or_else(String::new, |device| device.raw_status.clone()),
                id: used.device,
                management: used.management,
                since: used.since,
            });
        }
        Ok(Self(of_accounts))
    }

    /// Those of one account.
    pub(crate) fn of(&self, account: AccountIx) -> &[DeviceOf] {
        self.0.get(&account).map(Vec::as_slice).unwrap_or_default()
    }
}
