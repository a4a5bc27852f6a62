//! The `gander` binary: everything it does is in the library.

fn main() -> std::process::ExitCode {
    gander::cli::main()
}
