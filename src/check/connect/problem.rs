//! What can be wrong between rudder-server and a broker, and what to do about it: one table. docs/check-connect.md is
//! compared with it.

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $help:literal;)*) => {
        /// A kind of failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Problem { $($(#[$doc])* $name,)* }

        impl Problem {
            /// Every kind there is.
            pub const ALL: &'static [Problem] = &[$(Problem::$name,)*];

            /// The kind as a stable word.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Problem::$name => $code,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Problem::$name => $help,)* }
            }
        }
    };
}

problems! {
    /// `caCertificate` has no certificate.
    CaUnusable, "ca_unusable",
        "put the CA's certificate into caCertificate as PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, or leave it empty for the system's roots";
    /// No certificate of `caCertificate` is valid at this time.
    CaOutOfDate, "ca_out_of_date",
        "put a CA certificate into caCertificate that is valid today; where the CA itself has ended, make a new one and sign the brokers' certificates with it";
    /// The system has no roots.
    NoSystemRoots, "no_system_roots",
        "install ca-certificates on this machine, or put the CA's certificate into caCertificate";
    /// One of both files was not named.
    ClientFilesIncomplete, "client_files_incomplete",
        "set both KAFKA_SSL_CERTIFICATE_FILE_PATH and KAFKA_SSL_KEY_FILE_PATH, or neither";
    /// A file cannot be read.
    ClientFileUnreadable, "client_file_unreadable",
        "mend the path or the file's permissions; rudder-server has to be able to read it too";
    /// A file holds something else.
    ClientFileInvalid, "client_file_invalid",
        "both files have to be PEM: the certificate followed by its intermediates, and its key without a passphrase (openssl pkey -in KEY -out PLAIN_KEY)";
    /// Certificate and key do not belong together.
    ClientKeyMismatch, "client_key_mismatch",
        "name the key that the certificate was made for; openssl pkey -pubout and openssl x509 -pubkey have to print the same";
    /// There is no such host.
    NameNotFound, "name_not_found",
        "correct the host name; if it is right, ask whether this machine's DNS knows it, for a name within a cluster or a VPN is not known outside";
    /// The DNS does not answer.
    DnsFailed, "dns_failed",
        "try again; if it stays so, mend this machine's DNS (/etc/resolv.conf)";
    /// The DNS is silent.
    DnsTimeout, "dns_timeout",
        "try again, or with a longer --timeout; if it stays so, mend this machine's DNS (/etc/resolv.conf)";
    /// Nobody listens.
    ConnectionRefused, "connection_refused",
        "start the broker, correct the port, or let the broker listen on this address (listeners in server.properties)";
    /// No way leads there.
    Unreachable, "unreachable",
        "mend the route to this address: network, VPN, security group";
    /// Nobody answers.
    ConnectTimeout, "connect_timeout",
        "open the port in firewalls and security groups between here and the broker; a closed port would have answered at once";
    /// Not TLS at all.
    NotTls, "not_tls",
        "use the port of a listener with SSL or SASL_SSL, or turn sslEnabled off if this listener is meant to be plaintext";
    /// No answer to the first message of TLS.
    TlsTimeout, "tls_timeout",
        "see whether the port is that of a Kafka listener with TLS; a server of another kind may wait for something else";
    /// No version in common.
    TlsVersion, "tls_version",
        "allow TLSv1.2 in ssl.enabled.protocols of the broker: rudder-server speaks TLS 1.1 and 1.2, not 1.3";
    /// No cipher in common.
    TlsNoCommonCipher, "tls_no_common_cipher",
        "allow a cipher suite with ECDHE and AES-GCM or ChaCha20 in ssl.cipher.suites of the broker, and give it an RSA or EC key";
    /// Any other trouble within TLS.
    TlsFailed, "tls_failed",
        "the broker's log has more on a failed handshake; with -Djavax.net.debug=ssl:handshake it has all of it";
    /// The name cannot be in a certificate.
    HostNotAName, "host_not_a_name",
        "use a host name that DNS allows, or an IP address";
    /// Signed by somebody else.
    UnknownIssuer, "unknown_issuer",
        "put the certificate of the CA that signed the broker's into caCertificate; if an intermediate signed it, the broker's keystore needs that certificate as well";
    /// Too late.
    CertificateExpired, "certificate_expired",
        "sign a new certificate for the broker and put it into its keystore";
    /// Too early.
    CertificateNotYetValid, "certificate_not_yet_valid",
        "set the clocks right, here and where the certificate is made, or sign it with a date that has come";
    /// For another name.
    NameMismatch, "name_mismatch",
        "connect by a name that the certificate has, or sign one that has this name: keytool -certreq with -ext SAN=dns:HOST, signed with -copy_extensions copy";
    /// For no name.
    CertificateWithoutNames, "certificate_without_names",
        "sign a certificate with names: keytool -certreq with -ext SAN=dns:HOST, then openssl x509 -req with -copy_extensions copy. rudder-server takes no names from CN";
    /// Not of version 3.
    CertificateVersion1, "certificate_version_1",
        "sign it with extensions, which makes it version 3: keytool -certreq with -ext SAN=dns:HOST, then openssl x509 -req with -copy_extensions copy";
    /// For another purpose.
    CertificatePurpose, "certificate_purpose",
        "sign a certificate whose extended key usage is serverAuth, or has none; and that is no CA itself";
    /// Not readable.
    CertificateInvalid, "certificate_invalid",
        "make the broker's certificate anew; openssl s_client -connect HOST:PORT -showcerts prints what it sends";
    /// The broker wants to know who comes.
    ClientCertificateRequired, "client_certificate_required",
        "name a certificate and its key in KAFKA_SSL_CERTIFICATE_FILE_PATH and KAFKA_SSL_KEY_FILE_PATH, here and at rudder-server, issued by a CA that the broker's truststore has";
    /// The broker does not like who comes.
    ClientCertificateRefused, "client_certificate_refused",
        "use a certificate that is valid today and was issued by a CA in the broker's truststore, or import that CA: keytool -importcert -keystore kafka.server.truststore.p12";
    /// The listener is a TLS one.
    TlsExpected, "tls_expected",
        "turn sslEnabled on, or use the port of a plaintext listener";
    /// Another kind of server.
    NotKafka, "not_kafka",
        "use the port of a Kafka listener; this is another kind of server";
    /// A length past all reason.
    AnswerTooLarge, "answer_too_large",
        "use the port of a Kafka listener; no broker sends so much here";
    /// An answer that cannot be read.
    AnswerUnreadable, "answer_unreadable",
        "use the port of a Kafka listener; if it is one, something between here and the broker changes what it sends";
    /// The broker hung up.
    ConnectionClosed, "connection_closed",
        "see the broker's log for the reason; a proxy or load balancer in between closes like this when it finds no broker";
    /// The broker said nothing.
    AnswerTimeout, "answer_timeout",
        "see whether the broker is well and this is a Kafka listener; try a longer --timeout";
    /// Too old, or made for something else.
    BrokerTooOld, "broker_too_old",
        "use a broker of Apache Kafka 0.11 or newer, or one that is compatible with it";
    /// An error code that nothing else here stands for.
    BrokerError, "broker_error",
        "see the broker's log; the Kafka protocol's list of error codes tells what this one means";
    /// User and password are missing.
    CredentialsMissing, "credentials_missing",
        "set username and password, or turn useSASL off";
    /// The listener knows no SASL.
    SaslNotOffered, "sasl_not_offered",
        "turn useSASL off, or use the port of a listener with SASL_SSL";
    /// The listener wants SASL.
    SaslRequired, "sasl_required",
        "turn useSASL on and set saslType, username and password; SASL needs sslEnabled too, and SASL_PLAINTEXT is not supported";
    /// Not this way.
    MechanismNotEnabled, "mechanism_not_enabled",
        "set saslType to one that is enabled: plain, sha256 or sha512; or add it to sasl.enabled.mechanisms of the broker";
    /// Not this user, or not this password.
    AuthenticationFailed, "authentication_failed",
        "correct username and password; SCRAM users are made with kafka-configs --alter --add-config for each mechanism, PLAIN ones in the broker's JAAS configuration";
    /// The broker does not know the password either.
    BrokerNotAuthentic, "broker_not_authentic",
        "make sure that this is your broker: it let the user in without knowing the password";
    /// The cluster has no brokers to name.
    NoBrokers, "no_brokers",
        "wait until the cluster has started, and see the brokers' log";
    /// Two addresses, two clusters.
    ClustersDiffer, "clusters_differ",
        "name brokers of one cluster only: messages go to whichever answers first";
    /// There is no such topic.
    TopicMissing, "topic_missing",
        "make the topic (kafka-topics --create), or correct its name, letter case included. A broker with auto.create.topics.enable makes it with the first message, which cannot be asked";
    /// The user may not even see it.
    TopicNotAuthorised, "topic_not_authorised",
        "let this user describe and write: kafka-acls --add --producer --topic TOPIC --allow-principal User:NAME";
    /// The user may see, not write.
    TopicNotWritable, "topic_not_writable",
        "let this user write: kafka-acls --add --producer --topic TOPIC --allow-principal User:NAME";
    /// Partitions without a leader.
    TopicWithoutLeader, "topic_without_leader",
        "start the brokers that hold these partitions; messages for them wait until then";
    /// No legal name.
    TopicInvalid, "topic_invalid",
        "use up to 249 letters, digits, dots, underscores and hyphens";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct() {
        let codes: HashSet<_> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
    }
}
