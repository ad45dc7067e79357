//! Applies the rules to one event, in order (docs/contract.md#processor-transformation).

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use crate::budget::{EventBudget, Exhausted};
use crate::decision::{Changes, Decision};
use crate::family::Family;
use crate::meter::Usage;
use crate::observer::Observer;
use crate::rejection::Rejection;
use crate::request::destination::Destination;
use crate::request::event::{Event, Message, Metadata};
use crate::request::shared_tables::{Destinations, SharedTables};
use crate::response::{self, Output};
use crate::rules::config_value::{FilledValues, NO_HOLES};
use crate::rules::cuts::Cuts;
use crate::rules::dynamic_config::Filler;
use crate::rules::integrations::Integrations;
use crate::rules::lazy_object::LazyObject;
use crate::rules::partition_key;
use crate::rules::path_tree::{Hit, PathTree, ROOTS};
use crate::rules::retl_timestamp;
use crate::rules::templates::Templates;
use crate::rules::topic::Routing;
use crate::rules::topic_setting::{Filling, RoutingMembers};
use json::javascript::JsString;
use json::raw::{EMPTY_OBJECT, NULL, Raw};

/// The state that the events of a request share.
pub(crate) struct Context<'s, 'a> {
    pub(crate) family: &'static Family,
    pub(crate) shared: &'s SharedTables<'a>,
    pub(crate) usage: &'s Usage<'s>,
    query: &'s str,
    /// The value of `request` for templates, built when the first template reads it.
    query_json: OnceCell<String>,
    /// An empty set of template values, for a Config without templates.
    no_values: FilledValues<'s>,
    /// Buffers for the texts of a message and metadata after fields were removed. Later events use them again, which
    /// saves allocations.
    buffers: Cell<[String; ROOTS.len()]>,
}

/// The maximum size of a buffer that is kept for later events.
const MAX_BUFFER_BYTES: usize = 16 << 10;

/// Where the results for one event go: the response text, the observer of the decisions, and the changes to the event.
struct Target<'o, O> {
    out: &'o mut String,
    observer: &'o mut O,
    changes: Changes,
}

/// An event whose destination has templates.
struct Templated<'e, 'a> {
    event: &'e Event<'a>,
    message: &'e Message<'e>,
    /// Whether the timestamp rule changed the text of the message. If so, the message's fields are still slices of the
    /// original text.
    is_stamped: bool,
    metadata: &'e Metadata<'a>,
    destination_raw: Raw<'a>,
    destination: &'e Destination<'a>,
    templates: &'e Templates,
}

impl<'s, 'a> Context<'s, 'a> {
    pub(crate) fn new(
        family: &'static Family,
        shared: &'s SharedTables<'a>,
        query: &'s str,
        usage: &'s Usage<'s>,
    ) -> Self {
        Self {
            family,
            shared,
            usage,
            query,
            query_json: OnceCell::new(),
            no_values: FilledValues::default(),
            buffers: Cell::default(),
        }
    }

    /// Appends the response for one event to `out`. If the event is rejected, `out` is unchanged.
    ///
    /// # Errors
    /// The reason why the event is rejected. If the meter halted the request, ignore this reason and use the result of
    /// [`Usage::halted`].
    pub(crate) fn transform(
        &self,
        destinations: &mut Destinations<'a>,
        event: &Event<'a>,
        out: &mut String,
        observer: &mut impl Observer,
    ) -> Result<Decision, Rejection> {
        let metadata = event.metadata()?;
        let message = event.message()?;
        self.charge_texts(message, metadata)?;
        let (destination_raw, destination) = destinations.find(self.shared, event, metadata, self.usage)?;
        observer.destination(destination_raw);
        let stamped = retl_timestamp::set(message, observer);
        let changes = Changes { timestamp_set: stamped.is_some(), ..Changes::default() };
        let stamped_message;
        // Decisions do not depend on the timestamp, so the fields that were read from the original message remain
        // valid.
        let message = match &stamped {
            Some(text) => {
                stamped_message = message.with_text(text);
                &stamped_message
            }
            None => message,
        };
        let Some(templates) = &destination.templates else {
            let filling = Filling { holes: &NO_HOLES, values: &self.no_values };
            return self.write(message, metadata, (&destination.routing, filling), changes, out, observer);
        };
        let is_stamped = stamped.is_some();
        let event =
            Templated { event, message, is_stamped, metadata, destination_raw, destination: &destination, templates };
        let mut target = Target { out, observer, changes };
        let mut budget = self.budget_of(&event)?;
        if let Some((tree, hits)) = event.find_all(&mut budget) {
            return self.transform_found(&event, (tree, hits), &mut budget, &mut target);
        }
        self.transform_lazily(&event, &mut target)
    }

    /// Returns the budget of an event, after charging the work for the topic settings of its destination.
    fn budget_of(&self, event: &Templated<'_, 'a>) -> Result<EventBudget<'_, '_>, Exhausted> {
        let mut budget = EventBudget::for_event(event.event.raw.text().len(), self.usage);
        budget.work(event.destination.routing.work())?;
        Ok(budget)
    }

    /// Transforms an event after [`PathTree::find`] has found the values of templates in the message and the metadata.
    /// Looks up all other templates one after another.
    fn transform_found<'e>(
        &self,
        event: &Templated<'e, 'a>,
        (tree, mut hits): (&PathTree, Vec<Hit<'e>>),
        budget: &mut EventBudget<'_, '_>,
        target: &mut Target<'_, impl Observer>,
    ) -> Result<Decision, Rejection> {
        let Templated { message, metadata, destination_raw, templates, .. } = *event;
        let mut elsewhere = None;
        if !tree.elsewhere().is_empty() {
            let mut reached = tree.reach(event.event.raw, None, budget)?;
            reached.retain(|template| tree.elsewhere().binary_search(template).is_ok());
            elsewhere = Some((reached, self.lazy_event(event, budget)?));
        }
        target.observer.will_fill(destination_raw, templates);
        let filler = Filler::new(templates, budget, target.observer);
        let values = filler.fill_found(
            (tree, &mut hits),
            elsewhere.as_mut().map(|(reached, event)| (with_shared(reached, tree), event)),
            &mut target.changes,
        )?;
        let removed = |root| -> Vec<Range<usize>> {
            hits.iter().filter(|hit| hit.is_removed && hit.root == root).map(|hit| hit.field.clone()).collect()
        };
        let mut texts = self.buffers.take();
        let [message_text, metadata_text] = &mut texts;
        let message_cuts = cut(message.raw, removed(0), message_text, budget)?;
        let metadata_cuts = cut(metadata.raw, removed(1), metadata_text, budget)?;
        let changed_message = message_cuts.map(|cuts| match event.is_stamped {
            true => Message::of(Raw::from_valid(message_text)),
            false => message.without(&cuts, message_text),
        });
        let changed_metadata = metadata_cuts.map(|cuts| metadata.without(&cuts, metadata_text));
        let message = changed_message.as_ref().unwrap_or(message);
        let metadata = changed_metadata.as_ref().unwrap_or(metadata);
        let decision = self.write_filled(event, (message, metadata), &values, target);
        if texts.iter().all(|text| text.capacity() <= MAX_BUFFER_BYTES) {
            self.buffers.set(texts);
        }
        decision
    }

    /// Transforms an event by looking up one template after another, which supports all paths and field names.
    fn transform_lazily(
        &self,
        event: &Templated<'_, 'a>,
        target: &mut Target<'_, impl Observer>,
    ) -> Result<Decision, Rejection> {
        let Templated { message, metadata, destination_raw, templates, .. } = *event;
        let mut budget = self.budget_of(event)?;
        let mut lazy = self.lazy_event(event, &mut budget)?;
        target.observer.will_fill(destination_raw, templates);
        let stamped = Some(message.raw).filter(|_| event.is_stamped);
        let reached = templates.paths().reach(event.event.raw, stamped, &mut budget)?;
        let filler = Filler::new(templates, &mut budget, target.observer);
        let values = filler.fill_lazily(with_shared(&reached, templates.paths()), &mut lazy, &mut target.changes)?;
        let texts = [lazy.member_text("message", &mut budget)?, lazy.member_text("metadata", &mut budget)?];
        let [message_text, metadata_text] =
            texts.each_ref().map(|text| text.as_deref().map_or(EMPTY_OBJECT, Raw::from_valid));
        // The fields of an unchanged message were already read, and so were the fields of unchanged metadata.
        let message = if is_same(message.raw, message_text) {
            message.clone()
        } else {
            Message::of_lazy_object(&lazy, message_text)
        };
        let metadata =
            if is_same(metadata.raw, metadata_text) { metadata.clone() } else { Metadata::of(metadata_text) };
        self.write_filled(event, (&message, &metadata), &values, target)
    }

    /// Chooses the topic and the key after the templates have been filled with `values`, and writes the response.
    fn write_filled(
        &self,
        event: &Templated<'_, 'a>,
        (message, metadata): (&Message<'_>, &Metadata<'_>),
        values: &FilledValues<'_>,
        target: &mut Target<'_, impl Observer>,
    ) -> Result<Decision, Rejection> {
        let Templated { destination, templates, .. } = *event;
        let Target { out, observer, changes } = target;
        self.charge_texts(message, metadata)?;
        if !templates.is_config() {
            let filling = Filling { holes: destination.holes(), values };
            return self.write(message, metadata, (&destination.routing, filling), *changes, out, *observer);
        }
        let config = values.of_template(0).unwrap_or(NULL);
        let routing = Routing::read(RoutingMembers::of(config), self.family, &NO_HOLES, self.usage);
        let routing = routing.map_err(|_| Rejection::TemplatesTooComplex)?;
        let filling = Filling { holes: &NO_HOLES, values: &self.no_values };
        self.write(message, metadata, (&routing, filling), *changes, out, *observer)
    }

    /// Charges the maximum memory for converting fields of an event with `String(…)`, and for setting its timestamp.
    fn charge_texts(&self, message: &Message<'_>, metadata: &Metadata<'_>) -> Result<(), Exhausted> {
        let [user_id, anonymous_id] = [message.user_id, message.anonymous_id];
        let ids = [metadata.rudder_id, metadata.source_id, metadata.destination_id, metadata.workspace_id];
        let texts = ids.into_iter().chain([user_id, anonymous_id, message.event]);
        let mut bytes = texts.flatten().map(JsString::max_bytes).sum();
        if message.channel.is_some_and(|channel| channel.is_string("sources")) {
            // The reverse-ETL rule may copy the message and add a timestamp as large as the message.
            bytes += 2 * message.raw.text().len() + 64;
        }
        if bytes == 0 { Ok(()) } else { self.usage.scratch(bytes).map_err(|_| Exhausted) }
    }

    /// Chooses the topic and the key, and writes the response.
    fn write<'e>(
        &self,
        message: &Message<'e>,
        metadata: &Metadata<'_>,
        (routing, filling): (&'e Routing<'e>, Filling<'e>),
        changes: Changes,
        out: &mut String,
        observer: &mut impl Observer,
    ) -> Result<Decision, Rejection> {
        let family = self.family;
        let integrations = Integrations::of(message, family);
        if let Some(topic) = integrations.topic {
            self.usage.scratch(JsString::max_bytes(topic)).map_err(|_| Exhausted)?;
        }
        let topic = routing.decide(filling, family, message, &integrations, self.usage, observer);
        let rule = topic.rule;
        let (user_id, key) = partition_key::decide(message, observer);
        let schema_id = integrations.schema_id.filter(|_| family.schema_id);
        let output = Output { message: message.raw, user_id, schema_id, topic };
        response::write_output(out, &output, metadata, self.usage).map_err(|_| Exhausted)?;
        Ok(Decision { topic: rule, key, changes })
    }

    /// Returns the event as templates see it (docs/contract.md#dynamic-configuration), with the current text of its
    /// message.
    fn lazy_event<'e>(
        &'e self,
        templated: &Templated<'e, 'a>,
        budget: &mut EventBudget<'_, '_>,
    ) -> Result<LazyObject<'e>, Exhausted> {
        let Templated { event, message, metadata, destination_raw, destination, templates, .. } = *templated;
        let read = [event.message().ok().map(|message| message.raw), Some(metadata.raw)];
        let mut lazy = LazyObject::within(event.raw, read.as_slice(), budget)?;
        lazy.set("message", LazyObject::of(message.raw), budget)?;
        let [destination_read, connection_read, request_read] = templates.roots();
        let is_compacted = self.shared.is_compacted();
        if destination_read && is_compacted {
            let destination = match &destination.lazy {
                Some(lazy) => lazy.copy_within(budget)?,
                None => LazyObject::of(destination_raw),
            };
            lazy.set("destination", destination, budget)?;
        }
        if connection_read && is_compacted {
            lazy.set("connection", LazyObject::of(self.shared.connection_of(metadata).unwrap_or(NULL)), budget)?;
        }
        if request_read {
            lazy.set("request", LazyObject::of(Raw::from_valid(self.request_json())), budget)?;
        }
        Ok(lazy)
    }
}

impl<'e, 'a> Templated<'e, 'a> {
    /// In one pass, finds the values of all templates whose paths lead into the message or the metadata. Returns the
    /// path tree and the values, or `None` if the templates must be looked up one after another.
    fn find_all(&self, budget: &mut EventBudget<'_, '_>) -> Option<(&'e PathTree, Vec<Hit<'e>>)> {
        if self.event.has_dotted_name {
            return None;
        }
        let tree = self.templates.paths();
        Some((tree, tree.find([self.message.raw, self.metadata.raw], budget)?))
    }
}

/// Merges `reached`, the indices of templates that may find a value, with the indices of the templates that are not in
/// the tree. Both lists are ascending, and so is the result.
fn with_shared<'t>(reached: &'t [usize], tree: &'t PathTree) -> impl Iterator<Item = usize> + 't {
    let mut reached = reached.iter().copied().peekable();
    let mut shared = tree.shared().iter().copied().peekable();
    std::iter::from_fn(move || match (reached.peek(), shared.peek()) {
        (Some(one), Some(other)) if other < one => shared.next(),
        (None, _) => shared.next(),
        _ => reached.next(),
    })
}

/// Removes fields from the text of an object, and writes the remaining text to `left`. Returns the cuts, or `None` if
/// `fields` is empty.
fn cut(
    object: Raw<'_>,
    fields: Vec<Range<usize>>,
    left: &mut String,
    budget: &mut EventBudget<'_, '_>,
) -> Result<Option<Cuts>, Exhausted> {
    if fields.is_empty() {
        return Ok(None);
    }
    budget.memory(object.text().len() + 2 * fields.len() * size_of::<Range<usize>>())?;
    let cuts = Cuts::of(object.text(), fields);
    cuts.apply(object.text(), left);
    Ok(Some(cuts))
}

/// Whether two values are the same slice.
fn is_same(one: Raw<'_>, other: Raw<'_>) -> bool {
    one.text().as_ptr() == other.text().as_ptr() && one.text().len() == other.text().len()
}

impl Context<'_, '_> {
    /// Returns `{"query":{…}}`, which contains the parameters of the query string. A parameter that occurs several
    /// times becomes an array of its values.
    fn request_json(&self) -> &str {
        self.query_json.get_or_init(|| {
            let mut query = serde_json::Map::new();
            for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
                let value = serde_json::Value::from(value);
                match query.get_mut(name.as_ref()) {
                    None => {
                        query.insert(name.into_owned(), value);
                    }
                    Some(serde_json::Value::Array(values)) => values.push(value),
                    Some(first) => *first = serde_json::Value::Array(vec![first.take(), value]),
                }
            }
            serde_json::json!({ "query": query }).to_string()
        })
    }
}
