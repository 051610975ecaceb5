"""A Kafka cluster that librdkafka plays in this process, and what a consumer finds in it."""

import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int16, c_int32, c_int64, c_size_t, c_void_p

from relayed import Told, until

BEGINNING = -2
PRODUCE, NO_RIGHT = 0, 29
PARTITION_EOF = -191


class Message(Structure):
    _fields_ = [("err", c_int), ("topic", c_void_p), ("partition", c_int32), ("payload", c_void_p), ("length", c_size_t),
                ("key", c_void_p), ("key_length", c_size_t), ("offset", c_int64), ("private", c_void_p)]


def load():
    library = ctypes.CDLL("librdkafka.so.1")
    for name, result, *arguments in (
            ("rd_kafka_conf_new", c_void_p),
            ("rd_kafka_conf_set", c_int, c_void_p, c_char_p, c_char_p, c_char_p, c_size_t),
            ("rd_kafka_new", c_void_p, c_int, c_void_p, c_char_p, c_size_t),
            ("rd_kafka_destroy", None, c_void_p),
            ("rd_kafka_mock_cluster_new", c_void_p, c_void_p, c_int),
            ("rd_kafka_mock_cluster_destroy", None, c_void_p),
            ("rd_kafka_mock_cluster_bootstraps", c_char_p, c_void_p),
            ("rd_kafka_mock_topic_create", c_int, c_void_p, c_char_p, c_int, c_int),
            ("rd_kafka_mock_broker_set_down", c_int, c_void_p, c_int32),
            ("rd_kafka_mock_broker_set_up", c_int, c_void_p, c_int32),
            ("rd_kafka_metadata", c_int, c_void_p, c_int, c_void_p, POINTER(c_void_p), c_int),
            ("rd_kafka_metadata_destroy", None, c_void_p),
            ("rd_kafka_mock_push_request_errors_array", None, c_void_p, c_int16, c_size_t, POINTER(c_int)),
            ("rd_kafka_topic_new", c_void_p, c_void_p, c_char_p, c_void_p),
            ("rd_kafka_topic_destroy", None, c_void_p),
            ("rd_kafka_consume_start", c_int, c_void_p, c_int32, c_int64),
            ("rd_kafka_consume_stop", c_int, c_void_p, c_int32),
            ("rd_kafka_consume", POINTER(Message), c_void_p, c_int32, c_int),
            ("rd_kafka_message_destroy", None, POINTER(Message)),
            ("rd_kafka_message_headers", c_int, POINTER(Message), POINTER(c_void_p)),
            ("rd_kafka_header_get_last", c_int, c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_size_t)),
            ("rd_kafka_err2str", c_char_p, c_int)):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


rd = load()
PRODUCER, CONSUMER = 0, 1


def client(kind, properties):
    configuration, problem = rd.rd_kafka_conf_new(), ctypes.create_string_buffer(512)
    for name, value in properties.items():
        if rd.rd_kafka_conf_set(configuration, name.encode(), value.encode(), problem, 512):
            raise AssertionError(problem.value.decode())
    made = rd.rd_kafka_new(kind, configuration, problem, 512)
    if not made:
        raise AssertionError(problem.value.decode())
    return made


class Cluster:
    """One broker. Topics are made by whoever uses them first, with four partitions; those named here with three."""

    def __init__(self, topics=()):
        self.owner = client(PRODUCER, {"log_level": "0"})
        self.cluster = rd.rd_kafka_mock_cluster_new(self.owner, 1)
        self.address = rd.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        for topic in topics:
            assert rd.rd_kafka_mock_topic_create(self.cluster, topic.encode(), 3, 1) == 0

    def down(self):
        assert rd.rd_kafka_mock_broker_set_down(self.cluster, 1) == 0

    def up(self):
        assert rd.rd_kafka_mock_broker_set_up(self.cluster, 1) == 0

    def refuse(self, count):
        """So many requests to produce are refused for good."""
        rd.rd_kafka_mock_push_request_errors_array(self.cluster, PRODUCE, count, (c_int * count)(*[NO_RIGHT] * count))

    def told(self, topics):
        """All messages of all partitions of these topics, from the first on."""
        consumer = client(CONSUMER, {"bootstrap.servers": self.address, "log_level": "0", "enable.partition.eof": "true",
                                     "fetch.wait.max.ms": "10"})
        handles = {name: rd.rd_kafka_topic_new(consumer, name.encode(), None) for name in topics}
        cluster = c_void_p()
        assert rd.rd_kafka_metadata(consumer, 1, None, byref(cluster), 120000) == 0
        rd.rd_kafka_metadata_destroy(cluster)
        found = []
        for name, topic in handles.items():
            for partition in range(3):
                found += messages_of(topic, name, partition)
            rd.rd_kafka_topic_destroy(topic)
        rd.rd_kafka_destroy(consumer)
        return found

    def close(self):
        rd.rd_kafka_mock_cluster_destroy(self.cluster)
        rd.rd_kafka_destroy(self.owner)


def messages_of(topic, name, partition):
    """From the first one to the end."""
    assert rd.rd_kafka_consume_start(topic, partition, BEGINNING) == 0
    found = []

    def is_read():
        message = rd.rd_kafka_consume(topic, partition, 100)
        if not message:
            return False
        error = message.contents.err
        if not error:
            found.append(told_of((name, partition), message))
        rd.rd_kafka_message_destroy(message)
        if error and error != PARTITION_EOF:
            raise AssertionError(rd.rd_kafka_err2str(error).decode())
        return error == PARTITION_EOF

    until(is_read, f"the end of partition {partition} of {name}", pause=0)
    rd.rd_kafka_consume_stop(topic, partition)
    return found


def told_of(place, message):
    def header(name):
        headers, value, size = c_void_p(), c_void_p(), c_size_t()
        if rd.rd_kafka_message_headers(message, byref(headers)):
            return None
        if rd.rd_kafka_header_get_last(headers, name, byref(value), byref(size)):
            return None
        return ctypes.string_at(value, size.value).decode()

    each = message.contents
    return Told(place, header(b"event_id"), header(b"event_type"), place[0].rpartition(".")[2],
                ctypes.string_at(each.key, each.key_length).decode(), ctypes.string_at(each.payload, each.length).decode())
