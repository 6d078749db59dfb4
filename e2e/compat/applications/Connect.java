import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;

/**
 * Distributed Connect with its file connectors: workers that share their work by a group of their own protocol, topics in
 * which they keep what they know, and a source that writes each line once.
 */
final class Connect {
    private static final int LINES = 4_000;
    private static final long WAIT_MS = 60_000;
    private static final String GROUP = Checks.name("connect");

    private Connect() {}

    static void add(Checks checks) {
        checks.add("Connect's file source writes each line once though its worker is killed, and its sink reads them", Connect::files);
    }

    private static void files() throws Exception {
        Path directory = Files.createTempDirectory("connect");
        Path from = directory.resolve("from.txt");
        Path to = directory.resolve("to.txt");
        String topic = Checks.name("connect-lines");
        try (Admin admin = Applications.admin(Checks.BOOTSTRAP)) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        Files.write(from, lines(0, LINES / 2));
        int port = freePort();
        try (Applications.Started worker = worker(directory, port)) {
            answers(worker, port);
            put(port, "source", Map.of("connector.class", "org.apache.kafka.connect.file.FileStreamSourceConnector",
                "file", from.toString(), "topic", topic, "batch.size", "100",
                // A worker that starts waits for what one that was killed left open.
                "producer.override.transaction.timeout.ms", "10000"));
            Checks.until("some lines are in the topic", WAIT_MS, () -> !committed(topic).isEmpty());
        }
        Files.write(from, lines(LINES / 2, LINES), StandardOpenOption.APPEND);
        int another = freePort();
        try (Applications.Started worker = worker(directory, another)) {
            answers(worker, another);
            put(another, "sink", Map.of("connector.class", "org.apache.kafka.connect.file.FileStreamSinkConnector",
                "file", to.toString(), "topics", topic));
            Checks.until("all lines are in the topic", WAIT_MS, () -> committed(topic).size() >= LINES);
            Checks.same(committed(topic), lines(0, LINES));
            Checks.until("all lines are in the sink's file", WAIT_MS,
                () -> Files.exists(to) && Files.readAllLines(to).size() >= LINES);
            Checks.same(Files.readAllLines(to), lines(0, LINES));
            Checks.until("the sink's place is stored", WAIT_MS, () -> place(topic) >= LINES);
        }
    }

    private static List<String> lines(int from, int until) {
        return IntStream.range(from, until).mapToObj(i -> "line " + i).toList();
    }

    private static Applications.Started worker(Path directory, int port) throws Exception {
        Map<String, String> settings = new HashMap<>();
        settings.put("bootstrap.servers", Checks.BOOTSTRAP);
        settings.put("group.id", GROUP);
        for (String kind : List.of("config", "offset", "status")) {
            settings.put(kind + ".storage.topic", GROUP + "-" + kind);
            settings.put(kind + ".storage.replication.factor", "1");
        }
        settings.put("key.converter", "org.apache.kafka.connect.storage.StringConverter");
        settings.put("value.converter", "org.apache.kafka.connect.storage.StringConverter");
        settings.put("exactly.once.source.support", "enabled");
        // The sink's.
        settings.put("consumer.isolation.level", "read_committed");
        settings.put("offset.flush.interval.ms", "1000");
        // Who was killed is missed soon, and its work given to another at once.
        settings.put("session.timeout.ms", "6000");
        settings.put("heartbeat.interval.ms", "1000");
        settings.put("scheduled.rebalance.max.delay.ms", "0");
        settings.put("listeners", "http://127.0.0.1:" + port);
        return Applications.start("org.apache.kafka.connect.cli.ConnectDistributed", directory, settings);
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static void answers(Applications.Started worker, int port) throws Exception {
        try {
            Checks.until("Connect answers", WAIT_MS, () -> {
                Checks.expect(worker.runs(), "a worker that goes on");
                return status(port, "GET", "/connectors", "") == 200;
            });
        } catch (AssertionError failed) {
            throw new AssertionError(failed.getMessage() + "\n" + worker.lastWords(), failed);
        }
    }

    private static void put(int port, String name, Map<String, String> config) throws Exception {
        String body = config.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\":\"" + entry.getValue() + "\"")
            .collect(Collectors.joining(",", "{", "}"));
        // 409 stands for a group that settles.
        Checks.until("the " + name + " is created", WAIT_MS, () -> status(port, "PUT", "/connectors/" + name + "/config", body) == 201);
    }

    /** −1 where nobody answers. */
    private static int status(int port, String method, String path, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .timeout(Duration.ofSeconds(10))
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build();
        try {
            return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
        } catch (java.io.IOException nobody) {
            return -1;
        }
    }

    private static List<String> committed(String topic) {
        return Applications.records(Checks.BOOTSTRAP, new TopicPartition(topic, 0)).stream().map(ConsumerRecord::value).toList();
    }

    private static long place(String topic) throws Exception {
        try (Admin admin = Applications.admin(Checks.BOOTSTRAP)) {
            OffsetAndMetadata place = admin.listConsumerGroupOffsets("connect-sink").partitionsToOffsetAndMetadata().get()
                .get(new TopicPartition(topic, 0));
            return place == null ? -1 : place.offset();
        }
    }
}
