//! The images of a host: made once, kept, found again, removed.
//!
//! An image is made in `drafts/`, synced, and renamed into `images/`, so what lies there is whole. Whoever makes or
//! removes one holds its lock; others who want the same image wait and then find it made, whichever process they are.
//! Nothing refers to an image from here: who removes one knows that no machine uses it.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::error::{At, ImageError};
use crate::limits::{IMAGE_BYTES_MAX, IMAGE_ENTRIES_MAX};
use crate::lock::Lock;
use crate::root::{
    Description, ImageId, ImageRoot, Init, Kind, Origin, Process, Progress, detect_init, own_architecture,
};
use crate::{debian, emulator, import, minimal};

/// Of `image.json`.
const VERSION: u32 = 1;

/// Called from the thread that does the work; it should return soon.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// How images are built, and what they may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The release of Debian that the Debian image has, such as `bookworm`. The host's own if it is a Debian, if not
    /// [`debian::SUITE`].
    pub suite: Option<String>,
    /// Where its packages come from. Debian's own mirrors if none is given.
    pub mirror: Option<String>,
    /// Whether a missing mmdebstrap may be installed with apt-get (as root only).
    pub may_install: bool,
    pub image_bytes_max: u64,
    pub image_entries_max: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            suite: None,
            mirror: None,
            may_install: true,
            image_bytes_max: IMAGE_BYTES_MAX,
            image_entries_max: IMAGE_ENTRIES_MAX,
        }
    }
}

/// A folder of images. Cheap to clone.
#[derive(Clone)]
pub struct Images {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    settings: Settings,
}

/// What a build or an import says about what it put into its draft.
pub(crate) struct Made {
    pub origin: Origin,
    pub architecture: String,
    pub users: Vec<String>,
    pub process: Option<Process>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    about: Description,
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("folder", &self.inner.folder).finish_non_exhaustive()
    }
}

impl Images {
    /// Opens the folder, makes it if there is none, and removes what half-done work left.
    ///
    /// Only its owner may look inside: the images have setuid programs that the host's users are not to run.
    pub fn open(folder: &Path, settings: Settings) -> Result<Images, ImageError> {
        for part in [folder.to_owned(), folder.join("images"), folder.join("drafts"), folder.join("locks")] {
            DirBuilder::new().recursive(true).mode(0o700).create(&part).at(&part)?;
        }
        for part in ["images", "drafts"] {
            let part = folder.join(part);
            fs::set_permissions(&part, fs::Permissions::from_mode(0o700)).at(&part)?;
        }
        let images = Images { inner: Arc::new(Inner { folder: folder.to_owned(), settings }) };
        images.sweep()?;
        Ok(images)
    }

    /// Builds an image, or finds it built already. An image is built again when this program's recipe for it changes.
    pub async fn build(&self, kind: Kind, on: OnProgress) -> Result<ImageRoot, ImageError> {
        let images = self.clone();
        blocking(move || images.build_here(kind, &on)).await
    }

    /// The image that [`Images::build`] would return at once.
    pub fn built(&self, kind: Kind) -> Result<Option<ImageRoot>, ImageError> {
        self.root(&self.built_id(kind))
    }

    /// Imports an OCI image layout or a Docker archive (`docker save`): a tar file, plain, gzip or zstd. Of several
    /// images in it, `name` (such as `nginx:1.27`) picks one; without it there must be one for this architecture.
    pub async fn import_oci(
        &self,
        archive: &Path,
        name: Option<&str>,
        on: OnProgress,
    ) -> Result<ImageRoot, ImageError> {
        let (images, archive, name) = (self.clone(), archive.to_owned(), name.map(str::to_owned));
        blocking(move || {
            on(Progress::Step("reading the archive".to_owned()));
            let mut key = digest::of_file(&archive)?;
            if let Some(name) = &name {
                key = digest::of_bytes(format!("{key}\n{name}").as_bytes());
            }
            images.make(&named("oci", &key), &on, |draft| {
                import::oci(&archive, name.as_deref(), draft, &images.inner.settings, &on)
            })
        })
        .await
    }

    /// Imports a root file system from a tar file, plain, gzip or zstd.
    pub async fn import_tar(&self, archive: &Path, on: OnProgress) -> Result<ImageRoot, ImageError> {
        let (images, archive) = (self.clone(), archive.to_owned());
        blocking(move || {
            on(Progress::Step("reading the archive".to_owned()));
            let key = digest::of_file(&archive)?;
            images.make(&named("tar", &key), &on, |draft| {
                import::tarball(&archive, draft, &images.inner.settings, &on)
            })
        })
        .await
    }

    /// Imports an archive of either kind: see [`Images::import_oci`] and [`Images::import_tar`].
    pub async fn import(&self, archive: &Path, on: OnProgress) -> Result<ImageRoot, ImageError> {
        let path = archive.to_owned();
        match blocking(move || import::is_of_layers(&path)).await? {
            true => self.import_oci(archive, None, on).await,
            false => self.import_tar(archive, on).await,
        }
    }

    /// An image that is ready.
    pub fn root(&self, id: &ImageId) -> Result<Option<ImageRoot>, ImageError> {
        let folder = self.inner.folder.join("images").join(id.as_str());
        let path = folder.join("image.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.at(&path)?,
        };
        let kept: Kept = serde_json::from_slice(&text).map_err(std::io::Error::from).at(&path)?;
        if kept.version != VERSION {
            return Err(ImageError::Unusable(format!(
                "{} has version {}, which this program does not know",
                path.display(),
                kept.version
            )));
        }
        Ok(Some(ImageRoot { id: id.clone(), folder: folder.join("root"), about: kept.about }))
    }

    /// All images that are ready, by id.
    pub fn list(&self) -> Result<Vec<ImageRoot>, ImageError> {
        let mut found = Vec::new();
        for id in self.ids_in("images")? {
            found.extend(self.root(&id)?);
        }
        Ok(found)
    }

    /// Removes an image. It is gone for others at once; that no machine uses it is for the caller to know.
    pub async fn remove(&self, id: &ImageId) -> Result<(), ImageError> {
        let (images, id) = (self.clone(), id.clone());
        blocking(move || {
            let _lock = Lock::wait(&images.inner.folder.join("locks"), &id, || {})?;
            let (image, draft) = (images.path("images", &id), images.path("drafts", &id));
            remove_tree(&draft)?;
            match fs::rename(&image, &draft) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(ImageError::NotFound(id));
                }
                other => other.at(&image)?,
            }
            sync_folder(&images.inner.folder.join("images"))?;
            remove_tree(&draft)
        })
        .await
    }

    /// Removes what builds, imports and removals that were broken off left behind; says how many.
    pub fn sweep(&self) -> Result<usize, ImageError> {
        let mut swept = 0;
        for id in self.ids_in("drafts")? {
            if let Some(_lock) = Lock::attempt(&self.inner.folder.join("locks"), &id)? {
                remove_tree(&self.path("drafts", &id))?;
                swept += 1;
            }
        }
        if swept > 0 {
            tracing::info!(swept, "removed half-made images");
        }
        Ok(swept)
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.inner.folder.join("locks")
    }

    pub(crate) fn path(&self, part: &str, id: &ImageId) -> PathBuf {
        self.inner.folder.join(part).join(id.as_str())
    }

    fn ids_in(&self, part: &str) -> Result<Vec<ImageId>, ImageError> {
        let folder = self.inner.folder.join(part);
        let mut ids = Vec::new();
        for entry in fs::read_dir(&folder).at(&folder)? {
            let name = entry.at(&folder)?.file_name();
            ids.extend(name.to_str().and_then(|name| ImageId::parse(name).ok()));
        }
        ids.sort();
        Ok(ids)
    }

    fn built_id(&self, kind: Kind) -> ImageId {
        match kind {
            Kind::Minimal => named("minimal", &minimal::recipe()),
            Kind::Debian => named("debian", &debian::recipe(&self.inner.settings)),
            Kind::Emulator => named("emulator", &emulator::recipe()),
        }
    }

    fn build_here(&self, kind: Kind, on: &OnProgress) -> Result<ImageRoot, ImageError> {
        self.make(&self.built_id(kind), on, |draft| match kind {
            Kind::Minimal => minimal::build(draft, on),
            Kind::Debian => debian::build(draft, &self.inner.settings, on),
            Kind::Emulator => emulator::build(draft, on),
        })
    }

    /// Has `work` fill the folder `root` of a draft, and keeps that. Other files of the draft are thrown away.
    fn make(
        &self,
        id: &ImageId,
        on: &OnProgress,
        work: impl FnOnce(&Path) -> Result<Made, ImageError>,
    ) -> Result<ImageRoot, ImageError> {
        if let Some(root) = self.root(id)? {
            return Ok(root);
        }
        let _lock = Lock::wait(&self.inner.folder.join("locks"), id, || on(Progress::Waiting))?;
        if let Some(root) = self.root(id)? {
            return Ok(root);
        }
        let draft = self.path("drafts", id);
        remove_tree(&draft)?;
        let made = fill(&draft, on, work);
        if let Err(error) = made {
            // The next open sweeps what cannot be removed now; why the work failed says more.
            let _ = remove_tree(&draft);
            return Err(error);
        }
        let image = self.path("images", id);
        fs::rename(&draft, &image).at(&image)?;
        sync_folder(&self.inner.folder.join("images"))?;
        self.root(id)?.ok_or_else(|| ImageError::NotFound(id.clone()))
    }
}

/// Makes a draft, whole and synced.
fn fill(
    draft: &Path,
    on: &OnProgress,
    work: impl FnOnce(&Path) -> Result<Made, ImageError>,
) -> Result<(), ImageError> {
    let root = draft.join("root");
    DirBuilder::new().recursive(true).mode(0o755).create(&root).at(&root)?;
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).at(&root)?;
    let made = work(draft)?;
    for entry in fs::read_dir(draft).at(draft)? {
        let path = entry.at(draft)?.path();
        if path != root {
            remove_tree(&path)?;
        }
    }
    on(Progress::Step("checking and syncing".to_owned()));
    let content = digest::of_tree(&root)?;
    let init = detect_init(&root);
    let about = Description {
        origin: made.origin,
        digest: content.digest,
        bytes: content.bytes,
        entries: content.entries,
        architecture: made.architecture,
        init,
        users: if init == Init::Process { Vec::new() } else { made.users },
        process: made.process,
    };
    let path = draft.join("image.json");
    let text = serde_json::to_vec_pretty(&Kept { version: VERSION, about })
        .map_err(std::io::Error::from)
        .at(&path)?;
    fs::write(&path, text).at(&path)?;
    // One call for all of the files, where syncing each would take longer than unpacking them.
    rustix::fs::syncfs(File::open(draft).at(draft)?).at(draft)
}

impl Made {
    /// For what was built or imported for the host's own architecture.
    pub fn own(origin: Origin, users: &[&str]) -> Made {
        let users = users.iter().map(|&user| user.to_owned()).collect();
        Made { origin, architecture: own_architecture().to_owned(), users, process: None }
    }
}

/// An id from a prefix and a digest.
fn named(prefix: &str, digest: &str) -> ImageId {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    let hex = hex.get(..16).expect("a digest has 64 hexadecimal digits");
    ImageId::parse(&format!("{prefix}-{hex}")).expect("a word, a hyphen and hexadecimal digits are an id")
}

/// Removes a file or a folder with all in it. Links are removed, not followed.
pub(crate) fn remove_tree(path: &Path) -> Result<(), ImageError> {
    let removed = match path.symlink_metadata() {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at(path),
    }
}

pub(crate) fn sync_folder(folder: &Path) -> Result<(), ImageError> {
    File::open(folder).at(folder)?.sync_all().at(folder)
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ImageError::BrokenOff)?
}
