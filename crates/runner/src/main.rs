//! The program `sightline`.

fn main() -> std::process::ExitCode {
    sightline_runner::main()
}
