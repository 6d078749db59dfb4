"""aiokafka against a broker: produce, consume, groups and admin with the oldest versions of the protocol that are in use.
It asserts what a user sees, never a version number."""

import asyncio
import contextlib

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError
from checks import BOOTSTRAP, WAIT_SECONDS, check, equal, main, name

TOPIC = name("topic")
GROUP = name("group")
RECORDS = 300


@contextlib.asynccontextmanager
async def started(client):
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


def consumer(*topics, **settings):
    settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False} | settings
    return started(AIOKafkaConsumer(*topics, bootstrap_servers=BOOTSTRAP, **settings))


def producer(**settings):
    return started(AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, **settings))


@contextlib.asynccontextmanager
async def admin():
    client = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def read(client, count):
    return [await asyncio.wait_for(client.getone(), WAIT_SECONDS) for _ in range(count)]


async def until(condition, what):
    for _ in range(WAIT_SECONDS * 20):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {WAIT_SECONDS} s: {what}")


@check
async def topics_are_created_and_listed():
    async with admin() as client:
        response = await client.create_topics([NewTopic(TOPIC, 3, 1)])
        equal(response.topic_errors[0][1], 0)
        again = await client.create_topics([NewTopic(TOPIC, 3, 1)])
        equal(again.topic_errors[0][1], TopicAlreadyExistsError.errno)

        async def listed():
            return TOPIC in await client.list_topics()

        await until(listed, "the topic in the list")


@check
async def every_codec_reads_back():
    codecs = [None, "gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        async with producer(compression_type=codec, linger_ms=5, acks="all") as client:
            sent = [await client.send(TOPIC, f"{codec}-{i}".encode(), partition=0) for i in range(RECORDS)]
            await asyncio.gather(*sent)
    async with consumer() as client:
        client.assign([TopicPartition(TOPIC, 0)])
        values = [record.value.decode() for record in await read(client, len(codecs) * RECORDS)]
    equal(values, [f"{codec}-{i}" for codec in codecs for i in range(RECORDS)])


@check
async def an_idempotent_producer_keeps_the_order():
    async with producer(enable_idempotence=True) as client:
        sent = [await client.send(TOPIC, str(i).encode(), partition=1) for i in range(RECORDS)]
        offsets = [record.offset for record in await asyncio.gather(*sent)]
    equal(offsets, list(range(RECORDS)))


@check
async def headers_nulls_and_times_come_back():
    headers = [("a", b"1"), ("a", b"2")]
    async with producer() as client:
        await client.send_and_wait(TOPIC, None, key=b"k", partition=2, headers=headers, timestamp_ms=77)
    async with consumer() as client:
        client.assign([TopicPartition(TOPIC, 2)])
        record = (await read(client, 1))[0]
        equal((record.key, record.value, list(record.headers), record.timestamp), (b"k", None, headers, 77))
        found = await client.offsets_for_times({TopicPartition(TOPIC, 2): 50})
        equal(found[TopicPartition(TOPIC, 2)].offset, 0)
        ends = await client.end_offsets([TopicPartition(TOPIC, 1)])
        equal(ends, {TopicPartition(TOPIC, 1): RECORDS})


@check
async def a_group_shares_the_partitions_and_remembers_its_place():
    total = 5 * RECORDS + RECORDS + 1
    seen = set()

    async def member(client):
        async for record in client:
            seen.add((record.partition, record.offset))

    async with consumer(TOPIC, group_id=GROUP) as one, consumer(TOPIC, group_id=GROUP) as two:
        tasks = [asyncio.create_task(member(client)) for client in (one, two)]

        async def shared():
            return len(seen) == total and {len(one.assignment()), len(two.assignment())} == {1, 2}

        await until(shared, f"{total} records and both members with partitions")
        for task in tasks:
            task.cancel()
        await one.commit()
        await two.commit()
    async with consumer(TOPIC, group_id=GROUP) as late:
        equal(await late.committed(TopicPartition(TOPIC, 1)), RECORDS)
        equal(await late.getmany(timeout_ms=500), {})


@check
async def groups_and_configuration_are_described():
    async with admin() as client:
        groups = await client.list_consumer_groups()
        assert GROUP in [group[0] for group in groups], groups
        described = await client.describe_consumer_groups([GROUP])
        assert "Empty" in str(described), described
        offsets = await client.list_consumer_group_offsets(GROUP)
        equal(offsets[TopicPartition(TOPIC, 1)].offset, RECORDS)
        configs = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC)])
        assert "retention.ms" in str(configs)
        await client.create_partitions({TOPIC: NewPartitions(4)})

        async def four():
            return len((await client.describe_topics([TOPIC]))[0]["partitions"]) == 4

        await until(four, "four partitions")


@check
async def a_deleted_topic_is_gone():
    async with admin() as client:
        await client.delete_topics([TOPIC])

        async def gone():
            return TOPIC not in await client.list_topics()

        await until(gone, "the topic gone")


if __name__ == "__main__":
    import aiokafka_transactions  # It registers checks, which come last.

    main()
