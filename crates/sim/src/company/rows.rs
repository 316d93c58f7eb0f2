//! What an application says about each of its users, beyond who they are: made from the row itself, so that millions
//! of rows stay small.

use super::{App, AppUser, Company};
use crate::{id::base62, rng::scramble};

impl Company {
    /// When a row of an application was made.
    pub fn row_created(&self, app: &App, row: &AppUser) -> i64 {
        let oldest = app.created.max(self.users[row.user as usize].created);
        let range = (self.now() - oldest).max(1000) as u64;
        oldest + (row_detail(app, row) % range) as i64 / 1000 * 1000
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
