package io.kring.load;

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Sends numbered records at a steady rate and books every answer; what the library gives up is an error. */
final class Produce {
    private Produce() {}

    /** Sends until enough was sent and nobody asks for more; answers how many seconds that took. */
    static double run(Options options, Payload payload, Acks acks) throws InterruptedException {
        Properties properties = options.client();
        properties.put("acks", "all");
        properties.put("enable.idempotence", "true");
        long began = System.nanoTime();
        try (var producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            while (seconds(began) < options.atMostSeconds()) {
                if (acks.sent() >= options.records() && options.mayStop()) {
                    break;
                }
                long allowed = options.rate() == 0 ? acks.sent() + 1000 : (long) (seconds(began) * options.rate());
                long limit = options.untilStopped() ? allowed : Math.min(allowed, options.records());
                while (acks.sent() < limit) {
                    send(producer, options.topic(), payload, acks);
                }
                if (options.rate() != 0) {
                    Thread.sleep(1);
                }
            }
            double took = seconds(began);
            producer.close(Duration.ofSeconds(options.drainSeconds()));
            return took;
        }
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String topic, Payload payload, Acks acks) {
        long sequence = acks.sending();
        var record = new ProducerRecord<>(topic, payload.key(sequence), payload.value(sequence));
        producer.send(record, (metadata, error) -> {
            if (error == null) {
                acks.acknowledged(sequence, new Position(metadata.partition(), metadata.offset()));
            } else {
                acks.failed(error);
            }
        });
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
