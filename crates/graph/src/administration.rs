//! What roles allow, and what they are limited to.

use rustc_hash::FxHashMap;
use sightline_core::{ApiGrant, Credential, Observed, Permission, Record, ScopeSet, SetMember};

use crate::Graph;
use crate::gaps::Holds;

/// What a scope set holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SetContents<'g> {
    /// What was read of it, by what it names.
    pub members: &'g [SetMember],
    /// Why there may be more; none where all of it was read.
    pub unread: Option<String>,
}

impl Graph {
    /// All scope sets, by label.
    pub fn scope_sets(&self) -> impl ExactSizeIterator<Item = &ScopeSet> {
        self.administration.sets.iter()
    }

    /// The scope set with this id, where it was read.
    pub fn scope_set(&self, id: &str) -> Option<&ScopeSet> {
        self.administration.sets.iter().find(|set| set.id == id)
    }

    /// What the scope set with this id holds.
    pub fn set_contents(&self, id: &str) -> SetContents<'_> {
        let members = self.administration.members.get(id).map_or(&[][..], Vec::as_slice);
        SetContents { members, unread: self.why_unread(Holds::SetMembers, id) }
    }

    /// What a role allows, by name; none for a role that the provider itself defines, which is described by its name.
    ///
    /// A role that was not read may allow anything: that is unknown.
    pub fn permissions(&self, role: &str) -> Option<Observed<&[Permission]>> {
        let found = self.administration.permissions.get(role).map_or(&[][..], Vec::as_slice);
        match self.role(role) {
            Some(known) if !known.custom && found.is_empty() => None,
            _ => Some(match self.why_unread(Holds::Permissions, role) {
                None => Observed::Known(found),
                Some(why) => Observed::Unknown(why),
            }),
        }
    }
}

/// Facts about administration, as they were read.
#[derive(Debug, Default)]
pub(crate) struct Administration {
    sets: Vec<ScopeSet>,
    /// By set.
    members: FxHashMap<Box<str>, Vec<SetMember>>,
    /// By role.
    permissions: FxHashMap<Box<str>, Vec<Permission>>,
    /// By resource.
    pub(crate) grants: FxHashMap<Box<str>, Vec<ApiGrant>>,
    /// By owner, `account/ID` or `resource/ID`.
    pub(crate) credentials: FxHashMap<Box<str>, Vec<Credential>>,
}

impl Administration {
    /// Keeps what is about administration; the rest says nothing about who reaches or may do what.
    pub(crate) fn take(&mut self, record: Record) {
        match record {
            Record::ScopeSet(set) => self.sets.push(*set),
            Record::SetMember(member) => {
                self.members.entry(member.set.as_str().into()).or_default().push(*member);
            }
            Record::Permission(permission) => {
                self.permissions.entry(permission.role.as_str().into()).or_default().push(permission);
            }
            Record::ApiGrant(grant) => {
                self.grants.entry(grant.resource.as_str().into()).or_default().push(grant);
            }
            Record::Credential(credential) => {
                if let Some(owner) = &credential.owner {
                    self.credentials.entry(owner.as_str().into()).or_default().push(*credential);
                }
            }
            _ => {}
        }
    }

    /// Puts everything into its order, each fact once.
    pub(crate) fn settle(&mut self) {
        self.sets.sort_by_cached_key(|set| (set.label.to_lowercase(), set.id.clone()));
        self.sets.dedup_by(|b, a| a.id == b.id);
        for members in self.members.values_mut() {
            members.sort_by(|a, b| (&a.object, &a.id).cmp(&(&b.object, &b.id)));
            members.dedup_by(|b, a| a.id == b.id);
        }
        for permissions in self.permissions.values_mut() {
            permissions.sort_by(|a, b| a.name.cmp(&b.name));
            permissions.dedup_by(|b, a| a.name == b.name);
        }
        for grants in self.grants.values_mut() {
            grants.sort_by(|a, b| a.scope.cmp(&b.scope));
            grants.dedup_by(|b, a| a.scope == b.scope);
        }
        for credentials in self.credentials.values_mut() {
            credentials.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            credentials.dedup_by(|b, a| a.id == b.id);
        }
    }
}
