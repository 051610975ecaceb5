"""A RabbitMQ that lets everybody in and then takes no more bytes, as the real one does under its memory alarm."""

import socket
import struct
import threading

METHOD, END = 1, b"\xce"
# What is answered to each method: of which class and number, with which arguments.
ANSWERS = {
    (10, 40): ((10, 41), b"\0"),                # connection opened
    (20, 10): ((20, 11), struct.pack(">I", 0)), # channel opened
    (40, 10): ((40, 11), b""),                  # exchange declared
    (85, 10): ((85, 11), b""),                  # confirms selected
}


def method(channel, number, arguments):
    payload = struct.pack(">HH", *number) + arguments
    return struct.pack(">BHI", METHOD, channel, len(payload)) + payload + END


class StuckBroker:
    """Lets nobody in before open() is called; `stuck` is set once it takes nothing more."""

    def __init__(self):
        self.listener = socket.socket()
        # Small segments make the sender's buffer small, too.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.listener.bind(("127.0.0.1", 0))
        self.url = f"amqp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.stuck, self.clients = threading.Event(), []

    def open(self):
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client = self.listener.accept()[0]
                self.clients.append(client)
                self.let_in(client)
        except OSError:
            pass                                # closed

    def let_in(self, client):
        def take(size):
            data = b""
            while len(data) < size:
                more = client.recv(size - len(data))
                if not more:
                    raise OSError("gone")
                data += more
            return data

        take(8)                                 # AMQP 0 0 9 1
        client.sendall(method(0, (10, 10), struct.pack(">BBI", 0, 9, 0) + struct.pack(">I", 5) + b"PLAIN" + struct.pack(">I", 5) + b"en_US"))
        while True:
            _, channel, size = struct.unpack(">BHI", take(7))
            payload = take(size)
            take(1)
            number = struct.unpack_from(">HH", payload)
            if number == (10, 11):              # who it is
                client.sendall(method(0, (10, 30), struct.pack(">HIH", 0, 131072, 0)))
            elif number in ANSWERS:
                client.sendall(method(channel, *ANSWERS[number]))
            if number == (85, 10):
                self.stuck.set()
                return

    def close(self):
        for each in [self.listener, *self.clients]:
            each.close()
