import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;

/**
 * Transactions of Kafka's own Java client: the first version of them with its releases before 4.0, the second with the
 * later ones. It asserts what a user sees, never a version number.
 */
final class Transactions {
    private static final String GROUP = Checks.name("transactions-group");
    private static final int RECORDS = 300;
    /** Apache Kafka looks every 10 s for transactions that are too old; the check itself takes its time too. */
    private static final long TIMED_OUT_WITHIN_MS = 20_000;

    private Transactions() {}

    static void add(Checks checks) {
        checks.add("committed records are seen by a reader of committed records, aborted ones never", Transactions::visibility);
        checks.add("a reader of committed records waits for an open transaction", Transactions::openTransaction);
        checks.add("transactions follow one another without pauses", Transactions::oneAfterTheOther);
        checks.add("a second producer with the same transactional id fences the first", Transactions::fencing);
        checks.add("offsets of a group go with the transaction, and each input has one output", Transactions::exactlyOnce);
        checks.add("offsets of an open transaction are waited for", Transactions::unstableOffsets);
        checks.add("a stranger to the group commits nothing in a transaction", Transactions::stranger);
        checks.add("a refused record spoils its transaction, not the next", Transactions::refusedRecord);
        checks.add("an abandoned transaction is aborted after its time", Transactions::timeout);
        checks.add("a transaction may not be allowed to last too long", Transactions::tooLong);
        checks.add("transactions and their producers are listed and described", Transactions::described);
        checks.add("an administrator aborts an open transaction", Transactions::abortedByAdministrator);
        checks.add("an administrator fences a producer", Transactions::fencedByAdministrator);
    }

    /** A new topic of one partition. */
    private static TopicPartition topic(String kind) throws Exception {
        return topic(kind, 1);
    }

    private static TopicPartition topic(String kind, int partitions) throws Exception {
        String name = Checks.name("transactions-" + kind);
        try (Admin admin = Compat.admin()) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
        }
        return new TopicPartition(name, 0);
    }

    private static KafkaProducer<String, String> producer(String id) {
        return producer(id, Map.of());
    }

    private static KafkaProducer<String, String> producer(String id, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("transactional.id", Checks.name(id), "linger.ms", 0));
        all.putAll(settings);
        KafkaProducer<String, String> producer = Compat.producer(all);
        try {
            producer.initTransactions();
        } catch (RuntimeException error) {
            producer.close(Duration.ZERO);
            throw error;
        }
        return producer;
    }

    private static ProducerRecord<String, String> record(TopicPartition partition, String value) {
        return new ProducerRecord<>(partition.topic(), partition.partition(), null, value);
    }

    private static void finish(KafkaProducer<String, String> producer, boolean commit) {
        if (commit) {
            producer.commitTransaction();
        } else {
            // An abort drops what is not sent yet.
            producer.flush();
            producer.abortTransaction();
        }
    }

    /** Ends a partition by a record without a transaction and compares what readers of either kind see before it. */
    private static void sees(TopicPartition partition, List<String> committed, List<String> everything) throws Exception {
        endOf(partition);
        Checks.same(read(partition, "read_committed"), committed);
        Checks.same(read(partition, "read_uncommitted"), everything);
    }

    private static void endOf(TopicPartition partition) throws Exception {
        try (KafkaProducer<String, String> plain = Compat.producer(Map.of())) {
            plain.send(record(partition, "end")).get();
        }
    }

    private static List<String> read(TopicPartition partition, String isolation) throws Exception {
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = Compat.consumer(Map.of("isolation.level", isolation))) {
            consumer.assign(List.of(partition));
            Checks.until("the end of " + partition + " with " + isolation, () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(r -> values.add(r.value()));
                return values.contains("end");
            });
        }
        values.remove("end");
        return values;
    }

    private static List<String> numbered(String prefix, int count) {
        return IntStream.range(0, count).mapToObj(i -> prefix + " " + i).toList();
    }

    private static void visibility() throws Exception {
        TopicPartition partition = topic("visible");
        List<String> committed = new ArrayList<>();
        List<String> everything = new ArrayList<>();
        try (KafkaProducer<String, String> producer = producer("visible", Map.of("compression.type", "lz4"))) {
            for (String fate : List.of("commit", "abort", "commit again")) {
                producer.beginTransaction();
                List<String> values = numbered(fate, 100);
                values.forEach(value -> producer.send(record(partition, value)));
                finish(producer, !fate.equals("abort"));
                everything.addAll(values);
                committed.addAll(fate.equals("abort") ? List.of() : values);
            }
        }
        sees(partition, committed, everything);
    }

    private static void openTransaction() throws Exception {
        TopicPartition partition = topic("open");
        try (KafkaProducer<String, String> producer = producer("open");
                KafkaProducer<String, String> plain = Compat.producer(Map.of());
                KafkaConsumer<String, String> reader = Compat.consumer(Map.of("isolation.level", "read_committed"))) {
            plain.send(record(partition, "before")).get();
            producer.beginTransaction();
            producer.send(record(partition, "open")).get();
            plain.send(record(partition, "after")).get();
            reader.assign(List.of(partition));
            Checks.equal(Compat.read(reader, 1).stream().map(ConsumerRecord::value).toList(), List.of("before"));
            Checks.equal(reader.poll(Duration.ofSeconds(1)).count(), 0);
            Checks.equal(reader.endOffsets(List.of(partition)).get(partition), 1L);
            producer.commitTransaction();
            Checks.equal(Compat.read(reader, 2).stream().map(ConsumerRecord::value).toList(), List.of("open", "after"));
            Checks.equal(reader.endOffsets(List.of(partition)).get(partition), 4L);
        }
        sees(partition, List.of("before", "open", "after"), List.of("before", "open", "after"));
    }

    private static void oneAfterTheOther() throws Exception {
        TopicPartition first = topic("follow", 3);
        TopicPartition last = new TopicPartition(first.topic(), 2);
        List<String> committed = new ArrayList<>();
        List<String> everything = new ArrayList<>();
        try (KafkaProducer<String, String> producer = producer("follow")) {
            for (int i = 0; i < 40; i++) {
                producer.beginTransaction();
                producer.send(record(first, "" + i));
                producer.send(record(last, "" + i));
                finish(producer, i % 2 == 0);
                everything.add("" + i);
                committed.addAll(i % 2 == 0 ? List.of("" + i) : List.of());
            }
        }
        sees(first, committed, everything);
        sees(last, committed, everything);
    }

    private static void fencing() throws Exception {
        TopicPartition partition = topic("fenced");
        try (KafkaProducer<String, String> first = producer("fenced")) {
            first.beginTransaction();
            first.send(record(partition, "lost")).get();
            try (KafkaProducer<String, String> second = producer("fenced")) {
                second.beginTransaction();
                second.send(record(partition, "kept"));
                Checks.raises(first::commitTransaction, ProducerFencedException.class);
                second.commitTransaction();
                second.beginTransaction();
                second.send(record(partition, "lost too")).get();
                try (KafkaProducer<String, String> third = producer("fenced")) {
                    Checks.raises(() -> {
                        second.send(record(partition, "too late"));
                        second.commitTransaction();
                    }, ProducerFencedException.class, InvalidProducerEpochException.class);
                    third.beginTransaction();
                    third.send(record(partition, "kept too"));
                    third.commitTransaction();
                }
            }
        }
        sees(partition, List.of("kept", "kept too"), List.of("lost", "kept", "lost too", "kept too"));
    }

    /** Copies by a transaction for each poll, up to one that is aborted. Gives the place up to which it committed. */
    private static long copy(TopicPartition input, TopicPartition output, int aborted) throws Exception {
        Map<String, Object> settings = Map.of("group.id", GROUP, "isolation.level", "read_committed", "max.poll.records", 40);
        try (KafkaConsumer<String, String> consumer = Compat.consumer(settings);
                KafkaProducer<String, String> producer = producer("copy")) {
            consumer.subscribe(List.of(input.topic()));
            long place = 0;
            for (int number = 1; place < RECORDS; number++) {
                List<ConsumerRecord<String, String>> records = Compat.read(consumer, 1);
                producer.beginTransaction();
                records.forEach(r -> producer.send(record(output, "copy of " + r.value())));
                OffsetAndMetadata next = new OffsetAndMetadata(consumer.position(input));
                producer.sendOffsetsToTransaction(Map.of(input, next), consumer.groupMetadata());
                finish(producer, number != aborted);
                if (number == aborted) {
                    break;
                }
                place = next.offset();
            }
            return place;
        }
    }

    private static void exactlyOnce() throws Exception {
        TopicPartition input = topic("input");
        TopicPartition output = topic("output");
        try (KafkaProducer<String, String> plain = Compat.producer(Map.of())) {
            numbered("input", RECORDS).forEach(value -> plain.send(record(input, value)));
        }
        long place = copy(input, output, 3);
        Checks.expect(0 < place && place < RECORDS, "an abort on the way, saw place " + place);
        Checks.equal(committed(input), place);
        Checks.equal(copy(input, output, -1), (long) RECORDS);
        Checks.equal(committed(input), (long) RECORDS);
        endOf(output);
        Checks.same(read(output, "read_committed"), numbered("copy of input", RECORDS));
        Checks.expect(read(output, "read_uncommitted").size() > RECORDS, "the aborted copies too");
    }

    private static long committed(TopicPartition partition) throws Exception {
        Map<String, Object> settings = Map.of("group.id", GROUP, "isolation.level", "read_committed");
        try (KafkaConsumer<String, String> consumer = Compat.consumer(settings)) {
            return consumer.committed(Set.of(partition)).get(partition).offset();
        }
    }

    private static void unstableOffsets() throws Exception {
        TopicPartition partition = topic("unstable");
        String group = GROUP + "-unstable";
        try (KafkaProducer<String, String> producer = producer("unstable");
                Admin admin = Compat.admin();
                KafkaConsumer<String, String> consumer = Compat.consumer(Map.of("group.id", group))) {
            producer.beginTransaction();
            Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(partition, new OffsetAndMetadata(7, "héllo"));
            producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(group));
            Checks.raises(() -> consumer.committed(Set.of(partition), Duration.ofSeconds(1)), TimeoutException.class);
            Checks.equal(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(), Map.of());
            producer.abortTransaction();
            Checks.equal(consumer.committed(Set.of(partition)).get(partition), null);
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(group));
            producer.commitTransaction();
            Checks.equal(consumer.committed(Set.of(partition)), offsets);
        }
    }

    private static void stranger() throws Exception {
        TopicPartition partition = topic("stranger");
        String group = GROUP + "-stranger";
        Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(partition, new OffsetAndMetadata(7));
        try (KafkaProducer<String, String> producer = producer("stranger")) {
            producer.beginTransaction();
            producer.send(record(partition, "lost"));
            Checks.raises(() -> producer.sendOffsetsToTransaction(offsets,
                new ConsumerGroupMetadata(group, 5, "stranger", Optional.empty())), CommitFailedException.class);
            producer.abortTransaction();
            producer.beginTransaction();
            producer.send(record(partition, "kept"));
            producer.commitTransaction();
        }
        endOf(partition);
        Checks.same(read(partition, "read_committed"), List.of("kept"));
    }

    private static void refusedRecord() throws Exception {
        TopicPartition partition = topic("refused");
        try (KafkaProducer<String, String> producer = producer("refused", Map.of("max.request.size", 8 << 20))) {
            producer.beginTransaction();
            producer.send(record(partition, "lost")).get();
            Checks.fails(producer.send(record(partition, "x".repeat(2 << 20))), RecordTooLargeException.class);
            Checks.raises(producer::commitTransaction, KafkaException.class);
            producer.abortTransaction();
            producer.beginTransaction();
            producer.send(record(partition, "kept"));
            producer.commitTransaction();
        }
        sees(partition, List.of("kept"), List.of("lost", "kept"));
    }

    private static void timeout() throws Exception {
        TopicPartition partition = topic("timeout");
        try (KafkaProducer<String, String> producer = producer("timeout", Map.of("transaction.timeout.ms", 2000))) {
            producer.beginTransaction();
            producer.send(record(partition, "abandoned")).get();
            long started = System.currentTimeMillis();
            sees(partition, List.of(), List.of("abandoned"));
            long tookMs = System.currentTimeMillis() - started;
            Checks.expect(tookMs < TIMED_OUT_WITHIN_MS, "an abort within " + TIMED_OUT_WITHIN_MS + " ms, saw " + tookMs);
            Checks.raises(producer::commitTransaction, ProducerFencedException.class, InvalidProducerEpochException.class,
                InvalidTxnStateException.class);
        }
    }

    private static void tooLong() {
        Map<String, Object> settings = Map.of("transaction.timeout.ms", 24 * 3_600_000);
        Exception error = Checks.raises(() -> producer("long", settings).close(), KafkaException.class);
        Checks.expect(error.getMessage().contains("transaction timeout is larger"), "the reason, saw " + error);
    }

    private static ProducerState only(Admin admin, TopicPartition partition) throws Exception {
        List<ProducerState> producers =
            admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
        Checks.equal(producers.size(), 1);
        return producers.get(0);
    }

    private static List<String> listed(Admin admin, ListTransactionsOptions options) throws Exception {
        return admin.listTransactions(options).all().get().stream().map(TransactionListing::transactionalId).toList();
    }

    private static void described() throws Exception {
        TopicPartition partition = topic("described");
        String id = Checks.name("described");
        try (Admin admin = Compat.admin();
                KafkaProducer<String, String> producer = producer("described", Map.of("transaction.timeout.ms", 50_000))) {
            producer.beginTransaction();
            producer.send(record(partition, "open")).get();
            TransactionDescription open = admin.describeTransactions(List.of(id)).description(id).get();
            Checks.equal(open.state(), TransactionState.ONGOING);
            Checks.equal(open.topicPartitions(), Set.of(partition));
            Checks.equal(open.transactionTimeoutMs(), 50_000L);
            Checks.expect(open.transactionStartTimeMs().isPresent(), "the time at which it began");
            ProducerState state = only(admin, partition);
            Checks.equal(state.producerId(), open.producerId());
            Checks.equal(state.producerEpoch(), open.producerEpoch());
            Checks.equal(state.lastSequence(), 0);
            Checks.equal(state.currentTransactionStartOffset(), OptionalLong.of(0));
            ListTransactionsOptions mine = new ListTransactionsOptions().filterProducerIds(Set.of(open.producerId()));
            Checks.equal(listed(admin, mine.filterStates(Set.of(TransactionState.ONGOING))), List.of(id));
            Checks.equal(listed(admin, mine.filterStates(Set.of(TransactionState.EMPTY))), List.of());
            Checks.expect(!listed(admin, new ListTransactionsOptions().filterOnDuration(600_000)).contains(id), "a young one");
            producer.commitTransaction();
            Checks.until("its completion", () -> admin.describeTransactions(List.of(id)).description(id).get().state()
                == TransactionState.COMPLETE_COMMIT);
            Checks.equal(only(admin, partition).currentTransactionStartOffset(), OptionalLong.empty());
            Checks.expect(listed(admin, new ListTransactionsOptions()).contains(id), "it in the list");
            String unknown = Checks.name("unknown");
            Checks.fails(admin.describeTransactions(List.of(unknown)).description(unknown), TransactionalIdNotFoundException.class);
        }
    }

    private static void abortedByAdministrator() throws Exception {
        TopicPartition partition = topic("stuck");
        try (Admin admin = Compat.admin(); KafkaProducer<String, String> producer = producer("stuck")) {
            producer.beginTransaction();
            producer.send(record(partition, "stuck")).get();
            ProducerState state = only(admin, partition);
            admin.abortTransaction(new AbortTransactionSpec(partition, state.producerId(), (short) state.producerEpoch(),
                state.coordinatorEpoch().orElse(0))).all().get();
            Checks.equal(only(admin, partition).currentTransactionStartOffset(), OptionalLong.empty());
            sees(partition, List.of(), List.of("stuck"));
            producer.abortTransaction();
        }
    }

    private static void fencedByAdministrator() throws Exception {
        TopicPartition partition = topic("fence");
        String id = Checks.name("fence");
        try (Admin admin = Compat.admin(); KafkaProducer<String, String> producer = producer("fence")) {
            producer.beginTransaction();
            producer.send(record(partition, "lost")).get();
            admin.fenceProducers(List.of(id)).all().get();
            Checks.raises(producer::commitTransaction, ProducerFencedException.class);
        }
        sees(partition, List.of(), List.of("lost"));
    }
}
