//! Images as disks, and disks that others made.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::{Store, quiet, store, tar};
use fogbank_image::disk::{self, Format, Part, Size};
use fogbank_image::first_boot::{Seed, files, files_for};
use fogbank_image::{ImageError, ImageRoot, Init, Progress};

const MIB: u64 = 1 << 20;

fn has(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs
        .iter()
        .filter(|program| {
            !["/sbin", "/usr/sbin", "/bin", "/usr/bin"]
                .iter()
                .any(|place| Path::new(place).join(program).exists())
        })
        .collect();
    if !missing.is_empty() {
        eprintln!("skipped: the host has no {missing:?}");
    }
    missing.is_empty()
}

fn run(words: &[&str]) -> String {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An image with an init, whose program is this test itself.
async fn image(store: &Store) -> ImageRoot {
    let program = fs::read("/proc/self/exe").unwrap();
    let archive = tar()
        .folder("sbin")
        .folder("bin")
        .file_of("bin/busybox", &program[..64 * 1024], 0o755, 0)
        .symlink("sbin/init", "../bin/busybox")
        .file_of("etc/secret", b"for one", 0o640, 1000)
        .hard_link("etc/other", "etc/secret")
        .folder("proc")
        .bytes();
    let path = store.file("root.tar", &archive);
    store.images.import_tar(&path, quiet()).await.unwrap()
}

async fn made(store: &Store, mib: u64) -> PathBuf {
    let image = image(store).await;
    store.images.disk(&image, Size::Bytes(mib * MIB), quiet()).await.unwrap().path
}

#[tokio::test]
async fn an_image_becomes_a_sparse_disk_once() {
    if !has(&["mke2fs", "e2fsck", "debugfs", "dumpe2fs"]) {
        return;
    }
    let (one, two) = (store(), store());
    let root = image(&one).await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = steps.clone();
    let started = std::time::Instant::now();
    let made = one
        .images
        .disk(&root, Size::Usual, Arc::new(move |step| seen.lock().unwrap().push(step)))
        .await
        .unwrap();
    eprintln!("made after {:?}", started.elapsed());
    assert_eq!((made.bytes, fs::metadata(&made.path).unwrap().len()), (8 << 30, 8 << 30));
    let taken = fs::metadata(&made.path).unwrap().blocks() * 512;
    assert!(taken < 8 * MIB, "{taken} bytes of the host's disk");
    let told = steps.lock().unwrap().clone();
    assert!(told.contains(&Progress::Step("making a disk of 8192 MiB".to_owned())), "{told:?}");
    assert!(told.iter().any(|step| matches!(step, Progress::Written { .. })), "{told:?}");
    run(&["e2fsck", "-fn", text(&made.path)]);
    let inside = |line: &str| run(&["debugfs", "-R", line, text(&made.path)]);
    assert_eq!(inside("cat /etc/other"), "for one");
    let facts = inside("stat /etc/secret");
    assert!(
        facts.contains("Mode:  0640") && facts.contains("User:  1000") && facts.contains("Links: 2"),
        "{facts}"
    );
    assert!(inside("stat /sbin/init").contains("../bin/busybox"));

    // Kept, and made again under the same name in every store.
    let before = fs::metadata(&made.path).unwrap().mtime_nsec();
    assert_eq!(one.images.disk(&root, Size::Usual, quiet()).await.unwrap(), made);
    assert_eq!(fs::metadata(&made.path).unwrap().mtime_nsec(), before);
    let other_root = image(&two).await;
    let other = two.images.disk(&other_root, Size::Usual, quiet()).await.unwrap();
    let uuid = |path: &Path| {
        let described = run(&["dumpe2fs", "-h", text(path)]);
        described.lines().find(|line| line.starts_with("Filesystem UUID")).unwrap().to_owned()
    };
    assert_eq!(uuid(&made.path), uuid(&other.path));
    let small = one.images.disk(&root, Size::Spare(10 * MIB), quiet()).await.unwrap();
    assert_ne!(uuid(&made.path), uuid(&small.path));
    assert!(small.bytes < 100 * MIB, "{}", small.bytes);
    assert_eq!(one.images.disks(&root).unwrap().len(), 2);
    assert_eq!(one.names("drafts"), [] as [&str; 0]);
    for bytes in [MIB, 100 * MIB + 1, u64::MAX - MIB + 1] {
        let refused = one.images.disk(&root, Size::Bytes(bytes), quiet()).await;
        assert!(matches!(refused, Err(ImageError::Foreign(_))), "{bytes}");
    }
    assert!(one.images.disk(&root, Size::Spare(u64::MAX), quiet()).await.is_err());
    // With the image, its disks are gone.
    one.images.remove(&root.id).await.unwrap();
    assert!(!made.path.exists() && one.images.disk(&root, Size::Usual, quiet()).await.is_err());
}

#[tokio::test]
async fn all_that_is_not_zero_is_in_a_disks_blocks() {
    if !has(&["mke2fs"]) {
        return;
    }
    let store = store();
    let path = made(&store, 64).await;
    let blocks = disk::data_blocks(&path, 512 << 10).unwrap();
    let named: u64 = blocks.iter().map(|range| range.end - range.start).sum();
    assert!(named < 64, "{named} of 128 blocks");
    assert!(blocks.windows(2).all(|pair| pair[0].end < pair[1].start), "{blocks:?}");
    let content = fs::read(&path).unwrap();
    for (number, block) in content.chunks(512 << 10).enumerate() {
        let listed = blocks.iter().any(|range| range.contains(&(number as u64)));
        assert!(listed || block.iter().all(|byte| *byte == 0), "block {number}");
    }
    let empty = store.file("empty", &[]);
    assert_eq!(disk::data_blocks(&empty, 4096).unwrap(), []);
}

#[tokio::test]
async fn a_disk_tells_how_it_starts() {
    if !has(&["mke2fs"]) {
        return;
    }
    let store = store();
    let root = image(&store).await;
    let path = made(&store, 64).await;
    let found = disk::probe(&path).await.unwrap();
    assert_eq!((found.is_whole, found.part), (true, Part { offset: 0, bytes: 64 * MIB }));
    assert_eq!(found.label.as_deref(), Some("fogbank-root"));
    let mut expected = root.facts().unwrap();
    assert_eq!(found.facts.init, Init::Busybox);
    assert_eq!(found.facts.argv, ["/sbin/init"]);
    expected.users = found.facts.users.clone();
    assert_eq!(found.facts, expected, "what the image says, and what its disk says");
    let kept = serde_json::to_string(&expected).unwrap();
    assert_eq!(serde_json::from_str::<fogbank_image::Facts>(&kept).unwrap(), expected);
    let seed = Seed { instance_id: "i-1".to_owned(), hostname: "ip".to_owned(), ..Seed::default() };
    assert_eq!(files_for(&expected, &seed), files(&root, &seed));
    assert!(files_for(&expected, &seed).iter().any(|file| file.path == "/usr/lib/fogbank/first-boot"));
}

/// A disk with a partition table, and that file as its second partition.
fn partitioned(store: &Store, root: &Path, kind: u8) -> PathBuf {
    let content = fs::read(root).unwrap();
    let path = store.file("partitioned", &[]);
    let disk = File::options().read(true).write(true).open(&path).unwrap();
    disk.set_len(content.len() as u64 + 4 * MIB).unwrap();
    let entry = |kind: u8, first: u64, bytes: u64| {
        let (first, count) = ((first / 512) as u32, (bytes / 512) as u32);
        [&[0, 0, 0, 0, kind, 0, 0, 0][..], &first.to_le_bytes(), &count.to_le_bytes()].concat()
    };
    disk.write_all_at(&entry(0xef, MIB, MIB), 446).unwrap();
    disk.write_all_at(&entry(kind, 2 * MIB, content.len() as u64), 462).unwrap();
    disk.write_all_at(&[0x55, 0xaa], 510).unwrap();
    disk.write_all_at(&content, 2 * MIB).unwrap();
    path
}

#[tokio::test]
async fn the_root_is_taken_out_of_its_partition() {
    if !has(&["mke2fs", "e2fsck"]) {
        return;
    }
    let store = store();
    let whole = made(&store, 64).await;
    let path = partitioned(&store, &whole, 0x83);
    let found = disk::probe(&path).await.unwrap();
    assert_eq!((found.is_whole, found.part), (false, Part { offset: 2 * MIB, bytes: 64 * MIB }));
    assert_eq!(found.facts.init, Init::Busybox);
    let to = store.folder.path().join("taken");
    disk::extract(&path, found.part, &to, quiet()).await.unwrap();
    assert!(fs::read(&to).unwrap() == fs::read(&whole).unwrap());
    let taken = fs::metadata(&to).unwrap().blocks() * 512;
    assert!(taken < 8 * MIB, "the copy has its holes: {taken}");
    run(&["e2fsck", "-fn", text(&to)]);
    let beyond = Part { offset: 2 * MIB, bytes: 1 << 40 };
    assert!(disk::extract(&path, beyond, &to, quiet()).await.is_err());

    let other = disk::probe(&partitioned(&store, &whole, 0x07)).await.unwrap_err().to_string();
    assert!(other.contains("none of its 2 partitions"), "{other}");
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_in_a_sentence() {
    if !has(&["mke2fs"]) {
        return;
    }
    let store = store();
    let bare = store.file("bare", &[]);
    File::options().write(true).open(&bare).unwrap().set_len(16 * MIB).unwrap();
    let why = async |path: &Path| disk::probe(path).await.unwrap_err().to_string();
    assert!(why(&bare).await.contains("neither an ext4 file system nor a partition table"));
    run(&["mke2fs", "-q", "-F", "-t", "ext4", text(&bare)]);
    assert!(why(&bare).await.contains("no /sbin/init"));
    let tiny = store.file("tiny", b"x");
    assert!(why(&tiny).await.contains("neither"));
    // An init of another machine, and none at all.
    let script = store.folder.path().join("script");
    fs::create_dir_all(script.join("sbin")).unwrap();
    fs::write(script.join("sbin/init"), "#!/bin/sh\n").unwrap();
    run(&["mke2fs", "-q", "-F", "-t", "ext4", "-d", text(&script), text(&bare)]);
    assert!(why(&bare).await.contains("neither its /sbin/init nor its /bin/sh is a program"));
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(64, 0);
    header[18] = 0xf3;
    fs::write(script.join("sbin/init"), header).unwrap();
    run(&["mke2fs", "-q", "-F", "-t", "ext4", "-d", text(&script), text(&bare)]);
    assert!(why(&bare).await.contains("for machine 243"));
    let cut = made(&store, 64).await;
    let short = store.folder.path().join("short");
    fs::copy(&cut, &short).unwrap();
    File::options().write(true).open(&short).unwrap().set_len(48 * MIB).unwrap();
    assert!(why(&short).await.contains("where there are 50331648"));
}

#[tokio::test]
async fn a_disk_full_of_noise_is_read_or_refused_and_nothing_else() {
    if !has(&["mke2fs"]) {
        return;
    }
    let store = store();
    let path = made(&store, 64).await;
    let noisy = store.folder.path().join("noisy");
    fs::copy(&path, &noisy).unwrap();
    run(&["tune2fs", "-O", "^metadata_csum", text(&noisy)]);
    let clean = fs::read(&noisy).unwrap();
    let disk = File::options().write(true).open(&noisy).unwrap();
    let data = disk::data_blocks(&noisy, 4096).unwrap();
    let mut state = 99_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut good, mut refused) = (0, 0);
    for round in 0..400 {
        let mut changed = Vec::new();
        for _ in 0..3 {
            let range = &data[random(data.len() as u64) as usize];
            let at = match round % 2 {
                0 => 1024 + random(1024),
                _ => (range.start + random(range.end - range.start)) * 4096 + random(4096),
            };
            disk.write_all_at(&[random(256) as u8], at).unwrap();
            changed.push(at as usize);
        }
        match disk::probe(&noisy).await {
            Ok(_) => good += 1,
            Err(ImageError::Foreign(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        for at in changed {
            disk.write_all_at(&clean[at..=at], at as u64).unwrap();
        }
    }
    eprintln!("{good} read, {refused} refused");
    assert!(good > 0 && refused > 0);
}

#[tokio::test]
async fn disks_go_to_other_formats_and_come_back() {
    if !has(&["mke2fs", "qemu-img"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    let store = store();
    let raw = made(&store, 64).await;
    let content = fs::read(&raw).unwrap();
    for (format, name) in [(Format::Qcow2, "qcow2"), (Format::Vmdk, "vmdk"), (Format::Vhd, "vpc")] {
        let packed = store.folder.path().join(name);
        let back = store.folder.path().join("back");
        disk::from_raw(&raw, &packed, format).await.unwrap();
        assert_eq!((Format::of(&packed).unwrap(), Format::of(&raw).unwrap()), (Some(format), None));
        let about = fs::metadata(&packed).unwrap();
        assert_eq!((about.uid(), about.mode() & 0o777), (0, 0o600));
        assert!(about.len() < 16 * MIB, "{}", about.len());
        assert!(run(&["qemu-img", "info", text(&packed)]).contains(&format!("file format: {name}")));
        assert_eq!(disk::to_raw(&packed, format, &back, 1 << 30).await.unwrap(), 64 * MIB);
        assert!(fs::read(&back).unwrap() == content, "{name}");
        assert!(fs::metadata(&back).unwrap().blocks() * 512 < 8 * MIB);
        assert_eq!(disk::probe(&back).await.unwrap().facts.init, Init::Busybox);
        // Limits, and what is something else.
        fs::remove_file(&back).unwrap();
        let large = disk::to_raw(&packed, format, &back, 63 * MIB).await.unwrap_err().to_string();
        assert!(large.contains("may have 66060288"), "{large}");
        let other = if format == Format::Qcow2 { Format::Vmdk } else { Format::Qcow2 };
        assert!(matches!(disk::to_raw(&packed, other, &back, 1 << 30).await, Err(ImageError::Foreign(_))));
        assert!(matches!(disk::to_raw(&raw, format, &back, 1 << 30).await, Err(ImageError::Foreign(_))));
        // Half of it.
        let half = store.folder.path().join("half");
        fs::write(&half, &fs::read(&packed).unwrap()[..about.len() as usize / 2]).unwrap();
        let broken = disk::to_raw(&half, format, &back, 1 << 30).await;
        assert!(broken.is_err() || fs::read(&back).unwrap() != content);
        fs::remove_file(&back).ok();
    }
}

#[tokio::test]
async fn a_disk_that_names_a_file_of_the_host_gets_nothing_of_it() {
    if !has(&["qemu-img"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    let store = store();
    let secret = store.file("secret", &[b's'; 65_536]);
    let at = |name: &str| store.folder.path().join(name);
    let back = at("back");
    run(&[
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        text(&secret),
        "-F",
        "raw",
        text(&at("child.qcow2")),
    ]);
    run(&[
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        &format!("data_file={}", text(&at("data"))),
        text(&at("outer.qcow2")),
        "1M",
    ]);
    run(&[
        "qemu-img",
        "create",
        "-q",
        "-f",
        "vmdk",
        "-o",
        "subformat=monolithicFlat",
        text(&at("flat.vmdk")),
        "1M",
    ]);
    for (name, format, why) in [
        ("child.qcow2", Format::Qcow2, "backing file"),
        ("outer.qcow2", Format::Qcow2, "in another file"),
        ("flat.vmdk", Format::Vmdk, "name other files are not taken"),
    ] {
        let no = disk::to_raw(&at(name), format, &back, 1 << 30).await.unwrap_err().to_string();
        assert!(no.contains(why), "{no}");
        assert!(!back.exists());
    }
    // A header that changes after it was looked at would still meet a program without rights and without the option.
    run(&["qemu-img", "create", "-q", "-f", "vmdk", text(&at("plain.vmdk")), "1M"]);
    let mut bytes = fs::read(at("plain.vmdk")).unwrap();
    let found = bytes.windows(10).position(|part| part == b"parentCID=").unwrap();
    bytes[found + 10] = b'0';
    fs::write(at("plain.vmdk"), bytes).unwrap();
    let no = disk::to_raw(&at("plain.vmdk"), Format::Vmdk, &back, 1 << 30).await.unwrap_err().to_string();
    assert!(no.contains("difference to another disk"), "{no}");
}
