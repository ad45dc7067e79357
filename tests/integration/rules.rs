//! The rules of the contract, each with at least one case in `test-fixtures`.

use std::collections::BTreeSet;

use rudder_kafka_transformer::transform::rejection::Rejection;

use crate::golden::fixtures;

/// Section and short name of each rule, as cases name them.
const RULES: &[(&str, &str)] = &[
    ("1.path", "any letter case of the name, v0 and v1, trailing slash, query"),
    ("1.unknown-destination", "404 names the destination"),
    ("1.not-found", "any other path or method is 404"),
    ("2.content-encoding", "gzip, deflate and br are decoded"),
    ("2.unknown-encoding", "any other coding is 415"),
    ("2.invalid-utf8", "a bad byte is read as U+FFFD"),
    ("2.bom", "a leading BOM is skipped"),
    ("2.strict-json", "JSON is strict; line and column of the violation"),
    ("2.duplicate-keys", "the last one counts"),
    ("2.lone-surrogates", "pass through unharmed"),
    ("2.compacted", "destinations by metadata.destinationId; the header's letter case does not matter"),
    ("2.compacted-connections", "connections by sourceId:destinationId"),
    ("3.order", "timestamp before templates before topic and key"),
    ("3.1.channel", "only the channel sources"),
    ("3.1.mapped", "only where mappedToDestination is falsy"),
    ("3.1.types", "only identify and track, exactly"),
    ("3.1.identify", "the five places of identify"),
    ("3.1.track", "the three places of track"),
    ("3.1.dotted", "names with dots are found"),
    ("3.1.usable", "false and 0 are usable"),
    ("3.1.none-usable", "null where none is"),
    ("3.2.flag", "skipped only where hasDynamicConfig is false"),
    ("3.2.order", "depth first, in property order"),
    ("3.2.syntax", "what a template is"),
    ("3.2.path", "what a path is"),
    ("3.2.roots", "what a path can address"),
    ("3.2.found", "the value is used as it is"),
    ("3.2.removed", "and removed from the event"),
    ("3.2.empty", "unless it is empty"),
    ("3.2.second", "a second template with the path gets its default"),
    ("3.2.default", "the default, without double quotes, trimmed"),
    ("3.2.dotted", "names with dots are found"),
    ("3.3.order", "the first truthy of three names"),
    ("3.3.truthy", "any truthy value hides the next"),
    ("3.3.object", "only an object carries anything"),
    ("3.3.dotted", "a member literally named integrations.KAFKA"),
    ("3.4.integrations", "the integrations object's topic first"),
    ("3.4.multi-topic", "maps only where enableMultiTopic is truthy"),
    ("3.4.event-type", "five types by eventTypeToTopicMap"),
    ("3.4.event-name", "track by eventToTopicMap"),
    ("3.4.maps", "how maps are read"),
    ("3.4.any-value", "any truthy value is a topic"),
    ("3.4.falsy-kept", "a falsy default stays unless null or missing"),
    ("3.5.user-id", "userId first"),
    ("3.5.anonymous-id", "then anonymousId"),
    ("3.5.string", "as a string"),
    ("3.5.empty", "or empty"),
    ("3.5.partition", "the partition that a key leads to"),
    ("3.6.message", "the message passes through intact"),
    ("3.6.schema-id", "schemaId where truthy"),
    ("3.6.rudder-id", "rudderId gets the topic"),
    ("3.6.order", "one answer per event, in order"),
    ("4.falsy", "what is falsy"),
    ("4.string", "String() of numbers, arrays, objects"),
    ("5.integrations", "names of the siblings"),
    ("5.no-schema-id", "no schemaId"),
    ("5.no-maps", "no maps"),
    ("5.null-topic", "null stays"),
    ("5.batch", "no batch"),
    ("6.groups", "by destination and topic"),
    ("6.order", "input order inside a group"),
    ("6.property-order", "groups in property order"),
    ("6.missing-topic", "a missing topic is the string undefined"),
    ("6.retl", "the timestamp rule applies"),
    ("6.no-templates", "templates do not"),
    ("6.empty", "[] for no input"),
    ("6.compacted", "the compacted form"),
    ("6.dest-type", "destType has to name a destination"),
    ("6.router-transform", "one error per destination"),
    ("6.router-transform-empty", "Invalid event array"),
    ("7.health", "/health"),
    ("7.features", "/features"),
    ("7.version", "the three version endpoints"),
    ("8.malformed-event", "a malformed event costs one answer"),
    ("8.proto", "__proto__ passes through"),
    ("8.empty-array", "[] is answered with []"),
    ("8.wrong-form", "the wrong form is 400"),
    ("8.wrong-type", "a body of another type is 400"),
    ("8.number-literals", "kept digit for digit"),
    ("8.key-order-kept", "key order and duplicates as sent"),
    ("8.object-members", "names of Object members find nothing"),
    ("8.map-entries", "map entries that are no objects are skipped"),
    ("8.message-kind", "a message of another kind is 400, null and missing are {}"),
    ("8.unknown-destination-id", "an unknown destination id is 400 for that event"),
    ("8.no-connection", "an event without an entry in connections has none"),
    ("8.destinations-array", "destinations that are an array have no ids"),
    ("8.map-from", "from of a topic map is converted to a string"),
    ("8.shared-template", "every event gets a value that events share"),
    ("8.own-config", "a template that reads its own Config leaves it as it is"),
    ("8.template-on-empty", "an empty value is kept for a path of one name too"),
    ("8.template-on-prototype", "members that every JavaScript object has are data"),
    ("8.type-array", "a type that is an array is not a type"),
    ("8.own-to-string", "an object with a toString of its own is [object Object]"),
    ("8.definition-name", "DestinationDefinition.Name is not looked at"),
    ("8.template-removal", "a template that would remove too much is 400 for that event"),
];

#[test]
fn every_rule_has_a_case_and_every_case_a_rule() {
    let cases = fixtures();
    let with_case: BTreeSet<&str> = cases.iter().flat_map(|(_, case)| case.rules.iter().map(String::as_str)).collect();
    let listed: BTreeSet<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed.len(), RULES.len(), "a rule is listed twice");
    let without: Vec<_> = listed.difference(&with_case).collect();
    assert!(without.is_empty(), "rules without a case: {without:?}");
    let unknown: Vec<_> = with_case.difference(&listed).collect();
    assert!(unknown.is_empty(), "cases of unknown rules: {unknown:?}");
    let ruleless: Vec<_> = cases.iter().filter(|(_, case)| case.rules.is_empty()).map(|(path, _)| path).collect();
    assert!(ruleless.is_empty(), "cases of no rule: {ruleless:?}");
}

#[test]
fn every_rejection_has_a_case() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("test-fixtures");
    let all: String =
        fixtures().iter().map(|(path, _)| std::fs::read_to_string(folder.join(path)).expect("a fixture")).collect();
    for rejection in Rejection::ALL {
        assert!(all.contains(rejection.text()), "no case for {}", rejection.code());
    }
    let codes: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
    assert_eq!(codes.len(), Rejection::ALL.len(), "a code is used twice");
}
