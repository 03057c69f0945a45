//! Random passwords: which characters, how many, and at least one of each type.
//!
//! The refusals are as observed through CloudFormation: by default every type that is not switched off must be there,
//! and a space is admitted, never required.

use base::Ids;
use zeroize::Zeroizing;

use crate::error::Error;

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// What a password is to be like.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub length: usize,
    pub excluded: &'a str,
    pub lowercase: bool,
    pub uppercase: bool,
    pub digits: bool,
    pub punctuation: bool,
    pub space: bool,
    /// At least one of each type that is included.
    pub each_type: bool,
}

pub fn generate(wish: &Wish<'_>, ids: &Ids) -> Result<Zeroizing<String>, Error> {
    let types: Vec<Vec<u8>> = [
        (wish.lowercase, LOWERCASE),
        (wish.uppercase, UPPERCASE),
        (wish.digits, DIGITS),
        (wish.punctuation, PUNCTUATION),
    ]
    .into_iter()
    .filter(|(included, _)| *included)
    .map(|(_, characters)| characters.bytes().filter(|c| !wish.excluded.contains(*c as char)).collect())
    .collect();
    if wish.each_type && types.iter().any(Vec::is_empty) {
        return Err(Error::parameter("All characters of the desired type have been excluded"));
    }
    if wish.each_type && wish.length < types.len() {
        return Err(Error::parameter("Password length is too short based on the required types."));
    }
    let mut pool = types.concat();
    if wish.space && !wish.excluded.contains(' ') {
        pool.push(b' ');
    }
    if pool.is_empty() {
        return Err(Error::parameter("All characters have been excluded from selection"));
    }
    let pick = |from: &[u8]| from[ids.below(from.len() as u64) as usize];
    let mut password = Zeroizing::new(Vec::with_capacity(wish.length));
    if wish.each_type {
        password.extend(types.iter().map(|characters| pick(characters)));
    }
    while password.len() < wish.length {
        password.push(pick(&pool));
    }
    shuffle(&mut password, ids);
    Ok(Zeroizing::new(String::from_utf8(password.to_vec()).expect("all types are ASCII")))
}

/// So that the required characters are not at the front. Fisher and Yates.
fn shuffle(password: &mut [u8], ids: &Ids) {
    for last in (1..password.len()).rev() {
        password.swap(last, ids.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wish<'static> = Wish {
        length: 32,
        excluded: "",
        lowercase: true,
        uppercase: true,
        digits: true,
        punctuation: true,
        space: false,
        each_type: true,
    };

    fn make(wish: &Wish<'_>) -> Result<String, Error> {
        generate(wish, &Ids::seeded(5)).map(|password| password.to_string())
    }

    #[test]
    fn every_type_is_there_and_nothing_that_was_excluded() {
        let ids = Ids::seeded(1);
        for _ in 0..200 {
            let wish = Wish { length: 4, excluded: "aA0!", ..ALL };
            let password = generate(&wish, &ids).unwrap();
            assert_eq!(password.len(), 4);
            for characters in [LOWERCASE, UPPERCASE, DIGITS, PUNCTUATION] {
                assert!(password.chars().any(|c| characters.contains(c)), "{password:?}");
            }
            assert!(!password.contains(['a', 'A', '0', '!']));
        }
    }

    #[test]
    fn types_can_be_switched_off_and_space_on() {
        let digits = Wish { lowercase: false, uppercase: false, punctuation: false, ..ALL };
        assert!(make(&digits).unwrap().bytes().all(|c| c.is_ascii_digit()));
        let spaced = Wish { length: 4096, space: true, ..ALL };
        assert!(make(&spaced).unwrap().contains(' '));
        assert!(!make(&Wish { length: 4096, ..ALL }).unwrap().contains(' '));
        let only_space = Wish { space: true, digits: false, length: 1, ..digits };
        assert_eq!(make(&only_space).unwrap(), " ");
    }

    #[test]
    fn impossible_wishes_are_refused() {
        let none = Wish { lowercase: false, uppercase: false, digits: false, punctuation: false, ..ALL };
        for (wish, message) in [
            (Wish { length: 3, ..ALL }, "Password length is too short based on the required types."),
            (Wish { excluded: DIGITS, ..ALL }, "All characters of the desired type have been excluded"),
            (none, "All characters have been excluded from selection"),
        ] {
            assert_eq!(make(&wish), Err(Error::parameter(message)), "{wish:?}");
        }
        let lax = Wish { excluded: DIGITS, each_type: false, length: 1, ..ALL };
        assert!(make(&lax).is_ok());
    }
}
