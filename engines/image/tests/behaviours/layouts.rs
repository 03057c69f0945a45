//! OCI layouts and Docker archives: layers laid on each other, whiteouts, digests, and the choice among several images.

use crate::support::{Store, gzip, quiet, sha256, store, tar, text, zstd};
use fogbank_image::{ImageError, ImageRoot, Init, Origin};
use serde_json::{Value, json};

fn own() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// An OCI archive in the making.
#[derive(Default)]
struct Layout {
    blobs: Vec<Vec<u8>>,
    manifests: Vec<Value>,
}

impl Layout {
    fn blob(&mut self, bytes: Vec<u8>) -> Value {
        let descriptor = json!({"digest": sha256(&bytes), "size": bytes.len()});
        self.blobs.push(bytes);
        descriptor
    }

    /// Layers come with what they unpack to.
    fn image(mut self, name: Option<&str>, architecture: &str, layers: &[(Vec<u8>, Vec<u8>)]) -> Layout {
        let diff_ids: Vec<String> = layers.iter().map(|(_, plain)| sha256(plain)).collect();
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "config": {
                "Entrypoint": ["/entry"], "Cmd": ["serve"], "Env": ["A=b"], "WorkingDir": "/srv", "User": "",
                "StopSignal": "SIGQUIT", "ExposedPorts": {"80/tcp": {}}
            },
        });
        let config = self.blob(config.to_string().into_bytes());
        let layers: Vec<Value> = layers.iter().map(|(packed, _)| self.blob(packed.clone())).collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        let mut found = self.blob(manifest.to_string().into_bytes());
        found["platform"] = json!({"architecture": architecture, "os": "linux"});
        if let Some(name) = name {
            found["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        }
        self.manifests.push(found);
        self
    }

    fn bytes(self) -> Vec<u8> {
        let mut archive = tar().file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        for blob in &self.blobs {
            archive = archive.file(&format!("blobs/sha256/{}", &sha256(blob)[7..]), blob);
        }
        let index = json!({"schemaVersion": 2, "manifests": self.manifests});
        archive.file("index.json", index.to_string().as_bytes()).bytes()
    }
}

fn layer(plain: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    (gzip(&plain), plain)
}

async fn import(store: &Store, bytes: &[u8], name: Option<&str>) -> Result<ImageRoot, ImageError> {
    store.images.import_oci(&store.file("archive", bytes), name, quiet()).await
}

async fn one(layers: Vec<Vec<u8>>) -> (Store, ImageRoot) {
    let store = store();
    let layers: Vec<_> = layers.into_iter().map(layer).collect();
    let bytes = Layout::default().image(Some("app:1"), own(), &layers).bytes();
    let image = import(&store, &bytes, None).await.unwrap();
    (store, image)
}

#[tokio::test]
async fn layers_lie_on_each_other_and_the_process_is_known() {
    let store = store();
    let one = tar().folder("etc").file("etc/a", b"1").file("etc/b", b"1").bytes();
    let two = tar().file("etc/b", b"2").bytes();
    let layers = [(gzip(&one), one), (zstd(&two), two)];
    let bytes = Layout::default().image(Some("docker.io/library/app:1"), own(), &layers).bytes();
    let image = import(&store, &bytes, None).await.unwrap();
    assert_eq!(text(&image.folder, "etc/a").as_deref(), Some("1"));
    assert_eq!(text(&image.folder, "etc/b").as_deref(), Some("2"));
    assert_eq!(image.about.origin, Origin::Oci { name: Some("docker.io/library/app:1".to_owned()) });
    assert_eq!(image.about.init, Init::Process);
    assert_eq!(image.argv(), ["/entry", "serve"]);
    let process = image.about.process.clone().unwrap();
    assert_eq!((process.folder.as_deref(), process.user.as_deref()), (Some("/srv"), None));
    assert_eq!((process.environment, process.ports), (vec!["A=b".to_owned()], vec!["80/tcp".to_owned()]));
    // A compressed archive of the same is unpacked first.
    let again = import(&store, &gzip(&bytes), Some("app:1")).await.unwrap();
    assert_eq!(again.digest(), image.digest());
}

#[tokio::test]
async fn whiteouts_hide_what_lies_below_and_nothing_else() {
    let (_store, image) = one(vec![
        tar()
            .file(".wh.nothing", b"")
            .file("a/gone", b"1")
            .file("a/stays", b"1")
            .file("b/c/old", b"1")
            .file("d", b"1")
            .bytes(),
        tar()
            .file("a/.wh.gone", b"")
            .file("a/.wh.never-was", b"")
            .file(".wh.d", b"")
            .file("b/c/new", b"2")
            .file("b/.wh..wh..opq", b"")
            .file(".wh..wh.plnk", b"")
            .bytes(),
    ])
    .await;
    let root = &image.folder;
    assert!(!root.join("a/gone").exists() && !root.join("d").exists());
    assert!(root.join("a/stays").exists());
    // An opaque folder hides what was below it, in whatever order its own files come.
    assert!(root.join("b/c/new").exists() && !root.join("b/c/old").exists());
    let left: Vec<String> = walk(root);
    assert!(!left.iter().any(|path| path.contains(".wh.")), "{left:?}");
}

#[tokio::test]
async fn a_whiteout_does_not_hide_what_its_own_layer_brings() {
    let (_store, image) = one(vec![
        tar().file("etc/conf/a", b"1").file("etc/conf/b", b"1").file("x", b"1").bytes(),
        tar()
            .folder("etc/conf")
            .file("etc/conf/b", b"2")
            .file("etc/.wh.conf", b"")
            .file("x", b"2")
            .file(".wh.x", b"")
            .bytes(),
    ])
    .await;
    assert_eq!(text(&image.folder, "etc/conf/b").as_deref(), Some("2"));
    assert_eq!(text(&image.folder, "etc/conf/a"), None);
    assert_eq!(text(&image.folder, "x").as_deref(), Some("2"));
}

#[tokio::test]
async fn files_folders_and_links_replace_each_other() {
    let (_store, image) = one(vec![
        tar().file("a/x", b"1").file("b", b"1").symlink("c", "a").bytes(),
        tar().file("a", b"2").folder("b").file("b/y", b"2").folder("c").file("c/z", b"2").bytes(),
    ])
    .await;
    assert_eq!(text(&image.folder, "a").as_deref(), Some("2"));
    assert_eq!(text(&image.folder, "b/y").as_deref(), Some("2"));
    assert_eq!(text(&image.folder, "c/z").as_deref(), Some("2"));
}

#[tokio::test]
async fn whiteouts_do_not_lead_out_either() {
    let store = store();
    let kept = store.folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("file"), "untouched").unwrap();
    let layers = [
        layer(tar().symlink("door", kept.to_str().unwrap()).bytes()),
        layer(tar().file("door/.wh.file", b"").bytes()),
    ];
    let image = import(&store, &Layout::default().image(None, own(), &layers).bytes(), None).await.unwrap();
    assert!(image.folder.join("door").is_symlink());
    assert_eq!(text(&kept, "file").as_deref(), Some("untouched"));
    for name in [".wh.", ".wh..", ".wh..."] {
        let layers = [layer(tar().file("a", b"").bytes()), layer(tar().file(name, b"").bytes())];
        let error = import(&store, &Layout::default().image(None, own(), &layers).bytes(), None).await;
        assert!(error.unwrap_err().to_string().contains("whiteout of no file"), "{name}");
    }
}

#[tokio::test]
async fn what_does_not_have_its_digest_is_refused() {
    let store = store();
    let (packed, plain) = layer(tar().file("a", b"1").bytes());
    let other = gzip(&tar().file("a", b"2").bytes());
    // The layer's bytes, under the digest of others.
    let mut layout = Layout::default().image(None, own(), &[(packed.clone(), plain.clone())]);
    let bytes = {
        let mut archive = tar();
        for blob in &layout.blobs {
            let content = if *blob == packed { &other } else { blob };
            archive = archive.file(&format!("blobs/sha256/{}", &sha256(blob)[7..]), content);
        }
        let index = json!({"manifests": layout.manifests});
        archive.file("index.json", index.to_string().as_bytes()).bytes()
    };
    let error = import(&store, &bytes, None).await.unwrap_err();
    assert!(matches!(error, ImageError::Damaged { .. }), "{error}");
    // A layer whose content is not what the configuration says.
    layout = Layout::default().image(None, own(), &[(packed, tar().file("a", b"3").bytes())]);
    let error = import(&store, &layout.bytes(), None).await.unwrap_err();
    assert!(matches!(error, ImageError::Damaged { .. }), "{error}");
    assert!(store.names("images").is_empty() && store.names("drafts").is_empty());
}

#[tokio::test]
async fn of_several_images_the_fitting_one_is_taken() {
    let store = store();
    let content = |text: &str| [layer(tar().file("which", text.as_bytes()).bytes())];
    let other = if own() == "amd64" { "arm64" } else { "amd64" };
    let two = || {
        Layout::default()
            .image(Some("app:1"), other, &content("other"))
            .image(Some("app:1"), own(), &content("own"))
            .image(Some("app:2"), own(), &content("two"))
            .bytes()
    };
    let error = import(&store, &two(), None).await.unwrap_err().to_string();
    assert!(error.contains("several images: name one; it has app:1, app:2"), "{error}");
    let image = import(&store, &two(), Some("app:1")).await.unwrap();
    assert_eq!(text(&image.folder, "which").as_deref(), Some("own"));
    let image = import(&store, &two(), Some("docker.io/library/app:2")).await.unwrap();
    assert_eq!(text(&image.folder, "which").as_deref(), Some("two"));
    let error = import(&store, &two(), Some("app:3")).await.unwrap_err().to_string();
    assert!(error.contains("no image app:3"), "{error}");
    let foreign = Layout::default().image(None, other, &content("other")).bytes();
    let error = import(&store, &foreign, None).await.unwrap_err().to_string();
    assert!(error.contains("no image for linux/"), "{error}");
}

#[tokio::test]
async fn docker_archives_are_read_with_their_links() {
    let store = store();
    let (one, two) = (tar().file("a", b"1").bytes(), tar().file("b", b"2").bytes());
    let config = json!({
        "architecture": own(), "os": "linux", "config": {"Cmd": ["/run"]},
        "rootfs": {"diff_ids": [sha256(&one), sha256(&two), sha256(&one)]},
    });
    let manifest = json!([{"Config": "c.json", "RepoTags": ["app:latest"], "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar"]}]);
    let archive = |one: &[u8]| {
        tar()
            .symlink("3/layer.tar", "../1/layer.tar")
            .file("1/layer.tar", one)
            .file("2/layer.tar", &two)
            .file("c.json", config.to_string().as_bytes())
            .file("manifest.json", manifest.to_string().as_bytes())
            .bytes()
    };
    let image = import(&store, &archive(&one), Some("app")).await.unwrap();
    assert_eq!(image.argv(), ["/run"]);
    assert!(image.folder.join("a").exists() && image.folder.join("b").exists());
    let error = import(&store, &archive(&tar().file("a", b"9").bytes()), None).await.unwrap_err();
    assert!(matches!(error, ImageError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn archives_that_refer_to_what_is_not_there_are_refused() {
    let store = store();
    let hex = "0".repeat(64);
    let link = format!("blobs/sha256/{hex}");
    for (bytes, words) in [
        (tar().file("a", b"").bytes(), "neither an index.json"),
        (tar().file("index.json", b"{").bytes(), "cannot be read"),
        (tar().file("index.json", br#"{"manifests":[{"digest":"sha256:../../x"}]}"#).bytes(), "not sha256"),
        (
            tar().file("manifest.json", br#"[{"Config":"../../etc/passwd","Layers":["x"]}]"#).bytes(),
            "not in it",
        ),
        (tar().file("manifest.json", br#"[{"Config":"c","Layers":[]}]"#).bytes(), "no layers"),
        (
            tar()
                .symlink("a", "b")
                .symlink("b", "a")
                .file("manifest.json", br#"[{"Config":"a","Layers":["a"]}]"#)
                .bytes(),
            "circle",
        ),
        (tar().symlink("index.json", &link).hard_link(&link, "index.json").bytes(), "neither"),
    ] {
        let error = import(&store, &bytes, None).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path.display().to_string());
    }
    found
}

#[tokio::test]
async fn an_archive_of_either_kind_is_told_by_what_is_in_it() {
    let store = store();
    let plain = tar().folder("etc").file("etc/a", b"1").bytes();
    let layered = Layout::default().image(None, own(), &[layer(plain.clone())]).bytes();
    let check = async |bytes: &[u8], of_layers: bool| {
        let image = store.images.import(&store.file("archive", bytes), quiet()).await.unwrap();
        assert_eq!(matches!(image.about.origin, Origin::Oci { .. }), of_layers);
        assert_eq!(text(&image.folder, "etc/a").as_deref(), Some("1"));
    };
    check(&layered, true).await;
    check(&gzip(&layered), true).await;
    check(&plain, false).await;
    check(&zstd(&plain), false).await;
}
