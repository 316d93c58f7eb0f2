//! The companies that are measured.

use clap::Args;

use crate::figures::number;

/// The size of a company. None at all are the reference companies; a part that is missing beside others is in proportion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Company {
    /// Accounts of one company [default: the reference companies of 1000, 10000 and 100000]
    #[arg(long, value_name = "N")]
    pub(super) people: Option<u32>,
    /// Its groups
    #[arg(long, value_name = "N", requires = "people")]
    groups: Option<u32>,
    /// Its applications
    #[arg(long, value_name = "N", requires = "people")]
    apps: Option<u32>,
    /// Its pairs of user and group
    #[arg(long, value_name = "N", requires = "people")]
    memberships: Option<u64>,
    /// Its pairs of user and application
    #[arg(long, value_name = "N", requires = "people")]
    assignments: Option<u64>,
}

const SMALL: Company =
    Company { people: Some(1000), groups: None, apps: None, memberships: None, assignments: None };

/// The company that the bounds of time and memory are for.
pub(super) const REFERENCE: Company = Company {
    people: Some(10_000),
    groups: Some(500),
    apps: Some(100),
    memberships: Some(100_000),
    assignments: Some(80_000),
};

const LARGE: Company = Company {
    people: Some(100_000),
    groups: Some(5000),
    apps: Some(800),
    memberships: Some(1_500_000),
    assignments: Some(3_000_000),
};

impl Company {
    /// Those to measure when this is what was asked for.
    pub(super) fn chosen(&self, quick: bool) -> Vec<Self> {
        if *self != Self::default() {
            return vec![self.clone()];
        }
        let all = [SMALL, REFERENCE, LARGE];
        all.into_iter().filter(|company| !(quick && company.is_large())).collect()
    }

    /// The one that was asked for, or else the largest of reference.
    pub(crate) fn large(&self) -> Self {
        if *self == Self::default() { LARGE } else { self.clone() }
    }

    /// So many people that one measurement has to do.
    pub(super) fn is_large(&self) -> bool {
        self.people() > 10_000
    }

    /// Seconds of a rate-limit window: shorter for companies that need more of them, so that the measurement ends.
    pub(super) fn window_secs(&self) -> u64 {
        match self.people() {
            0..=1000 => 20,
            1001..=10_000 => 10,
            _ => 2,
        }
    }

    fn people(&self) -> u32 {
        self.people.unwrap_or_default()
    }

    fn sizes(&self) -> [(&'static str, &'static str, Option<u64>); 5] {
        [
            ("--people", "people", self.people.map(u64::from)),
            ("--groups", "groups", self.groups.map(u64::from)),
            ("--apps", "applications", self.apps.map(u64::from)),
            ("--memberships", "memberships", self.memberships),
            ("--assignments", "assignments", self.assignments),
        ]
    }

    /// In words, as far as it was asked for.
    pub(crate) fn describe(&self) -> String {
        let given = self.sizes().into_iter().filter_map(|(_, name, size)| Some((name, size?)));
        let parts: Vec<String> =
            given.map(|(name, size)| format!("{} {name}", number(size as f64, 0))).collect();
        parts.join(", ")
    }

    /// Arguments that make the program simulate it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let given = self.sizes().into_iter().filter_map(|(flag, _, size)| Some((flag, size?)));
        given.flat_map(|(flag, size)| [flag.to_owned(), size.to_string()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_is_asked_for_by_what_is_known_of_it() {
        let company = Company { people: Some(5000), assignments: Some(7), ..Company::default() };
        assert_eq!(company.arguments().join(" "), "--people 5000 --assignments 7");
        assert_eq!(company.describe(), "5,000 people, 7 assignments");
    }

    #[test]
    fn the_companies_are_those_of_reference_or_the_one_that_was_asked_for() {
        let people = |company: &Company, quick| -> Vec<Option<u32>> {
            company.chosen(quick).iter().map(|company| company.people).collect()
        };
        assert_eq!(people(&Company::default(), false), [Some(1000), Some(10_000), Some(100_000)]);
        assert_eq!(people(&Company::default(), true), [Some(1000), Some(10_000)]);
        let own = Company { people: Some(20_000), ..Company::default() };
        assert_eq!(people(&own, true), [Some(20_000)]);
        assert_eq!([SMALL, REFERENCE, own].map(|company| company.window_secs()), [20, 10, 2]);
    }
}
