//! Replaces the export of traces in a build without the feature `otlp`.

/// A placeholder for the running export.
pub(super) struct Export;

/// Logs a warning if the environment requests an export.
///
/// # Errors
/// This function never fails. The function `start` of a build with the feature `otlp` can fail.
pub(super) fn start() -> Result<Option<Export>, String> {
    let names = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    if let Some(name) = names.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        tracing::warn!("{name} has no effect: this binary was built without the feature otlp");
    }
    Ok(None)
}

impl Export {
    /// Does nothing.
    pub(super) fn finish(self) {}
}
