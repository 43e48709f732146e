#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A client of RabbitMQ: one unit of work of the kind asked for, with sizes and names by the seed.

usage: amqp.py HOST USER:PASSWORD SEED KIND
Kinds: work publish fanout topic rpc delayed confirm large transaction quorum temporary get headers tls
idle; drain and forge are those of an attacker who has a user's password. Exit status 1: refused.
"""
import json
import random
import ssl
import sys
import time

import pika
from pika.exceptions import AMQPError

PERSISTENT = pika.BasicProperties(delivery_mode=2, content_type="application/json")
QUEUES = ["orders", "invoices", "mails"]


def body(size):
    return json.dumps({"id": random.randrange(1 << 30), "card": random.randrange(10**15),
                       "text": "x" * size}).encode()


def take(channel, queue, most):
    """Consumes what is there, at most so many, and acknowledges it."""
    taken = []
    for method, _, text in channel.consume(queue, inactivity_timeout=0.3):
        if method is None:
            break
        channel.basic_ack(method.delivery_tag)
        taken.append(text)
        if len(taken) >= most:
            break
    channel.cancel()
    return taken


def work(channel):
    queue = random.choice(QUEUES)
    for _ in range(random.randrange(5, 40)):
        channel.basic_publish("", queue, body(random.randrange(20, 2000)), PERSISTENT)
    channel.basic_qos(prefetch_count=10)
    take(channel, queue, random.randrange(5, 45))


def publish(channel):
    """Orders that nobody takes for now."""
    for _ in range(random.randrange(5, 15)):
        channel.basic_publish("", "orders", body(300), PERSISTENT)


def fanout(channel):
    queues = [channel.queue_declare("", exclusive=True).method.queue for _ in range(3)]
    for queue in queues:
        channel.queue_bind(queue, "news")
    for _ in range(10):
        channel.basic_publish("news", "", body(200))
    for queue in queues:
        take(channel, queue, 10)


def topic(channel):
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "events", "shop.*.paid")
    channel.queue_bind(queue, "events", "#.error")
    for key in ["shop.1.paid", "shop.2.open", "store.error", "store.full"] * 5:
        channel.basic_publish("events", key, body(100))
    take(channel, queue, 20)


def rpc(channel):
    reply = channel.queue_declare("", exclusive=True).method.queue
    for i in range(5):
        channel.basic_publish("", "questions", body(50),
                              pika.BasicProperties(reply_to=reply, correlation_id=str(i)))
    for method, properties, _ in channel.consume("questions", inactivity_timeout=0.3):
        if method is None:
            break
        channel.basic_publish("", properties.reply_to, b"yes",
                              pika.BasicProperties(correlation_id=properties.correlation_id))
        channel.basic_ack(method.delivery_tag)
    channel.cancel()
    take(channel, reply, 5)


def delayed(channel):
    """A dead letter's way: its time runs out, and it comes into another queue."""
    for _ in range(4):
        channel.basic_publish("", "waiting", body(80), pika.BasicProperties(expiration="200"))
    time.sleep(0.6)
    take(channel, "expired", 4)


def confirm(channel):
    channel.confirm_delivery()
    for _ in range(10):
        channel.basic_publish("", "invoices", body(300), PERSISTENT, mandatory=True)
    take(channel, "invoices", 10)


def large(channel):
    channel.basic_publish("", "files", b"\0" * random.randrange(100_000, 900_000), PERSISTENT)
    take(channel, "files", 3)


def transaction(channel):
    channel.tx_select()
    for _ in range(5):
        channel.basic_publish("", "orders", body(100), PERSISTENT)
    if random.random() < 0.5:
        channel.tx_commit()
    else:
        channel.tx_rollback()


def quorum(channel):
    for _ in range(random.randrange(5, 30)):
        channel.basic_publish("", "ledger", body(400), PERSISTENT)
    take(channel, "ledger", 30)


def temporary(channel):
    name = f"job{random.randrange(1000)}"
    channel.queue_declare(name, durable=True, arguments={"x-max-length": 20})
    channel.exchange_declare(name, "direct")
    channel.queue_bind(name, name, "go")
    for _ in range(5):
        channel.basic_publish(name, "go", body(30), PERSISTENT)
    channel.queue_purge(name)
    channel.exchange_delete(name)
    channel.queue_delete(name)


def get(channel):
    channel.queue_declare("orders", passive=True)
    for _ in range(5):
        method, _, _ = channel.basic_get("orders")
        if method:
            channel.basic_reject(method.delivery_tag, requeue=random.random() < 0.5)


def headers(channel):
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "amq.headers", arguments={"x-match": "all", "kind": "a"})
    for kind in "abab":
        channel.basic_publish("amq.headers", "", body(50), pika.BasicProperties(headers={"kind": kind}))
    take(channel, queue, 4)


def idle(channel):
    channel.connection.sleep(random.randrange(1, 3))


def drain(channel):
    for queue in QUEUES + ["ledger", "files"]:
        for text in take(channel, queue, 100_000):
            print(queue, text[:4000].decode(errors="replace"))


def forge(channel):
    """Takes all orders, and puts others in their place."""
    for text in take(channel, "orders", 100_000):
        order = json.loads(text)
        order["card"] = 0
        channel.basic_publish("", "orders", json.dumps(order).encode(), PERSISTENT)
    print("forged")


def main():
    host, account, seed, kind = sys.argv[1:5]
    random.seed(int(seed))
    name, password = account.split(":")
    options, port = None, 5672
    if kind == "tls":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        options, port, kind = pika.SSLOptions(context), 5671, "work"
    parameters = pika.ConnectionParameters(host, port, "/shop", pika.PlainCredentials(name, password),
                                           ssl_options=options, socket_timeout=10,
                                           blocked_connection_timeout=10)
    try:
        connection = pika.BlockingConnection(parameters)
        globals()[kind](connection.channel())
        connection.close()
    except AMQPError as e:
        sys.exit(f"amqp.py: {e!r}")


main()
