//! Packs `models/authorization/` into the crate: one file of compressed blocks, and an index as Rust statics.
//!
//! The index costs no memory of its own and nothing at start; a block is inflated when something in it is asked for.
//! Blocks are as large as deflate can look back, so that small files share what they have in common.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;

/// A block is closed when it has grown to this.
const BLOCK_BYTES: usize = 64 * 1024;

/// The blocks so far.
#[derive(Default)]
struct Shelf {
    packed: Vec<u8>,
    /// The block that is being filled.
    open: Vec<u8>,
    /// Where each block starts in `packed`, and its length when inflated.
    blocks: Vec<(usize, usize)>,
}

impl Shelf {
    /// Puts a text on the shelf; returns its place as Rust code.
    fn put(&mut self, text: &str) -> String {
        let start = self.open.len();
        self.open.extend_from_slice(text.as_bytes());
        let place =
            format!("Place {{ block: {}, start: {start}, length: {} }}", self.blocks.len(), text.len());
        if self.open.len() >= BLOCK_BYTES {
            self.close();
        }
        place
    }

    fn close(&mut self) {
        self.blocks.push((self.packed.len(), self.open.len()));
        let mut encoder = DeflateEncoder::new(&mut self.packed, Compression::best());
        encoder.write_all(&self.open).expect("a vector takes everything");
        encoder.finish().expect("a vector takes everything");
        self.open.clear();
    }
}

/// What cargo says when the script runs: a script that was built for one checkout may run for another.
fn folder(variable: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "this is how cargo talks to a build script")]
    let folder = std::env::var_os(variable);
    PathBuf::from(folder.expect("cargo sets it"))
}

fn main() {
    let models = folder("CARGO_MANIFEST_DIR").join("../../models/authorization");
    let out = folder("OUT_DIR");
    println!("cargo::rerun-if-changed={}", models.display());

    let mut shelf = Shelf::default();
    let mut index = String::new();
    index.push_str(&services(&models, &mut shelf));
    index.push_str(&policies(&models, &mut shelf));
    index.push_str(&operations(&read(&models.join("operations.json"))));
    index.push_str(&roles(&read(&models.join("service-linked-roles.json"))));
    if !shelf.open.is_empty() {
        shelf.close();
    }
    writeln!(index, "static BLOCKS: &[(usize, usize)] = &{:?};", shelf.blocks).expect("a string");
    fs::write(out.join("index.rs"), index).expect("the folder is ours");
    fs::write(out.join("shelf.bin"), shelf.packed).expect("the folder is ours");
}

fn services(models: &Path, shelf: &mut Shelf) -> String {
    let files = files(&models.join("services"));
    // An array and no slice: the heads hold cells, which a static must own.
    let mut code = format!("static SERVICES: [ServiceHead; {}] = [\n", files.len());
    for (name, path) in files {
        let text = fs::read_to_string(&path).expect("a file of the listing");
        let service: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let place = shelf.put(&text);
        let title = string(&service, "name");
        writeln!(
            code,
            "ServiceHead {{ prefix: {name:?}, name: {title:?}, place: {place}, decoded: OnceLock::new() }},"
        )
        .expect("a string");
    }
    code.push_str("];\n");
    code
}

fn policies(models: &Path, shelf: &mut Shelf) -> String {
    let mut code = String::from("static POLICIES: &[ManagedPolicyHead] = &[\n");
    let root = models.join("managed-policies");
    let mut policies = files(&root);
    for folder in folders(&root) {
        let inner = files(&root.join(&folder)).into_iter();
        policies.extend(inner.map(|(name, path)| (format!("{folder}/{name}"), path)));
    }
    policies.sort();
    for (resource, path) in policies {
        let policy = read(&path);
        let place = shelf.put(&policy["document"].to_string());
        let id = policy["id"].as_str();
        let (version, created, updated) =
            (string(&policy, "version"), string(&policy, "created"), string(&policy, "updated"));
        writeln!(
            code,
            "ManagedPolicyHead {{ resource: \"policy/{resource}\", id: {id:?}, version: {version:?}, \
             created: {created:?}, updated: {updated:?}, place: {place} }},"
        )
        .expect("a string");
    }
    code.push_str("];\n");
    code
}

fn operations(operations: &Value) -> String {
    let mut code = String::from("static MODELS: &[ModelledService] = &[\n");
    for (name, service) in operations.as_object().expect("an object") {
        let mut different: Vec<(&str, Vec<&str>)> = Vec::new();
        for (operation, actions) in service["operations"].as_object().expect("an object") {
            different.push((operation, strings(actions)));
        }
        different.sort();
        let rows: Vec<String> =
            different.iter().map(|(operation, actions)| format!("({operation:?}, &{actions:?})")).collect();
        writeln!(
            code,
            "ModelledService {{ name: {name:?}, prefix: {:?}, unknown: &{:?}, different: &[{}] }},",
            string(service, "prefix"),
            strings(&service["unknown"]),
            rows.join(", "),
        )
        .expect("a string");
    }
    code.push_str("];\n");
    code
}

fn roles(roles: &Value) -> String {
    let mut code = String::from("static ROLES: &[ServiceLinkedRole] = &[\n");
    let mut rows: Vec<_> = roles["roles"].as_object().expect("an object").iter().collect();
    rows.sort_by_key(|(principal, _)| *principal);
    for (principal, role) in rows {
        writeln!(
            code,
            "ServiceLinkedRole {{ service: {principal:?}, role_name: {:?}, policy: {:?}, suffix_allowed: {} }},",
            string(role, "role"),
            format!("policy/aws-service-role/{}", string(role, "policy")),
            role["suffix"].as_bool().unwrap_or(false),
        )
        .expect("a string");
    }
    code.push_str("];\n");
    code
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of JSON in a folder by their names without the ending, sorted.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut files: Vec<(String, PathBuf)> = entries(folder)
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
            path.is_file().then_some((name, path))
        })
        .collect();
    files.sort();
    files
}

fn folders(folder: &Path) -> Vec<String> {
    let inner = entries(folder).filter(|path| path.is_dir());
    inner.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("the folder can be listed").path())
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {value}"))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
