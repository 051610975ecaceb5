"""A RabbitMQ of the machine's own package, with ports, files and an Erlang port mapper of its own, and a queue in it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

from relayed import PATIENCE, Told, free_port, until
from harness import PR_SET_PDEATHSIG, libc                          # found by way of relayed

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
# Where Debian's packages for Python are, whichever Python runs this.
sys.path.append("/usr/lib/python3/dist-packages")
START_SECONDS = 2 * PATIENCE
QUEUE = "everything"

CONFIGURATION = """
listeners.tcp.local = 127.0.0.1:{port}
log.file.level = warning
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 1MB
"""


def missing():
    """Why there is none; None: there is."""
    if not os.path.exists(SERVER):
        return "rabbitmq-server is not installed (make deps-brokers)"
    try:
        import pika                                                 # noqa: F401  pylint: disable=unused-import,import-outside-toplevel
    except ImportError:
        return "python3-pika is not installed (make deps-brokers)"
    return None


class RabbitMQ:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="souk-rabbitmq-")
        self.port, self.mapper_port = free_port(), free_port()
        with open(self.file("rabbitmq.conf"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(port=self.port))
        with open(self.file("plugins"), "w", encoding="ascii") as file:
            file.write("[].\n")
        with open(self.file("rabbitmq-env.conf"), "w", encoding="ascii"):
            pass
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.directory, "LANG": "C.UTF-8", "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_CONF_ENV_FILE": self.file("rabbitmq-env.conf"),
            "RABBITMQ_NODENAME": f"souk{self.port}@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": self.file("rabbitmq.conf"), "RABBITMQ_MNESIA_BASE": self.file("data"),
            "RABBITMQ_LOG_BASE": self.file("log"), "RABBITMQ_PID_FILE": self.file("pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.file("plugins"), "RABBITMQ_GENERATED_CONFIG_DIR": self.file("generated"),
            # The script becomes the server, rather than to wait for it; one scheduler is enough for a handful of messages.
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"}
        self.process = None
        self.mapper = self.run(["epmd", "-port", str(self.mapper_port)], "mapper")

    def file(self, name):
        return os.path.join(self.directory, name)

    def run(self, argv, name):
        with open(self.file(name + ".out"), "ab") as out:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.environment,
                                    cwd=self.directory, start_new_session=True,
                                    preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def start(self):
        self.process = self.run([SERVER], "server")
        until(self.answers, "RabbitMQ starts", START_SECONDS)

    def connection(self):
        import pika                                                 # pylint: disable=import-outside-toplevel
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def answers(self):
        import pika                                                 # pylint: disable=import-outside-toplevel
        if self.process.poll() is not None:
            with open(self.file("server.out"), encoding="utf-8", errors="replace") as file:
                raise AssertionError(f"RabbitMQ ended with {self.process.returncode}: {file.read()[-2000:]}")
        try:
            self.connection().close()
            return True
        except (pika.exceptions.AMQPError, OSError):
            return False

    def kill(self):
        """At once; what it confirmed is on its disk."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def bind(self, exchange):
        """A durable queue for everything that is published from now on."""
        connection = self.connection()
        channel = connection.channel()
        channel.exchange_declare(exchange, "topic", durable=True)
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_bind(QUEUE, exchange, "#")
        connection.close()

    def told(self, faults):
        """All messages of the queue in its order. faults: gets a sentence for each that is not as it should be."""
        connection = self.connection()
        channel = connection.channel()
        found = []
        while True:
            frame, properties, body = channel.basic_get(QUEUE, auto_ack=True)
            if not frame:
                break
            headers = properties.headers
            found.append(Told(QUEUE, properties.message_id, properties.type, headers["subject_kind"], headers["subject_id"], body.decode()))
            if frame.routing_key != properties.type or properties.delivery_mode != 2 or properties.content_type != "application/json":
                faults.append(f"{frame} {properties}")
        connection.close()
        return found

    def end(self):
        self.kill()
        self.mapper.kill()
        self.mapper.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
