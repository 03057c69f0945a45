//! `fogbank version`

pub fn run() -> String {
    format!("fogbank {}\n", env!("CARGO_PKG_VERSION"))
}
