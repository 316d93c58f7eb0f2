//! Cases made by hand, one rule each.

use sightline_core::*;
use sightline_graph::{
    Access, AccountIx, Act, Block, Found, Graph, Hindrance, Holder, HopKind, PathKind, ResourceIx, Via,
};

use crate::support::*;

fn active(id: &str) -> Record {
    account(id, AccountStatus::Active)
}

fn app(id: &str) -> Record {
    resource(id, ResourceStatus::Active, false)
}

fn native(id: &str) -> Record {
    group(id, GroupOrigin::Native, false)
}

fn everyone() -> Record {
    group("everyone", GroupOrigin::BuiltIn, true)
}

fn graph(records: &[Record]) -> Graph {
    Graph::build(snapshot(records, &[]))
}

fn pair(graph: &Graph, account: &str, resource: &str) -> (AccountIx, ResourceIx) {
    (
        graph.account_with_id(account).expect("an account"),
        graph.resource_with_id(resource).expect("a resource"),
    )
}

fn access(graph: &Graph, account: &str, resource: &str) -> Option<Access> {
    let (account, resource) = pair(graph, account, resource);
    graph.access(account, resource)
}

fn kinds(access: &Access) -> Vec<PathKind> {
    access.paths.iter().map(|path| path.kind.clone()).collect()
}

fn acts(graph: &Graph, account: &str, resource: &str) -> Vec<Act> {
    let (account, resource) = pair(graph, account, resource);
    graph.why(account, resource).removal.expect("a path").steps.into_iter().map(|step| step.act).collect()
}

#[test]
fn directly_and_by_two_groups_takes_three_acts_with_the_least_collateral() {
    // Leaving `eng` would cost `wiki`; unassigning `eng` would cost bob. `ops` gives nothing else to ada.
    let graph = graph(&[
        active("ada"),
        active("bob"),
        active("cy"),
        native("eng"),
        native("ops"),
        app("git"),
        app("wiki"),
        app("mail"),
        member("ada", "eng"),
        member("ada", "ops"),
        member("bob", "eng"),
        member("bob", "ops"),
        member("cy", "ops"),
        to_account("ada", "git"),
        to_account("ada", "mail"),
        to_group("eng", "git"),
        to_group("ops", "git"),
        to_group("eng", "wiki"),
        to_group("eng", "mail"),
    ]);
    let (eng, ops) = (graph.group_with_id("eng").unwrap(), graph.group_with_id("ops").unwrap());
    let (ada, git) = pair(&graph, "ada", "git");
    let why = graph.why(ada, git);
    assert_eq!(
        kinds(why.access.as_ref().unwrap()),
        [PathKind::Direct, PathKind::ThroughGroup { group: eng }, PathKind::ThroughGroup { group: ops }]
    );
    let removal = why.removal.unwrap();
    // Bob is in both groups, so unassigning only `eng` costs nobody anything: it beats leaving it.
    assert_eq!(
        removal.steps.iter().map(|step| step.act.clone()).collect::<Vec<_>>(),
        [Act::UnassignAccount, Act::UnassignGroup { group: eng }, Act::LeaveGroup { group: ops }]
    );
    assert_eq!(removal.collateral.weight(), 0);
    let leave_eng = &removal.choices[1][0];
    assert_eq!(leave_eng.act, Act::LeaveGroup { group: eng });
    // `mail` stays: she has it directly.
    assert_eq!(leave_eng.collateral.resources, [graph.resource_with_id("wiki").unwrap()]);
    let unassign_ops = &removal.choices[2][1];
    assert_eq!(
        (&unassign_ops.act, unassign_ops.collateral.accounts),
        (&Act::UnassignGroup { group: ops }, 1)
    );
    assert_eq!(removal.alternatives.deactivate_account, Some(3));
    assert_eq!(removal.alternatives.deactivate_resource, Some(3));
}

#[test]
fn together_the_steps_may_take_more_than_each_alone() {
    // `wiki` comes through both groups, so leaving one of them costs nothing.
    let graph = graph(&[
        active("ada"),
        active("bob"),
        active("cy"),
        native("eng"),
        native("ops"),
        app("git"),
        app("wiki"),
        member("ada", "eng"),
        member("ada", "ops"),
        member("bob", "eng"),
        member("cy", "ops"),
        to_group("eng", "git"),
        to_group("ops", "git"),
        to_group("eng", "wiki"),
        to_group("ops", "wiki"),
    ]);
    let (ada, git) = pair(&graph, "ada", "git");
    let removal = graph.why(ada, git).removal.unwrap();
    assert!(removal.steps.iter().all(|step| matches!(step.act, Act::LeaveGroup { .. })));
    assert!(removal.steps.iter().all(|step| step.collateral.weight() == 0));
    assert_eq!(removal.collateral.resources, [graph.resource_with_id("wiki").unwrap()]);
}

#[test]
fn everyone_holds_all_but_leavers_and_cannot_be_left() {
    let graph = graph(&[
        active("ada"),
        account("sus", AccountStatus::Suspended),
        account("gone", AccountStatus::Deactivated),
        account("old", AccountStatus::Deactivated),
        everyone(),
        app("mail"),
        to_group("everyone", "mail"),
        member("ada", "everyone"),
        member("old", "everyone"),
    ]);
    let group = graph.group_with_id("everyone").unwrap();
    assert_eq!(graph.member_count(group), 3);
    assert!(graph.is_member(graph.account_with_id("sus").unwrap(), group));
    assert!(!graph.is_member(graph.account_with_id("gone").unwrap(), group));
    assert_eq!(access(&graph, "ada", "mail").unwrap().blocked, None);
    assert_eq!(
        access(&graph, "sus", "mail").unwrap().blocked,
        Some(Block::Account(AccountStatus::Suspended))
    );
    assert_eq!(access(&graph, "gone", "mail"), None);
    // A leaver who is listed all the same keeps the path.
    assert_eq!(
        access(&graph, "old", "mail").unwrap().blocked,
        Some(Block::Account(AccountStatus::Deactivated))
    );
    assert_eq!(acts(&graph, "ada", "mail"), [Act::UnassignGroup { group }]);
    let (ada, mail) = pair(&graph, "ada", "mail");
    let why = graph.why(ada, mail);
    assert!(matches!(why.paths[0].hops[0].kind, HopKind::Membership { cannot_leave: true, .. }));
    assert_eq!(graph.effective_pairs(), 1);
}

#[test]
fn a_resource_that_everyone_may_use_needs_no_assignment() {
    let graph = graph(&[
        active("ada"),
        account("new", AccountStatus::Pending),
        account("gone", AccountStatus::Deactivated),
        resource("wiki", ResourceStatus::Active, true),
    ]);
    let wiki = graph.resource_with_id("wiki").unwrap();
    assert_eq!(graph.who(wiki).iter().filter(|access| access.can_reach()).count(), 1);
    assert_eq!(kinds(&access(&graph, "ada", "wiki").unwrap()), [PathKind::Implicit]);
    assert_eq!(access(&graph, "gone", "wiki"), None);
    assert_eq!(graph.reach_count(wiki), 1);
    assert_eq!(acts(&graph, "ada", "wiki"), [Act::EndImplicit]);
}

#[test]
fn access_through_a_group_that_was_not_seen_still_counts() {
    let through = |group: Option<&str>| AssignmentOrigin::Group(group.map(Into::into));
    let row = |who: &str, origin| assigned(Principal::Account(who.into()), "git", origin, Some("ACTIVE"));
    let graph = graph(&[
        active("ada"),
        active("bob"),
        active("cy"),
        active("dee"),
        native("eng"),
        app("git"),
        to_group("eng", "git"),
        member("ada", "eng"),
        row("ada", through(Some("eng"))),
        row("bob", through(Some("hidden"))),
        row("cy", through(None)),
        row("dee", AssignmentOrigin::Unknown("PARTNER".into())),
    ]);
    let eng = graph.group_with_id("eng").unwrap();
    let only = |who: &str| {
        let access = access(&graph, who, "git").unwrap();
        assert!(access.can_reach());
        kinds(&access).pop().unwrap()
    };
    assert_eq!(only("ada"), PathKind::ThroughGroup { group: eng });
    assert_eq!(only("bob"), PathKind::ThroughUnseenGroup { group: Some("hidden".into()) });
    assert_eq!(only("cy"), PathKind::ThroughUnseenGroup { group: None });
    assert_eq!(only("dee"), PathKind::UnknownOrigin { word: "PARTNER".into() });
    assert_eq!(graph.effective_pairs(), 4);
    let (dee, git) = pair(&graph, "dee", "git");
    let removal = graph.why(dee, git).removal.unwrap();
    assert_eq!(removal.steps[0].hindrances, [Hindrance::UnknownOrigin]);
}

#[test]
fn facts_of_a_scope_that_was_not_read_again_are_stale_but_count() {
    let records = [
        active("ada"),
        native("eng"),
        native("ops"),
        app("git"),
        app("wiki"),
        member("ada", "eng"),
        to_group("eng", "git"),
        to_account("ada", "wiki"),
        holds(Principal::Account("ada".into()), "HELP_DESK", false, true),
    ];
    let gaps = [
        (Scope::under("group_members", "eng"), GapReason::Unavailable),
        (Scope::under("group_members", "ops"), GapReason::Unavailable),
        (Scope::listing("group_push"), GapReason::NotLicensed),
        (Scope::under("user_roles", "ada"), GapReason::Denied { permission: None }),
        (Scope::listing("activity"), GapReason::Unavailable),
    ];
    let graph = Graph::build(snapshot(&records, &gaps));
    let git = access(&graph, "ada", "git").unwrap();
    assert!(git.can_reach() && git.is_stale());
    assert!(!access(&graph, "ada", "wiki").unwrap().is_stale());
    let (ada, git) = pair(&graph, "ada", "git");
    let why = graph.why(ada, git);
    let membership = &why.paths[0].hops[0].provenance;
    assert_eq!((membership.first_seen, membership.last_seen, membership.stale), (3, NUMBER - 2, true));
    assert_eq!(membership.scope, Some(Scope::under("group_members", "eng")));
    let assignment = &why.paths[0].hops[1];
    assert_eq!((assignment.provenance.stale, assignment.since), (false, Some(day(-30))));
    // Members of `ops` do not matter for git; roles, activity and settings hide no path.
    let told: Vec<String> = why.gaps.iter().map(|gap| gap.scope.to_string()).collect();
    assert_eq!(told, ["group_members/eng"]);
    let hiding: Vec<String> = graph.gaps_hiding_admins().iter().map(|gap| gap.scope.to_string()).collect();
    assert_eq!(hiding, ["user_roles/ada"]);
    assert!(graph.admins()[0].provenance.stale);
}

#[test]
fn a_leaver_keeps_paths_and_loses_reach() {
    let row = |who: &str, status: &str| {
        assigned(Principal::Account(who.into()), "git", AssignmentOrigin::Direct, Some(status))
    };
    let graph = graph(&[
        account("gone", AccountStatus::Deactivated),
        account("clean", AccountStatus::Deactivated),
        account("none", AccountStatus::Deactivated),
        active("ada"),
        active("eve"),
        app("git"),
        row("gone", "ACTIVE"),
        row("clean", "DEPROVISIONED"),
        row("ada", "inactive"),
        row("eve", "SUSPENDED"),
    ]);
    assert_eq!(
        access(&graph, "gone", "git").unwrap().blocked,
        Some(Block::Account(AccountStatus::Deactivated))
    );
    let ada = access(&graph, "ada", "git").unwrap();
    assert_eq!(ada.blocked, Some(Block::AssignmentNotInForce));
    assert_eq!(ada.paths[0].assignment_status.as_deref(), Some("inactive"));
    // Other words are shown and do not block.
    let eve = access(&graph, "eve", "git").unwrap();
    assert!(eve.can_reach());
    assert_eq!(eve.paths[0].assignment_status.as_deref(), Some("SUSPENDED"));
    let summary = graph.summary();
    assert_eq!((summary.leavers_with_assignments, summary.leavers_with_assignments_in_force), (2, 1));
    assert_eq!((summary.accounts, summary.accounts_able_to_sign_in, summary.effective_pairs), (5, 2, 1));
    // What lingers can still be cleared away.
    assert_eq!(acts(&graph, "clean", "git"), [Act::UnassignAccount]);
    let (gone, git) = pair(&graph, "gone", "git");
    assert_eq!(graph.why(gone, git).removal.unwrap().alternatives.deactivate_account, None);
}

#[test]
fn nobody_reaches_an_inactive_resource() {
    let graph =
        graph(&[active("ada"), resource("old", ResourceStatus::Inactive, false), to_account("ada", "old")]);
    let (ada, old) = pair(&graph, "ada", "old");
    let why = graph.why(ada, old);
    assert!(!why.can_reach());
    assert_eq!(why.blocks, [Block::ResourceInactive]);
    assert_eq!(graph.effective_pairs(), 0);
    assert_eq!(why.removal.unwrap().alternatives.deactivate_resource, None);
}

#[test]
fn a_rule_that_puts_the_account_back_is_told() {
    let mut excluded = rule("r3", true, "eng");
    excluded.excluded_accounts = vec!["ada".into()];
    let Record::Group(mut imported) = group("ad", GroupOrigin::Imported, false) else { unreachable!() };
    imported.source_resource = Some("directory".into());
    let graph = graph(&[
        active("ada"),
        native("eng"),
        Record::Group(imported),
        app("git"),
        app("wiki"),
        app("directory"),
        member("ada", "eng"),
        member("ada", "ad"),
        to_group("eng", "git"),
        to_group("ad", "wiki"),
        Record::Rule(Box::new(rule("r1", true, "eng"))),
        Record::Rule(Box::new(rule("r2", false, "eng"))),
        Record::Rule(Box::new(excluded)),
    ]);
    let (ada, git) = pair(&graph, "ada", "git");
    let why = graph.why(ada, git);
    let HopKind::Membership { rules, .. } = &why.paths[0].hops[0].kind else { panic!("no membership") };
    assert_eq!(rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["r1"]);
    let removal = why.removal.unwrap();
    // Unassigning the group costs nobody else anything and the rule does not undo it.
    assert!(matches!(removal.steps[0].act, Act::UnassignGroup { .. }));
    assert!(matches!(&removal.choices[0][0].hindrances[..], [Hindrance::Rule(rule)] if rule.id == "r1"));
    let (_, wiki) = pair(&graph, "ada", "wiki");
    let removal = graph.why(ada, wiki).removal.unwrap();
    let source = graph.resource_with_id("directory");
    assert_eq!(removal.choices[0][0].hindrances, [Hindrance::Imported { source }]);
}

#[test]
fn why_not_names_the_smallest_groups_first() {
    let mut records = vec![active("ada"), app("git"), everyone()];
    for at in 0..7 {
        let group = format!("g{at}");
        records.push(native(&group));
        records.push(to_group(&group, "git"));
        // g6 has no member, g5 one, and so on.
        for other in at..6 {
            records.push(active(&format!("o{other}")));
            records.push(member(&format!("o{other}"), &group));
        }
    }
    let graph = graph(&records);
    let (ada, git) = pair(&graph, "ada", "git");
    let why = graph.why(ada, git);
    assert!(!why.can_reach() && why.access.is_none() && why.removal.is_none());
    let groups: Vec<_> = why
        .groups_that_would_give_it
        .iter()
        .map(|needed| (graph.group(needed.group).id.as_str(), needed.members))
        .collect();
    assert_eq!(groups, [("g6", 0), ("g5", 1), ("g4", 2), ("g3", 3), ("g2", 4)]);
}

#[test]
fn why_not_does_not_send_a_leaver_to_everyone() {
    let graph = graph(&[
        account("gone", AccountStatus::Deactivated),
        everyone(),
        native("eng"),
        app("git"),
        to_group("everyone", "git"),
        to_group("eng", "git"),
    ]);
    let (gone, git) = pair(&graph, "gone", "git");
    let why = graph.why(gone, git);
    assert_eq!(why.blocks, [Block::Account(AccountStatus::Deactivated)]);
    let groups: Vec<_> = why.groups_that_would_give_it.iter().map(|needed| needed.group).collect();
    assert_eq!(groups, [graph.group_with_id("eng").unwrap()]);
}

#[test]
fn an_inherited_role_is_told_once() {
    let of = |id: &str| Principal::Account(id.into());
    let graph = graph(&[
        active("ada"),
        active("bob"),
        account("gone", AccountStatus::Deactivated),
        native("it"),
        member("ada", "it"),
        member("gone", "it"),
        holds(Principal::Group("it".into()), "APP_ADMIN", false, true),
        holds(of("ada"), "APP_ADMIN", true, true),
        holds(of("bob"), "APP_ADMIN", true, true),
        holds(of("ada"), "SUPER_ADMIN", false, true),
        holds(of("nobody"), "SUPER_ADMIN", false, true),
    ]);
    let it = graph.group_with_id("it").unwrap();
    let found: Vec<_> = graph
        .admins()
        .into_iter()
        .map(|holding| {
            let Holder::Account(account) = holding.holder else { panic!("no account") };
            (graph.account(account).id.to_owned(), holding.role, holding.via)
        })
        .collect();
    let row = |who: &str, role: &str, via| (who.to_owned(), role.to_owned(), via);
    assert_eq!(
        found,
        [
            row("ada", "APP_ADMIN", Via::Group(it)),
            row("ada", "SUPER_ADMIN", Via::Direct),
            row("bob", "APP_ADMIN", Via::InheritedUnseen),
            row("gone", "APP_ADMIN", Via::Group(it)),
        ]
    );
    assert_eq!(graph.summary().admins, 2);
    assert_eq!(graph.skipped().holdings, 1);
}

#[test]
fn edges_to_unknown_ends_are_counted_and_lead_nowhere() {
    let graph = graph(&[
        active("ada"),
        native("eng"),
        app("git"),
        member("ada", "nowhere"),
        member("nobody", "eng"),
        to_account("nobody", "git"),
        to_group("nowhere", "git"),
        to_account("ada", "nothing"),
        used("nobody", None, day(-1)),
        used("ada", Some("nothing"), day(-1)),
    ]);
    let skipped = graph.skipped();
    assert_eq!((skipped.memberships, skipped.assignments, skipped.holdings, skipped.usage), (2, 3, 0, 2));
    assert_eq!(graph.effective_pairs(), 0);
}

#[test]
fn the_last_sign_in_is_the_later_of_the_profile_and_the_log() {
    let with = |id: &str, told: Observed<Option<Time>>| {
        let Record::Account(mut account) = active(id) else { unreachable!() };
        account.last_sign_in = told;
        Record::Account(account)
    };
    let unknown = || Observed::Unknown("denied".to_owned());
    let graph = graph(&[
        with("a", Observed::Known(Some(day(-5)))),
        with("b", Observed::Known(Some(day(-1)))),
        with("c", unknown()),
        with("d", unknown()),
        with("e", Observed::Known(None)),
        used("a", None, day(-2)),
        used("b", None, day(-2)),
        used("c", None, day(-2)),
    ]);
    let last = |id: &str| graph.last_sign_in(graph.account_with_id(id).unwrap());
    assert_eq!(last("a"), Observed::Known(Some(day(-2))));
    assert_eq!(last("b"), Observed::Known(Some(day(-1))));
    assert_eq!(last("c"), Observed::Known(Some(day(-2))));
    assert_eq!(last("d"), unknown());
    assert_eq!(last("e"), Observed::Known(None));
}

#[test]
fn no_use_means_something_only_while_the_log_is_read() {
    let records = [
        active("ada"),
        active("bob"),
        app("git"),
        to_account("ada", "git"),
        since("bob", "git", Some(day(-100))),
        used("ada", Some("git"), day(-3)),
        window(),
    ];
    let last = |graph: &Graph, who: &str| {
        graph.last_use(graph.account_with_id(who).unwrap(), graph.resource_with_id("git").unwrap())
    };
    let read = graph(&records);
    assert_eq!(last(&read, "ada"), LastUse::At(day(-3)));
    assert_eq!(last(&read, "bob"), LastUse::NotSince(day(-90)));
    assert_eq!(read.summary().unused_access, Observed::Known(1));
    // The log could not be read on from where it was: bob may have used it since.
    let gap = (Scope::listing("activity"), GapReason::Unavailable);
    let stale = Graph::build(snapshot(&records, std::slice::from_ref(&gap)));
    assert_eq!(last(&stale, "ada"), LastUse::At(day(-3)));
    assert_eq!(last(&stale, "bob"), LastUse::Unknown("unavailable".into()));
    let never = Graph::build(snapshot(
        &records[..5],
        &[(Scope::listing("activity"), GapReason::Denied { permission: None })],
    ));
    assert_eq!(last(&never, "bob"), LastUse::Unknown("denied".into()));
    assert_eq!(never.summary().unused_access, Observed::Unknown("denied".into()));
}

/// An assignment made then.
fn since(who: &str, app: &str, time: Option<Time>) -> Record {
    let Record::Assignment(edge) = to_account(who, app) else { panic!("an assignment") };
    Record::Assignment(Assignment { since: time, ..edge })
}

#[test]
fn never_used_is_said_only_of_what_is_younger_than_the_window() {
    let born = |id: &str, created: Option<Time>| {
        let Record::Account(entity) = active(id) else { panic!("an account") };
        Record::Account(Box::new(Account { created, ..*entity }))
    };
    let opened = |id: &str, created: Option<Time>| {
        let Record::Resource(entity) = app(id) else { panic!("an application") };
        Record::Resource(Box::new(Resource { created, ..*entity }))
    };
    let assigned = |time: Option<Time>| {
        let Record::Assignment(edge) = to_account("ada", "git") else { panic!("an assignment") };
        Record::Assignment(Assignment { since: time, ..edge })
    };
    let last = |account: Option<Time>, resource: Option<Time>, since: Option<Time>| {
        let graph = graph(&[born("ada", account), opened("git", resource), assigned(since), window()]);
        graph.last_use(graph.account_with_id("ada").unwrap(), graph.resource_with_id("git").unwrap())
    };
    let (young, edge, old) = (Some(day(-20)), Some(day(-90)), Some(day(-200)));
    let not_since = LastUse::NotSince(day(-90));
    assert_eq!(last(young, old, None), LastUse::Never(day(-20)));
    assert_eq!(last(edge, old, None), LastUse::Never(day(-90)));
    assert_eq!(last(old, young, None), LastUse::Never(day(-20)));
    assert_eq!(last(edge, young, None), LastUse::Never(day(-20)));
    // What may have been there before the window may have been used then.
    assert_eq!(last(old, old, None), not_since);
    assert_eq!(last(None, None, None), not_since);
    // A young assignment may have followed an older one.
    assert_eq!(last(old, old, young), not_since);
}

#[test]
fn two_readings_of_one_fact_are_one() {
    let mut twice = snapshot(
        &[
            active("ada"),
            native("eng"),
            app("git"),
            member("ada", "eng"),
            to_group("eng", "git"),
            to_account("ada", "git"),
        ],
        &[],
    );
    let mut older = twice.facts.clone();
    for fact in &mut older {
        fact.last_seen = 4;
        if let Record::Account(account) = &mut fact.record {
            account.status = AccountStatus::Suspended;
        }
        if let Record::Assignment(edge) = &mut fact.record {
            edge.raw_status = Some("INACTIVE".into());
        }
    }
    let newer = twice.facts.clone();
    for order in [[&newer, &older], [&older, &newer]] {
        twice.facts = order.into_iter().flatten().cloned().collect();
        let graph = Graph::build(twice.clone());
        assert_eq!(graph.accounts().len(), 1);
        let found = access(&graph, "ada", "git").unwrap();
        assert!(found.can_reach());
        assert_eq!(found.paths.len(), 2);
        assert!(found.paths.iter().all(|path| path.in_force));
    }
    // The other way round: what was seen last says that it is over.
    let reseen = |fact: &Fact, last_seen| Fact { last_seen, ..fact.clone() };
    twice.facts = newer.iter().map(|fact| reseen(fact, 4)).collect();
    twice.facts.extend(older.iter().map(|fact| reseen(fact, NUMBER)));
    let graph = Graph::build(twice);
    let found = access(&graph, "ada", "git").unwrap();
    assert_eq!(found.blocked, Some(Block::Account(AccountStatus::Suspended)));
    assert!(found.paths.len() == 2 && found.paths.iter().all(|path| !path.in_force));
}

#[test]
fn names_are_found_from_exact_to_part() {
    let graph = graph(&[
        active("ada"),
        active("adam"),
        active("zoë"),
        native("eng"),
        native("eng-ops"),
        app("git"),
        app("wiki"),
    ]);
    let account = |text: &str| graph.find_account(text);
    let ada = graph.account_with_id("ada").unwrap();
    let adam = graph.account_with_id("adam").unwrap();
    for text in ["ada", "ADA@acme.test", "ada.mail@ACME.test", "person ada", " ada ", "ada@"] {
        assert_eq!(account(text), Found::One(ada), "{text}");
    }
    assert_eq!(account("ad"), Found::Many(vec![ada, adam]));
    assert_eq!(account("dam@"), Found::One(adam));
    assert_eq!(account("ZOË"), Found::One(graph.account_with_id("zoë").unwrap()));
    let Found::None { suggestions } = account("adma") else { panic!("found") };
    assert!(suggestions.contains(&adam));
    assert_eq!(account(""), Found::None { suggestions: Vec::new() });
    let eng = graph.group_with_id("eng").unwrap();
    assert_eq!(graph.find_group("group ENG"), Found::One(eng));
    assert_eq!(graph.find_group("ops"), Found::One(graph.group_with_id("eng-ops").unwrap()));
    let git = graph.resource_with_id("git").unwrap();
    for text in ["git", "app git", "catalog_git", "gi"] {
        assert_eq!(graph.find_resource(text), Found::One(git), "{text}");
    }
    let wiki = graph.resource_with_id("wiki").unwrap();
    assert_eq!(graph.find_resource("app gti"), Found::None { suggestions: vec![git, wiki] });
    assert_eq!(graph.find_resource("completely different"), Found::None { suggestions: vec![] });
}

#[test]
fn a_graph_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Graph>();
}

#[test]
fn very_many_accounts_have_the_paths_that_each_one_has() {
    const COUNT: usize = 14_000;
    let id = |at: usize| format!("p{at:05}");
    let mut records =
        vec![native("eng"), native("ops"), app("git"), to_group("eng", "git"), to_group("ops", "git")];
    for at in 0..COUNT {
        let status = if at % 7 == 0 { AccountStatus::Suspended } else { AccountStatus::Active };
        records.push(account(&id(at), status));
        if at % 2 == 0 {
            records.push(member(&id(at), "eng"));
        }
        if at % 3 == 0 {
            records.push(member(&id(at), "ops"));
        }
        if at % 5 != 1 {
            records.push(to_account(&id(at), "git"));
        }
    }
    let graph = graph(&records);
    let git = graph.resource_with_id("git").unwrap();
    let each: Vec<_> = graph.accounts().filter_map(|(account, _)| graph.access(account, git)).collect();
    // Those without an assignment of their own who are in neither group have no way.
    assert_eq!(each.len(), COUNT - (0..COUNT).filter(|at| at % 5 == 1 && at % 2 != 0 && at % 3 != 0).count());
    assert_eq!(graph.who(git), each);
}
