import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;

/**
 * Kafka Streams with exactly-once: repartition topics, changelogs, stores that are restored, threads that die. It looks at
 * what the applications write, never into their stores.
 */
final class Streams {
    private static final int PARTITIONS = 4;
    private static final int RECORDS = 12_000;
    private static final int KEYS = 50;
    private static final long WAIT_MS = 90_000;

    private Streams() {}

    static void add(Checks checks) {
        checks.add("Streams counts each record once, though a thread dies and an instance is replaced", Streams::exactlyOnce);
        checks.add("Streams joins a stream with a table and a global table", Streams::joins);
    }

    /** Each record makes its key's count greater by one, so any that is lost or seen twice shows in what is written. */
    private static void exactlyOnce() throws Exception {
        String application = Checks.name("streams-count");
        List<String> topics = topics(application, "input", "output");
        String input = topics.get(0);
        String output = topics.get(1);
        AtomicBoolean dies = new AtomicBoolean(true);
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(input)
            // The new key sends the records through a topic of the application's own.
            .selectKey((key, value) -> "key-" + Integer.parseInt(value) % KEYS)
            .peek((key, value) -> {
                if (Integer.parseInt(value) == RECORDS / 3 && dies.compareAndSet(true, false)) {
                    throw new IllegalStateException("this thread dies as it was told to");
                }
            })
            .groupByKey()
            .count(Materialized.as("counts"))
            .toStream()
            .mapValues(String::valueOf)
            .to(output);
        Topology topology = builder.build();
        try (KafkaProducer<String, String> producer = producer()) {
            KafkaStreams first = start(topology, application);
            KafkaStreams second = start(topology, application);
            try {
                send(producer, input, 0, RECORDS / 2);
                Checks.until("the thread dies", WAIT_MS, () -> !dies.get());
                Checks.until("a third is counted", WAIT_MS, () -> ends(output) > RECORDS / 6);
                send(producer, input, RECORDS / 2, RECORDS);
                // Its place is taken by one that has no stores yet.
                first.close(Duration.ofSeconds(10));
                first = start(topology, application);
                equalCounts(output);
            } finally {
                first.close(Duration.ofSeconds(10));
                second.close(Duration.ofSeconds(10));
            }
        }
    }

    private static void equalCounts(String output) throws Exception {
        Map<String, List<Long>> expected = new TreeMap<>();
        for (int key = 0; key < KEYS; key++) {
            expected.put("key-" + key, LongStream.rangeClosed(1, RECORDS / KEYS).boxed().toList());
        }
        Map<String, List<Long>> seen = new TreeMap<>();
        List<ConsumerRecord<String, String>> records = read(output, RECORDS);
        records.forEach(record -> seen.computeIfAbsent(record.key(), key -> new ArrayList<>()).add(Long.valueOf(record.value())));
        for (String key : expected.keySet()) {
            Checks.same(seen.getOrDefault(key, List.of()), expected.get(key));
        }
        Checks.equal(records.size(), RECORDS);
    }

    private static void joins() throws Exception {
        String application = Checks.name("streams-join");
        List<String> topics = topics(application, "orders", "customers", "countries", "output");
        StreamsBuilder builder = new StreamsBuilder();
        KTable<String, String> customers = builder.table(topics.get(1));
        GlobalKTable<String, String> countries = builder.globalTable(topics.get(2));
        builder.<String, String>stream(topics.get(0))
            .join(customers, (order, customer) -> order + " " + customer)
            .join(countries, (key, value) -> value.substring(value.length() - 2), (value, country) -> value + " " + country)
            .to(topics.get(3));
        try (KafkaProducer<String, String> producer = producer()) {
            for (String country : List.of("at", "nl")) {
                producer.send(new ProducerRecord<>(topics.get(2), country, country.toUpperCase()));
            }
            IntStream.range(0, KEYS).forEach(i ->
                producer.send(new ProducerRecord<>(topics.get(1), "c" + i, "customer-" + i + (i % 2 == 0 ? "-at" : "-nl"))));
            producer.flush();
            IntStream.range(0, KEYS).forEach(i -> producer.send(new ProducerRecord<>(topics.get(0), "c" + i, "order-" + i)));
            producer.flush();
        }
        KafkaStreams streams = start(builder.build(), application);
        try {
            Map<String, String> seen = new TreeMap<>();
            read(topics.get(3), KEYS).forEach(record -> seen.put(record.key(), record.value()));
            Map<String, String> expected = new TreeMap<>();
            for (int i = 0; i < KEYS; i++) {
                String country = i % 2 == 0 ? "at" : "nl";
                expected.put("c" + i, "order-" + i + " customer-" + i + "-" + country + " " + country.toUpperCase());
            }
            Checks.equal(seen, expected);
        } finally {
            streams.close(Duration.ofSeconds(10));
        }
    }

    /** New topics of an application, named after it. */
    private static List<String> topics(String application, String... names) throws Exception {
        List<String> topics = new ArrayList<>();
        for (String name : names) {
            topics.add(application + "-" + name);
        }
        try (Admin admin = Applications.admin(Checks.BOOTSTRAP)) {
            admin.createTopics(topics.stream().map(name -> new NewTopic(name, PARTITIONS, (short) 1)).toList()).all().get();
        }
        return topics;
    }

    private static KafkaStreams start(Topology topology, String application) throws Exception {
        Path stores = Files.createTempDirectory("streams");
        Properties settings = new Properties();
        settings.put("application.id", application);
        settings.put("bootstrap.servers", Checks.BOOTSTRAP);
        settings.put("processing.guarantee", "exactly_once_v2");
        settings.put("replication.factor", 1);
        settings.put("state.dir", stores.toString());
        settings.put("num.stream.threads", 2);
        settings.put("commit.interval.ms", 100);
        // An instance that is closed does not leave the group, so that it may come back.
        settings.put("session.timeout.ms", 6_000);
        settings.put("heartbeat.interval.ms", 1_000);
        // Without a cache every change of a count is written.
        settings.put("statestore.cache.max.bytes", 0);
        settings.put("default.key.serde", Serdes.StringSerde.class);
        settings.put("default.value.serde", Serdes.StringSerde.class);
        settings.put("auto.offset.reset", "earliest");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.setUncaughtExceptionHandler(error -> StreamThreadExceptionResponse.REPLACE_THREAD);
        streams.start();
        return streams;
    }

    private static void send(KafkaProducer<String, String> producer, String topic, int from, int until) {
        for (int i = from; i < until; i++) {
            producer.send(new ProducerRecord<>(topic, "sent-" + i, String.valueOf(i)));
        }
        producer.flush();
    }

    private static long ends(String topic) throws Exception {
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        IntStream.range(0, PARTITIONS).forEach(i -> latest.put(new TopicPartition(topic, i), OffsetSpec.latest()));
        try (Admin admin = Applications.admin(Checks.BOOTSTRAP)) {
            return admin.listOffsets(latest).all().get().values().stream().mapToLong(found -> found.offset()).sum();
        }
    }

    /** The committed records of a topic: so many, and those that come within a second more. */
    private static List<ConsumerRecord<String, String>> read(String topic, int count) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", Checks.BOOTSTRAP, "isolation.level", "read_committed");
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = IntStream.range(0, PARTITIONS).mapToObj(i -> new TopicPartition(topic, i)).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Checks.until(count + " records of " + topic, WAIT_MS, () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(records::add);
                return records.size() >= count;
            });
            consumer.poll(Duration.ofSeconds(1)).forEach(records::add);
        }
        return records;
    }

    private static KafkaProducer<String, String> producer() {
        return new KafkaProducer<>(Map.of("bootstrap.servers", Checks.BOOTSTRAP, "linger.ms", 5), new StringSerializer(), new StringSerializer());
    }
}
