//! Who holds a port, and which folder a Fogbank holds: what makes "address in use" a helpful error.
//!
//! Read from /proc, so it tells only what this user may see.

use std::fs;
use std::path::{Path, PathBuf};

/// The process that listens on a port.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    pub process: u32,
    pub name: String,
    /// The data folder, if the process is a Fogbank that has one.
    pub folder: Option<PathBuf>,
}

pub fn find(port: u16) -> Option<Holder> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let targets: Vec<PathBuf> = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .filter_map(|link| fs::read_link(link.path()).ok())
            .collect();
        let holds = |target: &PathBuf| {
            let text = target.to_string_lossy();
            inodes.iter().any(|inode| text == format!("socket:[{inode}]"))
        };
        targets.iter().any(holds).then(|| Holder {
            process,
            name: fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim().to_owned(),
            folder: targets.iter().find_map(|target| data_folder(target)),
        })
    })
}

/// A Fogbank keeps the file `lock` of its data folder open.
fn data_folder(open_file: &Path) -> Option<PathBuf> {
    let folder = open_file.parent()?;
    let ours = open_file.file_name()? == "lock" && folder.join("fogbank.json").exists();
    ours.then(|| folder.to_owned())
}

/// The sockets in a table of /proc/net/tcp that listen on a port.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let ends = format!(":{port:04X}");
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let matches = fields.get(1)?.ends_with(&ends) && *fields.get(3)? == LISTEN;
        matches.then(|| fields.get(9).map(|inode| (*inode).to_owned())).flatten()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = find(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(holder.process, std::process::id());
        assert_eq!(holder.folder, None);
    }

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
             1: 0100007F:11D6 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(listening_inodes(table, 4566), ["4711"]);
        assert!(listening_inodes(table, 4567).is_empty());
    }
}
