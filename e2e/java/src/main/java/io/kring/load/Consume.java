package io.kring.load;

import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads the topic as a consumer group does while the load runs. */
final class Consume implements Runnable {
    private final Options options;
    private final Acks acks;
    private final Sightings seen;
    private final AtomicBoolean produced;
    private volatile RuntimeException failure;

    Consume(Options options, Acks acks, Sightings seen, AtomicBoolean produced) {
        this.options = options;
        this.acks = acks;
        this.seen = seen;
        this.produced = produced;
    }

    @Override
    public void run() {
        try {
            consume();
        } catch (RuntimeException error) {
            failure = error;
        }
    }

    void rethrow() {
        if (failure != null) {
            throw failure;
        }
    }

    private void consume() {
        Properties properties = options.client();
        properties.put("group.id", options.producer());
        properties.put("auto.offset.reset", "earliest");
        long drainBegan = 0;
        try (var consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(options.topic()));
            while (true) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> seen.saw(record, acks.sent()));
                if (!produced.get()) {
                    continue;
                }
                drainBegan = drainBegan == 0 ? System.nanoTime() : drainBegan;
                boolean complete = seen.seen() >= acks.acknowledged() && seen.missing(acks.positions()) == 0;
                if (complete || (System.nanoTime() - drainBegan) / 1e9 > options.drainSeconds()) {
                    return;
                }
            }
        }
    }
}
