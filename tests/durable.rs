//! Backup, restore, the check-up, damaged files and disks without room, with the real program.

use std::fs;

use serde_json::json;

use crate::harness::{Home, SimSetup, list, number, text, tiny};

fn restored(copy: &str) -> Home {
    let home = Home::new();
    home.run(&["restore", copy]).ok();
    home
}

#[test]
fn a_backup_brings_everything_back_but_the_key() {
    let sim = SimSetup::of(tiny(91)).start();
    let mut home = Home::synced_with(&sim);
    home.keep_secret(fs::read_to_string(home.data().join("vault.key")).unwrap().trim());
    let copy = home.path().join("copy").to_str().unwrap().to_owned();
    let backed_up = home.run(&["backup", &copy]).ok();
    assert!(backed_up.stdout.contains("1 data source and 1 snapshot"), "{backed_up:?}");
    let key = home.data().join("vault.key");
    assert!(backed_up.stdout.contains(key.to_str().unwrap()), "where the key is: {backed_up:?}");
    home.run(&["backup", &copy]).fails(5, "is there already", "--force");
    home.run(&["backup", &copy, "--force"]).ok();

    let other = restored(&copy);
    assert_eq!(other.facts(), home.facts());
    let doctor = other.run(&["doctor", "--json"]).json();
    assert_eq!((&doctor["intact"], &doctor["sources"][0]["credential_opens"]), (&json!(true), &json!(false)));
    let remark = text(&list(&doctor["remarks"])[0], "what").to_owned();
    assert!(remark.contains("vault.key is missing"), "{remark}");
    other.run(&["sync"]).fails(5, "vault.key is missing", "restore the key file");
    fs::copy(key, other.data().join("vault.key")).unwrap();
    other.run(&["sync", "--json"]).ok();
    home.run(&["restore", &copy]).fails(5, "is there already", "only restored where nothing is kept");
    assert_eq!(home.facts().len(), other.facts().len());

    // What the environment holds as the key is enough.
    let mut third = restored(&copy);
    let key = fs::read_to_string(home.data().join("vault.key")).unwrap();
    third.set("SIGHTLINE_KEY", key.trim());
    let doctor = third.run(&["doctor", "--json"]).json();
    assert_eq!(doctor["sources"][0]["credential_opens"], true);
    third.run(&["sync", "--json"]).ok();
}

#[test]
fn the_check_up_shows_what_is_there_and_what_to_see_to() {
    let home = Home::new();
    home.run(&["doctor"]).fails(7, "nothing is stored", "");
    home.run(&["backup", "copy"]).fails(7, "nothing is stored", "");
    home.run(&["restore", "copy"]).fails(5, "cannot read copy", "");

    let sim = SimSetup::of(tiny(92)).start();
    let home = Home::synced_with(&sim);
    let shown = home.run(&["doctor"]).ok();
    for expected in [
        "all as they were written",
        "1 intact: 1",
        "can be decrypted",
        "Everything that is stored is intact.",
    ] {
        assert!(shown.stdout.contains(expected), "{expected:?} is not in {shown:?}");
    }
    let doctor = home.run(&["doctor", "--json"]).json();
    let facts: usize = home.facts().len();
    let snapshot = &doctor["sources"][0]["snapshots"][0];
    assert_eq!((number(snapshot, "number"), number(snapshot, "facts")), (1, facts as u64));
    assert_eq!((&doctor["pages"], &doctor["damage"]), (&json!("intact"), &json!([])));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = home.data().join("sightline.redb");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let shown = home.run(&["doctor"]).ok();
        assert!(shown.stdout.contains("(mode 644)") && shown.stdout.contains("chmod 600"), "{shown:?}");
    }
}

#[test]
fn a_damaged_file_is_told_and_never_answered_from() {
    let sim = SimSetup::of(tiny(93)).start();
    let home = Home::synced_with(&sim);
    let before = home.facts();
    let file = home.data().join("sightline.redb");
    let good = fs::read(&file).unwrap();
    let mut rng = fastrand::Rng::with_seed(93);
    let (mut damaged, mut unharmed) = (0, 0);
    // Much of a small file is free, and damage there harms nobody: ever more is flipped, so that
    // what is stored is hit wherever it happens to lie. The first page stays: without it the file is
    // no longer known as a store, and that has a text of its own.
    for flips in (0..12).map(|round| 1 << round) {
        let mut bytes = good.clone();
        for _ in 0..flips {
            let at = rng.usize(4096..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
        }
        fs::write(&file, &bytes).unwrap();
        let doctor = home.run(&["doctor"]);
        let exported = home.run(&["export"]);
        if doctor.code == 0 {
            assert_eq!(home.facts(), before);
            unharmed += 1;
            continue;
        }
        doctor.fails(5, "the store is damaged", "restore a backup");
        exported.fails(5, "the store is damaged", "sightline doctor");
        home.run(&["sync"]).fails(5, "the store is damaged", "sightline doctor");
        home.run(&["backup", "copy"]).fails(5, "the store is damaged", "sightline doctor");
        assert!(!home.path().join("copy").exists());
        damaged += 1;
    }
    assert!(damaged > 2, "{damaged} damaged, {unharmed} unharmed");
    fs::write(&file, &good).unwrap();
    assert_eq!(home.facts(), before);
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_is_told_once_and_costs_nothing() {
    let sim = SimSetup::of(tiny(94)).start();
    let reference = crate::harness::timeless(Home::synced_with(&sim).facts());
    let home = Home::connected_to(&sim);
    let file = home.data().join("sightline.redb");
    let size = fs::metadata(&file).unwrap().len();
    // The system lets no file of the program grow beyond so many blocks of 512 bytes.
    let limit = |bytes: u64| format!("trap '' XFSZ; ulimit -f {}", bytes / 512);
    let output = home.run_under(&limit(size), &["sync", "--json"]);
    output.fails(5, file.to_str().unwrap(), "make room");
    home.run(&["doctor"]).ok();
    // A backup that does not fit leaves nothing behind.
    let names =
        || fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    let before = names();
    home.run_under(&limit(size / 4), &["backup", "copy"]).fails(5, "copy", "make room");
    assert_eq!(names(), before);
    // With room again it goes on.
    home.run(&["sync", "--json"]).ok();
    assert_eq!(crate::harness::timeless(home.facts()), reference);
}
