"""confluent-kafka (librdkafka) in groups of KIP-848 (group.protocol=consumer): members that join, leave and die, expressions, administration.
It asserts what a user sees, never a version number; classic groups are elsewhere."""

import os
import signal
import subprocess
import sys

from checks import BOOTSTRAP, check, equal, name, until
from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

PARTITIONS = 6
RECORDS = 300


def admin():
    return AdminClient({"bootstrap.servers": BOOTSTRAP})


def topic(kind, partitions=PARTITIONS):
    title = name(f"consumer-{kind}")
    # Its futures end with it.
    client = admin()
    client.create_topics([NewTopic(title, partitions, 1)])[title].result(30)
    return title


def send(to, partitions=PARTITIONS):
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for i in range(RECORDS):
        producer.produce(to, f"v{i}", partition=i % partitions)
    equal(producer.flush(30), 0)


def member(group, **settings):
    settings = {key.replace("_", "."): value for key, value in settings.items()}
    return Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": group,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        | settings
    )


def poll(members, seen):
    for client in members:
        for record in client.consume(500, 0.1):
            assert record.error() is None, record.error()
            seen.add((record.topic(), record.partition(), record.offset()))


def share(members, shares, seen=None):
    """Waits until the members have these numbers of partitions, each partition once."""
    seen = set() if seen is None else seen

    def done():
        poll(members, seen)
        assigned = [{(p.topic, p.partition) for p in client.assignment()} for client in members]
        return sorted(map(len, assigned)) == shares and len(set().union(*assigned)) == sum(shares)

    until(done, f"shares {shares}")


@check
def consumer_protocol__members_join_and_leave():
    title, group, seen, members = topic("members"), name("consumer-members"), set(), []
    send(title)
    for shares in [[6], [3, 3], [2, 2, 2]]:
        members.append(member(group))
        members[-1].subscribe([title])
        share(members, shares, seen)
    until(lambda: (poll(members, seen), len(seen))[1] == RECORDS, f"{RECORDS} records")
    for shares in [[3, 3], [6]]:
        members.pop(0).close()
        share(members, shares)
    members[0].close()


@check
def consumer_protocol__who_dies_is_replaced_after_its_session():
    title, group = topic("dies"), name("consumer-dies")
    script = (
        "import os, sys; sys.path.insert(0, os.environ['HERE']); "
        "from confluent_kafka_consumer_groups import member\n"
        "client = member(sys.argv[1]); client.subscribe([sys.argv[2]])\n"
        "while not client.assignment(): client.poll(0.1)\n"
        "print('has', flush=True)\n"
        "while True: client.poll(0.1)\n"
    )
    here = os.path.dirname(os.path.abspath(__file__))
    victim = subprocess.Popen(
        [sys.executable, "-c", script, group, title], stdout=subprocess.PIPE, env=os.environ | {"HERE": here}
    )
    equal(victim.stdout.readline().strip(), b"has")
    heir = member(group)
    heir.subscribe([title])
    share([heir], [3])
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    # A session is 45 s, and then comes a heartbeat.
    for _ in range(150):
        heir.poll(0.2)
    share([heir], [6])
    heir.close()


@check
def consumer_protocol__a_group_remembers_its_place():
    title, group, seen = topic("place"), name("consumer-place"), set()
    send(title)
    first = member(group, group_remote_assignor="range")
    first.subscribe([title])
    until(lambda: (poll([first], seen), len(seen))[1] == RECORDS, f"{RECORDS} records")
    first.commit(asynchronous=False)
    equal(first.committed([TopicPartition(title, 0)], timeout=10)[0].offset, RECORDS // PARTITIONS)
    first.close()
    second, again = member(group), set()
    second.subscribe([title])
    share([second], [PARTITIONS], again)
    poll([second], again)
    equal(again, set())
    second.close()


@check
def consumer_protocol__new_partitions_and_topics_of_an_expression_are_read():
    title, group = topic("grows", 2), name("consumer-grows")
    client, reader = admin(), member(group)
    reader.subscribe([f"^{title}.*"])
    share([reader], [2])
    client.create_partitions([NewPartitions(title, 3)])[title].result(30)
    share([reader], [3])
    client.create_topics([NewTopic(title + "-more", 2, 1)])[title + "-more"].result(30)
    share([reader], [5])
    reader.close()


@check
def consumer_protocol__a_static_member_comes_back_to_its_place():
    title, group = topic("static"), name("consumer-static")
    one, two = member(group, group_instance_id="one"), member(group, group_instance_id="two")
    for client in [one, two]:
        client.subscribe([title])
    share([one, two], [3, 3])
    before = sorted(p.partition for p in one.assignment())
    one.close()
    again = member(group, group_instance_id="one")
    again.subscribe([title])
    share([again, two], [3, 3])
    equal(sorted(p.partition for p in again.assignment()), before)
    again.close()
    two.close()


@check
def consumer_protocol__groups_are_listed_described_and_deleted():
    title, group, client = topic("administered", 2), name("consumer-administered"), admin()
    reader = member(group)
    reader.subscribe([title])
    share([reader], [2])
    listed = client.list_consumer_groups(types={ConsumerGroupType.CONSUMER}).result(30).valid
    assert group in [g.group_id for g in listed], listed
    described = client.describe_consumer_groups([group])[group].result(30)
    equal(described.state, ConsumerGroupState.STABLE)
    equal([len(m.assignment.topic_partitions) for m in described.members], [2])
    reader.close()
    until(
        lambda: client.describe_consumer_groups([group])[group].result(30).state == ConsumerGroupState.EMPTY,
        "the group empty",
    )
    client.delete_consumer_groups([group])[group].result(30)
    listed = client.list_consumer_groups().result(30).valid
    assert group not in [g.group_id for g in listed], listed
