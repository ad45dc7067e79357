//! `check --connect`: connects to the brokers of each destination and reports each step.

pub(super) mod connection;
mod json;
mod text;

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

pub(super) use json::value;
pub(super) use text::write;

use check;
use check::topics;
use connect::client_certificate::{self, CERTIFICATE_VARIABLE, ClientFiles, KEY_VARIABLE};
use connect::{ConnectOptions, DEFAULT_BATCH_BYTES, os_error, run};
use connection::Connection;

/// The maximum size of a certificate or key file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Options of `check --connect`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Connect to the brokers as rudder-server would, authenticate, and check each topic; writes nothing to Kafka
    #[arg(long)]
    connect: bool,

    /// Timeout of each step of --connect, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600), requires = "connect")]
    timeout: u64,

    /// An additional topic to check; may be repeated
    #[arg(long = "topic", value_name = "TOPIC", value_parser = topic, requires = "connect")]
    topics: Vec<String>,

    /// Accept any broker certificate, like rudder-server with Router.KAFKA.tlsInsecureSkipVerify
    #[arg(long, requires = "connect")]
    tls_insecure_skip_verify: bool,

    /// Value of Router.KAFKA.batchBytes in rudder-server, to compare with max.message.bytes of each topic
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_BATCH_BYTES, value_parser = clap::value_parser!(u64).range(1..=1 << 31), requires = "connect")]
    batch_bytes: u64,
}

impl Options {
    /// Returns the options for connecting, or `None` without `--connect`.
    pub(super) fn options(&self) -> Option<ConnectOptions> {
        self.connect.then(|| ConnectOptions {
            client: ClientFiles { certificate: file(CERTIFICATE_VARIABLE), key: file(KEY_VARIABLE) },
            topics: self.topics.clone(),
            timeout: Duration::from_secs(self.timeout),
            accepts_any_certificate: self.tls_insecure_skip_verify,
            batch_bytes: self.batch_bytes,
        })
    }
}

/// Connects to the brokers of each destination, one after another.
pub(super) fn connect_all(report: &check::Report, options: &ConnectOptions) -> Vec<Connection> {
    report.destinations.iter().map(|destination| connect(destination, options)).collect()
}

fn connect(destination: &check::Checked, options: &ConnectOptions) -> Connection {
    let Some(settings) = &destination.settings else { return Connection::NoSettings };
    let waiting = waiting(&destination.name);
    let outcome = run(settings, options);
    waiting.finish_and_clear();
    match outcome {
        Ok(report) => Connection::Tried(report),
        Err(error) => Connection::Failed(format!("cannot start the event loop: {}", os_error::describe(&error))),
    }
}

/// Creates a spinner, which is shown only on a terminal.
fn waiting(name: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(format!("connecting to the brokers of {}", name.escape_debug()));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Parses a topic name. Rejects a name that no broker accepts.
fn topic(name: &str) -> Result<String, String> {
    topics::illegal(name).map_or_else(|| Ok(name.to_owned()), Err)
}

/// Reads the file whose path is in an environment variable. Returns `None` if the variable is not set.
fn file(variable: &str) -> Option<client_certificate::File> {
    let path = env::var_os(variable).filter(|path| !path.is_empty())?;
    let content = (|| {
        let file = File::open(&path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let mut content = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("the file is larger than {MAX_FILE_BYTES} bytes")));
        }
        Ok(content)
    })();
    Some(client_certificate::File {
        path: path.to_string_lossy().into_owned(),
        content: content.map_err(|error| os_error::describe(&error)),
    })
}
