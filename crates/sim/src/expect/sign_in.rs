//! What must be found about policies, second factors and devices.

use serde::Serialize;

use super::{Truth, sorted};

/// A policy and its rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PolicySet {
    pub policy_id: String,
    pub kind: String,
    pub name: String,
    pub active: bool,
    pub priority: u32,
    /// The groups it is for (ids, sorted).
    pub group_ids: Vec<String>,
    /// Id, name and whether it is active, of each rule, in the order of their priorities.
    pub rules: Vec<(String, String, bool)>,
}

/// The policy that decides who may sign in to an application.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AppPolicy {
    pub app_id: String,
    pub policy_id: String,
}

/// A second factor.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FactorEnrolled {
    pub user_id: String,
    pub factor_id: String,
    pub factor_type: String,
    pub provider: String,
    pub active: bool,
}

/// A device and who uses it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DeviceKnown {
    pub device_id: String,
    pub display_name: String,
    pub platform: String,
    pub status: String,
    /// The users' ids, and whether the device is managed for them; sorted.
    pub users: Vec<(String, bool)>,
}

impl Truth<'_> {
    /// Every policy of every type; sorted.
    pub fn policies(&self) -> Vec<PolicySet> {
        sorted(self.company.policies.iter().map(|policy| {
            PolicySet {
                policy_id: policy.id.to_string(),
                kind: policy.kind.to_owned(),
                name: policy.name.clone(),
                active: policy.active,
                priority: policy.priority,
                group_ids: sorted(policy.groups.iter().map(|&group| self.group_id(group))),
                rules: policy
                    .rules
                    .iter()
                    .map(|rule| (rule.id.to_string(), rule.name.to_string(), rule.active))
                    .collect(),
            }
        }))
    }

    /// The policy of every application; sorted.
    pub fn app_policies(&self) -> Vec<AppPolicy> {
        let there = self.company.apps.iter().filter(|app| !app.deleted);
        sorted(there.map(|app| AppPolicy {
            app_id: app.id.to_string(),
            policy_id: self.company.access_policy(app).id.to_string(),
        }))
    }

    /// Every second factor of everyone; sorted.
    pub fn factors(&self) -> Vec<FactorEnrolled> {
        sorted(self.company.factors.iter().map(|factor| {
            let (factor_type, provider) = factor.kind.as_strs();
            FactorEnrolled {
                user_id: self.user_id(factor.user),
                factor_id: factor.id.to_string(),
                factor_type: factor_type.to_owned(),
                provider: provider.to_owned(),
                active: factor.active,
            }
        }))
    }

    /// Every device; sorted.
    pub fn devices(&self) -> Vec<DeviceKnown> {
        sorted(self.company.devices.iter().map(|device| DeviceKnown {
            device_id: device.id.to_string(),
            display_name: device.display_name.clone(),
            platform: device.platform.to_owned(),
            status: device.status.to_owned(),
            users: sorted(device.users.iter().map(|&(user, managed)| (self.user_id(user), managed))),
        }))
    }
}
