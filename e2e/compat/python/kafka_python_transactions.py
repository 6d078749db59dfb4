"""kafka-python in transactions: what readers see of them, fencing, and a group's offsets in them.
It asserts what a user sees, never a version number; groups and admin without transactions are elsewhere."""

from checks import BOOTSTRAP, check, equal, name, raises, same, until
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import ProducerFencedError
from kafka.structs import OffsetAndMetadata

GROUP = name("transactions-group")
RECORDS = 300


def topic(kind):
    """A new topic of one partition."""
    title = name(f"transactions-{kind}")
    client = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    client.create_topics([NewTopic(title, num_partitions=1, replication_factor=1)])
    client.close()
    return title


def transactional(kind):
    client = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=name(kind))
    client.init_transactions()
    return client


def send(producer, to, values):
    for sent in [producer.send(to, value.encode(), partition=0) for value in values]:
        sent.get(30)


def send_plainly(to, values):
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
    send(producer, to, values)
    producer.close()


def finish(producer, commit):
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


def consumer(isolation, *topics, **settings):
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False} | settings
    return KafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, isolation_level=isolation, **settings)


def poll(client, values):
    for batch in client.poll(timeout_ms=200).values():
        values.extend(record.value.decode() for record in batch)
    return values


def read(of, isolation):
    """What a reader sees up to the record that `sees` puts at the end."""
    client = consumer(isolation)
    client.assign([TopicPartition(of, 0)])
    values = []
    until(lambda: "end" in poll(client, values), f"the end of {of}, {isolation}")
    client.close()
    values.remove("end")
    return values


def sees(of, committed, everything):
    """Ends a topic by a record without a transaction and compares what readers of either kind see before it."""
    send_plainly(of, ["end"])
    same(read(of, "read_committed"), committed)
    same(read(of, "read_uncommitted"), everything)


def numbered(prefix, count):
    return [f"{prefix} {number}" for number in range(count)]


@check
def committed_records_are_seen_by_a_reader_of_committed_records__aborted_ones_never():
    to, producer = topic("visible"), transactional("visible")
    for fate in ["commit", "abort", "commit again"]:
        producer.begin_transaction()
        send(producer, to, numbered(fate, 100))
        finish(producer, fate != "abort")
    producer.close()
    committed = numbered("commit", 100), numbered("commit again", 100)
    sees(to, committed[0] + committed[1], committed[0] + numbered("abort", 100) + committed[1])


@check
def a_reader_of_committed_records_waits_for_an_open_transaction():
    to, producer = topic("open"), transactional("open")
    producer.begin_transaction()
    send(producer, to, ["open"])
    send_plainly(to, ["after"])
    reader, values = consumer("read_committed"), []
    reader.assign([TopicPartition(to, 0)])
    for _ in range(5):
        poll(reader, values)
    equal(values, [])
    producer.commit_transaction()
    until(lambda: len(poll(reader, values)) == 2, "both records")
    equal(values, ["open", "after"])
    reader.close()
    producer.close()


@check
def transactions_follow_one_another_without_pauses():
    to, producer = topic("follow"), transactional("follow")
    for number in range(40):
        producer.begin_transaction()
        send(producer, to, [str(number)])
        finish(producer, number % 2 == 0)
    producer.close()
    sees(to, [str(number) for number in range(0, 40, 2)], [str(number) for number in range(40)])


@check
def a_second_producer_with_the_same_transactional_id_fences_the_first():
    to, first = topic("fenced"), transactional("fenced")
    first.begin_transaction()
    send(first, to, ["lost"])
    second = transactional("fenced")
    second.begin_transaction()
    send(second, to, ["kept"])
    raises(ProducerFencedError, first.commit_transaction)
    second.commit_transaction()
    first.close()
    second.close()
    sees(to, ["kept"], ["lost", "kept"])


def copy(source, target, aborted=None):
    """Copies by a transaction for each batch, up to one that is aborted. Gives the place up to which it committed."""
    producer, partition = transactional("copy"), TopicPartition(source, 0)
    client = consumer("read_committed", source, group_id=GROUP, max_poll_records=40)
    place, number = 0, 0
    while place < RECORDS and number != aborted:
        values, number = [], number + 1
        until(lambda values=values: poll(client, values), "more of the input")
        producer.begin_transaction()
        send(producer, target, [f"copy of {value}" for value in values])
        offset = client.position(partition)
        producer.send_offsets_to_transaction({partition: OffsetAndMetadata(offset, "", -1)}, client.group_metadata())
        finish(producer, number != aborted)
        place = place if number == aborted else offset
    client.close()
    producer.close()
    return place


@check
def offsets_of_a_group_go_with_the_transaction__and_each_input_has_one_output():
    source, target = topic("input"), topic("output")
    send_plainly(source, numbered("input", RECORDS))
    place = copy(source, target, aborted=3)
    assert 0 < place < RECORDS, place
    client = consumer("read_committed", group_id=GROUP)
    equal(client.committed(TopicPartition(source, 0)), place)
    equal(copy(source, target), RECORDS)
    # The commit is answered before the group hears of it.
    until(lambda: client.committed(TopicPartition(source, 0)) == RECORDS, "the offset of the last transaction")
    client.close()
    send_plainly(target, ["end"])
    same(read(target, "read_committed"), numbered("copy of input", RECORDS))
    assert len(read(target, "read_uncommitted")) > RECORDS
