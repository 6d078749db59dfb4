"""aiokafka in transactions: what readers see of them, fencing, and a group's offsets in them.
It asserts what a user sees, never a version number; groups and admin without transactions are elsewhere."""

import asyncio
import contextlib

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import ProducerFenced
from checks import BOOTSTRAP, WAIT_SECONDS, check, equal, name, same

GROUP = name("transactions-group")
RECORDS = 300


@contextlib.asynccontextmanager
async def started(client):
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def topic(kind):
    """A new topic of one partition."""
    title = name(f"transactions-{kind}")
    client = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await client.start()
    await client.create_topics([NewTopic(title, 1, 1)])
    await client.close()
    return title


def transactional(kind):
    return started(AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=name(kind)))


async def send(producer, to, values):
    sent = [await producer.send(to, value.encode(), partition=0) for value in values]
    await asyncio.gather(*sent)


async def send_plainly(to, values):
    async with started(AIOKafkaProducer(bootstrap_servers=BOOTSTRAP)) as producer:
        await send(producer, to, values)


async def finish(producer, commit):
    await (producer.commit_transaction() if commit else producer.abort_transaction())


def consumer(isolation, *topics, **settings):
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False} | settings
    return started(AIOKafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, isolation_level=isolation, **settings))


async def next_value(client):
    return (await asyncio.wait_for(client.getone(), WAIT_SECONDS)).value.decode()


async def read(of, isolation):
    """What a reader sees up to the record that `sees` puts at the end."""
    async with consumer(isolation) as client:
        client.assign([TopicPartition(of, 0)])
        values = []
        while (value := await next_value(client)) != "end":
            values.append(value)
        return values


async def sees(of, committed, everything):
    """Ends a topic by a record without a transaction and compares what readers of either kind see before it."""
    await send_plainly(of, ["end"])
    same(await read(of, "read_committed"), committed)
    same(await read(of, "read_uncommitted"), everything)


def numbered(prefix, count):
    return [f"{prefix} {number}" for number in range(count)]


@check
async def committed_records_are_seen_by_a_reader_of_committed_records__aborted_ones_never():
    to = await topic("visible")
    async with transactional("visible") as producer:
        for fate in ["commit", "abort", "commit again"]:
            await producer.begin_transaction()
            await send(producer, to, numbered(fate, 100))
            await finish(producer, fate != "abort")
    committed = numbered("commit", 100), numbered("commit again", 100)
    await sees(to, committed[0] + committed[1], committed[0] + numbered("abort", 100) + committed[1])


@check
async def a_reader_of_committed_records_waits_for_an_open_transaction():
    to = await topic("open")
    async with transactional("open") as producer, consumer("read_committed") as reader:
        reader.assign([TopicPartition(to, 0)])
        await producer.begin_transaction()
        await send(producer, to, ["open"])
        await send_plainly(to, ["after"])
        equal(await reader.getmany(timeout_ms=1000), {})
        await producer.commit_transaction()
        equal([await next_value(reader), await next_value(reader)], ["open", "after"])


@check
async def transactions_follow_one_another_without_pauses():
    to = await topic("follow")
    async with transactional("follow") as producer:
        for number in range(40):
            await producer.begin_transaction()
            await send(producer, to, [str(number)])
            await finish(producer, number % 2 == 0)
    await sees(to, [str(number) for number in range(0, 40, 2)], [str(number) for number in range(40)])


@check
async def a_second_producer_with_the_same_transactional_id_fences_the_first():
    to = await topic("fenced")
    async with transactional("fenced") as first:
        await first.begin_transaction()
        await send(first, to, ["lost"])
        async with transactional("fenced") as second:
            await second.begin_transaction()
            await send(second, to, ["kept"])
            with contextlib.suppress(ProducerFenced):
                await first.commit_transaction()
                raise AssertionError("the first committed")
            await second.commit_transaction()
    await sees(to, ["kept"], ["lost", "kept"])


async def copy(source, target, aborted=None):
    """Copies by a transaction for each batch, up to one that is aborted. Gives the place up to which it committed."""
    partition, place, number = TopicPartition(source, 0), 0, 0
    async with transactional("copy") as producer, consumer("read_committed", source, group_id=GROUP) as client:
        while place < RECORDS and number != aborted:
            records = (await client.getmany(timeout_ms=WAIT_SECONDS * 1000, max_records=40))[partition]
            number += 1
            await producer.begin_transaction()
            await send(producer, target, [f"copy of {record.value.decode()}" for record in records])
            offset = records[-1].offset + 1
            await producer.send_offsets_to_transaction({partition: offset}, GROUP)
            await finish(producer, number != aborted)
            place = place if number == aborted else offset
    return place


@check
async def offsets_of_a_group_go_with_the_transaction__and_each_input_has_one_output():
    source, target = await topic("input"), await topic("output")
    await send_plainly(source, numbered("input", RECORDS))
    place = await copy(source, target, aborted=3)
    assert 0 < place < RECORDS, place
    async with consumer("read_committed", group_id=GROUP) as client:
        equal(await client.committed(TopicPartition(source, 0)), place)
        equal(await copy(source, target), RECORDS)
        # The commit is answered before the group hears of it.
        while await client.committed(TopicPartition(source, 0)) != RECORDS:
            await asyncio.sleep(0.05)
    await send_plainly(target, ["end"])
    same(await read(target, "read_committed"), numbered("copy of input", RECORDS))
    assert len(await read(target, "read_uncommitted")) > RECORDS
