//! Who used a key last, for GetKeyLastUsage: noted in memory by every cryptographic operation, and written down once in
//! a while. A crash may lose the last minute of it.

use std::collections::HashMap;

use base::{AccountId, Region};
use parking_lot::Mutex;
use service::Call;

use crate::directory::Key;
use crate::limits::{NOTED_USES_AT_ONCE_MAX, NOTED_USES_MAX};
use crate::records::LastUse;

type Place = (AccountId, Region);

/// What has not been written down yet.
#[derive(Default)]
pub struct Uses(Mutex<HashMap<String, Noted>>);

struct Noted {
    place: Place,
    operation: &'static str,
    at: base::Timestamp,
    request_id: String,
}

impl Uses {
    pub fn note(&self, key: &Key, operation: &'static str, call: &Call) {
        let noted =
            Noted { place: key.place(), operation, at: call.now, request_id: call.request_id.clone() };
        let mut uses = self.0.lock();
        let name = uses_key(key.place(), &key.id);
        if uses.len() < NOTED_USES_MAX || uses.contains_key(&name) {
            uses.insert(name, noted);
        }
    }

    /// The last use that is not written down yet.
    pub fn of(&self, place: Place, key: &str) -> Option<LastUse> {
        self.0.lock().get(&uses_key(place, key)).map(Noted::to_record)
    }

    /// Some of what is to be written down. It stays known here until [`Uses::written`].
    pub fn some(&self) -> Vec<(Place, String, LastUse)> {
        let uses = self.0.lock();
        let some = uses.iter().take(NOTED_USES_AT_ONCE_MAX);
        some.map(|(name, noted)| (noted.place, key_of(name).to_owned(), noted.to_record())).collect()
    }

    /// Forgets what was written down, unless the key was used again meanwhile.
    pub fn written(&self, written: &[(Place, String, LastUse)]) {
        let mut uses = self.0.lock();
        for (place, key, record) in written {
            let name = uses_key(*place, key);
            if uses.get(&name).is_some_and(|noted| noted.request_id == record.request_id) {
                uses.remove(&name);
            }
        }
    }
}

impl Noted {
    fn to_record(&self) -> LastUse {
        LastUse { at: self.at, operation: self.operation.to_owned(), request_id: self.request_id.clone() }
    }
}

/// A multi-region key has one id in many places.
fn uses_key((account, region): Place, key: &str) -> String {
    format!("{account}/{region}/{key}")
}

fn key_of(name: &str) -> &str {
    name.rsplit('/').next().expect("a split has a last part")
}
