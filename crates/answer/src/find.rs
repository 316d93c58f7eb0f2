//! From what a person typed to one thing in one of several graphs.

use std::borrow::Borrow;

use sightline_graph::{AccountIx, Found, Graph, ResourceIx};

use crate::{AnswerError, Known};

/// How many names an error lists.
pub(crate) const LISTED: usize = 8;

/// The one application that a label, a catalogue name or an id fits.
pub fn find_app<'k, K: Borrow<Known>>(
    graphs: &'k [K],
    text: &str,
) -> Result<(&'k Known, ResourceIx), AnswerError> {
    let name = |graph: &Graph, ix| format!("{} ({})", graph.resource(ix).label, graph.resource(ix).id);
    find(graphs, text, "application", Graph::find_resource, name)
}

/// The one account that a login, an e-mail address, a name or an id fits.
pub fn find_account<'k, K: Borrow<Known>>(
    graphs: &'k [K],
    text: &str,
) -> Result<(&'k Known, AccountIx), AnswerError> {
    let name = |graph: &Graph, ix| graph.account(ix).login.to_owned();
    find(graphs, text, "account", Graph::find_account, name)
}

/// Looks a name up in every graph; exactly one thing must fit.
fn find<'k, K: Borrow<Known>, Ix: Copy>(
    graphs: &'k [K],
    text: &str,
    what: &str,
    search: impl Fn(&Graph, &str) -> Found<Ix>,
    name: impl Fn(&Graph, Ix) -> String,
) -> Result<(&'k Known, Ix), AnswerError> {
    let mut hits: Vec<(&Known, Ix)> = Vec::new();
    let mut near: Vec<String> = Vec::new();
    for known in graphs.iter().map(Borrow::borrow) {
        let graph = &known.graph;
        match search(graph, text) {
            Found::One(ix) => hits.push((known, ix)),
            Found::Many(all) => hits.extend(all.into_iter().map(|ix| (known, ix))),
            Found::None { suggestions } => near.extend(suggestions.into_iter().map(|ix| name(graph, ix))),
        }
    }
    match hits.as_slice() {
        [one] => Ok(*one),
        [] => Err(AnswerError::NoneFits { text: format!("no {what} is called {text:?}"), near }),
        many => {
            let names = many
                .iter()
                .map(|(Known { graph, .. }, ix)| format!("{} [{}]", name(graph, *ix), graph.about().source));
            Err(several_fit(text, &format!("{what}s"), names))
        }
    }
}

/// That a text fits several things, and which.
pub(crate) fn several_fit(
    text: &str,
    what: &str,
    names: impl ExactSizeIterator<Item = String>,
) -> AnswerError {
    let all = names.len();
    let listed: Vec<String> = names.take(LISTED).collect();
    let more = if all > LISTED { ", …" } else { "" };
    AnswerError::SeveralFit(format!("{text:?} fits {all} {what}: {}{more}", listed.join(", ")))
}
