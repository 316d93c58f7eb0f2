//! Which of the wanted scopes a server grants, where it refuses a request for all of them at once.

/// A search for the scopes that are granted, one question after the other.
///
/// It halves what was refused until the culprit is found, then asks for what is left at once; after two questions for
/// each doubling of the number of scopes it asks one by one. That is at most `2 * log2(n) + n` questions, and few
/// when few scopes are missing.
#[derive(Debug)]
pub(crate) struct ScopeSearch {
    granted: Vec<String>,
    /// At least one of these is certain to be refused.
    suspects: Vec<String>,
    /// Nothing is known of these.
    open: Vec<String>,
    asked: Vec<String>,
    /// Questions after which nothing is halved any more.
    left: u32,
}

impl ScopeSearch {
    /// A search among scopes that were refused together.
    pub(crate) fn new(refused: Vec<String>) -> Self {
        let left = 2 * refused.len().max(1).ilog2();
        Self { granted: Vec::new(), suspects: refused, open: Vec::new(), asked: Vec::new(), left }
    }

    /// What to ask for next; none when all is known. The answer is given to [`ScopeSearch::learn`].
    pub(crate) fn next_question(&mut self) -> Option<Vec<String>> {
        if self.suspects.len() == 1 {
            self.suspects.clear();
        }
        if self.left == 0 {
            self.open.append(&mut self.suspects);
            self.asked = vec![self.open.pop()?];
        } else if self.suspects.is_empty() {
            self.asked = std::mem::take(&mut self.open);
        } else {
            let second = self.suspects.split_off(self.suspects.len() / 2);
            self.asked = std::mem::replace(&mut self.suspects, second);
        }
        self.left = self.left.saturating_sub(1);
        if self.asked.is_empty() { None } else { Some(self.asked.clone()) }
    }

    /// Takes the answer to the last question.
    pub(crate) fn learn(&mut self, is_granted: bool) {
        let asked = std::mem::take(&mut self.asked);
        if is_granted {
            // What stands beside them stays suspect.
            self.granted.extend(asked);
        } else {
            // Which explains the refusal of both, so the others may be innocent.
            self.open.append(&mut self.suspects);
            self.suspects = asked;
        }
    }

    /// All that is granted.
    pub(crate) fn into_granted(self) -> Vec<String> {
        self.granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_exactly_what_is_granted_within_the_bound() {
        for n in 1..=10_usize {
            let scopes: Vec<String> = (0..n).map(|scope| format!("scope{scope}")).collect();
            let bound = 2 * n.ilog2() as usize + n;
            // Every set of granted scopes but all of them, as bits.
            for granted in 0..(1_u32 << n) - 1 {
                let is_granted = |scope: &String| granted & (1 << scope[5..].parse::<u32>().unwrap()) != 0;
                let mut search = ScopeSearch::new(scopes.clone());
                let mut questions = 0;
                while let Some(question) = search.next_question() {
                    questions += 1;
                    search.learn(question.iter().all(is_granted));
                }
                let mut found = search.into_granted();
                found.sort();
                let expected: Vec<String> =
                    scopes.iter().filter(|scope| is_granted(scope)).cloned().collect();
                assert_eq!(found, expected);
                assert!(questions <= bound, "{questions} questions for {granted:b} of {n}");
            }
        }
    }

    #[test]
    fn one_missing_scope_of_many_is_found_quickly() {
        for missing in 0..32 {
            let mut search = ScopeSearch::new((0..32).map(|scope| scope.to_string()).collect());
            let mut questions = 0;
            while let Some(question) = search.next_question() {
                questions += 1;
                search.learn(!question.contains(&missing.to_string()));
            }
            assert_eq!(search.into_granted().len(), 31);
            assert!(questions <= 6, "{questions}");
        }
    }
}
