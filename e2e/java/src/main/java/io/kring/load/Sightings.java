package io.kring.load;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** The account of one reading of the topic: which records were seen, where, how often and in what order. */
final class Sightings {
    private final Payload payload;
    private final List<Position> first = new ArrayList<>();
    private final long[] progress;
    private long seen;
    private long duplicated;
    private long redelivered;
    private long outOfOrder;
    private long corrupt;

    Sightings(Payload payload) {
        this.payload = payload;
        this.progress = new long[payload.keys()];
    }

    synchronized void saw(ConsumerRecord<byte[], byte[]> record, long sent) {
        long sequence = payload.parse(record.value());
        if (sequence == Payload.FOREIGN) {
            return;
        }
        if (sequence == Payload.CORRUPT || sequence >= sent) {
            corrupt++;
            return;
        }
        Position position = new Position(record.partition(), record.offset());
        while (first.size() <= sequence) {
            first.add(null);
        }
        Position before = first.get((int) sequence);
        if (position.equals(before)) {
            redelivered++;
        } else if (before != null) {
            duplicated++;
        } else {
            first.set((int) sequence, position);
            seen++;
            int key = payload.keyOf(sequence);
            if (sequence < progress[key]) {
                outOfOrder++;
            }
            progress[key] = Math.max(progress[key], sequence + 1);
        }
    }

    /** Acknowledged records that were not seen. */
    synchronized long missing(List<Position> acknowledged) {
        long missing = 0;
        for (int i = 0; i < acknowledged.size(); i++) {
            boolean found = i < first.size() && first.get(i) != null;
            if (acknowledged.get(i) != Acks.NOWHERE && !found) {
                missing++;
            }
        }
        return missing;
    }

    /** Acknowledged records that were seen elsewhere than acknowledged. */
    synchronized long misplaced(List<Position> acknowledged) {
        long misplaced = 0;
        for (int i = 0; i < Math.min(acknowledged.size(), first.size()); i++) {
            Position found = first.get(i);
            if (acknowledged.get(i) != Acks.NOWHERE && found != null && !found.equals(acknowledged.get(i))) {
                misplaced++;
            }
        }
        return misplaced;
    }

    synchronized long seen() {
        return seen;
    }

    synchronized long duplicated() {
        return duplicated;
    }

    synchronized long redelivered() {
        return redelivered;
    }

    synchronized long outOfOrder() {
        return outOfOrder;
    }

    synchronized long corrupt() {
        return corrupt;
    }
}
