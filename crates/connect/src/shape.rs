//! Validates the layout of a response before `kafka_protocol` parses the response. `kafka_protocol` reserves memory for
//! as many entries as a response claims to have, so this module first compares every claimed length with the available
//! bytes.

/// A part of a response.
#[derive(Debug)]
pub(super) enum Part {
    /// A fixed number of bytes.
    Fixed(usize),
    /// A text, preceded by its length in two bytes. The length -1 means null.
    Text,
    /// Bytes, preceded by their length in four bytes. The length -1 means null.
    Bytes,
    /// A list of entries, preceded by their number in four bytes. The number -1 means null.
    List(&'static [Field]),
}

/// A field of a response, and the first version of the response that has this field.
#[derive(Debug)]
pub(super) struct Field {
    since: i16,
    part: Part,
}

const fn always(part: Part) -> Field {
    Field { since: 0, part }
}

const fn since(since: i16, part: Part) -> Field {
    Field { since, part }
}

/// The response to `ApiVersions`, version 0: the error code, then the key, minimum and maximum version of each request.
pub(super) const API_VERSIONS: &[Field] = &[always(Part::Fixed(2)), always(Part::List(&[always(Part::Fixed(6))]))];

/// The response to `SaslHandshake`, versions 0 and 1: the error code and the enabled mechanisms.
pub(super) const SASL_HANDSHAKE: &[Field] = &[always(Part::Fixed(2)), always(Part::List(&[always(Part::Text)]))];

/// The response to `SaslAuthenticate`, versions 0 and 1: the error code, the error message, the message of the
/// mechanism and the lifetime of the session.
pub(super) const SASL_AUTHENTICATE: &[Field] =
    &[always(Part::Fixed(2)), always(Part::Text), always(Part::Bytes), since(1, Part::Fixed(8))];

/// The response to `Metadata`, versions 4 to 8.
pub(super) const METADATA: &[Field] = &[
    always(Part::Fixed(4)),
    // The brokers: ID, host, port, rack.
    always(Part::List(&[always(Part::Fixed(4)), always(Part::Text), always(Part::Fixed(4)), always(Part::Text)])),
    // The IDs of the cluster and of the controller.
    always(Part::Text),
    always(Part::Fixed(4)),
    // The topics: error code, name, whether internal, partitions, allowed operations.
    always(Part::List(&[
        always(Part::Fixed(2)),
        always(Part::Text),
        always(Part::Fixed(1)),
        // The partitions: error code, index, leader, leader epoch, replicas, in-sync replicas, offline replicas.
        always(Part::List(&[
            always(Part::Fixed(10)),
            since(7, Part::Fixed(4)),
            always(Part::List(&[always(Part::Fixed(4))])),
            always(Part::List(&[always(Part::Fixed(4))])),
            since(5, Part::List(&[always(Part::Fixed(4))])),
        ])),
        since(8, Part::Fixed(4)),
    ])),
    since(8, Part::Fixed(4)),
];

/// The response to `DescribeConfigs`, versions 1 and 2.
pub(super) const DESCRIBE_CONFIGS: &[Field] = &[
    always(Part::Fixed(4)),
    // The resources: error code, error message, type, name, settings.
    always(Part::List(&[
        always(Part::Fixed(2)),
        always(Part::Text),
        always(Part::Fixed(1)),
        always(Part::Text),
        // The settings: name, value, whether read-only, source, whether sensitive, synonyms.
        always(Part::List(&[
            always(Part::Text),
            always(Part::Text),
            always(Part::Fixed(3)),
            always(Part::List(&[always(Part::Text), always(Part::Text), always(Part::Fixed(1))])),
        ])),
    ])),
];

/// Whether `bytes` begins with a response that has this layout. More bytes may follow.
pub(super) fn fits(members: &[Field], version: i16, mut bytes: &[u8]) -> bool {
    walk(members, version, &mut bytes).is_some()
}

/// Skips the fields of a layout in `bytes`. Returns `None` if `bytes` ends before the last field. The function calls
/// itself only for a list, so the recursion is as deep as the nesting of lists in the layout.
fn walk(members: &[Field], version: i16, bytes: &mut &[u8]) -> Option<()> {
    for member in members.iter().filter(|member| member.since <= version) {
        match &member.part {
            Part::Fixed(length) => skip(*length, bytes)?,
            Part::Text => match i16::from_be_bytes(take(bytes)?) {
                -1 => {}
                length => skip(usize::try_from(length).ok()?, bytes)?,
            },
            Part::Bytes => match i32::from_be_bytes(take(bytes)?) {
                -1 => {}
                length => skip(usize::try_from(length).ok()?, bytes)?,
            },
            Part::List(entry) => match i32::from_be_bytes(take(bytes)?) {
                -1 => {}
                // Every entry takes at least one byte. If the count is too high, the bytes end first, and the loop
                // stops.
                count => {
                    (0..usize::try_from(count).ok()?).try_for_each(|_| walk(entry, version, bytes).ok_or(())).ok()?
                }
            },
        }
    }
    Some(())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

fn skip(length: usize, bytes: &mut &[u8]) -> Option<()> {
    *bytes = bytes.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kafka_response_that_claims_more_bytes_than_it_has_is_rejected() {
        assert!(fits(API_VERSIONS, 0, &[0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 8]));
        assert!(!fits(API_VERSIONS, 0, &[0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0]));
        assert!(!fits(API_VERSIONS, 0, &[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0, 0, 8]));
        assert!(!fits(API_VERSIONS, 0, &[0, 0, 0xff, 0, 0, 0]));
        assert!(!fits(SASL_HANDSHAKE, 1, &[0, 0, 0, 0, 0, 1, 0x7f, 0xff, b'P']));
        assert!(fits(SASL_AUTHENTICATE, 0, &[0, 0, 0xff, 0xff, 0, 0, 0, 0]));
        assert!(!fits(SASL_AUTHENTICATE, 1, &[0, 0, 0xff, 0xff, 0, 0, 0, 0]));
        assert!(!fits(METADATA, 8, &[]));
    }
}
