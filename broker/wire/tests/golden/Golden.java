// Prints golden messages with Apache Kafka's own classes: one line each of
// "<request|response> <API key> <version> <hex of the body>".
// java -cp kafka-clients-4.4.0.jar:slf4j-api-1.7.36.jar Golden.java requests > requests.txt
// java -cp kafka-clients-4.4.0.jar:slf4j-api-1.7.36.jar Golden.java responses > responses.txt
// With the jars of snappy-java, lz4-java and zstd-jni as well:
// java -cp … Golden.java batches > batches.txt: a batch of 100 records in each compression.

import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

public class Golden {
    static int next;

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "requests": requests(); break;
            case "responses": responses(); break;
            default: batches();
        }
    }

    // Every request of the broker's listener in every version, every field filled: texts of one to
    // three characters, arrays of one to three elements.
    static void requests() {
        for (ApiKeys api : ApiKeys.values()) {
            if (!api.inScope(org.apache.kafka.common.message.ApiMessageType.ListenerType.BROKER)) continue;
            Schema[] schemas = api.messageType.requestSchemas();
            for (short v = api.messageType.lowestSupportedVersion(); v <= api.messageType.highestSupportedVersion(true); v++) {
                next = v;
                Struct struct = (Struct) fill(schemas[v]);
                ByteBuffer buffer = ByteBuffer.allocate(schemas[v].sizeOf(struct));
                schemas[v].write(buffer, struct);
                print("request", api.id, v, buffer);
            }
        }
    }

    static void print(String what, int key, int version, ByteBuffer buffer) {
        buffer.flip();
        StringBuilder text = new StringBuilder();
        while (buffer.hasRemaining()) text.append(String.format("%02x", buffer.get()));
        System.out.println(what + " " + key + " " + version + " " + text);
    }

    static Object fill(Type type) {
        int n = ++next;
        if (type instanceof Schema schema) {
            Struct struct = new Struct(schema);
            for (BoundField field : schema.fields()) struct.set(field, fill(field.def.type));
            return struct;
        }
        if (type instanceof TaggedFields tagged) {
            NavigableMap<Integer, Object> all = new TreeMap<>();
            for (var tag : tagged.fields().entrySet()) all.put(tag.getKey(), fill(tag.getValue().type));
            all.put(1000 + n, new RawTaggedField(1000 + n, new byte[n % 3]));
            return all;
        }
        if (type.isArray()) {
            Object[] elements = new Object[1 + n % 3];
            Type element = type.arrayElementType().get();
            for (int i = 0; i < elements.length; i++) elements[i] = fill(element);
            return elements;
        }
        String name = type.toString();
        switch (name) {
            case "BOOLEAN": return n % 2 == 0;
            case "INT8": return (byte) n;
            case "INT16": return (short) n;
            case "UINT16": return n;
            case "INT32": return n;
            case "UNSIGNED_INT32": return (long) n;
            case "INT64": return (long) n;
            case "FLOAT64": return (double) n;
            case "UUID": return new Uuid(n, n);
            case "STRING": case "COMPACT_STRING": return "abc".substring(0, 1 + n % 3);
            case "NULLABLE_STRING": case "COMPACT_NULLABLE_STRING": return n % 4 == 0 ? null : "abc".substring(0, n % 4);
            case "BYTES": case "COMPACT_BYTES": return ByteBuffer.wrap(new byte[n % 5]);
            case "NULLABLE_BYTES": case "COMPACT_NULLABLE_BYTES": return n % 4 == 0 ? null : ByteBuffer.wrap(new byte[n % 5]);
            case "RECORDS": case "COMPACT_RECORDS": case "NULLABLE_RECORDS": case "COMPACT_NULLABLE_RECORDS": return MemoryRecords.readableRecords(ByteBuffer.wrap(new byte[n % 5]));
            default: throw new IllegalArgumentException(name);
        }
    }

    static void write(ApiMessage message, int key, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        print("response", key, version, buffer);
    }

    static void batches() {
        for (CompressionType type : CompressionType.values()) {
            SimpleRecord[] records = new SimpleRecord[100];
            for (int i = 0; i < records.length; i++)
                records[i] = new SimpleRecord(1700000000000L + i, ("key-" + i).getBytes(), "v".repeat(50).getBytes());
            ByteBuffer buffer = MemoryRecords.withRecords(Compression.of(type).build(), records).buffer();
            StringBuilder text = new StringBuilder();
            while (buffer.hasRemaining()) text.append(String.format("%02x", buffer.get()));
            System.out.println(text);
        }
    }

    static void responses() {
        for (short v = 3; v <= 13; v++) produce(v);
        for (short v = 4; v <= 18; v++) fetch(v);
    }

    static void produce(short v) {
        var good = new ProduceResponseData.PartitionProduceResponse().setIndex(3).setErrorCode((short) 0)
            .setBaseOffset(1L << 40).setLogAppendTimeMs(1700000000000L).setLogStartOffset(17);
        var bad = new ProduceResponseData.PartitionProduceResponse().setIndex(4).setErrorCode((short) 6)
            .setBaseOffset(-1).setLogAppendTimeMs(-1).setLogStartOffset(-1).setErrorMessage("moved")
            .setRecordErrors(List.of(new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(2).setBatchIndexErrorMessage("key")));
        if (v >= 10) bad.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch().setLeaderId(2).setLeaderEpoch(9));
        var topic = new ProduceResponseData.TopicProduceResponse().setPartitionResponses(List.of(good, bad));
        if (v >= 13) topic.setTopicId(new Uuid(1, 2)); else topic.setName("orders");
        var topics = new ProduceResponseData.TopicProduceResponseCollection();
        topics.add(topic);
        var data = new ProduceResponseData().setResponses(topics).setThrottleTimeMs(5);
        if (v >= 10) {
            var nodes = new ProduceResponseData.NodeEndpointCollection();
            nodes.add(new ProduceResponseData.NodeEndpoint().setNodeId(2).setHost("b2").setPort(9092).setRack("r"));
            data.setNodeEndpoints(nodes);
        }
        write(data, 0, v);
    }

    static void fetch(short v) {
        var records = MemoryRecords.readableRecords(ByteBuffer.wrap("RECORDS".getBytes()));
        var good = new FetchResponseData.PartitionData().setPartitionIndex(3).setHighWatermark(100)
            .setLastStableOffset(90).setLogStartOffset(10).setRecords(records)
            .setAbortedTransactions(List.of(new FetchResponseData.AbortedTransaction().setProducerId(7).setFirstOffset(8)));
        var bad = new FetchResponseData.PartitionData().setPartitionIndex(4).setErrorCode((short) 6).setHighWatermark(-1)
            .setLastStableOffset(-1).setLogStartOffset(-1).setRecords(MemoryRecords.EMPTY).setAbortedTransactions(null);
        if (v >= 11) good.setPreferredReadReplica(1);
        if (v >= 12) bad.setDivergingEpoch(new FetchResponseData.EpochEndOffset().setEpoch(4).setEndOffset(44))
            .setCurrentLeader(new FetchResponseData.LeaderIdAndEpoch().setLeaderId(2).setLeaderEpoch(9));
        var topic = new FetchResponseData.FetchableTopicResponse().setPartitions(List.of(good, bad));
        if (v >= 13) topic.setTopicId(new Uuid(1, 2)); else topic.setTopic("orders");
        var data = new FetchResponseData().setThrottleTimeMs(5).setResponses(List.of(topic));
        if (v >= 7) data.setSessionId(77).setErrorCode((short) 0);
        if (v >= 16) {
            var nodes = new FetchResponseData.NodeEndpointCollection();
            nodes.add(new FetchResponseData.NodeEndpoint().setNodeId(2).setHost("b2").setPort(9092).setRack(null));
            data.setNodeEndpoints(nodes);
        }
        write(data, 1, v);
    }
}
