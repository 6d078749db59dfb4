// Command franz-go checks a broker with franz-go: the newest versions of the protocol, cooperative groups, transactions, and admin.
// It asserts what a user sees, never a version number.
package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"kring.io/compat/check"
)

const records = 500

var (
	topic = check.Name("topic")
	group = check.Name("group")
)

func main() {
	checks := []check.Check{
		{Title: "topics are created, listed and described", Body: topicsAreCreated},
		{Title: "records of each codec come back", Body: everyCodecReadsBack},
		{Title: "an idempotent producer keeps the order", Body: idempotentProducerKeepsOrder},
		{Title: "offsets are found by place and by time", Body: offsetsAreFound},
		{Title: "a cooperative group shares the partitions and remembers its place", Body: groupShares},
		{Title: "chained rebalances lose and repeat nothing", Body: chainedRebalances},
		{Title: "offsets are committed and fetched with metadata", Body: commitsKeepMetadata},
		{Title: "groups are listed, described and deleted", Body: groupsAreAdministered},
		{Title: "configuration is read and changed", Body: configurationChanges},
		{Title: "records are deleted and partitions added", Body: recordsAreDeleted},
		{Title: "what is unknown is refused", Body: unknownIsRefused},
		{Title: "a deleted topic is gone", Body: deletedTopicIsGone},
	}
	check.Run(append(checks, transactionChecks...))
}

func client(options ...kgo.Opt) *kgo.Client {
	options = append([]kgo.Opt{kgo.SeedBrokers(check.Bootstrap...), kgo.FetchMaxWait(200 * time.Millisecond), kgo.MetadataMinAge(50 * time.Millisecond)}, options...)
	c, err := kgo.NewClient(options...)
	check.Must(err)
	return c
}

func admin() (*kadm.Client, func()) {
	c := client()
	return kadm.NewClient(c), c.Close
}

func topicsAreCreated(ctx context.Context) {
	a, done := admin()
	defer done()
	created, err := a.CreateTopic(ctx, 3, 1, nil, topic)
	check.Must(err)
	_, err = a.CreateTopic(ctx, 3, 1, nil, topic)
	check.Expect(errors.Is(err, kerr.TopicAlreadyExists), "TOPIC_ALREADY_EXISTS, saw %v", err)
	check.Until("the topic in the list", func() bool {
		listed, err := a.ListTopics(ctx)
		check.Must(err)
		return len(listed[topic].Partitions) == 3 && listed[topic].ID == created.ID
	})
	metadata, err := a.BrokerMetadata(ctx)
	check.Must(err)
	check.Expect(metadata.Cluster != "", "a cluster id")
}

func everyCodecReadsBack(ctx context.Context) {
	codecs := []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	}
	for n, codec := range codecs {
		c := client(kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		var batch []*kgo.Record
		for i := range records {
			batch = append(batch, &kgo.Record{
				Topic: topic, Partition: 0, Key: fmt.Append(nil, i), Value: fmt.Appendf(nil, "%d-%d", n, i),
				Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}},
			})
		}
		check.Must(c.ProduceSync(ctx, batch...).FirstErr())
		c.Close()
	}
	c := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	for i, record := range read(ctx, c, len(codecs)*records) {
		check.Equal(string(record.Value), fmt.Sprintf("%d-%d", i/records, i%records))
		check.Equal(len(record.Headers), 2)
		check.Expect(record.Headers[1].Value == nil, "a null header")
	}
}

func idempotentProducerKeepsOrder(ctx context.Context) {
	c := client(kgo.ProducerLinger(0), kgo.MaxBufferedRecords(10), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer c.Close()
	for i := range records {
		c.Produce(ctx, &kgo.Record{Topic: topic, Partition: 1, Value: fmt.Append(nil, i)}, func(r *kgo.Record, err error) {
			check.Must(err)
			check.Equal(r.Offset, int64(i))
		})
	}
	check.Must(c.Flush(ctx))
}

func offsetsAreFound(ctx context.Context) {
	a, done := admin()
	defer done()
	ends, err := a.ListEndOffsets(ctx, topic)
	check.Must(err)
	end, _ := ends.Lookup(topic, 1)
	check.Equal(end.Offset, records)
	check.Expect(end.LeaderEpoch >= 0, "a leader epoch")
	starts, err := a.ListStartOffsets(ctx, topic)
	check.Must(err)
	start, _ := starts.Lookup(topic, 1)
	check.Equal(start.Offset, 0)
	byTime, err := a.ListOffsetsAfterMilli(ctx, 1, topic)
	check.Must(err)
	first, _ := byTime.Lookup(topic, 1)
	check.Equal(first.Offset, 0)
	latest, err := a.ListMaxTimestampOffsets(ctx, topic)
	check.Must(err)
	last, _ := latest.Lookup(topic, 1)
	check.Expect(last.Offset >= 0 && last.Timestamp > 0, "the latest record, saw %v", last)
}

func groupShares(ctx context.Context) {
	one := member(group)
	two := member(group)
	seen := map[string]int{}
	total := 5*records + records
	check.Until("every record", func() bool {
		count(ctx, one, seen)
		count(ctx, two, seen)
		return len(seen) == total
	})
	a, done := admin()
	defer done()
	check.Until("both members with partitions", func() bool {
		count(ctx, one, seen)
		count(ctx, two, seen)
		described, err := a.DescribeGroups(ctx, group)
		check.Must(err)
		return shares(described[group]) == "1 2"
	})
	check.Must(one.CommitUncommittedOffsets(ctx))
	check.Must(two.CommitUncommittedOffsets(ctx))
	one.Close()
	two.Close()
	late := member(group)
	defer late.Close()
	again := map[string]int{}
	check.Until("an assignment", func() bool {
		count(ctx, late, again)
		return len(late.CommittedOffsets()[topic]) > 0
	})
	check.Equal(len(again), 0)
}

// A new member comes or goes before the last rebalance is over; the group must come to rest with every
// partition owned once.
func chainedRebalances(ctx context.Context) {
	id := group + "-chained"
	var members []*kgo.Client
	for range 6 {
		members = append(members, member(id))
		time.Sleep(30 * time.Millisecond)
	}
	for _, gone := range members[:3] {
		gone.Close()
	}
	members = members[3:]
	a, done := admin()
	defer done()
	seen := map[string]int{}
	check.Until("three members with a partition each", func() bool {
		for _, m := range members {
			count(ctx, m, seen)
		}
		described, err := a.DescribeGroups(ctx, id)
		check.Must(err)
		return described[id].State == "Stable" && shares(described[id]) == "1 1 1"
	})
	for _, m := range members {
		m.Close()
	}
}

func commitsKeepMetadata(ctx context.Context) {
	a, done := admin()
	defer done()
	id := group + "-manual"
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 2, At: 9, LeaderEpoch: 0, Metadata: "héllo"})
	check.Must(a.CommitAllOffsets(ctx, id, offsets))
	fetched, err := a.FetchOffsets(ctx, id)
	check.Must(err)
	offset, _ := fetched.Lookup(topic, 2)
	check.Equal(offset.At, 9)
	check.Equal(offset.Metadata, "héllo")
	deleted, err := a.DeleteOffsets(ctx, id, kadm.TopicsSet{topic: {2: {}}})
	check.Must(err)
	check.Must(deleted.Error())
	fetched, err = a.FetchOffsets(ctx, id)
	check.Must(err)
	_, found := fetched.Lookup(topic, 2)
	check.Expect(!found, "no offset after its deletion")
}

func groupsAreAdministered(ctx context.Context) {
	a, done := admin()
	defer done()
	listed, err := a.ListGroups(ctx)
	check.Must(err)
	check.Equal(listed[group].State, "Empty")
	lags, err := a.Lag(ctx, group)
	check.Must(err)
	check.Must(lags.Error())
	check.Equal(lags[group].Lag.Total(), 0)
	deleted, err := a.DeleteGroups(ctx, group)
	check.Must(err)
	check.Must(deleted[group].Err)
	deleted, err = a.DeleteGroups(ctx, group)
	check.Must(err)
	check.Expect(errors.Is(deleted[group].Err, kerr.GroupIDNotFound), "GROUP_ID_NOT_FOUND, saw %v", deleted[group].Err)
}

func configurationChanges(ctx context.Context) {
	a, done := admin()
	defer done()
	value := "3600000"
	altered, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, topic)
	check.Must(err)
	check.Must(altered[0].Err)
	check.Until("the new value", func() bool {
		configs, err := a.DescribeTopicConfigs(ctx, topic)
		check.Must(err)
		for _, config := range configs[0].Configs {
			if config.Key == "retention.ms" {
				return config.MaybeValue() == value
			}
		}
		return false
	})
}

func recordsAreDeleted(ctx context.Context) {
	a, done := admin()
	defer done()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 100})
	deleted, err := a.DeleteRecords(ctx, offsets)
	check.Must(err)
	check.Must(deleted.Error())
	starts, err := a.ListStartOffsets(ctx, topic)
	check.Must(err)
	start, _ := starts.Lookup(topic, 1)
	check.Equal(start.Offset, 100)
	grown, err := a.CreatePartitions(ctx, 2, topic)
	check.Must(err)
	check.Must(grown.Error())
	check.Until("five partitions", func() bool {
		listed, err := a.ListTopics(ctx, topic)
		check.Must(err)
		return len(listed[topic].Partitions) == 5
	})
}

func unknownIsRefused(ctx context.Context) {
	c := client(kgo.UnknownTopicRetries(1))
	defer c.Close()
	err := c.ProduceSync(ctx, &kgo.Record{Topic: check.Name("unknown"), Value: []byte("x")}).FirstErr()
	check.Expect(errors.Is(err, kerr.UnknownTopicOrPartition), "UNKNOWN_TOPIC_OR_PARTITION, saw %v", err)
	large := client(kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer large.Close()
	err = large.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: make([]byte, 2<<20)}).FirstErr()
	check.Expect(errors.Is(err, kerr.MessageTooLarge), "MESSAGE_TOO_LARGE, saw %v", err)
}

func deletedTopicIsGone(ctx context.Context) {
	a, done := admin()
	defer done()
	deleted, err := a.DeleteTopics(ctx, topic)
	check.Must(err)
	check.Must(deleted.Error())
	check.Until("the topic gone", func() bool {
		listed, err := a.ListTopics(ctx)
		check.Must(err)
		return !listed.Has(topic)
	})
}

func member(id string) *kgo.Client {
	return client(
		kgo.ConsumerGroup(id),
		kgo.ConsumeTopics(topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.HeartbeatInterval(200*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(100*time.Millisecond),
	)
}

func shares(described kadm.DescribedGroup) string {
	var shares []int
	for _, m := range described.Members {
		assigned, ok := m.Assigned.AsConsumer()
		if !ok {
			return "unreadable"
		}
		for _, t := range assigned.Topics {
			shares = append(shares, len(t.Partitions))
		}
	}
	sort.Ints(shares)
	text := fmt.Sprint(shares)
	return text[1 : len(text)-1]
}

func count(ctx context.Context, c *kgo.Client, seen map[string]int) {
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	c.PollFetches(short).EachRecord(func(r *kgo.Record) {
		seen[fmt.Sprint(r.Partition, ":", r.Offset)]++
	})
}

func read(ctx context.Context, c *kgo.Client, n int) []*kgo.Record {
	var all []*kgo.Record
	for len(all) < n {
		fetches := c.PollFetches(ctx)
		check.Must(fetches.Err())
		all = append(all, fetches.Records()...)
	}
	return all
}
