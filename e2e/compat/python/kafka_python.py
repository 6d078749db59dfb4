"""kafka-python against a broker: admin, produce with each codec, consume, groups, offsets.
It asserts what a user sees, never a version number."""

import threading

from checks import BOOTSTRAP, check, equal, main, name, raises, until
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import (
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from kafka.structs import OffsetAndMetadata

TOPIC = name("topic")
GROUP = name("group")
RECORDS = 300


def admin():
    return KafkaAdminClient(bootstrap_servers=BOOTSTRAP)


def consumer(*topics, **settings):
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False} | settings
    return KafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, **settings)


def read(client, count):
    """The next `count` records."""
    records = []

    def poll():
        for batch in client.poll(timeout_ms=500).values():
            records.extend(batch)
        return len(records) >= count

    until(poll, f"{count} records")
    return records


@check
def topics_are_created_listed_and_described():
    client = admin()
    client.create_topics([NewTopic(TOPIC, num_partitions=3, replication_factor=1)])
    until(lambda: TOPIC in client.list_topics(), "the topic in the list")
    described = client.describe_topics([TOPIC])[0]
    equal(len(described["partitions"]), 3)
    raises(TopicAlreadyExistsError, lambda: client.create_topics([NewTopic(TOPIC, 3, 1)]))
    client.close()


@check
def records_come_back_with_key_value_headers_and_time():
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all")
    headers = [("a", b"1"), ("a", b"2"), ("b", b"")]
    sent = producer.send(TOPIC, key=b"k", value=b"v", partition=0, headers=headers, timestamp_ms=1234567)
    equal(sent.get(30).offset, 0)
    producer.send(TOPIC, key=b"gone", value=None, partition=0).get(30)
    producer.close()
    client = consumer()
    client.assign([TopicPartition(TOPIC, 0)])
    first, second = read(client, 2)
    equal((first.key, first.value, first.timestamp), (b"k", b"v", 1234567))
    equal(list(first.headers), headers)
    equal((second.key, second.value), (b"gone", None))
    client.close()


@check
def every_codec_reads_back():
    for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
        producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", compression_type=codec, linger_ms=20)
        results = [
            producer.send(TOPIC, value=f"{codec}-{i}-{'x' * 100}".encode(), partition=1) for i in range(RECORDS)
        ]
        for result in results:
            result.get(30)
        producer.close()
    client = consumer()
    client.assign([TopicPartition(TOPIC, 1)])
    values = [record.value.decode() for record in read(client, 5 * RECORDS)]
    expected = [f"{c}-{i}-{'x' * 100}" for c in [None, "gzip", "snappy", "lz4", "zstd"] for i in range(RECORDS)]
    equal(values, expected)
    client.close()


@check
def an_idempotent_producer_keeps_the_order():
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, enable_idempotence=True, linger_ms=0, batch_size=100)
    results = [producer.send(TOPIC, value=str(i).encode(), partition=2) for i in range(RECORDS)]
    equal([result.get(30).offset for result in results], list(range(RECORDS)))
    producer.close()


@check
def offsets_are_found_by_place_and_by_time():
    client = consumer()
    partitions = [TopicPartition(TOPIC, p) for p in range(3)]
    equal(client.beginning_offsets(partitions), {p: 0 for p in partitions})
    ends = client.end_offsets(partitions)
    equal([ends[p] for p in partitions], [2, 5 * RECORDS, RECORDS])
    found = client.offsets_for_times({partitions[0]: 1234567, partitions[2]: 1})
    equal((found[partitions[0]].offset, found[partitions[0]].timestamp), (0, 1234567))
    equal(found[partitions[2]].offset, 0)
    client.close()


@check
def an_offset_out_of_range_begins_where_it_is_told():
    client = consumer(auto_offset_reset="latest")
    client.assign([TopicPartition(TOPIC, 0)])
    client.seek(TopicPartition(TOPIC, 0), 1_000_000)
    client.poll(timeout_ms=1000)
    until(lambda: (client.poll(timeout_ms=200), client.position(TopicPartition(TOPIC, 0)))[1] == 2, "the end")
    client.close()


@check
def a_group_shares_the_partitions_and_remembers_its_place():
    total = 2 + 5 * RECORDS + RECORDS
    seen, lock, stop = [], threading.Lock(), threading.Event()
    assigned = {}

    def member(number):
        client = consumer(TOPIC, group_id=GROUP)
        while not stop.is_set():
            for batch in client.poll(timeout_ms=200).values():
                with lock:
                    seen.extend((record.partition, record.offset) for record in batch)
            assigned[number] = {tp.partition for tp in client.assignment()}
            if assigned[number]:
                client.commit()
        client.close()

    threads = [threading.Thread(target=member, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(set(seen)) == total, f"{total} records")
        shared = lambda: len(assigned) == 2 and sorted(p for a in assigned.values() for p in a) == [0, 1, 2] and all(assigned.values())
        until(shared, "both members with partitions")
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    late = consumer(TOPIC, group_id=GROUP)
    until(lambda: (late.poll(timeout_ms=2000), late.assignment())[1], "an assignment")
    equal(late.committed(TopicPartition(TOPIC, 1)), 5 * RECORDS)
    equal(late.poll(timeout_ms=500), {})
    late.close()


@check
def commits_keep_their_metadata():
    client = consumer(group_id=GROUP + "-manual")
    partition = TopicPartition(TOPIC, 0)
    client.assign([partition])
    client.commit({partition: OffsetAndMetadata(1, "héllo", -1)})
    equal(client.committed(partition, metadata=True).metadata, "héllo")
    client.close()


@check
def groups_are_listed_described_and_deleted():
    client = admin()
    listed = {group["group_id"] if isinstance(group, dict) else group[0] for group in client.list_groups()}
    assert GROUP in listed, listed
    described = client.describe_groups([GROUP])
    assert "Empty" in str(described), described
    offsets = client.list_group_offsets({GROUP: None})
    assert str(5 * RECORDS) in str(offsets), offsets
    client.delete_groups([GROUP])
    listed = str(client.list_groups())
    assert f"'{GROUP}'" not in listed, listed
    client.close()


@check
def configuration_is_read_and_changed():
    client = admin()
    resource = ConfigResource(ConfigResourceType.TOPIC, TOPIC, {"retention.ms": "3600000"})
    client.alter_configs([resource])
    asked = ConfigResource(ConfigResourceType.TOPIC, TOPIC)
    until(lambda: "3600000" in str(client.describe_configs([asked])), "the new value")
    client.close()


@check
def partitions_are_added():
    client = admin()
    client.create_partitions({TOPIC: NewPartitions(5)})
    until(lambda: len(client.describe_topics([TOPIC])[0]["partitions"]) == 5, "five partitions")
    client.close()


@check
def what_is_too_large_or_unknown_is_refused():
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, max_request_size=8 << 20, acks="all")
    raises(MessageSizeTooLargeError, lambda: producer.send(TOPIC, b"x" * (2 << 20)).get(30))
    producer.close()
    client = admin()
    raises(UnknownTopicOrPartitionError, lambda: client.delete_topics([name("unknown")]))
    client.close()


@check
def a_deleted_topic_is_gone():
    client = admin()
    client.delete_topics([TOPIC])
    until(lambda: TOPIC not in client.list_topics(), "the topic gone")
    client.close()


if __name__ == "__main__":
    import kafka_python_transactions  # It registers checks, which come last.

    main()
