import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;

/** Kafka's own Java consumer with {@code group.protocol=consumer} (KIP-848). Classic groups are in {@link Compat}. */
final class ConsumerGroups {
    private static final int PARTITIONS = 6;
    private static final int RECORDS = 300;

    private ConsumerGroups() {}

    static void add(Checks checks) {
        checks.add("consumer protocol: members join, leave and die", ConsumerGroups::members);
        checks.add("consumer protocol: a group remembers its place", ConsumerGroups::place);
        checks.add("consumer protocol: new partitions and topics of a pattern are read", ConsumerGroups::grows);
        checks.add("consumer protocol: a static member comes back to its place", ConsumerGroups::staticMember);
        checks.add("consumer protocol: an empty group changes its protocol", ConsumerGroups::migrates);
        checks.add("consumer protocol: groups are listed, described, altered and deleted", ConsumerGroups::administered);
    }

    private static String topic(String kind, int partitions) throws Exception {
        String topic = Checks.name("consumer-" + kind);
        try (Admin admin = Compat.admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        return topic;
    }

    private static void send(String topic, int partitions) throws Exception {
        try (KafkaProducer<String, String> producer = Compat.producer(Map.of())) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, i % partitions, "k", "v" + i));
            }
        }
    }

    private static KafkaConsumer<String, String> member(String group, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", Checks.BOOTSTRAP, "group.id", group,
            "group.protocol", "consumer", "auto.offset.reset", "earliest", "enable.auto.commit", false));
        settings.putAll(more);
        var text = new org.apache.kafka.common.serialization.StringDeserializer();
        return new KafkaConsumer<>(settings, text, text);
    }

    private static void poll(List<KafkaConsumer<String, String>> members, Set<String> seen) {
        for (KafkaConsumer<String, String> member : members) {
            member.poll(Duration.ofMillis(100)).forEach(r -> seen.add(r.topic() + r.partition() + ":" + r.offset()));
        }
    }

    private static void share(List<KafkaConsumer<String, String>> members, Set<String> seen, List<Integer> shares)
            throws Exception {
        Checks.until("shares " + shares, () -> {
            poll(members, seen);
            Set<TopicPartition> all = new HashSet<>();
            members.forEach(member -> all.addAll(member.assignment()));
            List<Integer> sizes = new ArrayList<>(members.stream().map(m -> m.assignment().size()).sorted().toList());
            return sizes.equals(shares) && all.size() == shares.stream().mapToInt(Integer::intValue).sum();
        });
    }

    private static void members() throws Exception {
        String topic = topic("members", PARTITIONS);
        send(topic, PARTITIONS);
        String group = Checks.name("consumer-members");
        Set<String> seen = new HashSet<>();
        List<KafkaConsumer<String, String>> members = new ArrayList<>();
        for (List<Integer> shares : List.of(List.of(6), List.of(3, 3), List.of(2, 2, 2))) {
            KafkaConsumer<String, String> member = member(group, Map.of());
            member.subscribe(List.of(topic));
            members.add(member);
            share(members, seen, shares);
        }
        Checks.until("every record", () -> {
            poll(members, seen);
            return seen.size() == RECORDS;
        });
        members.remove(0).close();
        share(members, seen, List.of(3, 3));
        members.remove(0).close();
        share(members, seen, List.of(6));
        members.remove(0).close();
    }

    private static void place() throws Exception {
        String topic = topic("place", PARTITIONS);
        send(topic, PARTITIONS);
        String group = Checks.name("consumer-place");
        Set<String> seen = new HashSet<>();
        try (KafkaConsumer<String, String> member = member(group, Map.of("group.remote.assignor", "range"))) {
            member.subscribe(List.of(topic));
            Checks.until("every record", () -> {
                poll(List.of(member), seen);
                return seen.size() == RECORDS;
            });
            member.commitSync();
            TopicPartition first = new TopicPartition(topic, 0);
            Checks.equal(member.committed(Set.of(first)).get(first).offset(), (long) RECORDS / PARTITIONS);
        }
        try (KafkaConsumer<String, String> late = member(group, Map.of())) {
            late.subscribe(List.of(topic));
            Set<String> again = new HashSet<>();
            share(List.of(late), again, List.of(PARTITIONS));
            poll(List.of(late), again);
            Checks.equal(again.size(), 0);
        }
    }

    private static void grows() throws Exception {
        String topic = topic("grows", 2);
        String group = Checks.name("consumer-grows");
        try (Admin admin = Compat.admin(); KafkaConsumer<String, String> member = member(group, Map.of())) {
            subscribe(member, Pattern.quote(topic) + ".*");
            share(List.of(member), new HashSet<>(), List.of(2));
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
            share(List.of(member), new HashSet<>(), List.of(3));
            admin.createTopics(List.of(new NewTopic(topic + "-more", 2, (short) 1))).all().get();
            share(List.of(member), new HashSet<>(), List.of(5));
            admin.deleteTopics(List.of(topic)).all().get();
            share(List.of(member), new HashSet<>(), List.of(2));
        }
    }

    /** By an expression that the broker resolves where the client can, which is since 4.0. */
    private static void subscribe(KafkaConsumer<String, String> member, String expression) throws Exception {
        try {
            Class<?> kind = Class.forName("org.apache.kafka.clients.consumer.SubscriptionPattern");
            Object pattern = kind.getConstructor(String.class).newInstance(expression);
            KafkaConsumer.class.getMethod("subscribe", kind).invoke(member, pattern);
        } catch (ClassNotFoundException old) {
            member.subscribe(Pattern.compile(expression));
        }
    }

    private static void staticMember() throws Exception {
        String topic = topic("static", PARTITIONS);
        String group = Checks.name("consumer-static");
        KafkaConsumer<String, String> one = member(group, Map.of("group.instance.id", "one"));
        KafkaConsumer<String, String> two = member(group, Map.of("group.instance.id", "two"));
        one.subscribe(List.of(topic));
        two.subscribe(List.of(topic));
        share(List.of(one, two), new HashSet<>(), List.of(3, 3));
        Set<TopicPartition> before = one.assignment();
        one.close();
        KafkaConsumer<String, String> again = member(group, Map.of("group.instance.id", "one"));
        again.subscribe(List.of(topic));
        share(List.of(again, two), new HashSet<>(), List.of(3, 3));
        Checks.equal(again.assignment(), before);
        try (Admin admin = Compat.admin()) {
            MemberToRemove gone = new MemberToRemove("two");
            admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(Set.of(gone)))
                .all().get();
            Checks.until("one member described", () ->
                admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().size() == 1);
        }
        again.close();
        two.close();
    }

    private static void migrates() throws Exception {
        String topic = topic("migrates", 2);
        send(topic, 2);
        String group = Checks.name("consumer-migrates");
        Set<String> seen = new HashSet<>();
        for (String protocol : List.of("classic", "consumer", "classic")) {
            try (KafkaConsumer<String, String> member = member(group, Map.of("group.protocol", protocol))) {
                member.subscribe(List.of(topic));
                share(List.of(member), seen, List.of(2));
                Checks.until("every record", () -> {
                    poll(List.of(member), seen);
                    return seen.size() == RECORDS;
                });
                member.commitSync();
                TopicPartition first = new TopicPartition(topic, 0);
                Checks.equal(member.committed(Set.of(first)).get(first).offset(), RECORDS / 2L);
            }
        }
    }

    private static void administered() throws Exception {
        String topic = topic("administered", 2);
        String group = Checks.name("consumer-administered");
        try (Admin admin = Compat.admin(); KafkaConsumer<String, String> member = member(group, Map.of())) {
            member.subscribe(List.of(topic));
            share(List.of(member), new HashSet<>(), List.of(2));
            TopicPartition first = new TopicPartition(topic, 0);
            member.commitSync(Map.of(first, new OffsetAndMetadata(0)));
            ConsumerGroupDescription seen = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            Checks.equal(seen.type(), GroupType.CONSUMER);
            Checks.equal(seen.state().toString(), "Stable");
            Checks.equal(seen.partitionAssignor(), "uniform");
            Checks.equal(new TreeSet<>(seen.members().stream().map(m -> m.assignment().topicPartitions().size()).toList()),
                Set.of(2));
            ListConsumerGroupsOptions ofType = new ListConsumerGroupsOptions().withTypes(Set.of(GroupType.CONSUMER));
            Checks.expect(admin.listConsumerGroups(ofType).all().get().stream().anyMatch(g -> g.groupId().equals(group)),
                "the group in the list of its type");
            Checks.fails(admin.deleteConsumerGroups(List.of(group)).all(), GroupNotEmptyException.class);
            Checks.fails(admin.deleteConsumerGroupOffsets(group, Set.of(first)).all(),
                GroupSubscribedToTopicException.class);
        }
        try (Admin admin = Compat.admin()) {
            TopicPartition first = new TopicPartition(topic, 0);
            admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(0))).all().get();
            admin.deleteConsumerGroupOffsets(group, Set.of(first)).all().get();
            admin.deleteConsumerGroups(List.of(group)).all().get();
            Checks.expect(admin.listConsumerGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group)),
                "no group that was deleted");
        }
    }
}
