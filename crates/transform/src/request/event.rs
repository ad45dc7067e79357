//! Reads, in one pass, the fields of an event that the rules use (docs/contract.md#request-body,
//! docs/contract.md#processor-transformation).

use crate::family::FAMILIES;
use crate::rejection::Rejection;
use crate::request::object_cache::ObjectCache;
use crate::rules::cuts::Cuts;
use crate::rules::lazy_object::LazyObject;
use json::invalid::Invalid;
use json::raw::{EMPTY_OBJECT, Kind, Raw};
use json::reader::Reader;

/// A field that must be an object.
#[derive(Debug, Clone)]
pub enum Field<T> {
    /// The field is missing or `null`.
    Missing,
    /// The value of the field is not an object.
    Wrong,
    /// The value of the field is an object.
    Object(T),
}

/// One event of a request.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The whole event, in which templates look up values.
    pub raw: Raw<'a>,
    /// The field `message`. A missing message is treated as `{}` (docs/reference/differences.md#message_not_an_object).
    pub message: Field<Message<'a>>,
    /// The field `metadata`.
    pub metadata: Field<Metadata<'a>>,
    /// The field `destination`, which is used only in the plain format.
    pub destination: Option<Raw<'a>>,
    /// Whether any field other than `message`, `metadata` and `destination` has a name that contains a dot. A path such
    /// as `a.b` in a template can refer to such a field.
    pub has_dotted_name: bool,
}

/// A message, with the values of the fields that the rules use.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The whole message.
    pub raw: Raw<'a>,
    /// The field `channel`.
    pub channel: Option<Raw<'a>>,
    /// The field `type`.
    pub kind: Option<Raw<'a>>,
    /// The field `event`.
    pub event: Option<Raw<'a>>,
    /// The field `userId`.
    pub user_id: Option<Raw<'a>>,
    /// The field `anonymousId`.
    pub anonymous_id: Option<Raw<'a>>,
    /// The field `integrations`.
    pub integrations: Option<Raw<'a>>,
    /// The fields whose name is literally `integrations.<name>`, where `<name>` is one of the names in
    /// [`Family::integrations`](crate::family::Family::integrations) (docs/contract.md#integrations-dotted-name). Each
    /// pair contains `<name>` and the value. Each `<name>` occurs at most once.
    pub dotted_integrations: Vec<(&'static str, Raw<'a>)>,
}

/// The metadata of an event, with the values of the fields that the rules use.
#[derive(Debug, Clone)]
pub struct Metadata<'a> {
    /// The whole metadata.
    pub raw: Raw<'a>,
    /// The field `rudderId`.
    pub rudder_id: Option<Raw<'a>>,
    /// The field `sourceId`.
    pub source_id: Option<Raw<'a>>,
    /// The field `destinationId`.
    pub destination_id: Option<Raw<'a>>,
    /// The field `workspaceId`.
    pub workspace_id: Option<Raw<'a>>,
    /// The field `sourceType`.
    pub source_type: Option<Raw<'a>>,
    /// The field `destinationType`.
    pub destination_type: Option<Raw<'a>>,
    /// The field `namespace`.
    pub namespace: Option<Raw<'a>>,
}

/// Parts of earlier events. Most later events of the same request contain the same parts.
#[derive(Debug)]
pub struct Earlier<'a> {
    metadata: MetadataModel<'a>,
    destination: Option<Raw<'a>>,
}

type MetadataModel<'a> = ObjectCache<'a, { Metadata::NAMES.len() }>;

impl Earlier<'_> {
    /// Creates the state before the first event.
    #[must_use]
    pub fn nothing() -> Self {
        Self { metadata: ObjectCache::wanting(Metadata::NAMES), destination: None }
    }
}

/// The prefix of the names of the fields that are stored in [`Message::dotted_integrations`].
const DOTTED: &[u8] = b"integrations.";

impl<'a> Event<'a> {
    /// Reads one element of the array of events. Returns `None` for an element that is not an object.
    ///
    /// # Errors
    /// [`Invalid`] if the text is not valid JSON.
    pub fn read(reader: &mut Reader<'a>, earlier: &mut Earlier<'a>) -> Result<Option<Self>, Invalid> {
        if reader.peek() != Some(b'{') {
            reader.value()?;
            return Ok(None);
        }
        let mut event = Event {
            raw: EMPTY_OBJECT,
            message: Field::Object(Message::empty()),
            metadata: Field::Missing,
            destination: None,
            has_dotted_name: false,
        };
        let mut buffer = Vec::new();
        event.raw = reader.object::<Invalid>(|reader, key| {
            match key.decoded_in(&mut buffer) {
                b"message" => {
                    event.message = match slot(reader, Message::read)? {
                        Field::Missing => Field::Object(Message::empty()),
                        slot => slot,
                    }
                }
                b"metadata" => event.metadata = slot(reader, |reader| Metadata::read(reader, &mut earlier.metadata))?,
                // Consecutive events usually have the same destination, byte for byte.
                b"destination" => {
                    let destination = reader.value_like(earlier.destination)?;
                    earlier.destination = Some(destination);
                    event.destination = Some(destination);
                }
                name => {
                    event.has_dotted_name |= name.contains(&b'.');
                    reader.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(Some(event))
    }

    /// Returns the message.
    ///
    /// # Errors
    /// [`Rejection::MessageNotAnObject`].
    pub fn message(&self) -> Result<&Message<'a>, Rejection> {
        match &self.message {
            Field::Object(message) => Ok(message),
            Field::Missing | Field::Wrong => Err(Rejection::MessageNotAnObject),
        }
    }

    /// Returns the metadata, without which rudder-server cannot match the response to the event's job.
    ///
    /// # Errors
    /// [`Rejection::MetadataMissing`] or [`Rejection::MetadataNotAnObject`].
    pub fn metadata(&self) -> Result<&Metadata<'a>, Rejection> {
        match &self.metadata {
            Field::Object(metadata) => Ok(metadata),
            Field::Missing => Err(Rejection::MetadataMissing),
            Field::Wrong => Err(Rejection::MetadataNotAnObject),
        }
    }
}

fn slot<'a, T>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Invalid>,
) -> Result<Field<T>, Invalid> {
    if reader.peek() == Some(b'{') {
        return read(reader).map(Field::Object);
    }
    Ok(match reader.value()?.kind() {
        Kind::Null => Field::Missing,
        _ => Field::Wrong,
    })
}

impl<'a> Message<'a> {
    /// Returns the message `{}`.
    fn empty() -> Self {
        Message {
            raw: EMPTY_OBJECT,
            channel: None,
            kind: None,
            event: None,
            user_id: None,
            anonymous_id: None,
            integrations: None,
            dotted_integrations: Vec::new(),
        }
    }

    /// Returns this message with its text replaced by `text`, which must be valid JSON. In `text`, the fields that the
    /// rules use must have the same values as before.
    #[must_use]
    pub fn with_text<'t>(&self, text: &'t str) -> Message<'t>
    where
        'a: 't,
    {
        Message { raw: Raw::from_valid(text), ..self.clone() }
    }

    /// Returns this message after `cuts` removed fields from it. `left` is the message's remaining text.
    #[must_use]
    pub fn without<'t>(&self, cuts: &Cuts, left: &'t str) -> Message<'t>
    where
        'a: 't,
    {
        let dotted = self.dotted_integrations.iter().map(|(_, value)| value);
        let values = [self.channel, self.kind, self.event, self.user_id, self.anonymous_id, self.integrations];
        if values.iter().flatten().chain(dotted).all(|value| cuts.moved(*value, self.raw, left).is_some()) {
            return self.with_text(left);
        }
        Message::of(Raw::from_valid(left))
    }

    /// Reads a message that is known to be valid JSON.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        let mut message = Message { raw, ..Message::empty() };
        let mut buffer = Vec::new();
        raw.for_each_member(|name, value| message.set(name.decoded_in(&mut buffer), value));
        message
    }

    /// Stores the value of the field `integrations.<name>` if any family uses `name` in its `integrations`.
    fn set_dotted(&mut self, name: &[u8], value: Raw<'a>) {
        let names = FAMILIES.into_iter().flat_map(|family| family.integrations);
        let Some(name) = names.into_iter().find(|known| known.as_bytes() == name) else { return };
        match self.dotted_integrations.iter_mut().find(|(known, _)| *known == name) {
            Some((_, current)) => *current = value,
            None => self.dotted_integrations.push((name, value)),
        }
    }

    /// Reads a message, which must be an object.
    ///
    /// # Errors
    /// [`Invalid`] if the message is not a valid object.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        let mut message = Message::empty();
        let mut buffer = Vec::new();
        message.raw = reader.object::<Invalid>(|reader, key| {
            match key.decoded_in(&mut buffer) {
                b"channel" => message.channel = Some(reader.value()?),
                b"type" => message.kind = Some(reader.value()?),
                b"event" => message.event = Some(reader.value()?),
                b"userId" => message.user_id = Some(reader.value()?),
                b"anonymousId" => message.anonymous_id = Some(reader.value()?),
                b"integrations" => message.integrations = Some(reader.value()?),
                name if name.starts_with(DOTTED) => message.set_dotted(&name[DOTTED.len()..], reader.value()?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(message)
    }

    /// Returns the message of an event whose templates have been filled. `raw` is the message's text.
    #[must_use]
    pub fn of_lazy_object(event: &LazyObject<'a>, raw: Raw<'a>) -> Self {
        let mut message = Message { raw, ..Message::empty() };
        let mut is_whole = true;
        event.each_field("message", |name, value| match value {
            Some(value) => message.set(name, value),
            None => is_whole &= message.slot(name).is_none() && !name.starts_with(DOTTED),
        });
        if !is_whole {
            // A value was removed from inside a field that the rules use, so the fields are read from `raw` instead.
            message = Message::of(raw);
        }
        message
    }

    /// Stores a field if the rules use it.
    fn set(&mut self, name: &[u8], value: Raw<'a>) {
        if let Some(slot) = self.slot(name) {
            *slot = Some(value);
        } else if let Some(name) = name.strip_prefix(DOTTED) {
            self.set_dotted(name, value);
        }
    }

    /// Returns the place where the value of the field `name` is stored, or `None` if the rules do not use that field.
    #[inline]
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<Raw<'a>>> {
        Some(match name {
            b"channel" => &mut self.channel,
            b"type" => &mut self.kind,
            b"event" => &mut self.event,
            b"userId" => &mut self.user_id,
            b"anonymousId" => &mut self.anonymous_id,
            b"integrations" => &mut self.integrations,
            _ => return None,
        })
    }
}

impl<'a> Metadata<'a> {
    /// The names of the fields that the rules use.
    const NAMES: [&'static str; 7] =
        ["rudderId", "sourceId", "destinationId", "workspaceId", "sourceType", "destinationType", "namespace"];

    /// Reads metadata, which must be an object. `model` is the cache that remembers where the fields are in the
    /// metadata of the first event.
    ///
    /// # Errors
    /// [`Invalid`] if the metadata is not a valid object.
    pub fn read(reader: &mut Reader<'a>, model: &mut MetadataModel<'a>) -> Result<Self, Invalid> {
        let (raw, found) = model.read(reader)?;
        Ok(Self::with(raw, found))
    }

    /// Reads metadata without a cache. If `raw` is not an object, all fields are `None`.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        Self::with(raw, raw.members(Self::NAMES))
    }

    /// Returns this metadata after `cuts` removed fields from it. `left` is the metadata's remaining text.
    #[must_use]
    pub fn without<'t>(&self, cuts: &Cuts, left: &'t str) -> Metadata<'t> {
        let raw = Raw::from_valid(left);
        let values = [
            self.rudder_id,
            self.source_id,
            self.destination_id,
            self.workspace_id,
            self.source_type,
            self.destination_type,
            self.namespace,
        ];
        let moved = values.map(|value| value.map(|value| cuts.moved(value, self.raw, left)));
        if moved.contains(&Some(None)) { Metadata::of(raw) } else { Metadata::with(raw, moved.map(Option::flatten)) }
    }

    fn with(raw: Raw<'a>, found: [Option<Raw<'a>>; Metadata::NAMES.len()]) -> Self {
        let [rudder_id, source_id, destination_id, workspace_id, source_type, destination_type, namespace] = found;
        Self { raw, rudder_id, source_id, destination_id, workspace_id, source_type, destination_type, namespace }
    }
}
