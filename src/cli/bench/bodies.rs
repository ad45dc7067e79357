//! Generates request bodies like those of rudder-server: events of 1 to 3 KB, metadata with about 25 fields, and a
//! destination with a certificate. The bodies are identical on every run. This module is shared by `bench`, the
//! benchmarks, and the example that writes bodies to files.

use serde_json::{Value, json};

/// The payload format of a generated request, and the transformation rules that its events trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Every event carries its own copy of the same destination.
    Plain,
    /// The destination is sent once, next to the events.
    Compacted,
    /// Compacted, with three templates in Config that take values from every event.
    Templates,
    /// Compacted, with events that all come from reverse ETL.
    ReverseEtl,
    /// A request to `/batch`, with transformed events for ten topics.
    Batch,
}

/// A pseudorandom number generator (xorshift) with a fixed seed, so that every run produces the same numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn id(&mut self) -> String {
        let mut part = |digits: usize| format!("{:0digits$x}", self.next(1 << (4 * digits)));
        format!("{}-{}-{}-{}-{}", part(8), part(4), part(4), part(4), part(12))
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        let index = self.next(from.len() as u64);
        from[usize::try_from(index).unwrap_or(0)]
    }
}

const EVENTS: [&str; 6] =
    ["Order Completed", "Product Viewed", "Product Added", "Cart Viewed", "Checkout Started", "Signed Up"];
const WORDS: [&str; 12] = [
    "blue",
    "Größe L",
    "running shoe",
    "waterproof",
    "new arrival",
    "édition limitée",
    "cotton",
    "24\" frame",
    "sale",
    "outdoor",
    "日本",
    "classic",
];

/// Generates a body with `events` events of about two kilobytes each.
pub fn body(shape: Shape, events: usize) -> String {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut input: Vec<Value> = (0..events).map(|index| event(&mut numbers, shape, index)).collect();
    let destination = destination(shape);
    match shape {
        Shape::Plain => {
            for event in &mut input {
                event["destination"] = destination.clone();
            }
            Value::from(input).to_string()
        }
        Shape::Batch => {
            for (index, event) in input.iter_mut().enumerate() {
                let payload = json!({ "message": event["message"].take(), "userId": "u", "topic": format!("t{}", index % 10) });
                event["message"] = payload;
                event["destination"] = destination.clone();
            }
            json!({ "destType": "kafka", "input": input }).to_string()
        }
        Shape::Compacted | Shape::Templates | Shape::ReverseEtl => json!({
            "input": input,
            "destinations": { DESTINATION: destination },
            "connections": { format!("{SOURCE}:{DESTINATION}"): { "sourceId": SOURCE, "destinationId": DESTINATION, "enabled": true, "config": {} } },
        })
        .to_string(),
    }
}

/// Generates a body with one event. The size of its message differs from `bytes` by at most about 100 bytes.
pub fn message_of(bytes: usize) -> String {
    let mut products = Vec::new();
    let mut numbers = Numbers(7);
    while products.len() * 103 < bytes {
        products.push(product(&mut numbers));
    }
    let message =
        json!({ "type": "track", "event": "Order Completed", "userId": "u", "properties": { "products": products } });
    json!({
        "input": [{ "message": message, "metadata": metadata(&mut numbers, 0, "Order Completed") }],
        "destinations": { DESTINATION: destination(Shape::Compacted) },
    })
    .to_string()
}

const SOURCE: &str = "2bXhdJ8yKoMsN1qVZcTgYwEr5Lp";
const DESTINATION: &str = "2bXhfK2zRtQmW7nHJdUvAxSy9Cq";

fn event(numbers: &mut Numbers, shape: Shape, index: usize) -> Value {
    let name = numbers.pick(&EVENTS);
    let mut message = json!({
        "messageId": numbers.id(),
        "anonymousId": numbers.id(),
        "userId": format!("user-{}", numbers.next(100_000)),
        "channel": "web",
        "type": "track",
        "event": name,
        "context": context(numbers),
        "properties": {
            "order_id": numbers.id(),
            "revenue": f64::from(u32::try_from(numbers.next(100_000)).unwrap_or(0)) / 100.0,
            "currency": numbers.pick(&["USD", "EUR", "JPY"]),
            "products": (0..=numbers.next(2)).map(|_| product(numbers)).collect::<Vec<_>>(),
        },
        "integrations": { "All": true },
        "originalTimestamp": "2026-08-14T09:31:07.412Z",
        "sentAt": "2026-08-14T09:31:07.913Z",
        "receivedAt": "2026-08-14T09:31:08.220Z",
        "timestamp": "2026-08-14T09:31:07.719Z",
        "request_ip": "203.0.113.7",
        "rudderId": numbers.id(),
    });
    if shape == Shape::ReverseEtl {
        message["channel"] = json!("sources");
        message["properties"]["timestamp"] = json!("2026-08-13T00:00:00Z");
    }
    if shape == Shape::Templates {
        message["properties"]["topic"] = json!(format!("team-{}", numbers.next(10)));
    }
    json!({ "message": message, "metadata": metadata(numbers, index, name) })
}

fn context(numbers: &mut Numbers) -> Value {
    json!({
        "app": { "name": "Shop", "namespace": "com.example.shop", "version": "3.14.0" },
        "ip": "203.0.113.7",
        "library": { "name": "RudderLabs JavaScript SDK", "version": "3.7.4" },
        "locale": "en-GB",
        "os": { "name": "", "version": "" },
        "page": {
            "path": "/products/shoes", "referrer": "https://www.example.com/search?q=running%20shoes", "search": "",
            "title": "Running shoes – Example", "url": "https://www.example.com/products/shoes?utm_source=newsletter",
        },
        "screen": { "density": 2, "width": 1512, "height": 982, "innerWidth": 1512, "innerHeight": 761 },
        "sessionId": 1_755_163_867_000_u64 + numbers.next(1_000_000),
        "timezone": "GMT+0100",
        "traits": { "email": format!("user{}@example.com", numbers.next(100_000)), "plan": "pro", "logins": numbers.next(500) },
        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    })
}

fn product(numbers: &mut Numbers) -> Value {
    json!({
        "product_id": numbers.next(1_000_000).to_string(),
        "name": format!("{} {}", numbers.pick(&WORDS), numbers.pick(&WORDS)),
        "price": f64::from(u32::try_from(numbers.next(20_000)).unwrap_or(0)) / 100.0,
        "quantity": 1 + numbers.next(5),
        "category": numbers.pick(&WORDS),
    })
}

fn metadata(numbers: &mut Numbers, index: usize, event: &str) -> Value {
    json!({
        "sourceId": SOURCE, "sourceName": "web shop", "originalSourceId": "", "workspaceId": "2aQpLmNoRsTuVwXyZ0123456789",
        "namespace": "shop-prod", "instanceId": "1", "sourceType": "Javascript", "sourceCategory": "web",
        "trackingPlanID": "", "trackingPlanVersion": 0,
        "destinationId": DESTINATION, "jobId": index + 1, "sourceJobId": "", "sourceJobRunId": "", "sourceTaskRunId": "",
        "recordId": null, "destinationType": "KAFKA", "messageId": numbers.id(), "messageIds": null,
        "rudderId": format!("<<>>{}<<>>user-{}", numbers.id(), numbers.next(100_000)),
        "receivedAt": "2026-08-14T09:31:08.220Z", "eventName": event, "eventType": "track",
        "sourceDefinitionId": "1TW3g5Fq3Mg1gBkN3tL2bXhdJ8y", "destinationDefinitionId": "1c81NzcId5roSqvQ1R57zhIsC01",
    })
}

fn destination(shape: Shape) -> Value {
    // Lines of base64, which are as long and as slow to scan as a real certificate.
    let certificate: String =
        (0..22).map(|_| "MIIEDzCCAvegAwIBAgIUByH8aYuRqjCyz5yZZ91fcJOsW+0wDQYJKoZIhvcNAQEL\n").collect();
    let mut config = json!({
        "topic": "events", "hostName": "kafka-1.example.com,kafka-2.example.com", "port": "9093", "sslEnabled": true,
        "caCertificate": format!("-----BEGIN CERTIFICATE-----\n{certificate}-----END CERTIFICATE-----\n"),
        "useSASL": true, "saslType": "sha512", "username": "rudder", "password": "not a real one",
        "convertToAvro": false, "avroSchemas": [{ "schemaId": "", "schema": "" }], "embedAvroSchemaID": false,
        "enableMultiTopic": true,
        "eventTypeToTopicMap": [{ "from": "identify", "to": "users" }, { "from": "page", "to": "pages" }],
        "eventToTopicMap": [
            { "from": "Order Completed", "to": "orders" }, { "from": "Product Viewed", "to": "views" },
            { "from": "Checkout Started", "to": "checkouts" },
        ],
        "useSSH": false,
    });
    if shape == Shape::Templates {
        config["topic"] = json!("{{ event.properties.topic || events }}");
        config["enableMultiTopic"] = json!(false);
        config["hostName"] = json!("{{ event.context.host || kafka.example.com }}");
        config["username"] = json!("{{ metadata.sourceName || rudder }}");
    }
    json!({
        "ID": DESTINATION, "Name": "events to Kafka", "Enabled": true, "WorkspaceID": "2aQpLmNoRsTuVwXyZ0123456789",
        "DestinationDefinition": {
            "ID": "1c81NzcId5roSqvQ1R57zhIsC01", "Name": "KAFKA", "DisplayName": "Apache Kafka",
            "Config": { "transformAt": "processor", "transformAtV1": "processor", "saveDestinationResponse": true,
                "secretKeys": ["password", "privateKey"], "supportedSourceTypes": ["web", "cloud", "android", "ios"] },
        },
        "Config": config, "Transformations": [], "IsProcessorEnabled": true, "RevisionID": "2bXhgT4vWuYzA6bCdEfGhIjKlMn",
        "DeliveryByTenant": false, "hasDynamicConfig": shape == Shape::Templates,
    })
}
