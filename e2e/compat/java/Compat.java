import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

/**
 * Kafka's own Java client against a broker: producer, consumer with classic groups, and every part of its admin client
 * that a cluster without security has; transactions are apart. It asserts what a user sees, never a version number.
 */
public final class Compat {
    private static final String TOPIC = Checks.name("topic");
    private static final String GROUP = Checks.name("group");
    private static final int RECORDS = 500;
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int TOTAL = CODECS.size() * RECORDS + 2 + RECORDS;

    private Compat() {}

    public static void main(String[] arguments) {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "error");
        Checks checks = new Checks();
        checks.add("topics are created, listed and described", Compat::topics);
        checks.add("records of each codec come back", Compat::codecs);
        checks.add("headers, nulls and times come back", Compat::headers);
        checks.add("an idempotent producer keeps the order", Compat::idempotent);
        checks.add("offsets are found by place and by time", Compat::offsets);
        checks.add("a consumer without a place begins where it is told", Compat::outOfRange);
        checks.add("a group shares the partitions and remembers its place", () -> group(GROUP, RangeAssignor.class));
        checks.add("a cooperative group does too",
            () -> group(GROUP + "-cooperative", CooperativeStickyAssignor.class));
        checks.add("a static member comes back to its place", Compat::staticMember);
        checks.add("groups are listed, described, altered and deleted", Compat::groups);
        checks.add("configuration is read, changed and checked", Compat::configuration);
        checks.add("records are deleted", Compat::deleteRecords);
        checks.add("partitions are added, elected, reassigned and measured", Compat::partitions);
        checks.add("the cluster is described", Compat::cluster);
        checks.add("what is too large, unknown or invalid is refused", Compat::refusals);
        checks.add("a deleted topic is gone and may come again", Compat::deletedTopic);
        Transactions.add(checks);
        ConsumerGroups.add(checks);
        checks.run();
    }

    static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", Checks.BOOTSTRAP));
    }

    static KafkaProducer<String, String> producer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", Checks.BOOTSTRAP, "linger.ms", 5));
        all.putAll(settings);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", Checks.BOOTSTRAP,
            "auto.offset.reset", "earliest", "enable.auto.commit", false, "heartbeat.interval.ms", 200));
        all.putAll(settings);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count)
            throws Exception {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        Checks.until(count + " records", () -> {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
            return records.size() >= count;
        });
        return records;
    }

    private static TopicPartition partition(int number) {
        return new TopicPartition(TOPIC, number);
    }

    private static void topics() throws Exception {
        try (Admin admin = admin()) {
            NewTopic topic = new NewTopic(TOPIC, 3, (short) 1).configs(Map.of("max.message.bytes", "1000000"));
            CreateTopicsResult created = admin.createTopics(List.of(topic));
            created.all().get();
            Checks.equal(created.numPartitions(TOPIC).get(), 3);
            Checks.equal(created.config(TOPIC).get().get("max.message.bytes").value(), "1000000");
            Checks.fails(admin.createTopics(List.of(topic)).all(), TopicExistsException.class);
            CreateTopicsOptions check = new CreateTopicsOptions().validateOnly(true);
            NewTopic other = new NewTopic(TOPIC + "-other", Optional.empty(), Optional.empty());
            admin.createTopics(List.of(other), check).all().get();
            Checks.until("the topic in the list", () -> admin.listTopics().names().get().contains(TOPIC));
            Checks.expect(!admin.listTopics().names().get().contains(TOPIC + "-other"), "no topic that was only checked");
            TopicDescription byName = admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC);
            Checks.equal(byName.partitions().size(), 3);
            Checks.equal(byName.topicId(), created.topicId(TOPIC).get());
        }
    }

    private static void codecs() throws Exception {
        for (String codec : CODECS) {
            try (KafkaProducer<String, String> producer = producer(Map.of("compression.type", codec))) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int i = 0; i < RECORDS; i++) {
                    sent.add(producer.send(new ProducerRecord<>(TOPIC, 0, "k" + i, codec + " " + i)));
                }
                for (Future<RecordMetadata> future : sent) {
                    future.get();
                }
            }
        }
        try (KafkaConsumer<String, String> consumer = consumer(Map.of("check.crcs", true))) {
            consumer.assign(List.of(partition(0)));
            List<String> values = read(consumer, CODECS.size() * RECORDS).stream().map(ConsumerRecord::value).toList();
            Checks.equal(values, CODECS.stream()
                .flatMap(codec -> IntStream.range(0, RECORDS).mapToObj(i -> codec + " " + i)).toList());
        }
    }

    private static void headers() throws Exception {
        try (KafkaProducer<String, String> producer = producer(Map.of("acks", "1", "enable.idempotence", false))) {
            ProducerRecord<String, String> record = new ProducerRecord<>(TOPIC, 1, 77L, "k", (String) null);
            record.headers().add("a", "1".getBytes()).add("a", "2".getBytes()).add(new RecordHeader("n", (byte[]) null));
            Checks.equal(producer.send(record).get().offset(), 0L);
            producer.send(new ProducerRecord<>(TOPIC, 1, 78L, null, "v")).get();
        }
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            consumer.assign(List.of(partition(1)));
            ConsumerRecord<String, String> first = read(consumer, 2).get(0);
            Checks.equal(first.value(), null);
            Checks.equal(first.timestamp(), 77L);
            Checks.equal(first.headers().toArray().length, 3);
            Checks.equal(first.headers().lastHeader("n").value(), null);
            Checks.expect(first.leaderEpoch().orElse(-1) >= 0, "a leader epoch");
        }
    }

    private static void idempotent() throws Exception {
        Map<String, Object> settings = Map.of("enable.idempotence", true, "linger.ms", 0, "batch.size", 50);
        try (KafkaProducer<String, String> producer = producer(settings)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < RECORDS; i++) {
                sent.add(producer.send(new ProducerRecord<>(TOPIC, 2, null, "" + i)));
            }
            for (int i = 0; i < RECORDS; i++) {
                Checks.equal(sent.get(i).get().offset(), (long) i);
            }
        }
    }

    private static long listed(Admin admin, int partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(partition(partition), spec)).all().get().get(partition(partition)).offset();
    }

    private static void offsets() throws Exception {
        try (Admin admin = admin()) {
            Checks.equal(listed(admin, 1, OffsetSpec.earliest()), 0L);
            Checks.equal(listed(admin, 1, OffsetSpec.latest()), 2L);
            Checks.equal(listed(admin, 1, OffsetSpec.maxTimestamp()), 1L);
            Checks.equal(listed(admin, 1, OffsetSpec.forTimestamp(70)), 0L);
            Checks.equal(listed(admin, 1, OffsetSpec.forTimestamp(78)), 1L);
            Checks.equal(listed(admin, 1, OffsetSpec.forTimestamp(79)), -1L);
        }
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            Checks.equal(consumer.endOffsets(List.of(partition(2))).get(partition(2)), (long) RECORDS);
            Checks.equal(consumer.offsetsForTimes(Map.of(partition(1), 78L)).get(partition(1)).offset(), 1L);
        }
    }

    private static void outOfRange() throws Exception {
        try (KafkaConsumer<String, String> consumer = consumer(Map.of("auto.offset.reset", "none"))) {
            consumer.assign(List.of(partition(1)));
            consumer.seek(partition(1), 1_000_000);
            Checks.until("OffsetOutOfRangeException", () -> {
                try {
                    consumer.poll(Duration.ofMillis(200));
                    return false;
                } catch (org.apache.kafka.clients.consumer.OffsetOutOfRangeException expected) {
                    return true;
                }
            });
        }
    }

    private static void group(String group, Class<?> assignor) throws Exception {
        Map<String, Object> settings = Map.of("group.id", group, "partition.assignment.strategy", assignor.getName());
        Set<String> seen = new HashSet<>();
        KafkaConsumer<String, String> one = consumer(settings);
        KafkaConsumer<String, String> two = consumer(settings);
        List<KafkaConsumer<String, String>> members = List.of(one, two);
        members.forEach(member -> member.subscribe(List.of(TOPIC)));
        Checks.until("every record, and both members with partitions", () -> {
            for (KafkaConsumer<String, String> member : members) {
                poll(member, seen);
            }
            Set<Integer> shares = new TreeSet<>(List.of(one.assignment().size(), two.assignment().size()));
            return seen.size() == TOTAL && shares.equals(Set.of(1, 2));
        });
        one.close();
        Checks.until("the other member with everything", () -> {
            poll(two, seen);
            return two.assignment().size() == 3;
        });
        Checks.equal(two.committed(Set.of(partition(2))).get(partition(2)).offset(), (long) RECORDS);
        two.close();
        try (KafkaConsumer<String, String> late = consumer(settings)) {
            late.subscribe(List.of(TOPIC));
            Set<String> again = new HashSet<>();
            Checks.until("an assignment", () -> {
                poll(late, again);
                return late.assignment().size() == 3;
            });
            poll(late, again);
            Checks.equal(again.size(), 0);
        }
    }

    private static void poll(KafkaConsumer<String, String> member, Set<String> seen) {
        member.poll(Duration.ofMillis(100)).forEach(r -> seen.add(r.partition() + ":" + r.offset()));
        try {
            member.commitSync();
        } catch (RebalanceInProgressException | CommitFailedException rejoins) {
            // The place is committed in the next generation.
        }
    }

    private static void staticMember() throws Exception {
        String group = GROUP + "-static";
        Map<String, Object> settings = Map.of("group.id", group, "group.instance.id", "one");
        try (Admin admin = admin()) {
            List<String> ids = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                try (KafkaConsumer<String, String> consumer = consumer(settings)) {
                    consumer.subscribe(List.of(TOPIC));
                    Checks.until("an assignment", () -> {
                        consumer.poll(Duration.ofMillis(100));
                        return consumer.assignment().size() == 3;
                    });
                    MemberDescription member = describe(admin, group).members().iterator().next();
                    Checks.equal(member.groupInstanceId(), Optional.of("one"));
                    ids.add(member.consumerId());
                }
            }
            Checks.expect(!ids.get(0).equals(ids.get(1)), "another member id");
            admin.removeMembersFromConsumerGroup(group,
                new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).all().get();
            Checks.until("an empty group", () -> describe(admin, group).members().isEmpty());
        }
    }

    private static ConsumerGroupDescription describe(Admin admin, String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    }

    private static void groups() throws Exception {
        try (Admin admin = admin()) {
            Collection<ConsumerGroupListing> listed = admin.listConsumerGroups().all().get();
            Checks.expect(listed.stream().anyMatch(g -> g.groupId().equals(GROUP)), "the group in the list");
            Checks.expect(describe(admin, GROUP).members().isEmpty(), "no members");
            Map<TopicPartition, OffsetAndMetadata> offsets =
                admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
            Checks.equal(offsets.get(partition(2)).offset(), (long) RECORDS);
            OffsetAndMetadata altered = new OffsetAndMetadata(7, Optional.of(0), "héllo");
            admin.alterConsumerGroupOffsets(GROUP, Map.of(partition(2), altered)).all().get();
            offsets = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
            Checks.equal(offsets.get(partition(2)), altered);
            admin.deleteConsumerGroupOffsets(GROUP, Set.of(partition(2))).all().get();
            offsets = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
            Checks.expect(!offsets.containsKey(partition(2)), "no offset after its deletion");
            admin.deleteConsumerGroups(List.of(GROUP)).all().get();
            Checks.fails(admin.deleteConsumerGroups(List.of(GROUP)).all(), GroupIdNotFoundException.class);
        }
    }

    private static AlterConfigsResult alter(Admin admin, String key, String value) {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
        AlterConfigOp.OpType type = value == null ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET;
        return admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry(key, value), type))));
    }

    private static ConfigEntry config(Admin admin, String key) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
        return admin.describeConfigs(List.of(topic)).all().get().get(topic).get(key);
    }

    private static void configuration() throws Exception {
        try (Admin admin = admin()) {
            ConfigEntry before = config(admin, "retention.ms");
            Checks.equal(before.value(), "604800000");
            Checks.equal(before.source(), ConfigEntry.ConfigSource.DEFAULT_CONFIG);
            alter(admin, "retention.ms", "3600000").all().get();
            Checks.until("the new value", () -> config(admin, "retention.ms").value().equals("3600000"));
            Checks.equal(config(admin, "retention.ms").source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG);
            alter(admin, "retention.ms", null).all().get();
            Checks.until("the default", () -> config(admin, "retention.ms").value().equals("604800000"));
            Checks.fails(alter(admin, "retention.ms", "soon").all(), InvalidConfigurationException.class);
            Checks.fails(alter(admin, "no.such.key", "1").all(), InvalidConfigurationException.class);
            ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER,
                admin.describeCluster().nodes().get().iterator().next().idString());
            Config ofBroker = admin.describeConfigs(List.of(broker)).all().get().get(broker);
            Checks.expect(ofBroker.get("num.partitions") != null, "num.partitions of the broker");
        }
    }

    private static void deleteRecords() throws Exception {
        try (Admin admin = admin()) {
            long low = admin.deleteRecords(Map.of(partition(2), RecordsToDelete.beforeOffset(100)))
                .lowWatermarks().get(partition(2)).get().lowWatermark();
            Checks.equal(low, 100L);
            Checks.equal(listed(admin, 2, OffsetSpec.earliest()), 100L);
            Checks.fails(admin.deleteRecords(Map.of(partition(2), RecordsToDelete.beforeOffset(RECORDS + 1))).all(),
                org.apache.kafka.common.errors.OffsetOutOfRangeException.class);
        }
    }

    private static void partitions() throws Exception {
        try (Admin admin = admin()) {
            admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(5))).all().get();
            Checks.until("five partitions", () ->
                admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC).partitions().size() == 5);
            Checks.fails(admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(2))).all(),
                InvalidPartitionsException.class);
            Checks.fails(admin.electLeaders(ElectionType.PREFERRED, Set.of(partition(0))).all(),
                ElectionNotNeededException.class);
            Checks.equal(admin.listPartitionReassignments().reassignments().get().size(), 0);
            int broker = admin.describeCluster().nodes().get().iterator().next().id();
            admin.alterPartitionReassignments(
                Map.of(partition(0), Optional.of(new NewPartitionReassignment(List.of(broker))))).all().get();
            Map<String, LogDirDescription> logDirs =
                admin.describeLogDirs(List.of(broker)).allDescriptions().get().get(broker);
            long size = logDirs.values().iterator().next().replicaInfos().get(partition(0)).size();
            Checks.expect(size > 0, "a size of the partition");
        }
    }

    private static void cluster() throws Exception {
        try (Admin admin = admin()) {
            DescribeClusterResult cluster = admin.describeCluster();
            Checks.equal(cluster.clusterId().get().length(), 22);
            Checks.expect(cluster.nodes().get().contains(cluster.controller().get()), "a controller among the brokers");
            Checks.expect(!admin.describeFeatures().featureMetadata().get().supportedFeatures().containsKey("nonsense"), "features");
        }
    }

    private static void refusals() throws Exception {
        Map<String, Object> large = Map.of("max.request.size", 8 << 20);
        try (KafkaProducer<String, String> producer = producer(large)) {
            Checks.fails(producer.send(new ProducerRecord<>(TOPIC, 0, null, "x".repeat(2 << 20))),
                RecordTooLargeException.class);
        }
        try (Admin admin = admin()) {
            String unknown = Checks.name("unknown");
            Checks.fails(admin.describeTopics(List.of(unknown)).allTopicNames(), UnknownTopicOrPartitionException.class);
            Checks.fails(admin.deleteTopics(List.of(unknown)).all(), UnknownTopicOrPartitionException.class);
            Checks.fails(admin.createTopics(List.of(new NewTopic("a/b", 1, (short) 1))).all(), InvalidTopicException.class);
            Checks.fails(admin.createTopics(List.of(new NewTopic(unknown, 1, (short) 99))).all(),
                InvalidReplicationFactorException.class);
            Checks.fails(admin.createTopics(List.of(new NewTopic(unknown, 0, (short) 1))).all(),
                InvalidPartitionsException.class);
            NewTopic wrong = new NewTopic(unknown, 1, (short) 1).configs(Map.of("cleanup.policy", "burn"));
            Checks.fails(admin.createTopics(List.of(wrong)).all(), InvalidConfigurationException.class);
        }
    }

    private static void deletedTopic() throws Exception {
        try (Admin admin = admin()) {
            var before = admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC).topicId();
            admin.deleteTopics(List.of(TOPIC)).all().get();
            Checks.until("the topic gone", () -> !admin.listTopics().names().get().contains(TOPIC));
            Checks.until("the topic again", () -> succeeds(() ->
                admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get()));
            // A broker may learn of the new topic after the controller has answered.
            Checks.until("another id", () -> succeeds(() ->
                Checks.expect(!admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC).topicId()
                    .equals(before), "another id")));
            Checks.equal(listed(admin, 0, OffsetSpec.latest()), 0L);
            admin.deleteTopics(List.of(TOPIC)).all().get();
        }
    }

    private static boolean succeeds(Checks.Body body) throws Exception {
        try {
            body.run();
            return true;
        } catch (java.util.concurrent.ExecutionException | AssertionError notYet) {
            return false;
        }
    }
}
