import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Produces the records on stdin, or consumes all records of the given topics. Each record is a line with topic, partition, and key
 * and value in Base64, separated by tabs.
 */
class Records {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("produce")) {
            produce(arguments[1]);
        } else {
            consume(arguments[1], List.of(arguments).subList(2, arguments.length));
        }
    }

    private static void produce(String servers) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", servers, "acks", "all");
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            var input = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                String[] parts = line.split("\t", -1);
                Base64.Decoder decoder = Base64.getDecoder();
                sent.add(producer.send(new ProducerRecord<>(parts[0], Integer.valueOf(parts[1]), decoder.decode(parts[2]), decoder.decode(parts[3]))));
            }
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
        }
    }

    private static void consume(String servers, List<String> topics) {
        try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", servers), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = topics.stream().flatMap(topic -> consumer.partitionsFor(topic).stream())
                .map(partition -> new TopicPartition(partition.topic(), partition.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long expected = consumer.endOffsets(partitions).values().stream().mapToLong(Long::longValue).sum();
            StringBuilder lines = new StringBuilder();
            for (long seen = 0; seen < expected; ) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    Base64.Encoder encoder = Base64.getEncoder();
                    lines.append(record.topic()).append('\t').append(record.partition()).append('\t')
                        .append(encoder.encodeToString(record.key())).append('\t').append(encoder.encodeToString(record.value())).append('\n');
                    seen++;
                }
            }
            System.out.print(lines);
        }
    }
}
