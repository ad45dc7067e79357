//! Writes lines for `kcat -P -K '\t'`: key, tab, message. Keys that kcat would split in the wrong place are rejected.

use super::line::push_line;
use transform::produced::Produced;

/// The error for a key that contains a character that kcat treats as a delimiter.
#[derive(Debug)]
pub(super) struct Unfit;

/// Appends the line of a record. The message is JSON on one line, so any tab in it is whitespace between tokens.
///
/// # Errors
/// Returns [`Unfit`], and appends nothing, if the key contains a delimiter.
pub(super) fn push(out: &mut String, payload: &Produced<'_>) -> Result<(), Unfit> {
    let key = payload.key();
    if key.contains(['\t', '\n', '\0']) {
        return Err(Unfit);
    }
    out.push_str(&key);
    out.push('\t');
    push_line(out, payload.message.map_or("{}", |raw| raw.text()));
    out.push('\n');
    Ok(())
}
