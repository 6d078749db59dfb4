import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * What Apache Kafka ships on top of its clients, against a broker: Streams, Connect and MirrorMaker 2. It starts them as
 * their own scripts do and asserts what a user of theirs sees.
 */
public final class Applications {
    private Applications() {}

    public static void main(String[] arguments) {
        Checks checks = new Checks();
        Streams.add(checks);
        Connect.add(checks);
        MirrorMaker.add(checks);
        checks.run();
    }

    /** A process of one of Kafka's main classes with a file of settings; ended by force when it is closed. */
    static final class Started implements AutoCloseable {
        private final Process process;
        private final Path log;

        private Started(Process process, Path log) {
            this.process = process;
            this.log = log;
        }

        boolean runs() {
            return process.isAlive();
        }

        /** The last lines of what it logged, for a check that fails. */
        String lastWords() throws Exception {
            List<String> lines = Files.readAllLines(log);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 15), lines.size()));
        }

        @Override
        public void close() throws Exception {
            process.destroyForcibly();
            process.waitFor(10, TimeUnit.SECONDS);
        }
    }

    static Admin admin(String bootstrap) {
        return Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    /** Every committed record that a partition has now. */
    static List<ConsumerRecord<String, String>> records(String bootstrap, TopicPartition partition) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed");
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end) {
                consumer.poll(Duration.ofMillis(500)).forEach(records::add);
            }
        }
        return records;
    }

    static Started start(String mainClass, Path directory, Map<String, String> settings) throws Exception {
        Path file = Files.createTempFile(directory, "settings", ".properties");
        Properties properties = new Properties();
        properties.putAll(settings);
        try (var out = Files.newOutputStream(file)) {
            properties.store(out, null);
        }
        Path log = Files.createTempFile(directory, "log", ".txt");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of("-Xmx512m", "-Dlog4j2.level=WARN", "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(mainClass, file.toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        Process process = builder.start();
        // Whatever ends the checks ends it, too.
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        return new Started(process, log);
    }
}
