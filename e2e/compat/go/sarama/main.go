// Command sarama checks a broker with sarama, once as its default version of Kafka and once as its newest.
// It asserts what a user sees, never a version number of the protocol.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"kring.io/compat/check"
)

const records = 300

func main() {
	var checks []check.Check
	for _, version := range []sarama.KafkaVersion{sarama.V2_8_0_0, sarama.MaxVersion} {
		s := suite{version: version, topic: check.Name("topic-" + version.String()), group: check.Name("group-" + version.String())}
		for _, c := range []check.Check{
			{Title: "topics are created, listed and described", Body: s.topicsAreCreated},
			{Title: "records of each codec come back", Body: s.everyCodecReadsBack},
			{Title: "an idempotent producer keeps the order", Body: s.idempotentProducerKeepsOrder},
			{Title: "offsets are found by place and by time", Body: s.offsetsAreFound},
			{Title: "a group shares the partitions and remembers its place", Body: s.groupShares},
			{Title: "groups are listed, described and deleted", Body: s.groupsAreAdministered},
			{Title: "configuration is read and changed", Body: s.configurationChanges},
			{Title: "records are deleted, partitions added, the topic deleted", Body: s.topicIsDeleted},
			{Title: "committed records are seen by a reader of committed records, aborted ones never", Body: s.visibility},
			{Title: "a reader of committed records waits for an open transaction", Body: s.openTransaction},
			{Title: "transactions follow one another without pauses", Body: s.oneAfterTheOther},
			{Title: "a second producer with the same transactional id fences the first", Body: s.fencing},
			{Title: "offsets of a group go with the transaction, and each input has one output", Body: s.exactlyOnce},
		} {
			checks = append(checks, check.Check{Title: c.Title + ", as " + version.String(), Body: c.Body})
		}
	}
	check.Run(checks)
}

type suite struct {
	version      sarama.KafkaVersion
	topic, group string
}

func (s suite) config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = s.version
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	config.Consumer.MaxWaitTime = 200 * time.Millisecond
	return config
}

func (s suite) admin() sarama.ClusterAdmin {
	admin, err := sarama.NewClusterAdmin(check.Bootstrap, s.config())
	check.Must(err)
	return admin
}

func (s suite) send(config *sarama.Config, messages ...*sarama.ProducerMessage) {
	producer, err := sarama.NewSyncProducer(check.Bootstrap, config)
	check.Must(err)
	defer producer.Close()
	check.Must(producer.SendMessages(messages))
}

func (s suite) topicsAreCreated(context.Context) {
	admin := s.admin()
	defer admin.Close()
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}
	check.Must(admin.CreateTopic(s.topic, detail, false))
	err := admin.CreateTopic(s.topic, detail, false)
	check.Expect(errors.Is(err, sarama.ErrTopicAlreadyExists), "TOPIC_ALREADY_EXISTS, saw %v", err)
	check.Until("the topic in the list", func() bool {
		topics, err := admin.ListTopics()
		check.Must(err)
		return topics[s.topic].NumPartitions == 3
	})
}

func (s suite) everyCodecReadsBack(context.Context) {
	codecs := []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	}
	for _, codec := range codecs {
		config := s.config()
		config.Producer.Compression = codec
		var messages []*sarama.ProducerMessage
		for i := range records {
			messages = append(messages, &sarama.ProducerMessage{
				Topic: s.topic, Partition: 0, Value: sarama.StringEncoder(fmt.Sprint(codec, i)),
				Headers: []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("a"), Value: []byte("2")}},
			})
		}
		s.send(config, messages...)
	}
	consumer, err := sarama.NewConsumer(check.Bootstrap, s.config())
	check.Must(err)
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(s.topic, 0, sarama.OffsetOldest)
	check.Must(err)
	defer partition.Close()
	for _, codec := range codecs {
		for i := range records {
			select {
			case message := <-partition.Messages():
				check.Equal(string(message.Value), fmt.Sprint(codec, i))
				check.Equal(len(message.Headers), 2)
			case <-time.After(check.Wait):
				check.Expect(false, "record %d of %v", i, codec)
			}
		}
	}
}

func (s suite) idempotentProducerKeepsOrder(context.Context) {
	config := s.config()
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer(check.Bootstrap, config)
	check.Must(err)
	defer producer.Close()
	for i := range 50 {
		_, offset, err := producer.SendMessage(&sarama.ProducerMessage{Topic: s.topic, Partition: 1, Value: sarama.StringEncoder(fmt.Sprint(i))})
		check.Must(err)
		check.Equal(offset, int64(i))
	}
}

func (s suite) offsetsAreFound(context.Context) {
	client, err := sarama.NewClient(check.Bootstrap, s.config())
	check.Must(err)
	defer client.Close()
	for _, asked := range []struct{ time, offset int64 }{
		{sarama.OffsetNewest, 50}, {sarama.OffsetOldest, 0}, {1, 0}, {time.Now().Add(time.Hour).UnixMilli(), -1},
	} {
		offset, err := client.GetOffset(s.topic, 1, asked.time)
		check.Must(err)
		check.Equal(offset, asked.offset)
	}
}

// handler counts records and remembers what it owns.
type handler struct {
	lock  sync.Mutex
	seen  map[string]int
	owned int
}

func (h *handler) Setup(session sarama.ConsumerGroupSession) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.owned = 0
	for _, partitions := range session.Claims() {
		h.owned += len(partitions)
	}
	return nil
}

func (h *handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h *handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		h.lock.Lock()
		h.seen[fmt.Sprint(message.Partition, ":", message.Offset)]++
		h.lock.Unlock()
		session.MarkMessage(message, "")
	}
	return nil
}

func (h *handler) state() (seen, owned int) {
	h.lock.Lock()
	defer h.lock.Unlock()
	return len(h.seen), h.owned
}

func (s suite) member(ctx context.Context, config *sarama.Config) (*handler, func()) {
	group, err := sarama.NewConsumerGroup(check.Bootstrap, s.group, config)
	check.Must(err)
	h := &handler{seen: map[string]int{}}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{s.topic}, h); err != nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	return h, func() {
		cancel()
		<-done
		check.Must(group.Close())
	}
}

func (s suite) groupShares(ctx context.Context) {
	one, stopOne := s.member(ctx, s.config())
	two, stopTwo := s.member(ctx, s.config())
	total := 5*records + 50
	check.Until("every record, and both members with partitions", func() bool {
		seenOne, ownedOne := one.state()
		seenTwo, ownedTwo := two.state()
		return seenOne+seenTwo >= total && ownedOne+ownedTwo == 3 && ownedOne*ownedTwo == 2
	})
	stopOne()
	stopTwo()
	static := s.config()
	static.Consumer.Group.InstanceId = "one"
	late, stop := s.member(ctx, static)
	check.Until("an assignment", func() bool {
		_, owned := late.state()
		return owned == 3
	})
	time.Sleep(500 * time.Millisecond)
	seen, _ := late.state()
	check.Equal(seen, 0)
	stop()
	admin := s.admin()
	defer admin.Close()
	left, err := admin.RemoveMemberFromConsumerGroup(s.group, []string{"one"})
	check.Must(err)
	check.Equal(left.Err, sarama.ErrNoError)
}

func (s suite) groupsAreAdministered(context.Context) {
	admin := s.admin()
	defer admin.Close()
	groups, err := admin.ListConsumerGroups()
	check.Must(err)
	check.Equal(groups[s.group], "consumer")
	var state string
	check.Until("an empty group", func() bool {
		described, err := admin.DescribeConsumerGroups([]string{s.group})
		check.Must(err)
		state = described[0].State
		return state == "Empty"
	})
	offsets, err := admin.ListConsumerGroupOffsets(s.group, map[string][]int32{s.topic: {0, 1}})
	check.Must(err)
	check.Equal(offsets.GetBlock(s.topic, 1).Offset, 50)
	check.Must(admin.DeleteConsumerGroupOffset(s.group, s.topic, 1))
	check.Must(admin.DeleteConsumerGroup(s.group))
	groups, err = admin.ListConsumerGroups()
	check.Must(err)
	_, found := groups[s.group]
	check.Expect(!found, "no group after its deletion")
}

func (s suite) configurationChanges(context.Context) {
	admin := s.admin()
	defer admin.Close()
	value := "3600000"
	entries := map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value},
	}
	check.Must(admin.IncrementalAlterConfig(sarama.TopicResource, s.topic, entries, false))
	check.Until("the new value", func() bool {
		described, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: s.topic})
		check.Must(err)
		for _, entry := range described {
			if entry.Name == "retention.ms" {
				return entry.Value == value
			}
		}
		return false
	})
}

func (s suite) topicIsDeleted(context.Context) {
	admin := s.admin()
	defer admin.Close()
	check.Must(admin.DeleteRecords(s.topic, map[int32]int64{1: 20}))
	check.Must(admin.CreatePartitions(s.topic, 5, nil, false))
	check.Until("five partitions", func() bool {
		topics, err := admin.DescribeTopics([]string{s.topic})
		check.Must(err)
		return len(topics[0].Partitions) == 5
	})
	check.Must(admin.DeleteTopic(s.topic))
	check.Until("the topic gone", func() bool {
		topics, err := admin.ListTopics()
		check.Must(err)
		_, found := topics[s.topic]
		return !found
	})
}
