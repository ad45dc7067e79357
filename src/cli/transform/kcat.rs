//! Lines for `kcat -P -K '\t'`: key, tab, message. What kcat would take apart elsewhere is not written.

use super::output::{Payload, push_line};
use crate::transform::json::Raw;
use crate::transform::partition::as_received;

/// The key would not come out as it went in.
#[derive(Debug)]
pub(super) struct Unfit;

/// Appends the line of a payload. Its message is JSON in one line, which has no tab but in a place where it means nothing.
///
/// # Errors
/// [`Unfit`] where the key has a character that ends a key or a line; nothing is appended then.
pub(super) fn push(out: &mut String, payload: &Payload<'_>) -> Result<(), Unfit> {
    let key = payload.user_id.and_then(Raw::as_string).map(|text| as_received(&text.decoded())).unwrap_or_default();
    if key.contains(['\t', '\n', '\0']) {
        return Err(Unfit);
    }
    out.push_str(&key);
    out.push('\t');
    push_line(out, payload.message.map_or("{}", |raw| raw.text()));
    out.push('\n');
    Ok(())
}
