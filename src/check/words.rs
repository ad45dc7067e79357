//! What libraries say, in the words of this product.

use crate::transform::json::explain;

/// Why a text is not one JSON value, with line and column; `None` if it is one.
#[must_use]
pub fn not_json(text: &str) -> Option<String> {
    explain(text).map(|why| why.replace("expected ident", "expected true, false or null"))
}
