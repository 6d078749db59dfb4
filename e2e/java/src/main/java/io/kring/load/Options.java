package io.kring.load;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/** The command line, by the names that {@code kring-load} gives its options too. */
record Options(String bootstrap, String topic, long records, long rate, int keys, int valueBytes, String producer,
               boolean untilStopped, long atMostSeconds, long drainSeconds) {
    static final String STOP_FILE = "/tmp/kring-load.stop";
    private static final Set<String> NAMES = Set.of("--bootstrap", "--topic", "--records", "--rate", "--keys",
            "--value-bytes", "--producer", "--at-most-seconds", "--drain-seconds");

    static Options parse(String[] words) {
        Map<String, String> given = new HashMap<>();
        boolean untilStopped = false;
        for (int i = words[0].equals("roundtrip") ? 1 : 0; i < words.length; i++) {
            if (words[i].equals("--until-stopped")) {
                untilStopped = true;
            } else if (NAMES.contains(words[i]) && i + 1 < words.length) {
                given.put(words[i], words[++i]);
            } else {
                throw new IllegalArgumentException("unknown option " + words[i] + "; there are " + NAMES);
            }
        }
        for (String needed : new String[] {"--bootstrap", "--topic"}) {
            if (!given.containsKey(needed)) {
                throw new IllegalArgumentException(needed + " is missing");
            }
        }
        return new Options(given.get("--bootstrap"), given.get("--topic"),
                Long.parseLong(given.getOrDefault("--records", "10000")),
                Long.parseLong(given.getOrDefault("--rate", "0")),
                Integer.parseInt(given.getOrDefault("--keys", "1000")),
                Integer.parseInt(given.getOrDefault("--value-bytes", "256")),
                given.getOrDefault("--producer", "java-" + Long.toHexString(System.currentTimeMillis())),
                untilStopped,
                Long.parseLong(given.getOrDefault("--at-most-seconds", "1800")),
                Long.parseLong(given.getOrDefault("--drain-seconds", "60")));
    }

    boolean mayStop() {
        return !untilStopped || Files.exists(Path.of(STOP_FILE));
    }

    /** The client's own defaults but for what the promise needs. */
    Properties client() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("client.id", "kring-load-java");
        return properties;
    }
}
