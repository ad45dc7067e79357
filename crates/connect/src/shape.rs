//! Validates the layout of a response. The library reserves memory for as many entries as a response claims to have, so
//! every claimed length is compared with the available bytes first.

/// A part of a response.
#[derive(Debug)]
pub(super) enum Part {
    /// A fixed number of bytes.
    Fixed(usize),
    /// A two-byte length, -1 for null, and the text.
    Text,
    /// A four-byte length, -1 for null, and the bytes.
    Bytes,
    /// A four-byte count, -1 for null, and the entries.
    List(&'static [Field]),
}

/// A field, and the first version that has it.
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

/// `ApiVersions`, version 0: error; key, minimum and maximum version of each request.
pub(super) const API_VERSIONS: &[Field] = &[always(Part::Fixed(2)), always(Part::List(&[always(Part::Fixed(6))]))];

/// `SaslHandshake`, versions 0 and 1: error, mechanisms.
pub(super) const SASL_HANDSHAKE: &[Field] = &[always(Part::Fixed(2)), always(Part::List(&[always(Part::Text)]))];

/// `SaslAuthenticate`, versions 0 and 1: error, error message, the mechanism's message, lifetime of the session.
pub(super) const SASL_AUTHENTICATE: &[Field] =
    &[always(Part::Fixed(2)), always(Part::Text), always(Part::Bytes), since(1, Part::Fixed(8))];

/// `Metadata`, versions 4 to 8.
pub(super) const METADATA: &[Field] = &[
    always(Part::Fixed(4)),
    // Brokers: ID, host, port, rack.
    always(Part::List(&[always(Part::Fixed(4)), always(Part::Text), always(Part::Fixed(4)), always(Part::Text)])),
    // Cluster and controller.
    always(Part::Text),
    always(Part::Fixed(4)),
    // Topics: error, name, whether internal, partitions, allowed operations.
    always(Part::List(&[
        always(Part::Fixed(2)),
        always(Part::Text),
        always(Part::Fixed(1)),
        // Partitions: error, index, leader, leader epoch, replicas, in-sync replicas, offline replicas.
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

/// `DescribeConfigs`, versions 1 and 2.
pub(super) const DESCRIBE_CONFIGS: &[Field] = &[
    always(Part::Fixed(4)),
    // Resources: error, error message, type, name, settings.
    always(Part::List(&[
        always(Part::Fixed(2)),
        always(Part::Text),
        always(Part::Fixed(1)),
        always(Part::Text),
        // Settings: name, value, whether read-only, source, whether sensitive, synonyms.
        always(Part::List(&[
            always(Part::Text),
            always(Part::Text),
            always(Part::Fixed(3)),
            always(Part::List(&[always(Part::Text), always(Part::Text), always(Part::Fixed(1))])),
        ])),
    ])),
];

/// Whether the bytes begin with this layout. More bytes may follow.
pub(super) fn fits(members: &[Field], version: i16, mut bytes: &[u8]) -> bool {
    walk(members, version, &mut bytes).is_some()
}

/// Skips the fields of a layout. The recursion is as deep as the lists in the tables above are nested.
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
                // Every entry takes at least a byte, so a false count runs out of data.
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
    fn claimed_lengths_without_bytes_do_not_fit() {
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
