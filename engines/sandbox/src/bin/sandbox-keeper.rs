//! The nursery and its keepers as a program of its own: for tests and measurements. The product's binary is its own
//! keeper.

fn main() {
    fogbank_sandbox::keeper_main(std::env::args().skip(1))
}
