//! Which layers make up an image, by OCI's index and manifest or by Docker's manifest.json.
//!
//! Names and media types: the OCI image specification ("Image Layout", "Image Index", "Image Manifest", "Image
//! Configuration"). Blobs are found by their digest alone; what is read is checked against it.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::archive::Archive;
use crate::digest;
use crate::error::ImageError;
use crate::limits::{INDEX_DEPTH_MAX, LAYERS_MAX};
use crate::root::own_architecture;

/// The image that is to be unpacked.
#[derive(Debug)]
pub struct Chosen {
    pub name: Option<String>,
    /// The path of the configuration in the archive.
    pub config: String,
    config_digest: Option<String>,
    pub layers: Vec<Layer>,
}

#[derive(Debug)]
pub struct Layer {
    /// In the archive.
    pub path: String,
    /// Of the bytes at that path, if stated.
    pub digest: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    pub architecture: String,
    pub os: String,
    pub config: Option<Execution>,
    pub rootfs: Rootfs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rootfs {
    pub diff_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Execution {
    #[serde(rename = "Entrypoint")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(rename = "Cmd")]
    pub command: Option<Vec<String>>,
    #[serde(rename = "Env")]
    pub environment: Option<Vec<String>>,
    #[serde(rename = "WorkingDir")]
    pub folder: Option<String>,
    #[serde(rename = "User")]
    pub user: Option<String>,
    #[serde(rename = "StopSignal")]
    pub stop_signal: Option<String>,
    #[serde(rename = "ExposedPorts")]
    pub ports: Option<BTreeMap<String, serde_json::Value>>,
}

/// An index or a manifest; which of them is seen by what it has.
#[derive(Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

#[derive(Clone, Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<HashMap<String, String>>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// A manifest that an index offers.
struct Offer {
    name: Option<String>,
    digest: String,
}

/// Finds the image to unpack. Of several, `name` decides; then what this machine's architecture can run.
pub fn choose(archive: &Archive, name: Option<&str>) -> Result<Chosen, ImageError> {
    if archive.has("index.json") {
        let mut offers = Vec::new();
        collect(archive, &archive.read("index.json")?, None, 0, &mut offers)?;
        return chosen_offer(
            archive,
            pick(offers, name, |offer| offer.name.as_deref().into_iter().collect())?,
        );
    }
    if archive.has("manifest.json") {
        let images: Vec<DockerImage> = parse("manifest.json", &archive.read("manifest.json")?)?;
        let offers = images.iter().collect();
        let image = pick(offers, name, |image: &&DockerImage| tags(image))?;
        let layers = image.layers.iter().map(|path| Layer { path: plain(path), digest: None }).collect();
        let name = tags(image).first().map(|&name| name.to_owned());
        return limited(Chosen { name, config: plain(&image.config), config_digest: None, layers });
    }
    Err(ImageError::archive("it has neither an index.json (OCI) nor a manifest.json (Docker)"))
}

/// The configuration, if this machine can run what it describes.
pub fn config(archive: &Archive, chosen: &Chosen) -> Result<Config, ImageError> {
    let bytes = archive.read(&chosen.config)?;
    if let Some(expected) = &chosen.config_digest {
        check(&chosen.config, expected, &bytes)?;
    }
    let config: Config = parse(&chosen.config, &bytes)?;
    let runs = (config.os.is_empty() || config.os == "linux") && architecture_fits(&config.architecture);
    if !runs {
        let what =
            format!("it is for {}/{}, this machine is linux/{}", config.os, config.architecture, own());
        return Err(ImageError::archive(what));
    }
    Ok(config)
}

fn collect(
    archive: &Archive,
    bytes: &[u8],
    name: Option<&str>,
    depth: usize,
    offers: &mut Vec<Offer>,
) -> Result<(), ImageError> {
    if depth > INDEX_DEPTH_MAX {
        return Err(ImageError::archive(format!("its indexes nest deeper than {INDEX_DEPTH_MAX} levels")));
    }
    let document: Document = parse("index.json", bytes)?;
    for found in document.manifests.unwrap_or_default() {
        if found
            .platform
            .as_ref()
            .is_some_and(|platform| platform.os != "linux" || !fits(&platform.architecture))
        {
            continue;
        }
        let name = name_of(&found).or(name.map(str::to_owned));
        let path = blob(&found.digest)?;
        // An index may list what was left out of the archive, such as other architectures.
        if !archive.has(&path) {
            continue;
        }
        let bytes = archive.read(&path)?;
        check(&path, &found.digest, &bytes)?;
        let inner: Document = parse(&path, &bytes)?;
        if inner.manifests.is_some() {
            collect(archive, &bytes, name.as_deref(), depth + 1, offers)?;
        } else if !offers.iter().any(|offer| offer.digest == found.digest && offer.name == name) {
            offers.push(Offer { name, digest: found.digest });
        }
        if offers.len() > LAYERS_MAX {
            return Err(ImageError::TooLarge { max: LAYERS_MAX as u64, unit: "images" });
        }
    }
    Ok(())
}

fn chosen_offer(archive: &Archive, offer: Offer) -> Result<Chosen, ImageError> {
    let path = blob(&offer.digest)?;
    let document: Document = parse(&path, &archive.read(&path)?)?;
    let (Some(config), Some(layers)) = (document.config, document.layers) else {
        return Err(ImageError::entry("its manifest names no configuration and layers", path.as_bytes()));
    };
    let mut found = Vec::new();
    for layer in layers {
        found.push(Layer { path: blob(&layer.digest)?, digest: Some(layer.digest) });
    }
    limited(Chosen {
        name: offer.name,
        config: blob(&config.digest)?,
        config_digest: Some(config.digest),
        layers: found,
    })
}

fn limited(chosen: Chosen) -> Result<Chosen, ImageError> {
    if chosen.layers.len() > LAYERS_MAX {
        return Err(ImageError::TooLarge { max: LAYERS_MAX as u64, unit: "layers" });
    }
    if chosen.layers.is_empty() {
        return Err(ImageError::archive("the image has no layers"));
    }
    Ok(chosen)
}

fn tags(image: &DockerImage) -> Vec<&str> {
    image.repo_tags.iter().flatten().map(String::as_str).collect()
}

/// The only one, or the only one of that name.
fn pick<T>(offers: Vec<T>, name: Option<&str>, names: impl Fn(&T) -> Vec<&str>) -> Result<T, ImageError> {
    let all: Vec<String> = offers.iter().flat_map(&names).map(str::to_owned).collect();
    let fits = |offer: &T| name.is_none_or(|name| names(offer).iter().any(|found| same_name(found, name)));
    let mut fitting: Vec<T> = offers.into_iter().filter(fits).collect();
    let named = |what: &str| match all.is_empty() {
        true => what.to_owned(),
        false => format!("{what}; it has {}", all.join(", ")),
    };
    match (fitting.len(), name) {
        (1, _) => Ok(fitting.remove(0)),
        (0, None) => Err(ImageError::archive(format!("it has no image for linux/{}", own()))),
        (0, Some(name)) => {
            Err(ImageError::archive(named(&format!("it has no image {name} for linux/{}", own()))))
        }
        _ => Err(ImageError::archive(named("it has several images: name one"))),
    }
}

/// `nginx:1.27` is what people write for `docker.io/library/nginx:1.27`.
fn same_name(found: &str, wanted: &str) -> bool {
    let short = |name: &str| {
        let name = name.strip_prefix("docker.io/").unwrap_or(name);
        let name = name.strip_prefix("library/").unwrap_or(name);
        let tagged = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        if tagged { name.to_owned() } else { format!("{name}:latest") }
    };
    found == wanted || short(found) == short(wanted)
}

fn name_of(descriptor: &Descriptor) -> Option<String> {
    let annotations = descriptor.annotations.as_ref()?;
    let keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
    keys.iter().find_map(|&key| annotations.get(key)).cloned()
}

/// Where a digest's blob lies.
fn blob(digest: &str) -> Result<String, ImageError> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    match hex {
        Some(hex) => Ok(format!("blobs/sha256/{hex}")),
        None => Err(ImageError::entry("a digest in it is not sha256 in lower case", digest.as_bytes())),
    }
}

fn plain(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}

fn check(name: &str, expected: &str, bytes: &[u8]) -> Result<(), ImageError> {
    if digest::of_bytes(bytes) == expected {
        return Ok(());
    }
    Err(ImageError::Damaged { name: name.to_owned(), expected: expected.to_owned() })
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::entry(format!("a manifest cannot be read ({error})"), name.as_bytes()))
}

/// In OCI's words, which are Go's.
fn own() -> &'static str {
    match own_architecture() {
        "x86_64" => "amd64",
        other => other,
    }
}

fn fits(architecture: &str) -> bool {
    architecture == own()
}

/// Old configurations do not say for what they are.
fn architecture_fits(architecture: &str) -> bool {
    architecture.is_empty() || fits(architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_people_write_them() {
        for (found, wanted, same) in [
            ("docker.io/library/nginx:1.27", "nginx:1.27", true),
            ("nginx:latest", "nginx", true),
            ("latest", "latest", true),
            ("registry.example:5000/app", "registry.example:5000/app:latest", true),
            ("nginx:1.27", "nginx", false),
            ("other/nginx:1", "nginx:1", false),
        ] {
            assert_eq!(same_name(found, wanted), same, "{found} {wanted}");
        }
    }

    #[test]
    fn only_digests_become_paths() {
        let hex = "ab".repeat(32);
        assert_eq!(blob(&format!("sha256:{hex}")).unwrap(), format!("blobs/sha256/{hex}"));
        for bad in ["sha256:../../etc/passwd", "sha512:00", &format!("sha256:{}", "AB".repeat(32)), ""] {
            assert!(blob(bad).is_err(), "{bad}");
        }
    }
}
