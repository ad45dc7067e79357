//! Chooses the key of the Kafka message (docs/contract.md#partition-key).

use crate::decision::KeySource;
use crate::observer::Observer;
use crate::request::event::Message;
use json::javascript::{JsString, if_truthy};

/// Returns the `userId` of the response and the field that it was taken from.
#[must_use]
pub fn decide<'a>(message: &Message<'a>, observer: &mut impl Observer) -> (Option<JsString<'a>>, KeySource) {
    let (key, source) = if let Some(id) = if_truthy(message.user_id) {
        (Some(JsString::of(Some(id))), KeySource::UserId)
    } else if let Some(id) = if_truthy(message.anonymous_id) {
        (Some(JsString::of(Some(id))), KeySource::AnonymousId)
    } else {
        (None, KeySource::Empty)
    };
    observer.keyed(key.as_ref(), source);
    (key, source)
}
