package io.kring.load;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What a record's value holds: who sent it, its number, and bytes that follow from both. */
record Payload(String producer, int keys, int valueBytes) {
    static final long FOREIGN = -1;
    static final long CORRUPT = -2;

    int keyOf(long sequence) {
        return (int) (sequence % keys);
    }

    byte[] key(long sequence) {
        return ("key-" + keyOf(sequence)).getBytes(StandardCharsets.US_ASCII);
    }

    byte[] value(long sequence) {
        byte[] head = (producer + " " + sequence + " ").getBytes(StandardCharsets.US_ASCII);
        byte[] value = Arrays.copyOf(head, Math.max(head.length, valueBytes));
        long state = (sequence * 0x9E3779B97F4A7C15L) | 1;
        for (int i = head.length; i < value.length; i++) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            value[i] = (byte) ('a' + Long.remainderUnsigned(state, 26));
        }
        return value;
    }

    /** The sequence number, or {@link #FOREIGN} or {@link #CORRUPT}. */
    long parse(byte[] value) {
        String[] words = new String(value, StandardCharsets.US_ASCII).split(" ", 3);
        if (!words[0].equals(producer)) {
            return FOREIGN;
        }
        try {
            long sequence = Long.parseLong(words[1]);
            return Arrays.equals(value(sequence), value) ? sequence : CORRUPT;
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException notANumber) {
            return CORRUPT;
        }
    }
}
