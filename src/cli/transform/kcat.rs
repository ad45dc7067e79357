//! Lines for `kcat -P -K '\t'`: key, tab, message. What kcat would take apart elsewhere is not written.

use super::line::push_line;
use transform::produced::Produced;

/// The key would not come out as it went in.
#[derive(Debug)]
pub(super) struct Unfit;

/// Appends the line of a payload. Its message is JSON in one line, which has no tab but in a place where it means nothing.
///
/// # Errors
/// [`Unfit`] where the key has a character that ends a key or a line; nothing is appended then.
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
