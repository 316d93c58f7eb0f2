//! Who can reach what, and why.

use rusqlite::params;

use super::Sqlite;
use crate::Result;

/// A line of the answer: an account's id and login, the group that it comes through, status of its assignment.
pub(crate) type Line = (String, String, Option<i64>, Option<String>);

/// Whether an assignment counts.
const IN_FORCE: &str = "(raw_status IS NULL OR raw_status NOT IN ('DEPROVISIONED', 'INACTIVE'))";

impl Sqlite {
    /// How many different pairs of account and application there are where the account can reach the application.
    ///
    /// One question for each application: that takes less than one for all.
    pub(crate) fn pairs(&self) -> Result<u64> {
        let mut apps = self.db.prepare("SELECT n FROM app WHERE raw_status = 'ACTIVE'")?;
        let mut reach = self.db.prepare(&format!(
            "SELECT count(*) FROM (
                 SELECT account FROM assignment WHERE app = ?1 AND {IN_FORCE}
                 UNION
                 SELECT membership.account FROM app_group JOIN membership USING (grp) WHERE app = ?1
             ) WHERE account NOT IN (SELECT n FROM account WHERE NOT able)"
        ))?;
        let mut pairs = 0;
        for app in apps.query_map([], |row| row.get::<_, i64>(0))? {
            pairs += reach.query_row([app?], |row| row.get::<_, i64>(0))? as u64;
        }
        Ok(pairs)
    }

    /// Everyone who has a way to an application and each of their ways, by login.
    pub(crate) fn who(&self, app_id: &str) -> Result<Vec<Line>> {
        let mut who = self.db.prepare_cached(
            "SELECT account.id, login, NULL, assignment.raw_status
             FROM assignment JOIN account ON n = assignment.account
             WHERE app = (SELECT n FROM app WHERE id = ?1)
             UNION ALL
             SELECT account.id, login, grp, NULL
             FROM app_group JOIN membership USING (grp) JOIN account ON n = membership.account
             WHERE app = (SELECT n FROM app WHERE id = ?1)
             ORDER BY 2",
        )?;
        let lines =
            who.query_map([app_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        Ok(lines.collect::<rusqlite::Result<_>>()?)
    }

    /// The ways from an account to an application: a group's name, or none; and the status of the assignment.
    pub(crate) fn why(
        &self,
        account_id: &str,
        app_id: &str,
    ) -> Result<Vec<(Option<String>, Option<String>)>> {
        let mut why = self.db.prepare_cached(
            "SELECT NULL, assignment.raw_status
             FROM assignment
             WHERE app = (SELECT n FROM app WHERE id = ?2) AND account = (SELECT n FROM account WHERE id = ?1)
             UNION ALL
             SELECT grp.name, NULL
             FROM app_group JOIN membership USING (grp) JOIN grp ON grp.n = grp
             WHERE app = (SELECT n FROM app WHERE id = ?2) AND account = (SELECT n FROM account WHERE id = ?1)",
        )?;
        let ways = why.query_map(params![account_id, app_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(ways.collect::<rusqlite::Result<_>>()?)
    }
}
