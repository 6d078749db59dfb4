"""confluent-kafka (librdkafka) against a broker: admin, produce with each codec, consume, groups of each kind.
It asserts what a user sees, never a version number."""

from checks import BOOTSTRAP, check, equal, main, name, raises, until
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

TOPIC = name("topic")
GROUP = name("group")
RECORDS = 500
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def admin():
    return AdminClient({"bootstrap.servers": BOOTSTRAP})


def results(futures):
    return {key: future.result(30) for key, future in futures.items()}


def consumer(group=GROUP + "-none", **settings):
    settings = {key.replace("_", "."): value for key, value in settings.items()}
    return Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        | settings
    )


def read(client, count):
    records = []

    def poll():
        for record in client.consume(1000, 0.2):
            assert record.error() is None, record.error()
            records.append(record)
        return len(records) >= count

    until(poll, f"{count} records")
    return records


def send(records, **settings):
    """Sends (partition, key, value) and gives the offsets in the order of sending."""
    delivered = {}
    settings = {key.replace("_", "."): value for key, value in settings.items()}
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 5} | settings)
    for number, (partition, key, value) in enumerate(records):

        def delivery(error, record, number=number):
            delivered[number] = error or record.offset()

        producer.produce(TOPIC, partition=partition, key=key, value=value, on_delivery=delivery)
        producer.poll(0)
    equal(producer.flush(30), 0)
    return [delivered[number] for number in range(len(delivered))]


def error_of(function):
    try:
        function()
    except KafkaException as error:
        return error.args[0].code()
    return None


@check
def topics_are_created_listed_and_described():
    client = admin()
    results(client.create_topics([NewTopic(TOPIC, 3, 1)]))
    until(lambda: TOPIC in client.list_topics(timeout=10).topics, "the topic in the list")
    described = results(client.describe_topics(TopicCollection([TOPIC])))[TOPIC]
    equal([p.id for p in described.partitions], [0, 1, 2])
    assert str(described.topic_id) not in ("", "AAAAAAAAAAAAAAAAAAAAAA"), described.topic_id
    again = error_of(lambda: results(client.create_topics([NewTopic(TOPIC, 3, 1)])))
    equal(again, KafkaError.TOPIC_ALREADY_EXISTS)
    cluster = client.describe_cluster().result(30)
    assert cluster.cluster_id and cluster.controller is not None


@check
def every_codec_reads_back():
    for codec in CODECS:
        sent = [(0, f"k{i}", f"{codec}-{i}-{'x' * 100}") for i in range(RECORDS)]
        offsets = send(sent, compression_codec=codec)
        equal(sorted(offsets), offsets)
    client = consumer()
    client.assign([TopicPartition(TOPIC, 0, 0)])
    values = [record.value().decode() for record in read(client, len(CODECS) * RECORDS)]
    equal(values, [f"{codec}-{i}-{'x' * 100}" for codec in CODECS for i in range(RECORDS)])
    client.close()


@check
def headers_nulls_and_times_come_back():
    headers = [("a", b"1"), ("a", b"2"), ("n", None)]
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    producer.produce(TOPIC, partition=1, key=None, value=None, headers=headers, timestamp=77)
    equal(producer.flush(30), 0)
    client = consumer()
    client.assign([TopicPartition(TOPIC, 1, 0)])
    record = read(client, 1)[0]
    equal((record.key(), record.value(), record.headers(), record.timestamp()[1]), (None, None, headers, 77))
    client.close()


@check
def each_kind_of_acknowledgement_works():
    for acks in ["all", "1", "0"]:
        offsets = send([(1, None, f"acks {acks}")], acks=acks)
        equal(len(offsets), 1)
    offsets = send([(2, None, str(i)) for i in range(RECORDS)], enable_idempotence=True)
    equal(offsets, list(range(RECORDS)))


@check
def offsets_are_found_by_place_and_by_time():
    client = consumer()
    equal(client.get_watermark_offsets(TopicPartition(TOPIC, 2), timeout=10), (0, RECORDS))
    for time, expected in [(70, 0), (78, 1), (1 << 60, -1)]:
        found = client.offsets_for_times([TopicPartition(TOPIC, 1, time)], timeout=10)
        equal(found[0].offset, expected)
    client.close()
    asked = {TopicPartition(TOPIC, 2): OffsetSpec.max_timestamp(), TopicPartition(TOPIC, 0): OffsetSpec.latest()}
    administrator = admin()
    listed = results(administrator.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED))
    equal({tp.partition: info.offset for tp, info in listed.items()}[0], len(CODECS) * RECORDS)


def commit_all(members):
    for member in members:
        # A member that got its partitions last has read nothing in this generation.
        code = error_of(lambda member=member: member.commit(asynchronous=False))
        assert code in (None, KafkaError._NO_OFFSET), code


def group_shares(group, **settings):
    members = [consumer(group, **settings) for _ in range(2)]
    for member in members:
        member.subscribe([TOPIC])
    seen, closed = set(), 0

    def poll():
        for member in members[closed:]:
            for record in member.consume(500, 0.1):
                assert record.error() is None, record.error()
                seen.add((record.partition(), record.offset()))
        return len(seen)

    total = len(CODECS) * RECORDS + 4 + RECORDS
    until(lambda: poll() == total, f"{total} records, saw {len(seen)}")
    shares = lambda: sorted(len(member.assignment()) for member in members)
    commit_all(members)
    until(lambda: (poll(), shares())[1] == [1, 2], "both members with partitions")
    commit_all(members)
    members[0].close()
    closed = 1
    until(lambda: (poll(), len(members[1].assignment()))[1] == 3, "the other member with everything")
    equal(members[1].committed([TopicPartition(TOPIC, 2)], timeout=10)[0].offset, RECORDS)
    members[1].close()


@check
def a_group_shares_the_partitions_and_remembers_its_place():
    group_shares(GROUP)


@check
def a_cooperative_group_does_too():
    group_shares(GROUP + "-cooperative", partition_assignment_strategy="cooperative-sticky")


@check
def a_static_member_comes_back_to_its_place():
    settings = {"group_instance_id": "one", "session_timeout_ms": 30000}
    first = consumer(GROUP + "-static", **settings)
    first.subscribe([TOPIC])
    until(lambda: (first.poll(0.2), first.assignment())[1], "an assignment")
    client = admin()
    before = results(client.describe_consumer_groups([GROUP + "-static"]))[GROUP + "-static"]
    first.close()
    second = consumer(GROUP + "-static", **settings)
    second.subscribe([TOPIC])
    until(lambda: (second.poll(0.2), second.assignment())[1], "the assignment again")
    after = results(client.describe_consumer_groups([GROUP + "-static"]))[GROUP + "-static"]
    equal(after.state.name, "STABLE")
    equal([m.group_instance_id for m in after.members], ["one"])
    assert before.members[0].member_id != after.members[0].member_id
    second.close()


@check
def groups_are_listed_described_altered_and_deleted():
    client = admin()
    listed = client.list_consumer_groups().result(30)
    equal(listed.errors, [])
    states = {group.group_id: group.state.name for group in listed.valid}
    equal(states.get(GROUP), "EMPTY")
    described = results(client.describe_consumer_groups([GROUP]))[GROUP]
    equal((described.state.name, described.members), ("EMPTY", []))
    asked = ConsumerGroupTopicPartitions(GROUP, [TopicPartition(TOPIC, 2)])
    offsets = results(client.list_consumer_group_offsets([asked]))[GROUP]
    equal(offsets.topic_partitions[0].offset, RECORDS)
    altered = ConsumerGroupTopicPartitions(GROUP, [TopicPartition(TOPIC, 2, 7)])
    results(client.alter_consumer_group_offsets([altered]))
    offsets = results(client.list_consumer_group_offsets([asked]))[GROUP]
    equal(offsets.topic_partitions[0].offset, 7)
    results(client.delete_consumer_groups([GROUP]))
    states = {group.group_id for group in client.list_consumer_groups().result(30).valid}
    assert GROUP not in states, states


@check
def configuration_is_read_and_changed():
    client = admin()
    entry = ConfigEntry("retention.ms", "3600000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
    results(client.incremental_alter_configs([resource]))
    asked = ConfigResource(ResourceType.TOPIC, TOPIC)
    read_back = lambda: next(iter(results(client.describe_configs([asked])).values()))
    until(lambda: read_back()["retention.ms"].value == "3600000", "the new value")
    equal(read_back()["cleanup.policy"].value, "delete")
    wrong = ConfigEntry("retention.ms", "soon", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[wrong])
    equal(error_of(lambda: results(client.incremental_alter_configs([resource]))), KafkaError.INVALID_CONFIG)


@check
def records_are_deleted():
    client = admin()
    deleted = results(client.delete_records([TopicPartition(TOPIC, 2, 100)]))
    equal([info.low_watermark for info in deleted.values()], [100])
    reader = consumer()
    until(lambda: reader.get_watermark_offsets(TopicPartition(TOPIC, 2), timeout=10)[0] == 100, "the new start")
    reader.assign([TopicPartition(TOPIC, 2, 0)])
    equal(read(reader, RECORDS - 100)[0].offset(), 100)
    reader.close()


@check
def partitions_are_added():
    client = admin()
    results(client.create_partitions([NewPartitions(TOPIC, 5)]))
    until(lambda: len(client.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions) == 5, "five partitions")
    equal(error_of(lambda: results(client.create_partitions([NewPartitions(TOPIC, 2)]))), KafkaError.INVALID_PARTITIONS)


@check
def what_is_too_large_is_refused():
    offsets = send([(0, None, b"x" * (2 << 20))], message_max_bytes=8 << 20)
    equal(offsets[0].code(), KafkaError.MSG_SIZE_TOO_LARGE)


@check
def a_deleted_topic_is_gone():
    client = admin()
    results(client.delete_topics([TOPIC]))
    until(lambda: TOPIC not in client.list_topics(timeout=10).topics, "the topic gone")
    raises(KafkaException, lambda: results(client.delete_topics([name("unknown")])))


if __name__ == "__main__":
    import confluent_kafka_consumer_groups  # These register checks, which come last.
    import confluent_kafka_transactions

    main()
