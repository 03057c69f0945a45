//! What was looked up, remembered until it may be otherwise.
//!
//! Nothing is removed one by one: to forget an account is to say that what was learnt about it before this moment
//! counts no more. So a lookup that was overtaken by a change is not believed either: its answer carries the moment
//! the lookup began.

use std::collections::{HashMap, HashSet};

use base::AccountId;

/// A moment in the order of forgettings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// Which forgettings there were.
#[derive(Default)]
pub struct Forgettings {
    count: u64,
    /// The last moment an account was forgotten.
    accounts: HashMap<AccountId, u64>,
    /// Accounts with a change whose outcome nobody saw; nothing about them is believed from memory.
    unsettled: HashSet<AccountId>,
}

/// Answers of one kind, by a key that is unique in the whole cloud. When it is full it begins anew.
pub struct Shelf<V> {
    answers: HashMap<String, (Moment, AccountId, V)>,
    answers_max: usize,
}

impl Forgettings {
    /// To be taken before a lookup begins.
    pub fn now(&self) -> Moment {
        Moment(self.count)
    }

    pub fn forget(&mut self, account: AccountId) {
        self.count += 1;
        self.accounts.insert(account, self.count);
    }

    pub fn unsettle(&mut self, account: AccountId) {
        self.unsettled.insert(account);
    }

    pub fn unsettled(&self) -> Vec<AccountId> {
        self.unsettled.iter().copied().collect()
    }

    pub fn settle(&mut self, account: AccountId) {
        self.forget(account);
        self.unsettled.remove(&account);
    }

    fn holds(&self, moment: Moment, account: AccountId) -> bool {
        let forgotten = self.accounts.get(&account).copied().unwrap_or_default();
        moment.0 >= forgotten && !self.unsettled.contains(&account)
    }
}

impl<V: Clone> Shelf<V> {
    pub fn new(answers_max: usize) -> Shelf<V> {
        Shelf { answers: HashMap::new(), answers_max }
    }

    pub fn get(&self, key: &str, forgettings: &Forgettings) -> Option<V> {
        let (moment, account, answer) = self.answers.get(key)?;
        forgettings.holds(*moment, *account).then(|| answer.clone())
    }

    /// Keeps an answer about `account` of a lookup that began at `moment`.
    pub fn keep(
        &mut self,
        key: &str,
        answer: V,
        account: AccountId,
        moment: Moment,
        forgettings: &Forgettings,
    ) {
        if !forgettings.holds(moment, account) {
            return;
        }
        if self.answers.len() >= self.answers_max && !self.answers.contains_key(key) {
            self.answers.retain(|_, (moment, account, _)| forgettings.holds(*moment, *account));
            if self.answers.len() >= self.answers_max {
                self.answers.clear();
            }
        }
        self.answers.insert(key.to_owned(), (moment, account, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AccountId = AccountId::DEV;

    fn other() -> AccountId {
        AccountId::new(7).unwrap()
    }

    #[test]
    fn an_answer_is_kept_until_its_account_is_forgotten() {
        let (mut forgettings, mut shelf) = (Forgettings::default(), Shelf::new(10));
        shelf.keep("a", 1, ONE, forgettings.now(), &forgettings);
        shelf.keep("b", 2, other(), forgettings.now(), &forgettings);
        forgettings.forget(ONE);
        assert_eq!((shelf.get("a", &forgettings), shelf.get("b", &forgettings)), (None, Some(2)));
        shelf.keep("a", 3, ONE, forgettings.now(), &forgettings);
        assert_eq!(shelf.get("a", &forgettings), Some(3));
    }

    #[test]
    fn a_lookup_that_was_overtaken_by_a_change_is_not_kept() {
        let (mut forgettings, mut shelf) = (Forgettings::default(), Shelf::new(10));
        let began = forgettings.now();
        forgettings.forget(ONE);
        shelf.keep("a", 1, ONE, began, &forgettings);
        assert_eq!(shelf.get("a", &forgettings), None);
    }

    #[test]
    fn nothing_is_believed_while_a_change_is_unsettled() {
        let (mut forgettings, mut shelf) = (Forgettings::default(), Shelf::new(10));
        shelf.keep("a", 1, ONE, forgettings.now(), &forgettings);
        forgettings.unsettle(ONE);
        shelf.keep("b", 1, ONE, forgettings.now(), &forgettings);
        assert_eq!((shelf.get("a", &forgettings), shelf.get("b", &forgettings)), (None, None));
        forgettings.settle(ONE);
        assert_eq!(shelf.get("a", &forgettings), None, "it is from before the change");
        shelf.keep("a", 2, ONE, forgettings.now(), &forgettings);
        assert_eq!(shelf.get("a", &forgettings), Some(2));
    }

    #[test]
    fn a_full_shelf_drops_what_counts_no_more_before_it_begins_anew() {
        let (mut forgettings, mut shelf) = (Forgettings::default(), Shelf::new(2));
        shelf.keep("a", 1, ONE, forgettings.now(), &forgettings);
        shelf.keep("b", 2, other(), forgettings.now(), &forgettings);
        forgettings.forget(ONE);
        shelf.keep("c", 3, other(), forgettings.now(), &forgettings);
        assert_eq!((shelf.get("b", &forgettings), shelf.get("c", &forgettings)), (Some(2), Some(3)));
        shelf.keep("d", 4, other(), forgettings.now(), &forgettings);
        assert_eq!((shelf.get("b", &forgettings), shelf.get("d", &forgettings)), (None, Some(4)));
    }
}
