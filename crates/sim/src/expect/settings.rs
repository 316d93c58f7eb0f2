//! What must be found about everything that is set up once for the organisation.

use serde::Serialize;

use super::{Truth, sorted};
use crate::company::SettingKind;

/// Something that is set up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SetUp {
    pub kind: SettingKind,
    pub id: String,
    pub name: String,
    pub status: Option<String>,
}

/// Two users who are linked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Linked {
    /// The name of the relation, such as `manager`.
    pub relation: String,
    /// Whose it is (user id).
    pub of: String,
    /// Who that is (user id).
    pub user_id: String,
}

impl Truth<'_> {
    /// Everything that is set up; sorted.
    pub fn settings(&self) -> Vec<SetUp> {
        sorted(self.company.settings.iter().map(|setting| SetUp {
            kind: setting.kind,
            id: setting.id.clone(),
            name: setting.name.clone(),
            status: setting.status.map(str::to_owned),
        }))
    }

    /// Who is whose manager, by the side of the relation that leads to the manager; sorted.
    pub fn linked(&self) -> Vec<Linked> {
        let there = (0..).zip(&self.company.users).filter(|(_, user)| !user.deleted);
        let managed = there.filter_map(|(user, it)| Some((user, it.manager?)));
        sorted(managed.map(|(user, manager)| Linked {
            relation: "manager".to_owned(),
            of: self.user_id(user),
            user_id: self.user_id(manager),
        }))
    }

    /// User and realm of everyone, in a licensed organisation; sorted.
    pub fn realms(&self) -> Vec<(String, String)> {
        let there = (0..).zip(&self.company.users).filter(|(_, user)| !user.deleted);
        sorted(there.map(|(user, _)| (self.user_id(user), self.company.realm_of(user).to_owned())))
    }
}
