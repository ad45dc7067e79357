//! Reads the fields of an event that the rules use, in one pass (docs/contract.md#request-body,
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
    /// Missing or `null`.
    Missing,
    /// Not an object.
    Wrong,
    /// The object.
    Object(T),
}

/// One event of a request.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The whole event, for templates that address it.
    pub raw: Raw<'a>,
    /// `message`; if it is missing, `{}` (docs/reference/differences.md#message_not_an_object).
    pub message: Field<Message<'a>>,
    /// `metadata`.
    pub metadata: Field<Metadata<'a>>,
    /// `destination`, in the plain format.
    pub destination: Option<Raw<'a>>,
    /// Whether the name of any other field contains a dot, so that the name may be a path.
    pub has_dotted_name: bool,
}

/// The message, with the fields that the rules use.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The whole message.
    pub raw: Raw<'a>,
    /// `channel`.
    pub channel: Option<Raw<'a>>,
    /// `type`.
    pub kind: Option<Raw<'a>>,
    /// `event`.
    pub event: Option<Raw<'a>>,
    /// `userId`.
    pub user_id: Option<Raw<'a>>,
    /// `anonymousId`.
    pub anonymous_id: Option<Raw<'a>>,
    /// `integrations`.
    pub integrations: Option<Raw<'a>>,
    /// Fields whose name is literally `integrations.<name>`, where `<name>` is a name of some family
    /// (docs/contract.md#integrations-dotted-name). Each name occurs once.
    pub dotted_integrations: Vec<(&'static str, Raw<'a>)>,
}

/// The metadata, with the fields that the rules use.
#[derive(Debug, Clone)]
pub struct Metadata<'a> {
    /// The whole metadata.
    pub raw: Raw<'a>,
    /// `rudderId`.
    pub rudder_id: Option<Raw<'a>>,
    /// `sourceId`.
    pub source_id: Option<Raw<'a>>,
    /// `destinationId`.
    pub destination_id: Option<Raw<'a>>,
    /// `workspaceId`.
    pub workspace_id: Option<Raw<'a>>,
    /// `sourceType`.
    pub source_type: Option<Raw<'a>>,
    /// `destinationType`.
    pub destination_type: Option<Raw<'a>>,
    /// `namespace`.
    pub namespace: Option<Raw<'a>>,
}

/// Parts of earlier events of the request. Most later events repeat them.
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

/// The prefix of the names in [`Message::dotted_integrations`].
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

    /// Returns the metadata. Without it, the client cannot match the response to its job.
    ///
    /// # Errors
    /// [`Rejection::MetadataMissing`], [`Rejection::MetadataNotAnObject`].
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
    /// `{}`.
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

    /// Returns the message with another text: valid JSON in which the fields of this struct have the same values.
    #[must_use]
    pub fn with_text<'t>(&self, text: &'t str) -> Message<'t>
    where
        'a: 't,
    {
        Message { raw: Raw::from_valid(text), ..self.clone() }
    }

    /// Returns the message after fields were removed. `left` is the text that remains.
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

    /// Notes the fields of a message that is known to be valid.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        let mut message = Message { raw, ..Message::empty() };
        let mut buffer = Vec::new();
        raw.for_each_member(|name, value| message.set(name.decoded_in(&mut buffer), value));
        message
    }

    /// Stores a field called `integrations.<name>` if `<name>` is a name of some family.
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
    /// [`Invalid`] if it is not a valid object.
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

    /// Returns the message of an event after templates were filled. `raw` is its text.
    #[must_use]
    pub fn of_lazy_object(event: &LazyObject<'a>, raw: Raw<'a>) -> Self {
        let mut message = Message { raw, ..Message::empty() };
        let mut is_whole = true;
        event.each_field("message", |name, value| match value {
            Some(value) => message.set(name, value),
            None => is_whole &= message.slot(name).is_none() && !name.starts_with(DOTTED),
        });
        if !is_whole {
            // A value was removed from a field that the rules use.
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

    /// Returns where the value of a field is stored, or `None` if the rules do not use it.
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
    /// The fields that the rules use.
    const NAMES: [&'static str; 7] =
        ["rudderId", "sourceId", "destinationId", "workspaceId", "sourceType", "destinationType", "namespace"];

    /// Reads metadata, which must be an object. `model` caches the metadata of the first event.
    ///
    /// # Errors
    /// [`Invalid`] if it is not a valid object.
    pub fn read(reader: &mut Reader<'a>, model: &mut MetadataModel<'a>) -> Result<Self, Invalid> {
        let (raw, found) = model.read(reader)?;
        Ok(Self::with(raw, found))
    }

    /// Reads metadata without a cache. A value that is not an object has no fields.
    #[must_use]
    pub fn of(raw: Raw<'a>) -> Self {
        Self::with(raw, raw.members(Self::NAMES))
    }

    /// Returns the metadata after fields were removed. `left` is the text that remains.
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
