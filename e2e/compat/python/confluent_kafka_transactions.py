"""confluent-kafka (librdkafka) in transactions: what readers see of them, fencing, and a group's offsets in them.
It asserts what a user sees, never a version number; groups and admin without transactions are elsewhere."""

from checks import BOOTSTRAP, check, equal, name, same, until
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

GROUP = name("transactions-group")
RECORDS = 300


def topic(kind):
    """A new topic of one partition."""
    title = name(f"transactions-{kind}")
    client = AdminClient({"bootstrap.servers": BOOTSTRAP})
    client.create_topics([NewTopic(title, 1, 1)])[title].result(30)
    return title


def transactional(kind):
    client = Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 0, "transactional.id": name(kind)})
    client.init_transactions(30)
    return client


def send(producer, to, values):
    for value in values:
        producer.produce(to, value, partition=0)
    equal(producer.flush(30), 0)


def finish(producer, commit):
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def consumer(group, isolation):
    return Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": isolation,
        }
    )


def poll(client, values, count=1000):
    records = client.consume(count, 0.2)
    for record in records:
        assert record.error() is None, record.error()
        values.append(record.value().decode())
    return records


def read(of, isolation):
    """What a reader sees up to the record that `sees` puts at the end."""
    client = consumer(GROUP + "-none", isolation)
    client.assign([TopicPartition(of, 0, 0)])
    values = []
    until(lambda: (poll(client, values), "end" in values)[1], f"the end of {of}, {isolation}")
    client.close()
    values.remove("end")
    return values


def sees(of, committed, everything):
    """Ends a topic by a record without a transaction and compares what readers of either kind see before it."""
    send(Producer({"bootstrap.servers": BOOTSTRAP}), of, ["end"])
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
    committed = numbered("commit", 100), numbered("commit again", 100)
    sees(to, committed[0] + committed[1], committed[0] + numbered("abort", 100) + committed[1])


@check
def a_reader_of_committed_records_waits_for_an_open_transaction():
    to, producer = topic("open"), transactional("open")
    producer.begin_transaction()
    send(producer, to, ["open"])
    send(Producer({"bootstrap.servers": BOOTSTRAP}), to, ["after"])
    reader, values = consumer(GROUP + "-none", "read_committed"), []
    reader.assign([TopicPartition(to, 0, 0)])
    for _ in range(5):
        poll(reader, values)
    equal(values, [])
    producer.commit_transaction(30)
    until(lambda: (poll(reader, values), len(values) == 2)[1], "both records")
    equal(values, ["open", "after"])
    reader.close()


@check
def transactions_follow_one_another_without_pauses():
    to, producer = topic("follow"), transactional("follow")
    for number in range(40):
        producer.begin_transaction()
        producer.produce(to, str(number), partition=0)
        # An abort drops what was not sent yet.
        equal(producer.flush(30), 0)
        finish(producer, number % 2 == 0)
    sees(to, [str(number) for number in range(0, 40, 2)], [str(number) for number in range(40)])


@check
def a_second_producer_with_the_same_transactional_id_fences_the_first():
    to, first = topic("fenced"), transactional("fenced")
    first.begin_transaction()
    send(first, to, ["lost"])
    second = transactional("fenced")
    second.begin_transaction()
    send(second, to, ["kept"])
    try:
        first.commit_transaction(30)
        raise AssertionError("the first committed")
    except KafkaException as error:
        equal(error.args[0].code(), KafkaError._FENCED)
        assert error.args[0].fatal(), error
    second.commit_transaction(30)
    sees(to, ["kept"], ["lost", "kept"])


def copy(source, target, aborted=None):
    """Copies by a transaction for each batch, up to one that is aborted. Gives the place up to which it committed."""
    producer, client = transactional("copy"), consumer(GROUP, "read_committed")
    client.subscribe([source])
    place, number = 0, 0
    while place < RECORDS and number != aborted:
        values, number = [], number + 1
        until(lambda values=values: poll(client, values, 40), "more of the input")
        producer.begin_transaction()
        send(producer, target, [f"copy of {value}" for value in values])
        offsets = client.position(client.assignment())
        producer.send_offsets_to_transaction(offsets, client.consumer_group_metadata(), 30)
        finish(producer, number != aborted)
        place = place if number == aborted else offsets[0].offset
    client.close()
    return place


@check
def offsets_of_a_group_go_with_the_transaction__and_each_input_has_one_output():
    source, target = topic("input"), topic("output")
    send(Producer({"bootstrap.servers": BOOTSTRAP}), source, numbered("input", RECORDS))
    place = copy(source, target, aborted=3)
    assert 0 < place < RECORDS, place
    client = consumer(GROUP, "read_committed")
    committed = lambda: client.committed([TopicPartition(source, 0)], timeout=30)[0].offset
    equal(committed(), place)
    equal(copy(source, target), RECORDS)
    equal(committed(), RECORDS)
    client.close()
    send(Producer({"bootstrap.servers": BOOTSTRAP}), target, ["end"])
    same(read(target, "read_committed"), numbered("copy of input", RECORDS))
    assert len(read(target, "read_uncommitted")) > RECORDS
