//! What happens to how people sign in: policies, second factors, devices, identity providers and zones.

use super::{EventKind, Object, Round, Subject, What, renamed};
use crate::{
    clock,
    company::{Device, Factor, FactorKind, SettingKind, Status, User, UserKind, sign_in::PLATFORMS},
    id::Id,
};

/// What people enroll, the first that they do not have yet.
const NEW_FACTORS: [FactorKind; 5] =
    [FactorKind::WebAuthn, FactorKind::Push, FactorKind::Sms, FactorKind::Email, FactorKind::GoogleTotp];

impl Round<'_> {
    pub(super) fn rename_policy(&mut self) {
        let policy = self.find(0, self.company.policies.len(), |round, policy| {
            !round.company.policies[policy as usize].system
        });
        let Some(policy) = policy else { return };
        let (number, stamp) = (self.number, self.stamp());
        let record = &mut self.company.policies[policy as usize];
        let name = renamed(&record.name, number);
        let former = std::mem::replace(&mut record.name, name);
        record.last_updated = stamp;
        let id = record.id;
        self.had_name(id, former);
        let event = self.tell(EventKind::PolicyUpdated, Subject::Policy(policy));
        self.note(Object::Policy(policy), What::Changed, event);
    }

    /// A rule asks for another number of factors and says so in its name.
    pub(super) fn edit_policy_rule(&mut self) {
        let policy = self.find(0, self.company.policies.len(), |round, policy| {
            round.company.policies[policy as usize].rules.iter().any(|rule| !rule.system)
        });
        let Some(policy) = policy else { return };
        let (number, stamp) = (self.number, self.stamp());
        let rules = &mut self.company.policies[policy as usize].rules;
        let Some((index, rule)) = (0..).zip(rules).find(|(_, rule)| !rule.system) else { return };
        rule.factors = 3 - rule.factors;
        rule.last_updated = stamp;
        let name = renamed(&rule.name, number);
        let former = std::mem::replace(&mut rule.name, name.into());
        let id = rule.id;
        self.had_name(id, former.into_owned());
        let event = self.tell(EventKind::PolicyRuleUpdated, Subject::PolicyRule { policy, rule: index });
        self.note(Object::PolicyRule { policy, rule: index }, What::Changed, event);
    }

    pub(super) fn edit_identity_provider(&mut self) {
        self.rename_setting(SettingKind::IdentityProvider, EventKind::IdentityProviderUpdated);
    }

    pub(super) fn edit_zone(&mut self) {
        self.rename_setting(SettingKind::Zone, EventKind::ZoneUpdated);
    }

    /// What the provider made itself keeps its name.
    fn rename_setting(&mut self, kind: SettingKind, told: EventKind) {
        let setting = self.find(0, self.company.settings.len(), |round, setting| {
            let setting = &round.company.settings[setting as usize];
            setting.kind == kind && setting.body["system"] != true
        });
        let Some(setting) = setting else { return };
        let (number, stamp) = (self.number, self.stamp());
        let setting = &mut self.company.settings[setting as usize];
        let Some(id) = Id::parse(&setting.id) else { return };
        let name = renamed(&setting.name, number);
        setting.body["name"] = name.clone().into();
        setting.body["lastUpdated"] = clock::stamp(stamp).into();
        let former = std::mem::replace(&mut setting.name, name);
        self.had_name(id, former);
        let event = self.tell(told, Subject::Setting(id));
        self.note(Object::Setting(id), What::Changed, event);
    }

    /// Somebody enrolls one more second factor.
    pub(super) fn enroll_factor(&mut self) {
        let Some(user) = self.take_user(is_at_work) else { return };
        let has = |kind| self.company.factors_of(user).iter().any(|factor| factor.kind == kind);
        let Some(kind) = NEW_FACTORS.into_iter().find(|&kind| !has(kind)) else { return };
        // Nobody has four at first, and nobody has two of a kind.
        let id = Id::new(self.company.spec.seed, kind.prefix(), user * 4 + 3);
        let created = self.stamp();
        let place = self.company.factors.partition_point(|factor| factor.user <= user);
        self.company.factors.insert(place, Factor { id, user, kind, active: true, created });
        self.actor = user;
        let event = self.tell(EventKind::FactorActivated, Subject::User(user));
        self.note(Object::Factor { user, factor: id }, What::Added, event);
    }

    pub(super) fn register_device(&mut self) {
        let Some(user) = self.take_user(is_at_work) else { return };
        let index = self.company.devices.len() as u32;
        let platform = *self.rng.pick(&PLATFORMS);
        let (managed, stamp) = (self.rng.chance(700), self.stamp());
        self.company.devices.push(Device {
            id: Id::new(self.company.spec.seed, "guo", index),
            display_name: Device::name(platform, index),
            platform,
            status: "ACTIVE",
            users: vec![(user, managed)],
            created: stamp,
            last_updated: stamp,
        });
        self.actor = user;
        let event = self.tell(EventKind::DeviceEnrolled, Subject::DeviceUser { device: index, user });
        self.note(Object::Device(index), What::Added, event);
    }
}

fn is_at_work(user: &User) -> bool {
    user.status == Status::Active && user.kind != UserKind::Service
}
