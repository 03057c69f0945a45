//! The process's environment, read once. Nothing below the binary looks at it.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The variables that commands look at, as they were when the process started.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    pub fn read() -> Environment {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Environment { variables: std::env::vars_os().filter_map(readable).collect() }
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Environment {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment { variables: variables.iter().map(own).collect() }
    }

    /// The variable, unless it is unset or empty: clients treat the two alike.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Where Fogbank keeps its data when nobody says otherwise: the XDG data home, for root too.
    pub fn default_folder(&self) -> PathBuf {
        let data_home = self.get("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || {
            self.get("HOME")
                .map_or_else(|| PathBuf::from("/var/lib"), |home| PathBuf::from(home).join(".local/share"))
        };
        data_home.unwrap_or_else(home).join("fogbank")
    }

    /// Every executable of this name in PATH, in order, without the same file twice.
    pub fn programs(&self, name: &str) -> Vec<PathBuf> {
        let path = self.get("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin");
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in std::env::split_paths(path) {
            let program = folder.join(name);
            let executable = rustix::fs::access(&program, rustix::fs::Access::EXEC_OK).is_ok();
            let same = |other: &PathBuf| other.canonicalize().ok() == program.canonicalize().ok();
            if executable && program.is_file() && !found.iter().any(same) {
                found.push(program);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_folder_follows_the_xdg_rules() {
        let folder = |variables| Environment::of(variables).default_folder();
        assert_eq!(folder(&[("HOME", "/root")]), PathBuf::from("/root/.local/share/fogbank"));
        assert_eq!(folder(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]), PathBuf::from("/x/fogbank"));
        let relative = folder(&[("HOME", "/h"), ("XDG_DATA_HOME", "x")]);
        assert_eq!(relative, PathBuf::from("/h/.local/share/fogbank"));
        assert_eq!(folder(&[]), PathBuf::from("/var/lib/fogbank"));
    }
}
