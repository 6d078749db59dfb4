"""Sends the requests of requests.py to Apache Kafka and to Kring and compares the answers field by field.

usage: compare.py KAFKA KRING DIFFERENCES      each broker as host:port

It prints each difference that no line of DIFFERENCES explains, and each line that explains none; the exit code says whether
there was one. It starts no broker."""

import base64
import json
import re
import socket
import struct
import sys
import time
import uuid

import kafka.protocol.admin
import kafka.protocol.consumer
import kafka.protocol.metadata
import kafka.protocol.producer

import requests

MODULES = (kafka.protocol.admin, kafka.protocol.consumer, kafka.protocol.metadata, kafka.protocol.producer)
WAIT_SECONDS = 30
# While a coordinator is being made, both brokers ask to be asked again; and a new topic has no leader yet.
ASK_AGAIN = {14, 15, 16, 5, 51}
ASKED_AGAIN = 100
PAUSE_SECONDS = 1

# Rows of a list are told apart by the first of these fields that they have, not by their place.
NAMES = (
    "name", "feature", "api_key", "resource_name", "topic_name", "topic", "group_id", "key", "member_id", "log_dir", "replica_id",
    "broker_id", "node_id", "transactional_id", "partition_index", "partition_id", "partition", "source", "topic_id",
)
# Of these it counts only whether there is something.
PRESENCE = {
    "topic_id", "cluster_id", "host", "port", "producer_id", "log_dir", "member_id", "total_bytes",
    "usable_bytes", "last_fetch_timestamp", "last_caught_up_timestamp", "replica_directory_id", "log_end_offset", "high_watermark",
    "finalized_features_epoch",
}
# Of these it counts whether they are null, empty or a text.
TEXTS = {"error_message", "documentation"}


def message(name):
    for module in MODULES:
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"kafka-python knows no {name}")


def build(kind, fields, version):
    values = {}
    for name, value in fields.items():
        field = kind._struct.fields[name]
        if value is not None and field.is_struct_array():
            value = [build(field.data_class, row, version) for row in value]
        elif value is not None and field.is_struct():
            value = build(field.data_class, value, version)
        elif name == "topic_id":
            value = uuid.UUID(value)
        values[name] = value
    return kind(version=version, **values)


class Broker:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), WAIT_SECONDS)
        self.correlation_id = 0

    def take(self, size):
        taken = b""
        while len(taken) < size:
            part = self.socket.recv(size - len(taken))
            if not part:
                raise ConnectionError("the broker closed the connection")
            taken += part
        return taken

    def ask(self, api, version, fields):
        self.correlation_id += 1
        request = build(message(api + "Request"), fields, version)
        request.with_header(correlation_id=self.correlation_id, client_id="differential")
        self.socket.sendall(request.encode(header=True, framed=True))
        (size,) = struct.unpack(">i", self.take(4))
        answer = self.take(size)
        return message(api + "Response").decode(answer, version=version, header=True).to_dict()


def errors(value):
    """Every error code in an answer."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "error_code":
                yield inner
            yield from errors(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from errors(inner)


def answer(address, connection, api, version, fields):
    """The answer and the connection, which a broker closes for what it does not take."""
    for _ in range(ASKED_AGAIN):
        connection = connection or Broker(address)
        try:
            got = connection.ask(api, version, fields)
        except ConnectionError:
            return {"closed": True}, None
        if not ASK_AGAIN.intersection(errors(got)):
            break
        time.sleep(0.1)
    return got, connection


def row_name(row, at):
    if not isinstance(row, dict):
        return str(at)
    named = [name for name in NAMES if row.get(name) is not None]
    for name in named:
        if row[name] != "":
            return "*" if name in PRESENCE else str(row[name])
    return '""' if named else str(at)


def rows(values):
    """The rows of a list by name; the second of a name is told apart."""
    named = {}
    for at, row in enumerate(values):
        name = first = row_name(row, at)
        count = 1
        while name in named:
            count += 1
            name = f"{first}#{count}"
        named[name] = row
    return named


def leaf(value, field):
    if isinstance(value, (dict, list)):
        return "something" if value else "empty"
    if field in TEXTS:
        return {None: "null", "": "empty"}.get(value, "a text")
    if field in PRESENCE:
        return value not in (None, "", -1, 0, requests.NO_ID)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def differences(path, kafka, kring, field=""):
    """Each field that differs, as one line; of a row that only one of them has, the row."""
    if isinstance(kafka, dict) and isinstance(kring, dict):
        for name in sorted(kafka.keys() | kring.keys()):
            yield from differences(f"{path}.{name}", kafka.get(name), kring.get(name), name)
    elif isinstance(kafka, list) and isinstance(kring, list):
        kafka, kring = rows(kafka), rows(kring)
        for name in sorted(kafka.keys() | kring.keys()):
            at = f"{path}[{name}]"
            if name not in kring:
                yield f"{at}: a row -> nothing"
            elif name not in kafka:
                yield f"{at}: nothing -> a row"
            else:
                yield from differences(at, kafka[name], kring[name], field)
    else:
        one, other = leaf(kafka, field), leaf(kring, field)
        if one != other:
            yield f"{path}: {json.dumps(one, default=str)} -> {json.dumps(other, default=str)}"


def explanations(path):
    """Pattern, as a compiled expression, and text of each line."""
    with open(path) as file:
        for line in file:
            text = line.rstrip("\n")
            if not text or text.startswith("#"):
                continue
            pattern, separator, reason = text.partition("  # ")
            if not separator or not reason.strip():
                raise SystemExit(f"compare.py: {path}: {text!r} has no reason; write PATTERN  # REASON")
            parts = (re.escape(part) for part in pattern.strip().split("*"))
            yield re.compile(".*".join(parts)), pattern.strip()


def main(kafka, kring, path):
    known = list(explanations(path))
    used = set()
    connections = {kafka: None, kring: None}
    found = explained = 0
    for step in requests.SCRIPT:
        if step is None:
            time.sleep(PAUSE_SECONDS)
            continue
        title, api, version, fields = step
        answers = []
        for address in (kafka, kring):
            got, connections[address] = answer(address, connections[address], api, version, fields)
            answers.append(got)
        for line in differences(title + ":", *answers):
            found += 1
            by = [pattern for expression, pattern in known if expression.fullmatch(line)]
            used.update(by)
            if by:
                explained += 1
            else:
                print(f"   {line}")
    unused = [pattern for _, pattern in known if pattern not in used]
    for pattern in unused:
        print(f"   explains nothing: {pattern}")
    asked = sum(step is not None for step in requests.SCRIPT)
    print(f"differential: {asked} requests, {found} differences, {explained} explained, {len(unused)} lines explain none")
    return 1 if found > explained or unused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
