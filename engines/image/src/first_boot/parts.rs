//! User data taken apart: what kind each part is, and what becomes of it.
//!
//! The kind of a part is what MIME says, or if that says nothing, what its first line says. An unknown kind is noted and
//! skipped, as by cloud-init.

use mailparse::{DispositionType, ParsedMail, parse_content_disposition, parse_mail};

use super::yaml::{self, Map, Node};
use super::{FirstBoot, Script, cloud_config, content};
use crate::limits::{USER_DATA_DEPTH_MAX, USER_DATA_PARTS_MAX};

/// Works out what user data asks for. `user_data` is what the instance would read from its metadata: not base64.
pub fn plan(user_data: &[u8]) -> FirstBoot {
    let mut parts = Parts::default();
    if !user_data.iter().all(u8::is_ascii_whitespace) {
        parts.take(user_data, None, None, 0);
    }
    let mut plan = parts.plan;
    cloud_config::apply(&parts.config, &mut plan);
    plan.scripts.sort_by(|one, other| one.name.cmp(&other.name));
    plan
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PartKind {
    Script,
    CloudConfig,
    Boothook,
    Multipart,
    /// With the name it has in notes.
    Other(&'static str),
}

/// By the first line of a part, in the order in which they are tried.
const BY_START: &[(&str, PartKind)] = &[
    ("#!", PartKind::Script),
    ("#cloud-config-archive", PartKind::Other("#cloud-config-archive")),
    ("#cloud-config-jsonp", PartKind::Other("#cloud-config-jsonp")),
    ("#cloud-config", PartKind::CloudConfig),
    ("#cloud-boothook", PartKind::Boothook),
    ("#include", PartKind::Other("#include")),
    ("#part-handler", PartKind::Other("#part-handler")),
    ("#upstart-job", PartKind::Other("#upstart-job")),
    ("## template:", PartKind::Other("## template")),
    ("Content-Type:", PartKind::Multipart),
    ("MIME-Version:", PartKind::Multipart),
];

#[derive(Default)]
struct Parts {
    plan: FirstBoot,
    /// All cloud-configs, merged.
    config: Map,
    count: usize,
}

impl Parts {
    fn note(&mut self, note: impl Into<String>) {
        self.plan.notes.push(note.into());
    }

    fn take(&mut self, bytes: &[u8], declared: Option<&str>, name: Option<&str>, depth: usize) {
        if depth > USER_DATA_DEPTH_MAX {
            return self.note(format!(
                "user data nests deeper than {USER_DATA_DEPTH_MAX} levels; the rest is skipped"
            ));
        }
        if content::is_gzip(bytes) {
            return match content::gunzip(bytes) {
                Ok(unpacked) => self.take(&unpacked, declared, name, depth + 1),
                Err(what) => self.note(format!("a compressed part of the user data {what}")),
            };
        }
        match declared.and_then(kind_of_type).or_else(|| kind_of_start(bytes)) {
            Some(PartKind::Multipart) => self.multipart(bytes, depth),
            Some(kind) => self.part(bytes, kind, name),
            None => {
                self.count += 1;
                let start = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
                self.note(format!(
                    "user data that begins with {start:?} is neither a script (#!), nor #cloud-config, nor MIME; it is skipped"
                ));
            }
        }
    }

    fn part(&mut self, bytes: &[u8], kind: PartKind, name: Option<&str>) {
        self.count += 1;
        if self.count > USER_DATA_PARTS_MAX {
            if self.count == USER_DATA_PARTS_MAX + 1 {
                self.note(format!("only the first {USER_DATA_PARTS_MAX} parts of the user data are used"));
            }
            return;
        }
        let name = name.map(file_name).unwrap_or_else(|| format!("part-{:03}", self.count));
        match kind {
            PartKind::Script => {
                let name = unused(name, &self.plan.scripts);
                self.plan.scripts.push(Script { name, content: bytes.to_vec() });
            }
            PartKind::Boothook => {
                let name = unused(name, &self.plan.boothooks);
                self.plan.boothooks.push(Script { name, content: boothook(bytes) });
            }
            PartKind::CloudConfig => self.cloud_config(bytes),
            PartKind::Other(kind) => {
                self.note(format!("user data of the kind {kind} is not done; {name} is skipped"))
            }
            PartKind::Multipart => {}
        }
    }

    fn cloud_config(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        match yaml::parse(&text) {
            Ok(Node::Map(map)) => merge(&mut self.config, map),
            Ok(node) if node.is_null() => {}
            Ok(_) => self.note("the cloud-config is not a map; it is skipped"),
            Err(error) => self.note(format!("the cloud-config cannot be used: {error}")),
        }
    }

    fn multipart(&mut self, bytes: &[u8], depth: usize) {
        match parse_mail(bytes) {
            Ok(mail) => self.mail(&mail, depth),
            Err(error) => self.note(format!("the MIME message cannot be read: {error}")),
        }
    }

    fn mail(&mut self, mail: &ParsedMail<'_>, depth: usize) {
        if depth > USER_DATA_DEPTH_MAX {
            return self.note(format!(
                "user data nests deeper than {USER_DATA_DEPTH_MAX} levels; the rest is skipped"
            ));
        }
        if mail.ctype.mimetype.starts_with("multipart/") {
            if mail.subparts.is_empty() {
                self.note("the MIME message has no parts");
            }
            for part in &mail.subparts {
                self.mail(part, depth + 1);
            }
            return;
        }
        match mail.get_body_raw() {
            Ok(body) => {
                let name = name_of(mail);
                self.take(&body, Some(&mail.ctype.mimetype), name.as_deref(), depth + 1);
            }
            Err(error) => self.note(format!("a part of the MIME message cannot be decoded: {error}")),
        }
    }
}

/// None where the first line decides.
fn kind_of_type(mimetype: &str) -> Option<PartKind> {
    Some(match mimetype {
        "text/x-shellscript" | "text/x-shellscript-per-once" | "text/x-shellscript-per-instance" => {
            PartKind::Script
        }
        "text/cloud-config" => PartKind::CloudConfig,
        "text/cloud-boothook" => PartKind::Boothook,
        "text/x-shellscript-per-boot" => PartKind::Boothook,
        "text/x-include-url" => PartKind::Other("text/x-include-url"),
        "text/x-include-once-url" => PartKind::Other("text/x-include-once-url"),
        "text/part-handler" => PartKind::Other("text/part-handler"),
        "text/cloud-config-archive" => PartKind::Other("text/cloud-config-archive"),
        "text/jinja2" => PartKind::Other("text/jinja2"),
        _ => return None,
    })
}

fn kind_of_start(bytes: &[u8]) -> Option<PartKind> {
    let found = BY_START.iter().find(|(start, _)| {
        bytes.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start.as_bytes()))
    });
    if let Some((_, kind)) = found {
        return Some(*kind);
    }
    // Other headers, or blank lines, may stand before the one that names MIME.
    let head = &bytes[..bytes.len().min(4096)];
    let named = head.to_ascii_lowercase().windows(13).any(|text| text == b"mime-version:");
    named.then_some(PartKind::Multipart)
}

fn name_of(mail: &ParsedMail<'_>) -> Option<String> {
    let header =
        mail.headers.iter().find(|header| header.get_key_ref().eq_ignore_ascii_case("Content-Disposition"));
    let disposition = header.map(|header| parse_content_disposition(&header.get_value()));
    let stated = disposition.filter(|found| found.disposition != DispositionType::FormData);
    stated
        .and_then(|found| found.params.get("filename").cloned())
        .or_else(|| mail.ctype.params.get("name").cloned())
        .filter(|name| !name.is_empty())
}

/// A name that is a plain file name, as cloud-init makes it.
fn file_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.()".contains(c);
    let name: String = name.chars().map(|c| if fits(c) { c } else { '_' }).take(100).collect();
    if name.trim_matches('.').is_empty() { "part".to_owned() } else { name }
}

fn unused(name: String, scripts: &[Script]) -> String {
    let taken = |name: &str| scripts.iter().any(|script| script.name == name);
    if !taken(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    numbered.into_iter().find(|name| !taken(name)).expect("there are more numbers than scripts")
}

/// A boothook may begin with its own marker, under which its `#!` line stands.
fn boothook(bytes: &[u8]) -> Vec<u8> {
    if !bytes.starts_with(b"#cloud-boothook") {
        return bytes.to_vec();
    }
    let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
    let rest = bytes[end..].to_vec();
    if rest.starts_with(b"#!") { rest } else { [b"#!/bin/sh\n", rest.as_slice()].concat() }
}

/// Later cloud-configs replace the keys of earlier ones, but append to their lists if they ask for that.
fn merge(into: &mut Map, from: Map) {
    let how = |key| yaml::get(&from, key).and_then(Node::text).unwrap_or_default().to_owned();
    let append = [how("merge_how"), how("merge_type")].iter().any(|how| how.contains("list(append"));
    for (key, value) in from {
        let present = into.iter_mut().find(|(name, _)| *name == key);
        match (present, value) {
            (Some((_, Node::List(list))), Node::List(more)) if append => list.extend(more),
            (Some((_, present)), value) => *present = value,
            (None, value) => into.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::tests::gzip;
    use super::*;

    fn names(plan: &FirstBoot) -> Vec<&str> {
        plan.scripts.iter().map(|script| script.name.as_str()).collect()
    }

    #[test]
    fn the_first_line_tells_what_user_data_is() {
        let script = plan(b"#!/bin/bash\necho hi\n");
        assert_eq!(names(&script), ["part-001"]);
        assert_eq!(script.scripts[0].content, b"#!/bin/bash\necho hi\n");
        assert_eq!(plan(&gzip(b"#!/bin/sh\n")).scripts.len(), 1);
        assert_eq!(plan(b"#cloud-config\nhostname: fog\n").hostname.as_deref(), Some("fog"));
        assert_eq!(plan(b"").notes, [""; 0]);
        assert_eq!(plan(b"\n").notes, [""; 0]);
        assert_eq!(plan(b"hello").notes.len(), 1);
        assert_eq!(plan(&[0x1f, 0x8b, 0]).notes, ["a compressed part of the user data is not valid gzip"]);
        assert!(plan(b"#include\nhttp://x/\n").notes[0].contains("#include"));
        let hook = plan(b"#cloud-boothook\n#!/bin/sh\necho early\n");
        assert_eq!(hook.boothooks[0].content, b"#!/bin/sh\necho early\n");
    }

    const MULTIPART: &str = "Content-Type: multipart/mixed; boundary=\"//\"\nMIME-Version: 1.0\n\n--//\n\
        Content-Type: text/cloud-config; charset=\"us-ascii\"\nMIME-Version: 1.0\n\
        Content-Transfer-Encoding: 7bit\nContent-Disposition: attachment; filename=\"cloud-config.txt\"\n\n\
        #cloud-config\ncloud_final_modules:\n- [scripts-user, always]\n\n--//\n\
        Content-Type: text/x-shellscript; charset=\"us-ascii\"\nMIME-Version: 1.0\n\
        Content-Transfer-Encoding: 7bit\nContent-Disposition: attachment; filename=\"userdata.txt\"\n\n\
        #!/bin/bash\n/bin/echo \"Hello\" >> /root/x\n\n--//--\n";

    #[test]
    fn the_multi_part_message_of_the_aws_documentation_is_understood() {
        let plan = plan(MULTIPART.as_bytes());
        assert_eq!(plan.notes, [""; 0]);
        assert!(plan.scripts_always);
        assert_eq!(names(&plan), ["userdata.txt"]);
        assert!(plan.scripts[0].content.starts_with(b"#!/bin/bash\n/bin/echo"));
        assert_eq!(super::plan(&gzip(MULTIPART.as_bytes())), plan);
    }

    #[test]
    fn parts_may_be_encoded_nested_and_without_a_type() {
        let encoded = data_encoding::BASE64.encode(&gzip(b"#!/bin/sh\necho zipped\n"));
        let message = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\
             Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n{encoded}\n--a\n\
             Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n#!/bin/sh\necho plain\n--b\n\
             Content-Type: text/x-shellscript; name=\"../a b\"\n\nnot even a marker\n--b--\n--a\n\
             Content-Type: text/x-include-url\n\nhttp://x/\n--a--\n"
        );
        let plan = plan(message.as_bytes());
        assert_eq!(names(&plan), [".._a_b", "part-001", "part-002"]);
        assert_eq!(plan.notes.len(), 1, "{:?}", plan.notes);
    }

    #[test]
    fn names_of_parts_are_unique_and_sorted() {
        let part = |name: &str| {
            format!(
                "--a\nContent-Type: text/x-shellscript\nContent-Disposition: attachment; filename={name}\n\n#!/bin/sh\n"
            )
        };
        let message = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n{}{}{}--a--\n",
            part("z.sh"),
            part("a.sh"),
            part("a.sh")
        );
        assert_eq!(names(&plan(message.as_bytes())), ["a.sh", "a.sh-2", "z.sh"]);
    }

    #[test]
    fn compressed_parts_within_parts_end_somewhere() {
        let mut data = gzip(b"#!/bin/sh\n");
        for _ in 0..USER_DATA_DEPTH_MAX + 1 {
            data = gzip(&data);
        }
        assert!(plan(&data).notes[0].contains("nests deeper"));
    }

    #[test]
    fn a_later_cloud_config_replaces_or_appends() {
        let two = |second: &str| {
            let message = format!(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/cloud-config\n\n\
                 hostname: one\nruncmd: [one]\n--a\nContent-Type: text/cloud-config\n\n{second}\n--a--\n"
            );
            plan(message.as_bytes())
        };
        let replaced = two("runcmd: [two]");
        assert_eq!((replaced.hostname.as_deref(), replaced.commands.len()), (Some("one"), 1));
        let appended = two("merge_how: 'list(append)+dict(recurse_array)+str()'\nruncmd: [two]");
        assert_eq!(appended.commands.len(), 2);
    }
}
