//! What a launcher has to know of a root file system that it does not look into, as one on a volume. Whoever keeps images
//! keeps this with them, and gives it on to what is burnt from their machines.

use serde::{Deserialize, Serialize};

use crate::process::Start;
use crate::root::{ImageRoot, Init, Origin};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub init: Init,
    /// The arguments of the first process. Empty if there is none, and then it cannot be started.
    pub argv: Vec<String>,
    /// Whom and where the first process runs as, where there is no init.
    pub start: Start,
    /// In EC2's words: `x86_64` or `arm64`.
    pub architecture: String,
    /// The users that the launch's key pair lets in, if they are known.
    pub users: Vec<String>,
    /// Whether it has what carries out the first boot. Others are given that at each launch.
    pub has_agent: bool,
}

impl ImageRoot {
    /// What there is to know of a machine of this image, also where its root is a copy of it on a volume.
    ///
    /// # Errors
    /// A sentence that names a user or group that the image does not have.
    pub fn facts(&self) -> Result<Facts, String> {
        Ok(Facts {
            init: self.about.init,
            argv: self.argv(),
            start: if self.about.init == Init::Process { self.start()? } else { root_start() },
            architecture: self.about.architecture.clone(),
            users: self.about.users.clone(),
            has_agent: matches!(self.about.origin, Origin::Built(_)),
        })
    }
}

/// As every init starts.
pub(crate) fn root_start() -> Start {
    Start { folder: "/".to_owned(), ..Start::default() }
}
