//! The holder alone, for this crate's tests.

fn main() {
    fogbank_block::holder_main(std::env::args().skip(1));
}
