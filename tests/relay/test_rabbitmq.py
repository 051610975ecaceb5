#!/usr/bin/env python3
"""Events told to RabbitMQ: all of them, in order, through kills of the server and of the broker."""

import atexit
import sys
import time

import relayed
from harness import Suite
from rabbitmq import RabbitMQ, missing
from relayed import Shop, until

suite = Suite("rabbitmq")
EXCHANGE = "shop.events"
if missing():
    print(f"skipped: {missing()}")
    sys.exit(0)
broker = RabbitMQ()
atexit.register(broker.end)
broker.start()


@suite.case
def all_events_are_told_through_kills_and_losses():
    broker.bind(EXCHANGE)
    shop = Shop("rabbitmq", {"relay.rabbitmq.url": broker.url, "relay.rabbitmq.exchange": EXCHANGE})
    shop.wait_told()

    broker.kill()
    for _ in range(20):
        shop.order()
    suite.check(shop.slowest < relayed.PATIENCE, "orders are placed without it")
    until(lambda: shop.figure("souk_relay_losses_total"), "the loss is noticed")
    until(lambda: shop.figure("souk_relay_up") == 0, "it is down")
    suite.check(shop.figure("souk_relay_lag_positions") > 0, "they wait in the log")
    shop.orders_until_killed(10)
    shop.server.restart()
    until(lambda: shop.figure("souk_relay_lag_seconds"), "the lag is told in seconds")
    began = time.monotonic()
    suite.equal(shop.server.stop(), 0, "it stops without the broker")
    suite.check(time.monotonic() - began < relayed.PATIENCE, "in bounded time")
    shop.server.restart()

    broker.start()
    shop.wait_told()
    suite.equal(shop.figure("souk_relay_lag_seconds"), 0, "nothing waits")
    shop.orders_until_killed(30)                # the broker is there: between telling and noting
    shop.server.restart()
    shop.order()
    shop.wait_told()

    faults = []
    relayed.check(suite, shop, broker.told(faults), least=150)
    suite.equal(faults, [], "persistent JSON with the event's name as routing key")
    shop.server.remove()


suite.main()
