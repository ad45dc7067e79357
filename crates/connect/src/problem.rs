//! The table of all problems between rudder-server and a broker, with advice. Tests compare docs/reference/findings.md
//! with this table.

use std::fmt::Write as _;

macro_rules! problems {
    ($($name:ident: $code:literal, $meaning:literal, $advice:literal;)*) => {
        /// A kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Problem { $(#[doc = $meaning] $name,)* }

        impl Problem {
            /// All problems, in the order of the table.
            pub const ALL: &'static [Problem] = &[$(Problem::$name,)*];

            /// Returns the stable identifier of the problem.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Problem::$name => concat!("connect/", $code),)* }
            }

            /// Returns a generic description of the problem, without details of a particular broker.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Problem::$name => $meaning,)* }
            }

            /// Returns the general advice on how to fix the problem.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Problem::$name => $advice,)* }
            }
        }
    };
}

/// Formats the table of all problems as Markdown.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| code | what is wrong | what to do |\n| --- | --- | --- |\n");
    for problem in Problem::ALL {
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {} | {} |", problem.code(), cell(problem.meaning()), cell(problem.advice()));
    }
    out
}

problems! {
    CaUnusable: "ca-unusable",
        "caCertificate contains no readable certificate",
        "paste the CA's certificate into caCertificate in PEM format, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, or leave caCertificate empty to use the system's CA certificates";
    CaOutOfDate: "ca-out-of-date",
        "no certificate in caCertificate is currently valid",
        "paste a currently valid CA certificate into caCertificate; if the CA itself has expired, create a new CA, and sign the brokers' certificates with the new CA";
    NoSystemRoots: "no-system-roots",
        "there is no caCertificate, and this machine has no CA certificates",
        "install ca-certificates on this machine, or paste the CA's certificate into caCertificate";
    ClientFilesIncomplete: "client-files-incomplete",
        "only one of the two files for the client certificate is set",
        "set both KAFKA_SSL_CERTIFICATE_FILE_PATH and KAFKA_SSL_KEY_FILE_PATH, or neither";
    ClientFileUnreadable: "client-file-unreadable",
        "a file for the client certificate cannot be read",
        "correct the path or the file's permissions; rudder-server must also be able to read the file";
    ClientFileInvalid: "client-file-invalid",
        "a file for the client certificate has the wrong content",
        "store the certificate, followed by its intermediate certificates, in one PEM file. Store the certificate's private key in the other file, without a passphrase (openssl pkey -in KEY -out PLAIN_KEY removes the passphrase)";
    ClientKeyMismatch: "client-key-mismatch",
        "the private key does not belong to the client certificate",
        "use the private key of this certificate; openssl pkey -in KEY -pubout and openssl x509 -in CERTIFICATE -noout -pubkey must print the same public key";
    NameNotFound: "name-not-found",
        "the host name does not resolve",
        "correct the host name. If the host name is correct, check whether this machine's DNS can resolve it: a name that exists only inside a cluster or a VPN does not resolve outside that cluster or VPN";
    DnsFailed: "dns-failed",
        "DNS cannot resolve the host name at the moment",
        "try again; if DNS resolution still fails, fix this machine's DNS (/etc/resolv.conf)";
    DnsTimeout: "dns-timeout",
        "the DNS server does not respond",
        "try again with a longer --timeout; if the DNS server still does not respond, fix this machine's DNS (/etc/resolv.conf)";
    ConnectionRefused: "connection-refused",
        "no process listens on this port",
        "start the broker, correct the port, or make the broker listen on this address (listeners in server.properties)";
    Unreachable: "unreachable",
        "there is no route to the address",
        "fix the route to this address: network, VPN, security group";
    ConnectTimeout: "connect-timeout",
        "the address does not respond",
        "open the port in the firewalls and security groups between this machine and the broker. A stopped broker is not the cause: its host would have refused the connection at once";
    NotTls: "not-tls",
        "the server on this port does not speak TLS",
        "use the port of an SSL or SASL_SSL listener, or turn sslEnabled off if this listener is meant to be plaintext";
    TlsTimeout: "tls-timeout",
        "the TLS handshake gets no response",
        "check that this is the port of a Kafka listener with TLS; a server without TLS may be waiting for data in its own protocol";
    TlsVersion: "tls-version",
        "the broker does not support the producer's TLS versions",
        "allow TLSv1.2 in ssl.enabled.protocols of the broker: rudder-server supports TLS 1.1 and 1.2, but not 1.3";
    TlsNoCommonCipher: "tls-no-common-cipher",
        "the broker and the producer have no common cipher suite",
        "allow a cipher suite with ECDHE and AES-GCM or ChaCha20 in ssl.cipher.suites of the broker, and give the broker an RSA or EC key";
    TlsFailed: "tls-failed",
        "the TLS handshake fails for a reason that no other code describes",
        "see the broker's log; to log the whole handshake, start the broker with -Djavax.net.debug=ssl:handshake";
    HostNotAName: "host-not-a-name",
        "the host name is not valid, so no certificate can match it",
        "use a host name that DNS allows, or an IP address";
    UnknownIssuer: "unknown-issuer",
        "the broker's certificate was signed by a CA that is not trusted",
        "paste the root CA's certificate into caCertificate; if an intermediate CA signed the broker's certificate, also add the intermediate CA's certificate to the broker's keystore";
    CertificateExpired: "certificate-expired",
        "the broker's certificate or an intermediate certificate has expired",
        "renew the expired certificate, and import the new certificate into the broker's keystore";
    CertificateNotYetValid: "certificate-not-yet-valid",
        "the broker's certificate or an intermediate certificate is not valid yet",
        "correct the clocks of this machine and of the machine that signed the certificate, or sign the certificate again with an earlier start date";
    NameMismatch: "name-mismatch",
        "the broker's certificate does not contain the host name",
        "connect to a name that is in the certificate, or sign a certificate that contains the host name: keytool -certreq with -ext SAN=dns:HOST, then openssl x509 -req with -copy_extensions copy";
    CertificateWithoutNames: "certificate-without-names",
        "the broker's certificate contains no host name: it has no subject alternative name",
        "sign a certificate that contains the host name: keytool -certreq with -ext SAN=dns:HOST, then openssl x509 -req with -copy_extensions copy. rudder-server ignores CN";
    CertificateVersion1: "certificate-version-1",
        "the broker's certificate has X.509 version 1, so it contains no host name",
        "sign the certificate with extensions, so that it gets version 3: keytool -certreq with -ext SAN=dns:HOST, then openssl x509 -req with -copy_extensions copy. rudder-server ignores CN";
    CertificatePurpose: "certificate-purpose",
        "the broker's certificate was not issued for a server",
        "sign a certificate that is not a CA certificate, and that has either the extended key usage serverAuth or no extended key usage";
    CertificateInvalid: "certificate-invalid",
        "the broker's certificate is rejected for a reason that no other code describes",
        "create a new certificate for the broker; openssl s_client -connect HOST:PORT -showcerts prints the certificates that the broker sends";
    ClientCertificateRequired: "client-certificate-required",
        "the broker requires a client certificate",
        "for this check and for rudder-server, set KAFKA_SSL_CERTIFICATE_FILE_PATH to the file of a certificate from a CA in the broker's truststore, and KAFKA_SSL_KEY_FILE_PATH to the file of its key";
    ClientCertificateRejected: "client-certificate-rejected",
        "the broker does not accept the client certificate",
        "use a currently valid certificate from a CA in the broker's truststore, or import the certificate's CA into that truststore: keytool -importcert -keystore kafka.server.truststore.p12";
    TlsExpected: "tls-expected",
        "the broker expects TLS, but the connection was plaintext",
        "turn sslEnabled on, or use the port of a plaintext listener";
    NotKafka: "not-kafka",
        "the server is not a Kafka broker",
        "use the port of a Kafka listener";
    ResponseTooLarge: "response-too-large",
        "a response is too large to come from a broker",
        "use the port of a Kafka listener";
    ResponseUnreadable: "response-unreadable",
        "a response does not follow Kafka's protocol",
        "use the port of a Kafka listener; if this is already the port of a Kafka listener, something on the network changes the data";
    ConnectionClosed: "connection-closed",
        "the broker closes the connection instead of responding",
        "see the broker's log for the reason; a proxy or load balancer without a healthy broker also closes connections";
    ResponseTimeout: "response-timeout",
        "the broker does not respond",
        "check that the broker is healthy and that this is a Kafka listener; try a longer --timeout";
    BrokerTooOld: "broker-too-old",
        "this check uses request versions that the broker does not support",
        "use Apache Kafka 0.11 or newer, or a broker that is compatible with it";
    BrokerError: "broker-error",
        "the broker returns an error code",
        "see the broker's log, and look up the error code in the documentation of the Kafka protocol";
    CredentialsMissing: "credentials-missing",
        "username or password is empty",
        "set username and password, or turn useSASL off";
    SaslNotOffered: "sasl-not-offered",
        "this listener does not support SASL",
        "turn useSASL off, or use the port of a SASL_SSL listener";
    SaslRequired: "sasl-required",
        "this listener most likely requires SASL",
        "turn useSASL on and set saslType, username and password; SASL also requires sslEnabled, because rudder-server does not support SASL_PLAINTEXT";
    MechanismNotEnabled: "mechanism-not-enabled",
        "the broker has not enabled the mechanism in saslType",
        "set saslType (plain, sha256 or sha512) to a mechanism that the broker has enabled, or add the current mechanism to sasl.enabled.mechanisms of the broker";
    AuthenticationFailed: "authentication-failed",
        "the broker rejects the user or the password",
        "fix username and password. If the user does not exist, create the user: with kafka-configs --alter --add-config for a SCRAM mechanism, or in the broker's JAAS configuration for PLAIN";
    BrokerNotAuthentic: "broker-not-authentic",
        "the broker accepted the user, but could not prove that it knows the password",
        "make sure that the host name and port lead to your broker";
    NoBrokers: "no-brokers",
        "the broker lists no brokers of its cluster",
        "wait until the cluster has started; if the list is still empty, see the brokers' logs";
    ClustersDiffer: "clusters-differ",
        "the brokers of the destination belong to different clusters",
        "list brokers of one cluster only: messages go to the cluster whose broker responds first";
    TopicMissing: "topic-missing",
        "the topic does not exist",
        "create the topic (kafka-topics --create), or correct its name, including letter case. With auto.create.topics.enable, the broker creates the topic on the first message; clients cannot see this setting";
    TopicNotAuthorized: "topic-not-authorized",
        "the user is not authorized to see the topic",
        "allow this user to describe the topic and to write to it: kafka-acls --add --producer --topic TOPIC --allow-principal User:NAME";
    TopicNotWritable: "topic-not-writable",
        "the user is not authorized to write to the topic",
        "allow this user to write: kafka-acls --add --producer --topic TOPIC --allow-principal User:NAME";
    TopicWithoutLeader: "topic-without-leader",
        "the topic has partitions without a leader",
        "start the brokers that store these partitions; until then, messages for these partitions wait";
    TopicBatchTooLarge: "topic-batch-too-large",
        "the producer may send larger batches than the topic allows",
        "raise max.message.bytes of the topic, or lower Router.KAFKA.batchBytes of rudder-server (in this check, --batch-bytes)";
    TopicInvalid: "topic-invalid",
        "the broker rejects the name of the topic",
        "use up to 249 letters, digits, dots, underscores and hyphens";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_connection_problem_has_a_distinct_code() {
        let codes: HashSet<_> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
    }
}
