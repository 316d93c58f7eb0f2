//! Passwords of those who use Sightline: which are accepted, what is kept of them, and how they are checked.

use std::sync::OnceLock;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use sightline_core::Secret;
use sightline_store::PasswordHash;
use thiserror::Error;

/// Fewest characters of a password.
pub const MIN_CHARS: usize = 12;
/// Most bytes of a password: a longer one is no better, and anybody may send one.
pub const MAX_BYTES: usize = 1024;

/// What a password costs, at least what OWASP asks of argon2id: 19 MiB, filled twice, by one thread.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Why a password is not accepted or not hashed, as a fragment that says what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It is short enough to be guessed.
    #[error("the password has fewer than {MIN_CHARS} characters")]
    Short,
    /// It is longer than anybody types.
    #[error("the password has more than {MAX_BYTES} bytes")]
    Long,
    /// Whoever knows the name knows it.
    #[error("the password is the name of the user")]
    IsName,
    /// There is not enough memory, or no random bytes.
    #[error("the password could not be hashed")]
    NotHashed,
}

/// Fails unless the password is one that this user may have: long enough, and not the name; of whatever characters.
pub fn check(password: &Secret, user_name: &str) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.len() > MAX_BYTES {
        return Err(PasswordError::Long);
    }
    if text.chars().count() < MIN_CHARS {
        return Err(PasswordError::Short);
    }
    if text.trim().to_lowercase() == user_name.to_lowercase() {
        return Err(PasswordError::IsName);
    }
    Ok(())
}

/// What is kept of a password: argon2id with a salt of its own, in PHC format.
///
/// This takes tens of milliseconds of a processor and 19 MiB, and is not for a thread that must not block.
pub fn hash(password: &Secret) -> Result<PasswordHash, PasswordError> {
    let hashed = hasher()?.hash_password(password.expose().as_bytes());
    Ok(PasswordHash::new(hashed.map_err(|_| PasswordError::NotHashed)?.to_string()))
}

/// Whether it is the password of which that is kept.
///
/// Where nothing is kept, because there is no such user or no password, it takes as long to say no.
pub fn verify(password: &Secret, kept: Option<&PasswordHash>) -> bool {
    // Nobody has a password as long, so nothing is told by refusing it at once.
    if password.expose().len() > MAX_BYTES {
        return false;
    }
    let Ok(hasher) = hasher() else { return false };
    let phc = if let Some(kept) = kept { kept.expose() } else { nobody() };
    // How much work it is stands in what is kept.
    let is_right = hasher.verify_password(password.expose().as_bytes(), phc).is_ok();
    is_right && kept.is_some()
}

/// What would be kept of a password that nobody has.
fn nobody() -> &'static str {
    static NOBODY: OnceLock<Option<PasswordHash>> = OnceLock::new();
    let kept = NOBODY.get_or_init(|| hash(&Secret::new("nobody's")).ok());
    kept.as_ref().map_or("", PasswordHash::expose)
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::NotHashed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_not_the_name() {
        let check = |text: &str, name: &str| check(&Secret::new(text), name);
        assert_eq!(check("", "ann"), Err(PasswordError::Short));
        assert_eq!(check("elevenchars", "ann"), Err(PasswordError::Short));
        // Characters are counted, not bytes.
        assert_eq!(check("ääääääääää1", "ann"), Err(PasswordError::Short));
        assert_eq!(check("Ann.Of.Green.Gables", "ann.of.green.gables"), Err(PasswordError::IsName));
        assert_eq!(check(" ANN.OF.GREEN.GABLES ", "ann.of.green.gables"), Err(PasswordError::IsName));
        assert_eq!(check(&"a".repeat(MAX_BYTES + 1), "ann"), Err(PasswordError::Long));
        for good in ["aaaaaaaaaaaa", "correct horse battery staple", "ääääääääääää", &"a".repeat(MAX_BYTES)]
        {
            assert_eq!(check(good, "ann"), Ok(()));
        }
    }

    #[test]
    fn only_the_password_itself_is_right() {
        let password = Secret::new("correct horse battery staple");
        let kept = hash(&password).unwrap();
        assert!(kept.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.expose());
        assert!(verify(&password, Some(&kept)));
        for wrong in [
            "",
            "correct horse battery stapl",
            "correct horse battery staple ",
            "Correct horse battery staple",
        ] {
            assert!(!verify(&Secret::new(wrong), Some(&kept)), "{wrong:?}");
        }
        assert_ne!(hash(&password).unwrap(), kept, "each has a salt of its own");
        for broken in ["", "plain", "$argon2id$v=19$m=19456,t=2,p=1$", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(!verify(&password, Some(&PasswordHash::new(broken))), "{broken:?}");
        }
    }

    #[test]
    fn what_was_hashed_with_other_parameters_and_by_other_programs_is_still_known() {
        // A known answer of the reference implementation, `src/test.c` of phc-winner-argon2.
        let kept = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify(&Secret::new("password"), Some(&PasswordHash::new(kept))));
        assert!(!verify(&Secret::new("passwore"), Some(&PasswordHash::new(kept))));
    }
}
