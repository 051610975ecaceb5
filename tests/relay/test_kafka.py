#!/usr/bin/env python3
"""Events told to Kafka: all of them, in order, through kills of the server and losses of the broker."""

import os
import re
import subprocess
import time

import relayed
from harness import Server, Suite
from kafka import Cluster
from relayed import Shop, until
from topics import TopicBroker

suite = Suite("kafka")
# Of every kind that has events; the relay asks for them too, but this cluster does not make topics when asked.
TOPICS = ["sc.domain." + name for name in (
    "address", "community", "order", "post", "product", "promotion", "report", "supplier", "tenant", "user", "webhook")]


@suite.case
def all_events_are_told_through_kills_and_losses():
    cluster = Cluster(TOPICS)
    shop = Shop("kafka", {"relay.kafka.brokers": cluster.address})
    shop.wait_told()
    told_early = len(cluster.told(TOPICS))
    suite.check(told_early > 15, f"told while it happens: {told_early}")

    cluster.down()
    for _ in range(20):
        shop.order()
    suite.check(shop.slowest < relayed.PATIENCE, "orders are placed without it")
    suite.check(shop.figure("souk_relay_lag_positions") > 0, "they wait in the log")
    shop.orders_until_killed(10)
    shop.server.restart()
    until(lambda: shop.figure("souk_relay_losses_total"), "the loss is noticed")
    until(lambda: shop.figure("souk_relay_up") == 0, "it is down")
    until(lambda: shop.figure("souk_relay_lag_seconds"), "the lag is told in seconds")
    shop.order()

    cluster.up()
    shop.wait_told()
    suite.equal(shop.figure("souk_relay_lag_seconds"), 0, "nothing waits")
    shop.orders_until_killed(30)                # the broker is there: between telling and noting
    shop.server.restart()
    shop.order()
    shop.wait_told()
    for line in ("the broker is lost", "the broker answers", "follows the log"):
        suite.check(line in shop.server.log_text(), f"the log says: {line}")

    relayed.check(suite, shop, cluster.told(TOPICS), least=150)
    shop.server.remove()
    cluster.close()


@suite.case
def what_is_refused_is_not_skipped():
    cluster = Cluster(TOPICS)
    shop = Shop("kafka", {"relay.kafka.brokers": cluster.address})
    shop.wait_told()
    cluster.refuse(4)
    shop.order()
    until(lambda: shop.figure("souk_relay_losses_total"), "the relay says so")
    for _ in range(5):
        shop.order()
    shop.wait_told()
    suite.check("uthoriz" in shop.server.log_text(), "the log says why")
    relayed.check(suite, shop, cluster.told(TOPICS), least=30)
    shop.server.remove()
    cluster.close()


@suite.case
def a_stop_and_a_restore_lose_nothing():
    cluster = Cluster(TOPICS)
    shop = Shop("kafka", {"relay.kafka.brokers": cluster.address})
    shop.wait_told()
    cluster.down()
    shop.order()
    began = time.monotonic()
    suite.equal(shop.server.stop(), 0, "it stops")
    suite.check(time.monotonic() - began < relayed.PATIENCE, "in bounded time")
    cluster.up()
    shop.server.restart()
    shop.wait_told()

    copy, slots, restored = (os.path.join(shop.server.directory, name) for name in ("copy", "slots", "restored"))
    shop.server.command(["backup", copy, "--slots", slots])
    shop.server.stop()
    shop.server.command(["verify"])             # what a relay notes is no row of the tables
    subprocess.run([shop.server.binary, "restore", copy, restored, "--slots", slots], check=True, stdout=subprocess.DEVNULL)
    shop.server.settings["server.key_file"] = shop.server.data + ".key"
    shop.server.data = restored
    shop.server.start()
    shop.log_in()                               # token keys stay behind
    shop.order()
    shop.wait_told()
    positions = [int(found) for found in re.findall(r'"follows the log","relay":"kafka","position":(\d+)', shop.server.log_text())]
    suite.check(positions[-1] > 10, f"a restored server goes on where the backup was: {positions}")
    relayed.check(suite, shop, cluster.told(TOPICS), least=20)
    shop.server.remove()
    cluster.close()


@suite.case
def missing_topics_are_made():
    broker = TopicBroker(existing=["sc.domain.order", "of.others"], forbidden=["sc.domain.post"])
    server = Server(settings={"relay.kafka.brokers": broker.address})
    until(lambda: "made a topic" in server.log_text(), f"topics are made:\n{server.log_tail()}")
    suite.equal(broker.made, {name: (3, -1) for name in TOPICS if name not in ("sc.domain.order", "sc.domain.post")},
                "with three partitions, and as many replicas as the cluster likes")
    until(lambda: re.search('"a topic is not made".*"topic":"sc.domain.post"', server.log_text()), "one is forbidden, and the log says so")
    suite.equal(server.client().get("//readyz", form=False).status, 200, "the server serves")
    server.remove()
    broker.close()


@suite.case
def what_is_configured_wrongly_is_refused():
    for option, word in (("no.such.property=1", "no.such.property"), ("x", "name=value")):
        relayed.refused(suite, {"relay.kafka.brokers": "127.0.0.1:1", "relay.kafka.options": option}, word)


suite.main()
