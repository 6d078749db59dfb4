import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

/** The move from an Apache Kafka, at SOURCE, by MirrorMaker 2: a topic with its settings, its records, and a group's place. */
final class MirrorMaker {
    private static final String SOURCE = System.getenv("SOURCE");
    private static final int PARTITIONS = 3;
    private static final int RECORDS = 3_000;
    private static final int READ = 1_800;
    private static final long WAIT_MS = 90_000;

    private MirrorMaker() {}

    static void add(Checks checks) {
        if (SOURCE != null && !SOURCE.isEmpty()) {
            checks.add("MirrorMaker 2 moves a topic, its settings, its records and a group's place from Apache Kafka", MirrorMaker::move);
        }
    }

    private static void move() throws Exception {
        String topic = Checks.name("mirrored");
        String group = Checks.name("mirrored-group");
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Map<String, String> config = Map.of("retention.ms", "123456789", "max.message.bytes", "2000000");
        try (Admin admin = Applications.admin(SOURCE)) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1).configs(config))).all().get();
        }
        fill(topic);
        Map<TopicPartition, OffsetAndMetadata> places = readSome(topic, group);
        try (Applications.Started mirror = start(topic, group); Admin admin = Applications.admin(Checks.BOOTSTRAP)) {
            List<String> expected = all(SOURCE, topic);
            Checks.equal(expected.size(), RECORDS);
            Checks.until("the topic is there", WAIT_MS, () -> {
                Checks.expect(mirror.runs(), "MirrorMaker goes on: " + mirror.lastWords());
                return admin.listTopics().names().get().contains(topic);
            });
            Checks.until("all records are there", WAIT_MS, () -> all(Checks.BOOTSTRAP, topic).size() >= RECORDS);
            Checks.same(all(Checks.BOOTSTRAP, topic), expected);
            Checks.until("the settings are there", WAIT_MS, () -> {
                Config moved = admin.describeConfigs(List.of(resource)).all().get().get(resource);
                return config.entrySet().stream().allMatch(entry -> moved.get(entry.getKey()).value().equals(entry.getValue()));
            });
            Checks.until("the group has a place in every partition", WAIT_MS, () -> {
                Map<TopicPartition, OffsetAndMetadata> moved =
                    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
                // Its place may be before the source's, which repeats records, and never behind it, which loses them.
                moved.forEach((partition, place) -> Checks.expect(place.offset() <= places.get(partition).offset(),
                    "a place up to " + places.get(partition).offset() + " in " + partition + ", saw " + place.offset()));
                return moved.size() == PARTITIONS && moved.values().stream().allMatch(place -> place.offset() > 0);
            });
        }
    }

    private static void fill(String topic) {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", SOURCE, "linger.ms", 5, "compression.type", "zstd"), new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < RECORDS; i++) {
                byte[] header = ("header-" + i).getBytes(StandardCharsets.UTF_8);
                String value = i % 100 == 7 ? null : "value-" + i;
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, 1_700_000_000_000L + i, "key-" + i, value,
                    List.of(new RecordHeader("number", header))));
            }
        }
    }

    /** What the group has read and committed on the source. */
    private static Map<TopicPartition, OffsetAndMetadata> readSome(String topic, String group) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", SOURCE, "group.id", group, "auto.offset.reset", "earliest",
            "enable.auto.commit", false, "max.poll.records", 100);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            int[] read = {0};
            Map<TopicPartition, OffsetAndMetadata> places = new HashMap<>();
            Checks.until("some records of every partition are read", WAIT_MS, () -> {
                read[0] += consumer.poll(Duration.ofMillis(200)).count();
                consumer.assignment().forEach(partition -> places.put(partition, new OffsetAndMetadata(consumer.position(partition))));
                return read[0] >= READ && places.size() == PARTITIONS && places.values().stream().allMatch(place -> place.offset() > 0);
            });
            consumer.commitSync(places);
            return places;
        }
    }

    private static Applications.Started start(String topic, String group) throws Exception {
        Map<String, String> settings = new HashMap<>();
        settings.put("clusters", "source, target");
        settings.put("source.bootstrap.servers", SOURCE);
        settings.put("target.bootstrap.servers", Checks.BOOTSTRAP);
        settings.put("source->target.enabled", "true");
        settings.put("topics", topic);
        settings.put("groups", group);
        settings.put("replication.policy.class", "org.apache.kafka.connect.mirror.IdentityReplicationPolicy");
        for (String prefix : List.of("", "offset-syncs.topic.", "checkpoints.topic.", "heartbeats.topic.", "config.storage.",
                "offset.storage.", "status.storage.")) {
            settings.put(prefix + "replication.factor", "1");
        }
        settings.put("sync.group.offsets.enabled", "true");
        for (String what : List.of("sync.group.offsets", "emit.checkpoints", "refresh.topics", "refresh.groups", "sync.topic.configs")) {
            settings.put(what + ".interval.seconds", "1");
        }
        settings.put("offset.flush.interval.ms", "1000");
        settings.put("offset.lag.max", "0");
        return Applications.start("org.apache.kafka.connect.mirror.MirrorMaker", Files.createTempDirectory("mirror"), settings);
    }

    /** Every record of a topic as text, partition after partition. */
    private static List<String> all(String bootstrap, String topic) {
        return IntStream.range(0, PARTITIONS)
            .mapToObj(partition -> Applications.records(bootstrap, new TopicPartition(topic, partition)))
            .flatMap(List::stream)
            .map(MirrorMaker::text)
            .toList();
    }

    private static String text(ConsumerRecord<String, String> record) {
        String header = new String(record.headers().lastHeader("number").value(), StandardCharsets.UTF_8);
        return record.partition() + " " + record.timestamp() + " " + record.key() + " " + header + " " + record.value();
    }
}
