//! The entry point of the binary: runs the command line and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    rudder_kafka_transformer::cli::main()
}
