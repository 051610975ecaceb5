"""A Kafka broker that can be asked for its topics and told to make some, and nothing else: what librdkafka's own cluster
does not play. The formats are those of the protocol guide, in versions without tagged fields where there are such.
"""

import socket
import struct
import threading

API_VERSIONS, METADATA, CREATE_TOPICS, PRODUCE, INIT_PRODUCER_ID = 18, 3, 19, 0, 22
SPOKEN = {PRODUCE: 7, METADATA: 2, API_VERSIONS: 3, CREATE_TOPICS: 4, INIT_PRODUCER_ID: 1}
NO_RIGHT = 29


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Request:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def text(self):
        length = self.take("h")
        self.at += max(length, 0)
        return self.data[self.at - length:self.at].decode() if length >= 0 else None


class TopicBroker:
    """existing: topics that are there. forbidden: those that it does not make. made: {topic: (partitions, replicas)}."""

    def __init__(self, existing, forbidden):
        self.existing, self.forbidden, self.made = existing, forbidden, {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass                                # closed

    def serve(self, client):
        with client, client.makefile("rb") as stream:
            while len(size := stream.read(4)) == 4:
                request = Request(stream.read(struct.unpack(">i", size)[0]))
                key, version, number, _ = request.take("h"), request.take("h"), request.take("i"), request.text()
                answer = {API_VERSIONS: self.versions, METADATA: self.metadata, CREATE_TOPICS: self.create}.get(key)
                if not answer:
                    continue                    # whoever asks this waits
                body = struct.pack(">i", number) + answer(request, version)
                client.sendall(struct.pack(">i", len(body)) + body)

    @staticmethod
    def versions(_request, version):
        rows = [struct.pack(">hhh", key, 0, most) for key, most in SPOKEN.items()]
        if version < 3:
            return struct.pack(">h", 0) + array(rows) + (struct.pack(">i", 0) if version else b"")
        return struct.pack(">hB", 0, len(rows) + 1) + b"".join(row + b"\0" for row in rows) + struct.pack(">iB", 0, 0)

    def metadata(self, _request, version):
        brokers = array([struct.pack(">i", 1) + text("127.0.0.1") + struct.pack(">ih", self.port, -1)])
        topics = array([struct.pack(">h", 0) + text(name) + b"\0" + array(
            [struct.pack(">hii", 0, part, 1) + array([struct.pack(">i", 1)]) * 2 for part in range(3)]) for name in self.existing])
        return brokers + (text("cluster") if version >= 2 else b"") + struct.pack(">i", 1) + topics

    def create(self, request, version):
        answers = []
        for _ in range(request.take("i")):
            name, partitions, replicas = request.text(), request.take("i"), request.take("h")
            assert request.take("i") == 0 and request.take("i") == 0        # neither assignments nor properties
            refused = name in self.forbidden
            if not refused:
                self.made[name] = (partitions, replicas)
            answers.append(text(name) + struct.pack(">hh", NO_RIGHT if refused else 0, -1))
        return (struct.pack(">i", 0) if version >= 2 else b"") + array(answers)

    def close(self):
        self.listener.close()
