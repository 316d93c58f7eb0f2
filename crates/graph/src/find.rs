//! From what a person typed to an account, a group or a resource.

use sightline_core::{Group, Resource};

use crate::accounts::same_name;
use crate::{AccountIx, Graph, GroupIx, ResourceIx};

/// What a search by name found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<Ix> {
    /// Exactly this.
    One(Ix),
    /// Nothing; up to five whose names are nearest.
    None {
        /// The nearest first.
        suggestions: Vec<Ix>,
    },
    /// Several that fit equally well, in their order.
    Many(Vec<Ix>),
}

impl Graph {
    /// Finds an account by id, login, e-mail address or name, or by a part of them.
    pub fn find_account(&self, text: &str) -> Found<AccountIx> {
        let named = |account| (AccountIx(account), (AccountIx(account), self));
        find(self.accounts.len() as u32, named, self.account_with_id(text.trim()), text)
    }

    /// Finds a group by id or name, or by a part of them.
    pub fn find_group(&self, text: &str) -> Found<GroupIx> {
        let named = |group| (GroupIx(group), self.group(GroupIx(group)));
        find(self.groups.rows.len() as u32, named, self.group_with_id(text.trim()), text)
    }

    /// Finds a resource by id, label or name in the catalogue, or by a part of them.
    pub fn find_resource(&self, text: &str) -> Found<ResourceIx> {
        let named = |resource| (ResourceIx(resource), self.resource(ResourceIx(resource)));
        find(self.resources.rows.len() as u32, named, self.resource_with_id(text.trim()), text)
    }
}

/// How many near names are told.
const SUGGESTIONS: usize = 5;

/// What an entity is called.
trait Named<'g> {
    fn title(&self) -> &'g str;
    fn other_names(&self) -> impl Iterator<Item = &'g str>;
}

impl<'g> Named<'g> for (AccountIx, &'g Graph) {
    fn title(&self) -> &'g str {
        self.1.account(self.0).login
    }
    fn other_names(&self) -> impl Iterator<Item = &'g str> {
        self.1.accounts.addresses(self.0).chain([self.1.account(self.0).name])
    }
}

impl<'g> Named<'g> for &'g Group {
    fn title(&self) -> &'g str {
        &self.name
    }
    fn other_names(&self) -> impl Iterator<Item = &'g str> {
        std::iter::empty()
    }
}

impl<'g> Named<'g> for &'g Resource {
    fn title(&self) -> &'g str {
        &self.label
    }
    fn other_names(&self) -> impl Iterator<Item = &'g str> {
        self.catalog_name.iter().map(String::as_str)
    }
}

/// Finds among so many things, which are in the order of their titles.
fn find<'g, Ix: Copy, T: Named<'g>>(
    count: u32,
    named: impl Fn(u32) -> (Ix, T),
    with_id: Option<Ix>,
    text: &str,
) -> Found<Ix> {
    let wanted = text.trim().to_lowercase();
    if wanted.is_empty() {
        return Found::None { suggestions: Vec::new() };
    }
    if let Some(ix) = with_id {
        return Found::One(ix);
    }
    let titled = same_name(count as usize, |at| named(at as u32).1.title(), &wanted);
    let titled: Vec<Ix> = titled.map(|at| named(at as u32).0).collect();
    match titled[..] {
        [] => {}
        [one] => return Found::One(one),
        _ => return Found::Many(titled),
    }
    // From the best kind of match to the weakest; the first kind that has any decides.
    let mut matches: [Vec<Ix>; 3] = Default::default();
    let mut near: Vec<(usize, Ix)> = Vec::new();
    let mut cutoff = wanted.chars().count() / 2 + 1;
    for (ix, entity) in (0..count).map(named) {
        let title = entity.title().to_lowercase();
        let others: Vec<String> = entity.other_names().map(str::to_lowercase).collect();
        let any = |fits: &dyn Fn(&str) -> bool| fits(&title) || others.iter().any(|name| fits(name));
        let kind = if others.contains(&wanted) {
            0
        } else if any(&|name| name.starts_with(&wanted)) {
            1
        } else if any(&|name| name.contains(&wanted)) {
            2
        } else {
            if matches.iter().all(Vec::is_empty) {
                let local = title.split('@').next().unwrap_or_default();
                let all = others.iter().map(String::as_str).chain([title.as_str(), local]);
                if let Some(distance) = all.filter_map(|name| distance(&wanted, name, cutoff)).min() {
                    let place = near.partition_point(|&(other, _)| other <= distance);
                    near.insert(place, (distance, ix));
                    if near.len() > SUGGESTIONS {
                        near.pop();
                    }
                    if near.len() == SUGGESTIONS {
                        // Only what is nearer than the last of them still matters.
                        cutoff = near[SUGGESTIONS - 1].0.saturating_sub(1);
                    }
                }
            }
            continue;
        };
        matches[kind].push(ix);
    }
    if let Some(best) = matches.into_iter().find(|found| !found.is_empty()) {
        return match best[..] {
            [one] => Found::One(one),
            _ => Found::Many(best),
        };
    }
    Found::None { suggestions: near.into_iter().map(|(_, ix)| ix).collect() }
}

/// How many letters must be changed, added or dropped to get from one text to the other; none if more than `most`.
fn distance(one: &str, other: &str, most: usize) -> Option<usize> {
    let other: Vec<char> = other.chars().collect();
    let length = one.chars().count();
    if length.abs_diff(other.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        let mut least = row[0];
        for (column, &against) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != against);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
            least = least.min(row[column + 1]);
        }
        if least > most {
            return None;
        }
    }
    Some(row[other.len()]).filter(|&distance| distance <= most)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_letters() {
        for (one, other, expected) in [
            ("github", "github", 0),
            ("githb", "github", 1),
            ("gtihub", "github", 2),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("zoë", "zoe", 1),
        ] {
            assert_eq!(distance(one, other, 10), Some(expected), "{one} {other}");
            assert_eq!(distance(other, one, expected), Some(expected), "{other} {one}");
            if expected > 0 {
                assert_eq!(distance(one, other, expected - 1), None, "{one} {other}");
            }
        }
    }
}
