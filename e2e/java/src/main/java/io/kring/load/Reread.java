package io.kring.load;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads a topic from its beginning to the end it had at the start, without a group: this decides what is lost. */
final class Reread {
    private Reread() {}

    static void run(Options options, long sent, Sightings seen) {
        Properties properties = options.client();
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "none");
        try (var consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> all = consumer.partitionsFor(options.topic()).stream()
                    .map(partition -> new TopicPartition(partition.topic(), partition.partition())).toList();
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            consumer.assign(all);
            consumer.seekToBeginning(all);
            long progressed = System.nanoTime();
            while (all.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                var records = consumer.poll(Duration.ofMillis(100));
                if (!records.isEmpty()) {
                    progressed = System.nanoTime();
                }
                records.forEach(record -> seen.saw(record, sent));
                if ((System.nanoTime() - progressed) / 1e9 > options.drainSeconds()) {
                    throw new IllegalStateException("reading " + options.topic() + " again made no progress");
                }
            }
        }
    }
}
