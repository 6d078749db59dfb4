package io.kring.load;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.StringJoiner;

/** The same JSON as {@code kring-load} prints; `e2e/load/src/report.rs` says what each field means. */
record Report(Options options, double seconds, Acks acks, Sightings live, Sightings reread) {
    boolean keepsItsPromises() {
        List<Position> positions = acks.positions();
        return acks.errors() == 0 && acks.acknowledged() == acks.sent() && live.missing(positions) == 0
                && reread.missing(positions) == 0 && reread.misplaced(positions) == 0 && reread.duplicated() == 0
                && live.outOfOrder() + reread.outOfOrder() == 0 && live.corrupt() + reread.corrupt() == 0;
    }

    String json() {
        List<Position> positions = acks.positions();
        double longest = 0;
        StringJoiner partitions = new StringJoiner(",", "[", "]");
        for (var entry : acks.partitions().entrySet()) {
            Acks.Pauses pauses = entry.getValue();
            longest = Math.max(longest, pauses.longest / 1e6);
            partitions.add(String.format(Locale.ROOT,
                    "{\"partition\":%d,\"acknowledged\":%d,\"longest_pause_ms\":%.3f,\"longest_pause_at_seconds\":%.3f}",
                    entry.getKey(), pauses.acknowledged, pauses.longest / 1e6, pauses.longestAt / 1e9));
        }
        StringJoiner fields = new StringJoiner(",", "{", "}");
        text(fields, "client", "kafka-clients " + clientVersion());
        text(fields, "topic", options.topic());
        text(fields, "producer", options.producer());
        fields.add(String.format(Locale.ROOT, "\"seconds\":%.3f", seconds));
        number(fields, "sent", acks.sent());
        number(fields, "acknowledged", acks.acknowledged());
        number(fields, "errors", acks.errors());
        text(fields, "first_error", acks.firstError());
        number(fields, "received", live.seen());
        number(fields, "missed", live.missing(positions));
        number(fields, "lost", reread.missing(positions));
        number(fields, "duplicated", reread.duplicated());
        number(fields, "redelivered", live.redelivered());
        number(fields, "misplaced", reread.misplaced(positions));
        number(fields, "out_of_order", live.outOfOrder() + reread.outOfOrder());
        number(fields, "corrupt", live.corrupt() + reread.corrupt());
        fields.add(String.format(Locale.ROOT, "\"longest_pause_ms\":%.3f", longest));
        fields.add(String.format(Locale.ROOT, "\"ack_latency\":{\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
                acks.latencyMs(0.5), acks.latencyMs(0.99), acks.latencyMs(1)));
        fields.add("\"partitions\":" + partitions);
        return fields.toString();
    }

    private static String clientVersion() {
        Properties properties = new Properties();
        try (var version = Report.class.getResourceAsStream("/kafka/kafka-version.properties")) {
            properties.load(version);
        } catch (IOException | NullPointerException unknown) {
            return "of unknown version";
        }
        return properties.getProperty("version");
    }

    private static void number(StringJoiner fields, String name, long value) {
        fields.add("\"" + name + "\":" + value);
    }

    private static void text(StringJoiner fields, String name, String value) {
        String quoted = value == null ? "null"
                : "\"" + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", " ") + "\"";
        fields.add("\"" + name + "\":" + quoted);
    }
}
