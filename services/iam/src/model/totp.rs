//! Time-based one-time passwords as AWS's virtual devices make them: SHA-1, thirty seconds, six digits (RFC 6238).
//!
//! A device's clock may be off. How far is learnt from two consecutive codes, when it is enabled or synchronised.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use base::Timestamp;

use crate::limits::MFA_DRIFT_STEPS_MAX;
use crate::records::MfaEnabled;

const STEP_SECONDS: i64 = 30;
const CODES: u32 = 1_000_000;

/// How many steps before and after its own a code is good for: people type slowly.
const STEPS_AROUND: i64 = 1;

/// The step of time that a moment lies in.
pub fn step(now: Timestamp) -> i64 {
    now.as_secs().div_euclid(STEP_SECONDS)
}

/// The code of a step.
pub fn code(seed: &[u8], step: u64) -> String {
    let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed), &step.to_be_bytes());
    let digest = tag.as_ref();
    // RFC 4226, 5.3: the last four bits say where the 31 bits of the code are.
    let offset = usize::from(digest[digest.len() - 1] & 15);
    let word: [u8; 4] = digest[offset..offset + 4].try_into().expect("four bytes were taken");
    let number = u32::from_be_bytes(word) & 0x7fff_ffff;
    format!("{:06}", number % CODES)
}

/// The step whose code this is, if it is good now and later than the last that was used.
pub fn check_code(enabled: &MfaEnabled, seed: &[u8], given: &str, now: Timestamp) -> Option<u64> {
    let device_step = step(now) + enabled.drift_steps;
    let around = device_step - STEPS_AROUND..=device_step + STEPS_AROUND;
    let mut steps = around.filter_map(|step| u64::try_from(step).ok());
    steps.find(|step| *step > enabled.last_step && equal(&code(seed, *step), given))
}

/// What two consecutive codes tell of a device: the later one's step, and how many steps the device is ahead.
pub fn synchronise(seed: &[u8], first: &str, second: &str, now: Timestamp) -> Option<(u64, i64)> {
    let here = step(now);
    // The nearest steps first, since any code comes again some day.
    let offsets = (0..=MFA_DRIFT_STEPS_MAX).flat_map(|far| [-far, far]);
    offsets.filter_map(|offset| u64::try_from(here + offset).ok()).find_map(|later| {
        let earlier = later.checked_sub(1)?;
        let good = equal(&code(seed, later), second) && equal(&code(seed, earlier), first);
        let ahead = later as i64 - here;
        // Within what is tolerated anyway, the device is on time: somebody was quick or slow.
        good.then_some((later, if ahead.abs() <= STEPS_AROUND { 0 } else { ahead }))
    })
}

fn equal(code: &str, given: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(code.as_bytes(), given.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn enabled(last_step: u64, drift_steps: i64) -> MfaEnabled {
        MfaEnabled { user: None, at: Timestamp::EPOCH, last_step, drift_steps }
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B has eight digits; six are their last six.
        for (second, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step(Timestamp::from_secs(second));
            assert_eq!(code(SEED, step as u64), expected, "{second}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_a_step_around() {
        let now = Timestamp::from_secs(1_800_000_000);
        let here = step(now) as u64;
        let none = enabled(0, 0);
        for (step, good) in
            [(here - 2, false), (here - 1, true), (here, true), (here + 1, true), (here + 2, false)]
        {
            assert_eq!(check_code(&none, SEED, &code(SEED, step), now), good.then_some(step));
        }
        assert_eq!(check_code(&enabled(here, 0), SEED, &code(SEED, here), now), None, "it was used");
        assert_eq!(check_code(&none, SEED, "12345", now), None);
    }

    #[test]
    fn two_consecutive_codes_tell_how_far_a_clock_is_off() {
        let now = Timestamp::from_secs(1_800_000_000);
        let here = step(now) as u64;
        let try_at =
            |first: u64, second: u64| synchronise(SEED, &code(SEED, first), &code(SEED, second), now);
        assert_eq!(try_at(here - 1, here), Some((here, 0)));
        assert_eq!(try_at(here, here + 1), Some((here + 1, 0)));
        assert_eq!(try_at(here - 51, here - 50), Some((here - 50, -50)));
        assert_eq!(try_at(here + 39, here + 40), Some((here + 40, 40)));
        assert_eq!(try_at(here, here), None, "one code twice");
        assert_eq!(try_at(here, here + 2), None, "one was left out");
        assert_eq!(try_at(here + 1, here), None, "the wrong way round");
        assert_eq!(try_at(here + 500, here + 501), None, "too far");

        let late = enabled(here - 50, -50);
        assert_eq!(check_code(&late, SEED, &code(SEED, here - 49), now), Some(here - 49));
        assert_eq!(check_code(&late, SEED, &code(SEED, here), now), None);
    }
}
