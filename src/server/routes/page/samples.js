// Sample inputs to start with.

import { tidy } from "./json.js";

const broker = { hostName: "kafka.example.com", port: "9092" };

const maps = {
  ...broker,
  topic: "events",
  enableMultiTopic: true,
  eventTypeToTopicMap: [
    { from: "identify", to: "people" },
    { from: "page", to: "views" },
  ],
  eventToTopicMap: [
    { from: "Order Completed", to: "orders" },
    { from: "Product Viewed", to: "" },
  ],
};

const order = {
  type: "track",
  event: "Order Completed",
  userId: "u-42",
  properties: { order_id: "o-1001", total: 99.9 },
};

function sample(name, event, destination, family = "kafka") {
  const text = (value) => tidy(JSON.stringify(value));
  // Without a rudderId in the metadata, responses contain the text "undefined", as in rudder-transformer.
  const whole = (message) => ({ message, metadata: { rudderId: "r-1" } });
  const events = Array.isArray(event) ? event : whole(event);
  return { name, event: text(events), destination: text(destination), family };
}

export const SAMPLES = [
  sample("Topic by event name", order, maps),
  sample("Topic by event type", { type: "identify", userId: "u-42", traits: { plan: "gold" } }, maps),
  sample("Topic set by the message", { ...order, integrations: { All: true, KAFKA: { topic: "urgent" } } }, maps),
  sample("Topic map entry without a topic", { ...order, event: "Product Viewed", userId: "", anonymousId: "a-7" }, maps),
  sample(
    "Template that removes a value from the event",
    { ...order, properties: { ...order.properties, region: "eu" } },
    { ...broker, topic: "{{ event.properties.region || world }}", note: "{{ event.context.campaign || none }}" },
  ),
  sample(
    "Reverse-ETL event that gets a timestamp",
    {
      type: "track",
      event: "Row Changed",
      channel: "sources",
      userId: "row-17",
      context: { sources: { job_id: "j-3" } },
      originalTimestamp: "2026-03-04T10:00:00.000Z",
      properties: { timestamp: "2026-03-04T09:58:31.000Z", price: 3 },
    },
    { ...broker, topic: "warehouse" },
  ),
  sample(
    "Topic name that Kafka does not allow",
    { ...order, properties: { ...order.properties, tenant: "Acme Inc / EU" } },
    { ...broker, topic: "{{ event.properties.tenant || events }}" },
  ),
  sample(
    "Several complete events, one of them rejected",
    [
      { message: order, metadata: { jobId: 1, rudderId: "r-1" } },
      { message: { type: "page", name: "Home", anonymousId: "a-7" }, metadata: { jobId: 2, rudderId: "r-2" } },
      { message: { type: "identify", userId: "u-43" }, metadata: null },
    ],
    { ID: "d-1", Config: maps },
  ),
  sample(
    "Azure Event Hubs, which ignores topic maps",
    { ...order, integrations: { AZURE_EVENT_HUB: { topic: "hub-2" } } },
    { topic: "hub-1", ...maps },
    "azure_event_hub",
  ),
];
