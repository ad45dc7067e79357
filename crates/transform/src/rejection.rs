//! The reasons to reject an event, as a table (docs/contract.md#event-error).
//!
//! Other events of the same request are not affected.

/// The value of `statTags.errorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// The cause is in the event.
    Instrumentation,
    /// The cause is in the destination.
    Configuration,
}

impl ErrorType {
    /// The text in `statTags`.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            ErrorType::Instrumentation => "instrumentation",
            ErrorType::Configuration => "configuration",
        }
    }
}

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $field:literal, $error_type:ident, $text:literal;)*) => {
        /// A reason to reject one event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Rejection { $($(#[$doc])* $name,)* }

        impl Rejection {
            /// All reasons.
            pub const ALL: &'static [Rejection] = &[$(Rejection::$name,)*];

            /// The reason as a stable identifier, for metrics and documentation.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Rejection::$name => $code,)* }
            }

            /// The event's field that the rejection concerns. Empty if the rejection concerns the whole event.
            #[must_use]
            pub fn field(self) -> &'static str {
                match self { $(Rejection::$name => $field,)* }
            }

            /// The error message in the response. It never contains a part of the event.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Rejection::$name => $text,)* }
            }

            /// Whether the cause is in the event or in the destination.
            #[must_use]
            pub fn error_type(self) -> ErrorType {
                match self { $(Rejection::$name => ErrorType::$error_type,)* }
            }
        }
    };
}

rejections! {
    /// The event is `null`, a number, a string, a boolean or an array.
    EventNotAnObject, "event_not_an_object", "", Instrumentation,
        "the event is not a JSON object";
    /// The metadata is missing, so rudder-server cannot match the response to the event's job.
    MetadataMissing, "metadata_missing", "metadata", Instrumentation,
        "the event has no metadata";
    /// The metadata is not an object.
    MetadataNotAnObject, "metadata_not_an_object", "metadata", Instrumentation,
        "the event's metadata is not a JSON object";
    /// The message is not an object. A missing message is treated as `{}`.
    MessageNotAnObject, "message_not_an_object", "message", Instrumentation,
        "the event's message is not a JSON object";
    /// An event in the plain format has no `destination`.
    DestinationMissing, "destination_missing", "destination", Configuration,
        "the event has no destination";
    /// The destination is not an object.
    DestinationNotAnObject, "destination_not_an_object", "destination", Configuration,
        "the event's destination is not a JSON object";
    /// A request in the compacted format has no destination with the event's `destinationId`.
    DestinationUnknown, "destination_unknown", "metadata.destinationId", Configuration,
        "the request contains no destination with the ID metadata.destinationId of the event";
    /// Removing the value of a template would remove the whole message, metadata or destination.
    TemplateTakesAll, "template_takes_all", "destination.Config", Configuration,
        "a template in the destination's Config would remove the whole message, metadata or destination of the event";
    /// A template uses the length of an array. Templates remove the value that they use, but a length cannot be
    /// removed.
    TemplateTakesLength, "template_takes_length", "destination.Config", Configuration,
        "a template in the destination's Config uses the length of an array of the event; templates remove the values they use, but a length cannot be removed";
    /// The templates exceed a limit in [`crate::rules`] or the event's work budget ([`crate::budget`]).
    TemplatesTooComplex, "templates_too_complex", "destination.Config", Configuration,
        "the templates exceed a limit: 1000 templates, 128 names per path, 1 MiB of Config, 1 MiB of filled-in topic settings, 100000 fields in an object on a path, or the work allowed for the event's size";
}
