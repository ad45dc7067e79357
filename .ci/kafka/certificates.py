"""Creates certificates for the broker and its clients: those of RudderStack's steps for two-way TLS, and invalid ones."""

import pathlib
import subprocess

PASSWORD = "keystore-password"

# The names of the broker. RudderStack's steps lack them, but current clients need them (docs/guides/certificates.md).
NAMES = "dns:localhost,ip:127.0.0.1"


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def keytool(folder, store, *command):
    run(folder, "keytool", "-keystore", store, "-storetype", "PKCS12", "-storepass", PASSWORD, "-noprompt", *command)


def by_the_steps(folder):
    """Follows the steps of RudderStack's documentation, with the corrections of docs/guides/certificates.md."""
    server, trust = "kafka.server.keystore.p12", "kafka.server.truststore.p12"
    # 1. A key and a certificate.
    keytool(folder, server, "-alias", "localhost", "-keyalg", "RSA", "-validity", "365", "-genkeypair",
            "-dname", "CN=localhost,O=Example", "-ext", f"SAN={NAMES}")
    # 2. A private CA, and a truststore for the broker.
    authority(folder, "ca", "Example CA")
    keytool(folder, trust, "-alias", "CARoot", "-importcert", "-file", "ca-cert")
    # 3. The CA's signature. Without -copy_extensions, `openssl x509 -req` drops the names.
    keytool(folder, server, "-alias", "localhost", "-certreq", "-file", "cert-file", "-ext", f"SAN={NAMES}")
    run(folder, "openssl", "x509", "-req", "-CA", "ca-cert", "-CAkey", "ca-key", "-in", "cert-file", "-out", "cert-signed",
        "-days", "365", "-CAcreateserial", "-passin", "pass:ca-password", "-copy_extensions", "copy")
    keytool(folder, server, "-alias", "CARoot", "-importcert", "-file", "ca-cert")
    keytool(folder, server, "-alias", "localhost", "-importcert", "-file", "cert-signed")
    # The same request, signed exactly as in RudderStack's documentation: X.509 version 1 without names.
    run(folder, "openssl", "x509", "-req", "-CA", "ca-cert", "-CAkey", "ca-key", "-in", "cert-file", "-out", "steps-signed",
        "-days", "365", "-CAcreateserial", "-passin", "pass:ca-password")
    run(folder, "openssl", "pkcs12", "-in", server, "-passin", f"pass:{PASSWORD}", "-nocerts", "-nodes", "-out", "server.key")


def authority(folder, name, subject):
    run(folder, "openssl", "req", "-new", "-x509", "-keyout", f"{name}-key", "-out", f"{name}-cert", "-days", "365",
        "-passout", "pass:ca-password", "-subj", f"/CN={subject}")


def key(folder, name, subject):
    run(folder, "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
        "-subj", f"/CN={subject}")


def sign(folder, name, names=None, start=None, end=None, usage="serverAuth,clientAuth", ca="ca"):
    """Signs a request with the given dates, which `openssl x509` cannot set."""
    (folder / f"{name}.cnf").write_text(f"""
[ca]
default_ca = this
[this]
dir = .
new_certs_dir = .
database = {name}.db
serial = {name}.serial
default_md = sha256
policy = any
email_in_dn = no
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
basicConstraints = CA:FALSE
extendedKeyUsage = {usage}
{f'subjectAltName = {names}' if names else ''}
""")
    (folder / f"{name}.db").write_text("")
    serial = 1 + sum(1 for _ in folder.glob("*.serial"))
    (folder / f"{name}.serial").write_text(f"{serial:04x}\n")
    run(folder, "openssl", "ca", "-batch", "-notext", "-config", f"{name}.cnf", "-cert", f"{ca}-cert", "-keyfile", f"{ca}-key",
        "-passin", "pass:ca-password", "-in", f"{name}.csr", "-out", f"{name}.crt",
        "-startdate", start or "20240101000000Z", "-enddate", end or "20991231235959Z")


def server_pem(folder, name, key_of=None, certificate=None):
    """Writes a keystore as PEM: the key, its certificate, and the CA's certificate."""
    parts = [f"{key_of or name}.key", certificate or f"{name}.crt", "ca-cert"]
    (folder / f"{name}.pem").write_text("".join((folder / part).read_text() for part in parts))


def make(folder):
    """Writes all certificates to a folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    by_the_steps(folder)
    server_pem(folder, "steps", key_of="server", certificate="steps-signed")

    names = "DNS:localhost,IP:127.0.0.1"
    for name, options in {
        "expired": {"names": names, "end": "20240201000000Z"},
        "notyet": {"names": names, "start": "20980101000000Z"},
        "othername": {"names": "DNS:broker.example.com"},
        "cnonly": {},
        "pinned": {"names": names},
    }.items():
        key(folder, name, "localhost")
        sign(folder, name, **options)
        server_pem(folder, name)

    authority(folder, "otherca", "Another CA")
    key(folder, "client", "rudder")
    sign(folder, "client", usage="clientAuth")
    # Signed without extensions, as `openssl x509 -req` of OpenSSL 3.0 does: X.509 version 1.
    key(folder, "old", "rudder")
    run(folder, "openssl", "x509", "-req", "-CA", "ca-cert", "-CAkey", "ca-key", "-in", "old.csr", "-out", "old.crt",
        "-days", "365", "-CAcreateserial", "-passin", "pass:ca-password")
    key(folder, "stranger", "rudder")
    sign(folder, "stranger", usage="clientAuth", ca="otherca")
    key(folder, "late", "rudder")
    sign(folder, "late", usage="clientAuth", end="20240201000000Z")
    run(folder, "openssl", "pkey", "-in", "client.key", "-aes256", "-passout", "pass:key-password", "-out", "encrypted.key")
