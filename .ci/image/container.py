"""Runs processes in the file system of an image archive: as the image's user, on a read-only root, without privileges."""

import json
import os
import pathlib
import subprocess
import tarfile
import time

# Runs in separate mount and PID namespaces. Mounts /proc, as container runtimes do.
ENTER = """
set -eu
root=$1 user=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift
mount -o remount,bind,ro "$root"
cd "$root"
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
"""


# Container runtimes set this variable, and the commands that start the container need it.
PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class Image:
    """An unpacked docker-archive."""

    def __init__(self, archive, folder):
        self.root = pathlib.Path(folder) / "root"
        self.root.mkdir(parents=True)
        self.bytes = 0
        with tarfile.open(archive) as tar:
            manifest = json.load(tar.extractfile("manifest.json"))[0]
            document = json.load(tar.extractfile(manifest["Config"]))
            for layer in manifest["Layers"]:
                with tarfile.open(fileobj=tar.extractfile(layer)) as files:
                    files.extractall(self.root)
        self.config, self.architecture = document["config"], document["architecture"]
        self.files = {str(path.relative_to(self.root)): path.stat().st_size
                      for path in sorted(self.root.rglob("*")) if not path.is_dir()}
        (self.root / "proc").mkdir()
        # Every container runtime writes this file.
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")

    def command(self, arguments, binds=()):
        mounts = [str(part) for bind in binds for part in bind]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", str(self.root), self.config["User"],
                *mounts, "--", *arguments]

    def run(self, arguments, environment=None, binds=(), stdin=None, timeout=60):
        """Runs `docker run IMAGE arguments` to completion."""
        return subprocess.run(self.command([*self.config["Entrypoint"], *arguments], binds), env=PATH | (environment or {}), capture_output=True,
                              text=True, input=stdin or "", timeout=timeout, check=False)

    def health(self, environment):
        """Runs the image's own health check."""
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD", "the image has no shell"
        return subprocess.run(self.command(command), env=PATH | environment, capture_output=True, text=True, timeout=30, check=False)

    def start(self, environment):
        return Container(self, environment)


class Container:
    """The image's entrypoint as a service, as PID 1 of its namespace."""

    def __init__(self, image, environment):
        self.process = subprocess.Popen(image.command(image.config["Entrypoint"]), env=PATH | environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def pid(self):
        """Returns the PID of the service on the host, once `unshare` has started it."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for child in children.read_text().split():
                if os.path.basename(os.readlink(f"/proc/{child}/exe")) == "rudder-kafka-transformer":
                    return int(child)
            time.sleep(0.02)
        raise AssertionError("the service does not start")

    def status(self):
        """Returns the fields of /proc/PID/status."""
        lines = pathlib.Path(f"/proc/{self.pid()}/status").read_text().splitlines()
        return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}

    def root_options(self):
        """Returns the mount options of the service's root file system."""
        lines = pathlib.Path(f"/proc/{self.pid()}/mountinfo").read_text().splitlines()
        return next(line.split()[5].split(",") for line in lines if line.split()[4] == "/")

    def stop(self, signal, timeout=30):
        """Signals the service. Returns its exit code and its output."""
        os.kill(self.pid(), signal)
        output, _ = self.process.communicate(timeout=timeout)
        return self.process.returncode, output

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
