//! Flow logs as files in the data folder, for people of this host: whatever else they are delivered to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::limits::FLOW_FILE_BYTES_MAX;

/// The folder with one file a flow log, `fl-….log`, and one that it grew out of, `fl-….log.1`.
#[derive(Clone, Debug)]
pub struct FlowFiles(pub PathBuf);

impl FlowFiles {
    /// Adds lines to a log's file. What cannot be written is told of and left out.
    pub async fn append(&self, log: &str, header: &str, lines: &str) {
        let (file, header, lines) = (self.0.join(format!("{log}.log")), header.to_owned(), lines.to_owned());
        let written = tokio::task::spawn_blocking(move || append(&file, &header, &lines)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(log, %error, "flow log records were not written to their file");
        }
    }
}

/// A new file begins with the names of the fields.
fn append(path: &Path, header: &str, lines: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::metadata(path).is_ok_and(|about| about.len() > FLOW_FILE_BYTES_MAX) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() == 0 {
        file.write_all(header.as_bytes())?;
    }
    file.write_all(lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_names_its_fields_once() {
        let folder = tempfile::tempdir().unwrap();
        let files = FlowFiles(folder.path().join("flow-logs"));
        files.append("fl-1", "version start\n", "2 10\n").await;
        files.append("fl-1", "version start\n", "2 20\n").await;
        let text = fs::read_to_string(folder.path().join("flow-logs/fl-1.log")).unwrap();
        assert_eq!(text, "version start\n2 10\n2 20\n");
    }
}
