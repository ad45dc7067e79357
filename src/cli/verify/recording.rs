//! `verify --record`: writes the responses of a transformer to a golden file.

use json::display::sanitize;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::json;

use super::progress::Progress;
use crate::cli::exit_codes::EXIT_FOUND;
use crate::cli::format::{BAD, Format, count};
use crate::cli::stdio;
use crate::cli::verify::transformer::Transformer;
use golden::record::{GoldenFile, line};
use golden::run::{Filter, Step, each};
use golden::sources::Source;

/// Records the responses, and reports how many were recorded.
///
/// # Errors
/// Returns an error if no golden file was written. An existing file stays unchanged.
pub(super) fn run(
    sources: &[Source],
    filter: &Filter,
    mut transformer: Transformer,
    output: &Path,
    format: Format,
) -> Result<u8, String> {
    let not_written = |error: io::Error| format!("{}: cannot write: {error}", output.display());
    let mut file = GoldenFile::create(output).map_err(not_written)?;
    let progress = Progress::new();
    let (mut recorded, mut left_out) = (0, 0);
    // A skipped case does not stop the run, and is reported on stderr.
    let mut leave_out = |text: String| {
        left_out += 1;
        progress
            .suspend(|| writeln!(anstream::stderr(), "{BAD}left out{BAD:#}  {}", sanitize(&text)))
            .unwrap_or_default();
    };
    let mut current = Path::new("").to_owned();
    let outcome = each(sources, filter, |step| {
        match step {
            Step::File(source) => {
                current.clone_from(&source.path);
                progress.file(&sanitize(&source.path.display().to_string()));
            }
            Step::Skipped(_) => {}
            Step::Unreadable(unreadable) => leave_out(unreadable.to_string()),
            Step::Case(found) => match transformer.ask(&found.case.request) {
                Ok(answer) => {
                    if let Err(error) = file.append(&line(&found.case.name, &found.case.request, &answer)) {
                        return ControlFlow::Break(not_written(error));
                    }
                    recorded += 1;
                    progress.case();
                }
                Err(unanswered) if unanswered.gives_up => {
                    return ControlFlow::Break(format!("--record: {}", unanswered.why));
                }
                Err(unanswered) => leave_out(format!("{}:{}: {}", current.display(), found.line, unanswered.why)),
            },
        }
        ControlFlow::Continue(())
    });
    progress.finish();
    let nothing = || (recorded == 0).then(|| "no cases to record".to_owned());
    if let Some(problem) = outcome.break_value().or_else(nothing) {
        file.discard();
        return Err(problem);
    }
    file.finish().map_err(not_written)?;
    let name = output.display().to_string();
    let summary = match format {
        Format::Json => json!({ "recorded": recorded, "leftOut": left_out, "file": name }).to_string(),
        Format::Text => {
            let left_out = if left_out > 0 { format!(", {left_out} skipped") } else { String::new() };
            format!("{} recorded in {}{left_out}", count(recorded, "response"), sanitize(&name))
        }
    };
    stdio::failure(writeln!(anstream::stdout(), "{summary}"))?;
    Ok(if left_out > 0 { EXIT_FOUND } else { 0 })
}
