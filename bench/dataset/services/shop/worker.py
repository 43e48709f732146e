# SPDX-License-Identifier: Apache-2.0
"""The worker of the shop: takes orders and reports from the queue, writes orders to the database.

A report is made by a shell command, which holds the product's name as the seller wrote it.
"""
import json
import os
import subprocess
import time

import psycopg2

import messages

DATA = "/var/lib/shop"


def stream_open():
    """Connects to the queue, and makes the stream and its consumer where they are not there yet."""
    queue = messages.Connection("worker", timeout=60)
    queue.request("$JS.API.STREAM.CREATE.SHOP", {
        "name": "SHOP", "subjects": ["orders", "reports"], "storage": "file", "retention": "limits",
        "max_msgs": 10000})
    queue.subscribe("worker.deliver", 1)
    queue.request("$JS.API.CONSUMER.DURABLE.CREATE.SHOP.worker", {"stream_name": "SHOP", "config": {
        "durable_name": "worker", "deliver_subject": "worker.deliver", "ack_policy": "explicit",
        "ack_wait": 20 * 10 ** 9, "max_deliver": 5}})
    return queue


def database_open():
    return psycopg2.connect(host=os.environ["DATABASE_HOST"], user="shop", dbname="shop",
                            password=os.environ["DATABASE_PASSWORD"], connect_timeout=5)


def write_order(database, order):
    with database, database.cursor() as cursor:
        cursor.execute("INSERT INTO orders (reference, customer, total, note) VALUES (%s, %s, 0, %s) "
                       "ON CONFLICT DO NOTHING", (order["reference"], order["user"], order["note"]))
        for product, count in order["items"].items():
            cursor.execute("UPDATE products SET stock = stock - %s WHERE id = %s RETURNING name, price", (count, product))
            name, price = cursor.fetchone()
            cursor.execute("INSERT INTO items VALUES (%s, %s, %s, %s)", (order["reference"], product, count, price))
            with open(DATA + "/sales.csv", "a") as file:
                file.write("%d,%s,%s,%s\n" % (order["reference"], name, count, price))
        cursor.execute("UPDATE orders SET total = (SELECT coalesce(sum(count * price), 0) FROM items "
                       "WHERE reference = %s) WHERE reference = %s", (order["reference"], order["reference"]))


def write_report(report):
    file = "%s/reports/%d.csv" % (DATA, report["reference"])
    command = "echo reference,product,count,price >{0}.new; grep -F ',{1}' {2} | sort -t, -k1n >>{0}.new; mv {0}.new {0}"
    subprocess.run(command.format(file, report["product"], DATA + "/sales.csv"), shell=True, check=False, timeout=30)


def work():
    queue = stream_open()
    database = database_open()
    while True:
        try:
            subject, reply, data = queue.next_message()
        except TimeoutError:
            queue.publish("worker.alive", b"")
            continue
        if subject == "orders":
            write_order(database, json.loads(data))
        elif subject == "reports":
            write_report(json.loads(data))
        queue.publish(reply, b"+ACK")


while True:
    try:
        work()
    except (OSError, psycopg2.Error, subprocess.SubprocessError) as error:
        print("worker:", error, flush=True)
        time.sleep(1)
