#!/usr/bin/env python3
"""What the relay to RabbitMQ does without any: it is kept from stopping, and told to go where nothing can be."""

import relayed
from harness import Suite
from relayed import Shop
from stuck import StuckBroker

suite = Suite("rabbitmq")


@suite.case
def a_broker_that_takes_nothing_more_is_left():
    stuck = StuckBroker()
    shop = Shop("rabbitmq", {"relay.rabbitmq.url": stuck.url})
    for _ in range(80):
        shop.order()                            # more than one window and the buffers of a socket
    stuck.open()
    suite.check(stuck.stuck.wait(relayed.PATIENCE), "it is there")
    shop.order()
    suite.equal(shop.server.stop(), 0, "the server stops all the same")
    shop.server.remove()
    stuck.close()


@suite.case
def what_is_configured_wrongly_is_refused():
    for settings in ({"relay.rabbitmq.url": "http://localhost"}, {"relay.rabbitmq.url": "amqps://localhost"},
                     {"relay.rabbitmq.url": "amqp://localhost", "relay.rabbitmq.exchange": ""}):
        relayed.refused(suite, settings, "relay.rabbitmq.url is amqp://")


suite.main()
