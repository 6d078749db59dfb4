package io.kring.load;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One run of the Java client: produces numbered records, consumes them in a group, reads the topic again from its
 * beginning and prints the report that {@code kring-load} prints too. It knows nothing of Kubernetes.
 */
public final class Main {
    private Main() {}

    public static void main(String[] words) throws Exception {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
        if (words.length == 1 && words[0].equals("stop")) {
            Files.writeString(Path.of(Options.STOP_FILE), "");
            return;
        }
        Options options = Options.parse(words);
        Payload payload = new Payload(options.producer(), options.keys(), options.valueBytes());
        Acks acks = new Acks();
        Sightings live = new Sightings(payload);
        AtomicBoolean produced = new AtomicBoolean();

        Consume consume = new Consume(options, acks, live, produced);
        Thread consumer = new Thread(consume, "consumer");
        consumer.start();
        Thread progress = new Thread(() -> showProgress(acks, live), "progress");
        progress.setDaemon(true);
        progress.start();
        double seconds = Produce.run(options, payload, acks);
        produced.set(true);
        consumer.join();
        consume.rethrow();

        System.err.println("reading the topic again from its beginning");
        Sightings reread = new Sightings(payload);
        Reread.run(options, acks.sent(), reread);
        Report report = new Report(options, seconds, acks, live, reread);
        System.out.println("REPORT " + report.json());
        System.exit(report.keepsItsPromises() ? 0 : 1);
    }

    private static void showProgress(Acks acks, Sightings live) {
        try {
            for (int second = 1; ; second++) {
                Thread.sleep(1000);
                System.err.printf("%d s: %d sent, %d acknowledged, %d received, %d errors%n",
                        second, acks.sent(), acks.acknowledged(), live.seen(), acks.errors());
            }
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
    }
}
