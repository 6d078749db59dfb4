package io.kring.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The account of acknowledgements: where each record was put, how long that took, and each partition's pauses. */
final class Acks {
    /** One partition's acknowledgements; times in nanoseconds since the start. */
    static final class Pauses {
        long acknowledged;
        long last;
        long longest;
        long longestAt;
    }

    private final long started = System.nanoTime();
    private final List<Position> positions = new ArrayList<>();
    private final List<Long> sentAt = new ArrayList<>();
    private final List<Long> latencies = new ArrayList<>();
    private final Map<Integer, Pauses> partitions = new TreeMap<>();
    private long acknowledged;
    private long errors;
    private String firstError;

    synchronized long sending() {
        positions.add(null);
        sentAt.add(System.nanoTime() - started);
        return positions.size() - 1L;
    }

    synchronized void acknowledged(long sequence, Position position) {
        long now = System.nanoTime() - started;
        positions.set((int) sequence, position);
        latencies.add(now - sentAt.get((int) sequence));
        acknowledged++;
        Pauses pauses = partitions.computeIfAbsent(position.partition(), partition -> new Pauses());
        if (pauses.acknowledged > 0 && now - pauses.last > pauses.longest) {
            pauses.longest = now - pauses.last;
            pauses.longestAt = pauses.last;
        }
        pauses.acknowledged++;
        pauses.last = now;
    }

    synchronized void failed(Exception error) {
        errors++;
        if (firstError == null) {
            firstError = error.toString();
        }
    }

    synchronized long sent() {
        return positions.size();
    }

    synchronized long acknowledged() {
        return acknowledged;
    }

    synchronized long errors() {
        return errors;
    }

    synchronized String firstError() {
        return firstError;
    }

    synchronized List<Position> positions() {
        return List.copyOf(positions.stream().map(position -> position == null ? NOWHERE : position).toList());
    }

    synchronized Map<Integer, Pauses> partitions() {
        return new TreeMap<>(partitions);
    }

    synchronized double latencyMs(double quantile) {
        if (latencies.isEmpty()) {
            return 0;
        }
        List<Long> sorted = latencies.stream().sorted().toList();
        return sorted.get((int) Math.min(sorted.size() - 1L, (long) (quantile * sorted.size()))) / 1e6;
    }

    /** Stands for a record that was not acknowledged. */
    static final Position NOWHERE = new Position(-1, -1);
}
