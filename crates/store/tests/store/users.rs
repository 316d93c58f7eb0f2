//! Those who use Sightline, their sessions and API tokens: against a model that keeps plain lists.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sightline_core::Time;
use sightline_store::{
    ApiToken, NewApiToken, NewUser, OidcSubject, PasswordHash, SecretHash, Session, Store, StoreError,
    TokenScope, UserRecord, UserRole,
};

use crate::made::*;

const ROLES: [UserRole; 3] = [UserRole::Admin, UserRole::Auditor, UserRole::Viewer];
const NAMES: [&str; 6] = ["ann", "Ann", "ÄNNE", "änne", "ben", "carla"];

fn subject(pick: u8) -> OidcSubject {
    OidcSubject { issuer: format!("https://idp{}.example", pick % 2), subject: "1".to_owned() }
}

/// A change of a user.
#[derive(Debug, Clone)]
enum Edit {
    Name(u8),
    Email(u8),
    Role(u8),
    Password(u8),
    Subject(Option<u8>),
    Disabled(bool),
}

/// Users, sessions and tokens are picked by their order among those that there are, or were.
#[derive(Debug, Clone)]
enum Act {
    Add { name: u8, role: u8, subject: Option<u8> },
    Edit { user: u8, edit: Edit },
    Remove { user: u8 },
    Begin { user: u8, secret: u8, expires: u8 },
    Rotate { secret: u8, new: u8 },
    Touch { secrets: Vec<(u8, u8)> },
    End { secret: u8 },
    EndAll { user: u8, except: Option<u8> },
    Expire { now: u8 },
    AddToken { user: u8, secret: u8, expires: Option<u8> },
    TouchTokens { secrets: Vec<(u8, u8)> },
    RemoveToken { token: u8 },
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let edit = prop_oneof![
        (0..6_u8).prop_map(Edit::Name),
        (0..3_u8).prop_map(Edit::Email),
        (0..3_u8).prop_map(Edit::Role),
        (0..2_u8).prop_map(Edit::Password),
        prop::option::of(0..2_u8).prop_map(Edit::Subject),
        any::<bool>().prop_map(Edit::Disabled),
    ];
    let user = || 1..6_u8;
    let secret = || 0..6_u8;
    let times = || prop::collection::vec((0..6_u8, 0..20_u8), 0..4);
    prop_oneof![
        4 => (0..6_u8, 0..3_u8, prop::option::of(0..2_u8))
            .prop_map(|(name, role, subject)| Act::Add { name, role, subject }),
        4 => (user(), edit).prop_map(|(user, edit)| Act::Edit { user, edit }),
        1 => user().prop_map(|user| Act::Remove { user }),
        4 => (user(), secret(), 1..20_u8)
            .prop_map(|(user, secret, expires)| Act::Begin { user, secret, expires }),
        1 => (secret(), secret()).prop_map(|(secret, new)| Act::Rotate { secret, new }),
        1 => times().prop_map(|secrets| Act::Touch { secrets }),
        1 => secret().prop_map(|secret| Act::End { secret }),
        1 => (user(), prop::option::of(secret())).prop_map(|(user, except)| Act::EndAll { user, except }),
        1 => (0..20_u8).prop_map(|now| Act::Expire { now }),
        3 => (user(), secret(), prop::option::of(1..20_u8))
            .prop_map(|(user, secret, expires)| Act::AddToken { user, secret, expires }),
        1 => times().prop_map(|secrets| Act::TouchTokens { secrets }),
        1 => (1..6_u8).prop_map(|token| Act::RemoveToken { token }),
        1 => Just(Act::Reopen),
    ]
}

/// What must be kept, and what must be refused.
#[derive(Debug, Default)]
struct Model {
    users: BTreeMap<u64, UserRecord>,
    users_ever: u64,
    sessions: Vec<Session>,
    tokens: Vec<(SecretHash, ApiToken)>,
    tokens_ever: u64,
    entries: u64,
}

/// Why something is refused.
#[derive(Debug, PartialEq)]
enum Refusal {
    NoUser,
    Name,
    Subject,
    LastAdmin,
    Disabled,
    Secret,
    NoToken,
}

fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::NoSuchUser { .. } => Refusal::NoUser,
        StoreError::UserNameTaken { .. } => Refusal::Name,
        StoreError::SubjectTaken { .. } => Refusal::Subject,
        StoreError::LastAdmin { .. } => Refusal::LastAdmin,
        StoreError::UserDisabled { .. } => Refusal::Disabled,
        StoreError::Unwritable { .. } => Refusal::Secret,
        StoreError::NoSuchToken { .. } => Refusal::NoToken,
        error => panic!("{error:?}"),
    }
}

/// The names of [`NAMES`] that are the same but for their case.
fn same(one: &str, other: &str) -> bool {
    let class = |name: &str| match name {
        "ann" | "Ann" => 0,
        "ÄNNE" | "änne" => 1,
        "ben" => 2,
        "carla" => 3,
        other => panic!("{other}"),
    };
    class(one) == class(other)
}

impl Model {
    fn clash(&self, user: &UserRecord) -> Result<(), Refusal> {
        // The store looks at one user after the other, in the order in which they were added.
        for other in self.users.values().filter(|other| other.id != user.id) {
            if same(&other.name, &user.name) {
                return Err(Refusal::Name);
            }
            if user.oidc_subject.is_some() && other.oidc_subject == user.oidc_subject {
                return Err(Refusal::Subject);
            }
        }
        Ok(())
    }

    fn admins(&self) -> usize {
        self.users.values().filter(|user| user.role == UserRole::Admin && !user.disabled).count()
    }

    fn put(&mut self, user: Option<&UserRecord>, id: u64) -> Result<(), Refusal> {
        let before = self.users.get(&id).cloned().ok_or(Refusal::NoUser)?;
        let had_admins = self.admins() > 0;
        match user {
            Some(user) => self.users.insert(id, user.clone()),
            None => self.users.remove(&id),
        };
        let result = match user {
            _ if had_admins && self.admins() == 0 => Err(Refusal::LastAdmin),
            Some(user) => self.clash(user),
            None => Ok(()),
        };
        if result.is_err() {
            self.users.insert(id, before);
            return result;
        }
        let keeps_sessions = user.is_some_and(|user| {
            let is_unlinked = before.oidc_subject.is_some() && user.oidc_subject != before.oidc_subject;
            !user.disabled && user.password == before.password && !is_unlinked
        });
        if !keeps_sessions {
            self.sessions.retain(|session| session.user_id != id);
        }
        if user.is_none() {
            self.tokens.retain(|(_, token)| token.user_id != id);
        }
        Ok(())
    }

    fn enabled(&self, id: u64) -> Result<(), Refusal> {
        match self.users.get(&id) {
            None => Err(Refusal::NoUser),
            Some(user) if user.disabled => Err(Refusal::Disabled),
            Some(_) => Ok(()),
        }
    }
}

fn edit_user(user: &mut UserRecord, edit: &Edit) {
    match edit {
        Edit::Name(name) => NAMES[*name as usize].clone_into(&mut user.name),
        Edit::Email(email) => user.email = Some(format!("{email}@example.com")),
        Edit::Role(role) => user.role = ROLES[*role as usize],
        Edit::Password(password) => user.password = Some(PasswordHash::new(format!("$argon2id${password}"))),
        Edit::Subject(pick) => user.oidc_subject = pick.map(subject),
        Edit::Disabled(disabled) => user.disabled = *disabled,
    }
}

fn at(secs: u8) -> Time {
    time(i64::from(secs))
}

/// Does it with the model and with the store: both refuse it for the same reason, or both do it.
fn play(model: &mut Model, store: &Store, act: &Act) {
    let is_noted = play_user(model, store, act)
        .or_else(|| play_session(model, store, act))
        .or_else(|| play_token(model, store, act));
    model.entries += u64::from(is_noted.unwrap());
}

/// Whether it was done and noted; none when it is not about a user.
fn play_user(model: &mut Model, store: &Store, act: &Act) -> Option<bool> {
    let note = note("test");
    Some(match act {
        Act::Add { name, role, subject: pick } => {
            let new = NewUser {
                oidc_subject: pick.map(subject),
                ..new_user(NAMES[*name as usize], ROLES[*role as usize])
            };
            let user = UserRecord {
                id: model.users_ever + 1,
                name: new.name.clone(),
                email: None,
                role: new.role,
                password: new.password.clone(),
                oidc_subject: new.oidc_subject.clone(),
                created: new.created,
                disabled: false,
                last_sign_in: None,
            };
            let expected = model.clash(&user).map(|()| user);
            let found = store.add_user(new, &note).map_err(|error| refusal(&error));
            assert_eq!(found, expected);
            if let Ok(user) = expected {
                model.users_ever += 1;
                model.users.insert(user.id, user);
                true
            } else {
                false
            }
        }
        Act::Edit { user, edit } => {
            let id = u64::from(*user);
            let mut after = model.users.get(&id).cloned();
            if let Some(user) = &mut after {
                edit_user(user, edit);
            }
            let expected = model.put(after.as_ref(), id);
            let found = store.update_user(id, &note, |user| {
                edit_user(user, edit);
                // The id is not theirs to change.
                user.id = 99;
            });
            let is_done = expected.is_ok();
            assert_eq!(found.map_err(|error| refusal(&error)), expected.map(|()| after.unwrap()));
            is_done
        }
        Act::Remove { user } => {
            let id = u64::from(*user);
            let expected = model.put(None, id);
            let found = store.remove_user(id, &note).map(drop).map_err(|error| refusal(&error));
            assert_eq!(found, expected);
            expected.is_ok()
        }
        _ => return None,
    })
}

/// The same of sessions.
fn play_session(model: &mut Model, store: &Store, act: &Act) -> Option<bool> {
    let note = note("test");
    Some(match act {
        Act::Begin { user, secret: number, expires } => {
            let (hash, user_id) = (secret(u64::from(*number)), u64::from(*user));
            let session = Session {
                hash,
                user_id,
                created: at(*number),
                last_used: at(*number),
                expires: at(*expires),
            };
            let mut expected = model.enabled(user_id);
            if expected.is_ok() && model.sessions.iter().any(|session| session.hash == hash) {
                expected = Err(Refusal::Secret);
            }
            assert_eq!(store.add_session(&session, &note).map_err(|error| refusal(&error)), expected);
            if expected.is_ok() {
                model.users.get_mut(&user_id).unwrap().last_sign_in = Some(session.created);
                model.sessions.push(session);
            }
            expected.is_ok()
        }
        Act::Rotate { secret: number, new } => {
            let (hash, new) = (secret(u64::from(*number)), secret(u64::from(*new) + 100));
            let is_taken = model.sessions.iter().any(|session| session.hash == new);
            let session = model.sessions.iter_mut().find(|session| session.hash == hash);
            let expected = match &session {
                None => Ok(false),
                Some(_) if is_taken => Err(Refusal::Secret),
                Some(_) => Ok(true),
            };
            assert_eq!(store.rotate_session(hash, new).map_err(|error| refusal(&error)), expected);
            if let (Some(session), Ok(true)) = (session, expected) {
                session.hash = new;
            }
            false
        }
        Act::Touch { secrets } => {
            let used: Vec<_> =
                secrets.iter().map(|(number, used)| (secret(u64::from(*number)), at(*used))).collect();
            for (hash, used) in &used {
                for session in model.sessions.iter_mut().filter(|session| session.hash == *hash) {
                    session.last_used = session.last_used.max(*used);
                }
            }
            store.touch_sessions(&used).unwrap();
            false
        }
        Act::End { secret: number } => {
            let hash = secret(u64::from(*number));
            let before = model.sessions.len();
            model.sessions.retain(|session| session.hash != hash);
            let was_there = model.sessions.len() < before;
            assert_eq!(store.remove_session(hash, &note).unwrap(), was_there);
            was_there
        }
        Act::EndAll { user, except } => {
            let (id, except) = (u64::from(*user), except.map(|number| secret(u64::from(number))));
            let before = model.sessions.len();
            model.sessions.retain(|session| session.user_id != id || Some(session.hash) == except);
            let ended = (before - model.sessions.len()) as u64;
            assert_eq!(store.remove_sessions_of(id, except, &note).unwrap(), ended);
            true
        }
        Act::Expire { now } => {
            let before = model.sessions.len();
            model.sessions.retain(|session| session.expires > at(*now));
            let ended = (before - model.sessions.len()) as u64;
            assert_eq!(store.remove_expired_sessions(at(*now)).unwrap(), ended);
            false
        }
        _ => return None,
    })
}

/// The same of API tokens.
fn play_token(model: &mut Model, store: &Store, act: &Act) -> Option<bool> {
    let note = note("test");
    Some(match act {
        Act::AddToken { user, secret: number, expires } => {
            let (hash, user_id) = (secret(u64::from(*number)), u64::from(*user));
            let scopes =
                if number.is_multiple_of(2) { vec![TokenScope::Read] } else { vec![TokenScope::Manage] };
            let new = NewApiToken {
                expires: expires.map(at),
                scopes: scopes.into_iter().collect(),
                ..new_token(user_id, u64::from(*number))
            };
            let mut expected = model.enabled(user_id);
            if expected.is_ok() && model.tokens.iter().any(|(other, _)| *other == hash) {
                expected = Err(Refusal::Secret);
            }
            let found = store.add_api_token(new.clone(), &note).map_err(|error| refusal(&error));
            let expected = expected.map(|()| ApiToken {
                id: model.tokens_ever + 1,
                user_id,
                name: new.name,
                scopes: new.scopes,
                created: new.created,
                expires: new.expires,
                last_used: None,
                prefix: new.prefix,
            });
            assert_eq!(found, expected);
            if let Ok(token) = expected {
                model.tokens_ever += 1;
                model.tokens.push((hash, token));
                true
            } else {
                false
            }
        }
        Act::TouchTokens { secrets } => {
            let used: Vec<_> =
                secrets.iter().map(|(number, used)| (secret(u64::from(*number)), at(*used))).collect();
            for (hash, used) in &used {
                for (_, token) in model.tokens.iter_mut().filter(|(other, _)| other == hash) {
                    token.last_used = token.last_used.max(Some(*used));
                }
            }
            store.touch_api_tokens(&used).unwrap();
            false
        }
        Act::RemoveToken { token: id } => {
            let id = u64::from(*id);
            let found = store.remove_api_token(id, &note).map_err(|error| refusal(&error));
            let index = model.tokens.iter().position(|(_, token)| token.id == id);
            let expected = index.map(|index| model.tokens.remove(index).1).ok_or(Refusal::NoToken);
            assert_eq!(found, expected);
            expected.is_ok()
        }
        _ => return None,
    })
}

/// The store says what the model says, whichever way it is asked.
fn compare(model: &Model, store: &Store) {
    let users: Vec<_> = model.users.values().cloned().collect();
    assert_eq!(store.users().unwrap(), users);
    for id in 0..8 {
        assert_eq!(store.user(id).ok().as_ref(), model.users.get(&id));
        let mut sessions: Vec<_> =
            model.sessions.iter().filter(|session| session.user_id == id).cloned().collect();
        sessions.sort_by_key(|session| (session.created, session.hash));
        assert_eq!(store.sessions_of(id).unwrap(), sessions);
    }
    for name in NAMES {
        let found = users.iter().find(|user| same(&user.name, name)).cloned();
        assert_eq!(store.find_user(name).unwrap(), found);
    }
    for pick in 0..2 {
        let found = users.iter().find(|user| user.oidc_subject == Some(subject(pick))).cloned();
        assert_eq!(store.find_user_by_subject(&subject(pick)).unwrap(), found);
    }
    for now in [0, 5, 10, 19] {
        for hash in (0..6).chain(100..106).map(secret) {
            let session =
                model.sessions.iter().find(|session| session.hash == hash && session.expires > at(now));
            assert_eq!(store.session(hash, at(now)).unwrap().as_ref(), session);
            let token = model.tokens.iter().find(|(other, _)| *other == hash).map(|(_, token)| token);
            let token = token.filter(|token| token.expires.is_none_or(|expires| expires > at(now)));
            assert_eq!(store.api_token(hash, at(now)).unwrap().as_ref(), token);
        }
    }
    let tokens: Vec<_> = model.tokens.iter().map(|(_, token)| token.clone()).collect();
    assert_eq!(store.api_tokens().unwrap(), tokens);
    assert_eq!(store.audit_count().unwrap(), model.entries);
    assert_eq!(store.verify_audit().unwrap(), model.entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 256 }))]

    #[test]
    fn users_sessions_and_tokens_are_what_a_plain_list_of_them_is(acts in prop::collection::vec(act(), 1..60)) {
        let mut made = made();
        let mut model = Model::default();
        for act in &acts {
            if let Act::Reopen = act {
                made = made.reopened();
                compare(&model, &made.store);
            } else {
                play(&mut model, &made.store, act);
            }
        }
        compare(&model, &made.store);
        compare(&model, &made.reopened().store);
    }
}

#[test]
fn the_last_administrator_stays() {
    let Made { dir: _dir, store, .. } = made();
    let ann = add_user(&store, "ann", UserRole::Admin);
    let ben = add_user(&store, "ben", UserRole::Viewer);
    let refused = |result: sightline_store::Result<UserRecord>| {
        let error = result.unwrap_err();
        assert!(matches!(&error, StoreError::LastAdmin { name } if name == "ann"), "{error:?}");
        assert_eq!(error.to_string(), "\"ann\" is the last administrator who is not disabled");
        assert!(error.hint().is_some());
    };
    let all_refused = || {
        refused(store.remove_user(ann.id, &note("user.remove")));
        refused(store.update_user(ann.id, &note("user.change"), |user| user.disabled = true));
        refused(store.update_user(ann.id, &note("user.change"), |user| user.role = UserRole::Auditor));
        assert_eq!(store.user(ann.id).unwrap(), ann);
    };
    all_refused();
    // One who is disabled does not count.
    store
        .update_user(ben.id, &note("user.change"), |user| {
            user.role = UserRole::Admin;
            user.disabled = true;
        })
        .unwrap();
    all_refused();
    store.update_user(ben.id, &note("user.change"), |user| user.disabled = false).unwrap();
    store.remove_user(ann.id, &note("user.remove")).unwrap();
    assert!(matches!(store.user(ann.id), Err(StoreError::NoSuchUser { .. })));
    assert_eq!(add_user(&store, "ann", UserRole::Viewer).id, 3, "an id is never used again");
}

#[test]
fn a_name_is_what_is_seen() {
    let Made { dir: _dir, store, .. } = made();
    for name in ["", " ", " ann", "ann\t", "an\nn", "an\u{1b}n", &"a".repeat(101)] {
        let error = store.add_user(new_user(name, UserRole::Admin), &note("user.add")).unwrap_err();
        assert!(matches!(error, StoreError::NotAName { .. }), "{name:?}: {error:?}");
    }
    let ann = add_user(&store, &"ä".repeat(100), UserRole::Admin);
    let new = NewApiToken { name: String::new(), ..new_token(ann.id, 1) };
    let error = store.add_api_token(new, &note("token.add")).unwrap_err();
    assert!(matches!(error, StoreError::NotAName { .. }), "{error:?}");
    assert_eq!(store.audit_count().unwrap(), 1);
}
