//! Lists of everything of one kind in a snapshot, made to be searched, filtered, sorted and paged at once.
//!
//! Nothing here knows what is listed: a catalog holds positions, and what each of them can be found and sorted by.

use std::cmp::Ordering;
use std::sync::OnceLock;

use memchr::memmem;

/// Everything of one kind in one snapshot, by position; positions are in the order of the names.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    texts: Texts,
    facets: Vec<Facet>,
    sorts: Vec<Sort>,
}

/// Something that a list can be narrowed down by.
#[derive(Debug)]
pub(crate) struct Facet {
    /// As in an address: `status`.
    pub(crate) name: &'static str,
    /// As people read it.
    pub(crate) title: &'static str,
    /// What there is, in the order in which it is shown.
    pub(crate) values: Vec<String>,
    /// For each position which of the values it has.
    codes: Vec<u32>,
}

/// Something that a list can be sorted by, besides the name.
#[derive(Debug)]
pub(crate) struct Sort {
    name: &'static str,
    keys: Vec<i64>,
    order: OnceLock<Vec<u32>>,
}

/// The texts that things are found by, in small letters, one after the other.
#[derive(Debug, Default)]
struct Texts {
    all: String,
    starts: Vec<u32>,
}

/// Between the texts of two things; no name holds it.
const END: char = '\n';

impl Texts {
    fn push(&mut self, texts: &[&str]) {
        self.starts.push(self.all.len() as u32);
        for text in texts {
            // What ends a thing must not be part of one.
            self.all
                .extend(text.chars().flat_map(char::to_lowercase).map(|c| if c == END { ' ' } else { c }));
            self.all.push(' ');
        }
        self.all.push(END);
    }

    fn get(&self, at: usize) -> &str {
        let end = self.starts.get(at + 1).map_or(self.all.len(), |end| *end as usize);
        &self.all[self.starts[at] as usize..end]
    }

    /// Positions whose text holds all of the words, which are in small letters.
    fn find(&self, words: &[String]) -> Vec<u32> {
        // The longest word leaves the fewest to look at.
        let Some(first) = words.iter().max_by_key(|word| word.len()) else {
            return (0..self.starts.len() as u32).collect();
        };
        let mut found = Vec::new();
        let mut from = 0;
        let finder = memmem::Finder::new(first.as_bytes());
        while let Some(hit) = finder.find(&self.all.as_bytes()[from..]) {
            let at = self.starts.partition_point(|start| *start as usize <= from + hit) - 1;
            let text = self.get(at);
            if words.iter().all(|word| text.contains(word.as_str())) {
                found.push(at as u32);
            }
            from = self.starts[at] as usize + text.len();
        }
        found
    }
}

impl Catalog {
    pub(crate) fn len(&self) -> usize {
        self.texts.starts.len()
    }

    /// Adds the next thing with the texts that it is found by.
    pub(crate) fn push(&mut self, texts: &[&str]) {
        self.texts.push(texts);
    }

    /// Adds something to narrow down by: for each position one of the values.
    pub(crate) fn facet(
        &mut self,
        name: &'static str,
        title: &'static str,
        values: Vec<String>,
        codes: Vec<u32>,
    ) {
        debug_assert_eq!(codes.len(), self.len());
        self.facets.push(Facet { name, title, values, codes });
    }

    /// The same with whatever texts there are, by their alphabet.
    pub(crate) fn facet_of_texts<'t>(
        &mut self,
        name: &'static str,
        title: &'static str,
        texts: impl Iterator<Item = &'t str> + Clone,
    ) {
        let mut values: Vec<&str> = texts.clone().collect();
        values.sort_unstable();
        values.dedup();
        let codes = texts.map(|text| values.binary_search(&text).unwrap_or_default() as u32).collect();
        self.facet(name, title, values.into_iter().map(str::to_owned).collect(), codes);
    }

    /// Adds something to sort by: for each position a number.
    pub(crate) fn sort(&mut self, name: &'static str, keys: Vec<i64>) {
        debug_assert_eq!(keys.len(), self.len());
        self.sorts.push(Sort { name, keys, order: OnceLock::new() });
    }

    /// What it can be narrowed down by.
    pub(crate) fn facets(&self) -> &[Facet] {
        &self.facets
    }

    fn sort_named(&self, name: &str) -> Option<&Sort> {
        self.sorts.iter().find(|sort| sort.name == name)
    }
}

impl Sort {
    /// All positions by their numbers, those with the same number by name.
    fn order(&self) -> &[u32] {
        self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.keys.len() as u32).collect();
            order.sort_by_key(|at| self.keys[*at as usize]);
            order
        })
    }
}

/// What is wanted of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// Words that all have to be found.
    pub(crate) words: Vec<String>,
    /// Values of facets, by their names.
    pub(crate) filters: Vec<(String, String)>,
    /// The name of a sort; none for the order of the names.
    pub(crate) sort: Option<String>,
    /// Whether the last comes first.
    pub(crate) descending: bool,
}

/// What was found, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// The number of the catalog, and the position in it.
    pub(crate) items: Vec<(u16, u32)>,
    /// For each facet how many there would be with each of its values, the other filters left as they are.
    pub(crate) facets: Vec<FacetCounts>,
}

/// How many things have each value of a facet.
#[derive(Debug, Clone)]
pub(crate) struct FacetCounts {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Values that there are, with how many things have them.
    pub(crate) values: Vec<(String, u64)>,
}

/// Selects from several catalogs of the same kind, such as those of several data sources; `name` tells what a position is
/// called, to put them in one order.
pub(crate) fn select<'c>(
    catalogs: &[&'c Catalog],
    wanted: &Wanted,
    name: impl Fn(usize, u32) -> &'c str,
) -> Selection {
    let mut selection = Selection::default();
    for (which, catalog) in catalogs.iter().enumerate() {
        let sort = wanted.sort.as_deref().and_then(|sort| catalog.sort_named(sort));
        let positions = match (sort, wanted.words.is_empty()) {
            (None, _) => catalog.texts.find(&wanted.words),
            (Some(sort), true) => sort.order().to_vec(),
            (Some(sort), false) => {
                let mut found = catalog.texts.find(&wanted.words);
                found.sort_by_key(|at| sort.keys[*at as usize]);
                found
            }
        };
        narrow(catalog, which as u16, &positions, &wanted.filters, &mut selection);
    }
    if catalogs.len() > 1 {
        let key = |(which, at): (u16, u32)| {
            let catalog = catalogs[usize::from(which)];
            wanted
                .sort
                .as_deref()
                .and_then(|sort| catalog.sort_named(sort))
                .map_or(0, |sort| sort.keys[at as usize])
        };
        selection.items.sort_by(|a, b| match key(*a).cmp(&key(*b)) {
            Ordering::Equal => {
                let (one, other) = (name(usize::from(a.0), a.1), name(usize::from(b.0), b.1));
                one.to_lowercase().cmp(&other.to_lowercase())
            }
            order => order,
        });
    }
    if wanted.descending {
        selection.items.reverse();
    }
    selection
}

/// Takes over what passes the filters, and counts what there is of each facet.
fn narrow(
    catalog: &Catalog,
    which: u16,
    positions: &[u32],
    filters: &[(String, String)],
    selection: &mut Selection,
) {
    let facets = catalog.facets();
    // Of each facet the value that is asked for; one that no thing has lets nothing pass.
    let asked: Vec<Option<Option<u32>>> = facets
        .iter()
        .map(|facet| {
            let (_, value) = filters.iter().find(|(name, _)| name == facet.name)?;
            Some(facet.values.iter().position(|known| known == value).map(|code| code as u32))
        })
        .collect();
    let is_filtered = asked.iter().any(Option::is_some);
    let mut counts: Vec<Vec<u64>> = facets.iter().map(|facet| vec![0; facet.values.len()]).collect();
    for &at in positions {
        let fails = |(facet, asked): &(&Facet, &Option<Option<u32>>)| {
            asked.is_some_and(|asked| asked != Some(facet.codes[at as usize]))
        };
        let mut failed = None;
        if is_filtered {
            let mut failing = facets.iter().zip(&asked).enumerate().filter(|(_, pair)| fails(pair));
            match (failing.next(), failing.next()) {
                (Some(_), Some(_)) => continue,
                (Some((only, _)), None) => failed = Some(only),
                _ => {}
            }
        }
        if let Some(only) = failed {
            // It would be there if this facet were not asked for.
            counts[only][facets[only].codes[at as usize] as usize] += 1;
            continue;
        }
        selection.items.push((which, at));
        for (facet, counts) in facets.iter().zip(&mut counts) {
            counts[facet.codes[at as usize] as usize] += 1;
        }
    }
    for (facet, counts) in facets.iter().zip(counts) {
        add(&mut selection.facets, facet, &counts);
    }
}

fn add(all: &mut Vec<FacetCounts>, facet: &Facet, counts: &[u64]) {
    let at = all.iter().position(|known| known.name == facet.name).unwrap_or_else(|| {
        all.push(FacetCounts { name: facet.name, title: facet.title, values: Vec::new() });
        all.len() - 1
    });
    let known = &mut all[at].values;
    if known.is_empty() {
        let counted = facet.values.iter().zip(counts).filter(|(_, count)| **count > 0);
        known.extend(counted.map(|(value, count)| (value.clone(), *count)));
        return;
    }
    for (value, &count) in facet.values.iter().zip(counts) {
        match known.iter_mut().find(|(name, _)| name == value) {
            Some((_, total)) => *total += count,
            None if count > 0 => known.push((value.clone(), count)),
            None => {}
        }
    }
}

/// The words of a search, in small letters.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, a colour and a size each; in the order of the names.
    const THINGS: [(&str, &str, i64); 6] = [
        ("apple", "red", 3),
        ("banana", "yellow", 7),
        ("cherry", "red", 1),
        ("lime", "green", 3),
        ("pear", "green", 5),
        ("Red Currant", "red", 0),
    ];

    fn catalog(things: &[(&str, &str, i64)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (name, ..) in things {
            catalog.push(&[name]);
        }
        catalog.facet_of_texts("colour", "Colour", things.iter().map(|thing| thing.1));
        catalog.sort("size", things.iter().map(|thing| thing.2).collect());
        catalog
    }

    fn found(selection: &Selection) -> Vec<&'static str> {
        selection.items.iter().map(|item| THINGS[item.1 as usize].0).collect()
    }

    fn wanted(search: &str, colour: Option<&str>, sort: Option<&str>, descending: bool) -> Wanted {
        Wanted {
            words: words(search),
            filters: colour.map(|colour| ("colour".to_owned(), colour.to_owned())).into_iter().collect(),
            sort: sort.map(str::to_owned),
            descending,
        }
    }

    #[test]
    fn every_search_finds_what_a_naive_one_finds() {
        let catalog = catalog(&THINGS);
        for search in ["", "a", "e", "RE", "red cur", "cur red", "n a", "zzz", "\n", "apple banana"] {
            for colour in [None, Some("red"), Some("green"), Some("blue")] {
                for (sort, descending) in
                    [(None, false), (None, true), (Some("size"), false), (Some("size"), true)]
                {
                    let selection =
                        select(&[&catalog], &wanted(search, colour, sort, descending), |_, at| {
                            THINGS[at as usize].0
                        });
                    let mut expected: Vec<_> = THINGS
                        .iter()
                        .filter(|(name, is, _)| {
                            let name = name.to_lowercase();
                            search.to_lowercase().split_whitespace().all(|word| name.contains(word))
                                && colour.is_none_or(|colour| *is == colour)
                        })
                        .collect();
                    if sort.is_some() {
                        expected.sort_by_key(|thing| thing.2);
                    }
                    if descending {
                        expected.reverse();
                    }
                    let expected: Vec<_> = expected.into_iter().map(|thing| thing.0).collect();
                    assert_eq!(found(&selection), expected, "{search:?} {colour:?} {sort:?} {descending}");
                }
            }
        }
    }

    #[test]
    fn facets_count_what_would_be_there_with_another_value() {
        let catalog = catalog(&THINGS);
        let selection =
            select(&[&catalog], &wanted("e", Some("red"), None, false), |_, at| THINGS[at as usize].0);
        let counts: Vec<_> =
            selection.facets[0].values.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(counts, [("green", 2), ("red", 3)]);
        assert_eq!(found(&selection), ["apple", "cherry", "Red Currant"]);
    }

    #[test]
    fn several_catalogs_become_one_list() {
        let (one, other) = (catalog(&THINGS[..3]), catalog(&THINGS[3..]));
        let name = |which: usize, at: u32| THINGS[which * 3 + at as usize].0;
        let selected = |wanted: &Wanted| -> Vec<&str> {
            let selection = select(&[&other, &one], wanted, |which, at| name(1 - which, at));
            selection.items.iter().map(|(which, at)| name(usize::from(1 - which), *at)).collect()
        };
        assert_eq!(
            selected(&wanted("", None, None, false)),
            ["apple", "banana", "cherry", "lime", "pear", "Red Currant"]
        );
        assert_eq!(
            selected(&wanted("", None, Some("size"), false)),
            ["Red Currant", "cherry", "apple", "lime", "pear", "banana"]
        );
        let both = select(&[&one, &other], &wanted("", None, None, false), name);
        assert_eq!(both.facets[0].values.iter().map(|value| value.1).sum::<u64>(), 6);
    }
}
