//! Who holds a port, and which folder a Fogbank holds: what makes "address in use" a helpful error.
//!
//! Read from /proc, so it tells only what this user may see. A Fogbank shows its open files to root alone
//! ([`crate::host::keep_memory_private`]), so it is asked itself where /proc says nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use http::Method;

use crate::client;
use crate::limits::HOLDER_ANSWER_TIME_MAX;

/// The process that listens on a port.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    pub process: u32,
    pub name: String,
    /// The data folder, if the process is a Fogbank that has one.
    pub folder: Option<PathBuf>,
}

/// Blocks, for [`HOLDER_ANSWER_TIME_MAX`] at most.
pub fn find(port: u16) -> Option<Holder> {
    in_proc(port).or_else(|| of_its_own_account(port))
}

fn of_its_own_account(port: u16) -> Option<Holder> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let endpoint = format!("http://127.0.0.1:{port}");
        // Nobody listens any more if it took too long.
        tell.send(client::call(&endpoint, Method::GET, "/_fogbank/status", None)).ok();
    });
    let status = told.recv_timeout(HOLDER_ANSWER_TIME_MAX).ok()?.ok()?;
    Some(Holder {
        process: status["process"].as_u64()?.try_into().ok()?,
        name: "fogbank".to_owned(),
        folder: status["data"].as_str().map(PathBuf::from),
    })
}

fn in_proc(port: u16) -> Option<Holder> {
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

    /// What is found out from a server that answers everything with this body.
    fn asked(body: &str) -> Option<Holder> {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let holder = of_its_own_account(port);
        server.join().unwrap();
        holder
    }

    #[test]
    fn a_fogbank_that_hides_its_files_is_asked_itself() {
        let folder = Some(PathBuf::from("/data"));
        let expected = Holder { process: 7, name: "fogbank".to_owned(), folder };
        assert_eq!(asked(r#"{"version": "1", "process": 7, "data": "/data"}"#), Some(expected));
        assert_eq!(asked("It works!"), None);
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
