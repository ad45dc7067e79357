//! How a response has to be laid out. The library reserves memory for as many entries as a response claims to have, so
//! a response is walked first: each length it claims has to be there in bytes.

/// A part of a response.
#[derive(Debug)]
pub(super) enum Part {
    /// So many bytes.
    Fixed(usize),
    /// A length in two bytes, -1 for none, and the text.
    Text,
    /// A length in four bytes, -1 for none, and the bytes.
    Bytes,
    /// A count in four bytes, -1 for none, and as many entries.
    List(&'static [Member]),
}

/// A part, and the versions that have it.
#[derive(Debug)]
pub(super) struct Member {
    since: i16,
    part: Part,
}

const fn always(part: Part) -> Member {
    Member { since: 0, part }
}

const fn since(since: i16, part: Part) -> Member {
    Member { since, part }
}

/// `ApiVersions`, version 0: error; key, oldest and newest version of each request.
pub(super) const API_VERSIONS: &[Member] = &[always(Part::Fixed(2)), always(Part::List(&[always(Part::Fixed(6))]))];

/// `SaslHandshake`, versions 0 and 1: error, mechanisms.
pub(super) const SASL_HANDSHAKE: &[Member] = &[always(Part::Fixed(2)), always(Part::List(&[always(Part::Text)]))];

/// `SaslAuthenticate`, versions 0 and 1: error, text, the mechanism's answer, lifetime of the session.
pub(super) const SASL_AUTHENTICATE: &[Member] =
    &[always(Part::Fixed(2)), always(Part::Text), always(Part::Bytes), since(1, Part::Fixed(8))];

/// `Metadata`, versions 4 to 8.
pub(super) const METADATA: &[Member] = &[
    always(Part::Fixed(4)),
    // Brokers: id, host, port, rack.
    always(Part::List(&[always(Part::Fixed(4)), always(Part::Text), always(Part::Fixed(4)), always(Part::Text)])),
    // Cluster and controller.
    always(Part::Text),
    always(Part::Fixed(4)),
    // Topics: error, name, whether internal, partitions, what may be done.
    always(Part::List(&[
        always(Part::Fixed(2)),
        always(Part::Text),
        always(Part::Fixed(1)),
        // Partitions: error, index, leader, its epoch, replicas, those in sync, those offline.
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
pub(super) const DESCRIBE_CONFIGS: &[Member] = &[
    always(Part::Fixed(4)),
    // Resources: error, text, kind, name, settings.
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

/// Whether the bytes are laid out so, from their beginning. More bytes may follow.
pub(super) fn fits(members: &[Member], version: i16, mut bytes: &[u8]) -> bool {
    walk(members, version, &mut bytes).is_some()
}

/// As deep as the tables above, four lists at most.
fn walk(members: &[Member], version: i16, bytes: &mut &[u8]) -> Option<()> {
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
                // Every entry takes some bytes, so a count that is not true runs out of them.
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
    fn lengths_that_are_not_there_do_not_fit() {
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
