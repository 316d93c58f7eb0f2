//! What is used: last sign-ins, last use, and access that nobody uses, inside the window that was read.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use sightline_core::Observed;

use super::Answer;
use crate::app::Shared;
use crate::auth::Viewer;
use crate::drawing::{Bar, columns};
use crate::layout::Frame;
use crate::lists::At;
use crate::parameters::Parameters;
use crate::rows::entity_address;
use crate::table::{Cell, Column, Table};
use crate::view::View;
use crate::words;

/// A day.
const DAY: Duration = Duration::from_hours(24);
/// Applications that are listed.
const APPS: usize = 100;

/// The activity of one data source.
struct SourceActivity {
    id: u64,
    name: String,
    window: Option<String>,
    unread: Option<String>,
    drawing: String,
    /// Accounts that can sign in: in all, in the last 30 days, longer ago, never, and not known.
    able: u64,
    recent: u64,
    older: u64,
    never: u64,
    unknown: u64,
    unused: Option<u64>,
    pairs: u64,
    apps: Table,
}

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage {
    sources: Vec<SourceActivity>,
    as_of: String,
}

fn activity(view: &View) -> SourceActivity {
    let graph = view.graph();
    let about = graph.about();
    let end = about.sealed;
    let window = graph.activity_window();
    let since = match &window {
        Observed::Known(window) => window.since,
        Observed::Unknown(_) => end.before(DAY * 90),
    };
    let days = (end.since(since).as_secs() / DAY.as_secs()).clamp(1, 400) + 1;
    let mut counts = vec![0_u64; days as usize];
    let (mut able, mut recent, mut older, mut never, mut unknown) = (0, 0, 0, 0, 0);
    for (ix, account) in graph.accounts() {
        if !account.status.can_sign_in() {
            continue;
        }
        able += 1;
        match graph.last_sign_in(ix) {
            Observed::Known(Some(time)) => {
                if time >= since {
                    let day = (time.since(since).as_secs() / DAY.as_secs()).min(days - 1);
                    counts[day as usize] += 1;
                }
                if time.after(DAY * 30) >= end {
                    recent += 1;
                } else {
                    older += 1;
                }
            }
            Observed::Known(None) => never += 1,
            Observed::Unknown(_) => unknown += 1,
        }
    }
    let bars: Vec<Bar> = counts
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let day = since.after(DAY * at as u32).date();
            // The last ones would not fit beside the edge.
            let label = if at % 15 == 0 && at + 4 < counts.len() { day.clone() } else { String::new() };
            let told = format!("{day}: {}", words::count(*value, "account", "accounts"));
            Bar { label, told, value: *value }
        })
        .collect();
    let mut apps: Vec<_> = graph
        .resources()
        .map(|(ix, app)| (view.reach.of_resource(ix), app))
        .filter(|(reached, _)| reached.all > 0)
        .collect();
    apps.sort_by(|a, b| b.0.unused().cmp(&a.0.unused()).then_with(|| a.1.label.cmp(&b.1.label)));
    apps.truncate(APPS);
    let rows = apps
        .into_iter()
        .map(|(reached, app)| {
            let address = entity_address("apps", view.source_id(), &app.id);
            let unused = match view.usage_unread() {
                None => Cell::link(
                    format!("{address}?use=unused#who"),
                    words::number(u64::from(reached.unused())),
                ),
                Some(why) => Cell::Unknown(why.to_owned()),
            };
            let share = match view.usage_unread() {
                None => Cell::text(format!("{} %", u64::from(reached.used) * 100 / u64::from(reached.all))),
                Some(_) => Cell::Empty,
            };
            vec![Cell::link(address, &app.label), Cell::Number(u64::from(reached.all)), unused, share]
        })
        .collect();
    SourceActivity {
        id: view.source_id(),
        name: about.source.clone(),
        window: window.known().map(|window| format!("{} to {}", window.since.date(), window.until.date())),
        unread: view.usage_unread().map(str::to_owned),
        drawing: columns(&bars, "Accounts by the day of their last sign-in"),
        able,
        recent,
        older,
        never,
        unknown,
        unused: view.summary.unused_access.known().copied(),
        pairs: view.summary.effective_pairs,
        apps: Table {
            name: format!("Unused access of {}", about.source),
            columns: vec![
                Column::new("Application"),
                Column::number("Can reach it"),
                Column::number("Did not use it"),
                Column::number("Used by"),
            ],
            rows,
            empty: "Nobody can reach any application.".to_owned(),
        },
    }
}

pub(crate) async fn show(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let at = At::of(&mut parameters)?;
    parameters.done()?;
    let views = at.views(&app).await?;
    let page = ActivityPage {
        sources: views.iter().map(|view| activity(view)).collect(),
        as_of: at.as_of_text.clone().unwrap_or_default(),
    };
    Frame::new(&identity, &headers, &uri).page(&app, "Activity", &page)
}
