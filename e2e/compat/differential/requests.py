"""The requests that both brokers get, in this order, with the names of Kafka's own schemas in snake case.
It holds no expectation: what Apache Kafka answers is what is expected."""

TOPIC, OTHER, UNKNOWN = "differential", "differential-2", "no-such-topic"
GROUP = "differential-group"
LONG_NAME = "x" * 250
NO_ID = "00000000-0000-0000-0000-000000000000"
ANOTHER_ID = "6f1b0b4e-0000-4000-8000-0123456789ab"

# (title, API, version, fields), or None for a pause. A title is what differences.txt names.
SCRIPT = []


def ask(title, api, version, **fields):
    SCRIPT.append((title, api, version, fields))


def pause():
    """A broker hears of what the controller decided a moment after the client has its answer."""
    SCRIPT.append(None)


def topic(name, partitions=1, replicas=1, assignments=(), configs=()):
    return {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": replicas,
        "assignments": [{"partition_index": at, "broker_ids": list(ids)} for at, ids in assignments],
        "configs": [{"name": key, "value": value} for key, value in configs],
    }


def create(title, *topics, validate_only=False):
    ask(title, "CreateTopics", 7, topics=list(topics), timeout_ms=10_000, validate_only=validate_only)


def describe(title, kind, name, keys=None, version=4, synonyms=True):
    fields = {"resource_type": kind, "resource_name": name, "configuration_keys": keys}
    wishes = {"include_synonyms": synonyms}
    if version >= 3:
        wishes["include_documentation"] = True
    ask(title, "DescribeConfigs", version, resources=[fields], **wishes)


def alter(title, kind, name, *configs):
    configs = [{"name": key, "config_operation": op, "value": value} for key, op, value in configs]
    resource = {"resource_type": kind, "resource_name": name, "configs": configs}
    ask(title, "IncrementalAlterConfigs", 1, resources=[resource], validate_only=False)


def replace(title, *resources, version=2):
    resources = [
        {"resource_type": kind, "resource_name": name, "configs": [{"name": key, "value": value} for key, value in configs]}
        for kind, name, configs in resources
    ]
    ask(title, "AlterConfigs", version, resources=resources, validate_only=False)


def offsets(title, version, name, partition, timestamp, leader_epoch=-1):
    row = {"partition_index": partition, "timestamp": timestamp}
    if version >= 4:
        row["current_leader_epoch"] = leader_epoch
    fields = {"replica_id": -1, "topics": [{"name": name, "partitions": [row]}]}
    if version >= 2:
        fields["isolation_level"] = 0
    ask(title, "ListOffsets", version, **fields)


ask("api versions", "ApiVersions", 4, client_software_name="differential", client_software_version="1")

# Topics.
create("create", topic(TOPIC, 2, 1, configs=[("retention.ms", "3600000")]), topic(OTHER, -1, -1))
create("create again", topic(TOPIC))
create("create none of them", *[topic(f"bad-{count}", count) for count in (0, -2)])
create("create with impossible replicas", *[topic(f"replicas-{count}", 1, count) for count in (0, 4, -2, 32767)])
create("create under bad names", *[topic(name) for name in ("", ".", "..", "a/b", "a b", LONG_NAME)])
create("create under a name that collides", topic("differential_2"), topic("differential.2"))
create("create with an unknown setting", topic("bad-key", configs=[("retention", "1")]))
create("create with a bad value", topic("bad-value", configs=[("retention.ms", "soon")]))
create("create with a value out of bounds", topic("bad-bound", configs=[("retention.ms", "-2")]))
create("create with no value", topic("no-value", configs=[("retention.ms", None)]))
create("create with an unknown broker", topic("unknown-broker", -1, -1, [(0, [77])]))
create("create with the same broker twice", topic("same-broker", -1, -1, [(0, [1, 1])]))
create("create with a gap", topic("gap", -1, -1, [(1, [1])]))
create("create with assignment and count", topic("both", 1, 1, [(0, [1])]))
create("create with an empty assignment", topic("empty", -1, -1, [(0, [])]))
create("create twice in one request", topic("twice"), topic("twice"))
create("create, validating", topic("validated", 3, 1), topic(TOPIC), validate_only=True)
create("create an internal name", topic("__cluster_metadata"))

ask("metadata of a topic", "Metadata", 12, topics=[{"topic_id": NO_ID, "name": TOPIC}], allow_auto_topic_creation=False,
    include_topic_authorized_operations=False)
ask("metadata of an unknown topic", "Metadata", 12, topics=[{"topic_id": NO_ID, "name": UNKNOWN}],
    allow_auto_topic_creation=False, include_topic_authorized_operations=False)
ask("metadata of a bad name", "Metadata", 9, topics=[{"name": "a/b"}], allow_auto_topic_creation=True,
    include_cluster_authorized_operations=False, include_topic_authorized_operations=False)
ask("metadata of an unknown id", "Metadata", 12, topics=[{"topic_id": ANOTHER_ID, "name": None}],
    allow_auto_topic_creation=False, include_topic_authorized_operations=False)
ask("metadata of no topic", "Metadata", 12, topics=[], allow_auto_topic_creation=False, include_topic_authorized_operations=False)
ask("metadata with authorized operations", "Metadata", 12, topics=[{"topic_id": NO_ID, "name": TOPIC}],
    allow_auto_topic_creation=False, include_topic_authorized_operations=True)
ask("partitions of topics", "DescribeTopicPartitions", 0, topics=[{"name": UNKNOWN}, {"name": TOPIC}],
    response_partition_limit=2000, cursor=None)
ask("describe the cluster", "DescribeCluster", 1, include_cluster_authorized_operations=True, endpoint_type=1)
ask("describe the controllers", "DescribeCluster", 1, include_cluster_authorized_operations=False, endpoint_type=2)
ask("describe other endpoints", "DescribeCluster", 1, include_cluster_authorized_operations=False, endpoint_type=3)

ask("add partitions, fewer", "CreatePartitions", 3, timeout_ms=10_000, validate_only=False,
    topics=[{"name": TOPIC, "count": 1, "assignments": None}])
ask("add partitions, as many", "CreatePartitions", 3, timeout_ms=10_000, validate_only=False,
    topics=[{"name": TOPIC, "count": 2, "assignments": None}])
ask("add partitions, no topic", "CreatePartitions", 3, timeout_ms=10_000, validate_only=False,
    topics=[{"name": UNKNOWN, "count": 2, "assignments": None}])
ask("add partitions, too many assignments", "CreatePartitions", 3, timeout_ms=10_000, validate_only=False,
    topics=[{"name": TOPIC, "count": 3, "assignments": [{"broker_ids": [1]}, {"broker_ids": [1]}]}])
ask("add partitions, unknown broker", "CreatePartitions", 3, timeout_ms=10_000, validate_only=False,
    topics=[{"name": TOPIC, "count": 3, "assignments": [{"broker_ids": [77]}]}])
ask("delete unknown topics", "DeleteTopics", 6, timeout_ms=10_000,
    topics=[{"name": UNKNOWN, "topic_id": NO_ID}, {"name": None, "topic_id": ANOTHER_ID}])
ask("delete without saying which", "DeleteTopics", 6, timeout_ms=10_000, topics=[{"name": None, "topic_id": NO_ID}])

# Settings.
describe("settings of a topic", 2, TOPIC)
describe("settings of a topic, version 1", 2, TOPIC, version=1)
describe("settings of a topic, one key", 2, TOPIC, ["retention.ms", "nothing"])
describe("settings of a topic, no key", 2, TOPIC, [], synonyms=False)
describe("settings of an unknown topic", 2, UNKNOWN)
describe("settings of a bad name", 2, "a/b")
describe("settings of a broker", 4, "1")
describe("settings of all brokers", 4, "")
describe("settings of another broker", 4, "2")
describe("settings of no broker", 4, "one")
describe("settings of loggers", 8, "1", [])
describe("settings of another broker's loggers", 8, "2")
describe("settings of client metrics", 16, "subscription")
describe("settings of client metrics without a name", 16, "")
describe("settings of a group without a name", 32, "")

SET, DELETE, APPEND, SUBTRACT = range(4)
alter("change an unknown key", 2, TOPIC, ("retention", SET, "1"))
alter("change to a bad value", 2, TOPIC, ("retention.ms", SET, "soon"))
alter("change to no value", 2, TOPIC, ("retention.ms", SET, None))
alter("change one key twice", 2, TOPIC, ("retention.ms", SET, "1"), ("retention.ms", SET, "2"))
alter("change by an unknown operation", 2, TOPIC, ("retention.ms", 9, "1"))
alter("append to what is no list", 2, TOPIC, ("retention.ms", APPEND, "1"))
alter("append to a list", 2, TOPIC, ("cleanup.policy", APPEND, "compact"))
alter("subtract from a list", 2, TOPIC, ("cleanup.policy", SUBTRACT, "compact"))
alter("delete a key that is not set", 2, TOPIC, ("segment.ms", DELETE, None))
alter("change an unknown topic", 2, UNKNOWN, ("retention.ms", SET, "1"))
alter("change all brokers", 4, "", ("log.retention.ms", SET, "7200000"))
alter("change a broker", 4, "1", ("log.retention.ms", SET, "7300000"))
alter("change an unknown broker", 4, "77", ("log.retention.ms", SET, "1"))
alter("change no broker", 4, "one", ("log.retention.ms", SET, "1"))
alter("change what is read at the start", 4, "1", ("node.id", SET, "2"))
pause()
describe("settings of a broker that changed", 4, "1", ["log.retention.ms"])
describe("settings of all brokers that changed", 4, "")
describe("settings of a topic after the brokers", 2, OTHER, ["retention.ms"])
replace("replace the settings of a topic", (2, TOPIC, [("segment.ms", "7200000")]))
replace("replace the settings of a topic, version 0", (2, TOPIC, [("segment.ms", "7200000")]), version=0)
replace("replace with a bad value", (2, TOPIC, [("segment.ms", "soon")]))
replace("replace with no value", (2, TOPIC, [("segment.ms", None)]))
replace("replace one key twice", (2, TOPIC, [("segment.ms", "1"), ("segment.ms", "2")]))
# One resource twice is left out: Kafka 4.4 has no answer to it.
replace("replace the settings of an unknown topic", (2, UNKNOWN, []))
replace("replace the settings of a broker", (4, "1", []))
# Kafka does not let go of this one while it keeps eligible leader replicas.
replace("replace the settings of all brokers", (4, "", [("min.insync.replicas", "1")]))
pause()
describe("settings of a topic that were replaced", 2, TOPIC, ["retention.ms", "segment.ms"])

# Records.
for timestamp in (-1, -2, -3, -4, -5, -7, 0):
    offsets(f"offsets at {timestamp}", 10, TOPIC, 0, timestamp)
offsets("offsets, version 1", 1, TOPIC, 0, -1)
offsets("offsets of an unknown topic", 7, UNKNOWN, 0, -1)
offsets("offsets of an unknown partition", 7, TOPIC, 9, -1)
offsets("offsets in a later epoch", 7, TOPIC, 0, -1, leader_epoch=50)
ask("epoch ends", "OffsetForLeaderEpoch", 4, replica_id=-2, topics=[
    {"topic": TOPIC, "partitions": [{"partition": at, "current_leader_epoch": -1, "leader_epoch": 0} for at in (0, 9)]},
    {"topic": UNKNOWN, "partitions": [{"partition": 0, "current_leader_epoch": -1, "leader_epoch": 0}]}])
ask("delete records", "DeleteRecords", 2, timeout_ms=10_000, topics=[
    {"name": TOPIC, "partitions": [{"partition_index": 0, "offset": 5}, {"partition_index": 1, "offset": -1},
                                   {"partition_index": 9, "offset": 0}]},
    {"name": UNKNOWN, "partitions": [{"partition_index": 0, "offset": 0}]}])
ask("delete records before the first", "DeleteRecords", 2, timeout_ms=10_000,
    topics=[{"name": TOPIC, "partitions": [{"partition_index": 0, "offset": -2}]}])

# Groups.
ask("find a group's coordinator", "FindCoordinator", 4, key_type=0, coordinator_keys=[GROUP, ""])
ask("find a group's coordinator, version 0", "FindCoordinator", 0, key=GROUP)
ask("find a transaction's coordinator", "FindCoordinator", 4, key_type=1, coordinator_keys=["id"])
ask("describe unknown groups", "DescribeGroups", 5, groups=[GROUP, ""], include_authorized_operations=False)
ask("describe unknown groups, version 6", "DescribeGroups", 6, groups=[GROUP], include_authorized_operations=True)
ask("list groups", "ListGroups", 5, states_filter=[], types_filter=[])
ask("list groups of an unknown state", "ListGroups", 5, states_filter=["Nowhere"], types_filter=["nothing"])
ask("fetch offsets of an unknown group", "OffsetFetch", 8, require_stable=False,
    groups=[{"group_id": GROUP, "topics": [{"name": TOPIC, "partition_indexes": [0, 9]}]}])
ask("fetch all offsets of an unknown group", "OffsetFetch", 8, require_stable=False, groups=[{"group_id": GROUP, "topics": None}])
ask("fetch offsets, version 5", "OffsetFetch", 5, group_id=GROUP, topics=[{"name": TOPIC, "partition_indexes": [0]}])
ask("fetch offsets by an unknown member", "OffsetFetch", 9, require_stable=False,
    groups=[{"group_id": GROUP, "member_id": "member", "member_epoch": 3, "topics": None}])


def commit(title, generation, member, name, partition, metadata=""):
    row = {"partition_index": partition, "committed_offset": 5, "committed_leader_epoch": -1, "committed_metadata": metadata}
    ask(title, "OffsetCommit", 8, group_id=GROUP, generation_id_or_member_epoch=generation, member_id=member,
        group_instance_id=None, topics=[{"name": name, "partitions": [row]}])


commit("commit in an unknown generation", 5, "member", TOPIC, 0)
ask("beat in an unknown group", "Heartbeat", 4, group_id=GROUP, generation_id=1, member_id="member", group_instance_id=None)
ask("beat in no group", "Heartbeat", 4, group_id="", generation_id=1, member_id="member", group_instance_id=None)
ask("leave an unknown group", "LeaveGroup", 4, group_id=GROUP, members=[{"member_id": "member", "group_instance_id": None}])
ask("sync an unknown group", "SyncGroup", 4, group_id=GROUP, generation_id=1, member_id="member", group_instance_id=None, assignments=[])


def join(title, group, member="", session=10_000, protocols=("range",)):
    ask(title, "JoinGroup", 5, group_id=group, session_timeout_ms=session, rebalance_timeout_ms=10_000, member_id=member,
        group_instance_id=None, protocol_type="consumer", protocols=[{"name": name, "metadata": b""} for name in protocols])


join("join without a name", GROUP)
join("join as an unknown member", GROUP, "member")
join("join no group", "")
join("join for too short a time", GROUP, session=1)
join("join for too long a time", GROUP, session=2_000_000_000)
join("join without a protocol", GROUP, protocols=())
ask("delete unknown groups", "DeleteGroups", 2, groups_names=["never", ""])
ask("delete offsets of an unknown group", "OffsetDelete", 0, group_id="never",
    topics=[{"name": TOPIC, "partitions": [{"partition_index": 0}]}])
commit("commit as nobody", -1, "", TOPIC, 0)
commit("commit of an unknown partition", -1, "", TOPIC, 9)
commit("commit of an unknown topic", -1, "", UNKNOWN, 0)
commit("commit with too much metadata", -1, "", TOPIC, 0, "x" * 5000)
ask("fetch offsets that were committed", "OffsetFetch", 8, require_stable=True, groups=[{"group_id": GROUP, "topics": None}])
ask("describe a group of offsets", "DescribeGroups", 5, groups=[GROUP], include_authorized_operations=False)
ask("delete offsets", "OffsetDelete", 0, group_id=GROUP,
    topics=[{"name": TOPIC, "partitions": [{"partition_index": 0}, {"partition_index": 9}]}])

# Transactions.
ask("a producer id", "InitProducerId", 4, transactional_id=None, transaction_timeout_ms=60_000, producer_id=-1, producer_epoch=-1)
ask("a producer id for an empty name", "InitProducerId", 4, transactional_id="", transaction_timeout_ms=60_000, producer_id=-1,
    producer_epoch=-1)
ask("a producer id for too long", "InitProducerId", 4, transactional_id="long", transaction_timeout_ms=2_000_000_000, producer_id=-1,
    producer_epoch=-1)
ask("a producer id for no time", "InitProducerId", 4, transactional_id="short", transaction_timeout_ms=0, producer_id=-1,
    producer_epoch=-1)
ask("a producer id with an epoch alone", "InitProducerId", 4, transactional_id="odd", transaction_timeout_ms=60_000, producer_id=-1,
    producer_epoch=5)
ask("a producer id that is unknown", "InitProducerId", 4, transactional_id="never", transaction_timeout_ms=60_000, producer_id=4242,
    producer_epoch=5)
ask("end an unknown transaction", "EndTxn", 3, transactional_id="unknown", producer_id=1, producer_epoch=0, committed=True)
ask("add to an unknown transaction", "AddPartitionsToTxn", 3, v3_and_below_transactional_id="unknown", v3_and_below_producer_id=1,
    v3_and_below_producer_epoch=0, v3_and_below_topics=[{"name": TOPIC, "partitions": [0]}])
ask("describe unknown transactions", "DescribeTransactions", 0, transactional_ids=["unknown", ""])
ask("list transactions", "ListTransactions", 1, state_filters=[], producer_id_filters=[], duration_filter=-1)
ask("list transactions of an unknown state", "ListTransactions", 1, state_filters=["Nowhere"], producer_id_filters=[], duration_filter=-1)
ask("describe producers", "DescribeProducers", 0, topics=[{"name": TOPIC, "partition_indexes": [0, 9]},
                                                          {"name": UNKNOWN, "partition_indexes": [0]}])

# The cluster.
ask("elect preferred leaders", "ElectLeaders", 2, election_type=0, timeout_ms=10_000,
    topic_partitions=[{"topic": TOPIC, "partitions": [0, 9]}, {"topic": UNKNOWN, "partitions": [0]}])
ask("elect unclean leaders", "ElectLeaders", 2, election_type=1, timeout_ms=10_000, topic_partitions=[{"topic": TOPIC, "partitions": [0]}])
ask("elect all leaders", "ElectLeaders", 2, election_type=0, timeout_ms=10_000, topic_partitions=None)


def reassign(title, name, partition, replicas):
    rows = [{"partition_index": partition, "replicas": replicas}]
    ask(title, "AlterPartitionReassignments", 0, timeout_ms=10_000, topics=[{"name": name, "partitions": rows}])


reassign("move nothing", TOPIC, 0, [1])
reassign("move to an unknown broker", TOPIC, 0, [77])
reassign("move to nobody", TOPIC, 0, [])
reassign("move to one broker twice", TOPIC, 0, [1, 1])
reassign("stop a move that is none", TOPIC, 0, None)
reassign("move an unknown partition", TOPIC, 9, [1])
reassign("move an unknown topic", UNKNOWN, 0, [1])
ask("list moves", "ListPartitionReassignments", 0, timeout_ms=10_000, topics=None)
ask("list moves of an unknown topic", "ListPartitionReassignments", 0, timeout_ms=10_000,
    topics=[{"name": UNKNOWN, "partition_indexes": [0]}])
ask("directories", "DescribeLogDirs", 4, topics=[{"topic": TOPIC, "partitions": [0]}])
ask("another directory", "AlterReplicaLogDirs", 2, dirs=[{"path": "/nowhere", "topics": [{"name": TOPIC, "partitions": [0]}]}])
ask("the quorum", "DescribeQuorum", 2, topics=[{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}])
ask("the quorum of another topic", "DescribeQuorum", 2, topics=[{"topic_name": TOPIC, "partitions": [{"partition_index": 0}]}])
for version in (1, 2):
    ask(f"an unknown feature, version {version}", "UpdateFeatures", version, timeout_ms=10_000, validate_only=True,
        feature_updates=[{"feature": "no.such.feature", "max_version_level": 1, "upgrade_type": 1}])
    ask(f"a feature that is there, version {version}", "UpdateFeatures", version, timeout_ms=10_000, validate_only=True,
        feature_updates=[{"feature": "transaction.version", "max_version_level": 2, "upgrade_type": 1}])
    ask(f"a feature too new, version {version}", "UpdateFeatures", version, timeout_ms=10_000, validate_only=True,
        feature_updates=[{"feature": "transaction.version", "max_version_level": 9, "upgrade_type": 1}])
