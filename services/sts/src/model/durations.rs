//! How long sessions last.
//!
//! Surprising: a session that begot another counts as a chain even if it was a user's own (GetSessionToken), and too
//! long a wish is refused for roles, but quietly cut for the root of an account.

use base::Timestamp;

use crate::error::Error;
use crate::limits::{
    CHAINED_SESSION_SECONDS_MAX, ROLE_SESSION_SECONDS_DEFAULT, ROOT_SESSION_SECONDS_MAX,
    ROOT_TASK_SECONDS_DEFAULT, USER_SESSION_SECONDS_DEFAULT,
};

/// Seconds that a session of a role lasts. The model holds the wish between 900 and 43,200.
pub fn of_role(asked: Option<i32>, role_max: u32, is_chained: bool) -> Result<u32, Error> {
    let Some(asked) = asked else { return Ok(ROLE_SESSION_SECONDS_DEFAULT.min(role_max)) };
    let asked = asked.unsigned_abs();
    if is_chained && asked > CHAINED_SESSION_SECONDS_MAX {
        return Err(Error::Validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
                .to_owned(),
        ));
    }
    if asked > role_max {
        return Err(Error::Validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        ));
    }
    Ok(asked)
}

/// Seconds that GetSessionToken and GetFederationToken give. The model holds the wish between 900 and 129,600.
pub fn of_user(asked: Option<i32>, is_root: bool) -> u32 {
    let asked = asked.map_or(USER_SESSION_SECONDS_DEFAULT, i32::unsigned_abs);
    if is_root { asked.min(ROOT_SESSION_SECONDS_MAX) } else { asked }
}

/// Seconds that AssumeRoot gives. The model holds the wish between 0 and 900.
pub fn of_root_task(asked: Option<i32>) -> u32 {
    asked.map_or(ROOT_TASK_SECONDS_DEFAULT, i32::unsigned_abs)
}

/// Sessions begin and end at whole seconds, as clients are told.
pub fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_secs(now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_session_lasts_as_long_as_the_role_and_the_chain_allow() {
        for (asked, role_max, chained, lasts) in [
            (None, 3_600, false, Some(3_600)),
            (None, 43_200, true, Some(3_600)),
            (Some(900), 3_600, false, Some(900)),
            (Some(3_601), 3_600, false, None),
            (Some(43_200), 43_200, false, Some(43_200)),
            (Some(3_600), 43_200, true, Some(3_600)),
            (Some(3_601), 43_200, true, None),
        ] {
            assert_eq!(of_role(asked, role_max, chained).ok(), lasts, "{asked:?} {role_max} {chained}");
        }
    }

    #[test]
    fn root_gets_an_hour_at_most() {
        for (asked, root, lasts) in
            [(None, false, 43_200), (None, true, 3_600), (Some(129_600), true, 3_600), (Some(900), true, 900)]
        {
            assert_eq!(of_user(asked, root), lasts);
        }
    }
}
