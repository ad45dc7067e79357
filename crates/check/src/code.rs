//! The table of all kinds of findings, with their severities and advice. `docs/reference/findings.md` contains this
//! table.

use std::fmt::Write as _;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Events will not arrive, or will arrive in the wrong topic or in the wrong format.
    Error,
    /// A setting has no effect, or will soon cause an error.
    Warning,
    /// A setting is probably unintended.
    Hint,
}

impl Severity {
    /// All severities, most severe first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Hint];

    /// Returns the name of the severity.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        }
    }
}

macro_rules! codes {
    ($($variant:ident: $code:literal, $severity:ident, $meaning:literal, $advice:literal;)*) => {
        /// A kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// Returns the name of the code, which is stable across versions.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// Returns the severity of findings with this code.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }

            /// Returns a generic description of the problem, without details of a particular destination.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }

            /// Returns the advice on how to fix the problem.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Code::$variant => $advice,)* }
            }
        }
    };
}

codes! {
    ConfigMissing: "config/missing", Error,
        "the destination has no Config, or its Config is not an object",
        "export the complete destination again";
    DestinationTwice: "destination/twice", Warning,
        "two destinations have the same ID and different settings",
        "remove the outdated destination; a program that reads the file may use either of the two";
    ValueVariable: "value/variable", Hint,
        "the value contains a Rudder CLI variable that has not been replaced yet, so the value is not checked",
        "run rudder-cli apply, then check the destination in workspaceConfig.json; to also test the connection, use --connect";
    FieldWrongType: "field/wrong-type", Error,
        "a field has a different JSON type than the producer expects",
        "put quotes around text, but not around true and false";
    FieldRepeated: "field/repeated", Warning,
        "a field is present twice, possibly with different letter case",
        "remove one of the two fields: the producer may read one, and the transformation the other";
    FieldLetterCase: "field/letter-case", Warning,
        "the name of a field that selects topics has the wrong letter case: the producer reads the field, but the transformation does not read it",
        "spell the name as the finding shows";
    FieldNotRead: "field/not-read", Warning,
        "destinations of this type do not read this field, but destinations of another type do",
        "remove the field, or use the type of destination that reads it";
    FieldUnknown: "field/unknown", Hint,
        "an unknown field name is similar to a known one, and may be a typo",
        "correct the name";

    HostMissing: "host/missing", Error,
        "hostName is missing or blank",
        "set hostName to the name or address of a broker, without a port";
    HostHasPort: "host/has-port", Error,
        "hostName contains a port, but the producer appends the value of the port setting",
        "enter only the host name in hostName, and the port in port";
    HostHasScheme: "host/has-scheme", Error,
        "a broker is written as a URL",
        "remove \"://\" and everything before it";
    HostInvalid: "host/invalid", Error,
        "a broker is neither a host name nor an IP address",
        "use a host name (letters, digits, dots, hyphens) or an IP address; put an IPv6 address in square brackets";
    HostBlanks: "host/blanks", Warning,
        "a broker in the list has spaces around its name: the spaces become part of the name, so the producer cannot find this broker",
        "remove all spaces, including those after commas";
    HostAllBlanks: "host/all-blanks", Error,
        "every broker has spaces around its name: the spaces become part of the name, so the producer cannot find any broker",
        "remove the spaces";
    HostLocal: "host/local", Hint,
        "the broker is localhost or a loopback address, which is the machine or container that rudder-server runs on",
        "use the name by which rudder-server can reach the broker";
    HostsSharePort: "host/several-share-port", Hint,
        "hostName contains several hosts, and the port setting applies to all of them",
        "make sure that every host listens on this port, or list only one host: one is enough, because every broker reports the addresses of all brokers";
    PortMissing: "port/missing", Error,
        "port is missing or blank",
        "set port to the broker's port, such as \"9092\"";
    PortInvalid: "port/invalid", Error,
        "a port is not a number from 1 to 65535",
        "use a number from 1 to 65535, written with digits only";

    BootstrapMissing: "bootstrap/missing", Error,
        "bootstrapServer is missing or blank",
        "set bootstrapServer to one host:port, or to several separated by commas";
    BootstrapPortMissing: "bootstrap/port-missing", Error,
        "an entry of bootstrapServer has no port: the producer uses port 9092, but Event Hubs listens on port 9093",
        "write the entry as namespace.servicebus.windows.net:9093";

    TopicMissing: "topic/missing", Error,
        "topic is missing or blank: the destination does not start, even if topics are set in topic maps or in events",
        "set topic";
    TopicIllegal: "topic/illegal", Error,
        "Kafka does not allow this topic name",
        "use a name of 1 to 249 letters (a-z, A-Z), digits, dots, underscores and hyphens; the names \".\" and \"..\" are not allowed";
    TopicsCollide: "topic/collides", Warning,
        "two topic names are equal except that one has \"_\" where the other has \".\": Kafka cannot distinguish the names in metrics, and rejects the creation of the second topic",
        "in topic names, use either dots or underscores, not both";

    MapSwitchedOff: "map/switched-off", Warning,
        "a topic map has entries, but enableMultiTopic is off: every event goes to the default topic",
        "set enableMultiTopic to true, or remove the map";
    MapMissing: "map/missing", Warning,
        "enableMultiTopic is on, but no topic map has an entry that can match an event: every event goes to the default topic",
        "add an entry to eventTypeToTopicMap or eventToTopicMap, or turn enableMultiTopic off";
    MapEntryNotAnObject: "map/entry-not-an-object", Warning,
        "an entry of a topic map is not an object, so the entry is skipped",
        "write the entry as {\"from\": …, \"to\": …}";
    MapEntryBlank: "map/entry-blank", Hint,
        "an entry of a topic map is blank, so the entry is skipped",
        "remove the entry, or fill it in";
    MapFromBlank: "map/from-blank", Warning,
        "an entry of a topic map has a topic, but its \"from\" is blank: the entry matches no event",
        "fill in \"from\", or remove the entry";
    MapToEmpty: "map/to-empty", Warning,
        "an entry of a topic map has no topic: events that match the entry go to the default topic",
        "fill in \"to\", or remove the entry";
    MapFromRepeated: "map/from-repeated", Warning,
        "a later entry of the topic map has the same \"from\" and overrides this entry",
        "remove one of the two entries";
    MapTypeNeverMatches: "map/type-never-matches", Warning,
        "an entry of eventTypeToTopicMap cannot match any event",
        "use identify, page, screen, group or alias; events of type track are routed by name, in eventToTopicMap";
    MapEventBlanks: "map/event-blanks", Warning,
        "an event name in eventToTopicMap has spaces around it, and matches only events whose names have the same spaces",
        "remove the spaces, unless the names in the events have the same spaces";
    MapEventLetterCase: "map/event-letter-case", Hint,
        "two event names in eventToTopicMap differ only in letter case, and have different topics",
        "event names are case-sensitive: keep only the entry with the name that the events have";
    MapEventIsType: "map/event-is-a-type", Hint,
        "an entry of eventToTopicMap contains the name of an event type, but the entry matches only track events with that name",
        "move the entry to eventTypeToTopicMap if you mean the event type";

    TemplateMalformed: "template/malformed", Warning,
        "the template is invalid: its text is used verbatim",
        "write {{ event.path.to.value || default }} without any text around it";
    TemplateSwitchedOff: "template/switched-off", Error,
        "the Config has a template, but hasDynamicConfig is false: the template's text is used verbatim",
        "save the destination again to update hasDynamicConfig, or remove the template";
    TemplateMisplaced: "template/misplaced", Error,
        "a template is in a field that the producer reads: the producer gets the template's text verbatim. Unless hasDynamicConfig is false, the value at the template's path is also removed from events",
        "use templates only in topic and in topic maps";
    TemplateInSecret: "template/in-secret", Error,
        "a template is in a field for a secret: the producer gets the template's text verbatim. Unless hasDynamicConfig is false, the value at the template's path is also removed from events",
        "enter the secret itself";
    TemplateUnread: "template/unread", Warning,
        "a template is in an unknown field, which neither the producer nor the transformation reads; the value at the template's path is still removed from events",
        "remove the template, unless another program reads this field";
    TemplateFindsNothing: "template/finds-nothing", Warning,
        "a template's path starts with a name that no event has, so the template's default is always used",
        "start the path with \"event.\", as in event.properties.name";
    TemplatePathRepeated: "template/path-repeated", Warning,
        "two templates have the same path: the first removes the value from the event, so the second uses its default",
        "use each path in only one template";
    TemplateDefaultEmpty: "template/default-empty", Warning,
        "a topic template has an empty default: events without a value at the template's path get no topic",
        "write a topic name after ||";
    TemplateTakesAll: "template/takes-all", Error,
        "a template would remove the whole message, metadata or destination: every event is rejected",
        "use the path of a field, such as event.properties.name";
    TemplateTooComplex: "template/too-complex", Error,
        "the templates exceed a limit: every event is rejected",
        "use at most 1000 templates, at most 128 names in a path, and a Config of at most 1 MiB";

    TlsCertificateUnused: "tls/certificate-unused", Warning,
        "caCertificate is set, but sslEnabled is off: the connection is not encrypted, and the certificate is not used",
        "set sslEnabled to true, or remove the certificate";
    CertificateAbsent: "certificate/no-certificate", Error,
        "caCertificate contains no certificate",
        "paste the CA's certificate in PEM format, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, or leave caCertificate empty to use the system's CA certificates";
    CertificateOneLine: "certificate/one-line", Error,
        "the certificate has lost its line breaks, so it cannot be read",
        "paste the PEM file unchanged; in JSON, each line break is \\n with a single backslash";
    CertificateIndented: "certificate/indented", Error,
        "the BEGIN or END line of the certificate is indented, so it cannot be read",
        "remove the spaces at the beginning of lines";
    CertificateBroken: "certificate/broken", Error,
        "a certificate cannot be read",
        "paste the complete, unchanged PEM file again";
    CertificateSkipped: "certificate/skipped", Warning,
        "one of several certificates cannot be read: the producer skips it",
        "if a broker's certificate depends on the skipped certificate, paste the skipped certificate again in full, with BEGIN and END each on a line of its own; otherwise, remove the skipped certificate";
    CertificatePrivateKey: "certificate/private-key", Error,
        "caCertificate contains a private key: anyone who can read the settings can read the key",
        "remove the private key from caCertificate, and rotate the key; caCertificate must contain only the CA's certificate";
    CertificateOther: "certificate/other-section", Hint,
        "caCertificate contains a PEM section that is not a certificate: the producer ignores the section",
        "remove this section";
    CertificateSeveral: "certificate/several", Hint,
        "caCertificate contains several certificates, and all of them are trusted",
        "keep only the current CA's certificate, unless the CA is being replaced";
    CertificateNotCa: "certificate/not-a-ca", Warning,
        "the certificate is not a CA certificate: it is trusted only if a broker presents exactly this certificate",
        "use the certificate of the CA that issued the broker's certificate";
    CertificateExpired: "certificate/expired", Error,
        "the certificate has expired, and no certificate in caCertificate is currently valid: the producer rejects every broker",
        "use the current certificate of the CA that issued the brokers' certificates";
    CertificateExpiredAmong: "certificate/expired-among-others", Warning,
        "one of several certificates has expired",
        "remove the expired certificate when no broker needs it any longer";
    CertificateNotYetValid: "certificate/not-yet-valid", Error,
        "the certificate is not valid yet",
        "use a certificate that is valid now; if the clock of the machine that created the certificate is wrong, correct the clock and create the certificate again";
    CertificateExpiresSoon: "certificate/expires-soon", Warning,
        "the certificate expires within 30 days",
        "get the CA's new certificate, and paste it into caCertificate below the current certificate";
    CertificateWeakKey: "certificate/weak-key", Warning,
        "the certificate's key is too weak: an RSA key below 2048 bits, or an elliptic curve below 224 bits",
        "create a CA with an RSA key of at least 2048 bits, or with a P-256 key";
    CertificateUnusualKey: "certificate/unusual-key", Warning,
        "the certificate's key has a type that most TLS libraries do not accept",
        "use RSA, P-256, P-384, P-521 or Ed25519";
    CertificateWeakSignature: "certificate/weak-signature", Warning,
        "the certificate is signed with MD2, MD5 or SHA-1: TLS libraries reject such a signature, because it can be forged",
        "have the certificate reissued with a SHA-256 signature";

    SaslWithoutTls: "sasl/without-tls", Error,
        "useSASL is on, but sslEnabled is off: the producer does not support SASL_PLAINTEXT, so it ignores the SASL settings and connects without encryption and without credentials",
        "set sslEnabled to true and use the port of a SASL_SSL listener";
    SaslTypeUnknown: "sasl/type-unknown", Error,
        "saslType is missing or not supported",
        "use plain, sha256 or sha512, in lowercase";
    SaslUsernameMissing: "sasl/username-missing", Error,
        "useSASL is on, but username is missing or blank",
        "set username";
    SaslPasswordMissing: "sasl/password-missing", Error,
        "useSASL is on, but password is missing or blank",
        "set password";
    SaslSwitchedOff: "sasl/switched-off", Warning,
        "username or password is set, but useSASL is off: the producer connects without them",
        "set useSASL to true, or remove the credentials";
    SecretBlanks: "secret/blanks", Warning,
        "there are spaces or line breaks around a secret",
        "remove the spaces and line breaks, unless they are part of the secret";

    AvroSchemasMissing: "avro/schemas-missing", Error,
        "convertToAvro is on, but avroSchemas contains no schema",
        "add the schemas, or turn convertToAvro off";
    AvroSchemasUnused: "avro/schemas-unused", Warning,
        "avroSchemas contains schemas, but convertToAvro is off: messages are written as JSON",
        "set convertToAvro to true, or remove the schemas";
    AvroEmbedUnused: "avro/embed-unused", Warning,
        "embedAvroSchemaID is on, but convertToAvro is off: no schema ID is embedded in messages",
        "set convertToAvro to true, or turn embedAvroSchemaID off";
    AvroSchemaIdMissing: "avro/schema-id-missing", Error,
        "a schema has no schemaId",
        "set schemaId to the ID that the events use";
    AvroSchemaIdRepeated: "avro/schema-id-repeated", Error,
        "two schemas have the same schemaId",
        "give each schema a unique ID";
    AvroSchemaIdNotEmbeddable: "avro/schema-id-not-embeddable", Error,
        "embedAvroSchemaID is on, but a schemaId is not a signed 32-bit integer",
        "use an ID of at most 2147483647: the producer aborts events whose schemaId is larger, even if the schema registry assigned that ID";
    AvroSchemaMissing: "avro/schema-missing", Error,
        "an entry of avroSchemas has no schema",
        "enter the schema, or remove the entry";
    AvroSchemaInvalid: "avro/schema-invalid", Error,
        "the producer cannot read a schema, so the destination does not start",
        "correct the schema at the location in the finding; the producer parses schemas with the Go library goavro";
    AvroSchemaNotChecked: "avro/schema-not-checked", Hint,
        "a schema exceeds a limit of this check, so it was not checked",
        "to have the schema checked, keep it below 1 MiB, 128 nesting levels and 1000 bytes per name";
    AvroSchemaNotARecord: "avro/schema-not-a-record", Warning,
        "a schema is neither a record nor a map: no event matches it",
        "use a record with a field for each field of the event";
    AvroUnionField: "avro/union-field", Hint,
        "a field of a schema is a union: in events, the field's value must name its branch of the union",
        "send the value as {\"string\": \"x\"} (null stays null), or change the field's type to one that is not a union";

    SshHostMissing: "ssh/host-missing", Error,
        "useSSH is on, but sshHost is missing or blank",
        "set sshHost";
    SshHostInvalid: "ssh/host-invalid", Error,
        "useSSH is on, but sshHost is not exactly one host name or IP address: the tunnel cannot be opened",
        "enter only the host name or IP address, with square brackets around an IPv6 address; enter the port in sshPort, and the user in sshUser";
    SshUserMissing: "ssh/user-missing", Error,
        "useSSH is on, but sshUser is missing or blank",
        "set sshUser";
    SshPortInvalid: "ssh/port-invalid", Error,
        "useSSH is on, but sshPort is not a number from 1 to 65535",
        "set sshPort, usually to \"22\"";
    SshSwitchedOff: "ssh/switched-off", Hint,
        "sshHost or sshUser is set, but useSSH is off: the producer connects without a tunnel",
        "set useSSH to true, or remove the settings";

    AzureStringMissing: "azure/connection-string-missing", Error,
        "eventHubsConnectionString is missing or blank",
        "copy the connection string of a shared access policy that is allowed to send";
    AzureStringMalformed: "azure/connection-string-malformed", Error,
        "eventHubsConnectionString is not of the form Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…",
        "copy the complete connection string again";
    AzureEntityPath: "azure/entity-path-differs", Warning,
        "the connection string is only for the event hub in EntityPath, but topic contains another name: Event Hubs rejects the events",
        "use a connection string of the whole namespace, or set topic to the event hub in EntityPath";
    AzureNamespace: "azure/namespace-differs", Warning,
        "the connection string and bootstrapServer are for different namespaces",
        "use a host and a connection string of the same namespace";
    AzurePort: "azure/port-unusual", Warning,
        "the port is not 9093, but Event Hubs serves Kafka on port 9093",
        "set bootstrapServer to namespace.servicebus.windows.net:9093";
    ConfluentKeyMissing: "confluent/api-key-missing", Error,
        "apiKey is missing or blank",
        "set apiKey to an API key of the Kafka cluster";
    ConfluentSecretMissing: "confluent/api-secret-missing", Error,
        "apiSecret is missing or blank",
        "set apiSecret to the secret of the API key in apiKey";
}

impl Code {
    /// Whether findings with this code are about a missing credential. Exports from the control plane never contain
    /// credentials.
    #[must_use]
    pub const fn is_missing_secret(self) -> bool {
        matches!(
            self,
            Code::SaslUsernameMissing
                | Code::SaslPasswordMissing
                | Code::AzureStringMissing
                | Code::ConfluentKeyMissing
                | Code::ConfluentSecretMissing
        )
    }
}

/// Formats the table of all codes as Markdown.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| code | severity | what is wrong | what to do |\n| --- | --- | --- | --- |\n");
    for code in Code::ALL {
        let cell = |text: &str| text.replace('|', "\\|");
        let (meaning, advice) = (cell(code.meaning()), cell(code.advice()));
        let _ = writeln!(out, "| `{}` | {} | {meaning} | {advice} |", code.name(), code.severity().name());
    }
    out
}
