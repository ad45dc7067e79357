//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    rudder_kafka_transformer::cli::main()
}
