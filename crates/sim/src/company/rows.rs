//! What an application says about each of its users, beyond who they are: made from the row itself, so that millions
//! of rows stay small.

use super::{App, AppUser, AppUserEdit, Company};
use crate::{id::base62, rng::scramble};

impl Company {
    /// When a row of an application (index) was made.
    pub fn row_created(&self, app: u32, row: &AppUser) -> i64 {
        if let Some(created) = self.row_edit(app, row).and_then(|edit| edit.created) {
            return created;
        }
        let app = &self.apps[app as usize];
        let oldest = app.created.max(self.users[row.user as usize].created);
        let range = (self.spec.now.as_millisecond() - oldest).max(1000) as u64;
        oldest + (row_detail(app, row) % range) as i64 / 1000 * 1000
    }

    /// When a row of an application (index) was changed last.
    pub fn row_last_updated(&self, app: u32, row: &AppUser) -> i64 {
        self.row_edit(app, row).map_or_else(|| self.row_created(app, row), |edit| edit.last_updated)
    }

    /// The name that somebody is known by in an application (index).
    pub fn row_user_name(&self, app: u32, row: &AppUser) -> &str {
        self.row_edited_name(app, row).unwrap_or(&self.users[row.user as usize].login)
    }

    /// That name where it is not the login.
    pub(crate) fn row_edited_name(&self, app: u32, row: &AppUser) -> Option<&str> {
        self.row_edit(app, row)?.user_name.as_deref()
    }

    fn row_edit(&self, app: u32, row: &AppUser) -> Option<&AppUserEdit> {
        self.app_user_edits.get(&(app, row.user))
    }
}

impl App {
    /// The status of a row.
    pub fn row_status(&self, row: &AppUser) -> &'static str {
        match (row.deprovisioned, self.provisioning) {
            (true, _) => "DEPROVISIONED",
            (_, true) => "PROVISIONED",
            _ => "ACTIVE",
        }
    }

    /// Whether a row agrees with the account in the application: `DISABLED` where no accounts are pushed.
    pub fn row_sync_state(&self, row: &AppUser) -> &'static str {
        if !self.provisioning {
            return "DISABLED";
        }
        match scramble(row_detail(self, row)) % 40 {
            0 => "ERROR",
            1 => "OUT_OF_SYNC",
            _ => "SYNCHRONIZED",
        }
    }

    /// The account's id in the application, where accounts are pushed and it answered with one.
    pub fn row_external_id(&self, row: &AppUser) -> Option<String> {
        let known = self.provisioning && !scramble(row_detail(self, row)).is_multiple_of(40);
        known.then(|| base62(scramble(row_detail(self, row) ^ 0xE1D), 10))
    }
}

fn row_detail(app: &App, row: &AppUser) -> u64 {
    scramble(u64::from(row.user) ^ app.created as u64)
}
