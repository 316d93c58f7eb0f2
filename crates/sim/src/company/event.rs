//! Events of the system log.

use super::Role;
use crate::{id::Id, rng::scramble};

/// An event of the system log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// When it was published.
    pub time: i64,
    /// Its type.
    pub kind: EventKind,
    /// Who did it (user index), or [`SYSTEM`].
    pub actor: u32,
    /// What it was done to.
    pub subject: Subject,
    /// Whether `outcome.result` is `SUCCESS` (otherwise `FAILURE`).
    pub success: bool,
    /// A number that makes the event's identifiers.
    pub number: u32,
    /// The number of the first event of the same transaction.
    pub transaction: u32,
}

/// The actor of events that nobody caused: rules and imports.
pub const SYSTEM: u32 = u32::MAX;

impl Event {
    /// The event's `uuid` in a company of this seed.
    pub fn uuid(&self, seed: u64) -> String {
        uuid(seed, self.number)
    }

    /// A well-mixed number that no other event has.
    pub(crate) fn mixed(&self, seed: u64) -> u64 {
        mixed(seed, self.number)
    }

    /// The same for all events of the transaction.
    pub(crate) fn mixed_transaction(&self, seed: u64) -> u64 {
        mixed(seed, self.transaction)
    }
}

/// The `uuid` of the event with this number.
pub(crate) fn uuid(seed: u64, number: u32) -> String {
    let number = mixed(seed, number);
    let digits = format!("{number:016x}{:016x}", scramble(number ^ 4));
    format!("{}-{}-11f0-{}-{}", &digits[..8], &digits[8..12], &digits[16..20], &digits[20..])
}

fn mixed(seed: u64, number: u32) -> u64 {
    scramble(seed ^ (u64::from(number) << 20))
}

macro_rules! event_kinds {
    ($($name:ident $kind:literal $message:literal)*) => {
        /// The type of an event.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "the names are the provider's own")]
        pub enum EventKind { $($name),* }

        impl EventKind {
            /// As the provider writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $kind),* }
            }

            /// The sentence for people.
            pub(crate) fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

event_kinds! {
    SessionStart "user.session.start" "User login to Okta"
    SessionEnd "user.session.end" "User logout from Okta"
    Sso "user.authentication.sso" "User single sign on to app"
    Mfa "user.authentication.auth_via_mfa" "Authentication of user via MFA"
    SignOnPolicy "policy.evaluate_sign_on" "Evaluation of sign-on policy"
    GroupMemberAdded "group.user_membership.add" "Add user to group membership"
    AppMemberAdded "application.user_membership.add" "Add user to application membership"
    ProfileUpdated "user.account.update_profile" "Update user profile for Okta"
    GroupMemberRemoved "group.user_membership.remove" "Remove user from group membership"
    RuleTriggered "group.user_membership.rule.trigger" "Trigger group rule"
    RuleDeactivated "group.user_membership.rule.deactivated" "Deactivate group rule"
    UserCreated "user.lifecycle.create" "Create Okta user"
    UserActivated "user.lifecycle.activate" "Activate Okta user"
    UserSuspended "user.lifecycle.suspend" "Suspend Okta user"
    UserUnsuspended "user.lifecycle.unsuspend" "Unsuspend Okta user"
    UserDeactivated "user.lifecycle.deactivate" "Deactivate Okta user"
    UserDeletionStarted "user.lifecycle.delete.initiated" "Delete Okta user"
    UserDeleted "user.lifecycle.delete.completed" "Delete Okta user"
    UserLocked "user.account.lock" "Max sign in attempts exceeded"
    GroupCreated "group.lifecycle.create" "Create Okta group"
    GroupDeleted "group.lifecycle.delete" "Delete Okta group"
    GroupUpdated "group.profile.update" "Update Okta group"
    AppCreated "application.lifecycle.create" "Create application"
    AppUpdated "application.lifecycle.update" "Update application"
    AppActivated "application.lifecycle.activate" "Activate application"
    AppDeactivated "application.lifecycle.deactivate" "Deactivate application"
    AppDeleted "application.lifecycle.delete" "Delete application"
    AppMemberRemoved "application.user_membership.remove" "Remove user's application membership"
    AppMemberUpdated "application.user_membership.update" "Update user's application profile"
    AppMemberDeprovisioned "application.user_membership.deprovision" "Deprovision user from application"
    AppMemberRenamed "application.user_membership.change_username" "Change username in application"
    AppGroupAdded "group.application_assignment.add" "Add assigned application to group"
    AppGroupRemoved "group.application_assignment.remove" "Remove assigned application from group"
    UserPrivilegeGranted "user.account.privilege.grant" "Grant user privilege"
    UserPrivilegeRevoked "user.account.privilege.revoke" "Revoke user privilege"
    GroupPrivilegeGranted "group.privilege.grant" "Grant group privilege"
    GroupPrivilegeRevoked "group.privilege.revoke" "Revoke group privilege"
    RolePermissionsAdded "iam.role.permissions.add" "Add permission to custom role"
    RolePermissionsDeleted "iam.role.permissions.delete" "Remove permission from custom role"
    SetResourcesAdded "iam.resourceset.resources.add" "Add resource to resource set"
    SetResourcesDeleted "iam.resourceset.resources.delete" "Remove resource from resource set"
    SetBindingAdded "iam.resourceset.bindings.add" "Bind role to resource set"
    ScopeGranted "app.oauth2.admin.consent.grant" "Grant consent to application for scope"
    ScopeRevoked "app.oauth2.admin.consent.revoke" "Revoke consent of application for scope"
    TokenCreated "system.api_token.create" "Create API token"
    TokenRevoked "system.api_token.revoke" "Revoke API token"
    PushCreated "application.provision.group_push.mapping.created" "Create group push mapping"
    PolicyUpdated "policy.lifecycle.update" "Update policy"
    PolicyRuleUpdated "policy.rule.update" "Update policy rule"
    IdentityProviderUpdated "system.idp.lifecycle.update" "Update identity provider"
    ZoneUpdated "zone.update" "Update network zone"
    FactorActivated "user.mfa.factor.activate" "Activate factor for user"
    DeviceEnrolled "device.enrollment.create" "Enroll new device"
    SetBindingDeleted "iam.resourceset.bindings.delete" "Unbind role from resource set"
}

/// What an event was done to, besides the actor. Everything that is never taken out of its list is named by
/// its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields say which object is meant")]
pub enum Subject {
    /// `target` is null.
    None,
    /// An application and the actor's row in it.
    App(u32),
    /// A group and the actor.
    Group(u32),
    /// Somebody else's account.
    User(u32),
    /// Somebody in a group.
    Member { group: u32, user: u32 },
    /// A group alone.
    GroupAlone(u32),
    /// An application alone.
    AppAlone(u32),
    /// Somebody's row in an application.
    AppUser { app: u32, user: u32 },
    /// A group in an application.
    AppGroup { app: u32, group: u32 },
    /// A role of somebody.
    UserRole { user: u32, role: Role },
    /// A role of a group.
    GroupRole { group: u32, role: Role },
    /// A group rule.
    Rule(u32),
    /// A custom role.
    CustomRole(u32),
    /// A resource set.
    ResourceSet(u32),
    /// A scope of the provider's own API and the application that may use it.
    Scope { app: u32, scope: &'static str },
    /// An API token.
    ApiToken(Id),
    /// A policy.
    Policy(u32),
    /// A rule, and the policy that it belongs to.
    PolicyRule { policy: u32, rule: u32 },
    /// A device and somebody who uses it.
    DeviceUser { device: u32, user: u32 },
    /// Something that is set up once for the organisation.
    Setting(Id),
}
