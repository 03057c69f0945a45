//! The store: images appear whole or not at all, once, and go when they are told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{quiet, store, tar};
use fogbank_image::{ImageError, ImageId, Images, Progress, Settings};

#[tokio::test]
async fn an_image_is_found_again_by_the_next_process() {
    let store = store();
    let archive = store.file("archive", &tar().file("etc/motd", b"fog").bytes());
    let image = store.images.import_tar(&archive, quiet()).await.unwrap();
    let again = Images::open(&store.folder.path().join("store"), Settings::default()).unwrap();
    assert_eq!(again.root(&image.id).unwrap(), Some(image.clone()));
    assert_eq!(again.list().unwrap(), std::slice::from_ref(&image));
    again.remove(&image.id).await.unwrap();
    assert_eq!(store.images.root(&image.id).unwrap(), None);
    assert!(!image.folder.exists());
    assert!(matches!(again.remove(&image.id).await, Err(ImageError::NotFound(_))));
}

#[tokio::test]
async fn two_who_want_the_same_image_get_it_from_one_build() {
    let store = store();
    let archive = store.file("archive", &tar().file("etc/motd", &[7; 100_000]).bytes());
    let unpacked = Arc::new(AtomicUsize::new(0));
    let waited = Arc::new(Mutex::new(0));
    let other = Images::open(&store.folder.path().join("store"), Settings::default()).unwrap();
    let watch = || {
        let (unpacked, waited) = (unpacked.clone(), waited.clone());
        Arc::new(move |step: Progress| match step {
            Progress::Step(step) if step == "unpacking" => {
                unpacked.fetch_add(1, Ordering::Relaxed);
                // Long enough that the other comes to wait.
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
            Progress::Waiting => *waited.lock().unwrap() += 1,
            _ => {}
        }) as fogbank_image::OnProgress
    };
    let (one, two) =
        tokio::join!(store.images.import_tar(&archive, watch()), other.import_tar(&archive, watch()));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!((unpacked.load(Ordering::Relaxed), *waited.lock().unwrap()), (1, 1));
}

#[tokio::test]
async fn half_made_images_are_swept_and_work_in_progress_is_not() {
    let store = store();
    let drafts = store.folder.path().join("store/drafts");
    std::fs::create_dir_all(drafts.join("tar-0123/root/etc")).unwrap();
    std::fs::write(drafts.join("tar-0123/root/etc/motd"), "half").unwrap();
    let archive = store.file("archive", &tar().file("a", b"").bytes());
    let other = store.images.clone();
    let during = Arc::new(move |step: Progress| {
        if step == Progress::Step("unpacking".to_owned()) {
            // Another process opens the store while this one unpacks.
            assert_eq!(other.sweep().unwrap(), 1);
        }
    });
    let image = store.images.import_tar(&archive, during).await.unwrap();
    assert_eq!(store.names("images"), [image.id.as_str()]);
    assert!(store.names("drafts").is_empty());
}

#[tokio::test]
async fn what_a_later_version_keeps_is_not_guessed_at() {
    let store = store();
    let archive = store.file("archive", &tar().file("a", b"").bytes());
    let image = store.images.import_tar(&archive, quiet()).await.unwrap();
    let path = store.folder.path().join("store/images").join(image.id.as_str()).join("image.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
    assert!(store.images.root(&image.id).unwrap_err().to_string().contains("version 2"));
}

#[test]
fn only_the_owner_looks_into_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let store = store();
    for part in ["images", "drafts"] {
        let mode = store.folder.path().join("store").join(part).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{part}");
    }
    assert_eq!(store.images.root(&ImageId::parse("none").unwrap()).unwrap(), None);
}
