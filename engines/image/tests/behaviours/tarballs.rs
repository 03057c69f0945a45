//! Root file systems from tar files: what honest ones become, and that hostile ones become nothing.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use crate::support::{Store, gzip, quiet, store, store_with, tar, text, zstd};
use fogbank_image::{ImageError, ImageRoot, Init, Origin, Settings};
use tar::EntryType;

async fn import(store: &Store, bytes: &[u8]) -> Result<ImageRoot, ImageError> {
    store.images.import_tar(&store.file("archive", bytes), quiet()).await
}

#[tokio::test]
async fn a_root_file_system_is_unpacked_as_it_was_packed() {
    let store = store();
    let bytes = tar()
        .folder("./")
        .folder("./usr/")
        .folder("./usr/bin/")
        .symlink("./bin", "usr/bin")
        .file_of("./bin/sudo", b"program", 0o4755, 0)
        .file_of("./home/me/note", b"mine", 0o600, 1000)
        .hard_link("./bin/sudo2", "./usr/bin/sudo")
        .of_kind("./run/pipe", EntryType::Fifo)
        .of_kind("./dev/null", EntryType::Char)
        .symlink("./etc/mtab", "../proc/self/mounts")
        .symlink("./absolute", "/etc/passwd")
        .bytes();
    let image = import(&store, &bytes).await.unwrap();
    let root = &image.folder;
    assert_eq!(image.about.origin, Origin::Tar);
    assert_eq!(image.about.init, Init::Process);
    assert!(image.id.as_str().starts_with("tar-"));
    // Through the link, as in the image.
    assert_eq!(text(root, "usr/bin/sudo").as_deref(), Some("program"));
    let sudo = root.join("usr/bin/sudo").metadata().unwrap();
    assert_eq!((sudo.mode() & 0o7777, sudo.nlink(), sudo.mtime()), (0o4755, 2, 1_700_000_000));
    let note = root.join("home/me/note").metadata().unwrap();
    assert_eq!(note.mode() & 0o7777, 0o600);
    if rustix::process::geteuid().is_root() {
        assert_eq!((note.uid(), note.gid()), (1000, 1000));
    }
    assert!(root.join("run/pipe").metadata().unwrap().file_type().is_fifo());
    assert!(root.join("dev/null").symlink_metadata().is_err(), "machines have a /dev of their own");
    assert_eq!(root.join("absolute").read_link().unwrap(), Path::new("/etc/passwd"));
    assert_eq!(root.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(image.bytes(), 11);
}

#[tokio::test]
async fn plain_gzip_and_zstd_give_the_same_tree() {
    let store = store();
    let plain = tar().file("etc/motd", &b"fog\n".repeat(50_000)).bytes();
    let one = import(&store, &plain).await.unwrap();
    let two = import(&store, &gzip(&plain)).await.unwrap();
    let three = import(&store, &zstd(&plain)).await.unwrap();
    assert_eq!((one.digest(), two.digest()), (two.digest(), three.digest()));
    assert_eq!(store.images.list().unwrap().len(), 3);
    // The same archive again is the image that is there.
    assert_eq!(import(&store, &plain).await.unwrap(), one);
    assert_eq!(store.images.list().unwrap().len(), 3);
}

/// Imports what must be refused, and sees that nothing is left of it.
async fn refused(bytes: Vec<u8>, words: &str) {
    let store =
        store_with(Settings { image_bytes_max: 1 << 20, image_entries_max: 1000, ..Settings::default() });
    let outside = store.file("outside", b"untouched");
    let error = import(&store, &bytes).await.expect_err(words).to_string();
    assert!(error.contains(words), "{words}: {error}");
    assert!(store.names("images").is_empty() && store.names("drafts").is_empty(), "{words}");
    assert_eq!(std::fs::read(outside).unwrap(), b"untouched");
    let beside: Vec<String> = std::fs::read_dir(store.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["store", "outside", "archive"].contains(&name.as_str()))
        .collect();
    assert!(beside.is_empty(), "{beside:?}");
}

#[tokio::test]
async fn paths_that_lead_out_are_refused() {
    refused(tar().file("../outside", b"x").bytes(), "leads upwards").await;
    refused(tar().file("a/../../outside", b"x").bytes(), "leads upwards").await;
    refused(tar().file("/etc/passwd", b"x").bytes(), "is absolute").await;
    refused(tar().folder("a").hard_link("a/b", "../../../outside").bytes(), "leads upwards").await;
    refused(tar().hard_link("b", "/etc/passwd").bytes(), "is absolute").await;
    refused(tar().hard_link("b", "not-there").bytes(), "leads nowhere").await;
    refused(tar().pax(&[("path", b"../outside")]).file("x", b"x").bytes(), "leads upwards").await;
    refused(tar().pax(&[("linkpath", b"../../outside")]).hard_link("x", "y").bytes(), "leads upwards").await;
}

#[tokio::test]
async fn links_that_lead_out_are_kept_and_lead_nowhere_from_here() {
    let store = store();
    let outside = store.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("kept"), "untouched").unwrap();
    let up = "../../../../../../../../../../../..";
    let target = format!("{up}{}", outside.display());
    let bytes = tar()
        .symlink("door", outside.to_str().unwrap())
        .symlink("stairs", &target)
        .folder("tmp")
        .file("door/kept", b"evil")
        .file("stairs/new", b"evil")
        .symlink("file", outside.join("kept").to_str().unwrap())
        .file("file", b"own")
        .bytes();
    // The links are followed inside the image, where their folders are made.
    let image = import(&store, &bytes).await.unwrap();
    let inside = image.folder.join(outside.strip_prefix("/").unwrap());
    assert_eq!(text(&inside, "kept").as_deref(), Some("evil"));
    assert_eq!(text(&inside, "new").as_deref(), Some("evil"));
    let names: Vec<_> = std::fs::read_dir(&outside).unwrap().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(text(&outside, "kept").as_deref(), Some("untouched"));

    // A link at the end of a path is replaced, not followed.
    let bytes = tar().symlink("file", outside.join("kept").to_str().unwrap()).file("file", b"own").bytes();
    let image = import(&store, &bytes).await.unwrap();
    assert_eq!(text(&image.folder, "file").as_deref(), Some("own"));
    assert_eq!(text(&outside, "kept").as_deref(), Some("untouched"));
}

#[tokio::test]
async fn links_within_the_image_are_followed_from_its_top() {
    let store = store();
    let bytes = tar()
        .folder("usr/lib")
        .symlink("lib", "/usr/lib")
        .symlink("up", "../../usr")
        .file("lib/a", b"a")
        .file("up/b", b"b")
        .bytes();
    let image = import(&store, &bytes).await.unwrap();
    assert_eq!(text(&image.folder, "usr/lib/a").as_deref(), Some("a"));
    assert_eq!(text(&image.folder, "usr/b").as_deref(), Some("b"));
}

#[tokio::test]
async fn a_hard_link_to_a_link_does_not_reach_what_that_names() {
    let store = store();
    let secret = store.file("secret", b"host");
    let bytes = tar().symlink("a", secret.to_str().unwrap()).hard_link("b", "a").bytes();
    let image = import(&store, &bytes).await.unwrap();
    assert!(image.folder.join("b").symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&secret).unwrap().nlink(), 1);
}

#[tokio::test]
async fn entries_that_no_image_needs_are_refused() {
    refused(tar().of_kind("sda", EntryType::Block).bytes(), "device node").await;
    // In an overlay's lower folder this would hide a file.
    refused(tar().folder("etc").of_kind("etc/passwd", EntryType::Char).bytes(), "device node").await;
    refused(tar().of_kind("x", EntryType::new(b'Z')).bytes(), "unknown kind").await;
    refused(tar().file("a", b"").file("a/b", b"").bytes(), "cannot be opened").await;
    refused(tar().symlink("a", "b").symlink("b", "a").file("a/c", b"").bytes(), "cannot be opened").await;
    refused(tar().bytes(), "empty").await;
    refused(b"not a tar file at all, but long enough".repeat(40), "not a tar archive").await;
    refused(b"\xfd7zXZ\0 and so on".to_vec(), "it is xz").await;
}

#[tokio::test]
async fn sizes_and_counts_are_limited() {
    refused(tar().file("big", &vec![0; (1 << 20) + 1]).bytes(), "more than 1048576 bytes").await;
    refused(gzip(&tar().file("bomb", &vec![0; 8 << 20]).bytes()), "more than 1048576 bytes").await;
    // Bytes behind an entry that has no use for them count as well.
    let mut many = tar();
    for number in 0..1001 {
        many = many.file(&format!("{number}"), b"");
    }
    refused(many.bytes(), "more than 1000 files").await;
    let long = vec![b'x'; 2 << 20];
    refused(tar().pax(&[("path", &long)]).file("x", b"").bytes(), "headers of one entry").await;
    let deep = "d/".repeat(300);
    refused(tar().pax(&[("path", deep.as_bytes())]).file("x", b"").bytes(), "256 folders").await;
    // Padding that never ends.
    let padded = [tar().file("a", b"").bytes(), vec![0; 4 << 20]].concat();
    refused(gzip(&padded), "more than 1048576 bytes").await;
}

#[tokio::test]
async fn deep_folders_behind_links_are_refused() {
    let mut archive = tar();
    let deep = "d/".repeat(40);
    archive = archive.folder(&format!("{deep}x"));
    for step in 0..8 {
        // Each link leads forty folders further down than the one before.
        archive = archive.symlink(
            &format!("l{step}"),
            &format!("{}{deep}x", if step == 0 { String::new() } else { format!("l{}/", step - 1) }),
        );
        archive = archive.folder(&format!("l{step}/{deep}x"));
    }
    refused(archive.bytes(), "deeper than 256 folders").await;
}

#[tokio::test]
async fn archives_that_are_cut_off_are_refused() {
    let whole = tar().file("a", &[7; 5000]).file("b", &[8; 5000]).bytes();
    for length in [600, 5000, 7000] {
        refused(whole[..length].to_vec(), "cut off").await;
    }
    let packed = gzip(&whole);
    refused(packed[..packed.len() - 10].to_vec(), "cut off").await;
}

#[tokio::test]
async fn only_attributes_without_power_over_an_overlay_are_kept() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: capabilities can only be set by root");
        return;
    }
    let store = store();
    let capability: &[u8] = &[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let bytes = tar()
        .pax(&[
            ("SCHILY.xattr.security.capability", capability),
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
        ])
        .file_of("ping", b"program", 0o755, 0)
        .bytes();
    let image = import(&store, &bytes).await.unwrap();
    let mut list = vec![0; 1024];
    let count = rustix::fs::listxattr(image.folder.join("ping"), &mut list[..]).unwrap();
    assert_eq!(&list[..count], b"security.capability\0");
}
